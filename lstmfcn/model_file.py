"""What is in the file of a saved model? JSON and plain arrays; this module knows no class.

A ``.lstmfcn`` file is an uncompressed zip. Its first member, ``classifier.json``,
``fusion.json`` or ``ensemble.json``, describes a classifier: class name, parameters, fitted
numbers. ``weights.f32`` holds the weights of its network, one layer after the other, as
little-endian float32. A fusion or an ensemble has the members of its classifiers in folders.
:mod:`lstmfcn.loading` reads such a file back; this needs no unpickling and no Keras
deserialisation.
"""

import json
import math
import re
import zipfile

import numpy as np

from lstmfcn import __version__
from lstmfcn.files import atomic_path
from lstmfcn.untrusted import (
    DAMAGED,
    BoundedZip,
    check_json_size,
    check_stored,
    damage,
    decode_json,
    open_file,
    shown,
)

FORMAT = 8
CLASSIFIER, FUSION, WEIGHTS = "classifier.json", "fusion.json", "weights.f32"
ENSEMBLE = "ensemble.json"
LABEL_TYPE = re.compile(r"[<>|=]?([biuf][1248]|U\d{1,6}|O)")
LARGEST_JSON = 32 * 2**20  # bytes
LONGEST_SERIES = 2**22  # timepoints: an hour at 1 kHz
LARGEST_LAYER = 2**30  # values of one series in the widest layer, 4 GiB: the longest at 256 filters
NEVER_WRITTEN = ("callbacks", "checkpoint")
FITTED = ("history_", "n_epochs_", "batch_size_", "precision_")


def write(path, members):
    """Write a dict of name to bytes as the file of a model, wholly or not at all."""
    try:
        texts = [content for name, content in members.items() if name.endswith(".json")]
        _check_texts(map(len, texts))
        check_json_size(*texts)
    except ValueError as error:
        raise ValueError(
            f"load would not read this classifier's file: {error}; empty history_, or use pickle."
        ) from error
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def read(path):
    """Return a sound file's members by name: decoded JSON, weights as one float32 array.

    Raises
    ------
    OSError, ValueError
        If there is no such file, if it is damaged, or if it holds anything else.
    """
    remedy = "pass a file written by classifier.save(path)"
    file = open_file(path, remedy=remedy)
    try:
        with file, BoundedZip(file) as archive:
            # Uncompressed, so nothing can be larger in memory than it is as a file.
            check_stored(archive)
            names = archive.namelist()
            has_several = names[:1] in ([FUSION], [ENSEMBLE]) and len(set(names)) == len(names)
            if names != [CLASSIFIER, WEIGHTS] and not has_several:
                raise ValueError(f"it holds {names[:5]}, not {[CLASSIFIER, WEIGHTS]}")
            texts = [name for name in names if name.endswith(".json")]
            _check_texts(archive.getinfo(name).file_size for name in texts)
            packed = {name: archive.read(name) for name in texts}
            check_json_size(*packed.values())
            packed |= {name: archive.read(name) for name in names if name not in packed}
            return {name: _decoded(name, packed.pop(name)) for name in names}
    except MemoryError as error:
        raise MemoryError(f"the memory does not suffice to load {shown(path)}.") from error
    except DAMAGED as error:
        raise ValueError(
            f"{shown(path)} is not a classifier file, or is damaged ({damage(error)}); {remedy}."
        ) from error


def _check_texts(sizes):
    """Refuse more JSON than any classifier has; ``sizes`` are in bytes."""
    if sum(sizes) > LARGEST_JSON:
        raise ValueError(f"its JSON takes more than {LARGEST_JSON:,} bytes")


def _decoded(name, packed):
    if name.endswith(".json"):
        return decode_json(packed)
    if len(packed) % 4:
        raise ValueError(f"its {name} is cut off")
    return np.frombuffer(packed, "<f4").astype(np.float32, copy=False)


def classifier_members(classifier):
    """Return what the file of a fitted classifier consists of, as a dict of name to bytes.

    Raises
    ------
    TypeError
        If the classifier is a subclass, or holds labels that JSON cannot hold.
    ValueError
        If its series are too long for a file.
    """
    name = type(classifier).__name__
    if type(classifier).__module__ != "lstmfcn.classifiers":
        raise TypeError(
            f"only the classifiers of lstmfcn can be saved, not {name}; use pickle for subclasses."
        )
    network = classifier.network_
    for part, _ in classifier._design.parts(network.architecture, classifier.reader_):
        check_size(part)
    names = getattr(classifier, "feature_names_in_", None)
    content = {
        "class": name,
        "parameters": parameters_to_json(classifier),
        "architecture": network.architecture,
        "classes": classes_to_json(classifier.classes_),
        "reader": classifier.reader_.to_json(),
        "feature_names": None if names is None else names.tolist(),
        "reading": getattr(classifier, "reading_", None),
        **{key: getattr(classifier, key) for key in FITTED},
    }
    return {CLASSIFIER: to_json(content), WEIGHTS: to_bytes(network.weights)}


def ensemble_members(ensemble):
    """Return what the file of a fitted ensemble consists of: as :func:`classifier_members`."""
    content = {
        "parameters": parameters_to_json(ensemble) | {"estimator": None},
        "estimator": estimator_to_json(ensemble.estimator),
        "classes": classes_to_json(ensemble.classes_),
        "n_members": len(ensemble.estimators_),
        "reading": getattr(ensemble, "reading_", None),
    }
    return {ENSEMBLE: to_json(content), **in_folders(ensemble.estimators_)}


def estimator_to_json(estimator):
    """Return an unfitted classifier's class and parameters as JSON values; None stays None."""
    if estimator is None:
        return None
    return {"class": type(estimator).__name__, "parameters": parameters_to_json(estimator)}


def in_folders(classifiers):
    """Return what the files of fitted classifiers consist of, in folders 0, 1, ..."""
    return {
        f"{place}/{name}": part
        for place, classifier in enumerate(classifiers)
        for name, part in classifier_members(classifier).items()
    }


def check_size(architecture):
    """Refuse series that no machine could train on: one short series would be padded to them."""
    n_views = len(architecture["views"])
    width = n_views * max(architecture["n_channels"], *architecture["n_filters"])
    n_timepoints = architecture["n_timepoints"]
    if n_timepoints > LONGEST_SERIES or n_timepoints * width > LARGEST_LAYER:
        raise ValueError(
            f"series of {n_timepoints:,} timepoints in a network that is {width:,} wide are too "
            "long for a file of lstmfcn; shorten the series"
        )


def to_json(content):
    """Return a dict as JSON in bytes, with the format of the file."""
    content = {"format": FORMAT, "lstmfcn": __version__, **content}
    return json.dumps(content, default=_plain).encode()


def check_format(content):
    """Refuse the file of another version."""
    if content["format"] != FORMAT:
        raise ValueError(
            f"file format {content['format']!r} (written by lstmfcn {content['lstmfcn']!r}) is not "
            f"format {FORMAT}; use the version of lstmfcn that wrote it"
        )


def to_bytes(weights):
    """Return arrays, one after the other, as little-endian float32."""
    return b"".join(array.astype("<f4").tobytes() for array in weights)


def split_weights(weights, shapes):
    """Cut one array of weights, as many as the shapes need, into arrays of these shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(weights, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def parameters_to_json(classifier):
    """Return a classifier's parameters as JSON values; what is never written becomes None."""
    parameters = classifier.get_params(deep=False)
    parameters |= dict.fromkeys(parameters.keys() & set(NEVER_WRITTEN))
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None
    return {key: _pairs(value) for key, value in parameters.items()}


def parameters_from_json(parameters):
    """Return parameters as a constructor takes them."""
    return {key: _unpaired(value) for key, value in parameters.items()}


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
    try:
        classes = np.array(values, dtype=dtype)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"its class labels are not all of type {dtype!r}") from error
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
