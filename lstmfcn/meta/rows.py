"""How are the samples of any X counted, taken and joined: arrays, lists, dicts of modalities?"""

import contextlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import issparse

from lstmfcn.features.mapped import empty_float32
from lstmfcn.pages import Pages, is_memory_mapped
from lstmfcn.validation import as_series, is_list_of_series

BLOCK = 2**24  # bytes that are copied at once


def check_rows(X):
    """Return X as an array, a list of series, or a dict of these, checked; mapped ones stay mapped.

    An array of two dimensions keeps them, so that any classifier of scikit-learn takes it; a list
    of vectors of equal length becomes one. A list of arrays (n_channels, n_timepoints_i) stays a
    list, so that other lengths may follow. Errors are those of ``as_series``, with the modality's
    name.
    """
    if isinstance(X, Mapping) and not issparse(X):  # a sparse matrix of keys is a dict, too
        checked = {}
        for name, values in X.items():
            with naming(name):
                checked[name] = check_rows(values)
        n_rows(checked)
        return checked
    series = as_series(X)
    if not isinstance(series, np.ndarray):
        return series
    if series.shape[1] == 1 and np.asarray(X).ndim == 2:
        return series[:, 0]  # as it came: (n_samples, 1, n_timepoints) stays what it is
    return list(series) if is_list_of_series(X) else series


def n_rows(X):
    """Count the samples of X; modalities that are None do not count.

    >>> n_rows([[1, 2], [3]]), n_rows({"audio": [[1], None, [2]], "text": None})
    (2, 3)
    """
    if not isinstance(X, Mapping) or issparse(X):
        is_sized = hasattr(X, "__len__") and not issparse(X)
        return len(X) if is_sized else len(as_series(X))
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
    """Take samples by their indices; of a memory-mapped array a large part is mapped, too.

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
    if is_memory_mapped(X):
        rows = np.arange(len(X))[rows]
        taken = RowBuffer(X, len(rows))
        taken.add(X, rows)
        return taken.rows()
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
            mapped = next(filter(is_memory_mapped, parts), None)
            if mapped is None:
                return np.concatenate(parts)
            joined = RowBuffer(mapped, sum(map(len, parts)))
            for part in parts:
                joined.add(part)
            return joined.rows()
    return [series for part in parts for series in part]


def stack_rows(series, shape, *sources):
    """Return series, which are made one by one, as an array of this shape; see `empty_array`."""
    out = empty_array(shape, *sources)
    pages = Pages(out)
    for row, one in zip(out, series, strict=True):
        row[:] = one.reshape(row.shape)
        pages.read(row.nbytes)
    return out


def empty_array(shape, *sources):
    """Return an uninitialised array of floats; a large one is mapped if one of the sources is.

    Sources are arrays that its values come from. Whole numbers become floats: mapped ones stay
    whole when they are checked, but mixtures and noise are fractions.
    """
    dtype = np.result_type(*sources, np.float32)
    if dtype == np.float32 and any(map(is_memory_mapped, sources)):
        return empty_float32(shape)
    return np.empty(shape, dtype)


class RowBuffer:
    """At most ``most`` samples like those of a checked X, which are added in turn.

    >>> buffer = RowBuffer(np.zeros((1, 2)), 5)
    >>> buffer.add(np.array([[1.0, 2.0], [3.0, 4.0]]), [1, 1])
    >>> buffer.rows().tolist()
    [[3.0, 4.0], [3.0, 4.0]]
    """

    def __init__(self, X, most):
        self._modalities = self._out = None
        if isinstance(X, Mapping):
            self._modalities = {name: RowBuffer(values, most) for name, values in X.items()}
        elif isinstance(X, np.ndarray):
            self._out, self._n_rows = empty_array((most, *X.shape[1:]), X), 0
            self._pages = Pages(self._out)
        else:
            self._list = []

    def add(self, X, rows=None):
        """Add the samples of X, or those of some rows."""
        rows = np.arange(n_rows(X)) if rows is None else np.asarray(rows)
        if self._modalities is not None:
            for name, buffer in self._modalities.items():
                buffer.add(X[name], rows)
        elif self._out is None:
            self._list += [X[row] for row in rows]
        else:
            pages, size = Pages(X), self._out.itemsize * math.prod(self._out.shape[1:])
            for block in np.array_split(rows, math.ceil(len(rows) * size / BLOCK) or 1):
                end = self._n_rows + len(block)
                self._out[self._n_rows : end] = X[block]
                self._n_rows = end
                pages.read(len(block) * size, len(block))
                self._pages.read(len(block) * size)

    def rows(self):
        """Return what was added as one X."""
        if self._modalities is not None:
            return {name: buffer.rows() for name, buffer in self._modalities.items()}
        return self._list if self._out is None else self._out[: self._n_rows]


@contextlib.contextmanager
def naming(modality):
    """Put the modality in front of what an error says: "modality 'audio': X is empty."."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"modality {modality!r}: {error}") from error
