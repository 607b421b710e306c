"""Does a noisy validation set choose the epoch, and is it nothing else than that?"""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
from mer_folder import write_labels, write_mer_folder
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier

from lstmfcn import FCNClassifier
from lstmfcn.cli import main
from lstmfcn.emotion import EmotionRecipe, load_labels
from lstmfcn.emotion.one_run import run_recipe
from lstmfcn.emotion.track_data import NOISE_LEVELS, _hold_out_fold, load_track_data
from lstmfcn.emotion.track_runs import run_track
from lstmfcn.evaluation import Results, classification_metrics
from lstmfcn.meta.augmentation import AugmentedClassifier
from lstmfcn.multimodal import FusionClassifier

TINY = {"n_filters": [8, 8, 8], "learning_rate": 0.01}
TONE = EmotionRecipe(["tone"], "fcn", n_copies=1, n_epochs=12, settings=TINY, noisy_validation=0.25)
SMALL = FCNClassifier((4, 4, 4), n_epochs=2, keep_weights="best", random_state=0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_mer_folder(tmp_path_factory.mktemp("mer") / "toy")


@pytest.fixture(scope="module")
def data(root):
    return load_track_data(root, "noise", TONE, group="speaker")


@pytest.fixture(scope="module")
def fitted(data):
    ensemble, results = run_recipe(data, 0)
    return ensemble.classifiers[0], results


# The data


def test_whole_speakers_are_held_out(root, data):
    labels = load_labels(root / "label-train.csv")
    speaker = dict(zip(labels.names, labels.groups("speaker").tolist(), strict=True))
    held = set(data.validation.names)
    assert held | set(data.train.names) == set(labels.names)
    assert not {speaker[name] for name in held} & {speaker[name] for name in data.train.names}
    assert len(held) == 6 and len(data.train) == 18  # one of four speakers
    assert len(data.validation) == len(data.validation.X) == 6 * len(NOISE_LEVELS)


def test_without_groups_classes_are_spread(root):
    data = load_track_data(root, "noise", TONE)
    held = data.validation.y[: len(set(data.validation.names))]
    assert sorted(held.tolist()) == ["angry"] * 2 + ["happy"] * 2 + ["sad"] * 2
    again = load_track_data(root, "noise", TONE)
    assert (again.validation.X == data.validation.X).all() and again.digest() == data.digest()
    without = replace(TONE, noisy_validation=None)
    assert load_track_data(root, "noise", without).digest() != data.digest()


def test_feature_sets_of_one_shape_get_different_noise(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    shutil.copytree(root / "features" / "tone_FRA", root / "features" / "again_FRA")
    recipe = replace(TONE, features=["tone", "again"])
    X = load_track_data(root, "noise", recipe, group="speaker").validation.X
    noise = {name: np.stack(x[:6]) - np.stack(x[6:12]) for name, x in X.items()}
    assert noise["tone_FRA"].shape == noise["again_FRA"].shape
    assert abs(np.corrcoef(*(x.ravel() for x in noise.values()))[0, 1]) < 0.1


def test_the_fold_nearest_to_the_fraction_is_held_out(tmp_path):
    root = write_mer_folder(tmp_path / "toy", n_train=36)
    sizes = [6, 6, 6, 18]  # clips of each speaker
    speakers = np.repeat([f"s{k}" for k in range(4)], sizes)
    labels = load_labels(root / "label-train.csv")
    rows = zip(labels.names, labels.y.tolist(), speakers.tolist(), strict=True)
    write_labels(root / "label-train.csv", rows)
    data = load_track_data(root, "noise", replace(TONE, noisy_validation=0.2), group="speaker")
    assert len(set(data.validation.names)) == 6
    labels = load_labels(root / "label-train.csv")
    for asked, found in ((7, 6), (17, 18)):
        _, held = _hold_out_fold(labels, 4, "speaker", "impossible", "do not", n_clips=asked)
        assert len(held) == found


def test_each_clip_is_there_at_every_level(data):
    n_clips = len(set(data.validation.names))
    levels = data.validation.X.reshape(len(NOISE_LEVELS), n_clips, *data.validation.X.shape[1:])
    least, *_, most = NOISE_LEVELS
    difference = (levels[-1] - levels[0]).std()
    assert difference == pytest.approx(np.hypot(least, most), rel=0.15)  # drawn independently
    assert data.validation.X.dtype == np.float32
    assert data.validation.names[:n_clips] == data.validation.names[-n_clips:]


def test_nothing_is_learned_from_it(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    recipe = replace(TONE, n_timepoints=9)
    before = load_track_data(root, "noise", recipe, group="speaker")
    for name in set(before.validation.names):
        path = root / "features" / "tone_FRA" / f"{name}.npy"
        np.save(path, 100 + np.load(path))
    after = load_track_data(root, "noise", recipe, group="speaker")
    assert (after.train.X == before.train.X).all()
    assert np.abs(after.validation.X - before.validation.X).min() > 1


@pytest.mark.parametrize(
    "track, fraction, message",
    [
        ("full", 0.25, "noisy_validation=0.25 is for track 'noise'; leave it out of track 'full'."),
        (
            "noise",
            0.05,
            "noisy_validation=0.05 cannot be held out of label-train.csv: of angry it has 8 clips, "
            "and 20 folds need 20; hold out a larger fraction, or label more clips.",
        ),
    ],
)
def test_what_cannot_be_held_out(root, track, fraction, message):
    with pytest.raises(ValueError, match=message):
        load_track_data(root, track, replace(TONE, noisy_validation=fraction))


def test_one_speaker_cannot_be_on_both_sides(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    write_labels(root / "label-train.csv", [(f"train{i}", "sad", "s0") for i in range(9)])
    with pytest.raises(ValueError, match=r"held out of label-train.csv: it has one speaker, which"):
        load_track_data(root, "noise", TONE, group="speaker")


# The run


def test_it_chooses_the_epoch(data, fitted):
    classifier, results = fitted
    history = classifier.estimator_.history_
    assert len(history["val_loss"]) == 12
    probabilities = classifier.predict_proba(data.validation.X)
    scores = classification_metrics(data.validation.y, classifier.predict(data.validation.X))
    columns = np.searchsorted(classifier.classes_, data.validation.y)
    loss = -np.log(probabilities[np.arange(len(columns)), columns]).mean()
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-3)
    for record, _ in results.values():
        assert record["noisy_validation"] == pytest.approx(scores["weighted_f1"])
        assert (record["n_train"], record["n_validation"]) == (18, 6)


def test_it_is_a_parameter_and_off_by_default(root, data):
    recipe = EmotionRecipe(["tone"], "fcn", n_epochs=1, settings=TINY)
    plain = load_track_data(root, "noise", recipe)
    assert plain.validation is None and data.recipe.to_json()["noisy_validation"] == 0.25
    ensemble, results = run_recipe(plain, 0)
    assert "val_loss" not in ensemble.classifiers[0].history_
    record = results["noisy"][0]
    assert "noisy_validation" not in record["parameters"]
    assert (record["noisy_validation"], record["n_validation"]) == (None, 0)


@pytest.mark.parametrize("fusion", ["branch", "early", "late"])
def test_several_feature_sets_are_validated_on(root, fusion):
    recipe = replace(TONE, features=["tone", "face"], fusion=fusion, mode="pad", n_epochs=1)
    data = load_track_data(root, "noise", recipe, group="speaker")
    assert set(data.validation.X) == {"tone_FRA", "face-FRA"}
    _, results = run_recipe(data, 0)
    assert 0 <= results["clean"][0]["noisy_validation"] <= 1


def test_the_command_prints_it(root, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["emotion", "run", "--track", "noise", "--data", str(root), "--features", "tone"]
    command += ["--model", "fcn", "--epochs", "2", "--copies", "1", "--out", str(out)]
    assert main([*command, "--noisy-validation", "0.25", "--group", "speaker"]) == 0
    printed = capsys.readouterr().out
    assert "toy, track noise: 18 training clips, 12 noisy, 12 clean" in printed
    assert "6 more training clips are held out to validate on; their features have noi" in printed
    lines = printed.splitlines()
    head = next(line for line in lines if "WAF" in line and "validation" in line)
    row = next(line for line in lines if line.startswith("FCN tone_FRA 1 copy, noisy"))
    record = Results(out).records()[0]
    ends = head.index("validation") + len("validation")
    assert row[:ends].endswith(f"{record['noisy_validation']:.4f}")
    with open(next(out.glob("*/*/table.csv")), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {float(row["noisy_validation"]) for row in rows} == {record["noisy_validation"]}
    assert main(command) == 1
    assert "has results of another 'FCN tone_FRA 1 copy'" in capsys.readouterr().err
    assert main([*command, "--noisy-validation", "0.9"]) == 1
    assert "--noisy-validation 0.9 must be a fraction" in capsys.readouterr().err


def test_a_seed_is_the_same_in_a_later_call(root, tmp_path):
    recipe = replace(TONE, n_epochs=1, n_copies=0)
    _, (first, _), _ = run_track(load_track_data(root, "noise", recipe), tmp_path)
    _, (again, _), _ = run_track(load_track_data(root, "noise", recipe), tmp_path, n_seeds=2)
    assert first["n_seeds"] == 1 and again["n_seeds"] == 2
    digests = {record["data_digest"] for record in Results(tmp_path).records()}
    assert len(digests) == 1


# What hands it on


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what it was validated on."""

    def fit(self, X, y, validation_data=None):
        self.classes_, self.validation_data_ = np.unique(y), validation_data
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_augmentation_hands_it_on_as_it_is():
    X, y = np.eye(6), [0, 1] * 3
    held_out = (np.ones((2, 6)), [0, 1])
    settings = {"n_copies": 2, "mixup": 0.0, "random_state": 0}
    clf = AugmentedClassifier(Recorder(), **settings).fit(X, y, validation_data=held_out)
    assert clf.estimator_.validation_data_ is held_out and clf.n_trained_on_ == 18
    assert AugmentedClassifier(Recorder(), **settings).fit(X, y).estimator_.validation_data_ is None
    with pytest.raises(TypeError, match=r"KNeighborsClassifier.fit takes no validation_data; leav"):
        AugmentedClassifier(KNeighborsClassifier(1), **settings).fit(X, y, validation_data=held_out)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.RandomState(0)
    X = {"A": rng.normal(size=(12, 2, 10)), "B": rng.normal(size=(12, 3, 6))}
    return X, np.arange(12) % 2, ({name: x[:4] for name, x in X.items()}, np.array([0, 1, 0, 1]))


@pytest.mark.parametrize("fusion", ["branch", "early", "late"])
def test_fusion_validates_and_trains_on_as_before(samples, fusion):
    X, y, held_out = samples
    last = FCNClassifier((4, 4, 4), n_epochs=2)
    clf = FusionClassifier(last, fusion, random_state=0)
    without = clf.fit(X, y).predict_proba(X)
    found = clf.fit(X, y, validation_data=held_out)
    histories = found.history_.values() if fusion == "late" else [found.history_]
    assert [len(h["val_loss"]) for h in histories] == [2] * (2 if fusion == "late" else 1)
    assert found.predict_proba(X) == pytest.approx(without, abs=1e-6)


@pytest.mark.parametrize("fusion", ["branch", "early", "late"])
def test_validation_samples_may_lack_a_modality(samples, fusion):
    X, y, (held_out, held_out_y) = samples
    partial = {"A": held_out["A"], "B": None}
    clf = FusionClassifier(SMALL, fusion, random_state=0)
    history = clf.fit(X, y, validation_data=(partial, held_out_y)).history_
    if fusion == "late":
        assert "val_loss" in history["A"] and "val_loss" not in history["B"]
    else:
        assert len(history["val_loss"]) == 2


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda X, y: X, "validation_data must be a pair"),
        (lambda X, y: ({**X, "C": X["A"]}, y), "X has the modality 'C', but was fitted on A, B"),
        (lambda X, y: ({**X, "A": X["A"][:, :1]}, y), "modality 'A': X has 1 channels, but this "),
        (lambda X, y: (X, y[:2]), "has 4 series, but y has 2 labels"),
        (lambda X, y: (X, y + 7), "y has labels that .* was not fitted on: '7', '8'"),
    ],
)
@pytest.mark.parametrize("fusion", ["branch", "early", "late"])
def test_unusable_validation_data_of_fusion(samples, fusion, change, message):
    X, y, held_out = samples
    clf = FusionClassifier(SMALL, fusion, random_state=0)
    with pytest.raises((ValueError, TypeError), match=message):
        clf.fit(X, y, validation_data=change(*held_out))
