"""Which of several classifiers is better over many datasets? Ranks, tests, cliques.

Arrays in, arrays out. ``scores`` is always (n_datasets, n_classifiers), one number per pair, and
more is better.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats

__all__ = [
    "Comparison",
    "compare",
    "critical_difference",
    "friedman",
    "holm",
    "mean_per_class_error",
    "mean_ranks",
    "rank",
    "rank_biserial",
    "sidak",
    "wilcoxon",
    "wins_ties_losses",
]


def rank(scores, ties="average"):
    """Rank the classifiers on each dataset, 1 being the best.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
    ties : {"average", "min"}, default="average"
        What scores get that are equal but for rounding: the mean of their places, as Friedman's
        test needs it and all tables here have it, or the best of them, as in the tables of the
        LSTM-FCN papers.

    Returns
    -------
    ndarray of shape (n_datasets, n_classifiers)

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import rank
    >>> rank([[0.9, 0.8, 0.9]]).tolist(), rank([[0.9, 0.8, 0.9]], ties="min").tolist()
    ([[1.5, 3.0, 1.5]], [[1.0, 3.0, 1.0]])
    """
    if ties not in ("average", "min"):
        raise ValueError(f"ties={ties!r} is unknown; choose 'average' or 'min'.")
    return scipy.stats.rankdata(-np.round(_table(scores), 12), method=ties, axis=1).astype(float)


def mean_ranks(scores, *, mean="arithmetic", ties="average"):
    """Return each classifier's mean rank over the datasets.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
    mean : {"arithmetic", "geometric"}, default="arithmetic"
    ties : {"average", "min"}, default="average"
        See :func:`rank`.

    Returns
    -------
    ndarray of shape (n_classifiers,)

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import mean_ranks
    >>> scores = [[0.9, 0.8], [0.7, 0.8], [0.9, 0.6], [0.9, 0.5]]
    >>> mean_ranks(scores).tolist(), mean_ranks(scores, mean="geometric").round(3).tolist()
    ([1.25, 1.75], [1.189, 1.682])
    """
    ranks = rank(scores, ties)
    if mean == "arithmetic":
        return ranks.mean(axis=0)
    if mean == "geometric":
        return scipy.stats.gmean(ranks, axis=0)
    raise ValueError(f"mean={mean!r} is unknown; choose 'arithmetic' or 'geometric'.")


def mean_per_class_error(accuracies, n_classes):
    """Return the MPCE: the mean over datasets of the error divided by the number of classes.

    Parameters
    ----------
    accuracies : array-like of shape (n_datasets,) or (n_datasets, n_classifiers)
        In [0, 1].
    n_classes : array-like of shape (n_datasets,)

    Returns
    -------
    float or ndarray of shape (n_classifiers,)

    References
    ----------
    Wang, Yan, Oates, "Time Series Classification from Scratch with Deep Neural Networks: A
    Strong Baseline", 2017, arXiv:1611.06455.

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import mean_per_class_error
    >>> round(mean_per_class_error([0.9, 0.6], [2, 4]), 3)
    0.075
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
    """Count the datasets on which ``a`` is better than, equal to and worse than ``b``.

    Parameters
    ----------
    a, b : array-like of shape (n_datasets,)

    Returns
    -------
    (int, int, int)

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import wins_ties_losses
    >>> wins_ties_losses([0.9, 0.8, 0.7], [0.9, 0.7, 0.6])
    (2, 1, 0)
    """
    difference = _differences(a, b)
    return tuple(int((np.sign(difference) == sign).sum()) for sign in (1, 0, -1))


def wilcoxon(a, b, zero_method="wilcox"):
    """Return the two-sided p-value of Wilcoxon's signed-rank test.

    Parameters
    ----------
    a, b : array-like of shape (n_datasets,)
    zero_method : {"wilcox", "pratt", "zsplit"}, default="wilcox"
        What becomes of datasets without a difference: left out (as in the papers), ranked and
        then left out, or shared by both sides.

    Returns
    -------
    float in [0, 1]
        1 if there is no difference at all.

    References
    ----------
    Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1(6), 1945.

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import wilcoxon
    >>> wilcoxon([0.9, 0.8, 0.7, 0.9, 0.6], [0.8, 0.6, 0.4, 0.5, 0.1])
    0.0625
    """
    difference = _differences(a, b)
    if not difference.any():
        return 1.0
    return float(scipy.stats.wilcoxon(difference, zero_method=zero_method).pvalue)


def rank_biserial(a, b):
    """Return the matched-pairs rank-biserial correlation, the effect size to Wilcoxon's test.

    Parameters
    ----------
    a, b : array-like of shape (n_datasets,)

    Returns
    -------
    float in [-1, 1]
        1 if ``a`` is better wherever they differ, -1 if ``b`` is, 0 if neither.

    References
    ----------
    Kerby, "The Simple Difference Formula", Comprehensive Psychology 3, 2014.

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import rank_biserial
    >>> rank_biserial([0.9, 0.8, 0.7], [0.8, 0.6, 0.8])
    0.5
    """
    difference = _differences(a, b)
    difference = difference[difference != 0]
    if not len(difference):
        return 0.0
    ranks = scipy.stats.rankdata(np.abs(difference))
    return float(np.sum(np.sign(difference) * ranks) / ranks.sum())


def holm(p_values):
    """Adjust p-values for their number by Holm's step-down method.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,)

    Returns
    -------
    ndarray of shape (n_tests,)
        At most 1; a hypothesis is rejected at level alpha where its value is at most alpha.

    References
    ----------
    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
    Statistics 6(2), 1979.

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import holm
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    return adjusted


def sidak(alpha, n_comparisons):
    """Return the level at which each of several comparisons is tested, after Dunn and Sidak.

    Parameters
    ----------
    alpha : float in (0, 1)
        The level for all of them together.
    n_comparisons : int
        13 for one of 14 classifiers against each other one, 91 for all pairs.

    Returns
    -------
    float

    References
    ----------
    Sidak, "Rectangular Confidence Regions for the Means of Multivariate Normal Distributions",
    JASA 62, 1967.

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import sidak
    >>> round(sidak(0.05, 11), 5)
    0.00465
    """
    return 1.0 - (1.0 - alpha) ** (1.0 / n_comparisons)


def friedman(scores):
    """Test whether the classifiers' mean ranks differ at all.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
        Of at least three classifiers on at least two datasets.

    Returns
    -------
    statistic : float
        Friedman's chi-squared, without correction for ties, as Demsar gives it.
    f_statistic : float
        Iman and Davenport's less conservative one; infinite if all datasets agree.
    p_value : float
        Of ``f_statistic``.

    References
    ----------
    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006.

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import friedman
    >>> statistic, f_statistic, p_value = friedman([[3, 2, 1], [3, 1, 2], [3, 2, 1], [2, 3, 1]])
    >>> round(statistic, 2), round(f_statistic, 2), round(p_value, 3)
    (4.5, 3.86, 0.084)
    """
    n_datasets, n_classifiers = np.shape(scores)
    if n_classifiers < 3 or n_datasets < 2:
        raise ValueError(
            f"Friedman's test needs three classifiers on two datasets, not {n_classifiers} on "
            f"{n_datasets}; compare two by wilcoxon."
        )
    k, ranks = n_classifiers, mean_ranks(scores)
    statistic = 12.0 * n_datasets / (k * (k + 1)) * (np.sum(ranks**2) - k * (k + 1) ** 2 / 4.0)
    rest = n_datasets * (k - 1) - statistic
    f_statistic = (n_datasets - 1) * statistic / rest if rest > 1e-9 else np.inf
    p_value = scipy.stats.f.sf(f_statistic, k - 1, (k - 1) * (n_datasets - 1))
    return float(statistic), float(f_statistic), float(p_value)


def critical_difference(n_classifiers, n_datasets, alpha=0.05):
    """Return how far two mean ranks must be apart to differ, by Nemenyi's test.

    Parameters
    ----------
    n_classifiers, n_datasets : int
    alpha : float in (0, 1), default=0.05

    Returns
    -------
    float

    References
    ----------
    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006.

    Examples
    --------
    >>> from lstmfcn.evaluation.ranking import critical_difference
    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    q = scipy.stats.studentized_range.ppf(1.0 - alpha, n_classifiers, np.inf) / np.sqrt(2.0)
    return float(q * np.sqrt(n_classifiers * (n_classifiers + 1) / (6.0 * n_datasets)))


@dataclass(frozen=True)
class Comparison:
    """Which classifiers differ, over all datasets.

    Attributes
    ----------
    names : list of str
        The classifiers, best mean rank first; everything below is in this order.
    mean_ranks : ndarray of shape (n_classifiers,)
    p_values : ndarray of shape (n_classifiers, n_classifiers)
        Of each pair, adjusted for the number of pairs (``"wilcoxon-holm"``) or of Nemenyi's test.
    differs : bool ndarray of shape (n_classifiers, n_classifiers)
    cliques : list of (int, int)
        First and last place of each longest stretch of the order in which no two differ.
    test : str
    alpha : float
    n_datasets : int
    critical_difference : float or None
        Of ``"nemenyi"``.
    """

    names: list
    mean_ranks: np.ndarray
    p_values: np.ndarray
    differs: np.ndarray
    cliques: list
    test: str
    alpha: float
    n_datasets: int
    critical_difference: float | None = None


def compare(scores, names, *, test="wilcoxon-holm", alpha=0.05):
    """Compare all pairs of classifiers, as a critical-difference diagram shows it.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
    names : sequence of str
    test : {"wilcoxon-holm", "nemenyi"}, default="wilcoxon-holm"
        Wilcoxon's signed-rank test with Holm's adjustment depends on the two of a pair alone;
        Nemenyi's test also on which others are compared.
    alpha : float in (0, 1), default=0.05

    Returns
    -------
    Comparison

    References
    ----------
    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006.
    Benavoli, Corani, Mangili, "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?", JMLR
    17, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.evaluation.ranking import compare
    >>> worse = np.random.RandomState(0).uniform(0.5, 0.8, 20)
    >>> result = compare(np.column_stack([worse, worse + 0.1, worse + 0.11]), ["A", "B", "C"])
    >>> result.names, result.mean_ranks.tolist(), result.cliques
    (['C', 'B', 'A'], [1.0, 2.0, 3.0], [])
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha!r} must be a number in (0, 1).")
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
    elif test == "nemenyi":
        distance = critical_difference(n_classifiers, n_datasets, alpha)
        unit = np.sqrt(n_classifiers * (n_classifiers + 1) / (12.0 * n_datasets))
        apart = (ranks[second] - ranks[first]) / unit
        p = scipy.stats.studentized_range.sf(apart, n_classifiers, np.inf)
    else:
        raise ValueError(f"test={test!r} is unknown; choose 'wilcoxon-holm' or 'nemenyi'.")
    p_values = np.ones((n_classifiers, n_classifiers))
    p_values[first, second] = p_values[second, first] = p
    differs = p_values <= alpha
    return Comparison(
        [names[i] for i in order],
        ranks,
        p_values,
        differs,
        _cliques(differs),
        test,
        alpha,
        n_datasets,
        distance,
    )


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
