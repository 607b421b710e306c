"""Which of several classifiers is better over many datasets? Ranks, tests, cliques.

Arrays in, arrays out. ``scores`` is always (n_datasets, n_classifiers), one number per pair, and
more is better. Scores that are equal but for rounding are ties.

References
----------
Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006: mean ranks,
Friedman's, Wilcoxon's and Nemenyi's tests. Holm, "A Simple Sequentially Rejective Multiple Test
Procedure", Scandinavian Journal of Statistics 6(2), 1979. Kerby, "The Simple Difference Formula",
Comprehensive Psychology 3, 2014: rank-biserial correlation. Wang, Yan, Oates, "Time Series
Classification from Scratch with Deep Neural Networks: A Strong Baseline", 2017, arXiv:1611.06455:
mean per-class error. Benavoli, Corani, Mangili, "Should We Really Use Post-Hoc Tests Based on
Mean-Ranks?", JMLR 17, 2016: pairwise tests in diagrams.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats

from lstmfcn.validation import check_choice


def rank(scores, ties="average"):
    """Rank the classifiers on each dataset, 1 being the best: shape as ``scores``.

    With ``ties="average"`` tied scores get the mean of their places: Friedman's test needs it, and
    all tables here have it. With "min" they get the best place, as in the LSTM-FCN papers.
    """
    check_choice(ties, "ties", ("average", "min"))
    return scipy.stats.rankdata(-np.round(_table(scores), 12), method=ties, axis=1).astype(float)


def mean_ranks(scores, *, mean="arithmetic", ties="average"):
    """Return each classifier's mean rank over the datasets, "arithmetic" or "geometric"."""
    check_choice(mean, "mean", ("arithmetic", "geometric"))
    ranks = rank(scores, ties)
    return ranks.mean(axis=0) if mean == "arithmetic" else scipy.stats.gmean(ranks, axis=0)


def mean_per_class_error(accuracies, n_classes):
    """Return the MPCE: the mean over datasets of the error divided by the number of classes.

    Accuracies have the shape (n_datasets,) or (n_datasets, n_classifiers); so has the result,
    without its first dimension.
    """
    errors, n_classes = 1.0 - np.asarray(accuracies, dtype=float), np.asarray(n_classes)
    if n_classes.shape != errors.shape[:1]:
        raise ValueError(
            f"n_classes has shape {n_classes.shape}, but there are {errors.shape[0]} datasets; "
            "pass one number per dataset."
        )
    result = (errors.T / n_classes).mean(axis=-1)
    return float(result) if result.ndim == 0 else result


def wins_ties_losses(a, b):
    """Count the datasets on which ``a`` is better than, equal to and worse than ``b``."""
    difference = _differences(a, b)
    return tuple(int((np.sign(difference) == sign).sum()) for sign in (1, 0, -1))


def wilcoxon(a, b):
    """Return the two-sided p-value of Wilcoxon's signed-rank test; 1 without any difference.

    Datasets without a difference are left out, as in the LSTM-FCN papers.
    """
    difference = _differences(a, b)
    difference = difference[difference != 0]
    return float(scipy.stats.wilcoxon(difference).pvalue) if len(difference) else 1.0


def rank_biserial(a, b):
    """Return the matched-pairs rank-biserial correlation, the effect size to Wilcoxon's test.

    It is 1 if ``a`` is better wherever they differ, -1 if ``b`` is, 0 if neither.
    """
    difference = _differences(a, b)
    difference = difference[difference != 0]
    if not len(difference):
        return 0.0
    ranks = scipy.stats.rankdata(np.abs(difference))
    return float(np.sum(np.sign(difference) * ranks) / ranks.sum())


def holm(p_values):
    """Adjust p-values, shape (n_tests,), for their number by Holm's step-down method.

    A hypothesis is rejected at level alpha where its adjusted value is at most alpha.
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    return adjusted


def friedman(scores):
    """Test whether the mean ranks of three or more classifiers differ at all.

    Returns Friedman's chi-squared, without correction for ties, as Demsar gives it; Iman and
    Davenport's less conservative statistic, infinite if all datasets agree; and its p-value.
    """
    n_datasets, k = np.shape(scores)
    if k < 3 or n_datasets < 2:
        raise ValueError(
            f"Friedman's test needs three classifiers on two datasets, not {k} on {n_datasets}; "
            "compare two by wilcoxon."
        )
    ranks = mean_ranks(scores)
    statistic = 12.0 * n_datasets / (k * (k + 1)) * (np.sum(ranks**2) - k * (k + 1) ** 2 / 4.0)
    rest = n_datasets * (k - 1) - statistic
    f_statistic = (n_datasets - 1) * statistic / rest if rest > 1e-9 else np.inf
    p_value = scipy.stats.f.sf(f_statistic, k - 1, (k - 1) * (n_datasets - 1))
    return float(statistic), float(f_statistic), float(p_value)


def critical_difference(n_classifiers, n_datasets, alpha=0.05):
    """Return the distance of mean ranks from which on they differ by Nemenyi's test."""
    q = scipy.stats.studentized_range.ppf(1.0 - alpha, n_classifiers, np.inf) / np.sqrt(2.0)
    return float(q * np.sqrt(n_classifiers * (n_classifiers + 1) / (6.0 * n_datasets)))


@dataclass(frozen=True)
class Comparison:
    """Which classifiers differ over all datasets; everything is in the order of ``names``."""

    names: list  # best mean rank first
    mean_ranks: np.ndarray  # (n_classifiers,)
    p_values: np.ndarray  # of each pair, (n_classifiers, n_classifiers)
    differs: np.ndarray  # bool, (n_classifiers, n_classifiers)
    cliques: list  # first and last place of each longest stretch in which no two differ
    n_datasets: int
    critical_difference: float | None = None  # of Nemenyi's test


def compare(scores, names, *, test="wilcoxon-holm", alpha=0.05):
    """Compare all pairs of classifiers, as a critical-difference diagram shows it.

    Wilcoxon's signed-rank test with Holm's adjustment depends on the two of a pair alone, "nemenyi"
    also on all other classifiers.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha!r} must be a number in (0, 1).")
    check_choice(test, "test", ("wilcoxon-holm", "nemenyi"))
    scores, names = _table(scores), list(names)
    n_datasets, n_classifiers = scores.shape
    if len(names) != n_classifiers or len(set(names)) != n_classifiers:
        raise ValueError(
            f"names has {len(set(names))} different entries, but there are {n_classifiers} "
            "classifiers; name each one differently."
        )
    ranks = mean_ranks(scores)
    order = np.argsort(ranks, kind="stable")
    scores, ranks = scores[:, order], ranks[order]
    first, second = np.triu_indices(n_classifiers, k=1)
    distance = None
    if test == "wilcoxon-holm":
        pairs = zip(first, second, strict=True)
        p = holm([wilcoxon(scores[:, i], scores[:, j]) for i, j in pairs])
    else:
        distance = critical_difference(n_classifiers, n_datasets, alpha)
        unit = np.sqrt(n_classifiers * (n_classifiers + 1) / (12.0 * n_datasets))
        apart = (ranks[second] - ranks[first]) / unit
        p = scipy.stats.studentized_range.sf(apart, n_classifiers, np.inf)
    p_values = np.ones((n_classifiers, n_classifiers))
    p_values[first, second] = p_values[second, first] = p
    differs = p_values <= alpha
    names = [names[i] for i in order]
    return Comparison(names, ranks, p_values, differs, _cliques(differs), n_datasets, distance)


def _cliques(differs):
    """Return the longest stretches of the order without a differing pair, of two and more."""
    n, found = len(differs), []
    for start in range(n):
        end = start
        while end + 1 < n and not differs[start : end + 1, end + 1].any():
            end += 1
        if end > start and not (found and found[-1][1] >= end):
            found.append((start, end))
    return found


def _table(scores):
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(
            f"scores has shape {scores.shape}; pass (n_datasets, n_classifiers), neither empty."
        )
    if not np.isfinite(scores).all():
        raise ValueError(
            "scores has a missing value; compare on the datasets that all classifiers have."
        )
    return scores


def _differences(a, b):
    """Return a - b of two equally long rows; differences equal but for rounding become equal."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"the scores have shapes {a.shape} and {b.shape}; pass two equal rows.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("the scores have a missing value; compare where both have one.")
    return np.round(a - b, 12)
