"""Do augmentation and fusion hand validation samples on, and train on as without them?"""

import numpy as np
import pytest
from conftest import PLAIN
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier

from lstmfcn import FCNClassifier
from lstmfcn.fitting import _hold_out
from lstmfcn.meta.augmentation import AugmentedClassifier
from lstmfcn.multimodal import FusionClassifier

SMALL = FCNClassifier((4, 4, 4), **PLAIN, n_epochs=2, keep_weights="best", random_state=0)


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
    last = FCNClassifier((4, 4, 4), **PLAIN, n_epochs=2)
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


@pytest.mark.parametrize(
    ("counts", "fraction"), [((98, 2), 0.2), ((30, 2), 0.1), ((48, 50, 2), 0.8), ((5, 2), 0.4)]
)
def test_each_class_is_on_both_sides_of_a_split(counts, fraction):
    y = np.repeat(np.arange(len(counts)), counts)
    clf = FCNClassifier(validation_fraction=fraction)
    for seed in range(5):
        data = np.arange(len(y))[:, np.newaxis, np.newaxis], y, np.ones(len(y))
        clf.classes_ = np.unique(y)
        (kept, labels, weights), (held, held_labels) = _hold_out(clf, *data, seed)
        assert set(labels) == set(held_labels) == set(y) and len(weights) == len(labels)
        assert sorted([*kept.ravel(), *held.ravel()]) == list(range(len(y)))
        assert (y[kept.ravel()] == labels).all() and (y[held.ravel()] == held_labels).all()
