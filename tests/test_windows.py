"""Does a long recording become the windows that were asked for, each with its own label?"""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, cross_val_score

from lstmfcn import FCNClassifier
from lstmfcn.datasets import windows

LOG = np.arange(20.0)


def test_windows_touch_by_default_and_a_rest_is_dropped():
    X, y, groups, starts = windows(LOG, 6)
    np.testing.assert_array_equal(X[:, 0], [LOG[0:6], LOG[6:12], LOG[12:18]])
    assert y is None and groups is None and starts.tolist() == [0, 6, 12]
    assert windows(LOG, 6, 4, end="overlap").starts.tolist() == [0, 4, 8, 12, 14]
    assert windows(LOG, 6, 7, end="overlap").starts.tolist() == [0, 7, 14]
    assert windows(LOG, 20).starts.tolist() == [0]


def test_frames_have_a_row_per_timepoint():
    frame = pd.DataFrame({"x": LOG, "y": -LOG})
    X = windows(frame, 5).X
    assert X.shape == (4, 2, 5)
    np.testing.assert_array_equal(X, windows(np.stack([LOG, -LOG]), 5).X)


LABELS = ["a"] * 8 + ["b"] * 8 + [None] * 2 + ["b"] * 2


@pytest.mark.parametrize(
    ("changes", "starts", "crossing"),
    [
        ("drop", [0, 4, 8, 12], "ab"),
        ("majority", [0, 4, 8, 12, 16], "aabb"),  # of equals the earlier one
        ("last", [0, 4, 8, 12, 16], "abb"),
    ],
)
def test_label_changes(changes, starts, crossing):
    assert windows(LOG, 4, labels=LABELS, changes=changes).starts.tolist() == starts
    assert "".join(windows(LOG, 6, 4, labels=LABELS, changes=changes).y) == crossing


def test_intervals_are_labels_per_timepoint():
    intervals = [(0, 8, "a"), (8, 16, "b"), (18, 20, "b")]
    for changes in ("drop", "majority", "last"):
        by_time = windows(LOG, 4, 2, labels=LABELS, changes=changes)
        by_interval = windows(LOG, 4, 2, labels=intervals, changes=changes)
        for one, other in zip(by_time, by_interval, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("nothing", [None, np.nan, "", " "])
def test_a_timepoint_without_a_label(nothing):
    labels = np.array(["a"] * 20, object)
    labels[5] = nothing
    assert windows(LOG, 4, labels=labels).starts.tolist() == [0, 8, 12, 16]


def test_no_window_holds_two_groups():
    groups = ["p1"] * 7 + ["p2"] * 13
    found = windows(LOG, 3, groups=groups)
    assert found.starts.tolist() == [0, 3, 7, 10, 13, 16]
    assert found.groups.tolist() == ["p1"] * 2 + ["p2"] * 4
    assert windows(LOG, 3, groups=groups, end="overlap").starts.tolist() == [
        0, 3, 4, 7, 10, 13, 16, 17,
    ]  # fmt: skip
    assert windows(LOG, 10, groups="p3").groups.tolist() == ["p3", "p3"]
    assert windows(LOG, 10, groups=groups).starts.tolist() == [7]


def test_masked_values_are_missing():
    log = np.ma.masked_inside(LOG, 4, 5)
    assert windows(log, 4).starts.tolist() == [0, 8, 12, 16]
    with pytest.raises(ValueError, match="a missing value at timepoint 4"):
        windows(log, 4, gaps="error")


def test_intervals_of_whole_floats():
    frame = pd.DataFrame({"start": [0.0, 8.0], "stop": [8.0, 20.0], "label": ["a", "b"]})
    assert windows(LOG, 4, labels=frame.values.tolist()).y.tolist() == list("aabbb")


def test_gaps():
    log = LOG.copy()
    log[[4, 5]] = np.nan
    assert windows(log, 4).starts.tolist() == [0, 8, 12, 16]
    filled = windows(log, 4, gaps="interpolate")
    assert filled.starts.tolist() == [0, 4, 8, 12, 16]
    assert filled.X[1, 0].tolist() == [6.0, 6.0, 6.0, 7.0]  # from the window alone
    assert windows(log, 6, 3, gaps="interpolate").X[1, 0].tolist() == [3, 4, 5, 6, 7, 8]
    with pytest.raises(ValueError, match="a missing value at timepoint 4"):
        windows(log, 4, gaps="error")
    assert windows(np.stack([LOG, log]), 2, gaps="interpolate").starts.tolist() == [
        0, 2, 6, 8, 10, 12, 14, 16, 18,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"length": 21}, "has 20 timepoints, fewer than a window of 21"),
        ({"length": 0}, "length=0 must be a whole number"),
        ({"length": 4, "step": 1.5}, "step=1.5 must be a whole number"),
        ({"length": 4, "changes": "first"}, "changes='first' is unknown; choose one of 'drop'"),
        ({"length": 4, "labels": "walk"}, "labels must be one per timepoint"),
        ({"length": 4, "labels": ["a"] * 5}, "labels has shape"),
        ({"length": 4, "labels": [(0, 30, "a")]}, "is not within the 20 timepoints"),
        ({"length": 4, "labels": [(0, 9, "a"), (8, 9, "b")]}, "overlaps another"),
        ({"length": 4, "groups": [1, 2]}, "groups has shape"),
        ({"length": 4, "labels": list("ab") * 10}, "none of 5 windows of 4 timepoints is left"),
        ({"length": 4, "recording": ["x"] * 20}, "holds what is no number"),
        ({"length": 4, "recording": np.zeros((20, 3))}, "perhaps its transpose"),
        ({"length": 4, "recording": np.full(20, np.inf)}, "infinite value"),
        ({"length": 4, "recording": np.zeros((2, 2, 2))}, "the recording has shape"),
        ({"length": 4, "recording": LOG + 1j}, "holds what is no number"),
        ({"length": 4, "recording": LOG.astype("M8[s]")}, "holds what is no number"),
        ({"length": 4, "labels": [(0, 4.5, "a")]}, "has an end that is no whole number"),
        ({"length": 4, "labels": [("0", "4", "a")]}, "has an end that is no whole number"),
        ({"length": 4, "labels": [1] * 8 + ["a"] * 12}, "labels mixes texts with other types"),
        ({"length": 4, "groups": np.full(20, np.nan)}, "groups names none at timepoint 0"),
        ({"length": 4, "groups": [1, None] * 10}, "groups names none at timepoint 1"),
        ({"length": 4, "groups": np.arange(20)}, "no group has 4 timepoints in a row"),
    ],
)
def test_refusals(arguments, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        windows(arguments.pop("recording", LOG), **arguments)


def test_windows_are_what_a_grouped_cross_validation_takes():
    rng = np.random.RandomState(0)
    labels = np.repeat(["walk", "run"] * 3, 100)
    speed = np.where(labels == "run", 1.2, 0.4)
    log = np.stack([np.sin(np.cumsum(speed)), np.cos(np.cumsum(speed))])
    log += 0.1 * rng.normal(size=log.shape)
    groups = np.repeat(["p1", "p2", "p3"], 200)
    X, y, who, _ = windows(log, 25, 25, labels=labels, groups=groups)
    clf = FCNClassifier((8, 8), n_epochs=40, random_state=0)
    scores = cross_val_score(clf, X, y, groups=who, cv=GroupKFold(3))
    assert scores.mean() > 0.9


def test_pandas_missing_labels_are_none():
    labels = pd.Series(["a"] * 10 + [None] * 10 + ["b"] * 10, dtype="string")
    X, y = windows(np.arange(30.0), labels=labels, length=5)[:2]
    assert y.tolist() == ["a", "a", "b", "b"] and len(X) == 4


def test_lists_with_missing_labels():
    frame = pd.DataFrame({"x": np.arange(6.0), "label": ["walk", None, None, "run", "run", "run"]})
    for labels in (
        frame["label"],
        frame["label"].tolist(),
        ["walk", np.nan, "", "run"] + ["run"] * 2,
    ):
        assert windows(frame[["x"]], 1, labels=labels).y.tolist() == ["walk", "run", "run", "run"]
    intervals = [(0, 2, "walk"), (2, 4, np.nan), (4, 6, "")]
    assert windows(frame[["x"]], 1, labels=intervals).y.tolist() == ["walk", "walk"]
