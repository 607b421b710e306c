"""How does a fitted model run without this package? As an exported graph for raw series."""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

import lstmfcn
from lstmfcn import model_file
from lstmfcn.files import atomic_path
from lstmfcn.untrusted import as_path, shown

ENDINGS = {".onnx": "onnx", ".tflite": "litert", "": "saved_model"}
OPSET = 17  # of ONNX; onnxruntime has it since 1.12
FLOAT32 = np.finfo(np.float32)


def export(classifier, path, format=None, *, attention=False):
    """Write a fitted classifier or regressor; see :meth:`lstmfcn.LSTMFCNClassifier.export`."""
    path = as_path(path)
    format = _format_of(path, format)
    members = getattr(classifier, "estimators_", [classifier])
    _check_members(members, attention, format)
    about = _about(classifier, attention)
    from lstmfcn.raw_graph import answers

    networks, readers = zip(*((m.network_, m.reader_) for m in members), strict=True)
    unit = None if hasattr(classifier, "classes_") else _unit(classifier)
    answer = answers(networks, readers, attention, unit=unit, plain=format == "litert")
    if format == "onnx":
        _write_onnx(answer, path, about)
    elif format == "litert":
        _write_litert(answer, path)
    else:
        weights = [variable.value for network in networks for variable in network.model.weights]
        _write_saved_model(answer, weights, path)
    if format != "onnx":
        with atomic_path(path.with_name(path.name + ".json")) as temporary:
            temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _format_of(path, format):
    formats = tuple(ENDINGS.values())
    if format is None:
        if path.suffix not in ENDINGS:
            raise ValueError(
                f"{shown(path)} has none of the endings .onnx, .tflite, or none for a SavedModel; "
                f"pass format, one of {', '.join(map(repr, formats))}."
            )
        return ENDINGS[path.suffix]
    if format not in formats:
        options = ", ".join(map(repr, formats))
        raise ValueError(f"format={format!r} is unknown; choose one of {options}.")
    return format


def _check_members(members, attention, format):
    architectures = [member.network_.architecture for member in members]
    if format != "saved_model" and any(map(_attends_over_steps, members)):
        raise ValueError(
            "attention='paper' over several steps can only be exported as a SavedModel."
        )
    if not attention:
        return
    if any(architecture.get("attention") != "features" for architecture in architectures):
        raise ValueError(
            "attention=True needs an ALSTM-FCN with attention='features'; leave attention=True out."
        )
    if any(architecture["squeeze_excite"] for architecture in architectures):
        raise ValueError(
            "a map through squeeze-and-excite cannot be exported; leave attention=True out, or "
            "fit with squeeze_excite=False."
        )


def _attends_over_steps(member):
    """Whether the LSTM with the paper's attention reads more than one step."""
    names = [layer.name for layer in member.model_.layers]
    is_one_step = "dimension_shuffle" in names and member.n_channels_in_ == 1
    return "attention_lstm" in names and not is_one_step


def _unit(regressor):
    """Return mean and scale of the targets; refuse those whose answers float32 cannot hold."""
    mean, scale = regressor.target_mean_, regressor.target_scale_
    rounding = max(float(FLOAT32.eps) / 2 * abs(mean), float(FLOAT32.tiny))
    if rounding > scale / 1000 or abs(mean) + 1000 * scale > float(FLOAT32.max):
        raise ValueError(
            f"an exported file answers in float32, which cannot hold numbers of mean {mean:.3g} "
            f"and scale {scale:.3g} to a thousandth of their scale; subtract an offset from y, or "
            "rescale y, before fit."
        )
    return mean, scale


def _about(classifier, attention):
    """Return the metadata that a user of the file needs, as JSON values."""
    is_ensemble = hasattr(classifier, "estimators_")
    members = model_file.ensemble_members if is_ensemble else model_file.classifier_members
    digest = hashlib.sha256()
    for name, content in members(classifier).items():
        digest.update(name.encode() + content)
    lengths = classifier.unequal_length_in_
    classes = getattr(classifier, "classes_", None)
    names = getattr(classifier, "feature_names_in_", None)
    answer = "number" if classes is None else "probabilities"
    return {
        "lstmfcn": lstmfcn.__version__,
        "class": type(classifier).__name__,
        "classes": None if classes is None else model_file.classes_to_json(classes),
        "n_channels": classifier.n_channels_in_,
        "n_timepoints": classifier.n_timepoints_in_,
        "unequal_length": lengths,
        "largest": min(
            one.normalizer_.largest() for one in getattr(classifier, "estimators_", [classifier])
        ),
        "reading": getattr(classifier, "reading_", None),
        "feature_names": None if names is None else names.tolist(),
        "input": "series, float32 (n, n_channels, n_timepoints), raw"
        + (", NaN after the end of a shorter series" if lengths else ""),
        "outputs": [answer, *(["attention"] if attention else [])],
        "sha256": digest.hexdigest(),
    }


def _write_onnx(answer, path, about):
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise ImportError(
            f"export to ONNX needs {error.name}; install it with pip install lstmfcn[onnx]."
        ) from error
    with _silent("tf2onnx"):
        graph, _ = tf2onnx.convert.from_function(
            answer, input_signature=answer.input_signature, opset=OPSET
        )
    graph.producer_name, graph.producer_version = "lstmfcn", about["lstmfcn"]
    texts = {key: json.dumps(value) for key, value in about.items()}
    onnx.helper.set_model_props(graph, texts)
    with atomic_path(path) as temporary:
        temporary.write_bytes(graph.SerializeToString())


def _write_litert(answer, path):
    from lstmfcn.networks.backend import tf

    module = tf.Module()
    module.answer = answer
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [answer.get_concrete_function()], module
    )
    with _silent("tensorflow"):
        packed = converter.convert()
    with atomic_path(path) as temporary:
        temporary.write_bytes(packed)


def _write_saved_model(answer, weights, path):
    from lstmfcn.networks.backend import tf

    if path.exists() and not (path / "saved_model.pb").is_file():
        raise ValueError(f"{shown(path)} is there and is no SavedModel; name another folder.")
    module = tf.Module()
    module.answer, module.weights = answer, weights
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:32]}-", dir=path.parent) as folder:
        new, old = Path(folder, "new"), Path(folder, "old")
        with _silent("tensorflow"):
            tf.saved_model.save(module, str(new), signatures={"serving_default": answer})
        if path.exists():
            os.replace(path, old)
        os.replace(new, path)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _silent(name):
    """Suppress the log messages of a converter."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
