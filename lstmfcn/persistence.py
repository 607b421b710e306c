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
import sys
import zipfile
from numbers import Real

import numpy as np

from lstmfcn import __version__, classifiers, validation
from lstmfcn.atomic import atomic_path
from lstmfcn.networks import count_weights, depends_on_length
from lstmfcn.outside import (
    BoundedZip,
    check_json_size,
    check_stored,
    damage,
    decode_json,
    open_file,
    shown,
)
from lstmfcn.preprocessing import Normalizer

__all__ = [
    "check_answers",
    "classes_from_json",
    "classes_to_json",
    "classifier_from_members",
    "classifier_from_parameters",
    "is_finite",
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
LARGEST_FLOAT = sys.float_info.max
LABEL_TYPE = re.compile(r"[<>|=]?([biuf][1248]|U\d{1,6}|O)")
LARGEST_JSON = 32 * 2**20  # bytes
LARGEST_SEED, LARGEST_COUNT = 2**32, 2**31
LONGEST_SERIES = 2**22  # timepoints: an hour at 1 kHz
LARGEST_LAYER = 2**30  # values of one series in the widest layer, 4 GiB: the longest at 256 filters
LARGEST_PROBE = 2**24  # of these, in each series that shows whether a network answers
SHORT = 64  # timepoints of a probe, where a network's weights fit any length
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
    _check_length(classifier._architecture)
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
    """Return JSON as bytes."""
    return json.dumps(content, default=_plain).encode()


def to_bytes(weights):
    """Return arrays, one after the other, as little-endian float32."""
    return b"".join(array.astype("<f4").tobytes() for array in weights)


def write_members(path, members):
    """Write a dict of name to bytes to an uncompressed zip, wholly or not at all."""
    try:
        _check_texts({name: len(content) for name, content in members.items()})
        check_json_size(*(text for name, text in members.items() if name.endswith(".json")))
    except ValueError as error:
        raise ValueError(
            f"load would not read this classifier's file: {error}; empty history_, or use pickle."
        ) from error
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
    OSError
        If there is no such file, or it cannot be read.
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
    members = _read_members(path)
    try:
        if FUSION in members:
            from lstmfcn.emotion.fusion.files import fusion_from_members

            return fusion_from_members(members)
        return classifier_from_members(members)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(
            f"{shown(path)} does not describe a classifier of lstmfcn: {damage(error)}"
        ) from error
    except MemoryError as error:
        raise MemoryError(f"the memory does not suffice to load {shown(path)}.") from error


def _read_members(path):
    """Return a sound container's members by name: decoded JSON, weights as one float32 array."""
    file = open_file(path, remedy="pass a file written by classifier.save(path)")
    try:
        with file, BoundedZip(file) as archive:
            # Uncompressed, so nothing can be larger in memory than it is as a file.
            check_stored(archive)
            names = archive.namelist()
            if names != MEMBERS and (names[:1] != [FUSION] or len(set(names)) < len(names)):
                raise ValueError(f"it holds {names[:5]}, not {MEMBERS}")
            texts = _check_texts({name: archive.getinfo(name).file_size for name in names})
            packed = {name: archive.read(name) for name in texts}
            check_json_size(*packed.values())
            packed |= {name: archive.read(name) for name in names if name not in packed}
            return {name: _decoded(name, packed.pop(name)) for name in names}
    except MemoryError as error:
        raise MemoryError(f"the memory does not suffice to load {shown(path)}.") from error
    except (
        ArithmeticError,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(
            f"{shown(path)} is not a classifier file, or is damaged ({damage(error)}); pass a file "
            "written by classifier.save(path)."
        ) from error


def _check_texts(sizes):
    """Return the members that are JSON, of a dict of name to bytes, unless they are too long."""
    texts = [name for name in sizes if name.endswith(".json")]
    if sum(sizes[name] for name in texts) > LARGEST_JSON:
        raise ValueError(f"its JSON takes more than {LARGEST_JSON:,} bytes")
    return texts


def _decoded(name, packed):
    if name.endswith(".json"):
        return decode_json(packed)
    if len(packed) % 4:
        raise ValueError(f"its {name} is cut off")
    return np.frombuffer(packed, "<f4").astype(np.float32, copy=False)


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
    _check_network(classifier, model, architecture)
    classifier._adopt(model, architecture)
    return classifier


def classifier_from_parameters(name, parameters):
    """Return an unfitted classifier from its class name and :func:`parameters_to_json`."""
    if name not in classifiers.__all__:
        raise ValueError(f"its class {name!r} is none of {classifiers.__all__}")
    cls = getattr(classifiers, name)
    _check_names(cls, parameters)
    classifier = cls(**{key: _unpaired(value) for key, value in parameters.items()})
    if classifier.callbacks is not None or classifier.checkpoint is not None:
        raise ValueError("it has callbacks or a checkpoint, which are never written")
    classifier._check_parameters()
    return classifier


def _check_names(cls, names):
    unknown = set(names) - set(cls().get_params(deep=False))
    if unknown:
        raise ValueError(f"{cls.__name__} has no parameter {min(unknown)!r}")


def split_weights(weights, shapes):
    """Cut one array of weights, as many as the shapes need, into arrays of these shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(weights, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _check_fitted(classifier):
    """Refuse fitted numbers that ``fit`` does not leave behind."""
    names = ("n_channels_in_", "n_timepoints_in_", "n_features_in_", "n_epochs_", "batch_size_")
    counts = {name: getattr(classifier, name) for name in names}
    validation.check_counts(**counts)
    for name, count in counts.items():
        if count >= LARGEST_COUNT:
            raise ValueError(f"{name}={count} is not possible")
    n_channels, n_timepoints = classifier.n_channels_in_, classifier.n_timepoints_in_
    if classifier.n_features_in_ != n_channels * n_timepoints:
        raise ValueError(f"series of {n_channels} x {n_timepoints} values are not possible")
    if classifier.unequal_length_in_ not in (None, "pad", "resample"):
        raise ValueError(f"unequal_length_in_={classifier.unequal_length_in_!r} is not possible")
    if classifier.precision_ not in ("bfloat16", "float32"):
        raise ValueError(f"precision_={classifier.precision_!r} is not possible")
    for name, values in classifier.history_.items():
        if type(values) is not list or not all(isinstance(value, Real) for value in values):
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
    _check_names(type(classifier), names)
    type(classifier)(**{name: architecture[name] for name in names})._check_parameters()
    if "n_cells" in names:
        validation.check_counts(n_cells=architecture["n_cells"])
    validation.check_kernel_sizes(
        architecture["kernel_sizes"], architecture["n_filters"], architecture["n_timepoints"]
    )
    _check_length(architecture)


def _check_length(architecture):
    """Refuse series that no machine could train on: one short series would be padded to them."""
    n_timepoints = architecture["n_timepoints"]
    if n_timepoints > LONGEST_SERIES or n_timepoints * _width(architecture) > LARGEST_LAYER:
        raise ValueError(
            f"series of {n_timepoints:,} timepoints in a network that is {_width(architecture):,} "
            "wide are too long for a file of lstmfcn; shorten the series"
        )


def _width(architecture):
    """Return the values per timepoint in a network's widest layer."""
    return max(architecture["n_channels"], *architecture["n_filters"])


def is_finite(number):
    """Whether a JSON value is a number that a float can hold."""
    return type(number) in (int, float) and -LARGEST_FLOAT <= number <= LARGEST_FLOAT


def _check_network(classifier, model, architecture):
    """Refuse weights that no training leaves behind: finite ones, but their answer is not."""
    for variable in model.weights:
        if variable.name == "moving_variance" and (variable.numpy() < 0).any():
            raise ValueError(f"its weights {variable.path} are variances below 0")
    if not depends_on_length(model) and architecture["n_timepoints"] > SHORT:
        weights = model.get_weights()
        model = classifier._build({**architecture, "n_timepoints": SHORT})
        model.set_weights(weights)
    elif architecture["n_timepoints"] * _width(architecture) > LARGEST_PROBE:
        return  # it would take gigabytes
    check_answers(model)


def check_answers(model):
    """Refuse a network that answers plausible series with NaN.

    Parameters
    ----------
    model : keras.Model
        Whose inputs are series (batch, n_timepoints, n_channels), masks and what is present.
    """
    generator = np.random.RandomState(0)
    # A series of zeros, and some of noise, as normalised series and as their largest outliers.
    scale = np.array([0, 1, 1, 1, 10, 10, 100, 100], np.float32)
    inputs = [np.ones((len(scale), *tensor.shape[1:]), np.float32) for tensor in model.inputs]
    for values in inputs:
        if values.ndim == 3:
            values *= scale[:, None, None] * generator.standard_normal(values.shape)
    inputs = inputs[0] if len(inputs) == 1 else inputs
    if not np.isfinite(model(inputs, training=False).numpy()).all():
        raise ValueError("its weights are not possible: the answer to a plausible series is NaN")


def _normalizer_from_json(content, n_channels):
    normalizer = Normalizer(content["kind"], tuple(content["mean"]), tuple(content["scale"]))
    n_expected = n_channels if normalizer.kind == "dataset" else 0
    numbers = (*normalizer.mean, *normalizer.scale)
    if (
        normalizer.kind not in (None, "series", "dataset")
        or not len(normalizer.mean) == len(normalizer.scale) == n_expected
        or not all(map(is_finite, numbers))
        or not all(scale > 0 for scale in normalizer.scale)
    ):
        raise ValueError("its normalisation does not fit its channels")
    mean, scale = (tuple(map(float, part)) for part in (normalizer.mean, normalizer.scale))
    return Normalizer(normalizer.kind, mean, scale)


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
