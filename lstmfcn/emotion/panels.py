"""Which series belong to a row, whether X is an array, a list or a dict of modalities?"""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils import check_random_state

from lstmfcn.preprocessing import is_memory_mapped, take
from lstmfcn.validation import LARGEST_SEED, as_series

__all__ = ["as_panel", "join_panels", "n_rows", "seeded_clone", "take_rows"]


def as_panel(X):
    """Check series, of one modality or of several.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints), \
list of arrays of shape (n_channels, n_timepoints_i), or dict of str to one of these

    Returns
    -------
    ndarray, list of ndarray, or dict of str to these
        Finite numbers, in memory. What had two dimensions still has two, so that any classifier of
        scikit-learn takes it; a list of equal lengths has become an array.

    Raises
    ------
    ValueError, TypeError
        As :func:`lstmfcn.validation.as_series`, with the modality's name in front; or if
        modalities differ in their number of series.

    Examples
    --------
    >>> from lstmfcn.emotion.panels import as_panel
    >>> as_panel([[1, 2, 3], [4, 5, 6]]).shape
    (2, 3)
    >>> X = as_panel({"audio": [[[1, 2]]], "text": [[[1, 2, 3], [4, 5, 6]]]})
    >>> {name: series.shape for name, series in X.items()}
    {'audio': (1, 1, 2), 'text': (1, 2, 3)}
    """
    if not isinstance(X, Mapping) or issparse(X):  # a sparse matrix of keys is a dict, too
        series = as_series(X)
        # Only of two dimensions as they came: (n_samples, 1, n_timepoints) stays what it is.
        is_array = isinstance(series, np.ndarray)
        is_flat = is_array and series.shape[1] == 1 and np.asarray(X).ndim == 2
        series = series[:, 0] if is_flat else series
        return np.array(series) if is_memory_mapped(series) else series
    if not X:
        raise ValueError("X is an empty dict; pass the series of at least one modality.")
    panels = {}
    for name, values in X.items():
        try:
            panels[name] = as_panel(values)
        except (TypeError, ValueError) as error:
            raise type(error)(f"modality {name!r}: {error}") from None
    sizes = {name: len(series) for name, series in panels.items()}
    if len(set(sizes.values())) > 1:
        counts = ", ".join(f"{size} of {name!r}" for name, size in sizes.items())
        raise ValueError(
            f"the modalities differ in their number of series: {counts}; pass one per "
            "clip and modality."
        )
    return panels


def n_rows(panel):
    """Return how many samples a checked panel has."""
    return len(next(iter(panel.values())) if isinstance(panel, Mapping) else panel)


def take_rows(panel, rows):
    """Return some samples of a checked panel.

    Parameters
    ----------
    panel : as :func:`as_panel` returns it
    rows : int array of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.panels import take_rows
    >>> take_rows({"a": np.array([[1.0], [2.0]])}, np.array([1]))
    {'a': array([[2.]])}
    """
    if isinstance(panel, Mapping):
        return {name: take(series, rows) for name, series in panel.items()}
    return take(panel, rows)


def join_panels(panels):
    """Return the samples of several checked panels, one after the other.

    Series of unequal length become a list.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.panels import join_panels
    >>> join_panels([np.zeros((1, 2, 3)), np.zeros((2, 2, 3))]).shape
    (3, 2, 3)
    >>> [x.shape for x in join_panels([np.zeros((1, 2, 3)), [np.zeros((2, 4))]])]
    [(2, 3), (2, 4)]
    """
    panels = list(panels)
    if isinstance(panels[0], Mapping):
        return {name: join_panels([panel[name] for panel in panels]) for name in panels[0]}
    if all(isinstance(panel, np.ndarray) for panel in panels):
        if len({panel.shape[1:] for panel in panels}) == 1:
            return np.concatenate(panels)
    return [series for panel in panels for series in panel]


def seeded_clone(estimator, random_state=None):
    """Return an unfitted copy whose every ``random_state`` is drawn from ``random_state``.

    Parameters
    ----------
    estimator : estimator
        Nested ones (``estimator__random_state``) are seeded, too.
    random_state : int, RandomState or None, default=None
        None leaves the seeds as they are.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from lstmfcn.emotion.panels import seeded_clone
    >>> forest = RandomForestClassifier(n_estimators=5)
    >>> [seeded_clone(forest, seed).random_state for seed in (0, 0, None)]
    [209652396, 209652396, None]
    """
    copy = clone(estimator)
    if random_state is None:
        return copy
    rng = check_random_state(random_state)
    names = sorted(copy.get_params(deep=True))
    seeds = {
        name: int(rng.randint(LARGEST_SEED))
        for name in names
        if name == "random_state" or name.endswith("__random_state")
    }
    return copy.set_params(**seeds)
