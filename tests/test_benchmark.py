"""Does a sweep do every run once, whatever the runs, the machine and other sweeps do?"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sktime
from conftest import SOAK

from lstmfcn import load
from lstmfcn.datasets import load_ucr
from lstmfcn.evaluation import Dataset, Model, Results, Run, experiment, sweep
from lstmfcn.evaluation.worker import Worker

HERE = Path(__file__).parent
QUICK = Model("quick", "foreign:Majority")
SETS = ["GunPoint", "ArrowHead"]


@pytest.fixture(autouse=True)
def foreign_classifiers_can_be_imported(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def done(folder):
    return sorted((r["dataset"], r["model"], r["seed"]) for r in Results(folder).records())


def test_a_sweep_does_what_is_planned_and_then_nothing_again(tmp_path):
    models = [QUICK, Model("slow", "foreign:Majority", {"seconds": 0.01})]
    result = sweep(SETS, models, tmp_path, seeds=(0, 1), jobs=2, verbose=0)
    runs = [(d, m, s) for d in SETS for m in ("quick", "slow") for s in (0, 1)]
    assert done(tmp_path) == sorted(runs)
    assert (result.planned, result.skipped, len(result.done), result.failed) == (8, 0, 8, {})
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("seed*")}
    assert len(files) == 16

    more = sweep(SETS, models, tmp_path, seeds=(0, 1, 2), verbose=0)
    assert (more.planned, more.skipped, len(more.done)) == (12, 8, 4)
    assert all(path.stat().st_mtime_ns == when for path, when in files.items())
    assert not list(tmp_path.rglob("*.claim"))


def test_other_data_of_the_same_name_are_told_and_not_mixed(tmp_path):
    bundled = Path(sktime.__file__).parent / "datasets" / "data" / "GunPoint"
    sweep(["GunPoint"], [QUICK], tmp_path / "out", jobs=1, verbose=0)
    again = shutil.copytree(bundled, tmp_path / "one" / "GunPoint").parent
    with pytest.warns(UserWarning, match=r"of another archive: GunPoint \(archive was"):
        result = sweep(["gunpoint"], [QUICK], tmp_path / "out", archive=again, jobs=1, verbose=0)
    assert (result.planned, result.skipped) == (1, 1)  # by either spelling
    (train,) = again.glob("GunPoint/*TRAIN.ts")
    *lines, last_but_one, last = train.read_text().splitlines()
    train.write_text("\n".join([*lines, last, last_but_one]))
    with pytest.warns(UserWarning, match="Finished runs stay"):
        more = sweep(
            ["GunPoint"], [QUICK], tmp_path / "out", seeds=[1], archive=again, jobs=1, verbose=0
        )
    assert list(more.failed.values()) == [
        "its series or labels are not those of finished runs; use another folder for them"
    ]
    with pytest.raises(
        ValueError, match='another \'GunPoint\': missing was "interpolate" and is "e'
    ):
        sweep(["GunPoint"], [QUICK], tmp_path / "out", missing="error", verbose=0)


def test_sktimes_classifiers_get_series_of_unequal_length_as_they_take_them():
    X, y = [np.full((2, n), n % 2) for n in (5, 8, 7, 6)], np.array(["odd", "even"] * 2)
    split = (X, y, X[:3], np.array(["even", "even", "odd"]))
    dummy = Model("dummy", "sktime.classification.dummy:DummyClassifier")
    for resample in (0, 1):
        record, predictions = experiment(dummy, split, resample=resample)
        assert (record["n_channels"], record["n_test"]) == (2, 3)
        assert predictions["probabilities"].tolist() == [[0.5, 0.5]] * 3
    assert record["n_timepoints"] in (7, 8)
    forest = Model("forest", "sktime.classification.interval_based:TimeSeriesForestClassifier")
    with pytest.raises(ValueError, match=r"cannot handle .*unequal length"):
        experiment(forest, split)


def test_a_record_says_what_was_measured(tmp_path):
    sweep(["GunPoint"], [QUICK], tmp_path, seeds=(3,), resamples=(0, 1), verbose=0)
    first, second = Results(tmp_path).records()
    assert first["accuracy"] == pytest.approx(74 / 150) and first["auroc"] == 0.5
    assert (first["seed"], first["resample"], second["resample"]) == (3, 0, 1)
    assert (first["n_train"], first["n_test"], first["n_timepoints"]) == (50, 150, 150)
    assert (first["n_channels"], first["n_classes"], first["epochs"]) == (1, 2, None)
    assert first["fit_seconds"] > 0 and first["peak_memory_bytes"] > 1e7
    assert first["target"] == "foreign:Majority" and "numpy" in first["versions"]
    predictions = Results(tmp_path).predictions(Run("GunPoint", "quick", 3, 1))
    assert predictions["probabilities"].shape == (150, 2)
    assert len(set(predictions["test_index"])) == 150
    assert (predictions["y_pred"] == predictions["y_true"]).mean() == second["accuracy"]


def test_our_models_are_kept_and_others_left_alone(tmp_path):
    ours = Model("ours", "FCNClassifier", {"n_epochs": 1, "n_filters": [4, 4, 4]})
    others = Model("others", "foreign:SavesInItsOwnWay")
    result = sweep(["GunPoint"], [ours, others], tmp_path, keep_models=True, verbose=0)
    assert len(result.done) == 2 and not result.failed
    (kept,) = tmp_path.glob("fitted/**/*.*")
    assert kept.relative_to(tmp_path).parts[1:3] == ("ours", "GunPoint")
    probabilities = load(kept).predict_proba(load_ucr("GunPoint")[2])
    predictions = Results(tmp_path).predictions(Run("GunPoint", "ours"))
    np.testing.assert_allclose(probabilities, predictions["probabilities"], atol=1e-6)


def test_what_fails_is_recorded_and_stops_nothing(tmp_path):
    models = [
        Model("dies", "foreign:Dies", {"journal": str(tmp_path / "tried")}),
        Model("nan", "foreign:NotANumber"),
        Model("raises", "foreign:Raises"),
        Model("sleeps", "foreign:Majority", {"seconds": 60.0}),
        Model("prints", "foreign:Prints"),
        QUICK,
        Model("missing", "foreign:Nothing"),
        Model("refuses", "foreign:Majority", {"depth": 3}),
    ]
    result = sweep(["GunPoint"], models, tmp_path / "results", jobs=2, time_limit=10.0, verbose=0)
    assert {run.model for run in result.done} == {"quick", "prints"}
    reasons = {run.model: reason for run, reason in result.failed.items()}
    assert set(reasons) == {"dies", "nan", "raises", "sleeps", "missing", "refuses"}
    assert reasons["raises"] == "RuntimeError: the bottom fell out"
    assert reasons["nan"] == "FloatingPointError: some of its probabilities are not numbers."
    assert reasons["sleeps"] == "took longer than 10 seconds"
    assert reasons["dies"] == (
        "its process ended (killed by signal 9; the memory may not have sufficed)"
    )
    assert len((tmp_path / "tried").read_text().splitlines()) == 2  # tried again, once
    assert "there is no foreign:Nothing" in reasons["missing"]
    assert "'refuses'" in reasons["refuses"] and "depth" in reasons["refuses"]
    failed = Results(tmp_path / "results").failed()
    assert {run.model: record["reason"] for run, record in failed.items()} == reasons
    assert b"from below" in (tmp_path / "results" / "output.log").read_bytes()


# What a run does to its process


THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


@pytest.fixture
def can_fork(request, tmp_path, monkeypatch):
    """Whether runs are forked; a process with threads does not fork, and each run has a new one."""
    if not request.param:
        (tmp_path / "sitecustomize.py").write_text(THREAD)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(HERE)]))


@pytest.mark.parametrize("can_fork", [True, False], indirect=True)
def test_a_run_leaves_nothing_to_the_others(tmp_path, can_fork):
    meddles = Model("meddles", "foreign:Meddles")
    result = sweep(SETS, [meddles, QUICK], tmp_path, seeds=(0, 1), jobs=1, verbose=0)
    assert len(result.done) == 8 and not result.failed
    draws = Model("draws", "foreign:Draws")
    sweep(["GunPoint"], [draws], tmp_path, seeds=(0, 1), jobs=1, verbose=0)
    first, second = (Results(tmp_path).predictions(Run("GunPoint", "draws", s)) for s in (0, 1))
    assert (first["y_pred"] != second["y_pred"]).any()


def test_a_process_that_a_run_has_forked_answers_for_no_run(tmp_path):
    model = Model("twice", "foreign:ComesBackTwice", {"journal": str(tmp_path / "fits")})
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    sweep(SETS, [QUICK], alone, jobs=1, verbose=0)
    result = sweep(SETS, [model, QUICK], beside, jobs=1, verbose=0)
    assert len(result.done) == 4
    for run in Results(alone).finished():
        here, there = (Results(folder).predictions(run) for folder in (alone, beside))
        assert all((here[name] == there[name]).all() for name in here)
    assert_gone(tmp_path / "fits.pids")


@pytest.mark.parametrize(
    ("seconds", "can_fork"), [(0.0, True), (60.0, True), (60.0, False)], indirect=["can_fork"]
)
def test_what_a_run_has_started_ends_with_it(tmp_path, seconds, can_fork):
    parameters = {"journal": str(tmp_path / "fits"), "seconds": seconds}
    model = Model("leaves", "foreign:Leaves", parameters)
    result = sweep(["GunPoint"], [model], tmp_path / "out", jobs=1, time_limit=5.0, verbose=0)
    assert list(result.failed.values()) == (["took longer than 5 seconds"] if seconds else [])
    assert_gone(tmp_path / "fits.pids")


def assert_gone(path):
    pids = [int(line) for line in path.read_text().split()]
    assert any(pids)
    for pid in filter(None, pids):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_memory_does_not_depend_on_what_ran_before():
    small = Model("small", "FCNClassifier", {"n_epochs": 1, "n_filters": [4, 4, 4]})
    large = Model("large", "FCNClassifier", {"n_epochs": 1, "n_filters": [256, 256, 256]})
    with Worker() as worker:
        first, most, other, last = (
            worker.run(model, Dataset.from_name(dataset))[0]["peak_memory_bytes"]
            for model, dataset in (
                (small, "GunPoint"),
                (large, "OSULeaf"),
                (Model("foreign", "sklearn.dummy:DummyClassifier"), "GunPoint"),
                (small, "GunPoint"),
            )
        )
    assert last == pytest.approx(first, rel=0.2)  # allocators differ by some ten MiB
    assert most > 1.4 * first
    assert other < first / 2  # without Keras


def test_the_working_folder_shadows_nothing_and_may_hold_models(tmp_path, monkeypatch):
    for name in ("random", "queue", "numbers", "json"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not the real one')")
    (tmp_path / "mine.py").write_text("from foreign import Majority as Mine")
    monkeypatch.chdir(tmp_path)
    result = sweep(["GunPoint"], [Model("mine", "mine:Mine")], "results", verbose=0)
    assert len(result.done) == 1


def test_a_worker_that_cannot_start_says_why(tmp_path, monkeypatch):
    (tmp_path / "scipy.py").write_text("raise ImportError('no such library today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    result = sweep(["GunPoint"], [QUICK], tmp_path / "results", verbose=0)
    assert list(result.failed.values()) == [
        "its process ended (exit code 1; the last line of its log: ImportError: no such library "
        "today)"
    ]


def test_half_a_character_costs_one_run(tmp_path):
    half = Model("half", "foreign:SpeaksHalf")
    result = sweep(["GunPoint"], [half, QUICK], tmp_path, jobs=1, verbose=2)
    assert result.failed == {Run("GunPoint", "half"): r"ValueError: cannot read \udcff"}
    assert len(result.done) == 1


@pytest.mark.parametrize("number, total", [(7.0, "14"), (-1.0, "-2"), (0.25, "0.5")])
def test_numbers_that_are_no_probabilities_fail_a_run(tmp_path, number, total):
    model = Model("sure", "foreign:IsSure", {"number": number})
    result = sweep(["GunPoint"], [model], tmp_path, verbose=0)
    assert list(result.failed.values()) == [
        f"ValueError: the probabilities of sample 0 are {number:g}, {number:g}, which sum to "
        f"{total}; pass numbers from 0 to 1 that sum to 1, or none."
    ]


def test_what_failed_is_tried_again_by_the_next_call(tmp_path):
    model = Model("later", "foreign:RaisesOnce", {"journal": str(tmp_path / "journal")})
    assert sweep(["GunPoint"], [model], tmp_path / "results", verbose=0).failed
    result = sweep(["GunPoint"], [model], tmp_path / "results", verbose=0)
    assert len(result.done) == 1 and Results(tmp_path / "results").failed() == {}


def test_a_classifier_that_only_decides_has_no_probabilities(tmp_path):
    sweep(["GunPoint"], [Model("decides", "foreign:OnlyDecides")], tmp_path, verbose=0)
    (record,) = Results(tmp_path).records()
    assert record["log_loss"] is None and record["accuracy"] == pytest.approx(74 / 150)
    assert "probabilities" not in Results(tmp_path).predictions(Run("GunPoint", "decides"))


def test_a_dataset_is_loaded_by_the_name_of_a_function(tmp_path):
    mine = Dataset("my data", "foreign:constant_series", {"n": 6})
    result = sweep([mine, "GunPoint"], [QUICK], tmp_path, verbose=0)
    assert len(result.done) == 2 and not result.failed
    record = Results(tmp_path).record(Run("my data", "quick"))
    assert (record["n_train"], record["n_timepoints"], record["accuracy"]) == (6, 5, 0.5)
    assert sweep([mine], [QUICK], tmp_path, verbose=0).skipped == 1
    broken = [
        Dataset("absent", "foreign:nothing"),
        Dataset("one", "builtins:list"),
        Dataset("more", "foreign:constant_series", {"rows": 6}),
    ]
    reasons = sweep(broken, [QUICK], tmp_path, verbose=0).failed.values()
    unknown, absent, other = sorted(reasons)  # a TypeError, two ValueErrors
    assert "unexpected keyword argument 'rows'" in unknown
    assert absent.startswith("ValueError: dataset 'absent': there is no foreign:nothing (")
    assert other == (
        "ValueError: dataset 'one': builtins:list returned []; return (X_train, y_train, X_test, "
        "y_test)."
    )


def test_a_fixed_split_is_not_resampled(tmp_path):
    fixed = Dataset("mine", "foreign:constant_series", fixed_split=True)
    with pytest.raises(ValueError, match="resamples of 'mine' would put one group, such as a"):
        sweep([fixed], [QUICK], tmp_path, resamples=(0, 1), verbose=0)
    assert not Results(tmp_path).finished()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("", "a:b"), "dataset name '' is empty or no text."),
        (("a", 1), "loader=1 of a dataset is not text; pass a string."),
        (
            ("a", "a:b", {"path": Path("a")}),
            "parameters of dataset 'a' must be a dict of JSON values: it has a PosixPath, which is "
            "not a JSON value.",
        ),
    ],
)
def test_what_is_no_dataset_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Dataset(*arguments)


def test_damaged_data_costs_the_runs_on_it(tmp_path):
    for name, text in (("Fine", "1\t0\t1\n2\t1\t0\n"), ("Bad", "1\t0\tx\n2\t1\t0\n")):
        (tmp_path / name).mkdir()
        for split in ("TRAIN", "TEST"):
            (tmp_path / name / f"{name}_{split}.tsv").write_text(text)
    datasets = ["Bad", "Fine", "Absent"]
    result = sweep(datasets, [QUICK], tmp_path / "out", archive=tmp_path, verbose=0)
    assert [run.dataset for run in result.done] == ["Fine"]
    reasons = {run.dataset: reason for run, reason in result.failed.items()}
    assert "Bad_TRAIN.tsv" in reasons["Bad"] and "Absent" in reasons["Absent"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"datasets": ["GunPoint", "GunPoint"]}, "dataset 'GunPoint' is given twice"),
        ({"models": [QUICK, QUICK]}, "model 'quick' is given twice"),
        ({"seeds": (0, 0)}, "seed 0 is given twice"),
        ({"jobs": 0}, "jobs=0 must be a whole number of at least 1"),
        ({"jobs": "2"}, "jobs='2' must be a whole number of at least 1"),
        ({"threads": 0.5}, "threads=0.5 must be a whole number of at least 1"),
        ({"time_limit": float("inf")}, "time_limit=inf is not a number of seconds"),
        ({"datasets": "GunPoint"}, "datasets='GunPoint' is one text; pass a list of names"),
        ({"datasets": [None]}, "dataset name None is empty or no text"),
        ({"datasets": ["A" * 300]}, "dataset name 'A{30}'... is longer than 200 bytes"),
        ({"models": ["quick"]}, "models has 'quick'; pass lstmfcn.evaluation.Model objects"),
        ({"seeds": [-1]}, "seeds=-1 must be a whole number of at least 0"),
        ({"resamples": "1"}, "resamples='1' must be a whole number of at least 0"),
        ({"models": [Model("quick", "foreign:Raises")]}, "results of another 'quick': target was"),
    ],
)
def test_what_cannot_be_planned_is_refused(tmp_path, arguments, message):
    Results(tmp_path).register("quick", QUICK.describe())
    plan = {"datasets": SETS, "models": [QUICK], "verbose": 0, **arguments}
    with pytest.raises(ValueError, match=message):
        sweep(plan.pop("datasets"), plan.pop("models"), tmp_path, **plan)
    assert Results(tmp_path).finished() == set()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((1, "a:B"), "name=1 of a model is not text; pass a string."),
        (("a", None), "target=None of a model is not text; pass a string."),
        (("a", "a:B", [1]), "parameters of model 'a' must be a dict of JSON values: it is a list."),
        (
            ("a", "a:B", {"b": np.int64(1)}),
            "parameters of model 'a' must be a dict of JSON values: it has a int64, which is not "
            "a JSON value.",
        ),
    ],
)
def test_what_is_no_model_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Model(*arguments)


# Interruptions

SWEEP = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits none
from lstmfcn.evaluation import Model, sweep
folder, journal, seconds, n_seeds = *sys.argv[1:3], float(sys.argv[3]), int(sys.argv[4])
model = Model("noted", "foreign:Majority", {"seconds": seconds, "journal": journal})
print("ready", flush=True)
sweep(["GunPoint", "ArrowHead"], [model], folder, seeds=range(n_seeds), jobs=2, verbose=0)
"""


def start_sweep(tmp_path, seconds, n_seeds=6):
    arguments = [tmp_path / "results", tmp_path / "journal", seconds, n_seeds]
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def test_two_sweeps_share_the_work(tmp_path):
    sweeps = [start_sweep(tmp_path, 0.3) for _ in range(2)]
    for process in sweeps:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert len(Results(tmp_path / "results").finished()) == 12
    assert len((tmp_path / "journal").read_text().splitlines()) == 12  # each fitted once


def test_ctrl_c_ends_a_sweep_and_its_processes(tmp_path):
    process = start_sweep(tmp_path, 30.0)
    process.stdout.readline()
    while not list(tmp_path.rglob("*.claim")):
        time.sleep(0.05)
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    assert not list(tmp_path.rglob("*.claim")) and not Results(tmp_path / "results").failed()


@pytest.mark.soak
def test_kills_lose_and_repeat_nothing(tmp_path):
    """Kills between the start of a sweep and some ten runs later.

    Every fifth kill waits for a new record first, so that a slow machine gets some done, too.
    """
    n_kills, n_seeds = (50, 120) if SOAK > 1 else (2, 30)
    n_runs = 2 * n_seeds
    generator, results = random.Random(0), Results(tmp_path / "results")

    def finished():
        return {p: p.stat().st_mtime_ns for p in (tmp_path / "results").rglob("seed*.json")}

    known = {}
    for kill in range(n_kills):
        waits = kill % 5 == 1
        process = start_sweep(tmp_path, 0.2, n_seeds)
        process.stdout.readline()
        while waits and len(finished()) == len(known) and process.poll() is None:
            time.sleep(0.02)
        time.sleep(generator.uniform(0.0, 0.8 if waits else 2.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = finished()
        assert known.items() <= found.items()  # finished stays finished
        known = found
    assert n_kills // 5 <= len(known) < n_runs  # neither idle nor done before the last kill
    assert not results.failed()
    process = start_sweep(tmp_path, 0.2, n_seeds)
    process.communicate(timeout=120)
    expected = [(d, "noted", seed) for d in ("ArrowHead", "GunPoint") for seed in range(n_seeds)]
    assert done(tmp_path / "results") == expected
    assert len(list((tmp_path / "results" / "runs").rglob("seed*.json"))) == n_runs
    for run in results.finished():
        assert set(results.predictions(run)) >= {"y_true", "y_pred", "probabilities"}


# On a cluster


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_a_cluster_gives_the_results_of_one_machine(tmp_path, cluster):
    sweep(SETS, [QUICK], tmp_path / "here", seeds=(0, 1), verbose=0)
    for send_data in (False, True):
        folder = tmp_path / f"there, {send_data}"
        how = {"seeds": (0, 1), "client": cluster, "send_data": send_data, "verbose": 0}
        result = sweep(SETS, [QUICK], folder, **how)
        assert len(result.done) == 4 and not result.failed
        for run in result.done:
            here, there = (Results(one).predictions(run) for one in (tmp_path / "here", folder))
            for name in here:
                np.testing.assert_array_equal(here[name], there[name])


@pytest.mark.parametrize("send_data", [False, True])
def test_a_worker_that_dies_costs_no_result(tmp_path, cluster, send_data):
    journal = tmp_path / "journal"
    model = Model("noted", "foreign:Majority", {"seconds": 0.5, "journal": str(journal)})
    pids = list(cluster.run(os.getpid).values())

    class KillOne:
        def __init__(self):
            self.killed = False

        def __call__(self):
            if not self.killed and journal.exists():
                os.kill(pids[0], signal.SIGKILL)
                self.killed = True

    import threading

    kill, stop = KillOne(), threading.Event()

    def watch():
        while not stop.wait(0.05):
            kill()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = sweep(
            SETS,
            [model],
            tmp_path / "out",
            seeds=range(4),
            client=cluster,
            send_data=send_data,
            verbose=0,
        )
    finally:
        stop.set()
        watcher.join()
    assert kill.killed
    assert len(result.done) == 8 and not result.failed
    assert len(Results(tmp_path / "out").finished()) == 8
