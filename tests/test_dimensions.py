"""Is a dimension predicted by models that have not seen the clip, and is work never done twice?"""

import csv
import shutil
import zipfile

import numpy as np
import pytest
from conftest import refusal

from lstmfcn import LSTMFCNRegressor
from lstmfcn.cli.entry import main
from lstmfcn.emotion import load_model
from lstmfcn.emotion.dimensions import load_dimension, run_dimension
from lstmfcn.emotion.kept_model import read_clips_of
from lstmfcn.evaluation import score_numbers


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder of features whose first column's mean is the valence; the last clip has none."""
    root, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    (root / "tone_FRA").mkdir()
    rows = []
    for clip in range(33):
        valence = rng.uniform(-2.0, 2.0)
        frames = rng.normal([valence, 0.0, 0.0], size=(rng.integers(12, 20), 3))
        np.save(root / "tone_FRA" / f"c{clip}.npy", frames.astype(np.float32))
        rows.append([f"c{clip}", "" if clip == 32 else f"{valence:.4f}", f"speaker {clip % 4}"])
    with open(root / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([["name", "Valence", "speaker"], *rows])
    return root


def run(corpus, out, **changes):
    options = {"folds": "loso", "n_epochs": 15, "n_timepoints": 12, **changes}
    return run_dimension(corpus, corpus / "labels.csv", "valence", ["tone"], out, **options)


@pytest.fixture(scope="module")
def results(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    return out / "labels-valence", run(corpus, out)


def test_each_clip_is_predicted_by_models_of_other_speakers(corpus, results):
    folder, found = results
    assert (found.n_folds, len(found.y_true), found.n_submitted) == (4, 32, 1)
    speakers = found.table.groups("speaker")
    score = score_numbers(found.y_true, found.y_pred, groups=speakers, n_bootstrap=50)
    assert score.scores["ccc"]["value"] > 0.6
    rows = list(csv.DictReader(open(folder / "predictions.csv")))
    assert [row["name"] for row in rows] == list(found.table.names)
    np.testing.assert_allclose([float(row["predicted"]) for row in rows], found.y_pred, atol=1e-6)
    assert [row["speaker"] for row in rows] == speakers.tolist()
    assert (folder / "submission.csv").read_text().startswith("name,valence\nc32,")


def test_what_is_finished_is_not_done_again(corpus, results, monkeypatch):
    folder, found = results
    (folder / "tone_FRA-seed0-fold2.npy").unlink()
    fits, fit = [], LSTMFCNRegressor.fit
    monkeypatch.setattr(
        LSTMFCNRegressor, "fit", lambda self, X, y: fits.append(len(y)) or fit(self, X, y)
    )
    again = run(corpus, folder.parent)
    assert fits == [24]
    np.testing.assert_array_equal(again.by_seed, found.by_seed)
    assert "other epochs (15 there, 3 here)" in refusal(
        lambda: run(corpus, folder.parent, n_epochs=3)
    )


def test_other_folds_and_other_features_need_another_folder(corpus, results, tmp_path):
    folder, _ = results
    copy = tmp_path / "corpus"
    shutil.copytree(corpus, copy)
    labels = (copy / "labels.csv").read_text()
    (copy / "labels.csv").write_text(labels.replace("speaker 0", "zoe"))
    assert "predictions with other rows of the folds; choose" in refusal(
        lambda: run(copy, folder.parent)
    )
    (copy / "labels.csv").write_text(labels)
    np.save(copy / "tone_FRA" / "c0.npy", np.zeros((14, 3), np.float32))
    assert "predictions with other features' values; choose another folder" in refusal(
        lambda: run(copy, folder.parent)
    )


def test_what_is_no_number_is_named_by_its_line(tmp_path):
    path = tmp_path / "l.csv"
    path.write_text("file,arousal\na.wav,1.5\nb.wav,loud\nc.wav,\nd.wav,-10\n")
    assert "line 3: the arousal 'loud' is no number" in refusal(
        lambda: load_dimension(path, "arousal")
    )
    path.write_text("file,arousal\na.wav,1.5\nc.wav,\nd.wav,-10\n")
    labelled, unlabelled, y = load_dimension(path, "Arousal")
    assert (labelled.names, unlabelled.names, y.tolist()) == (("a",), ("c", "d"), [1.5])
    assert "no column 'valence'" in refusal(lambda: load_dimension(path, "valence"))


def test_too_few_speakers_are_told(corpus, tmp_path):
    sentence = refusal(lambda: run(corpus, tmp_path, folds=9, group="speaker"))
    assert "has 4 values of speaker, too few for 9 folds" in sentence


def test_the_shell_prints_scores_and_refuses_what_does_not_go_with_it(corpus, tmp_path, capsys):
    command = ["emotion", "run", "--target", "valence", "--data", str(corpus)]
    command += ["--labels", str(corpus / "labels.csv"), "--features", "tone", "--out"]
    labels = tmp_path / "more.csv"
    labels.write_text((corpus / "labels.csv").read_text() + "gone,0.5,speaker 1\n")
    command[command.index("--labels") + 1] = str(labels)
    command += [str(tmp_path), "--folds", "2", "--group", "speaker", "--epochs", "2"]
    assert main(command) == 1 and "pass --on-missing drop to" in capsys.readouterr().err
    command += ["--on-missing", "drop"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "valence of 32 clips, in 2 folds:\nleft out, without features (1): gone\n" in out
    assert "CCC" in out and "over speakers" in out and "predictions.csv" in out
    assert "emotion predict" not in out
    assert main([*command, "--track", "semi"]) == 1
    assert "--target" in capsys.readouterr().err


def test_a_kept_model_answers_with_numbers_and_pictures(corpus, tmp_path, capsys):
    command = ["emotion", "run", "--target", "Valence", "--data", str(corpus), "--length", "12"]
    command += ["--labels", str(corpus / "labels.csv"), "--features", "tone", "--out"]
    command += [str(tmp_path), "--folds", "2", "--epochs", "10", "--seeds", "2"]
    assert main(command) == 0  # and later kept, of the trainings that are finished
    assert main([*command, "--keep-models"]) == 0
    folder = tmp_path / "labels-valence"
    assert f"lstmfcn emotion predict {folder / 'model-seed0.lstmfcn'} CLIPS" in (
        capsys.readouterr().out
    )
    written = [folder / f"model-seed{seed}.lstmfcn" for seed in (0, 1)]
    models = list(map(load_model, written))
    assert [model.target for model in models] == ["valence"] * 2
    names, sequences, groups = read_clips_of(models[0], corpus)
    answers = [model.predict_numbers(sequences, names, groups) for model in models]
    submitted = float((folder / "submission.csv").read_text().split(",")[-1])
    row = names.index("c32")
    assert np.mean(answers, axis=0)[row] == pytest.approx(submitted, abs=1e-5)
    call = ["emotion", "predict", str(written[0]), str(corpus), "--out", str(tmp_path / "p.csv")]
    assert main([*call, "--pictures", str(tmp_path / "pictures")]) == 0
    printed = capsys.readouterr().out
    assert printed.split()[:2] == ["clip", "valence"] and "33 pictures" in printed
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == "name,predicted" and lines[1].split(",")[0] == names[0]
    assert float(lines[1].split(",")[1]) == pytest.approx(answers[0][0])
    assert (tmp_path / "pictures" / "c32.png").stat().st_size > 5_000


def test_a_file_of_emotions_that_says_it_is_of_numbers_is_refused(corpus, results, tmp_path):
    run_dimension(
        corpus,
        corpus / "labels.csv",
        "valence",
        ["tone"],
        results[0].parent,
        folds="loso",
        n_epochs=15,
        n_timepoints=12,
        keep_models=True,
    )
    with zipfile.ZipFile(results[0] / "model-seed0.lstmfcn") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["emotion.json"] = members["emotion.json"].replace(b'"valence"', b"null")
    with zipfile.ZipFile(tmp_path / "bad.lstmfcn", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    sentence = refusal(lambda: load_model(tmp_path / "bad.lstmfcn"))
    assert "a dimension is predicted by regressors, an emotion by classifiers" in sentence
