"""Do the displays draw the numbers they hold, and are the published accuracies the authors'?"""

import csv

import numpy as np
import pytest
from conftest import real_data

from lstmfcn.datasets.names import canonical_name
from lstmfcn.evaluation.published import NOT_COMPARABLE, published_accuracy
from lstmfcn.plots import AttentionDisplay, HistoryDisplay


class Attentive:
    """Stands for a fitted classifier: Displays take anything with these methods."""

    classes_ = np.array(["left", "right"])

    def attention_map(self, X):
        return np.full((len(X), 4), 0.25)

    def predict_proba(self, X):
        return np.tile([0.1, 0.9], (len(X), 1))


def test_attention_display_colours_each_timepoint_by_its_weight():
    weights = np.array([0.1, 0.2, 0.6, 0.1])
    display = AttentionDisplay([1.0, 3.0, 2.0, 0.0], weights, title="a title").plot()
    (lines,) = display.ax_.collections
    np.testing.assert_array_equal(lines.get_array(), weights)
    middles = [stroke[1].tolist() for stroke in lines.get_segments()]
    assert middles == [[0, 1], [1, 3], [2, 2], [3, 0]]
    assert display.ax_.get_title() == "a title"
    assert display.figure_.axes[1].get_ylabel() == "attention"


@pytest.mark.parametrize("shape", [(3, 4), (3, 1, 4), (3, 2, 4)])
def test_attention_display_from_estimator(shape):
    X = np.arange(np.prod(shape), dtype=float).reshape(shape)
    display = AttentionDisplay.from_estimator(Attentive(), X, 1, class_names={"right": "east"})
    assert display.title == "predicted east (probability 0.90)"
    np.testing.assert_array_equal(display.series, X[1].reshape(-1, 4))
    assert len(display.plot().ax_.collections) == display.series.shape[0]


def test_attention_display_refuses_another_length():
    with pytest.raises(
        ValueError,
        match=r"weights have shape \(3,\), but the series has 4 timepoints; pass one weight per",
    ):
        AttentionDisplay(np.zeros(4), np.zeros(3))


def test_history_display_draws_what_is_there():
    history = {"loss": [1.0, 0.1], "accuracy": [0.5, 0.9], "val_loss": [1.1, 0.3]}
    display = HistoryDisplay(history, title="run").plot()
    left, right = display.figure_.axes
    assert [line.get_label() for line in left.lines] == ["training loss", "validation loss"]
    np.testing.assert_array_equal(left.lines[0].get_ydata(), history["loss"])
    np.testing.assert_array_equal(right.lines[0].get_ydata(), history["accuracy"])
    assert left.get_yscale() == "log" and left.get_xlabel() == "epoch"


def test_history_display_draws_a_validation_that_ends_before_fine_tuning():
    display = HistoryDisplay({"loss": [1.0, 0.5, 0.2], "val_loss": [1.0, 0.6]}).plot()
    assert [len(line.get_xdata()) for line in display.ax_.lines] == [3, 2]


def test_history_display_refuses_an_empty_history():
    with pytest.raises(ValueError, match="history has no 'loss'; pass history_ of a fitted"):
        HistoryDisplay({})


@pytest.mark.parametrize(
    ("dataset", "method", "accuracy"),
    [
        ("ArrowHead", "LSTM-FCN", 0.89714),
        ("Gun_Point", "LSTM-FCN", 1.0),
        ("GunPoint", "ALSTM-FCN", 1.0),
        ("ItalyPowerDemand", "ALSTM-FCN", 0.95918),
        ("Trace", "LSTM-FCN", None),
        ("Strawberry", "ALSTM-FCN", None),
        ("BasicMotions", "LSTM-FCN", None),
        ("Crop", "LSTM-FCN", None),
    ],
)
def test_published_accuracy(dataset, method, accuracy):
    assert published_accuracy(dataset, method) == accuracy


def test_published_accuracy_refuses_an_unknown_method():
    with pytest.raises(ValueError, match="method='LSTM' is unknown; choose one of 1-NN DTW,"):
        published_accuracy("GunPoint", "LSTM")


def test_published_table_is_the_authors():
    folder = real_data()
    if folder is None:
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds published/")
    with open(folder / "published" / "karim2018-training-loss.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 85
    compared = 0
    for row in rows:
        name = row.pop("Dataset")
        for method, value in row.items():
            expected = None if canonical_name(name) in NOT_COMPARABLE else float(value)
            assert published_accuracy(name, method) == expected
            compared += expected is not None
    assert compared == 70 * 14
