"""Does the shell read what a model needs, and reach the pictures with names and seconds?"""

import csv

import numpy as np
import pandas as pd
import pytest

import lstmfcn
from lstmfcn.cli import main
from lstmfcn.plots import overview

SMALL = "--model fcn --n-filters 4,4,4 --epochs 1".split()
N, T = 12, 30
X = np.random.default_rng(0).normal(size=(N, T)).round(3)
SERIES = pd.DataFrame(X, columns=[f"t{i}" for i in range(T)])
MORE = SERIES.assign(gait=["walk", "run"] * 6, date="2024-01-01", who=["a", "b", "c"] * 4)
LOG = pd.DataFrame(
    {
        "Time (s)": np.arange(200) * 0.02,
        "accel": np.sin(np.arange(200)).round(3),
        "gait": np.repeat(["walk", "run"], 100),
    }
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    MORE.to_csv(folder / "train.csv", sep=";", decimal=",", index=False)
    LOG.to_csv(folder / "log.csv", index=False)
    named = "--label-column gait --drop date --group who".split()
    for file, options in (("train", named), ("log", [*named[:2], "--window", "20"])):
        out = ["--out", str(folder / f"{file}.lstmfcn")]
        assert main(["fit", str(folder / f"{file}.csv"), *options, *out, *SMALL]) == 0
    return folder


@pytest.mark.parametrize(
    "columns, options, first_cells",
    [
        (["gait", "date", "who"], [], ["group", "label", "predicted"]),
        (["gait"], [], ["label", "predicted"]),
        (["date", "who"], [], ["group", "predicted"]),
        ([], [], ["predicted"]),
        (["gait", "date"], ["--labels", "none", "--drop", "date,gait"], ["predicted"]),
    ],
)
def test_columns_that_are_remembered_may_be_missing(
    models, tmp_path, capsys, columns, options, first_cells
):
    MORE[[*SERIES, *columns]].to_csv(tmp_path / "x.csv", index=False)
    out = tmp_path / "y.csv"
    command = ["predict", str(models / "train.lstmfcn"), str(tmp_path / "x.csv")]
    assert main([*command, "--out", str(out), *options]) == 0, capsys.readouterr().err
    rows = list(csv.reader(out.read_text().splitlines()))
    assert rows[0][: len(first_cells)] == first_cells and len(rows) == 1 + N
    model = lstmfcn.load(models / "train.lstmfcn")
    assert [row[len(first_cells) - 1] for row in rows[1:]] == model.predict(X).tolist()


def test_a_column_that_is_named_must_be_there(models, tmp_path, capsys):
    SERIES.to_csv(tmp_path / "x.csv", index=False)
    command = ["predict", str(models / "train.lstmfcn"), str(tmp_path / "x.csv"), "--drop", "date"]
    assert main([*command, "--out", str(tmp_path / "y.csv")]) == 1
    assert "x.csv has no column of the name --drop date" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--labels", "none", "--drop", "gait"]])
@pytest.mark.parametrize("columns", [["accel"], ["Time (s)", "accel", "gait"]])
def test_a_log_is_cut_as_the_training_was(models, tmp_path, capsys, columns, options):
    if "gait" not in columns:
        options = options[:2]
    LOG[columns].to_csv(tmp_path / "x.csv", index=False)
    command = ["predict", str(models / "log.lstmfcn"), str(tmp_path / "x.csv")]
    assert main([*command, "--out", str(tmp_path / "y.csv"), *options]) == 0
    assert "10 series classified" in capsys.readouterr().out


@pytest.mark.parametrize("labels", ["some", "none"])
def test_windows_without_one_label_are_classified(models, tmp_path, capsys, labels):
    gait = np.repeat(["walk", "", "run"], [50, 60, 90]) if labels == "some" else ""
    LOG.assign(gait=gait).to_csv(tmp_path / "x.csv", index=False)
    command = ["predict", str(models / "log.lstmfcn"), str(tmp_path / "x.csv")]
    assert main([*command, "--out", str(tmp_path / "y.csv")]) == 0
    printed = capsys.readouterr().out
    n_known = 6 if labels == "some" else 0
    assert "10 series classified" in printed and f"{n_known} of them have one label" in printed
    assert ("accuracy" in printed) == (labels == "some")
    found = list(csv.DictReader((tmp_path / "y.csv").read_text().splitlines()))
    assert sum(row["label"] != "" for row in found) == n_known and len(found) == 10


def test_groups_of_several_files_are_one_however_they_are_written(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, who in (("a", "1"), ("b", "1.0"), ("c", "2")):
        LOG.assign(who=who).to_csv(folder / f"{name}.csv", index=False)
    named = "--label-column gait --group who --window 20 --end overlap".split()
    assert main(["fit", str(folder), *named, "--out", str(tmp_path / "m.lstmfcn"), *SMALL]) == 0
    assert "2 groups" in "".join(capsys.readouterr())


def test_an_array_has_no_columns_to_remember(models, tmp_path, capsys):
    np.save(tmp_path / "x.npy", X)
    command = ["predict", str(models / "train.lstmfcn"), str(tmp_path / "x.npy")]
    assert main([*command, "--out", str(tmp_path / "y.csv")]) == 0
    assert f"{N} series classified" in capsys.readouterr().out


# explain


@pytest.fixture(scope="module")
def two_channels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("channels")
    both, y = np.stack([X, X[::-1]], axis=1), ["a walk", "a run"] * 6
    np.save(folder / "x.npy", both)
    network = lstmfcn.ALSTMFCNClassifier(n_filters=(4, 4, 4), n_epochs=1, random_state=0)
    network.fit(both, np.array(y)).save(folder / "m.lstmfcn")
    return ["explain", str(folder / "m.lstmfcn"), str(folder / "x.npy")]


def test_names_of_channels_and_seconds_reach_the_pictures(two_channels, tmp_path, monkeypatch):
    drawn = {}

    def image_bytes(figure, **_):
        figure.canvas.draw()
        drawn[len(drawn)] = figure
        return b""

    monkeypatch.setattr(overview, "image_bytes", image_bytes)
    names = ["--channel-names", "left wrist,right wrist", "--sampling-rate", "10"]
    out = tmp_path / "out"
    assert main([*two_channels, "--out", str(out), *names]) == 0
    of_series = 0
    for figure in drawn.values():
        labels = {ax.get_xlabel() for ax in figure.axes}
        shown = {text.get_text() for ax in figure.axes for text in ax.get_yticklabels()}
        assert "timepoint" not in labels
        assert ("seconds" in labels) == ({"left wrist", "right wrist"} <= shown)
        of_series += "seconds" in labels
    assert of_series == len(drawn) - len(overview.WITHOUT_SERIES) + 1  # no labels: no confusion


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--channel-names", "x"], "there are 2 channels, but 1 --channel-names; pass one for"),
        (["--sampling-rate", "-3"], "--sampling-rate -3.0 must be a number above 0."),
        (["--sampling-rate", "nan"], "--sampling-rate nan must be a number above 0."),
    ],
)
def test_names_are_refused_before_the_work(two_channels, tmp_path, capsys, options, sentence):
    assert main([*two_channels, "--out", str(tmp_path / "out"), *options]) == 1
    assert f"error: {sentence}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_timepoints_are_read_by_their_names(models, tmp_path, capsys):
    order = np.random.default_rng(1).permutation(T)
    table = MORE.iloc[:, [*order, T, T + 1, T + 2]]
    table.insert(0, "id", [f"s{i}" for i in range(N)])
    table.to_csv(tmp_path / "x.csv", index=False)
    predict = ["predict", str(models / "train.lstmfcn"), str(tmp_path / "x.csv"), "--out"]
    assert main([*predict, str(tmp_path / "y.csv")]) == 0, capsys.readouterr().err
    found = pd.read_csv(tmp_path / "y.csv")
    assert found.id.tolist() == table.id.tolist()
    assert found.predicted.tolist() == lstmfcn.load(models / "train.lstmfcn").predict(X).tolist()
    table.assign(t30=0.0).to_csv(tmp_path / "x.csv", index=False)
    assert main([*predict, str(tmp_path / "z.csv")]) == 1
    assert "has 't30' beside the 30 timepoints" in capsys.readouterr().err
    assert not (tmp_path / "z.csv").exists()


def test_names_that_are_not_the_models_are_read_by_position(models, tmp_path):
    later = MORE.rename(columns={f"t{i}": f"t{i + 5}" for i in range(T)})
    later.to_csv(tmp_path / "x.csv", index=False)
    predict = ["predict", str(models / "train.lstmfcn"), str(tmp_path / "x.csv"), "--out"]
    assert main([*predict, str(tmp_path / "y.csv")]) == 0
    found = pd.read_csv(tmp_path / "y.csv").predicted.tolist()
    assert found == lstmfcn.load(models / "train.lstmfcn").predict(X).tolist()


def test_labels_that_no_class_has_are_told(models, tmp_path, capsys):
    MORE.assign(gait=["hop", *MORE.gait[1:]]).to_csv(tmp_path / "x.csv", index=False)
    predict = ["predict", str(models / "train.lstmfcn"), str(tmp_path / "x.csv"), "--out"]
    assert main([*predict, str(tmp_path / "y.csv")]) == 0
    assert (
        "1 of 12 series have labels that the model does not know (hop)" in capsys.readouterr().err
    )


def test_predictions_of_windows_say_when_they_start(models, tmp_path):
    predict = ["predict", str(models / "log.lstmfcn"), str(models / "log.csv"), "--out"]
    assert main([*predict, str(tmp_path / "y.csv")]) == 0
    found = pd.read_csv(tmp_path / "y.csv")
    np.testing.assert_allclose(found.time, LOG["Time (s)"][found.start])


def test_a_series_of_ones_choice_is_drawn(models, tmp_path, capsys, monkeypatch):
    drawn = {}
    monkeypatch.setattr(overview, "image_bytes", lambda figure, **_: b"")
    make = overview._decision
    monkeypatch.setattr(
        overview, "_decision", lambda *args: drawn.setdefault(args[-1], make(*args))
    )
    explain = ["explain", str(models / "log.lstmfcn"), str(models / "log.csv")]
    out = tmp_path / "pictures"
    assert main([*explain, "--out", str(out), "--index", "3,3"]) == 0
    assert {"decision-3.png", "activation-maps-3.png"} <= {path.name for path in out.iterdir()}
    assert drawn[3].title.startswith("series 3 (from timepoint 60): predicted")
    assert main([*explain, "--out", str(tmp_path / "none"), "--index", "10"]) == 1
    assert "--index 10 is not there; the 10 series are 0 to 9" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, first, end in (("ann", 40, 160), ("bob", 60, 140), ("tiny", 140, 150)):
        LOG[first:end].to_csv(folder / f"{name}.csv", index=False)
    (folder / "._ann.csv").write_bytes(b"\0")  # as some systems leave beside a file
    return folder


def test_a_folder_of_recordings(logs, tmp_path, capsys):
    cut = ["--window", "20", "--label-column", "gait"]
    model, out = str(tmp_path / "m.lstmfcn"), tmp_path / "y.csv"
    assert main(["fit", str(logs), *cut, "--out", model, *SMALL]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "10 series, 1 channel x 20 timepoints, 2 classes (walk 5, run 5), 2 groups"
    )
    assert "left out: Time (s), tiny.csv, which is shorter than a window" in said
    assert main(["predict", model, str(logs), "--out", str(out)]) == 0
    assert main(["predict", model, str(logs), "--out", str(logs / "y.csv")]) == 1
    assert "would be read as a recording the next time" in capsys.readouterr().err
    found = pd.read_csv(out)
    assert found.file.tolist() == ["ann.csv"] * 6 + ["bob.csv"] * 4
    assert found.start.tolist() == [0, 20, 40, 60, 80, 100, 0, 20, 40, 60]
    assert found.label.tolist() == ["walk"] * 3 + ["run"] * 3 + ["walk"] * 2 + ["run"] * 2
    assert (
        main(["evaluate", str(logs), *cut, "--out", str(tmp_path / "e"), *SMALL, "--folds", "2"])
        == 0
    )
    by_file = pd.read_csv(tmp_path / "e" / "predictions.csv").groupby("file").fold
    assert by_file.nunique().tolist() == [1, 1]


@pytest.mark.parametrize(
    "change, options, sentence",
    [
        (lambda logs: None, [], "logs is a folder; pass --window if it holds recordings."),
        (
            lambda logs: LOG.rename(columns={"accel": "gyro"}).to_csv(logs / "z.csv", index=False),
            ["--window", "20"],
            "z.csv has the channels gyro, but the model was trained on accel",
        ),
        (lambda logs: None, ["--window", "150"], "is shorter than a window; pass fewer --window."),
        (lambda logs: [p.unlink() for p in logs.iterdir()], ["--window", "20"], "no recordings"),
    ],
)
def test_a_folder_that_is_none_of_recordings(logs, tmp_path, capsys, change, options, sentence):
    change(logs)
    arguments = ["fit", str(logs), "--label-column", "gait", *options, *SMALL]
    assert main([*arguments, "--out", str(tmp_path / "m.lstmfcn")]) == 1
    assert sentence in capsys.readouterr().err


def test_a_column_that_names_the_series(tmp_path, capsys):
    table = SERIES.assign(patient=[f"p{i}" for i in range(N)], label=MORE.gait)
    table.to_csv(tmp_path / "x.csv", index=False)
    command = ["fit", str(tmp_path / "x.csv"), "--out", str(tmp_path / "m.lstmfcn"), *SMALL]
    assert main(command) == 1
    assert "--id patient if it names the series" in capsys.readouterr().err
    assert main([*command, "--id", "patient"]) == 0
    predict = ["predict", str(tmp_path / "m.lstmfcn"), str(tmp_path / "x.csv"), "--out"]
    assert main([*predict, str(tmp_path / "y.csv")]) == 0
    assert pd.read_csv(tmp_path / "y.csv").id.tolist() == table.patient.tolist()
    found = lstmfcn.datasets.read_series(tmp_path / "x.csv", id_column="patient")
    assert len(found) == 3 and found[2].tolist() == table.patient.tolist()
    assert main([*predict[:2], str(tmp_path / "x.csv"), "--id", "who", *predict[3:], "z.csv"]) == 1
    assert "no column of the name --id who" in capsys.readouterr().err


def test_only_labels_that_are_new_are_named(models, tmp_path, capsys):
    MORE.assign(gait=[1, 2, 3] * 4).to_csv(tmp_path / "x.csv", index=False)
    named = "--label-column gait --drop date --group who".split()
    fit = ["fit", str(tmp_path / "x.csv"), *named, "--out", str(tmp_path / "m.lstmfcn"), *SMALL]
    assert main(fit) == 0
    MORE.assign(gait=[1, 2, 4] * 4).to_csv(tmp_path / "x.csv", index=False)
    tune = ["fine-tune", str(tmp_path / "m.lstmfcn"), str(tmp_path / "x.csv"), "--out", "n.lstmfcn"]
    assert main(tune) == 1
    assert "was not fitted on: '4'; its classes are 1, 2, 3." in capsys.readouterr().err
