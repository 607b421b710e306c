"""What was answered before? A file to which lines are added, each a JSON object::

    {"kind": "run", "run": ..., "seed": 0, "batch_size": 20, "model": ..., ...}
    {"kind": "request", "run": ..., "batch": "3.1", "names": [...], "reply": ..., ...}
    {"kind": "sample", "key": ..., "name": ..., "status": "ok", "ranked": [...], "batch": ...}

A request's line and the lines of its samples reach the disk together, before the next request. An
answered sample is therefore not asked about again, whenever the process is killed.
"""

import contextlib
import json
import os
from pathlib import Path

from lstmfcn.files import locked
from lstmfcn.zero_shot.ask.answers import ANSWERED, STATUSES, Answer

CACHE = "answers.jsonl"  # the file's name
BEGIN = b'{"kind": '


class AnswerCache:
    """The file of one folder, held by one process while its ``with`` lasts.

    ``answers`` is a dict of a sample's key to its last Answer, or failure if there is none.
    """

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            if not stack.enter_context(locked(f"{self.path}.lock")):
                raise BlockingIOError(
                    f"another process is asking and writes to {self.path}; wait until it is done."
                )
            self._file = stack.enter_context(open(self.path, "a+b"))
            self._file.seek(0)
            content = self._file.read()
            self.answers = _answers(self.path, content)
            if content and not content.endswith(b"\n"):
                self._file.write(b"\n")  # so that the torn line damages no other
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def write(self, lines, answers):
        """Add lines (dicts), then answers: key -> (name, Answer, dict with batch, ...), to disk."""
        lines = list(lines)
        for key, (name, answer, where) in answers.items():
            line = {"kind": "sample", "key": key, "name": name, **vars(answer), **where}
            if not answer.reason:
                del line["reason"]
            lines.append(line)
            _note(self.answers, key, answer)
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        self._file.write(text.encode("ascii"))
        self._file.flush()
        os.fsync(self._file.fileno())


def read_cache(path):
    """Return key -> Answer in a cache's file, also while another process writes to it."""
    return _answers(path, Path(path).read_bytes()) if Path(path).exists() else {}


def last_run(path, variant=""):
    """Return what a cache's file says of the last run of a variant: its settings; {} without."""
    runs = [run for run in read_runs(path) if run.get("variant", variant) == variant]
    return runs[-1] if runs else {}


def read_runs(path):
    """Return what a cache's file says of each run, the first one first: list of dict."""
    lines = _lines(Path(path).read_bytes()) if Path(path).exists() else []
    return [line for line in lines if isinstance(line, dict) and line.get("kind") == "run"]


def runs_behind(path, keys):
    """Return what a cache's file says of the runs that answered some of these keys."""
    lines = _lines(Path(path).read_bytes()) if Path(path).exists() else []
    answers = ((line, _answer(line)) for line in lines)
    names = [
        line.get("run")
        for line, answer in answers
        if answer is not None and answer.status in ANSWERED and line["key"] in keys
    ]
    return [run for run in read_runs(path) if run.get("run") in names]


def asked_model(path, variant=""):
    """Return the model of the last run of a variant; None without such a run."""
    model = last_run(path, variant).get("model")
    return model if isinstance(model, str) else None


def answered(answers):
    """Return the keys of the answers that need not be asked about again."""
    return {key for key, answer in answers.items() if answer.status in ANSWERED}


def _lines(content):
    """Yield the JSON value of each line that is not blank; None for a damaged line."""
    for line in content.split(b"\n"):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _answer(line):
    """Return the answer in a line, or None if it is none, or not as a run writes it."""
    if not isinstance(line, dict) or line.get("kind") != "sample":
        return None
    status, ranked, reason = line.get("status"), line.get("ranked"), line.get("reason", "")
    if not isinstance(ranked, list) or status not in STATUSES:
        return None
    if status in ANSWERED and not ranked:
        return None
    if not all(isinstance(text, str) for text in (line.get("key"), reason, *ranked)):
        return None
    return Answer(status, tuple(ranked), reason)


def _answers(path, content):
    """Return key -> answer; refuse a file whose lines are none of a cache."""
    answers, n_read = {}, 0
    for line in _lines(content):
        n_read += isinstance(line, dict) and "kind" in line
        if (answer := _answer(line)) is not None:
            _note(answers, line["key"], answer)
    first = content.split(b"\n", 1)[0]
    if not (n_read or first.startswith(BEGIN) or BEGIN.startswith(first)):
        raise ValueError(f"{path} is no file of answers; move it away, or name another folder.")
    return answers


def _note(answers, key, answer):
    """Set the answer to a key, unless the present answer tells more."""
    known = answers.get(key)
    if known is None or (known.status not in ANSWERED and (answer.ranked or not known.ranked)):
        answers[key] = answer
