"""Does `lstmfcn benchmark` do what it says, and refuse what it cannot do with one sentence?"""

import contextlib
import csv
import io
import json
from pathlib import Path

import pytest

from lstmfcn.cli import main
from lstmfcn.evaluation import Results, ScoreTable, score_table

NEAREST = '1-NN=sklearn.neighbors:KNeighborsClassifier:{"n_neighbors": 1}'
FIVE = "5-NN=sklearn.neighbors:KNeighborsClassifier"
PLAN = ["--datasets", "GunPoint,ArrowHead", "--model", NEAREST, "--model", FIVE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "results"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(["benchmark", "run", "--out", str(folder), *PLAN, "--seeds", "2"]) == 0
    assert "GunPoint: 1-NN 0.9133, 5-NN 0.8000" in said.getvalue()
    return folder


def test_run_does_what_is_missing(folder, capsys):
    assert len(Results(folder).finished()) == 8
    assert main(["benchmark", "run", "--out", str(folder), *PLAN, "--seeds", "2"]) == 0
    assert "8 runs planned: 8 were finished, 0 are now" in capsys.readouterr().out


def test_table_prints_and_writes_the_scores(folder, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    assert main(["benchmark", "table", str(folder), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "GunPoint    0.9133   0.8000" in printed
    assert "accuracy over the 2 datasets that all models have" in printed
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["dataset"] for row in rows] == ["ArrowHead", "GunPoint"]
    assert float(rows[1]["1-NN"]) == pytest.approx(137 / 150)
    assert main(["benchmark", "table", str(folder), "--metric", "log_loss"]) == 0
    runs = tmp_path / "runs.csv"
    assert main(["benchmark", "table", str(folder), "--runs", str(runs)]) == 0
    rows = list(csv.DictReader(runs.read_text().splitlines()))
    assert len(rows) == 8 and float(rows[0]["accuracy"]) == Results(folder).records()[0]["accuracy"]


def test_a_sweep_goes_on_from_one_file(folder, tmp_path, capsys):
    runs, back = tmp_path / "runs.jsonl", str(tmp_path / "back")
    assert main(["benchmark", "table", str(folder), "--runs", str(runs)]) == 0
    assert main(["benchmark", "import", str(runs), "--into", back]) == 0
    assert Results(back).records() == Results(folder).records()
    assert main(["benchmark", "import", str(runs), "--into", back]) == 0
    assert "0 runs added" in capsys.readouterr().out
    assert main(["benchmark", "run", "--out", back, *PLAN, "--seeds", "3"]) == 0
    assert "12 runs planned: 8 were finished, 4 are now" in capsys.readouterr().out
    assert main(["benchmark", "report", back, "--out", str(tmp_path / "report.html")]) == 0


def test_published_accuracies_stand_beside_ours(folder, capsys):
    published = ["--published", "HC2,karim2018:LSTM-FCN"]
    assert main(["benchmark", "table", str(folder), *published]) == 0
    printed = capsys.readouterr().out
    assert "HC2 (middlehurst2024) LSTM-FCN (karim2018)" in printed
    row = next(line for line in printed.splitlines() if line.startswith("ArrowHead"))
    assert row.split() == ["ArrowHead", "0.8000", "0.6686", "0.8686", "0.8971"]
    assert main(["benchmark", "compare", str(folder), *published]) == 0
    assert "HC2 (middlehurst2024) against" in capsys.readouterr().out


def test_files_of_the_field(folder, tmp_path, capsys):
    assert main(["benchmark", "export", str(folder), "--out", str(tmp_path / "files")]) == 0
    into = ["--into", str(tmp_path / "back")]
    assert main(["benchmark", "import", str(tmp_path / "files"), *into]) == 0
    assert "4 runs added" in capsys.readouterr().out
    assert len(Results(tmp_path / "back").finished()) == 4


def test_compare_tests_the_pairs(folder, capsys):
    assert main(["benchmark", "compare", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "1.000  1-NN" in printed and "no difference within: 1-NN, 5-NN" in printed
    assert "1-NN against 5-NN: 2 wins, 0 ties, 0 losses; adjusted p = 0.5" in printed


def test_a_configuration_says_what_the_sweep_is(tmp_path, capsys):
    plan = {
        "datasets": ["GunPoint"],
        "models": {"near": {"target": "sklearn.neighbors:KNeighborsClassifier"}},
        "resamples": 2,
    }
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    command = ["benchmark", "run", "--config", str(path), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert {run.resample for run in Results(tmp_path / "out").finished()} == {0, 1}
    path.write_text(json.dumps({**plan, "model": {}}))
    assert main(command) == 1
    assert "has model; it may have datasets, models" in capsys.readouterr().err
    path.write_text("{")
    assert main(command) == 1
    assert "plan.json is no JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "--out", "OUT", "--models", "lstm"], "model 'lstm' is unknown; choose of lstmfcn"),
        (
            ["run", "--out", "OUT", "--dask", "local", "--scheduler", "tcp://x:1"],
            "choose one of them",
        ),
        (["table", "OUT"], "there are no results yet"),
        (["compare", "OUT"], "there are no results yet"),
        (["run", "--out", "OUT", *PLAN, "--archive", "nowhere"], "nowhere"),
    ],
)
def test_refusals(tmp_path, arguments, message, capsys):
    out = str(tmp_path / "out")
    assert main(["benchmark", *(out if a == "OUT" else a for a in arguments)]) == 1
    printed = capsys.readouterr()
    assert message in printed.err + printed.out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--seeds", "0"], "0 is not a whole number of at least 1"),
        (["--model", "KNeighborsClassifier"], "is not NAME=MODULE:CLASS"),
        (["--model", "a=b:C:{1}"], "the parameters of a are no JSON"),
    ],
)
def test_wrong_usage(tmp_path, arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["benchmark", "run", "--out", str(tmp_path / "out"), *arguments])
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_failed_runs_end_with_a_failure(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    out = tmp_path / "out"
    command = ["benchmark", "run", "--out", str(out), "--datasets", "GunPoint"]
    assert main([*command, "--model", "bad=foreign:Raises", "--model", NEAREST]) == 1
    assert "1 runs failed, for the reasons above" in capsys.readouterr().err
    assert main(["benchmark", "table", str(out)]) == 0
    assert "bad on GunPoint, seed 0: RuntimeError: the bottom fell out" in capsys.readouterr().out


# Tables


def record(dataset, model, accuracy, **more):
    return {"dataset": dataset, "model": model, "accuracy": accuracy, "n_classes": 2, **more}


def test_a_table_keeps_the_datasets_that_all_models_have():
    records = [
        record("b", "one", 0.8),
        record("b", "one", 0.6),
        record("b", "two", 0.9),
        record("A", "one", 0.5),
        record("c", "one", 0.75),
        record("c", "two", 0.75),
    ]
    table = score_table(records)
    assert isinstance(table, ScoreTable) and table.datasets == ["A", "b", "c"]
    assert table.n_runs.tolist() == [[1, 0], [2, 1], [1, 1]]
    assert table.complete().datasets == ["b", "c"]
    first, second = table.summary()
    assert first == {
        "model": "two",
        "mean": pytest.approx(0.825),
        "arithmetic_rank": 1.0,
        "geometric_rank": 1.0,
        "mpce": pytest.approx(0.0875),
        "best": 2,
    }
    assert second["arithmetic_rank"] == 1.5 and second["best"] == 1
    assert second["mpce"] == pytest.approx((0.15 + 0.125) / 2)


def test_of_a_loss_less_is_better():
    records = [record("a", "one", 0.5, log_loss=0.2), record("a", "two", 0.9, log_loss=0.4)]
    assert score_table(records, "log_loss").summary()[0]["model"] == "one"
    with pytest.raises(ValueError, match="no record has 'f2'; choose one of accuracy, log_loss"):
        score_table(records, "f2")
    with pytest.raises(ValueError, match="no dataset on which all models"):
        score_table([record("a", "one", 0.5), record("b", "two", 0.5)]).complete()
