"""Do confident predictions become labels, balanced, and never confirmed by themselves?"""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import PLAIN, make_series, make_unequal, refusal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from lstmfcn import FCNClassifier
from lstmfcn.meta.pseudo_labels import PseudoLabelClassifier, is_unlabelled

TINY = {**PLAIN, "n_filters": (4, 4), "kernel_sizes": (3, 3), "n_epochs": 1}


class Scripted(ClassifierMixin, BaseEstimator):
    """Answers with the probability of class 1 that lies in the series; notes its training rows."""

    fits = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.fits.append((np.asarray(X)[:, 1].astype(int), np.asarray(y), sample_weight))
        return self

    def predict_proba(self, X):
        p = np.asarray(X)[:, 0]
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Sure(ClassifierMixin, BaseEstimator):
    """Is sure of the second class above 1."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.eye(2)[(np.asarray(X)[:, 0] > 1).astype(int)]


@pytest.fixture
def fits():
    Scripted.fits = []
    return Scripted.fits


def scripted(probabilities):
    """Return X: the probability of class 1, and the number of the row."""
    return np.column_stack([probabilities, np.arange(len(probabilities))])


def mostly_unlabelled(y, keep=8, absent=-1):
    y = np.asarray(y, dtype=object).copy()
    y[keep:] = absent
    return y


def test_only_confident_series_get_labels_that_weigh_by_confidence(fits):
    X = scripted([0.0, 0.0, 1.0, 1.0, 0.95, 0.7, 0.05, 0.45])
    y = np.array([0, 0, 1, 1, -1, -1, -1, -1])
    clf = PseudoLabelClassifier(
        Scripted(), threshold=0.8, n_rounds=1, n_members=2, pseudo_weight=0.5
    ).fit(X, y)
    assert clf.transduction_.tolist() == [0, 0, 1, 1, 1, -1, 0, -1]
    assert clf.rounds_ == [{0: 1, 1: 1}]
    assert np.isnan(clf.confidence_[:4]).all()
    assert clf.confidence_[4:] == pytest.approx([0.95, 0.7, 0.95, 0.55])
    assert len(fits) == 3  # two copies, and the last one
    assert all(rows.tolist() == [0, 1, 2, 3] for rows, *_ in fits[:2])
    rows, labels, weights = fits[-1]
    assert rows.tolist() == [0, 1, 2, 3, 4, 6] and labels.tolist() == [0, 0, 1, 1, 1, 0]
    assert weights == pytest.approx([1, 1, 1, 1, 0.475, 0.475])


def test_no_class_gets_more_labels_than_its_fraction(fits):
    X = scripted([0.0, 0.0, 1.0, 1.0, 0.99, 0.98, 0.97, 0.96, 0.95, 0.1])
    y = np.array([0, 0, 1, 1, -1, -1, -1, -1, -1, -1])
    clf = PseudoLabelClassifier(Scripted(), n_rounds=1, n_members=2).fit(X, y)
    assert clf.rounds_ == [{0: 1, 1: 3}]  # half of six; the surest three
    assert clf.transduction_.tolist() == [0, 0, 1, 1, 1, 1, 1, -1, -1, 0]
    free = PseudoLabelClassifier(Scripted(), n_rounds=1, n_members=2, balanced=False).fit(X, y)
    assert free.rounds_ == [{0: 1, 1: 5}]


def test_later_rounds_ask_only_copies_that_were_not_trained_on_the_series(fits):
    X = scripted([0.0, 0.1, 1.0, 0.9, *[0.95] * 4, *[0.05] * 4])
    y = np.array([0, 0, 1, 1, *[-1] * 8])
    PseudoLabelClassifier(Scripted(), n_rounds=2, n_members=2, random_state=0).fit(X, y)
    assert len(fits) == 5
    assert all(set(rows) <= {0, 1, 2, 3} for rows, *_ in fits[:2])
    one, other = (set(rows) - {0, 1, 2, 3} for rows, *_ in fits[2:4])
    assert one and other and not one & other  # of the pseudo-labels, each copy has its own
    assert {*one, *other} == set(range(4, 12))


def test_soft_labels_are_all_classes_by_their_probability(fits):
    X = scripted([0.0, 1.0, 0.75, 0.995])
    settings = {"threshold": 0.0, "n_rounds": 1, "n_members": 2, "pseudo_weight": 1.0}
    clf = PseudoLabelClassifier(Scripted(), soft=True, balanced=False, **settings)
    clf.fit(X, [0, 1, -1, -1])
    rows, labels, weights = fits[-1]
    assert rows.tolist() == [0, 1, 2, 2, 3] and labels.tolist() == [0, 1, 0, 1, 1]
    assert weights == pytest.approx([1, 1, 0.25, 0.75, 0.995])
    assert clf.rounds_ == [{0: 0, 1: 2}]


def test_in_later_rounds_no_copy_confirms_its_own_labels(fits):
    X = scripted([0.0, 0.1, 1.0, 0.9, *[0.95] * 4, *[0.05] * 4])
    y = np.array([0, 0, 1, 1, *[-1] * 8])
    settings = {"threshold": 0.0, "n_rounds": 2, "n_members": 2, "random_state": 0}
    PseudoLabelClassifier(Scripted(), **settings).fit(X, y)
    assert len(fits) == 5
    one, other = (set(rows) - {0, 1, 2, 3} for rows, *_ in fits[2:4])
    assert not one & other and {*one, *other} == set(range(4, 12))


@pytest.mark.parametrize("absent", [-1, None, "", float("nan")])
def test_every_way_to_say_unlabelled(absent):
    X, y = make_series(n_samples=24)
    y = mostly_unlabelled(y, absent=absent)
    assert is_unlabelled(y).tolist() == [False] * 8 + [True] * 16
    clf = PseudoLabelClassifier(LogisticRegression(), n_members=2, random_state=0).fit(X[:, 0], y)
    assert clf.classes_.tolist() == ["class 0", "class 1"]
    assert set(clf.predict(X[:, 0])) == {"class 0", "class 1"}
    again = PseudoLabelClassifier(LogisticRegression(), n_members=2, random_state=0)
    assert again.fit(X[:, 0], y.tolist()).transduction_.tolist() == clf.transduction_.tolist()


@pytest.mark.parametrize(
    ("y", "classes", "kind"),
    [
        (pd.array([0, 1, None], dtype="Int64"), [0, 1], "i"),
        (pd.Series([False, True, None], dtype="boolean"), [False, True], "b"),
        (pd.Series(["a", "b", None], dtype="string"), ["a", "b"], "U"),
        (pd.Series(["a", "b", None], dtype="category"), ["a", "b"], "U"),
        (np.array(["2020", "2021", "NaT"], "M8[ns]"), None, "M"),
        (pd.Series(pd.to_datetime(["2020", "2021", None])), None, "M"),
    ],
)
def test_what_is_missing_is_no_label(y, classes, kind):
    assert is_unlabelled(y).tolist() == [False, False, True]
    assert is_unlabelled(list(y)).tolist() == [False, False, True]
    rows = np.array([0, 1] * 4 + [2] * 4)
    X = np.array([0.0, 5.0] * 4 + [0.0, 5.0] * 2)[:, np.newaxis]
    y = y.iloc[rows].reset_index(drop=True) if hasattr(y, "iloc") else y[rows]
    clf = PseudoLabelClassifier(Sure(), threshold=0.0, n_members=2).fit(X, y)
    assert clf.classes_.dtype.kind == kind and clf.transduction_.dtype.kind == kind
    assert classes is None or clf.classes_.tolist() == classes
    assert (clf.transduction_ == np.asarray(y)[[0, 1] * 6]).all()


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_a_column_of_labels_is_read_as_its_entries():
    X, y = make_series(n_samples=20)
    codes = np.where(y == "class 0", 0, 1)
    codes[8:] = -1
    clf = PseudoLabelClassifier(LogisticRegression(), n_members=2, threshold=0.0, random_state=0)
    assert clf.fit(X[:, 0], codes[:, np.newaxis]).classes_.tolist() == [0, 1]
    assert clf.transduction_.shape == (20,) and clf.transduction_.dtype.kind == "i"


def test_unlabelled_series_help_where_there_are_few_labels():
    X, y = make_series(n_samples=90, n_timepoints=12, seed=3)
    X_test, y_test = make_series(n_samples=60, n_timepoints=12, seed=4)
    few = mostly_unlabelled(y, keep=4)
    alone = LogisticRegression().fit(X[:4, 0], y[:4]).score(X_test[:, 0], y_test)
    clf = PseudoLabelClassifier(LogisticRegression(), n_members=2, random_state=0)
    assert clf.fit(X[:, 0], few).score(X_test[:, 0], y_test) >= alone
    assert sum(clf.rounds_[-1].values()) > 40


def test_our_classifiers_learn_from_arrays_of_channels_and_repeat_by_seed():
    X, y = make_series(n_samples=24, n_channels=2, n_timepoints=16)
    few = mostly_unlabelled(y, keep=12)
    settings = {"n_rounds": 1, "n_members": 2, "threshold": 0.0, "random_state": 5}
    clf = PseudoLabelClassifier(FCNClassifier(**TINY), **settings).fit(X, few)
    probabilities = clf.predict_proba(X)
    assert probabilities.shape == (24, 2) and sum(clf.rounds_[0].values()) > 0
    assert (clf.predict(X) == clf.classes_[probabilities.argmax(axis=1)]).all()
    assert clf.estimator_.n_channels_in_ == 2
    assert (clone(clf).fit(X, few).predict_proba(X) == probabilities).all()


def test_lists_of_unequal_length():
    X, y = make_unequal(n_samples=24, n_timepoints=16)
    estimator = FCNClassifier(unequal_length="resample", **TINY)
    clf = PseudoLabelClassifier(
        estimator, n_rounds=1, n_members=2, threshold=0.0, random_state=0
    ).fit(X, mostly_unlabelled(y, keep=16))
    assert clf.predict(X).shape == (24,) and clf.estimator_.unequal_length_in_ == "resample"
    assert sum(clf.rounds_[0].values()) > 0


class Stacked(ClassifierMixin, BaseEstimator):
    """Takes a dict of modalities."""

    def fit(self, X, y, sample_weight=None):
        self.model_ = LogisticRegression().fit(self._flat(X), y, sample_weight)
        self.classes_ = self.model_.classes_
        return self

    def _flat(self, X):
        return np.concatenate([values.reshape(len(values), -1) for values in X.values()], axis=1)

    def predict_proba(self, X):
        return self.model_.predict_proba(self._flat(X))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_a_list_of_equal_lengths_may_be_followed_by_others():
    X, y = make_series(n_samples=16, n_channels=2)
    X, settings = list(X), {"n_rounds": 1, "n_members": 2, "threshold": 0.0, "random_state": 0}
    clf = PseudoLabelClassifier(FCNClassifier(**TINY), **settings).fit(X, mostly_unlabelled(y))
    assert clf.predict([X[0][:, :20]]).shape == (1,)


def test_columns_in_another_order_are_refused():
    X, y = make_series(n_samples=20)
    frame = pd.DataFrame(X[:, 0]).add_prefix("t")
    turned, few = frame[frame.columns[::-1]], mostly_unlabelled(y)
    clf = PseudoLabelClassifier(LogisticRegression(), n_members=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(frame, few).predict(frame)
    assert "must be in the same order" in refusal(lambda: clf.predict(turned))
    clf.set_params(estimator=Stacked()).fit({"a": frame, "b": X[:, 0]}, few)
    assert clf.predict({"a": frame, "b": X[:, 0]}).shape == (20,)
    assert refusal(lambda: clf.predict({"a": turned, "b": X[:, 0]})).startswith("modality 'a': The")


def test_dicts_of_modalities():
    X, y = make_series(n_samples=40, n_channels=2)
    modalities = {"audio": X[:, :1], "face": X[:, 1:, ::2]}
    clf = PseudoLabelClassifier(Stacked(), n_members=2, random_state=0)
    clf.fit(modalities, mostly_unlabelled(y))
    assert clf.score(modalities, y) > 0.9 and sum(clf.rounds_[1].values()) > 10


def test_scikit_learns_own_self_training_takes_our_classifiers():
    X, y = make_series(n_samples=20, n_timepoints=12)
    codes = np.where(y == "class 0", 0, 1)
    codes[12:] = -1
    estimator = FCNClassifier(**TINY)
    clf = SelfTrainingClassifier(estimator, threshold=0.5, max_iter=1).fit(X[:, 0], codes)
    assert (clf.transduction_ >= 0).all() and clf.predict_proba(X[:, 0]).shape == (20, 2)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [PseudoLabelClassifier(LogisticRegression(), n_members=2, n_rounds=1, random_state=0)],
    expected_failed_checks=lambda estimator: {
        "check_classifiers_classes": "its labels are -1 and 1, and -1 is no label here"
    },
)
def test_scikit_learn_check(estimator, check):
    # Each check raises AssertionError or the estimator's own error when the contract is broken.
    check(estimator)


def test_warnings_when_unlabelled_series_are_of_no_use():
    X, y = make_series(n_samples=20)
    clf = PseudoLabelClassifier(LogisticRegression(C=1e-6), n_members=2, threshold=0.99)
    with pytest.warns(UserWarning, match="the surest of 12 unlabelled series has probability 0.5"):
        clf.fit(X[:, 0], mostly_unlabelled(y))
    with pytest.warns(UserWarning, match="y has no unlabelled series, such as those of label -1"):
        clf.fit(X[:, 0], y)
    assert clf.rounds_ == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.set_params(threshold=0.0).fit(X[:, 0], mostly_unlabelled(y))


X20, Y20 = make_series(n_samples=20)
FEW = mostly_unlabelled(Y20)


@pytest.mark.parametrize(
    "settings, arguments, message",
    [
        ({"threshold": 1.0}, {}, r"'threshold' .* in the range \[0.0, 1.0\). Got 1.0 instead."),
        ({"n_rounds": 0}, {}, "n_rounds=0 must be a whole number of at least 1."),
        ({"n_members": 1}, {}, "n_members=1 must be a whole number of at least 2."),
        ({"pseudo_weight": 0}, {}, r"'pseudo_weight' .* in the range \(0.0, inf\). Got 0 instead."),
        (
            {"estimator": KNeighborsClassifier()},
            {},
            "KNeighborsClassifier.fit takes no sample_weight, which gives pseudo-labels less w",
        ),
        (
            {"estimator": FCNClassifier(validation_fraction=0.2), "soft": True},
            {},
            "the estimator's validation_fraction would hold out copies of series that it is tra",
        ),
        ({}, {"y": [-1] * 20}, "y has no labelled series; label some of each class."),
        ({}, {"y": ["a"] * 9 + [""] * 11}, "y has only one class, 'a'"),
        ({}, {"y": FEW[:5]}, "X has 20 series, but y has 5 labels; pass one per series, -1 where"),
        ({}, {"y": None}, "requires y to be passed, but the target y is None; pass one label"),
        ({}, {"y": "sad"}, "y, of type str, does not hold one class label per series; pass"),
        ({}, {"X": {"a": X20, "b": X20[:3]}}, r"differ in their number of samples \(20 of 'a', 3"),
        ({}, {"X": {}}, "X has no modality; pass the series of at least one."),
        ({}, {"X": {"a": [[np.nan]] * 20}}, "modality 'a': X contains NaN in 20 of 20 series"),
    ],
)
def test_refusals(settings, arguments, message):
    clf = PseudoLabelClassifier(**{"estimator": LogisticRegression(), "n_members": 2, **settings})
    with pytest.raises((TypeError, ValueError), match=message):
        clf.fit(**{"X": X20[:, 0], "y": FEW, **arguments})
    assert not hasattr(clf, "classes_")
