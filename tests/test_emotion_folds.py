"""Are folds stored, pooled and resumed, and are submissions those of models of all labels?"""

import csv
import re
import shutil
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from mer_folder import write_labels, write_mer_folder

from lstmfcn.cli import main
from lstmfcn.cli.emotion import made_features
from lstmfcn.emotion import ClipTable, EmotionRecipe, FeatureStore, load_labels, load_model
from lstmfcn.emotion import track_runs as runs
from lstmfcn.emotion.attention_maps import read_attention
from lstmfcn.emotion.one_run import fit_recipe
from lstmfcn.emotion.splits import EVERYTHING, HELD_OUT, open_source
from lstmfcn.emotion.track_data import load_part
from lstmfcn.emotion.track_runs import run_track
from lstmfcn.evaluation import Results, classification_metrics
from lstmfcn.meta import read_folds

LINEAR = EmotionRecipe(["tone"], "svm")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_mer_folder(tmp_path_factory.mktemp("mer") / "toy")


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_folds_are_pooled_and_every_clip_is_scored_once(root, tmp_path):
    source = open_source(root, "full", group="speaker").with_folds(3, stored_in=tmp_path / "f")
    _, (row,), _ = run_track(source, LINEAR, tmp_path, n_seeds=2)
    assert row["test"] == "3 folds by speaker"
    scored = read(tmp_path / "toy-full" / "SVM_tone_FRA" / "predictions-3-folds-by-speaker.csv")
    assert sorted(one["name"] for one in scored) == sorted(source.labelled.names)
    truth = dict(zip(source.labelled.names, source.labelled.y.tolist(), strict=True))
    assert all(truth[one["name"]] == one["truth"] for one in scored)
    for seed in (0, 1):
        (run,) = (run for run in Results(tmp_path).finished() if run.seed == seed)
        found = Results(tmp_path).predictions(run)
        expected = classification_metrics(found["y_true"], found["y_pred"])
        record = Results(tmp_path).record(run)
        assert record["weighted_f1"] == pytest.approx(expected["weighted_f1"])
        assert record["n_test"] == 36 and record["n_train"] < 36
    for part in range(3):
        tables = source.tables(part)
        train, held = (set(tables[name].groups("speaker")) for name in ("train", source.title))
        assert not train & held


def test_stored_folds_are_read_again(root, tmp_path):
    source = open_source(root, "full").with_folds(4, stored_in=tmp_path)
    path = tmp_path / "4-folds.csv"
    stored = read_folds(path, source.labelled.names)
    assert [fold.tolist() for fold in stored] == [fold.tolist() for fold in source.folds]
    lines = path.read_text().splitlines()
    names = [line.split(",")[0] for line in lines[1:]]
    path.write_text("name,fold\n" + "".join(f"{n},{i % 4}\n" for i, n in enumerate(names)))
    again = open_source(root, "full").with_folds(4, stored_in=tmp_path)
    assert [fold.tolist() for fold in again.folds] == [list(range(k, 36, 4)) for k in range(4)]
    other = open_source(root, "semi")
    with pytest.raises(ValueError, match=r"differ in 12 samples.* For other clips, use another f"):
        other.with_folds(4, stored_in=tmp_path)


@pytest.mark.parametrize("folds", [3, "loso"])
def test_stored_folds_of_other_speakers_are_refused(root, tmp_path, folds):
    shutil.copytree(root, tmp_path / "toy")
    source = open_source(tmp_path / "toy", "full", group="speaker")
    source.with_folds(folds, stored_in=tmp_path / "out")
    for path in (tmp_path / "toy").glob("label-t*.csv"):  # two names were one person
        path.write_text(path.read_text().replace("s1", "s0").replace("s2", "s0"))
    source = open_source(tmp_path / "toy", "full", group="speaker")
    with pytest.raises(ValueError, match=r"has folds of other values of speaker: s0 is in several"):
        source.with_folds(folds, stored_in=tmp_path / "out")
    if folds == "loso":
        (path,) = (tmp_path / "out").glob("*.csv")
        speakers = source.labelled.groups("speaker").tolist()
        lines = [
            f"{n},{int(s > 's0')}" for n, s in zip(source.labelled.names, speakers, strict=True)
        ]
        path.write_text("\n".join(["name,fold", *lines]))
        with pytest.raises(ValueError, match=r"speaker: fold 1 holds out s3, s8, s9\. Use another"):
            source.with_folds(folds, stored_in=tmp_path / "out")


def test_leave_one_speaker_out(root, tmp_path):
    source = open_source(root, "full").with_folds("loso", stored_in=tmp_path)
    assert source.title == "leave one speaker out" and source.n_parts == 6
    assert source.group == "speaker"
    for part in range(6):
        assert len(set(source.tables(part)[source.title].groups("speaker"))) == 1


@pytest.mark.parametrize("options", [["--folds", "2"], []])
def test_clips_without_features_are_counted_and_named(root, tmp_path, options, capsys):
    labels = tmp_path / "labels.csv"
    rows = "".join(f"train{i},{'happy sad'.split()[i % 2]}\n" for i in range(12))
    labels.write_text(f"file,emotion\n{rows}gone,sad\nlost,happy\nnew,\ntest0,\n")
    command = ["emotion", "run", "--data", str(root), "--features", "tone", "--epochs", "1"]
    command += ["--model", "fcn", "--labels", str(labels), "--on-missing", "drop", *options]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    n_train = "12 labelled clips" if options else "9 training clips"
    assert n_train in printed and ", 1 unlabelled" in printed
    assert "3 clips without features are left out: gone, lost, new\n" in printed


def test_several_models_and_a_baseline_are_rows_of_one_table(root, tmp_path, capsys):
    command = ["emotion", "run", "--data", str(root), "--features", "tone", "--epochs", "1"]
    command += ["--folds", "2", "--model", "lstmfcn,ensemble", "--baselines", "svm"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    names = ["LSTM-FCN tone_FRA", "Ensemble tone_FRA", "SVM tone_FRA"]
    assert all(f"\n{name}, 2 folds  " in printed for name in names)
    table = read(tmp_path / "toy-full" / "LSTM-FCN_tone_FRA" / "table.csv")
    assert [row["model"] for row in table] == names
    assert {row["test"] for row in table} == {"2 folds"}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in names)


def test_a_baseline_of_other_features(root, tmp_path, capsys):
    command = ["emotion", "run", "--data", str(root), "--features", "tone", "--epochs", "1"]
    command += ["--model", "fcn", "--folds", "2", "--baselines", "svm:face"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    assert "\nSVM face-FRA, 2 folds  " in capsys.readouterr().out
    assert main([*command[:-1], "svn:face", "--out", str(tmp_path)]) == 1
    assert "--baselines svn is unknown" in capsys.readouterr().err


def test_maps_and_the_list_are_of_the_surest_wrong_clips_of_all_folds(root, tmp_path):
    command = ["emotion", "run", "--data", str(root), "--features", "face", "--epochs", "1"]
    command += ["--model", "fcn", "--folds", "3", "--out", str(tmp_path)]
    assert main(command) == 0
    (folder,) = (path.parent for path in tmp_path.glob("*/*/predictions-3-folds.csv"))
    rows = read(folder / "predictions-3-folds.csv")
    sure = {r["name"]: max(float(v) for k, v in r.items() if k.startswith("prob")) for r in rows}
    missed = sorted(
        (r for r in rows if r["truth"] != r["predicted"]), key=lambda r: -sure[r["name"]]
    )
    surest = {}
    for row in missed:
        surest.setdefault(row["truth"], row["name"])
    found = read_attention(folder)[""]
    assert {one.truth: one.name for one in found if one.is_wrong} == surest
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{len(missed)} of 36 answers are wrong." in page
    first = missed[0]
    assert f"<td>{first['name']}</td><td>{first['truth']}</td><td>{first['predicted']}</td>" in page


def test_a_speaker_that_is_not_there_is_told_before_features_are_made(tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    labels.write_text("file,emotion\na.wav,sad\nb.wav,happy\n")
    command = ["emotion", "run", "--wavs", str(tmp_path / "wavs"), "--labels", str(labels)]
    command += ["--features", "logmel", "--out", str(tmp_path / "out")]
    for option in (["--group", "speaker"], ["--folds", "loso"], ["--folds", "5"]):
        assert main([*command, *option]) == 1
        message = capsys.readouterr().err
        assert "speaker" in message or "5 folds" in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "folder"),
    [("logmel", "logmel_FRA"), ("LogMel_FRA", "logmel_FRA"), ("logmel-UTT", "logmel_UTT")],
)
def test_features_of_recordings_are_made_at_the_level_of_their_name(tmp_path, name, folder):
    soundfile = pytest.importorskip("soundfile", reason="reads recordings: lstmfcn[audio]")
    (tmp_path / "wavs").mkdir()
    soundfile.write(tmp_path / "wavs" / "a.wav", np.sin(np.arange(8000)), 16_000)
    table = ClipTable("clips.csv", ("a",), None, ())
    arguments = Namespace(wavs=tmp_path / "wavs", out=tmp_path / "out", on_missing="error")
    assert made_features(arguments, [table], [name]) == {name: folder}
    assert FeatureStore(tmp_path / "out").feature_sets == [folder]
    model = str(tmp_path / "Model_FRA")  # a pretrained model in a folder of this name
    with pytest.raises((ValueError, OSError, ImportError), match=re.escape(model)):
        made_features(arguments, [table], [f"hf:{model}"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--model lstmfcn,rnn --features tone", "'lstmfcn,rnn' is not A[,B] of lstmfcn, alstmfcn"),
        ("--model fcn,lstmfcn --features all", "--features all is for one model, not for --model"),
        ("--model fcn,lstmfcn --features tone --name x", "--name is for one model, not for"),
    ],
)
def test_what_is_for_one_model(root, tmp_path, options, sentence, capsys):
    command = ["emotion", "run", "--data", str(root), "--out", str(tmp_path), *options.split()]
    try:
        assert main(command) == 1
    except SystemExit as exit:  # argparse's own
        assert exit.code == 2
    assert sentence in capsys.readouterr().err


def test_a_fold_that_is_done_is_not_trained_again(root, tmp_path, monkeypatch):
    source, count = open_source(root, "full").with_folds(3), [0]
    run_recipe = runs.run_recipe

    def interrupted(*arguments):
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        return run_recipe(*arguments)

    monkeypatch.setattr(runs, "run_recipe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_track(source, LINEAR, tmp_path)
    assert not Results(tmp_path).finished()
    run_track(source, LINEAR, tmp_path)
    assert count[0] == 4 and len(Results(tmp_path).finished()) == 1
    other = tmp_path / "at-once"
    monkeypatch.setattr(runs, "run_recipe", run_recipe)
    run_track(source, LINEAR, other)
    (one,), (two,) = (Results(folder).finished() for folder in (tmp_path, other))
    one, two = Results(tmp_path).predictions(one), Results(other).predictions(two)
    np.testing.assert_array_equal(one["probabilities"], two["probabilities"])


@pytest.mark.parametrize("folds", [None, 3])
def test_submissions_are_of_models_of_all_labels(tmp_path, folds):
    root = write_mer_folder(tmp_path / "toy")
    (root / "label-test.csv").unlink()
    source = open_source(root, "semi", group="speaker")
    assert (HELD_OUT in source.tables(0)) and source.holds_out
    source = source if folds is None else source.with_folds(folds)
    run_track(source, LINEAR, tmp_path / "out", keep_models=True)
    folder = tmp_path / "out" / "toy-semi" / "SVM_tone_FRA"
    answers = {row["name"]: row["discrete"] for row in read(folder / "submission.csv")}
    assert set(answers) == {row["name"] for row in read(root / "unlabeled-semi.csv")}
    data = load_part(source, replace(LINEAR, mode="pool", features=["tone_FRA"]), EVERYTHING)
    assert len(data.train) == 12 and not data.tests
    expected = fit_recipe(data, 0).predict(data.unlabelled.X)
    assert list(answers.values()) == expected.tolist()
    assert len(load_model(folder / "model-seed0.lstmfcn").needs) == 1


def test_babble_and_mixtures_are_drawn_for_all_labels(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    table = load_labels(root / "label-train.csv")
    rows = zip(table.names, table.y, strict=True)
    lines = [f"{name},one_{place},{label}" for place, (name, label) in enumerate(rows)]
    for line in lines:
        name, utterance, _ = line.split(",")
        path = root / "features" / "tone_FRA" / f"{name}.npy"
        np.save(path.with_name(f"{utterance}.npy"), np.load(path))
    lines = [f"{line.partition(',')[2]},one" for line in lines]
    (root / "labels.csv").write_text("\n".join(["name,emotion,video", *lines]))
    source = open_source(root, labels=root / "labels.csv").with_folds(3)
    for options in ({"n_babble": 1}, {"n_mixed": 2, "context": (1, 1)}):
        recipe = replace(LINEAR, **options)
        every, first = (load_part(source, recipe, part) for part in (EVERYTHING, 0))
        assert every.n_train == len(source.labelled) > first.n_train


@pytest.mark.parametrize("track", ["full", "noise"])
def test_challenge_clips_are_answered_beside_the_test_clips(tmp_path, track):
    root = write_mer_folder(tmp_path / "toy")
    names = [row["name"] for row in read(root / "label-test.csv")][:5]
    (root / "label-test.csv").unlink()
    (root / "unlabeled.csv").write_text("name\n" + "\n".join(names))
    run_track(open_source(root, track), LINEAR, tmp_path / "out")
    folder = tmp_path / "out" / f"toy-{track}" / "SVM_tone_FRA"
    suffix = "-unlabelled" if track == "noise" else ""  # the noisy clips have the plain name
    answered = [row["name"] for row in read(folder / f"submission{suffix}.csv")]
    assert answered == names


def test_a_class_that_a_fold_has_not_seen_has_probability_0(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    rows = [(f"train{i}", ("angry", "happy")[i % 2], f"s{i // 4}") for i in range(16)]
    write_labels(root / "label-train.csv", [*rows, *((f"train{i}", "sad", "s9") for i in (16, 17))])
    (root / "label-test.csv").unlink()
    source = open_source(root, "full").with_folds("loso")
    run_track(source, LINEAR, tmp_path / "out")
    (run,) = Results(tmp_path / "out").finished()
    found = Results(tmp_path / "out").predictions(run)
    assert found["classes"].tolist() == ["angry", "happy", "sad"]
    assert (found["probabilities"][found["y_true"] == "sad", 2] == 0).all()


@pytest.mark.parametrize(
    ("text", "arguments", "sentence"),
    [
        ("file,emotion\n{}", ["--folds", "20"], "has 12 clips; choose --folds 12 at most."),
        ("file,emotion\n{}", ["--folds", "loso"], "has no column 'speaker' to group by"),
        ("file,emotion\n{}", ["--track", "noise"], "needs the files of MER2024's layout; leave"),
        ("file,emotion\n{}", ["--track", "semi"], "has no clip without an emotion, which --track"),
        ("file,emotion\ntrain0,sad\n", [], "has 1 clip of one emotion, sad, to train on; a class"),
        ("file,emotion\n{}gone,sad\n", [], "pass --on-missing drop to leave out clips"),
    ],
)
def test_what_cannot_be(root, tmp_path, text, arguments, sentence, capsys):
    labels = tmp_path / "labels.csv"
    labels.write_text(
        text.format("".join(f"train{i},{'happy sad'.split()[i % 2]}\n" for i in range(12)))
    )
    command = ["emotion", "run", "--data", str(root), "--labels", str(labels), "--model", "fcn"]
    command += ["--features", "tone", "--out", str(tmp_path / "out")]
    assert main([*command, *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_what_is_left_out_and_who_speaks_is_said(root, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    rows = [f"wavs/train{i}.wav,{'bored happy sad'.split()[i % 3]},s{i % 4}" for i in range(18)]
    labels.write_text("file,label,speaker\n" + "\n".join(rows))
    command = ["emotion", "run", "--data", str(root), "--labels", str(labels), "--model", "fcn"]
    command += ["--features", "tone", "--epochs", "1", "--out", str(tmp_path / "out")]
    assert main([*command, "--merge", "happy=joy", "--classes", "joy,sad"]) == 0
    printed = capsys.readouterr().out
    assert "6 clips of other emotions are left out: bored" in printed
    assert "--group speaker keeps each on one side" in printed
    assert "all scores are of training clips that are held out; --folds 5 scores all" in printed
    assert main([*command, "--classes", "joy,sad"]) == 1
    error = capsys.readouterr().err
    assert "has no clip of joy; its labels are bored (6 clips), happy (6 clips), sad (6" in error
    assert error.rstrip().endswith("Correct --classes ...")
