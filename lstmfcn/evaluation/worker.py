"""How is a run isolated in a process of its own, so that it cannot harm or slow down another run?

The parent holds a :class:`Worker`. Its process imports the libraries once and forks a child for
each run. So every run starts from the same state, with memory, folder, environment and settings of
its own. When a run ends, all processes that it started are ended. If forking is not safe, each run
gets a new process.

Parent and process communicate over the process' standard input and output: a line of JSON, then
the bytes of the arrays. The child has no access to them and leaves its answer in an unnamed file.
Output of a classifier goes to standard error. When standard input ends, everything ends.
"""

import contextlib
import ctypes
import io
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import asdict
from pathlib import Path

import numpy as np

import lstmfcn
from lstmfcn.evaluation.experiment import Dataset, Model, commit, experiment, hardware
from lstmfcn.evaluation.results import without_objects

# Read by the numerical libraries when they are loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
# The working folder comes last: a file random.py there must not stand for Python's own. The
# package is the parent's, wherever that is.
START = """
import sys
folder, package, needs_keras = sys.argv[1:]
sys.path[:] = [package, *filter(None, sys.path)]
import lstmfcn
del sys.path[0]
sys.path.append(folder)
from lstmfcn.evaluation.worker import main
main(needs_keras == "True")
"""
POLL_SECONDS = 0.02
GRACE_SECONDS = 10.0  # for a process to end by itself
LONGEST_LINE = 300  # characters of a log that a reason quotes
LOG_BYTES = 4096
SIGNALS = 128  # exit codes beyond it stand for signals, as in a shell
BECOME_SUBREAPER = 36  # of Linux' prctl
# Without the thread that pyarrow's allocator starts at import, runs can be forked.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


class Failed(Exception):
    """A run raised an error or exceeded its time limit; the message is the reason."""


class Died(Exception):
    """The process ended in the middle of a run."""


class Worker(contextlib.AbstractContextManager):
    """Does runs one by one, each in a process of its own.

    ``threads`` is the number of threads of numerical libraries. The binary file ``log`` gets the
    output of classifiers.
    """

    def __init__(self, threads=1, log=None):
        self._threads, self._log = threads, log
        self._folder = os.getcwd()
        # Whether it has imported Keras -> process: a run's memory depends on no earlier run.
        self._processes, self._is_closed = {}, False
        self._lock, self._numbers = threading.Lock(), itertools.count()

    def run(self, model, dataset, *, seed=0, resample=0, keep=None, time_limit=None):
        """Do one run; return record and predictions as :func:`lstmfcn.evaluation.experiment` does.

        Raises Failed if the run raised an error or took more than ``time_limit`` seconds, and Died
        if its process ended.
        """
        job = {
            "number": next(self._numbers),
            "model": asdict(model),
            "dataset": asdict(dataset),
            "seed": seed,
            "resample": resample,
            "keep": None if keep is None else os.path.abspath(keep),
        }
        process = self._started(model.is_ours)
        late = threading.Event()
        timer = threading.Timer(time_limit or 0.0, lambda: (late.set(), process.end()))
        try:
            process.wait_until_ready()
            if time_limit is not None:
                timer.start()
            answer, arrays = process.ask(job)
        except (OSError, EOFError, ValueError):
            how = process.end()
            if late.is_set():
                raise Failed(f"took longer than {time_limit:g} seconds") from None
            raise Died(f"its process ended ({how})") from None
        finally:
            timer.cancel()
        if answer["is_last"]:
            process.end()
        if "reason" in answer:
            raise Failed(answer["reason"])
        return answer["record"], arrays

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the processes, even in the middle of a run."""
        with self._lock:
            self._is_closed = True
            processes = list(self._processes.values())
        for process in processes:
            process.end()

    def _started(self, needs_keras):
        with self._lock:
            if self._is_closed:
                raise Died("the sweep has been stopped")
            process = self._processes.get(needs_keras)
            if process is None or process.has_ended():
                threads = dict.fromkeys(THREAD_VARIABLES, str(self._threads))
                process = _Process(needs_keras, self._folder, threads, self._log)
                self._processes[needs_keras] = process
            return process


class _Process:
    """The parent's end of a process that does runs."""

    def __init__(self, needs_keras, folder, environment, log):
        package = Path(lstmfcn.__file__).resolve().parents[1]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, folder, str(package), str(needs_keras)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**QUIET, **os.environ, **environment},
            # Ctrl-C in the terminal is the parent's to handle.
            start_new_session=True,
        )
        self._log, self._printed, self._is_ready = log, b"", False
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def wait_until_ready(self):
        """Wait until the process has imported the libraries of its runs."""
        self._is_ready = self._is_ready or bool(self._process.stdout.readline())
        if not self._is_ready:
            raise EOFError

    def ask(self, job):
        """Send a job; return its answer and arrays."""
        self._printed = b""
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        answer, arrays = _receive(self._process.stdout)
        if answer["number"] != job["number"]:
            raise ValueError(f"answer {answer['number']} came to job {job['number']}")
        return answer, arrays

    def has_ended(self):
        return self._process.poll() is not None

    def end(self):
        """End the process and all that it started; return how it ended, in words."""
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        code = self._process.wait()
        self._reader.join(GRACE_SECONDS)
        number = -code if code < 0 else max(0, code - SIGNALS)
        how = f"killed by signal {number}" if number else f"exit code {code}"
        if number == 9:  # SIGKILL, which Windows has no name for
            how += "; the memory may not have sufficed"
        lines = self._printed.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), None)
        if last is not None:
            how += f"; the last line of its log: {last[:LONGEST_LINE]}"
        return how

    def _read_log(self):
        with self._process.stderr as stream:
            while text := stream.read1():
                self._printed = (self._printed + text)[-LOG_BYTES:]
                if self._log is not None:
                    with contextlib.suppress(OSError, ValueError):  # no room; or it is closed
                        self._log.write(text)
                        self._log.flush()


def pack_split(split):
    """Return a split as a dict of plain arrays, for a file or a wire."""
    packed = {}
    for name, X, y in (("train", *split[:2]), ("test", *split[2:])):
        if not isinstance(X, np.ndarray):  # series of unequal length, one behind the other
            packed[f"lengths_{name}"] = np.array([x.shape[1] for x in X])
            X = np.concatenate(X, axis=1)
        packed[f"X_{name}"], packed[f"y_{name}"] = X, without_objects(y)
    return packed


def read_split(path):
    """Return the split in an .npz file of arrays that :func:`pack_split` made."""
    split = []
    with np.load(path, allow_pickle=False) as arrays:
        for name in ("train", "test"):
            X = arrays[f"X_{name}"]
            if f"lengths_{name}" in arrays:
                X = np.split(X, np.cumsum(arrays[f"lengths_{name}"])[:-1], axis=1)
            split += [X, arrays[f"y_{name}"]]
    return tuple(split)


def _send(stream, message, arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **{name: without_objects(array) for name, array in arrays.items()})
    payload = buffer.getvalue()
    stream.write(json.dumps({**message, "bytes": len(payload)}).encode() + b"\n" + payload)
    stream.flush()


def _receive(stream):
    message = json.loads(stream.readline() or b"{}")
    payload = stream.read(message.get("bytes", 0))
    if len(payload) < message.get("bytes", 1):
        raise EOFError
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        return message, {name: arrays[name] for name in arrays.files}


# The functions below run in the process that is started.


def main(needs_keras=False):
    """Do the runs that come over standard input, until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of classifiers must not come between answers
    hardware(), commit()  # they are remembered
    if needs_keras:
        with contextlib.suppress(ImportError):  # the run raises it again
            _ = lstmfcn.FCNClassifier
    # Processes whose parents have ended become our children, and can be ended, too.
    can_inherit = _is_linux() and ctypes.CDLL(None).prctl(BECOME_SUBREAPER, 1, 0, 0, 0) == 0
    can_fork = can_inherit and _can_fork()
    answers.write(b"ready\n")
    answers.flush()
    for line in iter(sys.stdin.buffer.readline, b""):
        job = json.loads(line)
        if not can_fork:
            threading.Thread(target=_end_with_parent, daemon=True).start()
            answer = _do(job, is_last=True)
            _end_children()
            _send(answers, *answer)
            break
        with tempfile.TemporaryFile() as file:
            code = _wait(_fork(job, file, answers))
            if code or not file.seek(0, os.SEEK_END):
                os._exit(code if code >= 0 else SIGNALS - code)
            file.seek(0)
            shutil.copyfileobj(file, answers)
            answers.flush()
    os._exit(0)  # tidying up would take Keras a second


def _is_linux():
    return sys.platform.startswith("linux")


def _can_fork():
    """Whether forking is safe: a child would wait for ever for a lock that a thread holds."""
    pid = os.fork()  # OpenBLAS ends its threads then, and starts them where they are needed
    if not pid:
        os._exit(0)
    latest = time.monotonic() + GRACE_SECONDS
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > latest:  # a library waits for ever in its handler for children
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        time.sleep(POLL_SECONDS / 10)
    return len(os.listdir("/proc/self/task")) == 1


def _fork(job, file, answers):
    """Start a process that does one run; return its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        answers.close()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        # Or classifiers without a random_state would draw alike in all runs.
        np.random.seed()  # noqa: NPY002
        here = os.getpid()
        message, arrays = _do(job)
        if os.getpid() == here:  # a process that the classifier forked may come back, too
            _send(file, message, arrays)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def _wait(pid):
    """Wait until a child has ended and end its own children; return its exit code."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            _end_children()
            return os.waitstatus_to_exitcode(status)
        if select.select([0], [], [], POLL_SECONDS)[0]:  # no job comes now: input has ended
            _end_children()
            os._exit(0)


def _end_children():
    """Kill the children of this process, and their children, which it inherits."""
    if not _is_linux():
        return
    latest = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < latest:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # none is left
            return
        if not ended:
            for pid in _children():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS / 10)


def _children():
    """Return the numbers of the processes whose parent this one is."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            # pid (name) state parent ...: a name may hold anything
            if int(path.read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(path.parent.name))
    return found


def _end_with_parent():
    sys.stdin.buffer.read()
    _end_children()
    os._exit(0)  # nobody waits for the run under way


def _do(job, is_last=False):
    """Do one run; return (message, arrays)."""
    head = {"number": job["number"], "is_last": is_last}
    try:
        record, predictions = experiment(
            Model(**job["model"]),
            Dataset(**job["dataset"]).load(),
            seed=job["seed"],
            resample=job["resample"],
            keep=job["keep"],
        )
        json.dumps(record, allow_nan=False)
    except BaseException as error:  # whatever a foreign classifier raises is this run's alone
        text = " ".join(str(error).split()) or "no message"
        return {**head, "reason": f"{type(error).__name__}: {text}"}, {}
    return {**head, "record": record}, predictions
