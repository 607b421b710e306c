"""How are the samples of any X counted, taken and joined: arrays, lists, dicts of modalities?"""

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import issparse

from lstmfcn.pages import is_memory_mapped
from lstmfcn.validation import as_series


def check_rows(X):
    """Return X as an array, a list of series, or a dict of these, checked and in memory.

    An array of two dimensions keeps them, so that any classifier of scikit-learn takes it; a list
    of equal lengths becomes an array. Errors are those of ``as_series``, with the modality's name.
    """
    if isinstance(X, Mapping) and not issparse(X):  # a sparse matrix of keys is a dict, too
        checked = {}
        for name, values in X.items():
            with naming(name):
                checked[name] = check_rows(values)
        n_rows(checked)
        return checked
    series = as_series(X)
    if isinstance(series, np.ndarray) and series.shape[1] == 1 and np.asarray(X).ndim == 2:
        series = series[:, 0]  # as it came: (n_samples, 1, n_timepoints) stays what it is
    return np.array(series) if is_memory_mapped(series) else series


def n_rows(X):
    """Count the samples of X; modalities that are None do not count.

    >>> n_rows([[1, 2], [3]]), n_rows({"audio": [[1], None, [2]], "text": None})
    (2, 3)
    """
    if not isinstance(X, Mapping):
        return len(X) if hasattr(X, "__len__") else len(as_series(X))
    counts = {name: n_rows(values) for name, values in X.items() if values is not None}
    if not counts:
        raise ValueError("X has no modality; pass the series of at least one.")
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} of {name!r}" for name, count in counts.items())
        raise ValueError(
            f"the modalities of X differ in their number of samples ({found}); pass one series per "
            "sample in each. FusionClassifier takes None in a list for a sample without the "
            "modality."
        )
    return next(iter(counts.values()))


def take_rows(X, rows):
    """Take samples by their indices; what is memory-mapped is read.

    A sequence that is no list, such as ``ClipSequences``, takes the indices itself.
    """
    if X is None:
        return None
    if isinstance(X, Mapping):
        return {name: take_rows(values, rows) for name, values in X.items()}
    if isinstance(X, list | tuple):
        return [X[row] for row in rows]
    if hasattr(X, "iloc"):  # a data frame
        return X.iloc[rows]
    return X[rows] if isinstance(X, Sequence) else np.asarray(X)[rows]


def join_rows(parts):
    """Return the samples of several checked X, one after the other; unequal lengths are a list.

    >>> [x.shape for x in join_rows([np.zeros((1, 2, 3)), [np.zeros((2, 4))]])]
    [(2, 3), (2, 4)]
    """
    parts = list(parts)
    if isinstance(parts[0], Mapping):
        return {name: join_rows([part[name] for part in parts]) for name in parts[0]}
    if all(isinstance(part, np.ndarray) for part in parts):
        if len({part.shape[1:] for part in parts}) == 1:
            return np.concatenate(parts)
    return [series for part in parts for series in part]


@contextlib.contextmanager
def naming(modality):
    """Put the modality in front of what an error says: "modality 'audio': X is empty."."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"modality {modality!r}: {error}") from error
