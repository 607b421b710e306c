"""Does a folder of records keep what it was given, through interruptions and other sweeps?"""

import errno
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import filelock
import numpy as np
import pytest

from lstmfcn.evaluation import Model, Results, Run, sweep

RUN = Run("GunPoint", "FCN", seed=1, resample=2)
RECORD = {"accuracy": 0.75, "log_loss": None}
PREDICTIONS = {
    "y_true": np.array(["a", "b"], dtype=object),
    "y_pred": ["a", "a"],
    "probabilities": [[0.9, 0.1], [0.6, 0.4]],
    "classes": ["a", "b"],
    "test_index": [7, 3],
}


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results")


def test_what_was_written_comes_back(results):
    assert results.finished() == set() and results.failed() == {}
    results.write(RUN, RECORD, PREDICTIONS)
    assert results.finished() == {RUN}
    fields = {"dataset": "GunPoint", "model": "FCN", "seed": 1, "resample": 2}
    assert Results(results.folder).records() == [{**fields, **RECORD}]
    found = results.predictions(RUN)
    assert set(found) == set(PREDICTIONS)
    for name, array in PREDICTIONS.items():
        np.testing.assert_array_equal(found[name], np.asarray(array).astype(found[name].dtype))


def test_records_come_in_order(results):
    runs = [Run(d, m, s) for d in ("B", "A") for m in ("y", "x") for s in (10, 9)]
    for run in runs:
        results.write(run, RECORD, {})
    found = [(r["dataset"], r["model"], r["seed"]) for r in results.records()]
    assert found == sorted((run.dataset, run.model, run.seed) for run in runs)


@pytest.mark.parametrize("dataset", ["mer:/data/a b:HUBERT_FRA", "..", "Ö%2F/x"])
def test_a_datasets_name_may_be_anything(results, dataset):
    run = Run(dataset, "FCN")
    results.write(run, RECORD, {})
    assert results.finished() == {run}
    assert all(results.folder in path.parents for path in results.folder.rglob("*.json"))
    assert len(list((results.folder / "runs" / "FCN").iterdir())) == 1


def test_a_failure_is_kept_until_the_run_succeeds(results):
    results.write_failure(RUN, "the loss became nan", seconds=3.0)
    assert results.finished() == set()
    failure = results.failed()[RUN]
    assert failure["reason"] == "the loss became nan" and failure["seconds"] == 3.0
    results.write(RUN, RECORD, {})
    assert results.failed() == {} and results.finished() == {RUN}


def test_predictions_alone_are_not_a_finished_run(results):
    results.write(RUN, RECORD, PREDICTIONS)
    (record,) = results.folder.rglob("seed*.json")
    record.unlink()
    assert results.finished() == set()


def test_what_cannot_be_written_leaves_nothing(results):
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.write(RUN, {"accuracy": float("nan")}, PREDICTIONS)
    with pytest.raises(ValueError, match="predictions has unknown entries: y_hat"):
        results.write(RUN, RECORD, {"y_hat": [1]})
    assert results.finished() == set()
    assert not list(results.folder.rglob("*.json"))


def test_a_damaged_file_is_named(results):
    results.write(RUN, RECORD, PREDICTIONS)
    (record,) = results.folder.rglob("seed*.json")
    record.with_suffix(".npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(ValueError, match=r"seed1-resample2\.npz cannot be read .*delete it"):
        results.predictions(RUN)
    for text in ('{"accuracy": 0.', "[1]"):
        record.write_text(text)
        with pytest.raises(ValueError, match=r"seed1-resample2\.json is not a record"):
            results.records()


def test_no_pickle_is_read(results):
    results.write(RUN, RECORD, PREDICTIONS)
    (path,) = results.folder.rglob("*.npz")
    np.savez(path, y_true=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="cannot be read"):
        results.predictions(RUN)


def test_a_name_stands_for_one_model(results):
    first = {"target": "FCNClassifier", "parameters": {"n_filters": (8, 8), "n_epochs": 5}}
    results.register("FCN", first)
    results.register("FCN", json.loads(json.dumps(first)))
    other = {"target": "FCNClassifier", "parameters": {"n_filters": [8, 8], "n_epochs": 6}}
    with pytest.raises(ValueError) as raised:
        results.register("FCN", other)
    assert str(raised.value) == (
        f"{results.folder} has results of another 'FCN': n_epochs was 5 and is 6. Give the model "
        "another name, or use another folder."
    )
    results.register("FCN (6 epochs)", other)
    results.register("FCN (default)", {"target": "FCNClassifier", "parameters": {}})
    unset = {"target": "FCNClassifier", "parameters": {"n_steps": None}}
    with pytest.raises(ValueError, match="n_steps was unset and is null"):
        results.register("FCN (default)", unset)


def test_of_two_sweeps_that_start_at_once_one_may_use_a_name(tmp_path):
    barrier = threading.Barrier(2)

    def register(number, k):
        barrier.wait()
        try:
            Results(tmp_path / str(k)).register("FCN", {"parameters": {"n_epochs": number}})
        except ValueError:
            return 0
        return 1

    with ThreadPoolExecutor(2) as pool:
        for k in range(50):
            assert sum(pool.map(register, (1, 2), (k, k))) == 1


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a:b", "a\n"])
def test_a_models_name_must_be_a_file_name(results, name):
    with pytest.raises(ValueError, match="do not belong in a file name"):
        results.register(name, {})


def test_the_folder_must_be_one(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="name a folder for the results"):
        Results(tmp_path / "file")


HOLD = """
import sys, time
from lstmfcn.evaluation import Results, Run
with Results(sys.argv[1]).claim(Run("GunPoint", "FCN", 1, 2)) as free:
    print(free, flush=True)
    time.sleep(60)
"""


def test_a_run_is_claimed_once_and_freed_by_death(results):
    command = [sys.executable, "-c", HOLD, str(results.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "True\n"
        with results.claim(RUN) as free:
            assert not free
        with results.claim(Run("GunPoint", "FCN")) as free:
            assert free
        holder.kill()
    with results.claim(RUN) as free:
        assert free
    with results.claim(RUN) as free:
        assert free
    assert results.finished() == set() and not list(results.folder.rglob("*.claim"))


def test_where_files_cannot_be_locked_every_run_is_free(results, monkeypatch):
    def no_locks(*_, **__):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", no_locks)
    with results.claim(RUN) as free, results.claim(RUN) as also_free:
        assert free and also_free


def test_tidy_removes_old_leavings_and_nothing_else(tmp_path):
    results = Results(tmp_path)
    run = Run("GunPoint", "FCN")
    results.write(run, {"accuracy": 1.0}, {"y_pred": [1]})
    folder = tmp_path / "runs" / "FCN" / "GunPoint"
    (folder / ".seed0-resample0-old.npz").write_text("half")
    os.utime(folder / ".seed0-resample0-old.npz", (0, 0))
    (folder / ".seed0-resample0-new.npz").write_text("under way")
    results.tidy()
    names = sorted(path.name for path in folder.iterdir())
    assert names == [".seed0-resample0-new.npz", "seed0-resample0.json", "seed0-resample0.npz"]


def test_a_folder_that_is_not_there_has_no_records(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder .*typo does not exist"):
        Results(tmp_path / "typo").records()
    assert Results(tmp_path / "new").finished() == set()  # a sweep makes it


def test_means_of_two_versions_are_told(results):
    results.register("FCN", {"target": "FCNClassifier", "parameters": {}})
    versions = {"versions": {"lstmfcn": "0.0.1"}}
    for target, seeds in (("FCNClassifier", (0, 1)), ("a:B", (0, 1)), ("FCNClassifier", (0,))):
        model = Model("FCN", "FCNClassifier")
        results.write(Run("GunPoint", "FCN"), {"accuracy": 1.0, "target": target, **versions}, {})
        told = target == "FCNClassifier" and len(seeds) > 1
        with pytest.warns(UserWarning, match="made with lstmfcn 0.0.1") if told else nullcontext():
            sweep(["GunPoint"], [model], results.folder, seeds=seeds, dry_run=True, verbose=0)
