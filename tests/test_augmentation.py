"""Are copies distorted as they should be, and mixtures labelled by their fractions?"""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import PLAIN, SMALL, make_series, make_unequal, refusal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNEnsemble, LSTMFCNRegressor
from lstmfcn.meta.augmentation import (
    AugmentedClassifier,
    add_noise,
    crop,
    mask_channels,
    mask_frames,
    mix,
)

TINY = {**PLAIN, "n_filters": (4, 4, 4), "n_epochs": 1, "random_state": 0}
NOTHING = {"mask": 0.0, "feature_mask": 0.0, "noise": 0.0, "mixup": 0.0, "crop": 1.0}


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y, sample_weight
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def fitted_on(X, y, **settings):
    settings = {**NOTHING, "random_state": 0, **settings}
    return AugmentedClassifier(Recorder(), **settings).fit(X, y).estimator_.seen_


def test_a_crop_is_a_stretch_of_the_series():
    series = np.arange(40.0).reshape(2, 20)
    rng = np.random.RandomState(0)
    lengths = set()
    for _ in range(50):
        cut = crop(series, 0.5, rng, keep_length=False)
        lengths.add(cut.shape[1])
        assert (np.diff(cut[0]) == 1).all() and (cut[1] - cut[0] == 20).all()
    assert min(lengths) >= 10 and max(lengths) <= 20 and len(lengths) > 5
    whole = crop(series, 0.5, rng)
    assert whole.shape == series.shape and whole[0, 0] >= 0 and whole[0, -1] <= 19


def test_masks_replace_at_most_their_fraction():
    rng = np.random.RandomState(0)
    series = np.ones((10, 40))
    lost = []
    for _ in range(100):
        masked = mask_frames(series, 0.25, rng, fill=np.arange(10) + 5.0)
        places = np.flatnonzero(masked[0] != 1)
        lost.append(len(places))
        assert len(places) < 2 or (np.diff(places) == 1).all()  # one stretch
        assert (masked[3, places] == 8.0).all()
    assert min(lost) == 0 and max(lost) == 10
    counts = [int((mask_channels(series, 0.3, rng)[:, 0] == 0).sum()) for _ in range(100)]
    assert (min(counts), max(counts)) == (0, 3)


def test_noise_is_in_units_of_each_channel():
    rng = np.random.RandomState(0)
    series = np.zeros((2, 4000))
    found = [add_noise(series, 0.5, rng, std=np.array([1.0, 10.0])).std(axis=1) for _ in range(40)]
    ratio = np.array([b / a for a, b in found])
    assert ratio == pytest.approx(10.0, rel=0.1)
    assert 0.4 < max(a for a, _ in found) <= 0.52  # levels are drawn up to the largest


@pytest.mark.parametrize("unit", [2.0**-50, 2.0**50])
def test_copies_are_the_same_in_any_unit(unit):
    X, y = make_series(n_samples=8, n_channels=2)
    clf = AugmentedClassifier(LogisticRegression(), crop=0.5)
    for given in (X, [x[:, i:] for i, x in enumerate(X)]):
        scaled = given * unit if given is X else [x * unit for x in given]
        copies, *_ = clf.augment(given, y, np.ones(8), np.random.RandomState(0))
        others, *_ = clf.augment(scaled, y, np.ones(8), np.random.RandomState(0))
        for one, other in zip(copies, others, strict=True):
            np.testing.assert_allclose(other, one * unit, rtol=1e-12)


@pytest.mark.parametrize("is_list", [False, True])
def test_values_without_a_finite_deviation_are_refused(is_list):
    X, y = make_series(n_samples=8)
    X[3, 0, 5] = 1.7e308
    with pytest.raises(ValueError, match=r"^channel 0 has values of up to 1.7e.308, whose standa"):
        AugmentedClassifier(FCNClassifier()).fit(list(X) if is_list else X, y)


def test_a_mixture_has_the_length_of_the_first():
    assert mix(np.zeros((1, 5)), np.array([[0.0, 4.0]]), 0.5).tolist() == [[0, 0.5, 1.0, 1.5, 2.0]]


def test_mixtures_bear_two_labels_weighted_by_their_fractions():
    X, y = make_series(n_samples=30, n_channels=2, n_timepoints=6)
    seen, labels, weights = fitted_on(X, y, n_copies=1, mixup=1.0)
    assert (seen[:30] == X).all() and (weights[:30] == 1).all()
    mixed, names, fractions = seen[30:], labels[30:], weights[30:]
    assert len(mixed) > 40 and fractions.min() > 0
    for i in range(30):
        # Every mixture is on the segment between its series and another one, at its fraction.
        same = np.flatnonzero([np.array_equal(one, mixed[i]) for one in mixed])
        assert fractions[same].sum() == pytest.approx(1.0, abs=0.01)
        assert names[same[0]] == y[i] and len(set(names[same])) == len(same)
        if len(same) == 2:
            expected = [
                np.abs(fractions[i] * X[i] + (1 - fractions[i]) * other - mixed[i]).max()
                for other in X
            ]
            assert min(expected) < 1e-4
            assert y[int(np.argmin(expected))] == names[same[1]]


def test_weights_go_with_the_copies():
    X, y = make_series(n_samples=10)
    given = np.arange(1.0, 11.0)
    clf = AugmentedClassifier(Recorder(), **{**NOTHING, "mixup": 0.5}, n_copies=2, random_state=0)
    _, _, weights = clf.fit(X, y, sample_weight=given).estimator_.seen_
    # As many labels as originals: own fractions and partners' rests add up, but for slivers.
    assert weights.sum() == pytest.approx(3 * given.sum(), rel=0.15)
    *_, weights = fitted_on(X, y, n_copies=2)
    assert weights is None  # there are none to pass on


def test_nothing_asked_for_is_copies_alone():
    X, y = make_series(n_samples=6, n_channels=2)
    seen, labels, _ = fitted_on(X, y, n_copies=2)
    assert (seen == np.tile(X, (3, 1, 1))).all() and labels.tolist() == y.tolist() * 3
    seen, *_ = fitted_on(X, y, n_copies=0, noise=1.0)
    assert (seen == X).all()


def test_lists_stay_lists_of_their_own_lengths():
    X, y = make_unequal(n_samples=12)
    seen, labels, _ = fitted_on(X, y, n_copies=1, crop=0.5, mixup=0.5, noise=0.1)
    assert isinstance(seen, list) and len(seen) == len(labels) >= 24
    assert min(x.shape[1] for x in seen[12:]) < min(x.shape[1] for x in X)
    assert all(x is one for x, one in zip(seen, X, strict=False))


@pytest.mark.parametrize("kind", ["int16", "bool"])
def test_copies_of_mapped_whole_numbers_are_those_in_memory(kind, tmp_path):
    X, y = make_series(n_samples=12, n_channels=2)
    X = (10 * X).astype("int16") if kind == "int16" else X > 1
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    settings = {"n_copies": 1, "noise": 0.1, "mask": 0.5, "mixup": 1.0}
    (found, *_), (expected, *_) = (fitted_on(one, y, **settings) for one in (mapped, X))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert (expected % 1).any()


def test_a_list_of_equal_lengths_may_be_followed_by_others():
    X, y = make_series(n_samples=16, n_channels=2)
    X = list(X)
    clf = AugmentedClassifier(FCNClassifier(**TINY), n_copies=1, random_state=0).fit(X, y)
    assert clf.estimator_.unequal_length_in_ and clf.predict([X[0][:, :20]]).shape == (1,)
    vectors = [x[0] for x in X]
    clf = AugmentedClassifier(LogisticRegression(), n_copies=1, random_state=0).fit(vectors, y)
    assert clf.predict(vectors).shape == (16,)


def test_columns_in_another_order_are_refused():
    X, y = make_series(n_samples=20)
    frame = pd.DataFrame(X[:, 0]).add_prefix("t")
    turned = frame[frame.columns[::-1]]
    clf = AugmentedClassifier(FCNClassifier(**TINY), n_copies=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = clf.fit(frame, y, validation_data=(frame, y)).predict_proba(frame)
    assert (found == clone(clf).fit(X[:, 0], y).predict_proba(X[:, 0])).all()
    assert clf.feature_names_in_.tolist() == list(frame)
    for call in (clf.predict, clf.predict_proba, lambda X: clf.fit(frame, y, None, (X, y))):
        assert "must be in the same order as they were in fit" in refusal(partial(call, turned))
    assert not hasattr(clf.fit(X[:, 0], y), "feature_names_in_")


def test_modalities_of_a_clip_are_mixed_alike():
    X, y = make_series(n_samples=16, n_channels=2)
    modalities = {"audio": X, "face": 2 * X[:, :1, ::2]}
    seen, labels, _ = fitted_on(modalities, y, n_copies=1, mixup=1.0)
    assert {name: len(values) for name, values in seen.items()} == dict.fromkeys(
        modalities, len(labels)
    )
    assert seen["face"] == pytest.approx(2 * seen["audio"][:, :1, ::2])


def test_a_seed_repeats_and_another_does_not():
    X, y = make_series(n_samples=8)
    (one, *_), (same, *_), (other, *_) = (
        fitted_on(X, y, noise=0.5, mask=0.2, crop=0.8, random_state=seed) for seed in (3, 3, 4)
    )
    assert (one == same).all() and (one != other).any()
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (must stay untouched)
    fitted_on(X, y, noise=0.5)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_our_classifiers_train_on_copies_and_predict_on_series():
    X, y = make_series(n_samples=24, n_channels=3, n_timepoints=16)
    estimator = ALSTMFCNClassifier(n_cells=2, **{**SMALL, "n_filters": (4, 4, 4)})
    clf = AugmentedClassifier(estimator, n_copies=2, random_state=0).fit(X, y)
    assert clf.attention_map(X).shape == (24, 16)
    assert 72 < clf.n_trained_on_ <= 120
    assert (clf.predict(X) == clf.classes_[clf.predict_proba(X).argmax(axis=1)]).all()
    again = clone(clf).fit(X, y)
    assert (again.predict_proba(X) == clf.predict_proba(X)).all()
    with pytest.raises(AttributeError):
        _ = AugmentedClassifier(FCNClassifier()).attention_map


def test_it_is_one_of_scikit_learns():
    X, y = make_series(n_samples=40)
    clf = AugmentedClassifier(LogisticRegression(), n_copies=2, random_state=0)
    assert cross_val_score(clf, X[:, 0], y, cv=2).mean() > 0.8
    assert clf.get_params()["estimator__C"] == 1.0


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [AugmentedClassifier(LogisticRegression(), n_copies=1, random_state=0)],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": (
            "a series of weight 2 has one copy, a repeated one two different ones"
        )
    },
)
def test_scikit_learn_check(estimator, check):
    # Each check raises AssertionError or the estimator's own error when the contract is broken.
    check(estimator)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"n_copies": -1}, "n_copies=-1 must be a whole number of at least 0."),
        ({"n_copies": True}, "n_copies=True must be a whole number of at least 0."),
        ({"crop": 0.0}, r"'crop' .* must be a float in the range \(0.0, 1.0\]. Got 0.0 instead."),
        ({"mask": 1.0}, r"'mask' .* must be a float in the range \[0.0, 1.0\). Got 1.0 instead."),
        ({"feature_mask": -0.1}, r"'feature_mask' .* in the range \[0.0, 1.0\). Got -0.1 instead."),
        ({"noise": float("inf")}, r"'noise' .* in the range \[0.0, inf\). Got inf instead."),
        ({"mixup": "much"}, r"'mixup' .* in the range \[0.0, inf\). Got 'much' instead."),
        (
            {"estimator": KNeighborsClassifier()},
            "KNeighborsClassifier.fit takes no sample_weight, which mixup and weights need; pass",
        ),
        (
            {"estimator": FCNClassifier(validation_fraction=0.2)},
            "the estimator's validation_fraction would hold out copies of series that it is tra",
        ),
        (
            {"estimator": LSTMFCNEnsemble(FCNClassifier(validation_fraction=0.2))},
            "the estimator's estimator__validation_fraction would hold out copies of series tha",
        ),
    ],
)
def test_refusals(settings, message):
    X, y = make_series(n_samples=8)
    clf = AugmentedClassifier(**{"estimator": LogisticRegression(), **settings})
    with pytest.raises((TypeError, ValueError), match=message):
        clf.fit(X[:, 0], y)
    assert not hasattr(clf, "estimator_")


def test_without_mixup_any_classifier_will_do():
    X, y = make_series(n_samples=20)
    clf = AugmentedClassifier(KNeighborsClassifier(1), mixup=0, random_state=0).fit(X[:, 0], y)
    assert clf.score(X[:, 0], y) == 1.0


def test_a_regressor_is_refused():
    clf = AugmentedClassifier(LSTMFCNRegressor(), n_copies=1)
    with pytest.raises(TypeError, match="LSTMFCNRegressor predicts numbers; pass a classifier"):
        clf.fit(*make_series())
