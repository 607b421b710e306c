"""Who does a run? A child process: one run after the other, and no run can harm another.

The parent holds a :class:`Worker`. A run that never ends is killed with its process; one that
takes its process with it (no memory left, a crash in foreign code) costs a new process. The two
speak over the child's standard input and output: a line of JSON, behind it the bytes of the
arrays. What a classifier prints goes to standard error.
"""

import contextlib
import io
import json
import os
import queue
import subprocess
import sys
import threading

import numpy as np

from lstmfcn.evaluation.experiment import Model, experiment

__all__ = ["Died", "Failed", "TimedOut", "Worker"]

# Read by the numerical libraries when they are loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class Failed(Exception):
    """A run raised; its message is the reason."""


class TimedOut(Failed):
    """A run took longer than it may."""


class Died(Exception):
    """The process ended in the middle of a run."""


class Worker:
    """A process that does runs.

    Parameters
    ----------
    threads : int, default=1
        Of the numerical libraries.
    log : file, optional
        Where the process writes what classifiers print; by default nowhere.

    Examples
    --------
    >>> from lstmfcn.evaluation import Model
    >>> from lstmfcn.evaluation.worker import Worker
    >>> nearest = Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1})
    >>> with Worker() as worker:
    ...     record, predictions = worker.run(nearest, {"dataset": "GunPoint"})
    >>> round(record["accuracy"], 4)
    0.9133
    """

    def __init__(self, threads=1, log=None):
        self._threads, self._log = threads, log
        self._process, self._is_closed = None, False
        self._lock = threading.Lock()

    def run(self, model, source, *, seed=0, resample=0, keep=None, time_limit=None):
        """Do one run; see :func:`lstmfcn.evaluation.experiment`.

        Parameters
        ----------
        model : Model
        source : dict of str to JSON value
            What :func:`read_source` takes.
        seed, resample, keep
            See :func:`lstmfcn.evaluation.experiment`.
        time_limit : float, optional
            Seconds after which the run is killed.

        Returns
        -------
        record, predictions : dict

        Raises
        ------
        Failed
            If the run raised.
        TimedOut
            If it took too long.
        Died
            If the process ended.
        """
        job = {
            "name": model.name,
            **model.describe(),
            "source": source,
            "seed": seed,
            "resample": resample,
            "keep": None if keep is None else os.fspath(keep),
        }
        process = self._started()
        late = threading.Event()
        timer = threading.Timer(time_limit or 0.0, lambda: (late.set(), process.kill()))
        if time_limit is not None:
            timer.start()
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
            answer, arrays = _receive(process.stdout)
        except (OSError, EOFError, ValueError):
            code = process.wait()
            self._process = None
            if late.is_set():
                raise TimedOut(f"took longer than {time_limit:g} seconds") from None
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            raise Died(f"its process ended ({how}); the memory may not have sufficed") from None
        finally:
            timer.cancel()
        if "reason" in answer:
            raise Failed(answer["reason"])
        return answer["record"], arrays

    def close(self):
        """End the process, also in the middle of a run."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _started(self):
        with self._lock:
            if self._is_closed:
                raise Died("the sweep has been stopped")
            if self._process is None or self._process.poll() is not None:
                threads = dict.fromkeys(THREAD_VARIABLES, str(self._threads))
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "lstmfcn.evaluation.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log or subprocess.DEVNULL,
                    env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **threads},
                    # Ctrl-C in the terminal is the parent's to handle.
                    start_new_session=True,
                )
            return self._process


def read_source(source):
    """Return the split that a run is about.

    Parameters
    ----------
    source : dict
        Either ``dataset`` and perhaps ``archive``, ``password`` and ``missing``, as
        :func:`lstmfcn.datasets.load_ucr` takes them; or a ``dataset`` called
        ``mer:ROOT:FEATURE[:TRACK]``, see :func:`lstmfcn.emotion.mer_dataset.load_mer`; or
        ``arrays``, a file of :func:`pack_split`.

    Returns
    -------
    tuple (X_train, y_train, X_test, y_test)
    """
    if "arrays" in source:
        with np.load(source["arrays"], allow_pickle=False) as arrays:
            return unpack_split(arrays)
    if source["dataset"].startswith("mer:"):
        from lstmfcn.emotion.mer_dataset import load_mer

        return load_mer(source["dataset"])
    from lstmfcn.datasets import load_ucr

    arguments = {key: source[key] for key in ("archive", "password", "missing") if key in source}
    return load_ucr(source["dataset"], **arguments)


def pack_split(split):
    """Return a split as a dict of plain arrays, for a file or a wire."""
    packed = {}
    for name, X, y in (("train", *split[:2]), ("test", *split[2:])):
        if not isinstance(X, np.ndarray):  # series of unequal length, one behind the other
            packed[f"lengths_{name}"] = np.array([x.shape[1] for x in X])
            X = np.concatenate(X, axis=1)
        packed[f"X_{name}"], packed[f"y_{name}"] = X, np.asarray(y)
    return packed


def unpack_split(arrays):
    """Return the split that :func:`pack_split` packed."""
    split = []
    for name in ("train", "test"):
        X = arrays[f"X_{name}"]
        if f"lengths_{name}" in arrays:
            X = np.split(X, np.cumsum(arrays[f"lengths_{name}"])[:-1], axis=1)
        split += [X, arrays[f"y_{name}"]]
    return tuple(split)


def _send(stream, message, arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **{name: _plain(array) for name, array in arrays.items()})
    payload = buffer.getvalue()
    stream.write(json.dumps({**message, "bytes": len(payload)}).encode() + b"\n" + payload)
    stream.flush()


def _receive(stream):
    message = json.loads(stream.readline() or b"{}")
    if "bytes" not in message:
        raise EOFError
    payload = stream.read(message["bytes"])
    if len(payload) < message["bytes"]:
        raise EOFError
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        return message, {name: arrays[name] for name in arrays.files}


def _plain(array):
    array = np.asarray(array)
    return array.astype(str) if array.dtype == object else array


def _do(job):
    """Do one run; return (message, arrays)."""
    try:
        record, predictions = experiment(
            Model(job["name"], job["target"], job["parameters"]),
            read_source(job["source"]),
            seed=job["seed"],
            resample=job["resample"],
            keep=job["keep"],
        )
        json.dumps(record, allow_nan=False)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # whatever a foreign classifier raises is this run's alone
        text = " ".join(str(error).split()) or "no message"
        return {"reason": f"{type(error).__name__}: {text}"}, {}
    return {"record": record}, predictions


def main():
    """Do the runs that come over standard input, until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what classifiers print must not come between
    jobs = queue.SimpleQueue()

    def listen():
        for line in sys.stdin.buffer:
            jobs.put(json.loads(line))
        os._exit(0)  # the parent is gone: nobody waits for the run under way

    threading.Thread(target=listen, daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        while True:
            _send(answers, *_do(jobs.get()))


if __name__ == "__main__":
    main()
