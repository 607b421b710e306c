"""Does the command line fit, predict and demonstrate, and refuse with a sentence and a code?"""

import csv
import io
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from conftest import make_series, narrow_networks
from tqdm import tqdm

import lstmfcn
from lstmfcn.cli import demo, main


def write_tsv(path, X, y):
    """Write (n_samples, 1, n_timepoints) and labels the way the UCR archive does."""
    lines = [
        "\t".join([label.replace(" ", "_"), *(f"{value:.6f}" for value in series[0])])
        for series, label in zip(X, y, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module", autouse=True)
def narrow():
    with narrow_networks():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory, narrow):
    """A folder with train.tsv, test.tsv, unlabelled.npy and a model fitted by the command."""
    folder = tmp_path_factory.mktemp("cli")
    X, y = make_series(n_samples=40, n_timepoints=20)
    write_tsv(folder / "train.tsv", X[:30], y[:30])
    write_tsv(folder / "test.tsv", X[30:], y[30:])
    np.save(folder / "unlabelled.npy", X[30:, 0])
    code = main(
        f"fit {folder}/train.tsv --model alstmfcn --epochs 15 --batch-size 8 --seed 3 "
        f"--out {folder}/model.lstmfcn".split()
    )
    assert code == 0
    return folder


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_fit_writes_the_model_that_python_would_fit(folder):
    from lstmfcn.datasets import read_series

    X, y = read_series(folder / "train.tsv")
    same = lstmfcn.ALSTMFCNClassifier(n_epochs=15, batch_size=8, random_state=3).fit(X, y)
    loaded = lstmfcn.load(folder / "model.lstmfcn")
    np.testing.assert_array_equal(loaded.predict_proba(X), same.predict_proba(X))


def test_fit_with_a_checkpoint_and_a_precision(folder, tmp_path):
    command = (
        f"fit {folder}/train.tsv --model fcn --epochs 3 --precision float32 "
        f"--checkpoint {tmp_path}/running --out {tmp_path}/model.lstmfcn"
    ).split()
    assert main(command) == 0
    first = lstmfcn.load(tmp_path / "model.lstmfcn")
    assert first.precision_ == "float32"
    assert os.listdir(tmp_path / "running") == ["fit.npz"]
    assert main(command) == 0  # finds its work done
    again = lstmfcn.load(tmp_path / "model.lstmfcn")
    assert again.history_ == first.history_


def test_predict_writes_probabilities_and_prints_metrics(folder, capsys):
    out = folder / "predictions.csv"
    model, test = str(folder / "model.lstmfcn"), str(folder / "test.tsv")
    assert main(["predict", model, test, "--out", str(out)]) == 0
    rows = read_csv(out)
    assert list(rows[0]) == [
        "label",
        "predicted",
        "probability_class_0",
        "probability_class_1",
    ]
    right = np.mean([row["label"] == row["predicted"] for row in rows])
    printed = capsys.readouterr().out
    assert f"accuracy           {right:.4f}" in printed
    assert right >= 0.8
    for row in rows:
        total = float(row["probability_class_0"]) + float(row["probability_class_1"])
        assert total == pytest.approx(1, abs=2e-6)


def test_predict_without_labels(folder, capsys):
    out = folder / "unlabelled.csv"
    model = str(folder / "model.lstmfcn")
    assert main(["predict", model, str(folder / "unlabelled.npy"), "--out", str(out)]) == 0
    assert "accuracy" not in capsys.readouterr().out
    labelled = main(["predict", model, str(folder / "test.tsv"), "--out", str(folder / "b.csv")])
    assert labelled == 0
    unlabelled = [row["predicted"] for row in read_csv(out)]
    assert unlabelled == [row["predicted"] for row in read_csv(folder / "b.csv")]
    assert "label" not in read_csv(out)[0]


def write_last(path, X, y, names=""):
    """Write a .csv with the labels in the last column."""
    lines = [
        [*(f"{value:.6f}" for value in series[0]), label]
        for series, label in zip(X, y, strict=True)
    ]
    path.write_text(names + "".join(",".join(line) + "\n" for line in lines))
    return str(path)


def test_the_label_column_is_said(tmp_path, capsys):
    X, y = make_series(n_samples=40, n_timepoints=20)
    numbers = [f"{list(np.unique(y)).index(label)}.0" for label in y]
    said = write_last(tmp_path / "said.csv", X[:30], numbers[:30])
    names = "".join(f"t{i}," for i in range(20))
    named = write_last(tmp_path / "named.csv", X[30:], numbers[30:], f"{names}label\n")
    model, out = str(tmp_path / "m.lstmfcn"), str(tmp_path / "out.csv")
    fit = ["fit", said, "--model", "fcn", "--epochs", "15", "--out", model]
    assert main(fit) == 1
    assert capsys.readouterr().err.endswith(
        "pass --label-column NAME, 'first' or 'last', or --labels none.\n"
    )
    assert main([*fit, "--label-column", "last"]) == 0
    assert "30 series, 2 classes" in capsys.readouterr().out
    assert main(["predict", model, named, "--out", out]) == 0
    rows = read_csv(out)
    right = np.mean([row["label"] == row["predicted"] for row in rows])
    assert f"accuracy           {right:.4f}" in capsys.readouterr().out and right > 0.8
    assert {row["label"] for row in rows} == {"0", "1"}
    explained = ["explain", model, said, "--out", str(tmp_path / "explained")]
    assert main([*explained, "--label-column", "first"]) == 1
    assert "which is no class of the model; pass --label-column" in capsys.readouterr().err


def test_labels_in_any_script_and_locale(folder, tmp_path):
    X, y = lstmfcn.datasets.read_series(folder / "train.tsv")
    classes = np.array(["Zürich", "01"])
    y = classes[(y == y[0]).astype(int)]
    lstmfcn.FCNClassifier(n_epochs=1, n_filters=(4, 4, 4)).fit(X, y).save(tmp_path / "m.lstmfcn")
    lines = ["\t".join([label, *map(str, row)]) for label, row in zip(y, X, strict=True)]
    (tmp_path / "é.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        f"{sys.executable} -m lstmfcn.cli predict m.lstmfcn é.tsv --out é.csv".split(),
        cwd=tmp_path,
        env={
            **os.environ,
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "é.csv").read_bytes().decode("utf-8")
    assert text.startswith("label,predicted,probability_01,probability_Zürich\n")
    assert [row["label"] for row in csv.DictReader(io.StringIO(text))] == y.tolist()


def test_series_of_other_lengths_than_in_fit(folder, tmp_path, capsys):
    X, y = make_series(n_samples=6, n_timepoints=20)
    rows = [
        [label.replace(" ", "_"), *map(str, series[0, : 10 + 2 * i])]
        for i, (label, series) in enumerate(zip(y, X, strict=True))
    ]
    rows = [row + ["NaN"] * (21 - len(row)) for row in rows]
    (tmp_path / "other.tsv").write_text("\n".join("\t".join(row) for row in rows) + "\n")
    out = f"{tmp_path}/other.tsv --out {tmp_path}/y.csv"
    assert main(f"predict {folder}/model.lstmfcn {out}".split()) == 1
    assert capsys.readouterr().err == (
        "lstmfcn: error: other.tsv has series of 10 to 20 timepoints, but this ALSTMFCNClassifier "
        "was fitted on series of equal length 20; resample them, or fit it with --unequal-length "
        "resample or 'pad'.\n"
    )
    command = f"fit {folder}/train.tsv --model fcn --epochs 1 --unequal-length resample"
    assert main([*command.split(), "--out", f"{tmp_path}/m.lstmfcn"]) == 0
    assert main(f"predict {tmp_path}/m.lstmfcn {out}".split()) == 0
    assert len(read_csv(tmp_path / "y.csv")) == 6


def test_a_path_behind_an_equals_sign(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    command = f"predict {folder}/model.lstmfcn {folder}/test.tsv --out=~/y.csv".split()
    assert main(command) == 0
    assert len(read_csv(tmp_path / "y.csv")) == 10


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        (
            "a,1,,3\nb,1,2,3\n",
            "",
            "x.csv has missing values inside 1 of 2 series; pass --missing interpolate to fill "
            "them linearly.",
        ),
        (
            "a,1,2\na,3,4\n",
            "",
            "the label column has only one class, 'a'; LSTMFCNClassifier needs at least two "
            "classes.",
        ),
        (
            "a,1,2\nb,3,4\n",
            "--labels frist",
            "--labels frist is neither 'auto', 'first', 'last' or 'none' nor a file that exists.",
        ),
        (
            "a,1,2\nb,3,4\n",
            "--dilation-rates 1,2",
            "--dilation-rates 1,2 and --n-filters 32,64,32 differ in length; pass one entry per "
            "convolution block.",
        ),
        (
            "a,1,2\nb,3,4\n",
            "--archive {}/none",
            "The archive {}/none does not exist; pass the folder or the zip of UCRArchive_2018, or "
            "no --archive for the datasets that come with sktime. Nothing downloads by itself.",
        ),
    ],
)
def test_errors_name_the_options_of_the_shell(tmp_path, capsys, content, options, sentence):
    (tmp_path / "x.csv").write_text(content)
    command = f"fit {tmp_path}/x.csv --out {tmp_path}/m {options.format(tmp_path)}".split()
    assert main(command) == 1
    assert capsys.readouterr().err == f"lstmfcn: error: {sentence.format(tmp_path)}\n"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            KeyError("n_classes"),
            "an unexpected KeyError ended the command; repeat the command with LSTMFCN_DEBUG=1 in "
            "the environment to see where.",
        ),
        (
            UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
            "an unexpected UnicodeEncodeError ended the command; repeat the command with "
            "LSTMFCN_DEBUG=1 in the environment to see where.",
        ),
        (
            RecursionError("maximum recursion depth exceeded"),
            "the input is nested too deeply, like brackets within brackets.",
        ),
        (MemoryError(), "the memory does not suffice; use fewer or shorter series at a time."),
        (MemoryError("a is too large."), "a is too large."),
        (
            OSError(28, "No space left on device", "x" * 300),
            f"{'x' * 200}... cannot be read or written (No space left on device).",
        ),
    ],
)
def test_no_error_is_a_traceback(monkeypatch, capsys, error, sentence):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("lstmfcn.datasets.load_ucr", fail)
    assert main(["fit", "GunPoint", "--out", "m"]) == 1
    assert capsys.readouterr().err == f"lstmfcn: error: {sentence}\n"
    monkeypatch.setenv("LSTMFCN_DEBUG", "1")
    with pytest.raises(type(error)):
        main(["fit", "GunPoint", "--out", "m"])


def test_a_warning_is_a_line(monkeypatch, capsys):
    def warn(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("pass missing='interpolate'.", UserWarning, stacklevel=1)
        raise ValueError("done.")

    monkeypatch.setattr("lstmfcn.datasets.load_ucr", warn)
    assert main(["fit", "GunPoint", "--out", "m"]) == 1
    assert capsys.readouterr().err == (
        "lstmfcn: warning: pass --missing interpolate.\nlstmfcn: error: done.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "{}/none.tsv", "--out", "{}/m"], "none.tsv"),
        (["fit", "{}/train.tsv", "--out", "{}/no/m"], "the folder {}/no does not exist"),
        (["fit", "{}/train.tsv", "--out", "{}"], "{} is a folder; give a file name to write to."),
        (
            ["fit", "{}/train.tsv", "--out", "{}/train.tsv"],
            "{}/train.tsv is also what is read; name another file with --out.",
        ),
        (["fit", "GunPiont", "--out", "{}/m"], "GunPoint"),
        (["fit", "{}/unlabelled.npy", "--out", "{}/m"], "has no labels; say where they are"),
        (["fit", "{}/train.tsv", "--model", "fcn", "--cells", "4", "--out", "{}/m"], "--cells"),
        (["predict", "{}/train.tsv", "{}/test.tsv", "--out", "{}/p"], "is not a classifier file"),
        (
            ["predict", "{}/none", "{}/test.tsv", "--out", "{}/p"],
            "there is no file {}/none; pass a file written by lstmfcn fit.",
        ),
        (["predict", "{}/model.lstmfcn", "ArrowHead", "--out", "{}/p"], "expecting 20 features"),
    ],
)
def test_refusals_are_one_sentence_and_code_1(folder, capsys, arguments, sentence):
    before = sorted(path.name for path in folder.iterdir())
    assert main([argument.format(folder) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert error.count("lstmfcn: error: ") == 1
    assert sentence.format(folder) in error
    assert "Traceback" not in error
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["teach"],
        ["fit", "a.tsv"],
        ["fit", "a.tsv", "--out", "m", "--epochs", "0"],
        ["fit", "a.tsv", "--out", "m", "--epochs", "many"],
        ["fit", "a.tsv", "--out", "m", "--model", "resnet"],
        ["demo", "--seed", "-1"],
    ],
)
def test_wrong_usage_is_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: lstmfcn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--seed", "9" * 4400], f"'{'9' * 40}...' is not a whole number from 0 to 4294967295"),
        (["--epochs", "1.5"], "'1.5' is not auto or a whole number in [1, 1000000]"),
        (["--out="], "an empty text is not a path"),
        (["--learning-rate", "fast"], "'fast' is not a number in (0, 10]"),
        (["--learning-rate", "-1"], "'-1' is not a number in (0, 10]"),
    ],
)
def test_wrong_values_are_named(capsys, option, sentence):
    with pytest.raises(SystemExit):
        main(["fit", "GunPoint", "--out", "m", *option])
    name = option[0].rstrip("=")
    assert capsys.readouterr().err.endswith(f"error: argument {name}: {sentence}\n")


def test_help_and_version(capsys):
    for arguments, text in ((["--version"], lstmfcn.__version__), (["fit", "--help"], "--labels")):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0
        assert text in capsys.readouterr().out


def test_interrupt_is_code_130_and_leaves_no_file(folder):
    out = folder / "interrupted.lstmfcn"
    process = subprocess.Popen(
        f"{sys.executable} -m lstmfcn.cli fit {folder}/train.tsv --epochs 9999 --out {out}".split(),
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # A shell that starts the tests in the background has them, and us, ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    seen = b""
    while b"loss=" not in seen:  # the bar shows that training is under way
        piece = os.read(process.stderr.fileno(), 4096)
        assert piece, "the process ended before it trained"
        seen += piece
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=600)  # only a process that hangs takes so long
    assert process.returncode == 130
    assert b"interrupted; nothing was kept. With --checkpoint" in rest and b"Traceback" not in rest
    assert not out.exists()
    assert not list(folder.glob(".interrupted*"))


def test_demo(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "out"), "--epochs", "2"]) == 0
    printed = capsys.readouterr().out
    rows = read_csv(tmp_path / "out" / "results.csv")
    assert [(row["dataset"], row["model"]) for row in rows] == [
        (dataset, model)
        for dataset in ("ItalyPowerDemand", "GunPoint", "ArrowHead")
        for model in ("LSTM-FCN", "ALSTM-FCN")
    ]
    for row in rows:
        assert float(row["seconds"]) > 0
        assert f"{float(row['accuracy']):.4f}" in printed
    for name in ("learning-curves.png", "attention.png"):
        assert (tmp_path / "out" / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    models = sorted(path.name for path in (tmp_path / "out" / "models").iterdir())
    assert len(models) == 6
    _, _, X_test, y_test = lstmfcn.datasets.load_ucr("GunPoint")
    model = lstmfcn.load(tmp_path / "out" / "models" / "GunPoint-alstm-fcn.lstmfcn")
    assert model.score(X_test, y_test) == pytest.approx(float(rows[3]["accuracy"]))


def test_the_bar_of_the_demo_grows_with_a_second_training(monkeypatch):
    monkeypatch.setattr("lstmfcn.training.candidates.N_UPDATES", 12)
    monkeypatch.setattr("lstmfcn.training.candidates.PER_CLASS", 1)
    monkeypatch.setattr("lstmfcn.training.candidates.FEWEST_EPOCHS", 2)
    X, y = make_series(n_samples=30, n_timepoints=20)
    y = np.random.RandomState(0).permutation(y)  # cannot be learned in so few updates
    classifier = lstmfcn.ALSTMFCNClassifier(n_filters=(4, 4, 4), random_state=0)
    cost, n_epochs = demo._work_per_epoch(classifier, X, y)
    bar = tqdm(total=cost * n_epochs, disable=False, file=io.StringIO())
    classifier.set_params(callbacks=[demo._advance(bar, cost)]).fit(X, y)
    assert classifier.n_epochs_ > n_epochs
    assert bar.n == bar.total == cost * classifier.n_epochs_


# explain


def test_explain_writes_pictures_and_arrays(folder, tmp_path, capsys):
    out = tmp_path / "explained"
    command = f"explain {folder}/model.lstmfcn {folder}/test.tsv --out {out}".split()
    assert main(command) == 0
    said = capsys.readouterr()
    assert "10 series explained" in said.out and "100%" in said.err
    assert "fraction of the LSTM branch in the decisions: 0." in said.out
    assert said.out.count("times as far as deleting a random fifth") == 3
    assert "its training kept no gaps" not in said.out
    pictures = {path.stem for path in out.glob("*.png")}
    assert pictures == {
        "activation-maps",
        "attention-map-gallery",
        "attention-map-mean",
        "class-activation-map-gallery",
        "class-activation-map-mean",
        "closest-decision",
        "confusion",
        "context",
        "faithfulness",
        "filters",
        "gradient-map-gallery",
        "gradient-map-mean",
        "learning-curves",
        "surest-decision",
    }
    assert all(path.stat().st_size > 5000 for path in out.glob("*.png"))
    model = lstmfcn.load(folder / "model.lstmfcn")
    X, y = lstmfcn.datasets.read_series(folder / "test.tsv")
    with np.load(out / "explanations.npz") as arrays:  # without pickle
        np.testing.assert_array_equal(arrays["attention_map"], model.attention_map(X))
        np.testing.assert_array_equal(arrays["class_activation_map"], model.class_activation_map(X))
        assert arrays["classes"].tolist() == model.classes_.tolist()
        assert arrays["labels"].tolist() == y.tolist()
        logits = arrays["bias"] + arrays["lstm"] + arrays["convolutions"]
        odds = np.exp(logits)
        expected = odds / odds.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(arrays["probabilities"], expected, atol=1e-5)


def test_explain_does_without_labels_and_without_attention(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lstmfcn.plots.overview.image_bytes", lambda *_, **__: b"")
    X, y = lstmfcn.datasets.read_series(folder / "train.tsv")
    lstmfcn.FCNClassifier(n_epochs=2, random_state=0).fit(X, y).save(tmp_path / "fcn.lstmfcn")
    out = tmp_path / "explained"
    series = f"{folder}/unlabelled.npy"
    assert main(f"explain {tmp_path}/fcn.lstmfcn {series} --out {out}".split()) == 0
    assert "its training kept no gaps (occlusion_ is 0)" in capsys.readouterr().out
    names = {path.name for path in out.iterdir()}
    assert "class-activation-map-gallery.png" in names
    assert not names & {"confusion.png", "context.png", "attention-map-mean.png"}
    with np.load(out / "explanations.npz") as arrays:
        assert "labels" not in arrays and (arrays["lstm"] == 0).all()


def test_explain_refuses_in_a_sentence_and_leaves_nothing(folder, tmp_path, capsys):
    X, y = make_series(n_samples=6, n_timepoints=31)
    longer = write_tsv(tmp_path / "longer.tsv", X, y)
    X, _ = make_series(n_samples=6, n_timepoints=20)
    unknown = write_tsv(tmp_path / "unknown.tsv", X, ["a wave", *y[1:]])
    (tmp_path / "file").write_text("")
    out = tmp_path / "explained"
    for series, folder_out, sentence in [
        (longer, out, "longer.tsv has 31 features"),
        (unknown, out, "the series have the label 'a_wave', which the model does not know"),
        (f"{folder}/test.tsv", tmp_path / "file", "is a file; name a folder with --out"),
        (f"{folder}/missing.tsv", out, "missing.tsv"),
    ]:
        command = f"explain {folder}/model.lstmfcn {series} --out {folder_out}".split()
        assert main(command) == 1
        error = capsys.readouterr().err
        assert sentence in error and error.count("\n") == 1, error
    assert not out.exists()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A log of four people, with gaps and a column of times."""
    rng = np.random.default_rng(0)
    lines = ["time;who;ax;ay;activity"]
    for who in "abcd":
        for activity in ("walk", "rest", "walk", "rest"):
            values = rng.normal(size=(80, 2)) + (3.0 if activity == "walk" else 0.0)
            lines += [f"{len(lines)};{who};{x:.3f};{y:.3f};{activity}" for x, y in values]
    lines[100] = lines[100].replace(";b;", ";b;").rsplit(";", 2)[0] + ";;rest"
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


WINDOWED = ["--window", "20", "--label-column", "activity", "--group", "who", "--model", "fcn"]


def test_a_long_recording_from_log_to_prediction(recording, tmp_path, capsys):
    model, out = str(tmp_path / "m.lstmfcn"), str(tmp_path / "out.csv")
    quick = ["--epochs", "3", "--n-filters", "4,4,4", "--class-weight", "walk=1,rest=2"]
    assert main(["fit", str(recording), *WINDOWED, *quick, "--out", model]) == 0
    read = "63 series, 2 channels x 20 timepoints, 2 classes (walk 32, rest 31), 4 groups, left out"
    dropped = "1 of 64 windows with gaps, or of several labels or groups"
    assert capsys.readouterr().out.startswith(f"{read}: time, {dropped}\n")
    fitted = lstmfcn.load(model)
    assert fitted.n_filters == (4, 4, 4) and fitted.class_weight == {"walk": 1.0, "rest": 2.0}
    assert main(["predict", model, str(recording), "--out", out]) == 0
    rows = read_csv(out)
    assert list(rows[0])[:5] == ["start", "time", "group", "label", "predicted"] and len(rows) == 63
    assert [row["start"] for row in rows[:2]] == ["0", "20"]
    assert np.mean([row["label"] == row["predicted"] for row in rows]) > 0.9
    assert main(["predict", model, str(recording), "--step", "10", "--out", out]) == 0
    assert len(read_csv(out)) > 63
    exported = str(tmp_path / "m.onnx")
    assert main(["export", model, "--out", exported]) == 0
    assert main(["predict", exported, str(recording), "--out", out]) == 0
    assert [row["predicted"] for row in read_csv(out)] == [row["predicted"] for row in rows]


def test_channels_are_read_by_their_names(recording, tmp_path, capsys):
    model, out = str(tmp_path / "m.lstmfcn"), str(tmp_path / "out.csv")
    quick = ["--epochs", "1", "--n-filters", "4,4,4"]
    assert main(["fit", str(recording), *WINDOWED, *quick, "--out", model]) == 0
    assert main(["predict", model, str(recording), "--out", out]) == 0
    rows = [line.split(";") for line in recording.read_text().splitlines()]
    order = [rows[0].index(name) for name in ("time", "who", "ay", "ax", "activity")]
    other = tmp_path / "other.csv"
    other.write_text("\n".join(";".join(row[place] for place in order) for row in rows))
    expected = read_csv(out)
    assert main(["predict", model, str(other), "--out", out]) == 0
    assert read_csv(out) == expected
    other.write_text(other.read_text().replace("time;who;ay;ax", "time;who;ay;az", 1))
    capsys.readouterr()
    assert main(["predict", model, str(other), "--out", out]) == 1
    assert (
        "has the channels ay, az, but the model was trained on ax, ay;" in capsys.readouterr().err
    )


def test_folds_that_share_timepoints_are_told(recording, tmp_path, capsys):
    command = ["evaluate", str(recording), "--window", "20", "--step", "10", "--drop", "who"]
    command += ["--label-column", "activity", "--model", "fcn", "--epochs", "1", "--folds", "2"]
    assert main([*command, "--n-filters", "4,4,4", "--out", str(tmp_path)]) == 0
    assert "windows of 20 timepoints every 10 overlap" in capsys.readouterr().err


def test_an_ensemble_remembers_where_labels_were(tmp_path, capsys):
    X, y = make_series(n_samples=20, n_timepoints=20)
    names = "".join(f"t{i}," for i in range(20)) + "kind\n"
    path = write_last(tmp_path / "train.csv", X, [label.replace(" ", "_") for label in y], names)
    model, out = str(tmp_path / "m.lstmfcn"), str(tmp_path / "out.csv")
    quick = ["--model", "ensemble", "--of", "fcn", "--members", "2", "--epochs", "1"]
    assert main(["fit", path, *quick, "--label-column", "kind", "--out", model]) == 0
    reading = {"label_column": "kind", "timepoints": [f"t{i}" for i in range(20)]}
    assert lstmfcn.load(model).reading_ == reading
    assert main(["predict", model, path, "--out", out]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_evaluate_keeps_groups_apart_and_goes_on(recording, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "scores"
    command = ["evaluate", str(recording), *WINDOWED, "--epochs", "1", "--n-filters", "4,4,4"]
    command += ["--folds", "4", "--out", str(folder)]
    fits, fit = [], lstmfcn.FCNClassifier.fit

    def fit_twice(self, *arguments):
        if len(fits) == 2:
            raise KeyboardInterrupt
        fits.append(1)
        return fit(self, *arguments)

    monkeypatch.setattr(lstmfcn.FCNClassifier, "fit", fit_twice)
    assert main(command) == 130
    assert sorted(path.name for path in folder.iterdir()) == ["fold-0.npz", "fold-1.npz"]
    fits[:] = []
    assert main(command) == 0 and len(fits) == 2
    rows = read_csv(folder / "predictions.csv")
    assert len(rows) == 63 and {row["fold"] for row in rows} == {"0", "1", "2", "3"}
    scores = read_csv(folder / "scores.csv")
    assert [row["fold"] for row in scores] == ["0", "1", "2", "3", "all"]
    right = np.mean([row["label"] == row["predicted"] for row in rows])
    assert float(scores[-1]["accuracy"]) == pytest.approx(right)
    assert (folder / "confusion.png").stat().st_size > 1000
    (folder / "fold-1.npz").write_bytes(b"")  # damaged
    fits[:] = []
    assert main(command) == 0 and len(fits) == 1
    before = (folder / "fold-0.npz").read_bytes()
    monkeypatch.setattr("lstmfcn.cli.cross_validation.__version__", "9.9")
    assert main(command) == 1
    there = f"other version of lstmfcn ({lstmfcn.__version__} there, 9.9 here)"
    assert there in capsys.readouterr().err
    monkeypatch.undo()
    assert main([*command, "--seed", "1"]) == 1
    assert "is of a cross-validation with other" in capsys.readouterr().err
    assert main([*command, "--batch-size", "7"]) == 1
    assert "other --batch-size (auto there, 7 here); name another folder" in capsys.readouterr().err
    assert (folder / "fold-0.npz").read_bytes() == before
    assert main(["evaluate", str(recording), *WINDOWED, "--folds", "5", "--out", str(folder)]) == 1
    assert "there are 4 groups, fewer than --folds" in capsys.readouterr().err


def test_every_parameter_is_an_option_with_its_documentation(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    never = {"callbacks", "checkpoint", "random_state", "verbose"}
    for cls in (lstmfcn.LSTMFCNClassifier, lstmfcn.ALSTMFCNClassifier):
        for name in set(cls().get_params()) - never - {"n_cells", "n_epochs"}:
            assert f"--{name.replace('_', '-')} " in text
    assert "--occlusion NUMBER Largest fraction of timepoints hidden" in text
    rocket = (
        "--rocket false|true Whether fixed kernels take part in the decision: MiniROCKET's, and"
    )
    assert f"{rocket} random ones that compete as in Hydra; default: " in text


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--occlusion", "3"], "argument --occlusion: '3' is not a number in [0, 1)"),
        (["--rocket", "maybe"], "argument --rocket: 'maybe' is not false or true"),
        (["--class-weight", "a=x"], "argument --class-weight: 'a=x' is not label=factor"),
        (["--patience", "0"], "'0' is not none or a whole number in [1, 1000000]"),
    ],
)
def test_values_that_no_parameter_has_are_wrong_usage(capsys, option, sentence):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "GunPoint", "--out", "m", *option])
    assert stop.value.code == 2 and sentence in capsys.readouterr().err


def test_a_parameter_of_another_model_is_refused(folder, capsys):
    fit = ["fit", str(folder / "train.tsv"), "--out", str(folder / "m")]
    assert main([*fit, "--model", "lstmfcn", "--attention", "paper"]) == 1
    assert "--attention does not apply to the model lstmfcn." in capsys.readouterr().err
    assert main([*fit, "--members", "3"]) == 1
    assert "--members does not apply to the model lstmfcn." in capsys.readouterr().err
