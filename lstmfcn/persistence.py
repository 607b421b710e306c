"""How does a fitted classifier become one file, and come back without running anything in it?

A ``.lstmfcn`` file is a zip of exactly two members: ``classifier.json`` (class name, parameters,
fitted numbers) and ``weights.npz`` (plain arrays). Reading it needs no unpickling and no Keras
deserialisation: the class is looked up in a fixed list, the network is built by this package's own
code from checked numbers, and the arrays must fit it.
"""

import io
import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from lstmfcn import __version__, classifiers, validation
from lstmfcn.networks import count_weights
from lstmfcn.preprocessing import Normalizer

__all__ = ["load", "save"]

FORMAT = 1
MEMBERS = {"classifier.json", "weights.npz"}
LARGEST_JSON, LARGEST_WEIGHTS = 256 * 2**20, 2 * 2**30  # bytes
FITTED = (
    "history_",
    "n_channels_in_",
    "n_timepoints_in_",
    "n_features_in_",
    "unequal_length_in_",
    "n_epochs_",
    "batch_size_",
)


def save(classifier, path):
    """Write a fitted classifier to ``path``, first under a temporary name beside it.

    Parameters
    ----------
    classifier : fitted LSTMFCNClassifier, ALSTMFCNClassifier or FCNClassifier
        ``callbacks`` and a RandomState are not written; they come back as None.
    path : str or path-like

    Raises
    ------
    TypeError
        If the classifier is of another class, or holds labels that JSON cannot hold.
    """
    validation.check_is_fitted(classifier)
    name = type(classifier).__name__
    if getattr(classifiers, name, None) is not type(classifier):
        raise TypeError(
            f"only the classifiers of lstmfcn can be saved, not {name}; use pickle for subclasses."
        )
    parameters = classifier.get_params(deep=False)
    parameters["callbacks"] = None
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None
    content = {
        "format": FORMAT,
        "lstmfcn": __version__,
        "class": name,
        "parameters": {key: _pairs(value) for key, value in parameters.items()},
        "architecture": classifier._architecture,
        "classes": _classes_to_json(classifier.classes_),
        "normalizer": vars(classifier.normalizer_),
        "feature_names": getattr(classifier, "feature_names_in_", np.array([])).tolist() or None,
        **{key: getattr(classifier, key) for key in FITTED},
    }
    arrays = {f"{i:03d}": array for i, array in enumerate(classifier.model_.get_weights())}
    weights = io.BytesIO()
    np.savez(weights, **arrays)

    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr("classifier.json", json.dumps(content, default=_plain))
            archive.writestr("weights.npz", weights.getvalue())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes it private
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load(path):
    """Read a classifier written by ``classifier.save(path)``.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    fitted classifier
        Its probabilities equal those of the saved one.

    Raises
    ------
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
    content, weights = _read_members(Path(path))
    try:
        return _restore(content, weights)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} does not describe a classifier of lstmfcn: {error}") from error


def _read_members(path):
    """Return the decoded JSON and the list of arrays, after checking the container."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            if set(sizes) != MEMBERS or len(archive.infolist()) != len(MEMBERS):
                raise ValueError(
                    f"{path} is not a classifier file: it holds {sorted(sizes)[:5]}, expected "
                    f"{sorted(MEMBERS)}."
                )
            if sizes["classifier.json"] > LARGEST_JSON or sizes["weights.npz"] > LARGEST_WEIGHTS:
                raise ValueError(f"{path} is too large for a classifier file; it was not read.")
            text, packed = archive.read("classifier.json"), archive.read("weights.npz")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no file {path}; check the path.") from error
    except IsADirectoryError as error:
        raise ValueError(f"{path} is a folder, not a classifier file.") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"{path} is not a classifier file, or is damaged ({error}); pass a file written by "
            "classifier.save(path)."
        ) from error
    try:
        content = json.loads(text)
        with zipfile.ZipFile(io.BytesIO(packed)) as inner:
            if sum(info.file_size for info in inner.infolist()) > LARGEST_WEIGHTS:
                raise ValueError("its arrays are too large")
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            weights = [arrays[key] for key in sorted(arrays.files)]
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged, or holds something other than plain numbers ({error})."
        ) from error
    return content, weights


def _restore(content, weights):
    if content["format"] != FORMAT:
        raise ValueError(
            f"file format {content['format']!r} (written by lstmfcn {content['lstmfcn']!r}) is not "
            f"format {FORMAT}; update lstmfcn"
        )
    if content["class"] not in classifiers.__all__:
        raise ValueError(f"its class {content['class']!r} is none of {classifiers.__all__}")
    cls = getattr(classifiers, content["class"])
    parameters = {key: _unpaired(value) for key, value in content["parameters"].items()}
    classifier = cls(**parameters)
    classifier._check_parameters()

    classifier.classes_ = _classes_from_json(content["classes"])
    classifier.normalizer_ = Normalizer(**content["normalizer"])
    for name in FITTED:
        setattr(classifier, name, content[name])
    if content["feature_names"]:
        classifier.feature_names_in_ = np.array(content["feature_names"], dtype=object)

    architecture = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in content["architecture"].items()
    }
    _check_architecture(classifier, architecture)
    n_weights = count_weights(cls._network, **architecture)
    n_stored = sum(array.size for array in weights)
    if n_weights != n_stored:
        raise ValueError(f"the network has {n_weights} weights, but the file holds {n_stored}")
    model = classifier._build(architecture)
    expected = [tuple(variable.shape) for variable in model.weights]
    found = [array.shape for array in weights]
    if expected != found or any(array.dtype != np.float32 for array in weights):
        raise ValueError(
            f"weights of shapes {found[:3]}... do not fit a network of {expected[:3]}..."
        )
    model.set_weights(weights)
    classifier._adopt(model, architecture)
    return classifier


def _check_architecture(classifier, architecture):
    """Refuse an architecture that contradicts the fitted numbers beside it."""
    counts = {
        "n_timepoints": classifier.n_timepoints_in_,
        "n_channels": classifier.n_channels_in_,
        "n_classes": len(classifier.classes_),
    }
    validation.check_counts(**counts, seed=1 + architecture["seed"])
    for name, count in counts.items():
        if architecture[name] != count:
            raise ValueError(
                f"{name} is {architecture[name]!r} in one place and {count} in another"
            )
    masked = classifier.unequal_length_in_ == "pad"
    if classifier.unequal_length_in_ not in (None, "pad", "resample") or (
        architecture["masked"] is not masked
    ):
        raise ValueError(f"unequal_length_in_={classifier.unequal_length_in_!r} is not possible")
    normalizer = classifier.normalizer_
    if normalizer.kind not in (None, "series", "dataset") or (
        normalizer.kind == "dataset"
        and not len(normalizer.mean) == len(normalizer.scale) == classifier.n_channels_in_
    ):
        raise ValueError("its normalisation does not fit its channels")
    as_fitted = {
        name: value
        for name, value in architecture.items()
        if name not in counts and name not in ("masked", "seed")
    }
    # The network's parameters obey the same rules as the constructor's.
    type(classifier)(**as_fitted)._check_parameters()
    validation.check_kernel_sizes(
        architecture["kernel_sizes"], architecture["n_filters"], architecture["n_timepoints"]
    )


def _pairs(value):
    """Write dicts (class weights) as lists of pairs: JSON would turn their keys into text."""
    if isinstance(value, dict):
        return {"pairs": [[_plain(k), v] for k, v in value.items()]}
    return value


def _unpaired(value):
    if isinstance(value, dict):
        return dict(value["pairs"])
    return tuple(value) if isinstance(value, list) else value


def _classes_to_json(classes):
    values = classes.tolist()
    if not all(isinstance(value, (bool, int, float, str)) for value in values):
        raise TypeError(
            "class labels must be numbers, strings or booleans to be saved, not "
            f"{type(values[0]).__name__}; use pickle."
        )
    return {"dtype": classes.dtype.str, "values": values}


def _classes_from_json(content):
    dtype = np.dtype(content["dtype"])
    if dtype.kind not in "biufUO" or dtype.names is not None:
        raise ValueError(f"class labels of type {content['dtype']!r} are not possible")
    if not all(isinstance(value, (bool, int, float, str)) for value in content["values"]):
        raise ValueError("class labels must be numbers, strings or booleans")
    return np.array(content["values"], dtype=dtype)


def _plain(value):
    """Turn NumPy scalars into Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be written; use pickle instead of save.")


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
