"""Does an exported graph answer raw series as the classifier does, and without this package?"""

import copy
import itertools
import json
import pickle
import subprocess
import sys
import warnings

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
from conftest import PLAIN, SMALL, fitted_once, make_series, make_unequal, refusal

import lstmfcn
from lstmfcn import (
    ALSTMFCNClassifier,
    FCNClassifier,
    LSTMFCNClassifier,
    LSTMFCNEnsemble,
    LSTMFCNRegressor,
    OnnxClassifier,
    OnnxRegressor,
    raw_graph,
)
from lstmfcn.cli import main
from lstmfcn.datasets import load_ucr
from lstmfcn.onnx_model import load_onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="needs lstmfcn[onnx]")
onnx = pytest.importorskip("onnx", reason="needs lstmfcn[onnx]")
pytest.importorskip("tf2onnx", reason="needs lstmfcn[onnx]")
TINY = {**PLAIN, "n_filters": (4, 4, 4), "n_epochs": 1}
ENDINGS = [".onnx", ".tflite", ""]
with_each_ending = pytest.mark.parametrize("ending", ENDINGS)


def answers(path, series):
    """Run an exported file by its own engine; return a dict of outputs."""
    series = np.asarray(series, np.float32)
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path)
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, {"series": series}), strict=True))
    if path.suffix == ".tflite":
        interpreter = pytest.importorskip("ai_edge_litert.interpreter")
        runner = interpreter.Interpreter(str(path))
        (place,) = (one["index"] for one in runner.get_input_details())
        runner.resize_tensor_input(place, series.shape)
        runner.allocate_tensors()
        runner.set_tensor(place, series)
        runner.invoke()
        names = json.loads(path.with_name(path.name + ".json").read_text())["outputs"]
        return {
            name: runner.get_tensor(output["index"])
            for name, output in zip(sorted(names), _in_order(runner), strict=True)
        }
    found = tf.saved_model.load(path).signatures["serving_default"](series=tf.constant(series))
    return {name: values.numpy() for name, values in found.items()}


def _in_order(runner):
    return sorted(runner.get_output_details(), key=lambda output: output["name"])


def padded(X):
    """Return a list of series as an array, NaN behind their ends."""
    rows = np.full((len(X), X[0].shape[0], max(x.shape[1] for x in X)), np.nan, np.float32)
    for row, x in zip(rows, X, strict=True):
        row[:, : x.shape[1]] = x
    return rows


@pytest.fixture(scope="module")
def gunpoint():
    X, y, X_test, _ = load_ucr("GunPoint")
    X, X_test = (x.reshape(len(x), 1, -1) for x in (X, X_test))
    return 100 * X + 7000, y, 100 * X_test + 7000  # raw values, far from normalised ones


# float32 holds these raw values to 5e-6 of their deviation only. Where series are flat, kernels
# that compete for changes then answer a little differently in a file.
RAW = 1e-4


@pytest.fixture(scope="module")
def attentive(gunpoint):
    X, y, _ = gunpoint
    return ALSTMFCNClassifier(n_epochs=20, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def quick():
    """A network that is exported fast, for tests of the file."""
    parameters = {**SMALL, **PLAIN, "occlusion": 0.0}
    return fitted_once(ALSTMFCNClassifier, *make_series(), **parameters)


@with_each_ending
def test_real_series_and_their_attention(attentive, gunpoint, ending, tmp_path):
    *_, X = gunpoint
    path = tmp_path / f"model{ending}"
    attentive.export(path, attention=True)
    found = answers(path, X)
    expected = attentive.predict_proba(X)
    assert set(expected.argmax(axis=1)) == {0, 1}
    np.testing.assert_allclose(found["probabilities"], expected, atol=RAW)
    np.testing.assert_allclose(found["attention"], attentive.attention_map(X), atol=1e-5)
    np.testing.assert_allclose(answers(path, X[:1])["probabilities"], expected[:1], atol=RAW)


CASES = {
    "several channels, shuffle": (LSTMFCNClassifier, {}),
    "no shuffle": (
        LSTMFCNClassifier,
        {"rocket": False, "dimension_shuffle": False, "squeeze_excite": True},
    ),
    "by series": (FCNClassifier, {**PLAIN, "normalization": "series"}),
    "published": (FCNClassifier, {**PLAIN, "n_steps": None, "dilation_rates": None}),
    "hard sigmoid": (LSTMFCNClassifier, {**PLAIN, "recurrent_activation": "hard_sigmoid"}),
}


@with_each_ending
@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_network(case, ending, tmp_path):
    classifier, parameters = CASES[case]
    X, y = make_series(n_channels=2, n_classes=3)
    clf = fitted_once(classifier, X, y, **{**SMALL, **parameters})
    path = tmp_path / f"model{ending}"
    clf.export(path)
    np.testing.assert_allclose(answers(path, X)["probabilities"], clf.predict_proba(X), atol=1e-5)


@with_each_ending
@pytest.mark.parametrize("normalization", ["dataset", "series"])
@pytest.mark.parametrize("unequal_length", ["pad", "resample"])
def test_series_of_unequal_length(unequal_length, normalization, ending, tmp_path):
    X, y = make_unequal(n_classes=3)
    options = {"unequal_length": unequal_length, "normalization": normalization}
    options |= {**PLAIN, "occlusion": 0.0} if normalization == "series" else {}
    clf = fitted_once(ALSTMFCNClassifier, X, y, **{**SMALL, **options})
    path = tmp_path / f"model{ending}"
    clf.export(path, attention=True)
    found = answers(path, padded(X))
    np.testing.assert_allclose(found["probabilities"], clf.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(found["attention"], clf.attention_map(X), atol=1e-5)


@with_each_ending
def test_an_ensemble(ending, tmp_path):
    X, y = make_series(n_classes=3)
    parameters = {"n_estimators": 2, "random_state": 0}
    estimator = ALSTMFCNClassifier(**SMALL, **PLAIN)
    clf = fitted_once(LSTMFCNEnsemble, X, y, estimator=estimator, **parameters)
    path = tmp_path / f"model{ending}"
    clf.export(path, attention=True)
    found = answers(path, X[:, np.newaxis] if X.ndim == 2 else X)
    np.testing.assert_allclose(found["probabilities"], clf.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(found["attention"], clf.attention_map(X), atol=1e-5)


@with_each_ending
@pytest.mark.parametrize("make", [make_series, make_unequal])
def test_a_regressor_answers_in_the_unit_of_fit(make, ending, tmp_path):
    X, _ = make(n_classes=3)
    y = 60.0 + 10 * np.array([np.mean(x) for x in X])
    reg = fitted_once(LSTMFCNRegressor, X, y, **SMALL, **(PLAIN if make is make_unequal else {}))
    path = tmp_path / f"model{ending}"
    reg.export(path)
    rows = padded(X) if isinstance(X, list) else X.reshape(len(X), -1, X.shape[-1])
    (found,) = answers(path, rows).values()
    np.testing.assert_allclose(found, reg.predict(X), rtol=1e-5)
    if ending == ".onnx":
        served = OnnxRegressor(path)
        np.testing.assert_allclose(served.predict(X), reg.predict(X), rtol=1e-5)
        assert not hasattr(served, "classes_") and type(load_onnx(path)) is OnnxRegressor
        with pytest.raises(ValueError, match=r"is a file for lstmfcn\.OnnxRegressor, which"):
            OnnxClassifier(path)


ALONE = """
import sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
found = session.run(["probabilities"], {"series": numpy.load(sys.argv[2])})[0]
assert not {"tensorflow", "keras", "lstmfcn"} & set(sys.modules)
numpy.save(sys.argv[3], found)
"""


def test_onnxruntime_alone_answers(quick, tmp_path):
    X, _ = make_series()
    quick.export(tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    paths = [str(tmp_path / name) for name in ("model.onnx", "x.npy", "p.npy")]
    subprocess.run([sys.executable, "-c", ALONE, *paths], check=True, cwd=tmp_path)
    found = np.load(tmp_path / "p.npy")
    np.testing.assert_allclose(found, quick.predict_proba(X), atol=1e-5)


def test_the_file_says_what_it_is(quick, tmp_path):
    quick.export(tmp_path / "model.onnx", attention=True)
    quick.export(tmp_path / "model", format="saved_model")
    beside = json.loads((tmp_path / "model.json").read_text())
    meta = onnxruntime.InferenceSession(tmp_path / "model.onnx").get_modelmeta()
    inside = {name: json.loads(text) for name, text in meta.custom_metadata_map.items()}
    assert inside.pop("outputs") == ["probabilities", "attention"]
    assert beside.pop("outputs") == ["probabilities"]
    assert inside == beside
    assert beside["classes"]["values"] == quick.classes_.tolist()
    assert (beside["n_channels"], beside["n_timepoints"]) == (1, 24)
    assert beside["lstmfcn"] == lstmfcn.__version__
    other = quick.with_random_weights(0)
    other.export(tmp_path / "other", format="litert")
    assert json.loads((tmp_path / "other.json").read_text())["sha256"] != beside["sha256"]


def test_onnx_classifier_takes_what_the_classifier_takes(attentive, gunpoint, tmp_path):
    *_, X = gunpoint
    attentive.export(tmp_path / "model.onnx", attention=True)
    served = OnnxClassifier(tmp_path / "model.onnx")
    np.testing.assert_array_equal(served.predict(X[:, 0]), attentive.predict(X))
    np.testing.assert_allclose(served.predict_proba(X), attentive.predict_proba(X), atol=RAW)
    np.testing.assert_allclose(served.attention_map(X), attentive.attention_map(X), atol=1e-5)
    with pytest.raises(ValueError, match="X has 149 features, but OnnxClassifier is expecting 150"):
        served.predict(X[:, :, 1:])
    with pytest.raises(ValueError, match="NaN"):
        served.predict(np.full((2, 150), np.nan))
    for model, size in itertools.product((served, attentive), (1e20, 1e39)):
        with pytest.raises(ValueError, match="too large for float32 arithmetic; rescale X"):
            model.predict(np.where(np.arange(150) == 3, size, X[:2, 0]))
    lists, y = make_unequal()
    padding = fitted_once(FCNClassifier, lists, y, **SMALL)
    padding.export(tmp_path / "lists.onnx")
    served = OnnxClassifier(tmp_path / "lists.onnx")
    longest = [np.tile(lists[0], 3), lists[1]]  # the end is cut, as by the classifier
    for X in (lists, lists[:1], longest):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            expected = padding.predict_proba(X)
            np.testing.assert_allclose(served.predict_proba(X), expected, atol=1e-5)
        sentences = [str(one.message) for one in caught]
        assert sentences == (2 * [CUT] if X is longest else [])
    with pytest.raises(AttributeError, match="this file has no attention"):
        served.attention_map(lists)


CUT = (
    "1 of 2 series are longer than the 24 timepoints seen in fit; their ends were cut. Use "
    "unequal_length='resample' to keep them whole."
)


def test_onnx_classifier_can_be_pickled(quick, tmp_path):
    quick.export(tmp_path / "model.onnx")
    served, X = OnnxClassifier(tmp_path / "model.onnx"), make_series()[0]
    for again in (pickle.loads(pickle.dumps(served)), copy.deepcopy(served)):
        np.testing.assert_array_equal(again.predict_proba(X), served.predict_proba(X))


def test_onnx_classifier_knows_the_names_of_columns(tmp_path):
    X, y = make_series()
    frame = pandas.DataFrame(X[:, 0], columns=[f"t{i}" for i in range(24)])
    fit = {**TINY, "random_state": 0}
    clf = FCNClassifier(**fit).fit(frame, y)
    ensemble = LSTMFCNEnsemble(FCNClassifier(**fit), 1).fit(frame, y)
    for model in (clf, ensemble):
        model.export(tmp_path / "model.onnx")
        served = OnnxClassifier(tmp_path / "model.onnx")
        np.testing.assert_array_equal(served.feature_names_in_, frame.columns)
        expected = model.predict_proba(frame)
        np.testing.assert_allclose(served.predict_proba(frame), expected, atol=1e-5)
        for wrong in (frame[frame.columns[::-1]], frame.rename(columns={"t0": "other"})):
            assert refusal(lambda m=served, x=wrong: m.predict(x)) == refusal(
                lambda m=clf, x=wrong: m.predict(x)
            )


@pytest.mark.parametrize("names", [None, "spam", [1, 2]])
def test_names_of_columns_may_be_missing_and_may_be_damaged(names, quick, tmp_path):
    path, X = tmp_path / "model.onnx", make_series()[0]
    quick.export(path)
    graph = onnx.load(path)
    texts = {one.key: one.value for one in graph.metadata_props}
    assert texts.pop("feature_names") == "null"
    if names is not None:
        texts["feature_names"] = json.dumps(names)
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, texts)
    path.write_bytes(graph.SerializeToString())
    if names is None:
        served = OnnxClassifier(path)
        frame = pandas.DataFrame(X[:, 0], columns=[f"t{i}" for i in range(24)])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(served.predict(frame), served.predict(X))
        return
    with pytest.raises(ValueError, match="its feature names are not a list of strings"):
        OnnxClassifier(path)


@pytest.mark.parametrize(
    ("offset", "factor"), [(1.7e9, 10.0), (1e40, 1e39), (0.0, 1e37), (0.0, 1e-40)]
)
def test_targets_beyond_the_digits_of_float32_are_not_exported(offset, factor, tmp_path):
    X, _ = make_series()
    reg = LSTMFCNRegressor(2, **TINY, random_state=0).fit(X, offset + factor * X[:, 0, 0])
    assert refusal(lambda: reg.export(tmp_path / "model.onnx")) == (
        f"an exported file answers in float32, which cannot hold numbers of mean "
        f"{reg.target_mean_:.3g} and scale {reg.target_scale_:.3g} to a thousandth of their scale; "
        "subtract an offset from y, or rescale y, before fit."
    )
    assert not list(tmp_path.iterdir())


def test_an_offset_that_float32_can_hold_is_exported(tmp_path):
    X, _ = make_series()
    reg = LSTMFCNRegressor(2, **TINY, random_state=0).fit(X, 1e5 + 10 * X[:, 0, 0])
    reg.export(tmp_path / "model.onnx")
    error = OnnxRegressor(tmp_path / "model.onnx").predict(X) - reg.predict(X)
    assert abs(error).max() < 1e-3 * reg.target_scale_


def test_attention_that_cannot_be_exported_is_refused_in_any_member(tmp_path):
    kinds = [{"attention": "features"}, {"attention": "paper", "dimension_shuffle": False}]
    ensemble = LSTMFCNEnsemble(ALSTMFCNClassifier(2, **TINY), 2, variants=kinds, random_state=0)
    ensemble.fit(*make_series())
    assert refusal(lambda: ensemble.export(tmp_path / "model.onnx")) == (
        "attention='paper' over several steps can only be exported as a SavedModel."
    )


def test_the_shell_exports_and_predicts_without_tensorflow(attentive, tmp_path, capsys):
    attentive.save(tmp_path / "model.lstmfcn")
    model, out = str(tmp_path / "model.lstmfcn"), str(tmp_path / "model.onnx")
    assert main(["export", model, "--out", out, "--attention"]) == 0
    assert "ALSTMFCNClassifier for series of 1 x 150 values, 2 classes" in capsys.readouterr().out
    code = (
        "import sys; from lstmfcn.cli import main; assert main(sys.argv[1:]) == 0; "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    table = str(tmp_path / "p.csv")
    call = [sys.executable, "-c", code, "predict", out, "GunPoint", "--out", table]
    subprocess.run(call, check=True, cwd=tmp_path)
    assert main(["predict", model, "GunPoint", "--out", f"{table}2"]) == 0
    found, expected = (
        np.genfromtxt(path, delimiter=",", skip_header=1) for path in (table, f"{table}2")
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_file_that_is_there_survives_a_failure(quick, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    monkeypatch.setattr("lstmfcn.export._about", lambda *_: {"lstmfcn": "1"} | {"x": object()})
    with pytest.raises(TypeError):
        quick.export(path)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_a_saved_model_replaces_one_and_nothing_else(quick, tmp_path):
    quick.export(tmp_path / "model")
    quick.export(tmp_path / "model")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "model.json"]
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="mine is there and is no SavedModel"):
        quick.export(tmp_path / "mine")


REFUSALS = [
    (ALSTMFCNClassifier, {}, {"path": "model.h5"}, "has none of the endings .onnx, .tflite"),
    (ALSTMFCNClassifier, {}, {"format": "torch"}, "format='torch' is unknown; choose one of"),
    (LSTMFCNClassifier, {}, {"attention": True}, "needs an ALSTM-FCN with attention='features'"),
    (
        ALSTMFCNClassifier,
        {"attention": "paper", "dimension_shuffle": False},
        {},
        "attention='paper' over several steps can only be exported as a SavedModel",
    ),
    (
        ALSTMFCNClassifier,
        {"squeeze_excite": True},
        {"attention": True},
        "a map through squeeze-and-excite cannot be exported",
    ),
]


@pytest.mark.parametrize(("classifier", "parameters", "arguments", "sentence"), REFUSALS)
def test_refusals(classifier, parameters, arguments, sentence, tmp_path):
    X, y = make_series(n_channels=2, n_classes=3)
    clf = fitted_once(classifier, X, y, **{**SMALL, **parameters})
    path = tmp_path / arguments.pop("path", "model.onnx")
    with pytest.raises(ValueError, match=sentence):
        clf.export(path, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x09" * 50])
def test_foreign_files_are_refused(content, tmp_path):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ValueError, match="is not an exported classifier, or is damaged"):
        OnnxClassifier(tmp_path / "model.onnx")


def test_without_the_converter_there_is_a_sentence(quick, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"needs tf2onnx; .* pip install lstmfcn\[onnx\]"):
        quick.export(tmp_path / "model.onnx")


def test_a_keras_file_of_the_network_loads_in_a_fresh_process(attentive, tmp_path):
    attentive.model_.save(tmp_path / "model.keras")
    code = (
        "import sys, keras, lstmfcn.networks.builders; "
        "print(keras.models.load_model(sys.argv[1]).count_params())"
    )
    call = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    found = subprocess.check_output(call, text=True)
    assert int(found) == attentive.model_.count_params()
    assert isinstance(attentive.model_, keras.Model)


def test_no_operation_of_a_gpu_is_traced(monkeypatch):
    X, y = make_series(n_timepoints=30)
    clf = LSTMFCNClassifier(**SMALL, dimension_shuffle=False).fit(X, y)
    (layer,) = (one for one in clf.model_.layers if hasattr(one, "use_cudnn"))
    member, seen = raw_graph._Member(clf.network_, clf.reader_, attention=False), []
    call = member.model.call
    monkeypatch.setattr(
        member.model, "call", lambda *a, **k: seen.append(layer.use_cudnn) or call(*a, **k)
    )
    member(tf.constant(X, tf.float32))
    assert seen == [False] and layer.use_cudnn == "auto"
