"""What does n_epochs="auto" come to, and when does a training get longer?"""

import keras
import numpy as np
import pytest
from conftest import make_series
from sklearn.metrics import log_loss

from lstmfcn import FCNClassifier, LSTMFCNClassifier
from lstmfcn.fitting import plans_of
from lstmfcn.training import loop
from lstmfcn.training.checkpoint import Checkpoint

SMALL = {"n_filters": (4, 6, 4), "random_state": 0}
EVERY = 45  # updates between two kills: within epochs, cycles and sizes


@pytest.fixture
def short_cycles(monkeypatch):
    """Cycles of 2, 4 and 8 epochs."""
    monkeypatch.setattr("lstmfcn.training.candidates.N_UPDATES", 6)
    monkeypatch.setattr("lstmfcn.training.candidates.FEWEST_EPOCHS", 2)


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "n_epochs"),
    [
        (3, 4, 1500),  # one batch: 2000 updates would be 2000 epochs
        (50, 5, 200),
        (613, 16, 52),
        (10_000, 16, 40),
    ],
)
def test_the_number_of_updates_is_what_counts(n_samples, batch_size, n_epochs):
    first, second, third = plans_of(LSTMFCNClassifier(), n_samples)
    assert (first.batch_size, first.n_epochs) == (batch_size, n_epochs)
    assert (second.n_epochs, third.n_epochs) == (2 * n_epochs, 4 * n_epochs)


def test_series_with_gaps_are_trained_on_for_as_long():
    with_gaps = plans_of(LSTMFCNClassifier(occlusion=0.3), 50)
    assert with_gaps == plans_of(LSTMFCNClassifier(), 50)


def unlearnable():
    X, y = make_series()
    return X, np.random.RandomState(0).permutation(y)


def test_a_training_gets_longer_until_it_has_learned(short_cycles, monkeypatch):
    X, y = make_series()

    def fit(learned):
        monkeypatch.setattr("lstmfcn.training.candidates.LEARNED", learned)
        clf = FCNClassifier(**SMALL).fit(X, y)
        assert clf.n_epochs_ == len(clf.history_["loss"])
        return clf, clf.history_["loss"]

    short, losses_of_short = fit(np.inf)
    longest, losses = fit(0.0)
    assert (short.n_epochs_, longest.n_epochs_) == (2, 14)
    assert losses_of_short == losses[:2] and losses[-1] < losses[1]

    just_missed = log_loss(y, short.predict_proba(X)) - 1e-6
    clf, losses_of_longer = fit(just_missed)
    assert clf.n_epochs_ == 6 and losses_of_longer == losses[:6]
    assert log_loss(y, clf.predict_proba(X)) < just_missed
    # Each cycle warms up and cools down anew.
    rates = clf.history_["learning_rate"]
    assert rates[1] < 1e-4 and max(rates[2:]) > 5e-4 and rates[5] < 1e-4


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
def test_a_training_that_was_asked_for_is_not_made_longer(parameters, short_cycles):
    X, y = unlearnable()
    assert len(FCNClassifier(**SMALL, **parameters).fit(X, y).history_["loss"]) == 2


def test_a_training_that_a_callback_stopped_is_not_made_longer(short_cycles):
    X, y = unlearnable()
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=1)
    clf = FCNClassifier(**SMALL, callbacks=[stop]).fit(X, y)
    assert len(clf.history_["loss"]) == 2  # stopped in the last of the planned epochs


def test_of_several_sizes_each_may_get_longer(short_cycles):
    X, y = unlearnable()
    clf = LSTMFCNClassifier(**SMALL, n_cells=(2, 3)).fit(X, y)
    alone = LSTMFCNClassifier(**SMALL, n_cells=clf.n_cells_).fit(X, y)
    assert clf.history_["loss"] == alone.history_["loss"]
    assert clf.n_epochs_ == 14


def test_a_longer_training_that_is_killed_goes_on_bit_equal(short_cycles, tmp_path, monkeypatch):
    X, y = unlearnable()
    n_cells = (2, 3)
    expected = LSTMFCNClassifier(**SMALL, n_cells=n_cells).fit(X, y)
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
    monkeypatch.setattr(loop, "MOST_TOGETHER", 1)
    n_kills = 0
    while True:
        clf = LSTMFCNClassifier(**SMALL, n_cells=n_cells, checkpoint=tmp_path)
        try:
            clf.fit(X, y)
            break
        except Killed:
            n_kills += 1
    assert n_kills == n_updates // EVERY
    assert clf.history_["loss"] == expected.history_["loss"]
    for ours, theirs in zip(clf.model_.get_weights(), expected.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_gaps_hide_is_learned_from_whole_series(short_cycles, monkeypatch):
    X, y = unlearnable()
    clf = FCNClassifier(occlusion=0.3, **SMALL).fit(X, y)
    assert not clf.model_.get_layer("denoiser").passes_gaps and clf.n_epochs_ == 14
    assert (clf.occlusion, clf.occlusion_) == (0.3, 0.0)
    monkeypatch.setattr("lstmfcn.training.candidates.UNLEARNED", np.inf)
    clf = FCNClassifier(occlusion=0.3, **SMALL).fit(X, y)
    assert clf.model_.get_layer("denoiser").passes_gaps and clf.n_epochs_ == 14
    assert clf.occlusion_ == 0.3
