"""How does a killed training continue? From its state in one file, which is replaced atomically.

``fit.npz`` (or ``fine_tune.npz``) in the given folder is an uncompressed zip of NumPy arrays: one
text array with JSON, and the arrays it refers to. Nothing is pickled. The file says which job it
belongs to (class, parameters, data, versions), so that it cannot continue another one.
"""

import contextlib
import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np

from lstmfcn import __version__
from lstmfcn.files import atomic_path, check_writable
from lstmfcn.networks.backend import keras, tf
from lstmfcn.untrusted import (
    DAMAGED,
    BoundedZip,
    check_stored,
    damage,
    decode_json,
    open_file,
    shown,
)

FORMAT = 9
SECONDS_BETWEEN = 5.0  # between two writes, and at least ...
PAUSE = 50  # ... this many times what a write takes
LARGEST_JSON = 2**27  # bytes, four for each character
BYTES_AT_A_TIME = 2**24


class Checkpoint:
    """The state of one job in one folder, which is made if it is not there; None: no folder.

    ``method`` names the file; ``job`` (JSON) says what the result depends on: the unfinished state
    of another job is refused. ``state`` is what the last write held, or None; ``seeds`` are those
    of the interrupted run, or else the given ones.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Checkpoint(folder, "fit", {"n": 1}, [7]).write({"weights": [np.zeros(2)]})
    ...     Checkpoint(folder, "fit", {"n": 1}, [8]).state
    {'weights': [array([0., 0.])], 'seeds': [7]}
    """

    def __init__(self, folder, method, job, seeds):
        if folder == "":
            raise ValueError("checkpoint '' is not the name of a folder; give a folder's name.")
        self.path = None if folder is None else Path(folder) / f"{method}.npz"
        self.seeds = [int(seed) for seed in seeds]
        self.job = json.loads(
            json.dumps(
                {
                    **job,
                    "lstmfcn": __version__,
                    "keras": keras.__version__,
                    "tensorflow": tf.__version__,
                    "numpy": np.__version__,
                }
            )
        )
        self.state = None
        self._written, self._seconds_per_write = time.perf_counter(), 0.0
        if self.path is None:
            return
        self._make_folder()
        for half_written in self.path.parent.glob(f".{method}-*.npz"):  # by a killed process
            with contextlib.suppress(OSError):  # it may be a folder, or another user's
                half_written.unlink()
        with contextlib.suppress(FileNotFoundError):
            self.state = self._read()
        if self.state is not None:
            self.seeds = list(self.state["seeds"])
        if self.state is None or not self.state.get("finished"):
            check_writable(self.path)

    def run_stages(self, n_stages, run_stage):
        """Run the stages of a job in order, from where it was interrupted; return the last result.

        The function is called as ``run_stage(stage, result, resume, save_state)``. ``result`` is of
        the previous stage, None at first. ``resume`` is the state of an interrupted training, or
        None. ``save_state`` may save such states; see ``train``. Results are of the types that
        :meth:`write` takes.
        """
        state = self.state or {"stage": 0, "result": None, "training": None}
        first, result, resume = (state.get(key) for key in ("stage", "result", "training"))
        if first not in range(n_stages + 1) or (first == 0) is not (result is None):
            raise ValueError(
                f"{self.path} is damaged (stage {shown(first)}); delete it to start again."
            )
        for stage in range(first, n_stages):

            def save_state(make_state, stage=stage, before=result):
                self.write_if_due(
                    lambda: {"stage": stage, "result": before, "training": make_state()}
                )

            result = run_stage(stage, result, resume if stage == first else None, save_state)
        if self.state is None or not self.state.get("finished"):
            done = {"stage": n_stages, "result": result, "training": None, "finished": True}
            self.write(done)
        return result

    def write_if_due(self, make_state):
        """Write what ``make_state`` returns, if the last write is long enough ago."""
        if self.path is None:
            return
        pause = max(SECONDS_BETWEEN, PAUSE * self._seconds_per_write)
        started = time.perf_counter()
        if started - self._written >= pause:
            self.write(make_state())
            self._seconds_per_write = self._written - started

    def write(self, state):
        """Replace the file by one with this state: nested dicts and lists of plain values, arrays.

        Raises OSError if it cannot be written; the file that was there stays.
        """
        if self.path is None:
            return
        arrays = {}
        state = _take_arrays({**state, "seeds": self.seeds}, arrays)
        content = {"format": FORMAT, "job": self.job, "state": state}
        arrays["content"] = np.array(json.dumps(content))
        try:
            with atomic_path(self.path) as temporary:
                np.savez(temporary, **arrays)
        except OSError as error:
            raise OSError(
                f"the checkpoint {str(error).rstrip('.')}; make room or the folder writable, and "
                "call the same method again."
            ) from error
        self._written = time.perf_counter()

    def _make_folder(self):
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            unnameable = "it holds a character that no file name can hold"
            reason = error.strerror if isinstance(error, OSError) else unnameable
            raise ValueError(
                f"checkpoint {shown(self.path.parent)} is not a folder and cannot be made one "
                f"({reason}); give another."
            ) from error

    def _read(self):
        remedy = "delete it to start again, or give another folder"
        file = open_file(self.path, remedy=remedy)
        try:
            with file:
                _check_container(file)
                with np.load(file, allow_pickle=False) as members:
                    arrays = {name: members[name] for name in members.files}
            content = decode_json(str(arrays.pop("content")))
            if content["format"] != FORMAT:
                raise ValueError(f"it has format {content['format']!r}, not {FORMAT}")
            job, state = dict(content["job"]), _put_arrays(content["state"], arrays)
            seeds = state["seeds"]
            if len(seeds) != len(self.seeds) or not all(type(seed) is int for seed in seeds):
                raise ValueError(f"it has not {len(self.seeds)} seeds")
        except MemoryError as error:
            raise MemoryError(
                f"the memory does not suffice to read {self.path}; {remedy}."
            ) from error
        except DAMAGED as error:
            raise ValueError(
                f"{self.path} is not a checkpoint, or is damaged ({damage(error)}); {remedy}."
            ) from error
        different = [
            key for key in {**job, **self.job} if job.get(key, "?") != self.job.get(key, "?")
        ]
        if different and not state.get("finished"):
            key = different[0]
            there, here = (shown(job_.get(key, "unknown")) for job_ in (job, self.job))
            raise ValueError(
                f"{self.path} belongs to another training: {key} is {there} there and {here} here; "
                "call with the same arguments and data, give another folder (one folder serves "
                "one training at a time), or delete it."
            )
        return None if different else state


def _check_container(file):
    """Refuse a zip that could grow on reading, or whose text is absurdly long."""
    with BoundedZip(file) as archive:
        check_stored(archive)
        if archive.getinfo("content.npy").file_size > LARGEST_JSON:
            raise ValueError("its text is too long")
    file.seek(0)


def fingerprint(*arrays):
    """Return a short text that tells arrays apart by type, shape and content.

    They are ndarrays, memory-mapped rows or lists of ndarrays, and are read in pieces.

    >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3))
    True
    >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3.0))
    False
    """
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        parts = array if isinstance(array, list) else [array]
        digest.update(f"{len(parts)} parts".encode())
        for part in parts:
            digest.update(f"{part.dtype.str} {part.shape}".encode())
            rows = max(1, BYTES_AT_A_TIME // max(1, part[:1].nbytes))
            for start in range(0, len(part), rows):
                digest.update(np.ascontiguousarray(part[start : start + rows]))
    return digest.hexdigest()


def _take_arrays(value, arrays):
    """Replace arrays within ``value`` by references, and collect them in ``arrays``."""
    if isinstance(value, (np.ndarray, np.generic)):
        name = f"array_{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": {key: _take_arrays(entry, arrays) for key, entry in value.items()}}
    if isinstance(value, (list, tuple)):
        return [_take_arrays(entry, arrays) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _put_arrays(value, arrays):
    if isinstance(value, list):
        return [_put_arrays(entry, arrays) for entry in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "float" in value:
        return float(value["float"])
    return {key: _put_arrays(entry, arrays) for key, entry in value["dict"].items()}
