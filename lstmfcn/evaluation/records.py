"""What is a record, and is this one? One reader for those of this package and those of others.

A message of a :class:`ValueError` from here goes on from the name of a file: "it is not JSON".
"""

import json
import math
import os
import re
import stat
import urllib.parse
from reprlib import repr as brief

__all__ = [
    "RUN",
    "check_json",
    "check_model_name",
    "check_record",
    "is_whole",
    "parse_json",
    "read_json",
    "read_text",
    "to_file_name",
]

RUN = ("dataset", "model", "seed", "resample")
MODEL_NAME = re.compile(r"[\w.+ ()-]*\w[\w.+ ()-]*")
LONGEST_NAME = 200  # bytes of a file's name; file systems take 255 with its ending
LARGEST_FILE = 2**30  # bytes
DEEPEST = 20  # lists and objects within each other
LARGEST = 2**63
ROUNDING = 1e-6  # that numbers may be out of their range by

# Field -> least and most; whole numbers.
COUNTS = {
    **dict.fromkeys(("seed", "resample"), (0, LARGEST)),
    **dict.fromkeys(("epochs", "n_parameters", "peak_memory_bytes"), (0, LARGEST)),
    **dict.fromkeys(("n_train", "n_test", "n_channels", "n_timepoints", "n_classes"), (1, LARGEST)),
}
# Field -> least and most.
NUMBERS = {
    **dict.fromkeys(("accuracy", "balanced_accuracy", "weighted_f1", "auroc"), (0, 1)),
    **dict.fromkeys(("per_class_error",), (0, 1)),
    **dict.fromkeys(("log_loss", "fit_seconds", "predict_seconds"), (0, LARGEST)),
}
KINDS = {
    **dict.fromkeys(("target", "began", "commit", "reason"), (str,)),
    **dict.fromkeys(("versions", "hardware"), (dict,)),
    "parameters": (dict, str),  # words in files of others
}
WORDS = {str: "a text", dict: "an object", object: ""}


def check_record(record):
    """Refuse what is no record of a run.

    Parameters
    ----------
    record : JSON value
        Of the fields that :func:`lstmfcn.evaluation.experiment` gives, it may lack all; others may
        hold any JSON.

    Raises
    ------
    ValueError
        Naming the field.

    Examples
    --------
    >>> from lstmfcn.evaluation.records import check_record
    >>> run = {"dataset": "GunPoint", "model": "FCN", "seed": 0, "resample": 0}
    >>> check_record({**run, "accuracy": 0.9})
    >>> check_record({**run, "accuracy": 9})
    Traceback (most recent call last):
    ValueError: its 'accuracy' is 9, where a number from 0 to 1 belongs
    """
    check_json(record)
    if not isinstance(record, dict):
        raise ValueError("it is no object with fields")
    for field in RUN:
        if record.get(field) is None:
            raise ValueError(f"it has no {field!r}")
    to_file_name(record["dataset"])
    check_model_name(record["model"])
    for field, value in record.items():
        if value is None:
            continue
        if field in COUNTS:
            low, high = COUNTS[field]
            belongs = is_whole(value) and low <= value < high
            expected = f"a whole number of at least {low}"
        elif field in NUMBERS:
            low, high = NUMBERS[field]
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            belongs = is_number and low - ROUNDING <= value <= high + ROUNDING
            expected = "a number from 0 to 1" if high == 1 else "a number of at least 0"
        else:
            kinds = KINDS.get(field, (object,))
            belongs = isinstance(value, kinds)
            expected = " or ".join(WORDS[kind] for kind in kinds)
        if not belongs:
            raise ValueError(f"its {field!r} is {brief(value)}, where {expected} belongs")


def check_json(value, depth=0):
    """Refuse what JSON cannot say, or no file should."""
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"it has {value}, where a finite number belongs")
    elif isinstance(value, dict):
        for key, entry in value.items():
            if not isinstance(key, str):
                raise ValueError(f"it has the key {brief(key)}, where a text belongs")
            _check_text(key)
            check_json(entry, depth + 1)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            check_json(entry, depth + 1)
    elif value is not None and not isinstance(value, int):
        raise ValueError(f"it has a {type(value).__name__}, which is no JSON value")


def check_model_name(name):
    """Refuse what cannot name a model: tables show it, and files are called so."""
    if not isinstance(name, str) or not MODEL_NAME.fullmatch(name):
        raise ValueError(
            f"model name {brief(name)} has characters that do not belong into a file name; use "
            "letters, digits, spaces and .+-_()"
        )
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"model name {name[:30]!r}... is longer than {LONGEST_NAME} bytes")


def to_file_name(dataset):
    """Return what a dataset's folder of records is called: its name may be a path."""
    if not isinstance(dataset, str) or not dataset:
        raise ValueError(f"dataset name {brief(dataset)} is empty or no text")
    _check_text(dataset)
    name = urllib.parse.quote(dataset, safe=" ()+")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) > LONGEST_NAME:
        raise ValueError(f"dataset name {dataset[:30]!r}... is longer than {LONGEST_NAME} bytes")
    return name


def is_whole(value):
    """Whether a value is a whole number; True is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def read_text(path):
    """Return the text of a file."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no file")
    if found.st_size > LARGEST_FILE:
        raise ValueError(f"it has {found.st_size} bytes, more than {LARGEST_FILE}")
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None


def read_json(path):
    """Return the value in a file of JSON."""
    return parse_json(read_text(path))


def parse_json(text):
    """Return the value of a text of JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    check_json(value)
    return value


def _check_text(text):
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"it has the text {brief(text)}, which is no Unicode")
