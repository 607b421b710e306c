"""What has been asked and answered already? A file to which lines are added, never changed.

One JSON object on each line, of three kinds::

    {"kind": "run", "run": ..., "seed": 0, "batch_size": 20, "model": ..., ...}
    {"kind": "request", "run": ..., "batch": "3.1", "names": [...], "reply": ..., ...}
    {"kind": "sample", "key": ..., "name": ..., "status": "ok", "ranked": [...], "batch": ...}

A request's line and those of the samples it answers are written at once and reach the disk before
the next request: whatever is killed then, an answered sample is not asked about again.
"""

import contextlib
import json
import os
from pathlib import Path

from lstmfcn.emotion.zero_shot.answers import ANSWERED, Answer

__all__ = ["CACHE", "AnswerCache", "answered", "asked_model", "read_cache"]

CACHE = "answers.jsonl"
"""The file's name."""

BEGIN = b'{"kind": '


class AnswerCache:
    """The file of one folder, held by one process while it is open.

    Parameters
    ----------
    path : str or path-like
        A ``.jsonl`` file in a folder that exists; made if it is not there.

    Attributes
    ----------
    answers : dict of str to Answer
        Key of a sample -> what became of it last; once answered, or cut off behind a label, it
        stays so until it is answered wholly.
    n_damaged : int
        Lines that cannot be read: a process was killed while it wrote them.

    Raises
    ------
    BlockingIOError
        If another process has it open.
    ValueError
        If the file has lines, and none of a cache.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion.zero_shot.answers import Answer
    >>> from lstmfcn.emotion.zero_shot.cache import AnswerCache
    >>> path = Path(tempfile.mkdtemp()) / "answers.jsonl"
    >>> with AnswerCache(path) as cache:
    ...     cache.write([], {"k1": ("clip-1", Answer("ok", ("happy", "sad")), {})})
    >>> with AnswerCache(path) as cache:
    ...     cache.answers["k1"].ranked
    ('happy', 'sad')
    """

    def __init__(self, path):
        self.path = Path(path)
        self._file = open(self.path, "a+b")
        try:
            _hold(self._file)
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()  # which lets go of the lock, too

    def write(self, lines, answers):
        """Add lines, then what became of samples, and wait until the disk has them.

        Parameters
        ----------
        lines : list of dict
            Each with its ``kind``.
        answers : dict of key to (name, Answer, dict)
            The last tells where it was asked: batch, position, ...
        """
        lines = list(lines)
        for key, (name, answer, where) in answers.items():
            line = {"kind": "sample", "key": key, "name": name, "status": answer.status}
            line["ranked"] = list(answer.ranked)
            if answer.reason:
                line["reason"] = answer.reason
            lines.append({**line, **where})
            _note(self.answers, key, answer)
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        self._file.write(text.encode("ascii"))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self):
        self._file.seek(0)
        content = self._file.read()
        self.answers, self.n_damaged = _answers(self.path, content)
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")  # so that the torn line spoils no other


def read_cache(path):
    """Return the answers in a cache's file, whether or not another process writes to it.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to Answer
        See :class:`AnswerCache`; empty if there is no file.

    Raises
    ------
    ValueError
        If the file has lines, and none of a cache.
    """
    try:
        return _answers(path, Path(path).read_bytes())[0]
    except FileNotFoundError:
        return {}


def asked_model(path):
    """Return the model of the last run that wrote to a cache's file, or None without any.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    str or None
    """
    model = None
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        for line in file:
            with contextlib.suppress(ValueError, RecursionError):
                line = json.loads(line)
                if isinstance(line, dict) and line.get("kind") == "run":
                    model = line.get("model")
    return model if isinstance(model, str) else None


def answered(answers):
    """Return the keys, of a dict of key to Answer, that need not be asked about again."""
    return {key for key, answer in answers.items() if answer.status in ANSWERED}


def _answers(path, content):
    """Return key -> answer, and the number of damaged lines."""
    answers, n_read, n_damaged = {}, 0, 0
    for line in content.split(b"\n"):
        if not line.strip():
            continue
        try:
            line = json.loads(line)
            if line["kind"] == "sample":
                answer = Answer(line["status"], tuple(line["ranked"]), line.get("reason", ""))
                _note(answers, line["key"], answer)
            n_read += 1
        except (ValueError, TypeError, KeyError, RecursionError):
            n_damaged += 1
    first = content.split(b"\n", 1)[0]
    begins_as_ours = first.startswith(BEGIN) or BEGIN.startswith(first)
    if n_damaged and not n_read and not begins_as_ours:
        raise ValueError(f"{path} is no file of answers; move it away, or name another folder.")
    return answers, n_damaged


def _note(answers, key, answer):
    """Set the answer to a key, unless the one that is there tells more."""
    known = answers.get(key)
    if known is None or (known.status not in ANSWERED and (answer.ranked or not known.ranked)):
        answers[key] = answer


def _hold(file):
    """Lock an open file, or raise BlockingIOError."""
    try:
        import fcntl
    except ImportError:  # Windows: two runs in one folder may then ask twice
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(
            f"another process is asking and writes to {file.name}; wait until it is done."
        ) from None
    except OSError:  # a file system without locks
        return
