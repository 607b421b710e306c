"""Does `lstmfcn benchmark` run, compare and report sweeps, and refuse in one sentence?"""

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lstmfcn.cli import main
from lstmfcn.cli.benchmark import CONFIGURATION, FIRST_DATASETS
from lstmfcn.datasets import list_ucr
from lstmfcn.evaluation import Results, Run, ScoreTable, score_table

NEAREST = '1-NN=sklearn.neighbors:KNeighborsClassifier:{"n_neighbors": 1}'
FIVE = "5-NN=sklearn.neighbors:KNeighborsClassifier"
PLAN = ["--datasets", "GunPoint,ArrowHead", "--model", NEAREST, "--model", FIVE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "results"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["benchmark", "run", "--out", str(folder), *PLAN, "--seeds", "2"]) == 0
    assert "GunPoint: 1-NN 0.9133, 5-NN 0.8000" in printed.getvalue()
    return folder


def test_run_does_what_is_missing(folder, capsys):
    assert len(Results(folder).finished()) == 8
    assert main(["benchmark", "run", "--out", str(folder), *PLAN, "--seeds", "2"]) == 0
    assert "8 runs planned: 8 were finished, 0 are now" in capsys.readouterr().out


def test_table_prints_and_writes_the_scores(folder, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    assert main(["benchmark", "table", str(folder), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "GunPoint   0.9133  0.8000" in printed
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
    assert printed.startswith("dataset    LSTM-FCN (karim2018)  HC2 (middlehurst2024)    1-NN")
    row = next(line for line in printed.splitlines() if line.startswith("ArrowHead"))
    assert row.split() == ["ArrowHead", "0.8971", "0.8686", "0.8000", "0.6686"]
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
    assert "1.0000  1-NN" in printed and "no difference within: 1-NN, 5-NN" in printed
    assert "1-NN against 5-NN: 2 wins, 0 ties, 0 losses; adjusted p = 0.5" in printed


def test_few_datasets_and_a_diagram(folder, tmp_path, capsys):
    picture = tmp_path / "cd.png"
    assert main(["benchmark", "compare", str(folder), "--plot", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "with fewer than 6 datasets no difference can be significant at 0.05" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["cd", "cd.xyz", "nowhere/cd.png"])
def test_a_diagram_that_cannot_be_written_is_refused(folder, tmp_path, capsys, name):
    assert main(["benchmark", "compare", str(folder), "--plot", str(tmp_path / name)]) == 1
    printed = capsys.readouterr()
    endings = f"--plot {tmp_path / name} has none of the endings .png, .pdf, .svg."
    assert (endings if "nowhere" not in name else "nowhere does not exist") in printed.err
    assert printed.out == "" and not list(tmp_path.iterdir())


def test_table_and_compare_say_the_same_mean_ranks(tmp_path, capsys):
    scores = {"alone": [0.5, 0.5, 0.9], "best": [0.8, 0.8, 0.7], "tied": [0.8, 0.6, 0.7]}
    for model, row in scores.items():
        for dataset, accuracy in zip("abc", row, strict=True):
            Results(tmp_path).write(Run(dataset, model), {"accuracy": accuracy}, {})
    ranks = {"best": (1.5 + 1 + 2.5) / 3, "tied": (1.5 + 2 + 2.5) / 3, "alone": (3 + 3 + 1) / 3}
    assert main(["benchmark", "table", str(tmp_path)]) == 0
    of_datasets, of_models = capsys.readouterr().out.split("of tied models each has the mean of")
    assert of_datasets.split()[:4] == ["dataset", *ranks]  # best mean rank first
    lines = [line.split() for line in of_models.splitlines()[2:]]
    assert {line[0]: line[2] for line in lines} == {m: f"{rank:.4f}" for m, rank in ranks.items()}
    assert main(["benchmark", "compare", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert [f"  {rank:7.4f}  {model}" for model, rank in ranks.items()] == [
        line for line in printed.splitlines() if line.startswith("  ")
    ]


def test_a_sweep_that_has_only_begun_has_a_table(tmp_path, capsys):
    for dataset, model in ("ax", "by"):
        Results(tmp_path).write(Run(dataset, model), {"accuracy": 0.5}, {})
    assert main(["benchmark", "table", str(tmp_path), "--out", str(tmp_path / "x.csv")]) == 0
    printed = capsys.readouterr().out
    assert "no means and ranks: there is no dataset on which all models have results." in printed
    assert (tmp_path / "x.csv").read_text() == "dataset,x,y\na,0.5,\nb,,0.5\n"


def test_a_first_sweep_takes_small_datasets(tmp_path, capsys):
    command = ["benchmark", "run", "--out", str(tmp_path / "out"), "--list"]
    assert main(command) == 0
    *runs, last = capsys.readouterr().out.splitlines()
    assert last.startswith("24 runs planned: 0 are finished")
    listed = {line.split(" on ")[1].removesuffix(", seed 0") for line in runs}
    assert listed == set(FIRST_DATASETS) <= set(list_ucr())


def test_a_dry_run_lists_and_does_nothing(tmp_path, capsys):
    out = tmp_path / "results"
    assert main(["benchmark", "run", "--out", str(out), *PLAN, "--dry-run"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5 and "5-NN on GunPoint, seed 0" in printed
    assert printed[-1] == "4 runs planned: 0 are finished; nothing was done"
    assert not out.exists()


def test_epochs_are_those_of_our_own_models(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "lstmfcn.evaluation.sweep", lambda _, models, *args, **kw: seen.extend(models)
    )
    with contextlib.suppress(AttributeError):  # there is no result to print
        main(["benchmark", "run", "--out", "x", "--epochs", "3", "--models", "fcn,ensemble"])
    fcn, ensemble = (model.build() for model in seen)
    assert fcn.n_epochs == 3
    members = ensemble._new_members()
    assert [(len(one.n_filters), one.n_epochs) for one in members] == [(3, 3), (4, 3)] * 2


def test_epochs_that_nobody_takes_are_refused(tmp_path, capsys):
    plan = tmp_path / "plan.json"
    plan.write_text('{"models": {"F": {"target": "FCNClassifier"}}}')
    run = ["benchmark", "run", "--out", str(tmp_path / "out"), "--epochs", "2"]
    for further, name in (
        (["--model", "F=FCNClassifier"], "--model"),
        (["--config", str(plan)], "--config"),
    ):
        assert main([*run, *further]) == 1
        sentence = f"--epochs is for --models; in {name}, epochs are among a model's parameters."
        assert sentence in capsys.readouterr().err


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
    told = capsys.readouterr().err
    assert "it has the key 'model'; it may have datasets, models" in told
    assert told.endswith("missing; the nearest name is models.\n")


WHOLE = "a number of at least 1"
NAMES = "a list of names"
MODELS = 'an object of names and {"target": TEXT, "parameters": OBJECT}'


@pytest.mark.parametrize(
    "plan, message",
    [
        ("{", "it is no JSON from column 2 on"),
        ("[" * 5000, "its JSON is nested too deeply"),
        ("[1]", f"it is no object; it may have {', '.join(CONFIGURATION)}"),
        ('{"seeds": "3"}', f"its 'seeds' is '3', where {WHOLE} belongs"),
        ('{"resamples": true}', f"its 'resamples' is True, where {WHOLE} belongs"),
        ('{"datasets": [null]}', f"its 'datasets' is [None], where {NAMES} belongs"),
        ('{"datasets": "GunPoint"}', f"its 'datasets' is 'GunPoint', where {NAMES} belongs"),
        ('{"missing": []}', "its 'missing' is [], where one of error, interpolate belongs"),
        ('{"archive": 1}', "its 'archive' is 1, where a path belongs"),
        ('{"models": ["fcn"]}', f"its 'models' is ['fcn'], where {MODELS} belongs"),
        ('{"models": {"a": {}}}', f"its 'models' is {{'a': {{}}}}, where {MODELS} belongs"),
        (
            '{"models": {"a": {"target": "b:C", "foo": 1}}}',
            "its model 'a' has the key 'foo'; it may have target, parameters; no name there is "
            "near it",
        ),
        (
            '{"models": {"a": {"taget": "b:C"}}}',
            "its model 'a' has the key 'taget'; it may have target, parameters; the nearest name "
            "is target",
        ),
        (
            '{"models": {"a": {"target": "b:C", "parameters": {"d": NaN}}}}',
            "it has nan, where a finite number belongs",
        ),
    ],
)
def test_a_configuration_is_checked(tmp_path, capsys, plan, message):
    path = tmp_path / "plan.json"
    path.write_text(plan)
    assert main(["benchmark", "run", "--config", str(path), "--out", str(tmp_path / "out")]) == 1
    assert f"error: {path} is no configuration: {message}.\n" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "--out", "OUT", "--models", "lstm"], "model 'lstm' is unknown; choose of lstmfcn"),
        (
            ["run", "--out", "OUT", "--dask", "local", "--scheduler", "tcp://x:1"],
            "choose one of them",
        ),
        (["table", "OUT"], "error: the folder OUT does not exist."),
        (["compare", "OUT"], "error: the folder OUT does not exist."),
        (["report", "OUT", "--out", "r.html"], "error: the folder OUT does not exist."),
        (["export", "OUT", "--out", "files"], "error: the folder OUT does not exist."),
        (["table", "."], "error: . is no folder of results; name the --out of benchmark run."),
        (["import", "OUT", "--into", "OUT"], "error: OUT does not exist."),
        (
            ["run", "--out", "OUT", *PLAN, "--time-limit", "inf"],
            "error: --time-limit inf is not a number of seconds; pass one above 0.",
        ),
        (["run", "--out", "OUT", *PLAN, "--archive", "nowhere"], "nowhere"),
        (["run", "--out", "OUT", "--datasets", "GunPont"], "the nearest name is GunPoint. For oth"),
        (
            ["run", "--out", "OUT", "--datasets", "GunPoint", "--model", "a=nowhere.at:All"],
            "the model 'a' is in the package 'nowhere', which is not installed.",
        ),
        (
            ["run", "--out", "OUT", "--datasets", "GunPoint", "--model", "a=LSTMFCNClasifier"],
            "the model 'a' is 'LSTMFCNClasifier', which lstmfcn does not have;",
        ),
    ],
)
def test_refusals(tmp_path, arguments, message, capsys):
    out = str(tmp_path / "out")
    assert main(["benchmark", *(out if a == "OUT" else a for a in arguments)]) == 1
    printed = capsys.readouterr()
    assert message.replace("OUT", out) in printed.err + printed.out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--seeds", "0"], "'0' is not a whole number from 1 to 4294967295"),
        (["--jobs", "9" * 5000], f"'{'9' * 40}...' is not a whole number from 1 to 4294967295"),
        (["--model", "KNeighborsClassifier"], "is not NAME=MODULE:CLASS"),
        (
            ["--model", "a=b:C:{1}"],
            "parameters of a are no JSON object: it is no JSON from column 2",
        ),
        (["--model", 'a=b:C:{"d": NaN}'], "it has nan, where a finite number belongs"),
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


def test_a_damaged_record_is_named_and_the_others_are_shown(folder, tmp_path, capsys):
    damaged, page = tmp_path / "damaged", tmp_path / "report.html"
    shutil.copytree(folder, damaged)
    path = damaged / "runs" / "1-NN" / "GunPoint" / "seed1-resample0.json"
    path.write_text('{"accuracy": 0.5}')
    (damaged / "runs" / "5-NN" / "ArrowHead" / "seed0-resample0.npz").write_text("no arrays")
    sentence = f"{path} is not a record: it has no 'dataset'; delete it to run again."
    assert main(["benchmark", "table", str(damaged)]) == 0
    printed = capsys.readouterr().out
    assert f"1 runs failed:\n  1-NN on GunPoint, seed 1: {sentence}\n" in printed
    assert "GunPoint   0.9133  0.8000" in printed
    assert main(["benchmark", "compare", str(damaged)]) == 0
    assert f"left out: {sentence}\n" in capsys.readouterr().out
    assert main(["benchmark", "report", str(damaged), "--out", str(page)]) == 0
    assert "it has no 'dataset'; delete it to run again" in page.read_text(encoding="utf-8")
    assert main(["benchmark", "export", str(damaged), "--out", str(tmp_path / "files")]) == 1
    assert "error: 3 of 4 runs were written, but not these:\n  " in capsys.readouterr().err
    assert len(list((tmp_path / "files").rglob("*.csv"))) == 3


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
        "arithmetic_rank": 1.25,  # 1 and 1.5
        "geometric_rank": pytest.approx(1.5**0.5),
        "mpce": pytest.approx(0.0875),
        "best": 2,
    }
    assert second["arithmetic_rank"] == 1.75 and second["best"] == 1
    assert second["mpce"] == pytest.approx((0.15 + 0.125) / 2)


def test_models_are_compared_on_the_resamples_that_all_have():
    ours = [record("A", "ours", 0.9, resample=0), record("A", "ours", 0.5, resample=0, seed=1)]
    theirs = [record("A", "theirs", 0.8 - k / 10, resample=k) for k in range(3)]
    with pytest.warns(UserWarning, match="have different resamples of A; only those count that"):
        table = score_table([*ours, *theirs])
    assert table.scores.round(3).tolist() == [[0.7, 0.8]] and table.n_runs.tolist() == [[2, 1]]
    with pytest.warns(UserWarning, match="different resamples"):
        apart = score_table([record("A", "ours", 0.9, resample=1), theirs[0]])
    assert np.isnan(apart.scores).all()


def test_each_resample_counts_as_much_however_many_seeds_it_has():
    scores = {0: 0.9, 1: 0.5}
    runs = [("A", 0, 5), ("A", 1, 1), ("B", 0, 1), ("B", 1, 5)]  # model, resample, seeds
    records = [
        record("one", model, scores[resample], resample=resample, seed=seed)
        for model, resample, n_seeds in runs
        for seed in range(n_seeds)
    ]
    table = score_table(records)
    assert table.scores.round(3).tolist() == [[0.7, 0.7]] and table.n_runs.tolist() == [[6, 6]]


def test_of_a_loss_less_is_better():
    records = [record("a", "one", 0.5, log_loss=0.2), record("a", "two", 0.9, log_loss=0.4)]
    assert score_table(records, "log_loss").summary()[0]["model"] == "one"
    costs = [record("a", "one", 0.5, epochs=20), record("a", "two", 0.9, epochs=10)]
    assert score_table(costs, "epochs").summary()[0]["model"] == "two"
    with pytest.raises(ValueError, match="metric='f2' is unknown; choose one of 'accuracy'"):
        score_table(records, "f2")
    with pytest.raises(ValueError, match="no dataset on which all models"):
        score_table([record("a", "one", 0.5), record("b", "two", 0.5)]).complete()
