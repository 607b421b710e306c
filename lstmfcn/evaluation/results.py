"""Where do the results of a sweep lie, and when is a run finished? Records are files.

One folder holds one sweep, on which several processes and machines may work::

    models/MODEL.json                               class and parameters of the name
    datasets/DATASET.json                           loader and parameters of the name
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
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np

from lstmfcn.evaluation.records import (
    RUN,
    Run,
    check_model_name,
    check_record,
    parse_json,
    to_file_name,
)
from lstmfcn.files import atomic_path, locked
from lstmfcn.untrusted import read_text

FILE = re.compile(r"seed(\d+)-resample(\d+)\.\w+")
STALE_SECONDS = 3600
MOST_BYTES = 2**30  # of predictions in memory
PREDICTIONS = ("y_true", "y_pred", "probabilities", "classes", "test_index")


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
        """Return the set of runs that have a record, without reading one."""
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
        paths, finished = self._list("failures"), self.finished()
        records, damaged = _read_records({r: paths[r] for r in paths if r not in finished})
        found = {run: {"reason": "no reason given", **record} for run, record in records.items()}
        return found | damaged

    def read(self):
        """Return the :meth:`records` that can be read, and a dict of run to the others' reason.

        Raises ValueError if none can be read, FileNotFoundError without the folder.
        """
        if not self.folder.exists():
            raise FileNotFoundError(f"the folder {self.folder} does not exist.")
        records, damaged = _read_records(self._list("runs"))
        if damaged and not records:
            raise ValueError(next(iter(damaged.values()))["reason"])
        return list(records.values()), damaged

    def records(self):
        """Return the records of all finished runs, sorted by dataset, model, seed and resample.

        Each is a dict with the fields of its :class:`Run` and all that was measured.
        """
        records, damaged = self.read()
        if damaged:
            raise ValueError(next(iter(damaged.values()))["reason"])
        return records

    def record(self, run):
        """Return the record of one finished run."""
        try:
            return _read_record(self._path("runs", run), run)
        except FileNotFoundError:
            raise ValueError(f"{self.folder} has no finished run of {run}.") from None

    def predictions(self, run):
        """Return the predictions of a finished run, a dict of arrays.

        ``y_true``, ``y_pred`` of shape (n_test,); ``probabilities`` of shape (n_test, n_classes),
        if the classifier gives them; ``classes`` of shape (n_classes,); ``test_index`` of shape
        (n_test,): the place of each case in the training split followed by the test split.
        """
        path = self._path("runs", run).with_suffix(".npz")
        if not path.exists():
            raise ValueError(f"{self.folder} has no predictions of {run}.")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if sum(entry.file_size for entry in arrays.zip.infolist()) > MOST_BYTES:
                    raise ValueError("it would fill the memory")
                return _checked({name: arrays[name] for name in PREDICTIONS if name in arrays})
        except Exception:  # whatever numpy makes of a damaged file
            raise ValueError(
                f"{path} cannot be read as predictions; delete it to run again."
            ) from None

    def write(self, run, record, predictions):
        """Write the predictions of a run, then its numbers.

        ``record`` is a dict of JSON values, ``predictions`` some of the arrays that
        :meth:`predictions` returns, or none.
        """
        unknown = set(predictions) - set(PREDICTIONS)
        if unknown:
            raise ValueError(f"predictions has unknown entries: {', '.join(sorted(unknown))}.")
        path = self._path("runs", run)
        path.parent.mkdir(parents=True, exist_ok=True)
        if predictions:
            arrays = {name: without_objects(array) for name, array in predictions.items()}
            with atomic_path(path.with_suffix(".npz")) as temporary:
                np.savez_compressed(temporary, **arrays)
        _write_json(path, {**asdict(run), **record})
        self._path("failures", run).unlink(missing_ok=True)

    def write_failure(self, run, reason, **details):
        """Write why a run failed, in a sentence."""
        _write_json(self._path("failures", run), {**asdict(run), "reason": reason, **details})

    def register(self, name, description, *, kind="model"):
        """Bind the name of a model or dataset to its description, a dict of JSON values, for good.

        Raises ValueError if the folder knows the name with another description.
        """
        path = self._description_path(name, kind)
        if not path.exists():
            _write_once(path, description)
        differing = self.differences(name, description, kind=kind)
        if differing:
            raise ValueError(
                f"{self.folder} has results of another {name!r}: {'; '.join(differing)}. Give the "
                f"{kind} another name, or use another folder."
            )

    def differences(self, name, description, *, kind="model"):
        """Return how a description differs from the known one of the name: list of str."""
        path = self._description_path(name, kind)
        if not path.exists():
            return []
        try:
            known = parse_json(read_text(path))
            if not isinstance(known, dict):
                raise ValueError("it is no object with fields")
        except ValueError as error:
            raise ValueError(f"{path} does not describe a {kind}: {error}.") from None
        known, new = _leaves(known), _leaves(json.loads(json.dumps(description)))
        return [
            f"{key} was {known.get(key, 'unset')} and is {new.get(key, 'unset')}"
            for key in sorted({*known, *new})
            if known.get(key) != new.get(key)
        ]

    def _description_path(self, name, kind):
        if kind == "dataset":
            return self.folder / "datasets" / f"{to_file_name(name)}.json"
        check_model_name(name)
        return self.folder / "models" / f"{name}.json"

    def tidy(self):
        """Remove files that killed processes left half written, once they are an hour old."""
        for path in self.folder.glob("*/*/*/.seed*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()

    @contextlib.contextmanager
    def claim(self, run):
        """Hold a run while it is under way; yield whether it was free.

        The claim ends with the process that holds it, also where that is killed.
        """
        path = self._path("runs", run).with_suffix(".claim")
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path) as is_free:
            try:
                yield is_free
            finally:
                if is_free:
                    with contextlib.suppress(OSError):  # Windows removes no file that is open
                        path.unlink(missing_ok=True)

    def fitted_path(self, run):
        """Return where the fitted classifier of a run is kept, whether it is there or not."""
        return self._path("fitted", run).with_suffix(".lstmfcn")

    def kept_models(self):
        """Return a dict of run to path of the fitted classifiers that were kept."""
        return self._list("fitted", ".lstmfcn")

    def _list(self, kind, suffix=".json"):
        """Return run -> path of the files in one of the folders."""
        found = {}
        for path in (self.folder / kind).glob(f"*/*/seed*{suffix}"):
            if match := FILE.fullmatch(path.name):
                model, dataset = path.parts[-3:-1]
                found[Run(urllib.parse.unquote(dataset), model, *map(int, match.groups()))] = path
        return found

    def _path(self, kind, run):
        name = f"seed{run.seed}-resample{run.resample}.json"
        return self.folder / kind / run.model / to_file_name(run.dataset) / name


def _leaves(description, prefix="", keep_none=False):
    """Return a dict of dicts as one of "key.key" to JSON text.

    Without entries of None but for a model's parameters, whose default may be another.
    """
    leaves = {}
    for key, value in description.items():
        if isinstance(value, dict):
            # "n_epochs" alone is clear: a model has no parameters but its own.
            own = key == "parameters"
            of_model = keep_none or (own and "target" in description)
            leaves |= _leaves(value, "" if own else f"{prefix}{key}.", of_model)
        elif value is not None or keep_none:
            leaves[f"{prefix}{key}"] = json.dumps(value, ensure_ascii=False)
    return leaves


def without_objects(array):
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
        except OSError:
            if not path.exists():  # a file system without links
                os.replace(Path(folder, path.name), path)


def _read_record(path, run):
    try:
        record = parse_json(read_text(path))
        check_record(record)
        if tuple(record[key] for key in RUN) != astuple(run):
            raise ValueError("it is of another run than its name says")
    except ValueError as error:
        raise ValueError(f"{path} is not a record: {error}; delete it to run again.") from None
    return record


def _read_records(paths):
    """Return run -> record, sorted by run, and run -> {"reason": ...} of damaged files."""
    records, damaged = {}, {}
    for run, path in sorted(paths.items()):
        try:
            records[run] = _read_record(path, run)
        except ValueError as error:
            damaged[run] = {"reason": str(error)}
    return records, damaged


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
