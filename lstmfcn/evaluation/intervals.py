"""How certain is a mean over few runs?"""

import numpy as np
from scipy import stats


def mean_interval(scores, confidence=0.95):
    """Return Student's interval of a mean over runs.

    It covers the mean under other seeds, not under other test cases.

    Parameters
    ----------
    scores : array-like of shape (n_runs,) or (n_runs, n_levels)
    confidence : float in (0, 1), default=0.95

    Returns
    -------
    low, high : float64 arrays of shape () or (n_levels,)
        NaN for a single run.

    See Also
    --------
    paired_interval

    References
    ----------
    Student, "The Probable Error of a Mean", Biometrika 6, 1908.

    Examples
    --------
    >>> from lstmfcn.evaluation.intervals import mean_interval
    >>> [round(float(end), 3) for end in mean_interval([0.7, 0.8, 0.9])]
    [0.552, 1.048]
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} must be a number in (0, 1).")
    scores = np.asarray(scores, dtype=np.float64)
    if not scores.ndim or not len(scores):
        raise ValueError("there are no scores; pass the score of at least one run.")
    n_runs = len(scores)
    if n_runs < 2:
        return np.full(scores.shape[1:], np.nan), np.full(scores.shape[1:], np.nan)
    mean, error = scores.mean(axis=0), scores.std(axis=0, ddof=1) / np.sqrt(n_runs)
    reach = stats.t.ppf((1 + confidence) / 2, n_runs - 1) * error
    return mean - reach, mean + reach


def paired_interval(ours, theirs, confidence=0.95):
    """Return the mean difference of runs with the same seeds, and its interval.

    Parameters
    ----------
    ours, theirs : array-like of shape (n_runs,)
    confidence : float in (0, 1), default=0.95

    Returns
    -------
    difference, low, high : float

    See Also
    --------
    mean_interval

    Examples
    --------
    >>> from lstmfcn.evaluation.intervals import paired_interval
    >>> [round(value, 3) for value in paired_interval([0.8, 0.9, 0.7], [0.7, 0.9, 0.5])]
    [0.1, -0.148, 0.348]
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        raise ValueError(
            f"{len(ours)} and {len(theirs)} runs cannot be paired; pass one of each per seed."
        )
    low, high = mean_interval(ours - theirs, confidence)
    return float((ours - theirs).mean()), float(low), float(high)
