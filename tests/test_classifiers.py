"""Do the classifiers behave as users expect: seeds, threads, copies, scikit-learn, odd data?"""

import copy
import pickle
import random
import threading
import warnings

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import PLAIN, SMALL, fitted_once, make_series, make_unequal
from keras.src.random import seed_generator
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.class_weight import compute_sample_weight

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier, load
from lstmfcn.datasets import load_ucr
from lstmfcn.presets import PAPER, PAPER_FCN

CLASSIFIERS = [LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier]

# Enough training to be right on the bumps of make_series.
LEARNING = {"n_filters": (8, 8, 8), "n_epochs": 30, "batch_size": 6, "learning_rate": 1e-2}
TINY = {**PLAIN, "n_filters": (4,), "kernel_sizes": (3,), "n_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def bumps():
    """Series of shape (30, 1, 24), and string labels."""
    return make_series()


@pytest.fixture(scope="module", params=CLASSIFIERS, ids=lambda c: c.__name__)
def fitted(request, bumps):
    return fitted_once(request.param, *bumps, **SMALL)


@pytest.fixture(scope="module")
def fcn(bumps):
    return fitted_once(FCNClassifier, *bumps, **SMALL)


@pytest.fixture(scope="module")
def attentive(bumps):
    return fitted_once(ALSTMFCNClassifier, *bumps, **SMALL)


@pytest.fixture(scope="module")
def published(bumps):
    """An ALSTM-FCN with the published attention."""
    return fitted_once(ALSTMFCNClassifier, *bumps, attention="paper", **SMALL)


@pytest.fixture(scope="module")
def learned(bumps):
    """An LSTM-FCN that has learned the bumps."""
    return LSTMFCNClassifier(**LEARNING, random_state=0).fit(*bumps)


@pytest.fixture(scope="module", params=CLASSIFIERS, ids=lambda c: c.__name__)
def fitted_unequal(request):
    return fitted_once(request.param, *make_unequal(), **SMALL)


def test_bumps_are_learned(learned, bumps):
    assert learned.score(*bumps) == 1.0
    assert learned.score(*make_series(seed=1)) >= 0.9


# Randomness


def draws():
    """One draw from each global generator that a fit might disturb."""
    return (
        random.random(),
        np.random.random(),  # noqa: NPY002 (the global generator is what must stay untouched)
        float(tf.random.uniform(())),
    )


def keras_state():
    """State of Keras' global generator; not every version resets it with its seed."""
    return keras.ops.convert_to_numpy(seed_generator.global_seed_generator().state).tolist()


def test_a_seed_repeats_bit_by_bit_and_leaves_the_global_seeds_alone(fitted, bumps):
    X, y = bumps
    keras_state()  # making the generator draws from Python's: some versions do it once, some
    keras.utils.set_random_seed(7)
    keras_state()  # after each new seed
    undisturbed = draws(), draws()
    keras.utils.set_random_seed(7)
    state, first = keras_state(), draws()
    again = clone(fitted).fit(X, y)
    probabilities = again.predict_proba(X)
    assert (first, draws()) == undisturbed
    assert keras_state() == state
    np.testing.assert_array_equal(probabilities, fitted.predict_proba(X))
    assert again.history_["loss"] == fitted.history_["loss"]


def test_another_seed_gives_another_network(fcn, bumps):
    X, y = bumps
    other = clone(fcn).set_params(random_state=1).fit(X, y)
    assert (other.predict_proba(X) != fcn.predict_proba(X)).any()


def test_a_random_state_object_moves_on_between_fits(bumps):
    X, y = bumps
    state = np.random.RandomState(0)
    one, two = (
        FCNClassifier(**{**TINY, "random_state": state}).fit(X, y).predict_proba(X)
        for _ in range(2)
    )
    assert (one != two).any()


def test_two_threads_fit_as_if_alone(bumps):
    X, y = bumps
    pair = LSTMFCNClassifier, FCNClassifier
    alone = [fitted_once(c, X, y, **SMALL).predict_proba(X) for c in pair]
    together = {}

    def work(classifier):
        together[classifier] = classifier(**SMALL).fit(X, y).predict_proba(X)

    threads = [threading.Thread(target=work, args=(c,)) for c in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(together[LSTMFCNClassifier], alone[0])
    np.testing.assert_array_equal(together[FCNClassifier], alone[1])


def test_a_prediction_does_not_depend_on_batch_mates(fitted, bumps):
    X, _ = bumps
    together = fitted.predict_proba(X)
    for i in (0, 11, 29):
        np.testing.assert_allclose(fitted.predict_proba(X[i : i + 1])[0], together[i], atol=1e-6)
    many = np.concatenate([X] * 10)  # 300 series: two batches
    np.testing.assert_allclose(fitted.predict_proba(many)[270:], together, atol=1e-6)


def test_time_order_matters(learned, bumps):
    X, _ = bumps
    shuffled = X[:, :, np.random.RandomState(0).permutation(X.shape[2])]
    difference = np.abs(learned.predict_proba(X) - learned.predict_proba(shuffled))
    assert difference.max() > 0.1


# Answers


def test_answers_agree_with_each_other(fitted, bumps):
    X, _ = bumps
    probabilities, labels = fitted.predict_proba(X), fitted.predict(X)
    odds = fitted.decision_function(X)
    assert probabilities.shape == (30, 2) and odds.shape == (30,)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_array_equal(labels, fitted.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(probabilities[:, 1], 1.0 / (1.0 + np.exp(-odds)), atol=1e-12)


def test_the_answers_are_those_of_the_keras_model(fitted, bumps):
    X, _ = bumps
    normalized = fitted.normalizer_(X).transpose(0, 2, 1).astype(np.float32)
    outputs = fitted.model_(normalized, training=False)
    expected = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-6)


def test_three_classes_have_three_columns():
    X, y = make_series(n_classes=3)
    clf = FCNClassifier(**SMALL).fit(X, y)
    logits, probabilities = clf.decision_function(X), clf.predict_proba(X)
    odds = np.exp(logits)
    assert logits.shape == (30, 3)
    np.testing.assert_allclose(probabilities, odds / odds.sum(axis=1, keepdims=True), atol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[logits.argmax(axis=1)])


def test_two_and_three_dimensions_mean_the_same(fcn, bumps):
    X, y = bumps
    flat = clone(fcn).fit(X[:, 0], y)
    np.testing.assert_array_equal(flat.predict_proba(X[:, 0]), fcn.predict_proba(X))
    np.testing.assert_array_equal(fcn.predict_proba(X[:, 0]), fcn.predict_proba(X))


def test_labels_whose_order_is_another_come_back(learned, bumps):
    X, y = bumps
    numbers = np.array([3, -7])[np.searchsorted(learned.classes_, y)]
    clf = FCNClassifier(**LEARNING, random_state=0).fit(X, numbers)
    assert clf.classes_.tolist() == [-7, 3]
    assert (clf.predict(X) == numbers).mean() >= 0.9


def test_several_channels():
    X, y = make_series(n_channels=3)
    clf = ALSTMFCNClassifier(**SMALL, squeeze_excite=True).fit(X, y)
    assert (clf.n_channels_in_, clf.n_timepoints_in_, clf.n_features_in_) == (3, 24, 72)
    before = clf.predict_proba(X)
    assert before.shape == (30, 2)
    for channel in range(3):  # every channel is read
        silenced = X.copy()
        silenced[:, channel] = 0.0
        assert (clf.predict_proba(silenced) != before).any()


# Copies


def test_copies_answer_alike(fitted, bumps, tmp_path):
    X, _ = bumps
    expected = fitted.predict_proba(X)
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    copies = [
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
        joblib.load(tmp_path / "fitted.joblib"),
    ]
    for twin in copies:
        np.testing.assert_array_equal(twin.predict_proba(X), expected)
        assert twin.history_ == fitted.history_
        assert twin.get_params() == fitted.get_params()
        assert twin.model_ is not fitted.model_
    twin = copies[0]
    twin.model_.set_weights([0.0 * w for w in twin.model_.get_weights()])
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)  # the original stays


def test_a_clone_has_the_parameters_and_is_not_fitted(fitted):
    twin = clone(fitted)
    assert twin.get_params() == fitted.get_params()
    assert not hasattr(twin, "model_") and not hasattr(twin, "classes_")


# Inside scikit-learn


def test_cross_validation(bumps):
    X, y = bumps
    scores = cross_val_score(FCNClassifier(**LEARNING, random_state=0), X, y, cv=2)
    assert scores.shape == (2,)
    assert scores.mean() > 0.8


def test_a_pipeline_equals_its_steps(bumps):
    X, y = bumps[0][:, 0], bumps[1]
    pipeline = make_pipeline(StandardScaler(), FCNClassifier(**TINY)).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    alone = FCNClassifier(**TINY).fit(scaled, y)
    np.testing.assert_array_equal(pipeline.predict_proba(X), alone.predict_proba(scaled))


def test_grid_search_in_two_processes(bumps):
    X, y = bumps
    grid = {"n_cells": [1, 3]}
    search = GridSearchCV(LSTMFCNClassifier(**SMALL), grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(X, y)
    assert search.best_estimator_.n_cells_ == search.best_params_["n_cells"]
    alone = LSTMFCNClassifier(**SMALL).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict_proba(X), alone.predict_proba(X))


def test_calibration(bumps):
    X, y = bumps
    clf = CalibratedClassifierCV(FCNClassifier(**LEARNING, random_state=0), cv=2)
    clf.fit(X[:, 0], y)
    assert len(clf.calibrated_classifiers_) == 2
    np.testing.assert_allclose(clf.predict_proba(X[:, 0]).sum(axis=1), 1.0)
    assert clf.score(X[:, 0], y) > 0.7


def test_self_training_labels_the_unlabelled(bumps):
    X, y = bumps
    labels = np.searchsorted(np.unique(y), y)
    some = labels.copy()
    some[20:] = -1  # scikit-learn's mark for unlabelled
    clf = SelfTrainingClassifier(FCNClassifier(**LEARNING, random_state=0), max_iter=1)
    clf.fit(X[:, 0], some)
    assert (clf.transduction_[20:] != -1).any()
    assert (clf.predict(X[:, 0]) == labels).mean() > 0.7


def test_soft_voting_averages_the_probabilities(bumps):
    X, y = bumps
    members = [("lstm", LSTMFCNClassifier(**TINY)), ("fcn", FCNClassifier(**TINY))]
    voting = VotingClassifier(members, voting="soft").fit(X, y)
    expected = np.mean([m.predict_proba(X) for m in voting.estimators_], axis=0)
    np.testing.assert_allclose(voting.predict_proba(X), expected)


def test_stacking_and_feature_union(bumps):
    X, y = bumps[0][:, 0], bumps[1]
    fcn = FCNClassifier(**LEARNING, random_state=0)
    stacking = StackingClassifier([("fcn", fcn)], LogisticRegression(), cv=2).fit(X, y)
    assert stacking.score(X, y) > 0.8
    union = FeatureUnion([("fcn", fcn), ("raw", "passthrough")])
    features = union.fit(X, y).transform(X)
    assert features.shape == (30, 16 + 24)
    np.testing.assert_array_equal(features[:, 16:], X)
    assert LogisticRegression().fit(features[:, :16], y).score(features[:, :16], y) > 0.9


# Features


def test_transform_returns_the_layers(fitted, bumps):
    X, _ = bumps
    features = fitted.transform(X)
    pooled = fitted.transform(X, layer="pooled")
    n_cells = 0 if isinstance(fitted, FCNClassifier) else 8
    assert features.shape == (30, 16 + n_cells) and pooled.shape == (30, 16)  # of two views
    np.testing.assert_array_equal(features[:, n_cells:], pooled)
    if n_cells:
        np.testing.assert_array_equal(features[:, :n_cells], fitted.transform(X, layer="lstm"))
    W, b = fitted.model_.get_layer("logits").get_weights()
    logits = (features @ W + b + fitted.network_.output("rocket", fitted._inputs(X))) / 2
    odds = fitted.decision_function(X)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], odds, atol=1e-5)
    names = fitted.get_feature_names_out()
    assert len(names) == features.shape[1] == len(set(names))
    assert names[0] == type(fitted).__name__.lower() + "0"


def test_transform_refuses_an_unknown_layer(fitted, bumps):
    choices = "'concatenated', 'pooled'"
    if not isinstance(fitted, FCNClassifier):
        choices = "'concatenated', 'lstm', 'pooled'"
    with pytest.raises(ValueError) as caught:
        fitted.transform(bumps[0], layer="conv")
    assert str(caught.value) == f"layer='conv' is unknown; choose one of {choices}."


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([5, 2**53, 2**53 + 1], dtype="Int64"),
        pd.array([1, 2, 3], dtype="UInt8"),
        pd.Series([True, False, True], dtype="boolean"),
        pd.Series(["b", "a", "c"], dtype="string"),
        pd.Series(["01", "1", "001"], dtype="category"),
        pd.Categorical([True, False, True]),
        pd.DataFrame({"label": pd.array([3, 1, 2], dtype="Int64")}),
        np.array(["b", "a", "cc"], np.dtypes.StringDType()),
        np.array([3, -7, 0]),
        np.array([True, False, True]),
        np.array(["wake", "asleep", "dream"]),
        np.array([2.0, 1.0, 0.0]),
    ],
    ids=lambda labels: str(getattr(labels, "dtype", "frame")),
)
def test_labels_come_back_as_they_were(labels, tmp_path):
    X, _ = make_series(n_samples=12)
    y = labels.iloc[np.arange(12) % 3] if hasattr(labels, "iloc") else labels[np.arange(12) % 3]
    expected = sorted(set(np.ravel(labels).tolist()))
    clf = FCNClassifier(**TINY).fit(X, y)
    clf.save(tmp_path / "model.lstmfcn")
    for one in (clf, load(tmp_path / "model.lstmfcn")):
        assert one.classes_.tolist() == expected
        assert [type(label) for label in one.classes_.tolist()] == [type(x) for x in expected]
        assert set(one.predict(X).tolist()) <= set(expected)
        assert one.score(X, y) == np.mean(one.predict(X) == np.ravel(y))


# Unequal lengths


def test_unequal_series_are_padded_to_the_longest(fitted_unequal):
    X, _ = make_unequal()
    assert fitted_unequal.unequal_length_in_ == "pad"
    assert fitted_unequal.n_timepoints_in_ == max(x.shape[1] for x in X)
    together = fitted_unequal.predict_proba(X)
    alone = np.concatenate([fitted_unequal.predict_proba([x]) for x in X[:3]])
    np.testing.assert_allclose(alone, together[:3], atol=1e-6)


def test_longer_series_lose_their_end_and_shorter_ones_are_padded(fitted_unequal):
    X, _ = make_unequal()
    longest = next(x for x in X if x.shape[1] == fitted_unequal.n_timepoints_in_)
    longer = np.hstack([longest, 9.0 * np.ones((1, 5))])
    with pytest.warns(UserWarning) as caught:
        cut = fitted_unequal.predict_proba([longer, longest[:, :9]])
    length = fitted_unequal.n_timepoints_in_
    assert [str(w.message) for w in caught] == [
        f"1 of 2 series are longer than the {length} timepoints seen in fit; their ends were cut. "
        "Use unequal_length='resample' to keep them whole."
    ]
    expected = fitted_unequal.predict_proba([longest, longest[:, :9]])
    np.testing.assert_allclose(cut, expected, atol=1e-6)
    assert np.isfinite(cut).all()


def test_resampled_series_may_have_any_length():
    X, y = make_unequal()
    clf = FCNClassifier(**SMALL, unequal_length="resample").fit(X, y)
    assert clf.unequal_length_in_ == "resample" and len(clf.model_.inputs) == 1
    longest = next(x for x in X if x.shape[1] == clf.n_timepoints_in_)
    n = longest.shape[1]
    fine = np.interp(np.linspace(0, n - 1, 2 * n - 1), np.arange(n), longest[0])
    # Every second point of the finer series is a point of the first, so resampling undoes it.
    np.testing.assert_allclose(
        clf.predict_proba([fine[np.newaxis], longest[:, ::2]])[0],
        clf.predict_proba([longest])[0],
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("unequal_length", "as_list", "expected"),
    [
        ("auto", False, None),
        ("auto", True, "pad"),
        ("pad", False, "pad"),
        ("resample", False, "resample"),
        ("resample", True, "resample"),
    ],
)
def test_a_list_or_the_parameter_decides_and_not_the_lengths_of_fit(
    unequal_length, as_list, expected, bumps
):
    X, y = bumps
    clf = FCNClassifier(**TINY, unequal_length=unequal_length)
    clf.fit(list(X) if as_list else X, y)
    assert clf.unequal_length_in_ == expected and clf.n_timepoints_in_ == 24
    assert len(clf.model_.inputs) == 1 + (expected == "pad")
    np.testing.assert_array_equal(clf.predict_proba(list(X)), clf.predict_proba(X))
    shorter = [X[0], X[1, :, :17]]
    if expected:
        assert clf.predict(shorter).shape == clf.predict(X[:2, :, :17]).shape == (2,)
    else:
        with pytest.raises(ValueError) as caught:
            clf.predict(shorter)
        assert str(caught.value) == (
            "X has series of 17 to 24 timepoints, but this FCNClassifier was fitted on series of "
            "equal length 24; resample them, or fit it with unequal_length='resample' or 'pad'."
        )


@pytest.mark.parametrize("unequal_length", ["auto", "pad", "resample"])
def test_a_fold_may_happen_to_have_equal_lengths(unequal_length, bumps):
    X, y = bumps
    X = [*X[:7], X[7, :, :19], *X[8:]]  # one recording was cut
    clf = FCNClassifier(**TINY, unequal_length=unequal_length)
    scores = cross_val_score(clf, X, y, cv=2, error_score="raise")  # once in training, once not
    assert scores.shape == (2,) and np.isfinite(scores).all()


def test_nested_lists_of_one_length_are_an_array(fcn, bumps):
    X, y = bumps
    clf = FCNClassifier(**SMALL).fit(X[:, 0].tolist(), y)
    assert clf.unequal_length_in_ is None
    np.testing.assert_array_equal(clf.predict_proba(X), fcn.predict_proba(X))


# Weights


def assert_same_network(one, two):
    for a, b in zip(one.model_.get_weights(), two.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_series_of_weight_zero_is_a_series_left_out(bumps):
    X, y = bumps
    weights = np.ones(30)
    weights[[1, 3, 5, 12]] = 0.0
    clf = LSTMFCNClassifier(**TINY, class_weight="balanced")
    weighted = clone(clf).fit(X, y, sample_weight=weights)
    left_out = clone(clf).fit(X[weights > 0], y[weights > 0])
    assert_same_network(weighted, left_out)
    np.testing.assert_array_equal(weighted.predict_proba(X), left_out.predict_proba(X))


def test_the_length_of_a_series_of_weight_zero_does_not_matter():
    X, y = make_unequal()
    X[0] = np.hstack([X[0]] * 3)  # by far the longest
    weights = np.ones(30)
    weights[0] = 0.0
    weighted = FCNClassifier(**TINY).fit(X, y, sample_weight=weights)
    left_out = FCNClassifier(**TINY).fit(X[1:], y[1:])
    assert weighted.n_timepoints_in_ == left_out.n_timepoints_in_
    assert_same_network(weighted, left_out)


def test_class_weights_are_sample_weights(bumps):
    X, y = bumps
    X, y = X[:25], y[:25].copy()
    y[:8] = "class 0"  # unbalanced
    factors = {"class 0": 0.5, "class 1": 2.0}
    by_class = FCNClassifier(**TINY, class_weight=factors).fit(X, y)
    by_sample = FCNClassifier(**TINY).fit(X, y, sample_weight=[factors[label] for label in y])
    assert_same_network(by_class, by_sample)
    balanced = FCNClassifier(**TINY, class_weight="balanced").fit(X, y)
    by_sample = FCNClassifier(**TINY).fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    assert_same_network(balanced, by_sample)
    assert balanced.history_["loss"] != by_class.history_["loss"]


@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_the_unit_of_sample_weights_does_not_matter(bumps, unit):
    X, y = bumps
    weights = 1.0 + np.arange(30) % 3
    clf = FCNClassifier(**{**TINY, "rocket": True})
    one, other = (clone(clf).fit(X, y, sample_weight=w) for w in (weights, unit * weights))
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-4)
    np.testing.assert_allclose(one.history_["loss"], other.history_["loss"], rtol=1e-4)


# Choosing the number of cells, presets


def test_the_number_of_cells_is_chosen_by_training_loss(bumps):
    X, y = bumps
    candidates = (1, 6)
    search = LSTMFCNClassifier(**TINY)
    search.set_params(n_cells=candidates, dropout=0.0).fit(X, y)
    columns = np.searchsorted(np.unique(y), y)
    alone, losses = [], []
    for n_cells in candidates:
        clf = LSTMFCNClassifier(**TINY).set_params(n_cells=n_cells, dropout=0.0).fit(X, y)
        alone.append(clf)
        losses.append(-np.log(clf.predict_proba(X)[np.arange(30), columns]).mean())
    best = int(np.argmin(losses))
    assert search.n_cells_ == candidates[best]
    assert search.n_cells == candidates  # the parameter stays
    np.testing.assert_array_equal(search.predict_proba(X), alone[best].predict_proba(X))


def test_presets_are_the_published_protocol():
    assert PAPER == {
        "n_cells": (8, 64, 128),
        "n_filters": (128, 256, 128),
        "kernel_sizes": (8, 5, 3),
        "n_steps": None,
        "dilation_rates": None,
        "views": ("values",),
        "rocket": False,
        "dropout": 0.8,
        "occlusion": 0.0,
        "recurrent_activation": "hard_sigmoid",
        "normalization": "series",
        "n_epochs": 2000,
        "batch_size": 128,
        "learning_rate": 1e-3,
        "schedule": "plateau",
        "keep_weights": "best",
        "class_weight": "balanced",
    }
    lstm = {"n_cells", "dropout", "recurrent_activation"}
    assert {k: v for k, v in PAPER.items() if k not in lstm} == PAPER_FCN


@pytest.mark.parametrize(
    ("classifier", "preset", "cells"),
    [(FCNClassifier, PAPER_FCN, {}), (LSTMFCNClassifier, PAPER, {"n_cells": (2, 3)})],
)
def test_presets_run(classifier, preset, cells, bumps):
    X, y = bumps
    classifier(**preset)
    short = {**preset, **cells, "n_epochs": 2, "n_filters": (8, 8, 8), "random_state": 0}
    clf = classifier(**short).fit(X, y)
    assert (clf.n_epochs_, clf.batch_size_) == (2, 128)
    assert clf.history_["learning_rate"] == pytest.approx([1e-3, 1e-3])
    assert not cells or clf.n_cells_ in (2, 3)
    np.testing.assert_allclose(clf.predict_proba(5.0 * X + 3.0), clf.predict_proba(X), atol=1e-4)


# Fine-tuning


def test_fine_tuning_continues(fcn, bumps):
    X, y = bumps
    tuned = copy.deepcopy(fcn)
    columns = np.searchsorted(fcn.classes_, y)
    before = -np.log(fcn.predict_proba(X)[np.arange(30), columns]).mean()
    assert tuned.fine_tune(X, y, n_iterations=2, n_epochs=10, learning_rate=4e-3) is tuned
    after = -np.log(tuned.predict_proba(X)[np.arange(30), columns]).mean()
    assert after <= before
    np.testing.assert_array_equal(tuned.classes_, fcn.classes_)
    assert tuned.history_["loss"][:2] == fcn.history_["loss"]
    rates = fcn.history_["learning_rate"] + [4e-3] * 10 + [2e-3] * 10
    assert tuned.history_["learning_rate"] == pytest.approx(rates)
    assert {len(values) for values in tuned.history_.values()} == {22}


def test_fine_tuning_keeps_the_history_of_a_validation(bumps):
    X, y = bumps
    held_out = (X[:6], y[:6])
    tuned = FCNClassifier(**TINY).fit(X, y, validation_data=held_out)
    measured = list(tuned.history_["val_loss"])
    tuned.fine_tune(X, y, n_iterations=1, n_epochs=1)
    assert tuned.history_["val_loss"][:-1] == measured and np.isnan(tuned.history_["val_loss"][-1])
    assert len(tuned.history_["loss"]) == len(measured) + 1


def test_fine_tuning_takes_fewer_classes_and_refuses_new_ones(learned, bumps):
    X, y = bumps
    tuned = copy.deepcopy(learned)
    tuned.fine_tune(X[y == "class 0"], y[y == "class 0"], n_iterations=1, n_epochs=1)
    np.testing.assert_array_equal(tuned.classes_, ["class 0", "class 1"])
    before, history = tuned.predict_proba(X), copy.deepcopy(tuned.history_)
    other = np.where(np.arange(30) == 4, "new", y)
    with pytest.raises(ValueError) as caught:
        tuned.fine_tune(X, other, n_iterations=1, n_epochs=1)
    assert str(caught.value) == (
        "y has labels that LSTMFCNClassifier was not fitted on: 'new'; its classes are "
        "'class 0', 'class 1'. Pass new_classes='add' to learn them beside these, reset_head=True "
        "to learn them instead, or fit again."
    )
    np.testing.assert_array_equal(tuned.predict_proba(X), before)
    assert tuned.history_ == history


# Silence


def test_a_fit_prints_and_writes_nothing_unless_asked(bumps, tmp_path, monkeypatch, capsys):
    X, y = bumps
    monkeypatch.chdir(tmp_path)
    clf = FCNClassifier(**TINY).fit(X, y)
    clf.predict(X)
    quiet = capsys.readouterr()
    assert (quiet.out, quiet.err) == ("", "")
    clf.set_params(verbose=2).fit(X, y)
    assert "bfloat16): 100%" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# Attention


def test_the_attention_map_is_a_distribution_over_timepoints(attentive, bumps):
    X, _ = bumps
    attention = attentive.attention_map(X)
    assert attention.shape == (30, 24)
    assert (attention >= 0).all() and attention.std(axis=1).min() > 0
    np.testing.assert_allclose(attention.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("attention", ["features", "paper"])
def test_the_attention_map_is_zero_on_padding(attention):
    X, y = make_unequal()
    chosen = {"attention": "paper"} if attention == "paper" else {}
    clf = copy.deepcopy(fitted_once(ALSTMFCNClassifier, X, y, **chosen, **SMALL))
    observed = np.arange(clf.n_timepoints_in_) < np.array([[x.shape[1]] for x in X])
    if attention == "paper":
        with pytest.warns(UserWarning) as caught:
            weights = clf.attention_map(X)
        assert [str(w.message) for w in caught if "attention=" in str(w.message)] == [
            "attention='paper' attends over channels, not time, after the dimension shuffle; "
            "the map is uniform. Use attention='features' for a map over time."
        ]
        np.testing.assert_allclose(weights, observed / observed.sum(axis=1, keepdims=True))
    else:
        weights = clf.attention_map(X)
        assert (weights[observed] > 0).mean() > 0.5
    assert (weights[~observed] == 0.0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-7)


def test_the_published_attention_of_several_channels_is_over_channels(attentive, bumps):
    X, y = make_series(n_channels=3)
    clf = ALSTMFCNClassifier(attention="paper", **TINY).fit(X, y)
    attention = clf.attention_map(X, over="channels")
    assert attention.shape == (len(X), 3)
    assert (attention > 0.0).all() and attention.std() > 0
    np.testing.assert_allclose(attention.sum(axis=1), 1.0, atol=1e-12)
    with pytest.raises(ValueError, match="over='samples' is unknown; choose one of 'time"):
        clf.attention_map(X, over="samples")
    with pytest.raises(ValueError, match=r"attention='features'.* attends over timepoints"):
        attentive.attention_map(bumps[0], over="channels")


def test_it_is_said_once_that_there_is_no_attention_over_time(published, bumps):
    X, _ = bumps
    clf = copy.deepcopy(published)
    with pytest.warns(UserWarning, match="attention='paper' attends over channels"):
        first = clf.attention_map(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(clf.attention_map(X), first)
    assert pickle.loads(pickle.dumps(clf)).attention_map(X).shape == first.shape


def test_the_published_attention_without_the_shuffle_is_over_time():
    X, y = make_unequal(n_channels=2)
    clf = ALSTMFCNClassifier(attention="paper", dimension_shuffle=False, **TINY).fit(X, y)
    attention = clf.attention_map(X)
    observed = np.arange(clf.n_timepoints_in_) < np.array([[x.shape[1]] for x in X])
    assert attention.shape == observed.shape
    assert (attention[~observed] == 0.0).all() and (attention[observed] > 0.0).all()
    assert attention[observed].std() > 0
    np.testing.assert_allclose(attention.sum(axis=1), 1.0, atol=1e-12)


def test_the_published_attention_of_a_univariate_series_learns_nothing(published, bumps):
    X, y = bumps
    untrained = ALSTMFCNClassifier(attention="paper", **{**SMALL, "learning_rate": 1e-9})
    untrained.fit(X, y)
    trained, start = (c.model_.get_layer("attention_lstm") for c in (published, untrained))
    for name in ("W", "v", "U", "R"):  # zero gradient: one annotation, zero state
        np.testing.assert_allclose(getattr(trained, name), getattr(start, name), atol=1e-7)
    assert np.abs(trained.K.numpy() - start.K.numpy()).max() > 1e-4


# Real data


@pytest.fixture(scope="module")
def gunpoint():
    return load_ucr("GunPoint")


def test_thirty_epochs_with_the_defaults_learn_gunpoint(gunpoint):
    """FCN; the other two learn it in examples/plot_confusion.py and plot_attention.py."""
    X_train, y_train, X_test, y_test = gunpoint
    clf = FCNClassifier(n_epochs=30, random_state=0).fit(X_train, y_train)
    assert clf.score(X_test, y_test) > 0.8


def test_one_update_per_epoch_does_not_spoil_batch_normalisation(gunpoint):
    # After 20 updates moving averages lag behind the weights: without recalibration this scores
    # between .64 and .69 over three seeds, with it between .83 and .95.
    X_train, y_train, X_test, y_test = gunpoint
    clf = FCNClassifier(
        n_epochs=20, batch_size=128, schedule="constant", occlusion=0.0, random_state=0
    )
    assert clf.fit(X_train, y_train).score(X_test, y_test) > 0.75
