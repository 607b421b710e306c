"""What is one run? One classifier is trained and tested once on one split of a dataset.

This file neither stores results nor knows of other runs.
"""

import contextlib
import functools
import hashlib
import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as brief

import numpy as np

from lstmfcn.datasets import canonical_name
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.evaluation.records import check_json, to_file_name
from lstmfcn.evaluation.results import without_objects
from lstmfcn.meta.rows import join_rows, take_rows

PACKAGES = ("lstmfcn", "numpy", "scikit-learn", "tensorflow", "tensorflow-cpu", "keras", "sktime")


@dataclass(frozen=True)
class Model:
    """A classifier that a sweep can build: a class by its name, and parameters.

    Parameters
    ----------
    name : str
        The name in tables.
    target : str
        ``"module:Class"`` of any classifier in scikit-learn's style. Without a module it is a class
        of this package, such as ``"LSTMFCNClassifier"``.
    parameters : dict of str to JSON value, optional
        Arguments of the constructor.

    See Also
    --------
    Dataset : the same for data.
    sweep : trains and tests models on datasets.

    Examples
    --------
    >>> from lstmfcn.evaluation.experiment import Model
    >>> Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1}).build()
    KNeighborsClassifier(n_neighbors=1)
    """

    name: str
    target: str
    parameters: dict = field(default_factory=dict)

    def __post_init__(self):
        _check_described("model", self, "name", "target")

    def build(self, seed=0):
        """Return an unfitted classifier; its ``random_state``, if it has one, is ``seed``."""
        cls = _imported("model", self.name, self.target)
        try:
            estimator = cls(**self.parameters)
            if "random_state" not in self.parameters and "random_state" in estimator.get_params():
                estimator.set_params(random_state=seed)
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"model {self.name!r}: {error}") from None
        return estimator

    @property
    def is_ours(self):
        """Whether the classifier is a class of this package."""
        module, _, _ = self.target.rpartition(":")
        return not module or module.split(".")[0] == "lstmfcn"

    def describe(self):
        """Return target and parameters as JSON values."""
        return {"target": self.target, "parameters": self.parameters}


@dataclass(frozen=True)
class Dataset:
    """A dataset that a sweep can load: a function by its name, and parameters.

    Parameters
    ----------
    name : str
        The name in records and tables.
    loader : str
        ``"module:function"``. The function returns (X_train, y_train, X_test, y_test), as
        :func:`lstmfcn.datasets.load_ucr` does. Each run imports it in a process of its own.
    parameters : dict of str to JSON value, optional
        Arguments of the function.
    fixed_split : bool, default=False
        Whether a sweep refuses resamples other than 0. Set it if a resample could put one group,
        such as the clips of a speaker, into both training and test data.

    See Also
    --------
    Model : the same for classifiers.
    sweep : trains and tests models on datasets.

    Examples
    --------
    >>> from lstmfcn.evaluation import Dataset
    >>> dataset = Dataset("italy", "lstmfcn.datasets:load_ucr", {"name": "ItalyPowerDemand"})
    >>> X_train, y_train, X_test, y_test = dataset.load()
    >>> X_train.shape, X_test.shape
    ((67, 24), (1029, 24))
    """

    name: str
    loader: str
    parameters: dict = field(default_factory=dict)
    fixed_split: bool = False

    def __post_init__(self):
        try:
            to_file_name(self.name)
        except ValueError as error:
            raise ValueError(f"{error}.") from None
        _check_described("dataset", self, "loader")

    @classmethod
    def from_name(cls, name, *, archive=None, password=None, missing="interpolate"):
        """Return a UCR dataset; the arguments are those of :func:`lstmfcn.datasets.load_ucr`."""
        archive = None if archive is None else os.path.abspath(archive)
        settings = {"archive": archive, "password": password, "missing": missing}
        with contextlib.suppress(TypeError, ValueError):  # not of the UCR archive, or no text
            name = canonical_name(name)
        return cls(name, "lstmfcn.datasets:load_ucr", {"name": name, **settings})

    def describe(self):
        """Return loader and parameters as JSON values, without a password."""
        parameters = {key: self.parameters[key] for key in self.parameters if key != "password"}
        return {"loader": self.loader, "parameters": parameters}

    def load(self):
        """Return the split, a tuple (X_train, y_train, X_test, y_test)."""
        split = _imported("dataset", self.name, self.loader)(**self.parameters)
        if not isinstance(split, (tuple, list)) or len(split) != 4:
            raise ValueError(
                f"dataset {self.name!r}: {self.loader} returned {brief(split)}; return (X_train, "
                "y_train, X_test, y_test)."
            )
        return tuple(split)


def _check_described(kind, described, *texts):
    """Refuse a model or dataset with names that are not text, or parameters that are not JSON."""
    for name in texts:
        value = getattr(described, name)
        if not isinstance(value, str):
            raise ValueError(f"{name}={brief(value)} of a {kind} is not text; pass a string.")
    try:
        if not isinstance(described.parameters, dict):
            raise ValueError(f"it is a {type(described.parameters).__name__}")
        check_json(described.parameters)
    except ValueError as error:
        raise ValueError(
            f"parameters of {kind} {described.name!r} must be a dict of JSON values: {error}."
        ) from None


def _imported(kind, name, target):
    """Return the class or function "module:name"; a name without module is of this package."""
    module, _, attribute = target.rpartition(":")
    try:
        return getattr(importlib.import_module(module or "lstmfcn"), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{kind} {name!r}: there is no {target} ({error}).") from None


def experiment(model, split, *, seed=0, resample=0, keep=None):
    """Train and test a classifier once.

    Parameters
    ----------
    model : Model
    split : tuple (X_train, y_train, X_test, y_test)
        The dataset's own split; see :meth:`Dataset.load`.
    seed : int, default=0
    resample : int, default=0
        Number of the split to draw from the data; 0 is the dataset's own split.
    keep : path-like, optional
        Where to save the fitted classifier, if its class is one of this package.

    Returns
    -------
    record : dict of str to JSON value
        The metrics of :func:`lstmfcn.evaluation.classification_metrics`; ``fit_seconds``,
        ``predict_seconds``; ``epochs`` and ``n_parameters``, summed over an ensemble's members, or
        None if the classifier has none; ``peak_memory_bytes`` of the process during fit and
        prediction, None if the system does not report it; sizes of the data, and a hash of the
        dataset's own split; versions, hardware, time and commit.
    predictions : dict of str to ndarray
        See :meth:`lstmfcn.evaluation.Results.predictions`.

    Raises
    ------
    ValueError, FloatingPointError
        For example if the classifier's probabilities are not in [0, 1] or do not sum to 1: its
        scores would be wrong. A classifier without ``predict_proba`` is scored by its decisions.

    See Also
    --------
    sweep : does many runs and keeps their results.

    Examples
    --------
    >>> from lstmfcn.datasets import load_ucr
    >>> from lstmfcn.evaluation import Model, experiment
    >>> nearest = Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1})
    >>> record, predictions = experiment(nearest, load_ucr("GunPoint"))
    >>> round(record["accuracy"], 4)
    0.9133
    """
    estimator = model.build(seed)
    data = digest(split)
    X_train, y_train, X_test, y_test = split
    train, test = stratified_resample(y_train, y_test, resample)
    if resample:
        X_train, X_test = (take_rows(join_rows([X_train, X_test]), i) for i in (train, test))
        labels = np.concatenate([y_train, y_test])
        y_train, y_test = labels[train], labels[test]
    n_channels = 1 if np.ndim(X_train[0]) == 1 else len(X_train[0])
    n_timepoints = max(np.shape(series)[-1] for series in X_train)
    X_train, X_test = (_as_it_takes(estimator, X) for X in (X_train, X_test))
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    forget_peak_memory()
    started = time.perf_counter()
    estimator.fit(X_train, y_train)
    fitted = time.perf_counter()
    y_pred = np.asarray(estimator.predict(X_test))
    predicted = time.perf_counter()
    classes = np.asarray(getattr(estimator, "classes_", np.unique(y_train)))
    predictions = {"y_true": y_test, "y_pred": y_pred, "classes": classes, "test_index": test}
    probabilities = _probabilities(estimator, X_test)
    if probabilities is not None:
        predictions["probabilities"] = probabilities
    # The save method of other packages may do anything; only our own files are read again.
    if keep is not None and type(estimator).__module__.startswith("lstmfcn."):
        Path(keep).parent.mkdir(parents=True, exist_ok=True)
        estimator.save(keep)
    members = getattr(estimator, "estimators_", [estimator])
    networks = [getattr(member, "model_", None) for member in members]
    counts = [int(one.count_params()) for one in networks if hasattr(one, "count_params")]
    epochs = [int(one.n_epochs_) for one in members if hasattr(one, "n_epochs_")]
    record = {
        **classification_metrics(y_test, y_pred, probabilities, classes),
        "fit_seconds": fitted - started,
        "predict_seconds": predicted - fitted,
        "epochs": sum(epochs) if epochs else None,
        "n_parameters": sum(counts) if counts else None,
        "peak_memory_bytes": peak_memory(),
        "n_train": len(y_train),
        "n_test": len(y_test),
        "n_channels": n_channels,
        "n_timepoints": n_timepoints,
        "n_classes": len(np.union1d(np.unique(y_train), np.unique(y_test))),
        "data": data,
        "began": began,
        "versions": versions(),
        "hardware": hardware(),
        "commit": commit(),
        **model.describe(),
    }
    return record, predictions


def stratified_resample(y_train, y_test, index):
    """Draw another split of a dataset, with the class sizes of the dataset's own split.

    Parameters
    ----------
    y_train, y_test : array-like of shape (n_train,) and (n_test,)
        The labels of the archive's split.
    index : int
        0 is the archive's split. Any other index gives a random split that depends on the index
        alone.

    Returns
    -------
    train, test : int ndarrays of shape (n_train,) and (n_test,)
        Indices into the series of the training split followed by the series of the test split.

    See Also
    --------
    experiment : trains and tests on such a split.

    Examples
    --------
    >>> from lstmfcn.evaluation import stratified_resample
    >>> train, test = stratified_resample(["a", "b", "b"], ["a", "b"], index=1)
    >>> len(train), sorted([*train, *test]) == [0, 1, 2, 3, 4]
    (3, True)
    """
    y_train, y_test = np.asarray(y_train), np.asarray(y_test)
    if index < 0 or index != int(index):
        raise ValueError(f"resample={index!r} is not a whole number of at least 0.")
    if index == 0:
        return np.arange(len(y_train)), len(y_train) + np.arange(len(y_test))
    labels = np.concatenate([y_train, y_test])
    generator = np.random.RandomState(index)
    train, test = [], []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        n_train = int((y_train == label).sum())
        train.append(members[:n_train])
        test.append(members[n_train:])
    # Classes in blocks would be an order that some classifiers learn from.
    return tuple(generator.permutation(np.concatenate(part)) for part in (train, test))


def digest(split):
    """Return a short text that other series or labels would not have."""
    found = hashlib.blake2b(digest_size=8)
    X_train, y_train, X_test, y_test = split
    for part in (X_train, np.asarray(y_train), X_test, np.asarray(y_test)):
        for values in [part] if isinstance(part, np.ndarray) else part:
            values = without_objects(values)
            if values.dtype.kind == "f":
                values = values.astype(np.float32)  # a last digit may be the machine's
            found.update(f"{values.dtype.str} {values.shape} ".encode())
            found.update(np.ascontiguousarray(values))
    return found.hexdigest()


def _as_it_takes(estimator, X):
    """Return series as the classifier takes them; sktime's take unequal lengths as data frames."""
    of_sktime = any(cls.__module__.startswith("sktime.") for cls in type(estimator).__mro__)
    if isinstance(X, np.ndarray) or not of_sktime:
        return X
    import pandas

    return [pandas.DataFrame(np.transpose(series)) for series in X]


def _probabilities(estimator, X):
    """Return float64 probabilities, or None if the classifier has no ``predict_proba``."""
    try:
        probabilities = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    except (AttributeError, NotImplementedError):
        return None
    if not np.isfinite(probabilities).all():
        raise FloatingPointError("some of its probabilities are not numbers.")
    return probabilities


def versions():
    """Return the versions of Python and of the relevant packages that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


@functools.cache
def hardware():
    """Return processor, cores and memory in bytes of this machine (None where unknown)."""
    processor = platform.processor() or platform.machine()
    memory = None
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        names = [line.partition(":")[2] for line in text.splitlines() if "model name" in line]
        processor = names[0].strip() if names else processor
    with contextlib.suppress(ValueError, OSError, AttributeError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"processor": processor, "cores": os.cpu_count(), "memory_bytes": memory}


@functools.cache
def commit():
    """Return the commit of the package's source, with "+" if it was changed; None outside git."""
    file = Path(__file__).resolve()

    def git(*arguments):
        options = {"text": True, "stderr": subprocess.DEVNULL, "timeout": 10}
        return subprocess.check_output(["git", *arguments], cwd=file.parent, **options).strip()

    try:
        if not git("ls-files", "--", file.name):
            return None  # the package is installed inside some other repository
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def forget_peak_memory():
    """Start to measure the peak memory of this process anew, if the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory():
    """Return the largest resident memory in bytes since :func:`forget_peak_memory`, or None."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
