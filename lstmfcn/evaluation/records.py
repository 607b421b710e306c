"""How are the records of a sweep written to one file, and checked when they are read?

Such a file holds no predictions. It can be committed or sent to a colleague, and a sweep can
continue from it. A ValueError about a record begins with "it"; callers put the file's name before.
"""

import json
import math
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as brief

from lstmfcn.files import atomic_path, write_csv
from lstmfcn.untrusted import decode_json, read_text

RUN = ("dataset", "model", "seed", "resample")
MODEL_NAME = re.compile(r"[\w.+ ()-]*\w[\w.+ ()-]*")
LONGEST_NAME = 200  # bytes of a file's name; file systems take 255 with its ending
DEEPEST = 20  # lists and objects within each other
LARGEST = 2**63
ROUNDING = 1e-6  # that numbers may be out of their range by

# Type, least and most value of a field, and the words for them.
FRACTION = ((int, float), -ROUNDING, 1 + ROUNDING, "a number from 0 to 1")
AMOUNT = ((int, float), -ROUNDING, LARGEST, "a number of at least 0")
COUNT = (int, 0, LARGEST, "a whole number of at least 0")
SIZE = (int, 1, LARGEST, "a whole number of at least 1")
FIELDS = {
    **dict.fromkeys(("accuracy", "balanced_accuracy", "weighted_f1", "auroc"), FRACTION),
    "per_class_error": FRACTION,
    **dict.fromkeys(("log_loss", "fit_seconds", "predict_seconds"), AMOUNT),
    **dict.fromkeys(("seed", "resample", "epochs", "n_parameters", "peak_memory_bytes"), COUNT),
    **dict.fromkeys(("n_train", "n_test", "n_channels", "n_timepoints", "n_classes"), SIZE),
    **dict.fromkeys(("target", "began", "commit", "data", "reason"), (str, None, None, "a text")),
    **dict.fromkeys(("versions", "hardware"), (dict, None, None, "an object")),
    "parameters": ((dict, str), None, None, "an object or a text"),  # text in tsml files
}
OF_TSML = {"target": "results in tsml's format", "parameters": {}}  # what such a model is


@dataclass(frozen=True, order=True)
class Run:
    """One classifier, trained and tested once.

    Parameters
    ----------
    dataset, model : str
    seed : int, default=0
        The classifier's ``random_state``.
    resample : int, default=0
        Number of the split; see :func:`lstmfcn.evaluation.stratified_resample`.
    """

    dataset: str
    model: str
    seed: int = 0
    resample: int = 0

    def __str__(self):
        split = f", resample {self.resample}" if self.resample else ""
        return f"{self.model} on {self.dataset}, seed {self.seed}{split}"


def write_records(records, path):
    """Write records to one file.

    Parameters
    ----------
    records : list of dict
        From :meth:`lstmfcn.evaluation.Results.records`.
    path : str or path-like
        ``.jsonl``: all fields, one line of JSON per record; ``.csv``: the numbers, for a
        spreadsheet.

    See Also
    --------
    read_records, add_records

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.evaluation import read_records, write_records
    >>> run = {"dataset": "Mine", "model": "FCN", "seed": 0, "resample": 0}
    >>> path = Path(tempfile.mkdtemp()) / "records.jsonl"
    >>> write_records([{**run, "accuracy": 0.75}], path)
    >>> read_records(path)[0]["accuracy"]
    0.75
    """
    path = Path(path)
    if not records:
        raise ValueError("there are no results yet; do a sweep first.")
    if path.suffix == ".jsonl":
        lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
        with atomic_path(path) as temporary:
            temporary.write_bytes("".join(lines).encode())
    elif path.suffix == ".csv":
        fields = [field for record in records for field in record.items()]
        columns = dict.fromkeys(key for key, value in fields if not isinstance(value, (dict, list)))
        write_csv(path, list(columns), records)
    else:
        raise ValueError(f"{path} ends in neither .jsonl nor .csv; name one such file.")


def read_records(path):
    """Return the records of a ``.jsonl`` file that :func:`write_records` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of dict

    See Also
    --------
    write_records : with an example.
    """
    try:
        lines = read_text(path).split("\n")
    except ValueError as error:
        raise ValueError(f"{path} holds no records: {error}.") from None
    records, places = [], {}
    for number, line in enumerate(lines if lines[-1] else lines[:-1], start=1):
        try:
            record = parse_json(line)
            check_record(record)
            first = places.setdefault(tuple(record[key] for key in RUN), number)
            if first < number:
                raise ValueError(f"it repeats the run of line {first}")
        except ValueError as error:
            raise ValueError(f"line {number} of {path} is not a record: {error}.") from None
        records.append(record)
    return records


def add_records(path, results):
    """Add the records of a ``.jsonl`` file to a folder of results, without predictions.

    Parameters
    ----------
    path : str or path-like
    results : Results

    Returns
    -------
    int
        Number of runs added. Runs that the folder already has stay as they are. If the file is
        damaged, or a model's name stands for another model in the folder, no run is added.

    See Also
    --------
    write_records : makes the file.
    """
    records = read_records(path)
    models = {}
    for record in records:
        description = {key: record.get(key) for key in ("target", "parameters")}
        if isinstance(record.get("parameters"), str):  # the text of a file, another one each time
            description = OF_TSML
        if models.setdefault(record["model"], description) != description:
            raise ValueError(f"{path} has two different models called {record['model']!r}.")
    for name, description in models.items():
        results.register(name, description)
    found = {Run(*(record[key] for key in RUN)): record for record in records}
    new = found.keys() - results.finished()
    for run in new:
        results.write(run, found[run], {})
    return len(new)


def check_record(record):
    """Refuse a value that is not the record of a run.

    Fields of :data:`FIELDS` may be missing; further fields may hold any JSON.
    """
    check_json(record)
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    for field in RUN:
        if record.get(field) is None:
            raise ValueError(f"it has no {field!r}")
    to_file_name(record["dataset"])
    check_model_name(record["model"])
    for field in record.keys() & FIELDS.keys():
        value, (kind, least, most, expected) = record[field], FIELDS[field]
        if value is None:
            continue
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits or (least is not None and not least <= value <= most):
            raise ValueError(f"its {field!r} is {brief(value)}, where {expected} belongs")


def check_json(value, depth=0):
    """Refuse a value that JSON cannot hold, or that is nested too deeply."""
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"it has the text {brief(value)}, which is not valid Unicode")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"it has {value}, where a finite number belongs")
    elif isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"it has the key {brief(key)}, where a text belongs")
        check_json([*value, *value.values()], depth)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            check_json(entry, depth + 1)
    elif value is not None and not isinstance(value, int):
        raise ValueError(f"it has a {type(value).__name__}, which is not a JSON value")


def parse_json(text):
    """Return the value of a text of JSON whose numbers are finite."""
    value = decode_json(text)
    check_json(value)
    return value


def check_model_name(name):
    """Refuse a name that tables cannot show or file names cannot hold."""
    if not isinstance(name, str) or not MODEL_NAME.fullmatch(name):
        raise ValueError(
            f"model name {brief(name)} has characters that do not belong in a file name; use "
            "letters, digits, spaces and .+-_()"
        )
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"model name {name[:30]!r}... is longer than {LONGEST_NAME} bytes")


def to_file_name(dataset):
    """Return the name of the folder of a dataset's records: a dataset's name may be a path."""
    if not isinstance(dataset, str) or not dataset:
        raise ValueError(f"dataset name {brief(dataset)} is empty or no text")
    check_json(dataset)
    name = urllib.parse.quote(dataset, safe=" ()+")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) > LONGEST_NAME:
        raise ValueError(f"dataset name {dataset[:30]!r}... is longer than {LONGEST_NAME} bytes")
    return name
