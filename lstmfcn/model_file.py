"""What does the file of a saved model hold? JSON and plain arrays; this module imports no class.

A ``.lstmfcn`` file is an uncompressed zip. Its first member, ``classifier.json``,
``regressor.json``, ``meta.json`` or another such name, describes an estimator: class name,
parameters, fitted numbers. ``weights.f32`` holds the weights of its network, layer by layer, as
little-endian float32. A fusion or an ensemble has one folder with such members per classifier.
:mod:`lstmfcn.loading` reads the file. Reading needs neither pickle nor Keras' deserialisation.
"""

import json
import math
import re
import zipfile
from collections.abc import Mapping

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

FORMAT = 9
CLASSIFIER, REGRESSOR, WEIGHTS = "classifier.json", "regressor.json", "weights.f32"
FUSION, ENSEMBLE, META = "fusion.json", "ensemble.json", "meta.json"
ATTENTION, LINEAR, EMOTION = "attention.json", "linear.json", "emotion.json"
ALONE = ([CLASSIFIER, WEIGHTS], [REGRESSOR, WEIGHTS], [ATTENTION, WEIGHTS], [LINEAR])
SEVERAL = (FUSION, ENSEMBLE, META, EMOTION)  # with the members of others in folders
DEEPEST = 6  # folders within each other
LABEL_TYPE = re.compile(r"[<>|=]?([biuf][1248]|U\d{1,6}|O)")
LARGEST_JSON = 32 * 2**20  # bytes
LONGEST_SERIES = 2**22  # timepoints: an hour at 1 kHz
LARGEST_LAYER = 2**30  # values of one series in the widest layer, 4 GiB: the longest at 256 filters
SAVED = ("lstmfcn.classifiers", "lstmfcn.regressor")  # modules whose classes have files
NEVER_WRITTEN = ("callbacks", "checkpoint")
FITTED = ("history_", "n_epochs_", "batch_size_", "precision_")


def write(path, members):
    """Write a dict of name to bytes as the file of a model, completely or not at all."""
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
    """Return a file's members by name: decoded JSON, and the weights as one float32 array.

    Raises
    ------
    OSError, ValueError
        If there is no such file, if it is damaged, or if it is not the file of a model.
    """
    remedy = "pass a file written by classifier.save(path)"
    file = open_file(path, remedy=remedy)
    try:
        with file, BoundedZip(file) as archive:
            # Uncompressed, so nothing can be larger in memory than it is as a file.
            check_stored(archive)
            names = archive.namelist()
            has_several = names[:1] in ([one] for one in SEVERAL) and len(set(names)) == len(names)
            if names not in ALONE and not has_several:
                raise ValueError(f"it holds {names[:5]}, not {[CLASSIFIER, WEIGHTS]}")
            if any(name.count("/") > DEEPEST for name in names):
                raise ValueError("its folders lie within each other too deeply")
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
    """Refuse more JSON than a classifier can have; ``sizes`` are in bytes."""
    if sum(sizes) > LARGEST_JSON:
        raise ValueError(f"its JSON takes more than {LARGEST_JSON:,} bytes")


def _decoded(name, packed):
    if name.endswith(".json"):
        return decode_json(packed)
    if len(packed) % 4:
        raise ValueError(f"its {name} is cut off")
    return np.frombuffer(packed, "<f4").astype(np.float32, copy=False)


def classifier_members(classifier):
    """Return the members of a fitted classifier's or regressor's file, as dict of name to bytes.

    Raises
    ------
    TypeError
        If the classifier is a subclass, or holds labels that JSON cannot hold.
    ValueError
        If its series are too long for a file.
    """
    name = type(classifier).__name__
    if type(classifier).__module__ not in SAVED:
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
        **classifier._task.to_json(classifier),
        "reader": classifier.reader_.to_json(),
        "feature_names": None if names is None else names.tolist(),
        "reading": getattr(classifier, "reading_", None),
        **{key: getattr(classifier, key) for key in FITTED},
    }
    return {classifier._task.member: to_json(content), WEIGHTS: to_bytes(network.weights)}


def ensemble_members(ensemble):
    """Return the members of a fitted ensemble's file; see :func:`classifier_members`."""
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


def members_of(estimator):
    """Return what the file of any fitted estimator consists of: name to bytes.

    Raises
    ------
    TypeError
        If it has no file.
    """
    if hasattr(estimator, "_members"):
        return estimator._members()
    if type(estimator).__module__ == "lstmfcn.ensemble":
        return ensemble_members(estimator)
    return classifier_members(estimator)


def in_folders(estimators):
    """Return what the files of fitted estimators consist of, in folders 0, 1, ..."""
    return {
        f"{place}/{name}": part
        for place, estimator in enumerate(estimators)
        for name, part in members_of(estimator).items()
    }


def from_folders(members, first):
    """Return the members of each estimator in folders 0, 1, ..., behind the member ``first``."""
    parts = {}
    for name in list(members)[1:]:
        folder, _, rest = name.partition("/")
        parts.setdefault(folder, {})[rest] = members[name]
    if next(iter(members)) != first or list(parts) != [str(place) for place in range(len(parts))]:
        raise ValueError(f"it holds {list(members)[:5]} ..., not {first} and folders")
    return list(parts.values())


def check_size(architecture):
    """Refuse series that are too long for any machine, as every short series is padded to them."""
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
    """Return arrays, concatenated, as bytes of little-endian float32."""
    return b"".join(array.astype("<f4").tobytes() for array in weights)


def split_weights(weights, shapes):
    """Split one array of weights into arrays of these shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(weights, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def parameters_to_json(classifier):
    """Return a classifier's parameters as JSON values; callbacks and checkpoint become None."""
    parameters = classifier.get_params(deep=False)
    parameters |= dict.fromkeys(parameters.keys() & set(NEVER_WRITTEN))
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None
    return {key: _pairs(value) for key, value in parameters.items()}


def parameters_from_json(parameters):
    """Return decoded parameters in the form that a constructor takes."""
    return {key: _unpaired(value) for key, value in parameters.items()}


def _pairs(value):
    """Write dicts (class weights) as lists of pairs: JSON would turn their keys into text."""
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(k), _pairs(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_pairs(entry) for entry in value]
    return value if value is None or isinstance(value, str) or np.ndim(value) == 0 else list(value)


def _unpaired(value):
    if isinstance(value, dict):
        return {key: _unpaired(entry) for key, entry in value.get("pairs", value.items())}
    return tuple(map(_unpaired, value)) if isinstance(value, list) else value


def classes_to_json(classes):
    """Return sorted class labels as JSON values; refuse labels that JSON cannot restore."""
    values = [_plain(value) for value in classes.tolist()]
    if not LABEL_TYPE.fullmatch(classes.dtype.str):
        raise TypeError(
            f"class labels of type {classes.dtype} cannot be written; use strings, or pickle."
        )
    return {"dtype": classes.dtype.str, "values": values}


def classes_from_json(content):
    """Return the class labels from :func:`classes_to_json`; refuse JSON that it does not write."""
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
    """Turn NumPy scalars into Python's; refuse values that JSON cannot restore."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"a {type(value).__name__} cannot be written: class labels and parameters must be numbers, "
        "strings or booleans; use pickle."
    )
