"""Where do the results of a sweep lie, and when is a run finished? Records are files.

One folder holds one sweep, on which several processes and machines may work::

    models/MODEL.json                               what the name stands for
    runs/MODEL/DATASET/seed0-resample0.json         one finished run: the numbers
    runs/MODEL/DATASET/seed0-resample0.npz          ... and its predictions
    failures/MODEL/DATASET/seed0-resample0.json     why a run failed, until it succeeds
    fitted/MODEL/DATASET/seed0-resample0.lstmfcn    the fitted classifier, if it was to be kept

A file appears whole or not at all, the numbers last: a run is finished if they are there.
"""

import contextlib
import json
import os
import re
import tempfile
import time
import urllib.parse
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lstmfcn.atomic import atomic_path
from lstmfcn.evaluation.records import (
    LARGEST_FILE,
    RUN,
    check_model_name,
    check_record,
    read_json,
    to_file_name,
)

__all__ = ["Results", "Run"]

FILE = re.compile(r"seed(\d+)-resample(\d+)(\.\w+)")
STALE_SECONDS = 3600
PREDICTIONS = ("y_true", "y_pred", "probabilities", "classes", "test_index")


@dataclass(frozen=True, order=True)
class Run:
    """One classifier, trained and tested once.

    Parameters
    ----------
    dataset : str
    model : str
        The name of a classifier with its parameters.
    seed : int, default=0
        The classifier's ``random_state``.
    resample : int, default=0
        Which split; see :func:`lstmfcn.evaluation.stratified_resample`.
    """

    dataset: str
    model: str
    seed: int = 0
    resample: int = 0

    def __str__(self):
        split = f", resample {self.resample}" if self.resample else ""
        return f"{self.model} on {self.dataset}, seed {self.seed}{split}"


class Results:
    """A folder of records.

    Parameters
    ----------
    folder : str or path-like
        Made when something is written.

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.evaluation.results import Results, Run
    >>> results = Results(tempfile.mkdtemp())
    >>> results.write(Run("GunPoint", "FCN"), {"accuracy": 0.99}, {"y_pred": [1, 2]})
    >>> results.finished(), results.records()[0]["accuracy"]
    ({Run(dataset='GunPoint', model='FCN', seed=0, resample=0)}, 0.99)
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file; name a folder for the results.")

    def finished(self):
        """Return the set of runs whose record is there, without reading one."""
        return set(self._list("runs"))

    def is_finished(self, run):
        """Whether the record of a run is there."""
        return self._path("runs", run).exists()

    def failed_since(self, run, seconds):
        """Whether a run failed after a time, in seconds since 1970."""
        try:
            return self._path("failures", run).stat().st_mtime >= seconds
        except FileNotFoundError:
            return False

    def failed(self):
        """Return a dict of run to the record of its failure: those not finished since."""
        finished, found = self.finished(), {}
        for run, path in self._list("failures").items():
            if run not in finished:
                try:
                    found[run] = _read_record(path, run)
                except ValueError as error:
                    found[run] = {"reason": str(error)}
                found[run].setdefault("reason", "no reason given")
        return found

    def read(self):
        """Return the records of all finished runs, whatever lies beside them.

        Returns
        -------
        records : list of dict
            As :meth:`records` gives them.
        damaged : dict of Run to dict
            Of those that cannot be read, the ``reason``.

        Raises
        ------
        ValueError
            If none can be read.
        """
        records, damaged = [], {}
        for run, path in sorted(self._list("runs").items()):
            try:
                records.append(_read_record(path, run))
            except ValueError as error:
                damaged[run] = {"reason": str(error)}
        if damaged and not records:
            raise ValueError(next(iter(damaged.values()))["reason"])
        return records, damaged

    def records(self):
        """Return the records of all finished runs, sorted by dataset, model, seed and resample.

        Returns
        -------
        list of dict
            Each with the fields of its :class:`Run` and whatever was measured.

        Raises
        ------
        ValueError
            If a record cannot be read: it was not written by this package.
        """
        records, damaged = self.read()
        for failure in damaged.values():
            raise ValueError(failure["reason"])
        return records

    def record(self, run):
        """Return the record of one finished run."""
        try:
            return _read_record(self._path("runs", run), run)
        except FileNotFoundError:
            raise ValueError(f"{self.folder} has no finished run of {run}.") from None

    def predictions(self, run):
        """Return what a finished run predicted.

        Returns
        -------
        dict of str to ndarray
            ``y_true``, ``y_pred`` of shape (n_test,); ``probabilities`` of shape (n_test,
            n_classes), where the classifier gives them; ``classes`` of shape (n_classes,);
            ``test_index`` of shape (n_test,): where each case is in the training split followed
            by the test split.
        """
        path = self._path("runs", run).with_suffix(".npz")
        if not path.exists():
            raise ValueError(f"{self.folder} has no predictions of {run}.")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if sum(entry.file_size for entry in arrays.zip.infolist()) > LARGEST_FILE:
                    raise ValueError("it would fill the memory")
                return _checked({name: arrays[name] for name in PREDICTIONS if name in arrays})
        except Exception:  # whatever numpy makes of a damaged file
            raise ValueError(
                f"{path} cannot be read as predictions; delete it to run again."
            ) from None

    def write(self, run, record, predictions):
        """Write what a run gave: its predictions, then its numbers.

        Parameters
        ----------
        run : Run
        record : dict of str to JSON value
        predictions : dict of str to array-like
            Some of those that :meth:`predictions` returns; none where numbers alone were passed
            on.
        """
        unknown = set(predictions) - set(PREDICTIONS)
        if unknown:
            raise ValueError(f"predictions has unknown entries: {', '.join(sorted(unknown))}.")
        path = self._path("runs", run)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {name: _plain(array) for name, array in predictions.items()}
        if arrays:
            with atomic_path(path.with_suffix(".npz")) as temporary:
                np.savez_compressed(temporary, **arrays)
        _write_json(path, {**asdict(run), **record})
        self._path("failures", run).unlink(missing_ok=True)

    def write_failure(self, run, reason, **details):
        """Write why a run failed, in a sentence."""
        _write_json(self._path("failures", run), {**asdict(run), "reason": reason, **details})

    def register(self, name, description):
        """Bind a model's name to what it stands for.

        Parameters
        ----------
        name : str
        description : dict of str to JSON value
            Class and parameters.

        Raises
        ------
        ValueError
            If the folder knows the name with another description, or the name is no file name.
        """
        path = self._description_path(name)
        if not path.exists():
            _write_once(path, json.loads(json.dumps(description, allow_nan=False)))
        differing = self.differences(name, description)
        if differing:
            raise ValueError(
                f"{self.folder} has results of another {name!r}: {'; '.join(differing)}. Give the "
                "model another name, or the results another folder."
            )

    def differences(self, name, description):
        """Return how what a model's name is bound to differs from a description: list of str."""
        path = self._description_path(name)
        if not path.exists():
            return []
        try:
            known = read_json(path)
            if not isinstance(known, dict):
                raise ValueError("it is no object with fields")
        except ValueError as error:
            raise ValueError(f"{path} does not say what a model is: {error}.") from None
        known, new = _leaves(known), _leaves(json.loads(json.dumps(description)))
        return [
            f"{key} was {known.get(key, 'unset')} and is {new.get(key, 'unset')}"
            for key in sorted({*known, *new})
            if known.get(key) != new.get(key)
        ]

    def _description_path(self, name):
        check_model_name(name)
        return self.folder / "models" / f"{name}.json"

    def tidy(self):
        """Remove what processes left that were killed while they wrote: files an hour old."""
        for kind in ("runs", "failures", "fitted"):
            for model in _folders(self.folder / kind):
                for dataset in _folders(model.path):
                    for file in os.scandir(dataset.path):
                        if file.name.startswith(".seed"):
                            with contextlib.suppress(FileNotFoundError):
                                if time.time() - file.stat().st_mtime > STALE_SECONDS:
                                    os.unlink(file.path)

    @contextlib.contextmanager
    def claim(self, run):
        """Hold a run while it is under way; yield whether it was free.

        The claim ends with the process that holds it, however that ends.
        """
        path = self._path("runs", run).with_suffix(".claim")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:
            free = _lock(file)
            try:
                yield free
            finally:
                if free:
                    path.unlink(missing_ok=True)

    def fitted_path(self, run):
        """Return where the fitted classifier of a run is kept, whether it is there or not."""
        return self._path("fitted", run).with_suffix(".lstmfcn")

    def kept_models(self):
        """Return a dict of run to path of the fitted classifiers that were kept."""
        return self._list("fitted", ".lstmfcn")

    def _list(self, kind, suffix=".json"):
        """Return run -> path of the files there: two levels of folders, then the names."""
        found = {}
        for model in _folders(self.folder / kind):
            for dataset in _folders(model.path):
                name = urllib.parse.unquote(dataset.name)
                for file in os.scandir(dataset.path):
                    match = FILE.fullmatch(file.name)
                    if match and match[3] == suffix:
                        run = Run(name, model.name, int(match[1]), int(match[2]))
                        found[run] = file.path
        return found

    def _path(self, kind, run):
        name = f"seed{run.seed}-resample{run.resample}.json"
        return self.folder / kind / run.model / to_file_name(run.dataset) / name


def _leaves(description, prefix=""):
    """Return a dict of dicts as one of "key.key" to JSON text, without what is None."""
    leaves = {}
    for key, value in description.items():
        if isinstance(value, dict):
            # Parameters are meant, and need not be named.
            leaves |= _leaves(value, "" if key == "parameters" else f"{prefix}{key}.")
        elif value is not None:
            leaves[f"{prefix}{key}"] = json.dumps(value, ensure_ascii=False)
    return leaves


def _folders(path):
    try:
        return [entry for entry in os.scandir(path) if entry.is_dir()]
    except FileNotFoundError:
        return []


def _lock(file):
    """Lock an open file without waiting; return whether that went."""
    try:
        import fcntl
    except ImportError:  # Windows: two sweeps may then do a run twice, and its record stays whole
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    # Its last holder may have removed the file between our opening and locking it.
    return os.path.exists(file.name) and os.path.samestat(
        os.fstat(file.fileno()), os.stat(file.name)
    )


def _plain(array):
    """Return an array that needs no pickle: words as text of fixed width."""
    array = np.asarray(array)
    return array.astype(str) if array.dtype == object else array


def _write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False), encoding="utf-8")


def _write_once(path, value):
    """Write a file that may appear meanwhile; the first one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        _write_json(Path(folder, path.name), value)
        try:
            os.link(Path(folder, path.name), path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            os.replace(Path(folder, path.name), path)


def _read_record(path, run):
    try:
        record = read_json(path)
        check_record(record)
        if tuple(record[key] for key in RUN) != (run.dataset, run.model, run.seed, run.resample):
            raise ValueError("it is of another run than its name says")
    except ValueError as error:
        raise ValueError(f"{path} is not a record: {error}; delete it to run again.") from None
    return record


def _checked(arrays):
    """Return arrays of predictions, if they are numbers or words and their shapes fit together."""
    classes, probabilities = arrays.get("classes"), arrays.get("probabilities")
    lists = [array for name, array in arrays.items() if name != "probabilities"]
    by_case = [array for name, array in arrays.items() if name != "classes"]
    numbers = [array for array in arrays.values() if array.dtype.kind == "f"]
    if (
        any(array.dtype.kind not in "biufSU" for array in arrays.values())
        or not all(np.isfinite(array).all() for array in numbers)
        or any(array.ndim != 1 for array in lists)
        or len({len(array) for array in by_case}) > 1
        or (probabilities is not None and probabilities.shape[1:] != np.shape(classes))
    ):
        raise ValueError("they do not fit together")
    return arrays
