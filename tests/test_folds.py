"""Does each fold hold out what it should, and do the models of all folds predict together?"""

import numpy as np
import pytest
from conftest import refusal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from lstmfcn.meta import (
    AugmentedClassifier,
    FoldEnsemble,
    PseudoLabelClassifier,
    make_folds,
    read_folds,
    write_folds,
)


def test_plain_folds_follow_the_rule_of_mertools():
    folds = make_folds(5030, random_state=0)
    assert [len(fold) for fold in folds] == [1006] * 5
    assert [len(fold) for fold in make_folds(23, 4, random_state=0)] == [5, 5, 5, 8]
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(5030))
    assert folds[0].tolist() != list(range(1006))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"y": [0, 1] * 20},
        {"groups": np.arange(40) // 4},
        {"y": [0, 1] * 20, "groups": np.arange(40) // 4},
    ],
)
def test_folds_repeat_with_their_seed(options):
    first, again, other = (make_folds(40, random_state=seed, **options) for seed in (0, 0, 1))
    assert [f.tolist() for f in first] == [f.tolist() for f in again]
    assert [f.tolist() for f in first] != [f.tolist() for f in other]
    np.testing.assert_array_equal(np.sort(np.concatenate(first)), np.arange(40))
    if "groups" in options:
        of_fold = [set(options["groups"][fold]) for fold in first]
        assert sum(map(len, of_fold)) == 10  # no group in two
    if "y" in options:
        fractions = [np.mean(np.array(options["y"])[fold]) for fold in first]
        np.testing.assert_allclose(fractions, 0.5)


def test_no_fold_is_empty_because_of_few_groups():
    sizes, labels = [34, 24, 19, 10, 13], [0, 0, 0, 1, 1]
    groups, y = np.repeat(np.arange(5), sizes), np.repeat(labels, sizes)
    folds = make_folds(100, 5, y=y, groups=groups, random_state=0)
    assert sorted(map(len, folds)) == sorted(sizes)


def test_folds_that_cannot_be_are_refused():
    cases = {
        "n_folds=5 is not possible with 4 samples; choose 2 to 4.": lambda: make_folds(4),
        "class b has 1 samples, fewer than n_folds=2; lower n_folds, or pass more samples of it.": (
            lambda: make_folds(4, 2, y=["a", "a", "a", "b"])
        ),
        "groups has 2 groups, fewer than n_folds=3; lower n_folds.": (
            lambda: make_folds(4, 3, groups=[0, 0, 1, 1])
        ),
        "y has shape (3,); pass one entry for each of 4 samples.": (
            lambda: make_folds(4, 2, y=[0, 1, 0])
        ),
        (
            "groups has None or NaN for 1 of 4 samples; pass an entry for each, or leave those "
            "samples out."
        ): lambda: make_folds(4, 2, groups=[None, "a", "b", "c"]),
    }
    for expected, call in cases.items():
        assert refusal(call) == expected


def test_stored_folds_come_back_by_name(tmp_path):
    path, names = tmp_path / "folds.csv", [f"clip,{i}" for i in range(11)]
    folds = make_folds(11, 3, random_state=0)
    write_folds(path, folds, names)
    assert [f.tolist() for f in read_folds(path, names)] == [f.tolist() for f in folds]
    turned = read_folds(path, names[::-1])
    assert [sorted(10 - f) for f in turned] == [f.tolist() for f in folds]
    assert refusal(lambda: read_folds(path, names[1:])) == (
        "folds.csv and names differ in 1 samples, first 'clip,0'; pass the samples that the folds "
        "were made for."
    )
    assert "exactly one fold" in refusal(
        lambda: write_folds(path, [[0, 1], [1, 2]], ["a", "b", "c"])
    )


def points(n=40):
    rng = np.random.RandomState(0)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 3)) + y[:, np.newaxis], np.array(["no", "yes"])[y]


def test_each_fold_is_predicted_by_the_estimator_that_has_not_seen_it():
    X, y = points()
    names = [f"clip {i}" for i in range(40)]
    ensemble = FoldEnsemble(LogisticRegression(), 4, random_state=0).fit(X, y, names=names)
    fold = ensemble.folds_[2]
    rest = np.setdiff1d(np.arange(40), fold)
    expected = LogisticRegression().fit(X[rest], y[rest]).predict_proba(X[fold])
    np.testing.assert_array_equal(ensemble.out_of_fold_[fold], expected)
    assert set(ensemble.fold_of_[fold]) == {2}
    predicted = ensemble.out_of_fold()
    assert list(predicted) == names
    assert predicted[names[fold[0]]] == ensemble.classes_[expected[0].argmax()]


def test_the_ensemble_is_the_mean_of_probabilities_or_of_logits():
    X, y = points()
    ensemble = FoldEnsemble(LogisticRegression(), random_state=0).fit(X, y)
    each = [estimator.predict_proba(X) for estimator in ensemble.estimators_]
    np.testing.assert_allclose(ensemble.predict_proba(X), np.mean(each, axis=0), atol=1e-12)
    logits = np.mean([e.decision_function(X) for e in ensemble.estimators_], axis=0)
    ensemble.set_params(average="logits")
    np.testing.assert_allclose(ensemble.predict_proba(X)[:, 1], 1 / (1 + np.exp(-logits)))


def test_given_folds_are_used_and_checked():
    X, y = points()
    folds = make_folds(40, 4, random_state=3)
    ensemble = FoldEnsemble(LogisticRegression(), folds).fit(X, y)
    assert [f.tolist() for f in ensemble.folds_] == [f.tolist() for f in folds]
    before = dict(vars(ensemble))
    assert refusal(lambda: ensemble.fit(X, y, groups=np.zeros(40))).startswith("group 0.0 is in")
    assert refusal(lambda: ensemble.set_params(folds=folds[1:]).fit(X, y)) == (
        "the folds hold 30 samples, 30 different ones; expected each of 40 samples in exactly one "
        "fold, and no fold empty."
    )
    assert vars(ensemble) == {**before, "folds": ensemble.folds}


def test_an_ensemble_refuses_before_it_trains():
    X, y = points()
    ensemble, weights = FoldEnsemble(LogisticRegression(), 2, random_state=0), np.ones(40)
    cases = {
        (
            "LinearSVC has no predict_proba, which is averaged over the folds; pass another "
            "estimator."
        ): lambda: FoldEnsemble(LinearSVC(), 2).fit(X, y),
        (
            "KNeighborsClassifier.fit takes no sample_weight; leave it out, or pass another "
            "estimator."
        ): lambda: FoldEnsemble(KNeighborsClassifier(), 2).fit(X, y, weights),
        (
            "X is not an array of real numbers (it is sparse); pass a dense array, for example "
            "X.toarray()."
        ): lambda: ensemble.fit(csr_array(X), y),
    }
    for expected, call in cases.items():
        assert refusal(call) == expected
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2)  # hands on whatever it gets
    assert FoldEnsemble(search, 2).fit(X, y, weights).n_features_in_ == 3
    assert not hasattr(ensemble, "n_features_in_")


class Watched(LogisticRegression):
    """Calls the classifier that holds it while it is trained, as another thread would."""

    outer, X, seen = None, None, []  # shared by all clones

    def fit(self, X, y, sample_weight=None):
        if self.outer is not None:
            self.seen.append(self.outer.predict(self.X).tolist())
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    "outer",
    [
        FoldEnsemble(Watched(), 2, random_state=0),
        AugmentedClassifier(Watched(), random_state=0),
        PseudoLabelClassifier(Watched(), n_rounds=1, n_members=2, random_state=0),
    ],
    ids=lambda outer: type(outer).__name__,
)
@pytest.mark.filterwarnings("ignore:y has no unlabelled series:UserWarning")
def test_who_predicts_during_a_fit_sees_the_classifier_before_it(outer, monkeypatch):
    X, y = np.repeat([[0.0], [5.0]], 8, axis=0), np.repeat(["high", "low"], 8)
    outer = clone(outer).fit(X, y)
    monkeypatch.setattr(Watched, "outer", outer)
    monkeypatch.setattr(Watched, "X", X)
    monkeypatch.setattr(Watched, "seen", [])
    outer.fit(X, np.repeat(["left", "right"], 8))
    assert len(Watched.seen) and all(seen == y.tolist() for seen in Watched.seen)
    assert outer.predict(X[[0, -1]]).tolist() == ["left", "right"]


def test_a_fold_of_a_huge_number_is_refused(tmp_path):
    (tmp_path / "folds.csv").write_text("name,fold\na,0\nb,99999999999999999999\n")
    with pytest.raises(ValueError, match="expected each name once, with the number of its fold"):
        read_folds(tmp_path / "folds.csv", ["a", "b"])
