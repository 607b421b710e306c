"""How good are predicted numbers, such as valence and arousal, and which of two is better?"""

from dataclasses import dataclass

import numpy as np

from lstmfcn.evaluation.bootstrap import bootstrap_sums, by_group, interval

ROUNDING = 1e-12  # a variance below this part of the mean square is 0 but for rounding errors

NUMBER_METRICS = {"ccc": "CCC", "mse": "MSE", "r2": "R2"}
"""Fields of the scores, and how they are printed.

CCC is Lin's concordance correlation coefficient, 1 at best: a correlation that a shift or another
scale of the predictions lowers. MSE is the mean squared error, in squared units of the truth.
R2 is 1 minus MSE divided by the variance of the truth.
"""


@dataclass(frozen=True)
class NumberScores:
    """What :func:`score_numbers` or :func:`compare_numbers` found.

    Attributes
    ----------
    n, n_groups : int
        Clips, and speakers (0 without groups).
    scores : dict of str to dict
        For each of :data:`NUMBER_METRICS` of one prediction its ``value``; of two predictions
        ``first``, ``second`` and ``difference`` (first minus second). The bounds of the 95 %
        bootstrap intervals of the value, or of the difference: ``clips``, and ``groups`` (None
        with fewer than two speakers).

    See Also
    --------
    score_numbers, compare_numbers : Make it.
    """

    n: int
    n_groups: int
    scores: dict


def score_numbers(y_true, y_pred, *, groups=None, n_bootstrap=2000, random_state=0):
    """Score predicted numbers, with intervals over clips and over speakers.

    Parameters
    ----------
    y_true, y_pred : array-like of float of shape (n_clips,)
        Finite; at least two true values differ.
    groups, n_bootstrap, random_state
        As for :func:`lstmfcn.evaluation.score_classes`.

    Returns
    -------
    NumberScores

    Raises
    ------
    ValueError
        If values are not finite, shapes differ, or all true values are equal.

    See Also
    --------
    compare_numbers : Two predictions of the same clips.
    lstmfcn.evaluation.score_classes : Predicted classes.

    References
    ----------
    Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility", Biometrics 45, 1989.

    Examples
    --------
    >>> from lstmfcn.evaluation import score_numbers
    >>> found = score_numbers([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    >>> [(name, round(score["value"], 3)) for name, score in found.scores.items()]
    [('ccc', 0.571), ('mse', 1.0), ('r2', -0.5)]
    """
    return _score(y_true, [y_pred], groups, n_bootstrap, random_state)


def compare_numbers(y_true, first, second, *, groups=None, n_bootstrap=2000, random_state=0):
    """Compare two predictions of the same clips, paired: both are drawn together.

    Parameters
    ----------
    y_true, first, second : array-like of float of shape (n_clips,)
        As for :func:`score_numbers`.
    groups, n_bootstrap, random_state
        As for :func:`lstmfcn.evaluation.score_classes`.

    Returns
    -------
    NumberScores

    Raises
    ------
    ValueError
        As :func:`score_numbers`.

    See Also
    --------
    score_numbers : One prediction.

    Examples
    --------
    >>> from lstmfcn.evaluation import compare_numbers
    >>> found = compare_numbers([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    >>> found.scores["mse"]["difference"]
    -1.0
    """
    return _score(y_true, [first, second], groups, n_bootstrap, random_state)


def _score(y_true, predictions, groups, n_bootstrap, random_state):
    truth, *predictions = _checked(y_true, predictions)
    n, middle = len(truth), truth.mean()  # centred, so that squares keep their digits
    moments = np.stack([_moments(truth - middle, one - middle) for one in predictions], axis=1)
    sums = {"clips": moments}  # (n_clips, n_predictions, 6)
    if groups is not None:
        if np.shape(groups) != (n,):
            raise ValueError(f"groups has the shape {np.shape(groups)}; pass one for each of {n}.")
        sums["groups"] = by_group(moments, groups)
    n_groups = len(sums.get("groups", ()))
    options = {"n_bootstrap": n_bootstrap, "random_state": random_state}
    drawn = {
        over: _measure(bootstrap_sums(units, **options))
        for over, units in sums.items()
        if over == "clips" or n_groups > 1
    }
    scores = {}
    for name, values in _measure(moments.sum(axis=0)).items():
        score = dict(zip(("first", "second"), values.tolist(), strict=False))
        score = {"value": score["first"]} if len(score) == 1 else score
        if len(values) > 1:
            score["difference"] = float(values[0] - values[1])
        for over in ("clips", "groups"):
            draws = drawn[over][name] if over in drawn else None
            score[over] = None if draws is None else _interval(draws)
        scores[name] = score
    return NumberScores(n, n_groups, scores)


def _interval(draws):
    """Return the interval of a value (n_draws, 1), or of a difference (n_draws, 2)."""
    draws = draws[:, 0] - draws[:, 1] if draws.shape[1] > 1 else draws[:, 0]
    draws = draws[np.isfinite(draws)]  # a draw of equal values has no R2
    return interval(draws) if len(draws) else None


def _moments(truth, predicted):
    """Return what each clip adds to the sums that the scores need: (n_clips, 6)."""
    ones = np.ones_like(truth)
    return np.stack(
        [ones, truth, predicted, truth**2, predicted**2, (truth - predicted) ** 2], axis=1
    )


def _measure(sums):
    """Return metric -> values (...) of sums of moments (..., 6)."""
    n, truth, predicted, truth_2, predicted_2, error_2 = np.moveaxis(sums, -1, 0)
    mean_t, mean_p, mse = truth / n, predicted / n, error_2 / n
    variance_t, variance_p = (
        np.where(squares / n - mean**2 > ROUNDING * squares / n, squares / n - mean**2, 0.0)
        for squares, mean in ((truth_2, mean_t), (predicted_2, mean_p))
    )
    # MSE = var_t + var_p - 2 cov + (mean_t - mean_p)^2, so that CCC = 2 cov / (...) follows.
    spread = variance_t + variance_p + (mean_t - mean_p) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"ccc": 1 - mse / spread, "mse": mse, "r2": 1 - mse / variance_t}


def _checked(y_true, predictions):
    """Return truth and predictions as finite float64 arrays of one length."""
    names = ("y_true", "y_pred") if len(predictions) == 1 else ("y_true", "first", "second")
    values = [np.asarray(one, dtype=np.float64) for one in (y_true, *predictions)]
    for name, one in zip(names, values, strict=True):
        if one.shape != (len(values[0]),) or not len(one):
            raise ValueError(
                f"{name} has the shape {one.shape}, and y_true {values[0].shape}; pass one number "
                "for each of at least two clips."
            )
        if not np.isfinite(one).all():
            row = int(np.flatnonzero(~np.isfinite(one))[0])
            raise ValueError(f"{name} is {one[row]} in row {row}; pass finite numbers.")
    if np.ptp(values[0]) == 0:
        raise ValueError(
            f"all {len(values[0])} true values are {values[0][0]:g}; CCC and R2 need at least two "
            "that differ."
        )
    return values
