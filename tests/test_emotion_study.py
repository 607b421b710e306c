"""Does the study of emotion data choose without a test clip, and pool its folds rightly?"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from mer_folder import write_mer_folder
from sklearn.metrics import accuracy_score, f1_score

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def study():
    """benchmarks/emotion.py, with a configuration that is quick."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("emotion_study", BENCHMARKS / "emotion.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    quick = {
        "features": ["tone_FRA"],
        "mode": "resample",
        "n_timepoints": 9,
        "model": "FCNClassifier",
        "settings": {"n_filters": [4, 4, 4]},
    }
    module.CONFIGURATIONS["emodb"]["quick"] = quick
    module.CONFIGURATIONS["emodb-semi"]["quick"] = {**quick, "pseudo": {"n_members": 2}}
    module.N_FOLDS = {**module.N_FOLDS, "emodb": 4, "emodb-semi": 4}
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_mer_folder(folder / "emodb")
    return folder


def test_folds_hold_out_whole_speakers_and_learn_nothing_from_them(study, folder):
    configuration = study.CONFIGURATIONS["emodb"]["quick"]
    track, _ = study.load("emodb", folder, configuration)
    n_scored = 0
    for fold in range(4):
        (X, y, groups), (found, y_scored) = study.split("emodb", folder, configuration, fold)
        X_scored, X_noisy = found["scored"], found["noisy"]
        assert len(X) == len(y) == len(groups) and len(y) + len(y_scored) == len(track.train) == 24
        assert X.mean() == pytest.approx(0.0, abs=0.1)  # standardised without the held-out clips
        assert X_noisy.shape == X_scored.shape and np.abs(X_noisy - X_scored).mean() > 0.5
        n_scored += len(y_scored)
    assert n_scored == 24
    configuration = study.CONFIGURATIONS["emodb-semi"]["quick"]
    (_, y, groups), (_, y_scored) = study.split("emodb-semi", folder, configuration, 0)
    assert len(groups) == len(y) and len(set(groups.tolist())) == 3
    # Of 12 labelled and 12 unlabelled clips each speaker has 3.
    assert (len(y_scored), (y != "").sum(), (y == "").sum()) == (3, 9, 9)


def test_choosing_works_without_a_single_test_clip(study, folder, tmp_path):
    write_mer_folder(tmp_path / "emodb")
    for path in (tmp_path / "emodb" / "features").rglob("test*.npy"):
        path.unlink()
    row = study.run("choose", "emodb", "quick", 0, tmp_path, n_epochs=1)
    assert (row["data"], row["configuration"], row["seed"]) == ("emodb", "quick", 0)
    counts = np.array(json.loads(row["confusion"])["counts"])
    assert counts.sum() == row["n_scored"] == 24 - row["n_train"]
    with pytest.raises(ValueError, match="cannot be used"):
        study.run("report", "emodb", "quick", 0, tmp_path, n_epochs=1)


def test_scores_of_a_confusion_matrix_are_scikit_learns(study):
    rng = np.random.RandomState(0)
    y_true, y_pred = rng.choice(["a", "b", "c"], 50), rng.choice(["a", "b", "c", "d"], 50)
    counts = study.confusion(y_true, y_pred, ["a", "b", "c", "d"])
    found = study.scores(counts)
    assert found["accuracy"] == pytest.approx(accuracy_score(y_true, y_pred))
    assert found["weighted_f1"] == pytest.approx(f1_score(y_true, y_pred, average="weighted"))
    half = [
        {
            "data": "mosi",
            "confusion": json.dumps(
                {
                    "labels": ["a", "b", "c", "d"],
                    "counts": study.confusion(y_true[i::3], y_pred[i::3], list("abcd")).tolist(),
                }
            ),
        }
        for i in range(3)
    ]
    assert study.pooled(half) == found and study.pooled(half[:2]) is None


def test_what_is_reported_is_what_was_best_in_choosing(study):
    def rows(data, name, right):
        counts = json.dumps({"labels": ["a", "b"], "counts": [[right, 10 - right], [0, 10]]})
        row = {
            "data": data,
            "configuration": name,
            "confusion": counts,
            "doubted_confusion": counts,
        }
        return [{**row, "seed": str(fold)} for fold in range(study.N_FOLDS[data])]

    chosen = [*rows("emodb", "FCN", 5), *rows("emodb", "FCN, mixup", 9)]
    assert study.chosen(chosen, "emodb") == ["FCN, mixup", "LSTM-FCN", "ALSTM-FCN"]
    semi = [
        *rows("emodb-semi", "FCN, mixup, 46 labels", 5),
        *rows("emodb-semi", "FCN, mixup, all, soft", 7),
        *rows("emodb-semi", "LSTM-FCN, 46 labels", 9),
    ]
    best = ["FCN, mixup, all, soft", "FCN, mixup, 46 labels", "LSTM-FCN, 46 labels"]
    assert study.chosen(semi, "emodb-semi") == best
    mosi = [*rows("mosi", "LSTM-FCN, early", 5), *rows("mosi", "LSTM-FCN, early, noise", 6)]
    ways = ["early", "branch", "late", "stacked", "text", "audio", "video"]
    assert study.chosen(mosi, "mosi") == [f"LSTM-FCN, {way}, noise" for way in ways]
    assert set(study.chosen(mosi[:3], "mosi")) < set(study.CONFIGURATIONS["mosi"])
    with pytest.raises(ValueError, match="no configuration of mosi has all its folds; choose firs"):
        study.chosen(mosi[:2], "mosi")


class Videos:
    """What is asked of a table of clips: two videos of 12 and 3 utterances, of which one lacks."""

    names = [f"one_{place}" for place in range(1, 13)] + ["two_1", "two_3", "two_4"]
    y = np.array(["positive", "negative", "negative"] * 5)

    def groups(self, column):
        assert column == "video"
        return np.array([name.split("_")[0] for name in self.names])


def test_utterances_are_read_in_their_context(study):
    table = Videos()
    numbers = np.arange(15.0)
    clips = {"text": [np.array([[-1.0], [number]]) for number in numbers]}  # the last is its own
    (around,) = study.in_context(clips, table, 2).values()
    assert around[0].ravel().tolist() == [2, 1, 0]  # what comes after, the nearest one last
    assert around[5].ravel().tolist() == [3, 4, 7, 6, 5]
    assert around[13].ravel().tolist() == [12, 14, 13]  # place 2 is no clip
    (before,) = study.in_context(clips, table, 0).values()
    assert before[11].ravel().tolist() == list(range(2, 12))
    assert before[12].ravel().tolist() == [12]


def test_doubted_utterances_are_mixed_with_another_class_and_right_three_times_in_four(study):
    table = Videos()
    table.y = np.tile(["positive", "negative"], 500)
    table.names = [f"one_{place}" for place in range(1000)]
    own = np.where(table.y == "positive", 1.0, -1.0)
    clips = {name: own.reshape(-1, 1, 1) for name in ("text", "audio")}
    draws = study.in_context(clips, table, 1, 3, np.random.default_rng(0))
    last = np.array([x[-1, 0] for x in draws["text"]])
    assert len(last) == 3000 and (last * np.tile(own, 3)).max() <= 1.0
    share = (1 - last * np.tile(own, 3)) / 2  # of the other class
    assert 0 <= share.min() and share.max() <= study.DOUBT
    assert (share < 0.5).mean() == pytest.approx(0.75, abs=0.03)
    assert [x[-1, 0] for x in draws["audio"]] == last.tolist()  # the same partner and share
    assert not np.array_equal(last[:1000], last[1000:2000])
    # A neighbour is as doubted where it is read as where it is itself.
    assert draws["text"][0][0, 0] == last[1]


def test_what_teaches_pseudo_labels_sees_both_kinds_of_features(study):
    rng = np.random.default_rng(0)
    y = np.repeat(["calm", "wild"], 20)
    X = {"one": rng.normal(size=(40, 2, 9)), "two": rng.normal(size=(40, 3, 9))}
    X["two"][20:] *= 4.0  # only its deviation tells
    clf = study.FunctionalsClassifier().fit(X, y, sample_weight=np.ones(40))
    assert clf.score(X, y) > 0.9 and clf.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(40))
    assert clf.predict_proba({"one": X["two"][:, :2], "two": X["two"]}).shape == (40, 2)
    name = "LSTM-FCN, mixup, by speaker, small, all, soft, functionals teach, too"
    built = study.build(study.CONFIGURATIONS["emodb-semi"][name], 0)
    assert [type(teacher).__name__ for teacher in built.teachers] == [
        "AugmentedClassifier",
        "FunctionalsClassifier",
    ]
    assert study.labels_alone(name) == "LSTM-FCN, mixup, by speaker, small, 46 labels"


def test_the_members_of_a_mean_treat_unlabelled_clips_as_it_says(study):
    configurations = study.CONFIGURATIONS["emodb-semi"]
    means = {name: one for name, one in configurations.items() if "mean_of" in one}
    assert means
    for name, one in means.items():
        pseudo = [configurations[member].get("pseudo") for member in one["mean_of"]]
        assert pseudo == [one.get("pseudo")] * 2, name
        assert "pseudo" not in configurations[study.labels_alone(name)]


def test_the_table_has_means_deviations_and_pairs(study):
    rows = [
        {
            "data": "emodb-semi",
            "configuration": name,
            "seed": str(seed),
            "weighted_f1": str(score + seed / 100),
        }
        for name, score in (("FCN, mixup, all, soft", 0.83), ("FCN, mixup, 46 labels", 0.8))
        for seed in (0, 2)
    ]
    text = "\n".join(study.table([], rows))
    assert "| FCN, mixup, all, soft | 0.8400 | 0.0141 | 2 |" in text
    assert "against the 46 labels alone, 2 seeds: +0.0300 (95 % interval" in text
    assert "comparator: SVM .602-.753" in text and "aim: 0.81" in text
