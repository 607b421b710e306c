"""Can a sweep mix UCR sets with folders in MER2024's layout, with the same models and records?"""

from pathlib import Path

import numpy as np
import pytest
from conftest import real_data
from mer_folder import write_labels, write_mer_folder

from lstmfcn.cli import main
from lstmfcn.cli.benchmark import _dataset
from lstmfcn.emotion.mer_dataset import load_mer, parse_mer
from lstmfcn.evaluation import Model, Results, Run, sweep
from lstmfcn.evaluation.worker import pack_split, read_split
from lstmfcn.report import write_report

QUICK = Model("quick", "foreign:Majority")
TINY = Model("FCN", "FCNClassifier", {"n_filters": [8, 8, 8], "n_epochs": 2})


@pytest.fixture(autouse=True)
def foreign_classifiers_can_be_imported(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_mer_folder(tmp_path_factory.mktemp("mer") / "toy data")


@pytest.mark.parametrize(
    "name, parts",
    [
        ("mer:/a/b:hubert", ("/a/b", "hubert", "full")),
        ("mer:/a/b:hubert-FRA:semi", ("/a/b", "hubert-FRA", "semi")),
        (r"mer:C:\data:hubert", (r"C:\data", "hubert", "full")),
        (r"mer:C:\data:hubert:noise", (r"C:\data", "hubert", "noise")),
        ("mer:data:full", ("data", "full", "full")),
    ],
)
def test_a_name_is_read_from_its_end(name, parts):
    assert parse_mer(name) == parts


@pytest.mark.parametrize("name", ["mer:", "mer:/a", "mer::hubert", "mer:/a:", "/a:hubert"])
def test_a_name_without_its_parts_is_refused(name):
    with pytest.raises(ValueError, match="is not of the form mer:ROOT:FEATURE or mer:ROOT:FEATU"):
        parse_mer(name)


def test_the_split_is_that_of_the_label_files(root):
    X_train, y_train, X_test, y_test = _dataset(f"mer:{root}:tone").load()
    assert X_train.dtype == np.float32 and X_train.shape[:2] == (24, 3)
    assert X_test.shape == (12, 3, X_train.shape[2])
    assert y_train.tolist()[:3] == ["angry", "happy", "sad"] and len(y_test) == 12
    lengths = [len(np.load(root / "features" / "tone_FRA" / f"train{i}.npy")) for i in range(24)]
    assert X_train.shape[2] == round(np.median(lengths))
    # Standardised on train: of the test clips the mean is another.
    frames = np.concatenate(
        [np.load(root / "features" / "tone_FRA" / f"train{i}.npy") for i in range(24)]
    ).astype(float)
    first = np.load(root / "features" / "tone_FRA" / "test0.npy").astype(float)
    expected = (first[0] - frames.mean(axis=0)) / frames.std(axis=0)
    assert X_test[0, :, 0] == pytest.approx(expected, abs=1e-4)


def test_tracks_have_their_own_splits(root):
    *_, X_test, y_test = load_mer(f"mer:{root}:tone_FRA:noise")
    *_, X_clean, y_clean = load_mer(f"mer:{root}:tone_FRA")
    assert y_test.tolist() == y_clean.tolist() and np.abs(X_test - X_clean).mean() > 0.1
    X_train, y_train, *_ = load_mer(f"mer:{root}:face:semi")
    assert X_train.shape[:2] == (12, 2) and len(y_train) == 12


def test_a_split_survives_a_file(root, tmp_path):
    split = load_mer(f"mer:{root}:face")
    texts = [np.asarray(one, object) if k % 2 else one for k, one in enumerate(split)]
    np.savez(tmp_path / "split.npz", **pack_split(texts))  # object arrays would need pickle
    again = read_split(tmp_path / "split.npz")
    assert all((one == other).all() for one, other in zip(split, again, strict=True))


def test_a_sweep_mixes_both_kinds_and_does_nothing_twice(root, tmp_path):
    name = f"mer:{root}:tone"
    result = sweep(["GunPoint", _dataset(name)], [QUICK, TINY], tmp_path, jobs=1, verbose=0)
    assert len(result.done) == 4 and not result.failed
    record = Results(tmp_path).record(Run(name, "FCN"))
    assert (record["n_channels"], record["n_classes"], record["n_train"]) == (3, 3, 24)
    assert record["n_test"] == 12 and record["dataset"] == name
    predictions = Results(tmp_path).predictions(Run(name, "FCN"))
    assert predictions["classes"].tolist() == ["angry", "happy", "sad"]
    assert sweep([_dataset(name)], [TINY, QUICK], tmp_path, verbose=0).skipped == 2
    write_report(Results(tmp_path), tmp_path / "report.html")
    assert "toy data" in (tmp_path / "report.html").read_text()


def test_data_can_be_sent_to_a_cluster(root, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        names = [_dataset(f"mer:{root}:tone"), "GunPoint"]
        result = sweep(names, [QUICK], tmp_path, client=client, send_data=True, verbose=0)
    assert len(result.done) == 2 and not result.failed


def test_resamples_would_mix_speakers(root, tmp_path):
    with pytest.raises(ValueError, match="such as a speaker, into training and test data; sweep"):
        sweep([_dataset(f"mer:{root}:tone")], [TINY], tmp_path, resamples=(0, 1), verbose=0)


def test_the_command_runs_it_and_failures_are_sentences(root, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    run = ["benchmark", "run", *out, "--model", "quick=foreign:Majority"]
    assert main([*run, "--datasets", f"mer:{root}:tone,GunPoint"]) == 0
    assert "2 runs planned: 0 were finished, 2 are now" in capsys.readouterr().out
    assert main([*run, "--datasets", f"mer:{root}:voice"]) == 1
    assert "there is no feature set 'voice' in" in capsys.readouterr().out
    assert main([*run, "--datasets", f"mer:{root}:tone:ov"]) == 1
    assert "has no labelled test clips of track 'ov'" in capsys.readouterr().out


def test_all_clips_without_features_are_named(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    write_labels(
        root / "label-test.csv",
        [("new1", "sad", "s8"), ("new2", "sad", "s8"), ("test1", "sad", "s8")],
    )
    with pytest.raises(ValueError, match="2 of 3 clips of tone_FRA cannot be used") as refused:
        load_mer(f"mer:{root}:tone")
    assert "new1" in str(refused.value) and "new2" in str(refused.value)


def test_emodb_is_a_dataset():
    data = real_data()
    if data is None or not (data / "emodb").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds emodb/")
    X_train, y_train, X_test, y_test = load_mer(f"mer:{data / 'emodb'}:eGeMAPS_FRA")
    assert (X_train.shape[:2], X_test.shape[:2]) == ((189, 25), (150, 25))
    assert X_train.shape[2] == X_test.shape[2] <= 150
    assert set(y_train) == set(y_test) == {"angry", "happy", "neutral", "sad"}
    assert X_train.mean() == pytest.approx(0.0, abs=0.05)
