"""How do the numbers of a whole sweep fit into one file, and come back from it?

Predictions stay behind: such a file is what one commits, or sends to a colleague, and a sweep
goes on from it.
"""

import csv
import json
from pathlib import Path

from lstmfcn.atomic import atomic_path
from lstmfcn.evaluation.records import RUN, check_record, parse_json, read_text
from lstmfcn.evaluation.results import Run

__all__ = ["add_records", "read_records", "write_records"]


def write_records(records, path):
    """Write records to one file.

    Parameters
    ----------
    records : list of dict
        Of :meth:`lstmfcn.evaluation.Results.records`.
    path : str or path-like
        ``.jsonl``: everything, a line of JSON for each; ``.csv``: the numbers, for a spreadsheet.

    Raises
    ------
    ValueError
        If there are no records, or the path ends in something else.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.evaluation import Results, Run, add_records, write_records
    >>> ours, theirs = Results(tempfile.mkdtemp()), Results(tempfile.mkdtemp())
    >>> record = {"accuracy": 0.75, "target": "FCNClassifier", "parameters": {}}
    >>> ours.write(Run("Mine", "FCN"), record, {"y_pred": [0, 1]})
    >>> path = Path(tempfile.mkdtemp()) / "records.jsonl"
    >>> write_records(ours.records(), path)
    >>> add_records(path, theirs), theirs.records() == ours.records()
    (1, True)
    """
    path = Path(path)
    if not records:
        raise ValueError("there are no results yet; do a sweep first.")
    if path.suffix not in (".jsonl", ".csv"):
        raise ValueError(f"{path} ends in neither .jsonl nor .csv; name one such file.")
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            for record in records:
                file.write(json.dumps(record, allow_nan=False) + "\n")
            return
        columns = dict.fromkeys(
            key
            for record in records
            for key, value in record.items()
            if not isinstance(value, (dict, list))
        )
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([record.get(column) for column in columns] for record in records)


def read_records(path):
    """Return the records of a ``.jsonl`` file that :func:`write_records` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If a line is no record, or two are of one run.
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
                raise ValueError(f"it is of the run of line {first}")
        except ValueError as error:
            raise ValueError(f"line {number} of {path} is no record: {error}.") from None
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
        How many runs were added. Those that are there already are left as they are.

    Raises
    ------
    ValueError
        If the file is damaged, or a model's name stands for something else in the folder; no
        run is added then.
    """
    records = read_records(path)
    models = {}
    for record in records:
        description = {key: record.get(key) for key in ("target", "parameters")}
        if models.setdefault(record["model"], description) != description:
            raise ValueError(f"{path} has two different models called {record['model']!r}.")
    for name, description in models.items():
        results.register(name, description)
    finished = results.finished()
    new = {Run(*(record[key] for key in RUN)): record for record in records}
    new = {run: record for run, record in new.items() if run not in finished}
    for run, record in new.items():
        results.write(run, record, {})
    return len(new)
