"""Is a dimension predicted by models that have not seen the clip, and is work never done twice?"""

import csv

import numpy as np
import pytest
from conftest import refusal

from lstmfcn import LSTMFCNRegressor
from lstmfcn.cli.entry import main
from lstmfcn.emotion.dimensions import load_dimension, run_dimension
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
    command += [str(tmp_path), "--folds", "2", "--group", "speaker", "--epochs", "2"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "CCC" in out and "over speakers" in out and "predictions.csv" in out
    assert main([*command, "--track", "semi"]) == 1
    assert "--target" in capsys.readouterr().err
