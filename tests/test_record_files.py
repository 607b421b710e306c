"""Do the numbers of a sweep survive one file, and is a damaged file refused?"""

import csv
import json

import pytest

from lstmfcn.evaluation import Results, Run, add_records, read_records, write_records

MODEL = {"target": "FCNClassifier", "parameters": {"n_epochs": 5}}


def records(tmp_path):
    found = Results(tmp_path / "ours")
    found.register("FCN", MODEL)
    for i, run in enumerate([Run("A, B", "FCN"), Run("A, B", "FCN", 1), Run("é", "FCN", 0, 2)]):
        record = {"accuracy": 0.1 * i, "auroc": None if i else 0.5, "versions": {}, **MODEL}
        found.write(run, record, {"y_pred": [0]})
    return found.records()


def test_lines_hold_everything(tmp_path):
    ours, path = records(tmp_path), tmp_path / "records.jsonl"
    write_records(ours, path)
    assert read_records(path) == ours
    theirs = Results(tmp_path / "theirs")
    assert add_records(path, theirs) == 3 and add_records(path, theirs) == 0
    assert theirs.records() == ours
    with pytest.raises(ValueError, match="theirs has no predictions of FCN on A, B, seed 1"):
        theirs.predictions(Run("A, B", "FCN", 1))


def test_a_spreadsheet_holds_the_numbers(tmp_path):
    ours, path = records(tmp_path), tmp_path / "records.csv"
    write_records(ours, path)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [row["dataset"] for row in rows] == ["A, B", "A, B", "é"]
    assert [row["auroc"] for row in rows] == ["0.5", "", ""]
    assert "versions" not in rows[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"line 2 of .* is no record \(Expecting property name"),
        ("[]", r"line 2 of .* is no record \(list indices"),
        ('{"dataset": "A"}', r"line 2 of .* is no record \('seed'\)"),
        ({"seed": "0"}, "line 2 of .* does not say which run it is of"),
        ({"seed": -1}, "line 2 of .* does not say which run it is of"),
        ({"dataset": ""}, "line 2 of .* does not say which run it is of"),
        ({"parameters": {}}, "has two different models called 'FCN'"),
    ],
)
def test_damaged_files_add_nothing(tmp_path, line, message):
    ours, path = records(tmp_path), tmp_path / "records.jsonl"
    line = line if isinstance(line, str) else json.dumps({**ours[1], **line})
    path.write_text(json.dumps(ours[0]) + "\n" + line + "\n", encoding="utf-8")
    theirs = Results(tmp_path / "theirs")
    with pytest.raises(ValueError, match=message):
        add_records(path, theirs)
    assert not theirs.finished()


def test_another_model_of_the_same_name_is_refused(tmp_path):
    write_records(records(tmp_path), tmp_path / "records.jsonl")
    theirs = Results(tmp_path / "theirs")
    theirs.register("FCN", {"target": "FCNClassifier", "parameters": {"n_epochs": 6}})
    with pytest.raises(ValueError, match="has results of another 'FCN'"):
        add_records(tmp_path / "records.jsonl", theirs)
    assert not theirs.finished()


@pytest.mark.parametrize(
    ("name", "message"), [("records.txt", "ends in neither .jsonl nor .csv"), (None, "no results")]
)
def test_what_cannot_be_written(tmp_path, name, message):
    ours = records(tmp_path) if name else []
    with pytest.raises(ValueError, match=message):
        write_records(ours, tmp_path / (name or "records.csv"))
    assert not list(tmp_path.glob("records*"))
