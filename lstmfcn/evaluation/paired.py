"""Which of two systems is better on the same samples, and how sure is it?"""

import math

import scipy.stats

from lstmfcn.evaluation.bootstrap import interval
from lstmfcn.evaluation.counts import COUNTED, measure_tallies, tallies


def pair_of(joint):
    """Return either system's tallies, (..., 3, n_classes) each.

    ``joint`` counts samples by class and both predictions: (..., n_classes, n_classes + 1,
    n_classes + 1).
    """
    return tallies(joint.sum(axis=-1)), tallies(joint.sum(axis=-2))


def measure_pair(pair, systems):
    """Return metric -> system -> value, a float or an array of shape (n_draws,)."""
    found = {name: measure_tallies(one) for name, one in zip(systems, pair, strict=True)}
    return {metric: {name: found[name][metric] for name in systems} for metric in COUNTED}


def paired_scores(pair, drawn, systems):
    """Return metric -> scores of both systems, difference (first minus second), and intervals.

    ``pair`` is what :func:`pair_of` returns, and ``drawn`` the same of bootstrap draws.
    """
    scores, draws = measure_pair(pair, systems), measure_pair(drawn, systems)
    first, second = systems
    for metric, score in scores.items():
        low, high = interval(draws[metric][first] - draws[metric][second])
        score |= {"difference": score[first] - score[second], "low": low, "high": high}
        score |= {f"{system}_interval": interval(draws[metric][system]) for system in systems}
    return scores


def paired_recalls(classes, pair, drawn, systems):
    """Return a row for each class: its recalls, with their intervals over the draws that have it.

    Columns are ``class``, ``n``, and for both systems their name and their name with
    ``_interval``; None where n is 0.
    """
    rows = []
    for i, name in enumerate(classes):
        n = int(pair[0][1, i])
        row = {"class": name, "n": n}
        for system, (right, *_), draws in zip(systems, pair, drawn, strict=True):
            row[system], row[f"{system}_interval"] = None, None
            if n:
                drawn_right, n_drawn, _ = draws[..., i].T
                recalls = drawn_right[n_drawn > 0] / n_drawn[n_drawn > 0]
                row[system] = float(right[i] / n)
                row[f"{system}_interval"] = interval(recalls) if len(recalls) else (math.nan,) * 2
        rows.append(row)
    return rows


def mcnemar(only_first, only_second):
    """Return the exact two-sided p-value of McNemar's test.

    Parameters
    ----------
    only_first, only_second : int
        Samples that only the first, or only the second, of two systems has right.

    Returns
    -------
    float in [0, 1]
        The probability of a split at least as uneven, if both sides are equally likely.

    See Also
    --------
    lstmfcn.evaluation.compare_classes : Compares two predictions.

    References
    ----------
    McNemar, "Note on the Sampling Error of the Difference Between Correlated Proportions or
    Percentages", Psychometrika 12(2), 1947.

    Examples
    --------
    >>> from lstmfcn.evaluation.paired import mcnemar
    >>> mcnemar(9, 1) == 2 * (1 + 10) / 2**10, mcnemar(0, 0)
    (True, 1.0)
    """
    n = only_first + only_second
    return float(scipy.stats.binomtest(only_first, n).pvalue) if n else 1.0
