"""What does n_epochs="auto" come to, and when does a training get longer?"""

import keras
import numpy as np
import pytest
from conftest import PLAIN, make_series

from lstmfcn import FCNClassifier, LSTMFCNClassifier
from lstmfcn.fitting import plans_of
from lstmfcn.training import batches
from lstmfcn.training.checkpoint import Checkpoint

SMALL = {**PLAIN, "n_filters": (4, 6, 4), "random_state": 0}
EVERY = 17  # updates between two kills: within epochs, trainings and sizes


@pytest.fixture
def short_trainings(monkeypatch):
    """Trainings of 2 epochs."""
    monkeypatch.setattr("lstmfcn.training.candidates.N_UPDATES", 6)
    monkeypatch.setattr("lstmfcn.training.candidates.PER_CLASS", 1)
    monkeypatch.setattr("lstmfcn.training.candidates.FEWEST_EPOCHS", 2)


@pytest.mark.parametrize(
    ("n_samples", "n_classes", "batch_size", "n_epochs"),
    [
        (3, 2, 4, 1500),  # one batch: 2000 updates would be 2000 epochs
        (50, 2, 5, 200),
        (50, 20, 5, 400),  # 200 updates for each class
        (613, 2, 16, 75),
        (10_000, 2, 16, 75),
    ],
)
def test_updates_count_and_classes(n_samples, n_classes, batch_size, n_epochs):
    (plan,) = plans_of(LSTMFCNClassifier(), n_samples, n_classes)
    assert (plan.batch_size, plan.n_epochs) == (batch_size, n_epochs)
    first, second = plans_of(LSTMFCNClassifier(occlusion=0.3), n_samples, n_classes)
    assert first == second == plan


def unlearnable():
    X, y = make_series()
    return X, np.random.RandomState(0).permutation(y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_epochs": 2},
        {"patience": 5},
        {"keep_weights": "best"},
        {"validation_fraction": 0.3, "patience": 50},
    ],
    ids=str,
)
def test_a_training_that_was_asked_for_is_not_made_longer(parameters, short_trainings):
    X, y = unlearnable()
    clf = FCNClassifier(**SMALL, occlusion=0.3, **parameters).fit(X, y)
    assert len(clf.history_["loss"]) == 2


def test_a_training_that_a_callback_stopped_is_not_made_longer(short_trainings):
    X, y = unlearnable()
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=1)
    clf = FCNClassifier(**SMALL, occlusion=0.3, callbacks=[stop]).fit(X, y)
    assert len(clf.history_["loss"]) == 2  # stopped in the last of the planned epochs


def test_of_several_sizes_each_may_get_longer(short_trainings):
    X, y = unlearnable()
    gaps = {**SMALL, "occlusion": 0.3}
    clf = LSTMFCNClassifier(**gaps, n_cells=(2, 3)).fit(X, y)
    alone = LSTMFCNClassifier(**gaps, n_cells=clf.n_cells_).fit(X, y)
    assert clf.history_["loss"] == alone.history_["loss"]
    assert clf.n_epochs_ == 4


def test_a_longer_training_that_is_killed_goes_on_bit_equal(short_trainings, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "MOST_TOGETHER", 1)  # gaps are drawn for updates that go together
    X, y = unlearnable()
    n_cells = (2, 3)
    gaps = {**SMALL, "occlusion": 0.3}
    expected = LSTMFCNClassifier(**gaps, n_cells=n_cells).fit(X, y)
    assert expected.n_epochs_ == 4
    n_updates = len(expected.history_["loss"]) * np.size(n_cells) * -(-len(y) // 4)

    class Killed(BaseException):
        pass

    count = [0]

    def write_if_due(self, make_state):
        if self.path is not None:
            self.write(make_state())
            count[0] += 1
            if count[0] % EVERY == 0:
                raise Killed

    monkeypatch.setattr(Checkpoint, "write_if_due", write_if_due)
    n_kills = 0
    while True:
        clf = LSTMFCNClassifier(**gaps, n_cells=n_cells, checkpoint=tmp_path)
        try:
            clf.fit(X, y)
            break
        except Killed:
            n_kills += 1
    assert n_kills == n_updates // EVERY
    assert clf.history_["loss"] == expected.history_["loss"]
    for ours, theirs in zip(clf.model_.get_weights(), expected.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_gaps_hide_is_learned_from_whole_series(short_trainings, monkeypatch):
    X, y = unlearnable()
    clf = FCNClassifier(occlusion=0.3, **SMALL).fit(X, y)
    assert not clf.model_.get_layer("denoiser").passes_gaps and clf.n_epochs_ == 4
    assert len(clf.history_["loss"]) == 4
    assert (clf.occlusion, clf.occlusion_) == (0.3, 0.0)
    # The second training warms up and cools down anew.
    rates = clf.history_["learning_rate"]
    assert rates[1] < 1e-4 and rates[2] > 3e-4 and rates[3] < 1e-4
    monkeypatch.setattr("lstmfcn.training.candidates.UNLEARNED", np.inf)
    clf = FCNClassifier(occlusion=0.3, **SMALL).fit(X, y)
    assert clf.model_.get_layer("denoiser").passes_gaps and clf.n_epochs_ == 2
    assert clf.occlusion_ == 0.3
