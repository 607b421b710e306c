"""How would a score vary with other samples, or other groups of samples? Bootstrap intervals."""

import numpy as np
from sklearn.utils import check_random_state

from lstmfcn.validation import check_counts, is_missing

FEW_GROUPS = 10  # an interval over fewer of them is rough
LARGEST_BLOCK = 2**22  # weights that are drawn at a time


def bootstrap(counts, n_bootstrap=2000, random_state=0):
    """Draw samples with replacement, count them again: int (n_bootstrap, *counts.shape).

    The counts of a draw of n samples are multinomial (Efron, Annals of Statistics 7(1), 1979).
    """
    check_counts(n_bootstrap=n_bootstrap)
    counts = np.asarray(counts)
    n = counts.sum()
    draws = check_random_state(random_state).multinomial(n, counts.ravel() / n, size=n_bootstrap)
    return draws.reshape(n_bootstrap, *counts.shape)


def bootstrap_sums(sums, counts=None, *, n_bootstrap=2000, random_state=0):
    """Draw units with replacement, as many as there are, and add up what they hold.

    Units are samples, or groups with all their samples: the cluster bootstrap.

    Parameters
    ----------
    sums : array of shape (n_units, *shape)
        What each unit adds to the sums from which a score follows.
    counts : int array of shape (n_units,), optional
        How many equal units each row stands for; by default one.
    n_bootstrap : int, default=2000
    random_state : int or RandomState, default=0

    Returns
    -------
    float64 array of shape (n_bootstrap, *shape)

    See Also
    --------
    lstmfcn.evaluation.score_classes, lstmfcn.evaluation.score_numbers : Use it.

    References
    ----------
    Davison, Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8, on clusters.

    Examples
    --------
    >>> from lstmfcn.evaluation.bootstrap import bootstrap_sums
    >>> bootstrap_sums([[1, 10], [2, 20]], n_bootstrap=3).astype(int).tolist()
    [[3, 30], [3, 30], [3, 30]]
    """
    check_counts(n_bootstrap=n_bootstrap)
    sums = np.asarray(sums, dtype=np.float64)
    counts = np.ones(len(sums), dtype=int) if counts is None else np.asarray(counts)
    n, rng, flat = counts.sum(), check_random_state(random_state), sums.reshape(len(sums), -1)
    drawn = np.empty((n_bootstrap, flat.shape[1]))
    step = max(1, LARGEST_BLOCK // len(sums))
    for start in range(0, n_bootstrap, step):
        block = drawn[start : start + step]
        block[:] = rng.multinomial(n, counts / n, size=len(block)) @ flat
    return drawn.reshape(n_bootstrap, *sums.shape[1:])


def by_group(sums, groups):
    """Add up the rows of ``sums`` (n_samples, *shape) for each of the values of ``groups``."""
    check_groups(groups)
    _, codes = np.unique(groups, return_inverse=True)
    added = np.zeros((codes.max() + 1, *sums.shape[1:]))
    np.add.at(added, codes, sums)
    return added


def check_groups(groups):
    """Refuse groups of which some are missing."""
    rows = [row for row, group in enumerate(np.asarray(groups).tolist()) if is_missing(group)]
    if rows:
        raise ValueError(f"groups has none in row {rows[0]}; name one, or leave such clips out.")


def interval(draws):
    """Return the middle 95 % of the draws, as two floats."""
    return tuple(np.percentile(draws, [2.5, 97.5]).tolist())
