"""Are records the same after they were in one file, and is a damaged file refused?"""

import csv
import json
import re

import pytest

from lstmfcn.evaluation import Results, Run, add_records, read_records, score_table, write_records

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


def test_a_record_need_not_say_everything(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"dataset": "A", "model": "FCN", "seed": 0, "resample": 0, "accuracy": 1}\r\n')
    assert read_records(path)[0]["accuracy"] == 1
    assert score_table(read_records(path)).summary()[0]["mpce"] is None


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
        ("{", "line 2 of FILE is not a record: it is no JSON from column 2 on."),
        ("[" * 5000, "line 2 of FILE is not a record: its JSON is nested too deeply."),
        ("[" * 30 + "]" * 30, "line 2 of FILE is not a record: it is nested more than 20 deep."),
        ("[]", "line 2 of FILE is not a record: it is not a JSON object."),
        ('{"dataset": "A"}', "line 2 of FILE is not a record: it has no 'model'."),
        ({"seed": "0"}, "its 'seed' is '0', where a whole number of at least 0 belongs."),
        ({"seed": -1}, "its 'seed' is -1, where a whole number of at least 0 belongs."),
        ({"seed": True}, "its 'seed' is True, where a whole number of at least 0 belongs."),
        ({"dataset": ""}, "line 2 of FILE is not a record: dataset name '' is empty or no text."),
        ({"dataset": "A" * 300}, f"dataset name '{'A' * 30}'... is longer than 200 bytes."),
        ({"model": "a/b"}, "model name 'a/b' has characters that do not belong in a file name"),
        ({"accuracy": [0.5]}, "its 'accuracy' is [0.5], where a number from 0 to 1 belongs."),
        ({"accuracy": 1.5}, "its 'accuracy' is 1.5, where a number from 0 to 1 belongs."),
        ({"log_loss": -1}, "its 'log_loss' is -1, where a number of at least 0 belongs."),
        ({"n_classes": 2.5}, "its 'n_classes' is 2.5, where a whole number of at least 1 belongs."),
        ({"versions": []}, "its 'versions' is [], where an object belongs."),
        ({"anything": [{"at": float("nan")}]}, "it has nan, where a finite number belongs."),
        ({"began": "\ud800"}, "it has the text '\\ud800', which is not valid Unicode."),
        ({"seed": 0}, "line 2 of FILE is not a record: it repeats the run of line 1."),
        ({"parameters": {}}, "FILE has two different models called 'FCN'."),
    ],
)
def test_damaged_files_add_nothing(tmp_path, line, message):
    ours, path = records(tmp_path), tmp_path / "records.jsonl"
    line = line if isinstance(line, str) else json.dumps({**ours[1], **line})
    path.write_text(json.dumps(ours[0]) + "\n" + line + "\n", encoding="utf-8")
    theirs = Results(tmp_path / "theirs")
    with pytest.raises(ValueError, match=re.escape(message.replace("FILE", str(path)))):
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
