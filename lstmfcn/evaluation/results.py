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
import time
import urllib.parse
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lstmfcn.atomic import atomic_path

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
        finished = self.finished()
        return {
            run: _read_json(path)
            for run, path in self._list("failures").items()
            if run not in finished
        }

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
        return [_read_json(path) for _, path in sorted(self._list("runs").items())]

    def record(self, run):
        """Return the record of one finished run."""
        try:
            return _read_json(self._path("runs", run))
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
                return {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} cannot be read ({error}); delete it to run again.") from None

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
        if not re.fullmatch(r"[\w.+ ()-]*\w[\w.+ ()-]*", name):
            raise ValueError(
                f"model name {name!r} has characters that do not belong into a file name; use "
                "letters, digits, spaces and .+-_()."
            )
        path = self.folder / "models" / f"{name}.json"
        description = json.loads(json.dumps(description))
        if not path.exists():
            _write_json(path, description)
        known = _read_json(path)
        differing = [
            f"{key} was {known.get(key)!r} and is {description.get(key)!r}"
            for key in sorted({*known, *description})
            if known.get(key) != description.get(key)
        ]
        if differing:
            raise ValueError(
                f"{self.folder} has results of another {name!r}: {'; '.join(differing)}. Give the "
                "model another name, or the results another folder."
            )

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
        # Names of datasets may be paths ("mer:/data:HUBERT").
        dataset = urllib.parse.quote(run.dataset, safe=" ()+")
        dataset = f"%2E{dataset[1:]}" if dataset.startswith(".") else dataset
        name = f"seed{run.seed}-resample{run.resample}.json"
        return self.folder / kind / run.model / dataset / name


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


def _read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except ValueError as error:
        raise ValueError(f"{path} is not a record ({error}); delete it to run again.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} is not a record; delete it to run again.")
    return value
