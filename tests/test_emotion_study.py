"""Does the study of emotion data choose without a test clip, and pool its folds rightly?"""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mer_folder import write_mer_folder
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from lstmfcn.emotion import PRESETS, EmotionRecipe, load_labels
from lstmfcn.emotion.splits import HELD_OUT
from lstmfcn.emotion.track_data import load_track_data

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
QUICK = EmotionRecipe(["tone_FRA"], "fcn", n_timepoints=9, settings={"n_filters": [4, 4, 4]})


@pytest.fixture(scope="module")
def study():
    """benchmarks/emotion.py, with a recipe that is quick."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("emotion_study", BENCHMARKS / "emotion.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["emotion_study"] = module  # dataclasses look it up
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    module.RECIPES["emodb"]["quick"] = QUICK
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_mer_folder(folder / "emodb")
    return folder


def test_folds_hold_out_whole_speakers_and_learn_nothing_from_them(folder):
    labels = load_labels(folder / "emodb" / "label-train.csv")
    speaker = dict(zip(labels.names, labels.groups("speaker").tolist(), strict=True))
    n_scored = 0
    for fold in range(4):
        options = {"group": "speaker", "fold": fold, "n_folds": 4}
        data = load_track_data(folder / "emodb", "full", QUICK, **options)
        held = data.tests[HELD_OUT]
        assert len(data.train) + len(held) == 24 and list(data.tests) == [HELD_OUT]
        assert not {speaker[name] for name in data.train.names} & {speaker[n] for n in held.names}
        assert data.train.X.mean() == pytest.approx(0.0, abs=0.1)  # without the held-out clips
        n_scored += len(held)
    assert n_scored == 24
    options = {"group": "speaker", "fold": 0, "n_folds": 4}
    semi = load_track_data(folder / "emodb", "semi", QUICK, **options)
    # Of 12 labelled and 12 unlabelled clips each speaker has 3.
    sizes = len(semi.tests[HELD_OUT]), len(semi.train), len(semi.unlabelled)
    assert sizes == (3, 9, 9)
    babble = load_track_data(folder / "emodb", "full", replace(QUICK, n_babble=2), **options)
    assert len(babble.train) == 3 * babble.n_train and "with babble" in babble.tests


def test_choosing_works_without_a_single_test_clip(study, folder, tmp_path):
    write_mer_folder(tmp_path / "emodb")
    for path in (tmp_path / "emodb" / "features").rglob("test*.npy"):
        path.unlink()
    row = study.run("choose", "emodb", "quick", 0, tmp_path, n_epochs=1)
    assert (row["data"], row["recipe"], row["seed"]) == ("emodb", "quick", 0)
    counts = np.array(json.loads(row["confusion"])["counts"])
    assert counts.sum() == row["n_scored"] == 24 - row["n_train"]
    with pytest.raises(ValueError, match="cannot be used"):
        study.run("report", "emodb", "quick", 0, tmp_path, n_epochs=1)
    row = study.run("report", "emodb", "quick", 0, folder, n_epochs=1)
    assert (row["n_train"], row["n_scored"]) == (24, 12) and row["noisy_accuracy"] > 0


def test_scores_of_a_confusion_matrix_are_scikit_learns(study):
    rng = np.random.RandomState(0)
    y_true, y_pred = rng.choice(["a", "b", "c"], 50), rng.choice(["a", "b", "c", "d"], 50)
    labels = ["a", "b", "c", "d"]
    found = study.scores(confusion_matrix(y_true, y_pred, labels=labels))
    assert found["accuracy"] == pytest.approx(accuracy_score(y_true, y_pred))
    assert found["weighted_f1"] == pytest.approx(f1_score(y_true, y_pred, average="weighted"))
    thirds = [confusion_matrix(y_true[i::3], y_pred[i::3], labels=labels) for i in range(3)]
    rows = [
        {"data": "mosi", "confusion": json.dumps({"labels": labels, "counts": counts.tolist()})}
        for counts in thirds
    ]
    assert study.pooled(rows) == found and study.pooled(rows[:2]) is None


def test_what_is_reported_is_what_was_best_in_choosing(study):
    def rows(data, recipe, right):
        counts = json.dumps({"labels": ["a", "b"], "counts": [[right, 10 - right], [0, 10]]})
        row = {"data": data, "recipe": recipe.label, "confusion": counts}
        row["mixed_confusion"] = counts
        return [{**row, "seed": str(fold)} for fold in range(study.STUDIES[data].n_folds)]

    fcn = replace(study.PLAIN, model="fcn")
    chosen = [*rows("emodb", fcn, 5), *rows("emodb", study.MIXUP, 9)]
    attentive = replace(study.PLAIN, model="alstmfcn")
    labels = [study.MIXUP.label, study.PLAIN.label, attentive.label]
    assert study.chosen(chosen, "emodb") == labels
    taught = study.with_pseudo_labels(study.BY_SPEAKER, study.SOFT)
    semi = [
        *rows("emodb-semi", study.BY_SPEAKER, 5),
        *rows("emodb-semi", taught, 7),
        *rows("emodb-semi", study.BABBLE_LONG, 9),
    ]
    labels = [taught.label, study.BY_SPEAKER.label, study.BABBLE_LONG.label]
    assert study.chosen(semi, "emodb-semi") == labels
    best = next(one for one in study.MOSI if one.fusion == "late" and one.augmentation)
    mosi = [*rows("mosi", study.MOSI[0], 5), *rows("mosi", best, 6)]
    labels = study.chosen(mosi, "mosi")
    assert best.label in labels and len(set(labels)) == len(labels) == len(study.WAYS)
    assert set(labels) < set(study.RECIPES["mosi"])
    with pytest.raises(ValueError, match=r"no recipe of mosi has all its folds; choose first\."):
        study.chosen(mosi[:2], "mosi")


def test_every_record_is_of_a_recipe_and_every_preset_has_one(study):
    for name in ("emotion.csv", "emotion-choose.csv"):
        rows = study.read(study.RESULTS / name)
        assert all(row["recipe"] in study.RECIPES[row["data"]] for row in rows)
    n_seeds = {}
    for row in study.read(study.RESULTS / "emotion.csv"):
        n_seeds[row["recipe"]] = n_seeds.get(row["recipe"], 0) + 1
    for recipe in PRESETS.values():
        assert n_seeds[recipe.label] >= study.N_SEEDS


def test_presets_are_what_the_rule_picks(study):
    rows = study.read(study.RESULTS / "emotion-choose.csv")
    picked = {label for data in study.STUDIES for label in study.picked(rows, data)}
    assert {recipe.label for recipe in PRESETS.values()} <= picked


def test_the_table_has_means_deviations_and_pairs(study):
    alone = PRESETS["emodb-semi"].on_labels_alone()
    rows = [
        {
            "data": "emodb-semi",
            "recipe": recipe.label,
            "seed": str(seed),
            "weighted_f1": str(score + seed / 100),
        }
        for recipe, score in ((PRESETS["emodb-semi"], 0.83), (alone, 0.8))
        for seed in (0, 2)
    ]
    text = "\n".join(study.report(rows))
    assert f"| {PRESETS['emodb-semi'].label} | 0.8400 | 0.0141 | 2 |" in text
    assert "against the 46 labels alone, 2 seeds: +0.0300 (95 % interval" in text
    assert "others: SVM .602-.753" in text and "aim: 0.81" in text
