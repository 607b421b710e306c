"""How does a fitted classifier become one file, and come back without running anything in it?

A ``.lstmfcn`` file is an uncompressed zip of exactly two members: ``classifier.json`` (class name,
parameters, fitted numbers) and ``weights.f32`` (the weights, one layer after the other, as
little-endian float32). Reading it needs no unpickling and no Keras deserialisation: the class is
looked up in a fixed list, and the network is built by this package's own code from checked
numbers, after these have been found to need exactly the weights that are there.

Several classifiers that decide together (:mod:`lstmfcn.emotion.fusion.files`) are one such zip,
too: ``fusion.json`` first, then the two members of each classifier under a name of its own.
"""

import json
import math
import re
import zipfile
from numbers import Real
from pathlib import Path

import numpy as np

from lstmfcn import __version__, classifiers, validation
from lstmfcn.atomic import atomic_path, check_writable
from lstmfcn.networks import count_weights
from lstmfcn.preprocessing import Normalizer

__all__ = [
    "classes_from_json",
    "classes_to_json",
    "classifier_from_members",
    "classifier_from_parameters",
    "load",
    "members_of",
    "parameters_to_json",
    "save",
    "split_weights",
    "to_bytes",
    "to_json",
    "write_members",
]

FORMAT = 4
MEMBERS = ["classifier.json", "weights.f32"]
FUSION = "fusion.json"  # the first member of a file of several
LABEL_TYPE = re.compile(r"[<>|=]?([biuf][1248]|U\d{1,6}|O)")
LARGEST_JSON = 32 * 2**20  # bytes
LARGEST_SEED, LONGEST_SERIES = 2**32, 2**26
FITTED = (
    "history_",
    "n_channels_in_",
    "n_timepoints_in_",
    "n_features_in_",
    "unequal_length_in_",
    "n_epochs_",
    "batch_size_",
    "precision_",
)


def save(classifier, path):
    """Write a fitted classifier to ``path``, first under a temporary name beside it.

    Parameters
    ----------
    classifier : fitted LSTMFCNClassifier, ALSTMFCNClassifier or FCNClassifier
        ``callbacks``, ``checkpoint`` and a RandomState are not written; they come back as None.
    path : str or path-like

    Raises
    ------
    TypeError
        If the classifier is of another class, or holds labels that JSON cannot hold.
    OSError
        If the file cannot be written; an old file of that name stays as it was.
    """
    write_members(path, members_of(classifier))


def members_of(classifier):
    """Return what a fitted classifier's file consists of.

    Parameters
    ----------
    classifier : fitted LSTMFCNClassifier, ALSTMFCNClassifier or FCNClassifier

    Returns
    -------
    dict of str to bytes
        ``classifier.json`` and ``weights.f32``.

    Raises
    ------
    TypeError, ValueError
        As :func:`save`.
    """
    validation.check_is_fitted(classifier)
    name = type(classifier).__name__
    if getattr(classifiers, name, None) is not type(classifier):
        raise TypeError(
            f"only the classifiers of lstmfcn can be saved, not {name}; use pickle for subclasses."
        )
    names = getattr(classifier, "feature_names_in_", None)
    content = {
        "format": FORMAT,
        "lstmfcn": __version__,
        "class": name,
        "parameters": parameters_to_json(classifier),
        "architecture": classifier._architecture,
        "classes": classes_to_json(classifier.classes_),
        "normalizer": vars(classifier.normalizer_),
        "feature_names": None if names is None else names.tolist(),
        **{key: getattr(classifier, key) for key in FITTED},
    }
    weights = classifier.model_.get_weights()
    return {"classifier.json": to_json(content), "weights.f32": to_bytes(weights)}


def parameters_to_json(classifier):
    """Return a classifier's parameters, but for those that are never written, as JSON values."""
    parameters = classifier.get_params(deep=False)
    parameters["callbacks"] = parameters["checkpoint"] = None
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None
    return {key: _pairs(value) for key, value in parameters.items()}


def to_json(content):
    """Return JSON as bytes, or refuse what :func:`load` would not read."""
    text = json.dumps(content, default=_plain).encode()
    if len(text) > LARGEST_JSON:
        raise ValueError(
            f"the classifier's parameters and history take {len(text):,} bytes, more than load "
            f"reads ({LARGEST_JSON:,}); empty history_, or use pickle."
        )
    return text


def to_bytes(weights):
    """Return arrays, one after the other, as little-endian float32."""
    return b"".join(array.astype("<f4").tobytes() for array in weights)


def write_members(path, members):
    """Write a dict of name to bytes to an uncompressed zip, wholly or not at all."""
    check_writable(path)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def load(path):
    """Read a classifier, or a FusionClassifier, written by its ``save(path)``.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    fitted classifier
        Its probabilities equal those of the saved one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not such a file, is damaged, or holds anything else. Nothing in it is
        executed or unpickled.

    Examples
    --------
    >>> import tempfile, os
    >>> import lstmfcn
    >>> from lstmfcn.datasets import load_ucr
    >>> X, y, *_ = load_ucr("ItalyPowerDemand")
    >>> clf = lstmfcn.FCNClassifier(n_epochs=1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.save(os.path.join(folder, "model.lstmfcn"))
    ...     again = lstmfcn.load(os.path.join(folder, "model.lstmfcn"))
    >>> bool((again.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    members = _read_members(Path(path))
    try:
        if FUSION in members:
            from lstmfcn.emotion.fusion.files import fusion_from_members

            return fusion_from_members(members)
        return classifier_from_members(members)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} does not describe a classifier of lstmfcn: {reason}") from error


def _read_members(path):
    """Return a sound container's members by name: decoded JSON, weights as one float32 array."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check the path.")
    if not path.is_file():
        raise ValueError(f"{path} is not a file; pass one written by classifier.save(path).")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if names != MEMBERS and (names[:1] != [FUSION] or len(set(names)) < len(names)):
                raise ValueError(f"it holds {names[:5]}, not {MEMBERS}")
            # Uncompressed, so nothing can be larger in memory than it is as a file.
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("its members are compressed")
            n_bytes = sum(member.file_size for member in members)
            n_text = max(m.file_size for m in members if m.filename.endswith(".json"))
            if n_bytes > path.stat().st_size or n_text > LARGEST_JSON:
                raise ValueError("its members claim to be larger than they can be")
            return {name: _decoded(name, archive.read(name)) for name in names}
    except (
        ArithmeticError,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(
            f"{path} is not a classifier file, or is damaged ({error}); pass a file written by "
            "classifier.save(path)."
        ) from error


def _decoded(name, packed):
    if name.endswith(".json"):
        return json.loads(packed)
    return np.frombuffer(packed, "<f4").astype(np.float32)


def classifier_from_members(members):
    """Build a classifier from what its file holds, refusing what ``save`` does not write.

    Parameters
    ----------
    members : dict
        ``classifier.json``: the decoded JSON; ``weights.f32``: float32 array of all weights.

    Returns
    -------
    fitted classifier
    """
    content, weights = (members[name] for name in MEMBERS)
    if content["format"] != FORMAT:
        raise ValueError(
            f"file format {content['format']!r} (written by lstmfcn {content['lstmfcn']!r}) is not "
            f"format {FORMAT}; use the version of lstmfcn that wrote it"
        )
    classifier = classifier_from_parameters(content["class"], content["parameters"])
    classifier.classes_ = classes_from_json(content["classes"])
    for name in FITTED:
        setattr(classifier, name, content[name])
    _check_fitted(classifier)
    classifier.normalizer_ = _normalizer_from_json(content["normalizer"], classifier.n_channels_in_)
    if content["feature_names"] is not None:
        classifier.feature_names_in_ = _feature_names(content["feature_names"])

    architecture = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in content["architecture"].items()
    }
    _check_architecture(classifier, architecture)
    n_weights = count_weights(classifier._network, **architecture)
    if n_weights != weights.size:
        raise ValueError(f"its network has {n_weights} weights, but the file holds {weights.size}")
    if not np.isfinite(weights).all():
        raise ValueError("its weights contain NaN or infinity")
    model = classifier._build(architecture)
    model.set_weights(split_weights(weights, [tuple(variable.shape) for variable in model.weights]))
    classifier._adopt(model, architecture)
    return classifier


def classifier_from_parameters(name, parameters):
    """Return an unfitted classifier from its class name and :func:`parameters_to_json`."""
    if name not in classifiers.__all__:
        raise ValueError(f"its class {name!r} is none of {classifiers.__all__}")
    cls = getattr(classifiers, name)
    classifier = cls(**{key: _unpaired(value) for key, value in parameters.items()})
    if classifier.callbacks is not None or classifier.checkpoint is not None:
        raise ValueError("it has callbacks or a checkpoint, which are never written")
    classifier._check_parameters()
    return classifier


def split_weights(weights, shapes):
    """Cut one array of weights, as many as the shapes need, into arrays of these shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(weights, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _check_fitted(classifier):
    """Refuse fitted numbers that ``fit`` does not leave behind."""
    names = ("n_channels_in_", "n_timepoints_in_", "n_features_in_", "n_epochs_", "batch_size_")
    validation.check_counts(**{name: getattr(classifier, name) for name in names})
    n_channels, n_timepoints = classifier.n_channels_in_, classifier.n_timepoints_in_
    if classifier.n_features_in_ != n_channels * n_timepoints or n_timepoints > LONGEST_SERIES:
        raise ValueError(f"series of {n_channels} x {n_timepoints} values are not possible")
    if classifier.unequal_length_in_ not in (None, "pad", "resample"):
        raise ValueError(f"unequal_length_in_={classifier.unequal_length_in_!r} is not possible")
    if classifier.precision_ not in ("bfloat16", "float32"):
        raise ValueError(f"precision_={classifier.precision_!r} is not possible")
    for name, values in classifier.history_.items():
        if not all(isinstance(value, Real) for value in values):
            raise ValueError(f"history_[{name!r}] is not a list of numbers")


def _check_architecture(classifier, architecture):
    """Refuse an architecture that contradicts the fitted numbers beside it."""
    expected = {
        "n_timepoints": classifier.n_timepoints_in_,
        "n_channels": classifier.n_channels_in_,
        "n_classes": len(classifier.classes_),
        "masked": classifier.unequal_length_in_ == "pad",
    }
    for name, value in expected.items():
        if type(architecture[name]) is not type(value) or architecture[name] != value:
            found = architecture[name]
            raise ValueError(f"{name} is {found!r} in one place and {value} in another")
    validation.check_counts(seed=1 + architecture["seed"])
    if architecture["seed"] >= LARGEST_SEED:
        raise ValueError(f"seed={architecture['seed']} is not possible")
    # The network's parameters obey the same rules as the constructor's.
    validation.check_choice(architecture["passes_gaps"], "passes_gaps", (True, False))
    names = architecture.keys() - expected.keys() - {"seed", "passes_gaps"}
    type(classifier)(**{name: architecture[name] for name in names})._check_parameters()
    if "n_cells" in names:
        validation.check_counts(n_cells=architecture["n_cells"])
    validation.check_kernel_sizes(
        architecture["kernel_sizes"], architecture["n_filters"], architecture["n_timepoints"]
    )


def _normalizer_from_json(content, n_channels):
    normalizer = Normalizer(content["kind"], tuple(content["mean"]), tuple(content["scale"]))
    n_expected = n_channels if normalizer.kind == "dataset" else 0
    numbers = (*normalizer.mean, *normalizer.scale)
    if (
        normalizer.kind not in (None, "series", "dataset")
        or not len(normalizer.mean) == len(normalizer.scale) == n_expected
        or not all(isinstance(number, Real) and math.isfinite(number) for number in numbers)
        or not all(scale > 0 for scale in normalizer.scale)
    ):
        raise ValueError("its normalisation does not fit its channels")
    return normalizer


def _feature_names(names):
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its feature names are not a list of strings")
    return np.array(names, dtype=object)


def _pairs(value):
    """Write dicts (class weights) as lists of pairs: JSON would turn their keys into text."""
    if isinstance(value, dict):
        return {"pairs": [[_plain(k), v] for k, v in value.items()]}
    return value if value is None or isinstance(value, str) or np.ndim(value) == 0 else list(value)


def _unpaired(value):
    if isinstance(value, dict):
        return dict(value["pairs"])
    return tuple(value) if isinstance(value, list) else value


def classes_to_json(classes):
    """Return sorted class labels as JSON values, or refuse those that would not come back."""
    values = [_plain(value) for value in classes.tolist()]
    if not LABEL_TYPE.fullmatch(classes.dtype.str):
        raise TypeError(
            f"class labels of type {classes.dtype} cannot be written; use strings, or pickle."
        )
    return {"dtype": classes.dtype.str, "values": values}


def classes_from_json(content):
    """Return the class labels that :func:`classes_to_json` took; refuse what it does not write."""
    dtype, values = content["dtype"], content["values"]
    if not LABEL_TYPE.fullmatch(dtype):
        raise ValueError(f"class labels of type {dtype!r} are not possible")
    if np.dtype(dtype).itemsize * len(values) > LARGEST_JSON:
        raise ValueError(f"{len(values)} class labels of type {dtype!r} are too many")
    if not all(isinstance(value, (bool, int, float, str)) for value in values):
        raise ValueError("class labels are numbers, strings or booleans")
    classes = np.array(values, dtype=dtype)
    if classes.tolist() != values or len(classes) < 2 or not (classes[:-1] < classes[1:]).all():
        raise ValueError("its class labels are not sorted, different from each other, or of a type")
    return classes


def _plain(value):
    """Turn NumPy scalars into Python's; refuse what JSON would not give back as it was."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"a {type(value).__name__} cannot be written: class labels and parameters must be numbers, "
        "strings or booleans; use pickle."
    )
