"""What is one run? One classifier, trained and tested once on one split; a pure function.

Nothing here knows where results are kept, or that there are other runs.
"""

import functools
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
import sklearn

from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.evaluation.records import check_json
from lstmfcn.evaluation.resampling import stratified_resample

__all__ = [
    "Model",
    "commit",
    "experiment",
    "forget_peak_memory",
    "hardware",
    "peak_memory",
    "versions",
]

PACKAGES = ("lstmfcn", "numpy", "scikit-learn", "tensorflow", "tensorflow-cpu", "keras", "sktime")


@dataclass(frozen=True)
class Model:
    """A classifier that a sweep can build: a class by its name, and parameters.

    Parameters
    ----------
    name : str
        What tables call it.
    target : str
        ``"module:Class"`` of any classifier in scikit-learn's style; without a module it is one
        of this package, ``"LSTMFCNClassifier"``.
    parameters : dict of str to JSON value, optional
        Of its constructor.

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
        for name in ("name", "target"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise ValueError(f"{name}={brief(value)} of a model is no text; pass one.")
        try:
            if not isinstance(self.parameters, dict):
                raise ValueError(f"it is a {type(self.parameters).__name__}")
            check_json(self.parameters)
        except ValueError as error:
            raise ValueError(
                f"parameters of model {self.name!r} must be a dict of JSON values: {error}."
            ) from None

    def build(self, seed=0):
        """Return an unfitted classifier; ``seed`` becomes its ``random_state`` if it has one.

        Raises
        ------
        ValueError
            If there is no such class, or it does not take the parameters.
        """
        module, _, name = self.target.rpartition(":")
        try:
            cls = getattr(importlib.import_module(module or "lstmfcn"), name)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"model {self.name!r}: there is no {self.target} ({error}).") from None
        try:
            estimator = cls(**self.parameters)
            if "random_state" not in self.parameters and "random_state" in estimator.get_params():
                estimator.set_params(random_state=seed)
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"model {self.name!r}: {error}") from None
        return estimator

    @property
    def is_ours(self):
        """Whether it is a class of this package."""
        module, _, _ = self.target.rpartition(":")
        return not module or module.split(".")[0] == "lstmfcn"

    def describe(self):
        """Return what the name stands for: JSON values."""
        return {"target": self.target, "parameters": self.parameters}


def experiment(model, split, *, seed=0, resample=0, keep=None):
    """Train and test a classifier once.

    Parameters
    ----------
    model : Model
    split : tuple (X_train, y_train, X_test, y_test)
        The dataset's own; see :func:`lstmfcn.datasets.load_ucr`.
    seed : int, default=0
    resample : int, default=0
        Which split to draw from it; 0 is its own.
    keep : path-like, optional
        Where to save the fitted classifier, if it is one of this package.

    Returns
    -------
    record : dict of str to JSON value
        The metrics of :func:`lstmfcn.evaluation.classification_metrics`; ``fit_seconds``,
        ``predict_seconds``; ``epochs`` and ``n_parameters``, None where the classifier does not
        say; ``peak_memory_bytes`` of the process during fit and prediction with what it held
        before (in a sweep, imports alone: each run has a new process), None where the system does
        not say; sizes of the data; versions, hardware, time and commit.
    predictions : dict of str to ndarray
        See :meth:`lstmfcn.evaluation.Results.predictions`.

    Raises
    ------
    ValueError, FloatingPointError
        Among others, if the classifier's probabilities are not in [0, 1] or do not sum to 1: its
        scores would be wrong. One without ``predict_proba`` is scored by its decisions.

    Examples
    --------
    >>> from lstmfcn.datasets import load_ucr
    >>> from lstmfcn.evaluation import Model, experiment
    >>> nearest = Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1})
    >>> record, predictions = experiment(nearest, load_ucr("GunPoint"))
    >>> round(record["accuracy"], 4), predictions["probabilities"].shape
    (0.9133, (150, 2))
    """
    estimator = model.build(seed)
    X_train, y_train, X_test, y_test = split
    train, test = stratified_resample(y_train, y_test, resample)
    if resample:
        X_train, X_test = _take(X_train, X_test, train), _take(X_train, X_test, test)
        labels = np.concatenate([y_train, y_test])
        y_train, y_test = labels[train], labels[test]
    sizes = {
        "n_channels": 1 if np.ndim(X_train[0]) == 1 else len(X_train[0]),
        "n_timepoints": max(np.shape(series)[-1] for series in X_train),
    }
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
    # Others' save may be anything: only our own files are read again.
    if keep is not None and type(estimator).__module__.startswith("lstmfcn."):
        Path(keep).parent.mkdir(parents=True, exist_ok=True)
        estimator.save(keep)
    network = getattr(estimator, "model_", None)
    epochs = getattr(estimator, "n_epochs_", None)
    record = {
        **classification_metrics(y_test, y_pred, probabilities, classes),
        "fit_seconds": fitted - started,
        "predict_seconds": predicted - fitted,
        "epochs": None if epochs is None else int(epochs),
        "n_parameters": int(network.count_params()) if hasattr(network, "count_params") else None,
        "peak_memory_bytes": peak_memory(),
        "n_train": len(y_train),
        "n_test": len(y_test),
        **sizes,
        "n_classes": len(np.union1d(np.unique(y_train), np.unique(y_test))),
        "began": began,
        "versions": versions(),
        "hardware": hardware(),
        "commit": commit(),
        **model.describe(),
    }
    return record, predictions


def _take(X_train, X_test, index):
    """Return the series at these places in the training split followed by the test split."""
    if isinstance(X_train, np.ndarray):
        return np.concatenate([X_train, X_test])[index]
    both = [*X_train, *X_test]
    return [both[i] for i in index]


def _as_it_takes(estimator, X):
    """Return series in the form of a classifier: sktime's take unequal lengths as data frames."""
    of_sktime = any(cls.__module__.startswith("sktime.") for cls in type(estimator).__mro__)
    if isinstance(X, np.ndarray) or not of_sktime:
        return X
    import pandas

    return [pandas.DataFrame(np.transpose(series)) for series in X]


def _probabilities(estimator, X):
    """Return float64 probabilities, or None from a classifier that only decides."""
    try:
        probabilities = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    except (AttributeError, NotImplementedError):
        return None
    if not np.isfinite(probabilities).all():
        raise FloatingPointError("some of its probabilities are not numbers.")
    return probabilities


def versions():
    """Return the versions of Python and of the packages that matter and are there."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["scikit-learn"] = sklearn.__version__
    return found


@functools.cache
def hardware():
    """Return what the run had: processor, cores, memory in bytes (None where unknown)."""
    processor = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        names = [line.partition(":")[2] for line in text.splitlines() if "model name" in line]
        processor = names[0].strip() if names else processor
    except OSError:
        pass
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        memory = None
    return {"processor": processor, "cores": os.cpu_count(), "memory_bytes": memory}


@functools.cache
def commit():
    """Return the commit of the package's source.

    Returns
    -------
    str or None
        With "+" behind it if the source was changed since; None outside of git.

    Examples
    --------
    >>> from lstmfcn.evaluation.experiment import commit
    >>> commit() is None or len(commit().rstrip("+")) >= 40
    True
    """
    folder = Path(__file__).resolve().parent

    def git(*arguments):
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout

    try:
        if not git("ls-files", "--", Path(__file__).name).strip():
            return None  # some other repository around an installed package
        changed = git("status", "--porcelain", "--untracked-files=no").strip()
        return git("rev-parse", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def forget_peak_memory():
    """Let the peak of this process count from now on, where the system can.

    Examples
    --------
    >>> from lstmfcn.evaluation.experiment import forget_peak_memory
    >>> forget_peak_memory()
    """
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        pass


def peak_memory():
    """Return the largest resident memory of this process.

    Returns
    -------
    int or None
        Bytes, since its start or :func:`forget_peak_memory`; None where the system does not say.

    Examples
    --------
    >>> from lstmfcn.evaluation.experiment import peak_memory
    >>> peak_memory() is None or peak_memory() > 2**20
    True
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
