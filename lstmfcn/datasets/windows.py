"""How does a long recording become series of one length, each with a label and a group?"""

from collections.abc import Sized
from numbers import Real
from typing import NamedTuple

import numpy as np

CHOICES = {
    "changes": ("drop", "majority", "last"),
    "gaps": ("drop", "interpolate", "error"),
    "end": ("drop", "overlap"),
}


class Windows(NamedTuple):
    """Windows of a recording: ``X, y, groups, starts = windows(...)``."""

    X: np.ndarray
    """Values, (n_windows, n_channels, length)."""
    y: np.ndarray | None
    """Labels, (n_windows,), or None without any."""
    groups: np.ndarray | None
    """Groups, (n_windows,), or None without any."""
    starts: np.ndarray
    """First timepoint of each window, (n_windows,)."""


def windows(
    recording,
    length,
    step=None,
    *,
    labels=None,
    groups=None,
    changes="drop",
    gaps="drop",
    end="drop",
):
    """Cut a long recording into windows, with a label and a group for each.

    Parameters
    ----------
    recording : array of shape (n_timepoints,) or (n_channels, n_timepoints), or data frame
        A data frame has a row per timepoint and a column per channel. NaN is a missing value.
    length : int
        Timepoints of a window.
    step : int, optional
        Timepoints from the start of one window to that of the next. By default ``length``: windows
        that touch and do not overlap.
    labels : array-like of shape (n_timepoints,), or list of (start, stop, label), optional
        The class of each timepoint, None, NaN or an empty text where there is none; or intervals
        of timepoints, ``stop`` not included, that do not overlap.
    groups : array-like of shape (n_timepoints,) or a single value, optional
        Who or what was recorded. No window holds two groups, so that
        :class:`sklearn.model_selection.GroupKFold` keeps them apart.
    changes : {"drop", "majority", "last"}, default="drop"
        What becomes of a window with several labels, or with timepoints that have none. ``"drop"``:
        it is left out. ``"majority"``: it gets its most frequent label, the earliest of equals.
        ``"last"``: it gets the label of its last timepoint. It is left out if that is none.
    gaps : {"drop", "interpolate", "error"}, default="drop"
        What becomes of a window with missing values. ``"interpolate"``: they are filled linearly
        within the window, at its ends by the nearest value; a window without any value in a channel
        is left out.
    end : {"drop", "overlap"}, default="drop"
        What becomes of the timepoints behind the last whole window. ``"overlap"``: a further window
        ends with the recording, or with its group.

    Returns
    -------
    Windows
        Named tuple ``X`` (n_windows, n_channels, length), ``y``, ``groups``, ``starts``.

    Raises
    ------
    ValueError, TypeError
        On arguments that do not fit each other, on gaps with ``gaps="error"``, and if no window is
        left.

    See Also
    --------
    read_series : Series that are in a file as such, one per line.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.datasets import windows
    >>> log = np.sin(np.arange(100.0))
    >>> X, y, groups, starts = windows(log, 20, 10, labels=[(0, 60, "walk"), (60, 100, "run")])
    >>> X.shape, y.tolist(), starts.tolist()
    ((8, 1, 20), ['walk', 'walk', 'walk', 'walk', 'walk', 'run', 'run', 'run'], \
[0, 10, 20, 30, 40, 60, 70, 80])
    """
    values = _values(recording)
    n_timepoints = values.shape[1]
    step = length if step is None else step
    for name, number in (("length", length), ("step", step)):
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"{name}={number!r} must be a whole number of at least 1.")
    for name, choice in (("changes", changes), ("gaps", gaps), ("end", end)):
        if choice not in CHOICES[name]:
            options = ", ".join(map(repr, CHOICES[name]))
            raise ValueError(f"{name}={choice!r} is unknown; choose one of {options}.")
    if length > n_timepoints:
        raise ValueError(
            f"the recording has {n_timepoints} timepoints, fewer than a window of {length}; pass a "
            "shorter length."
        )
    of_time = _labels(labels, n_timepoints)
    if of_time is not None:
        _check_types(of_time)
    who = _groups(groups, n_timepoints)
    found = [
        (start, values[:, start : start + length])
        for start in _starts(_runs(who, n_timepoints), length, step, end)
    ]
    if gaps == "error":
        _check_gaps(found)
    found = [
        (start, _filled(window) if gaps == "interpolate" else window) for start, window in found
    ]
    kept = [(start, window) for start, window in found if np.isfinite(window).all()]
    y = None
    if of_time is not None:
        answers = [_label(of_time[start : start + length], changes) for start, _ in kept]
        kept = [one for one, label in zip(kept, answers, strict=True) if label is not None]
        y = np.array([label for label in answers if label is not None])
    if not found:
        raise ValueError(
            f"no group has {length} timepoints in a row; pass a shorter length, or fewer groups."
        )
    if not kept:
        raise ValueError(
            f"none of {len(found)} windows of {length} timepoints is left: each has gaps, "
            "several labels or none; pass a shorter length, or another value of changes or gaps."
        )
    starts = np.array([start for start, _ in kept])
    X = np.stack([window for _, window in kept])
    return Windows(X, y, None if who is None else who[starts], starts)


def _values(recording):
    """Return float64 (n_channels, n_timepoints)."""
    is_frame = hasattr(recording, "columns") and hasattr(recording, "to_numpy")
    try:
        given = recording.to_numpy() if is_frame else np.ma.asanyarray(recording)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"{given.dtype} is no type of real numbers")
        values = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "the recording holds what is no number; pass the columns of its channels alone."
        ) from error
    if isinstance(values, np.ma.MaskedArray):
        values = values.filled(np.nan)
    values = values.T if is_frame else values
    if values.ndim == 1:
        values = values[np.newaxis]
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"the recording has shape {values.shape}; pass (n_timepoints,), (n_channels, "
            "n_timepoints) or a data frame with a row per timepoint."
        )
    if values.shape[0] > values.shape[1]:
        raise ValueError(
            f"the recording has {values.shape[0]} channels of {values.shape[1]} timepoints; pass "
            "(n_channels, n_timepoints), perhaps its transpose, or a data frame."
        )
    if np.isinf(values).any():
        raise ValueError("the recording holds an infinite value; pass NaN where one is missing.")
    return values


def _labels(labels, n_timepoints):
    """Return a label or None for each timepoint, as an object array, or None."""
    if labels is None:
        return None
    if not isinstance(labels, Sized) or isinstance(labels, str):
        raise TypeError("labels must be one per timepoint, or a list of (start, stop, label).")
    if _are_intervals(labels):
        return _of_intervals(labels, n_timepoints)
    shape = np.shape(labels)
    if shape != (n_timepoints,):
        raise ValueError(
            f"labels has shape {shape}, but there are {n_timepoints} timepoints; pass "
            "one label per timepoint, or intervals (start, stop, label)."
        )
    found = np.empty(n_timepoints, object)
    # As an array, a list of texts and NaN would be texts.
    given = labels if isinstance(labels, list | tuple) else np.asarray(labels).tolist()
    found[:] = [None if _is_none(label) else label for label in given]
    return found


def _check_types(labels):
    kinds = {isinstance(label, str) for label in labels if label is not None}
    if len(kinds) > 1 or not all(np.ndim(label) == 0 for label in labels):
        raise ValueError(
            "labels mixes texts with other types, or holds what is no label; pass labels of one "
            "type, for example all texts."
        )


def _are_intervals(labels):
    return isinstance(labels, list | tuple) and all(
        isinstance(one, list | tuple) and len(one) == 3 for one in labels
    )


def _of_intervals(intervals, n_timepoints):
    found, taken = np.empty(n_timepoints, object), np.zeros(n_timepoints, bool)
    for start, stop, label in intervals:
        if not all(isinstance(end, Real) and end == int(end) for end in (start, stop)):
            raise ValueError(
                f"the interval {(start, stop, label)} has an end that is no whole number; pass "
                "(start, stop, label), in timepoints."
            )
        start, stop = int(start), int(stop)
        if not 0 <= start < stop <= n_timepoints:
            raise ValueError(
                f"the interval {(start, stop, label)} is not within the {n_timepoints} timepoints."
            )
        if taken[start:stop].any():
            raise ValueError(f"the interval {(start, stop, label)} overlaps another.")
        found[start:stop], taken[start:stop] = None if _is_none(label) else label, True
    return found


def _is_none(label):
    if label is None or isinstance(label, str):
        return not (label or "").strip()
    is_missing = label != label  # pandas' NA equals neither itself nor another
    return not isinstance(is_missing, (bool, np.bool_)) or bool(is_missing)


def _groups(groups, n_timepoints):
    if groups is None:
        return None
    given = np.asarray(groups)
    if given.ndim == 0:
        return np.full(n_timepoints, given[()])
    if given.shape != (n_timepoints,):
        raise ValueError(
            f"groups has shape {given.shape}, but there are {n_timepoints} timepoints; pass "
            "one group per timepoint, or one for all."
        )
    missing = [place for place, group in enumerate(given.tolist()) if _is_none(group)]
    if missing:
        raise ValueError(
            f"groups names none at timepoint {missing[0]}; name one for each, or leave these "
            "timepoints out."
        )
    return given


def _runs(who, n_timepoints):
    """Return (first, end) of the stretches within which no window ends."""
    if who is None:
        return [(0, n_timepoints)]
    cuts = np.flatnonzero(who[1:] != who[:-1]) + 1
    return list(zip([0, *cuts], [*cuts, n_timepoints], strict=True))


def _starts(runs, length, step, end):
    for first, last in runs:
        starts = list(range(first, last - length + 1, step))
        if end == "overlap" and last - length >= first and starts[-1] < last - length:
            starts.append(last - length)
        yield from starts


def _check_gaps(found):
    for start, window in found:
        if np.isnan(window).any():
            place = start + int(np.isnan(window).any(axis=0).argmax())
            raise ValueError(
                f"the recording has a missing value at timepoint {place}; pass gaps='drop' or "
                "'interpolate'."
            )


def _filled(window):
    """Fill missing values of (n_channels, length) linearly, from those of the window alone."""
    missing = np.isnan(window)
    if not missing.any() or missing.all(axis=1).any():
        return window
    time, filled = np.arange(window.shape[1]), window.copy()
    for values, absent in zip(filled, missing, strict=True):
        values[absent] = np.interp(time[absent], time[~absent], values[~absent])
    return filled


def _label(labels, changes):
    """Return the label of a window, or None if it is left out."""
    if changes == "last":
        return labels[-1]
    present = list(dict.fromkeys(label for label in labels if label is not None))
    if changes == "majority" and present:
        return max(present, key=lambda label: sum(label == other for other in labels))
    is_one = len(present) == 1 and all(label is not None for label in labels)
    return present[0] if is_one else None
