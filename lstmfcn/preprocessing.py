"""How do checked series become the network's input? Normalised, of one length, in Keras' order.

Public axis order is (n_samples, n_channels, n_timepoints); :func:`to_keras` is the one place where
it becomes (n_samples, n_timepoints, n_channels). A memory-mapped array is converted batch by batch,
when its rows are asked for; anything else at once.
"""

import mmap
from dataclasses import dataclass

import numpy as np

from lstmfcn.warning import warn

__all__ = [
    "MappedRows",
    "Normalizer",
    "OnDemand",
    "is_memory_mapped",
    "take",
    "to_keras",
    "without_weightless",
]

VALUES_AT_A_TIME = 2**22  # converted at once: bounds the float64 copy to 32 MiB
LARGEST_SQUARED = 1e150  # its square still fits float64, also summed over all timepoints
LARGEST_VALUE = 1e15  # the variance of what layers make of it still fits float32


@dataclass(frozen=True)
class Normalizer:
    """Z-normalisation fixed on the training data.

    Attributes
    ----------
    kind : {"dataset", "series", None}
        ``"dataset"``: each channel by its mean and deviation over all training timepoints;
        ``"series"``: each series (and channel) by its own, as in the paper's fair protocol.
    mean, scale : tuple of float, one per channel
        Only for ``"dataset"``.
    """

    kind: str | None
    mean: tuple = ()
    scale: tuple = ()

    @classmethod
    def fit(cls, kind, series):
        """Take means and deviations (float64) from checked series.

        Raises
        ------
        ValueError
            If values are so large or so small that float64 cannot hold their squares.
        """
        if kind != "dataset":
            return cls(kind)
        n_channels = series[0].shape[0]
        count, total = 0, np.zeros(n_channels)
        low, high = np.full(n_channels, np.inf), np.full(n_channels, -np.inf)
        for values in series:
            count += values.shape[1]
            with np.errstate(over="ignore"):  # what overflows is refused below
                total += values.sum(axis=1, dtype=np.float64)
            low = np.minimum(low, values.min(axis=1))
            high = np.maximum(high, values.max(axis=1))
        _check_squares(low, high)
        mean = total / count
        squares = np.zeros(n_channels)
        for values in series:
            squares += np.square(values - mean[:, np.newaxis], dtype=np.float64).sum(axis=1)
        scale = _without_constants(np.sqrt(squares / count), low, high)
        return cls(kind, tuple(mean.tolist()), tuple(scale.tolist()))

    def __call__(self, values):
        """Normalise (..., n_channels, n_timepoints) in float64."""
        values = np.array(values, np.float64)  # a copy: what follows works in place
        if self.kind == "dataset":
            values -= np.array(self.mean)[:, np.newaxis]
            values /= np.array(self.scale)[:, np.newaxis]
        elif self.kind == "series":
            low, high = (f(axis=-1, keepdims=True) for f in (values.min, values.max))
            _check_squares(low, high)
            deviation = values.std(axis=-1, keepdims=True)
            values -= values.mean(axis=-1, keepdims=True)
            values /= _without_constants(deviation, low, high)
        return values


def _check_squares(low, high):
    """Refuse values whose squares, and so their deviation, overflow float64 or vanish in it."""
    largest = np.maximum(np.abs(low), np.abs(high))
    is_unfit = (largest > LARGEST_SQUARED) | ((largest > 0) & (largest < 1 / LARGEST_SQUARED))
    if is_unfit.any():
        raise ValueError(
            f"X has a channel with values of up to {largest[is_unfit][0]:.3g}, whose deviation "
            "cannot be computed in float64; rescale X, or leave out values that stand for a "
            "missing one."
        )


def _without_constants(deviation, low, high):
    """Replace deviations of values that differ by rounding errors at most, in any unit, by 1."""
    largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    is_constant = high.astype(np.float64) - low <= 4 * np.finfo(np.float64).eps * largest
    return np.where(is_constant, 1.0, deviation)


def to_keras(series, n_timepoints, normalizer, unequal_length):
    """Normalise, bring to one length, and turn into Keras' axis order.

    Parameters
    ----------
    series : ndarray (n_samples, n_channels, T) or list of (n_channels, T_i)
    n_timepoints : int
        Length the network was built for.
    normalizer : Normalizer
    unequal_length : {"pad", "resample", None}
        None: the lengths are already ``n_timepoints``. ``"pad"``: zeros at the end, longer
        series lose their end (with one warning); ``"resample"``: linear interpolation.

    Returns
    -------
    series : float32 ndarray of shape (n_samples, n_timepoints, n_channels)
    mask : float32 ndarray of shape (n_samples, n_timepoints), or None unless ``"pad"``
        1 on observed timepoints.
    """
    n_samples, n_channels = len(series), series[0].shape[0]
    out = np.zeros((n_samples, n_timepoints, n_channels), np.float32)
    if not isinstance(series, list) and series.shape[2] == n_timepoints:
        n_rows = max(1, VALUES_AT_A_TIME // (n_timepoints * n_channels))
        for start in range(0, n_samples, n_rows):
            rows = slice(start, start + n_rows)
            out[rows] = _normalized(normalizer, series[rows]).transpose(0, 2, 1)
        return out, np.ones(out.shape[:2], np.float32) if unequal_length == "pad" else None

    mask = np.zeros((n_samples, n_timepoints), np.float32) if unequal_length == "pad" else None
    n_cut = 0
    for i, raw in enumerate(series):
        values = _normalized(normalizer, raw)
        if unequal_length == "resample":
            values = _resample(values, n_timepoints)
        n_cut += values.shape[1] > n_timepoints
        length = min(values.shape[1], n_timepoints)
        out[i, :length] = values[:, :length].T
        if mask is not None:
            mask[i, :length] = 1.0
    if n_cut:
        warn(
            f"{n_cut} of {n_samples} series are longer than the {n_timepoints} timepoints seen "
            "in fit; their ends were cut. Use unequal_length='resample' to keep them whole.",
        )
    return out, mask


class MappedRows:
    """Some rows of a memory-mapped array, read when they are asked for.

    Parameters
    ----------
    array : ndarray of shape (n, n_channels, n_timepoints)
    rows : int array of shape (n_samples,)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.preprocessing import MappedRows
    >>> rows = MappedRows(np.arange(12).reshape(4, 1, 3), np.array([3, 0]))
    >>> rows.shape, rows[0].tolist(), rows[1:].tolist()
    ((2, 1, 3), [[9, 10, 11]], [[[0, 1, 2]]])
    """

    def __init__(self, array, rows):
        self._array, self._rows = array, rows
        self.shape, self.dtype = (len(rows), *array.shape[1:]), array.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return self._array[self._rows[rows]]

    def take(self, rows):
        """Return some of these rows, again unread."""
        return MappedRows(self._array, self._rows[rows])


def take(series, rows):
    """Take rows of an array of series, of mapped rows, or of a list of series.

    Parameters
    ----------
    series : ndarray, MappedRows or list
    rows : int array

    Returns
    -------
    ndarray, MappedRows or list
        MappedRows for anything memory-mapped, so that nothing is read yet.
    """
    if isinstance(series, list):
        return [series[i] for i in rows]
    if isinstance(series, MappedRows):
        return series.take(rows)
    return MappedRows(series, rows) if is_memory_mapped(series) else series[rows]


class OnDemand:
    """Memory-mapped series that :func:`to_keras` converts when rows are asked for.

    Parameters
    ----------
    series : ndarray or MappedRows, of shape (n_samples, n_channels, n_timepoints)
    normalizer : Normalizer

    Attributes
    ----------
    shape : tuple
        (n_samples, n_timepoints, n_channels)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.preprocessing import Normalizer, OnDemand
    >>> inputs = OnDemand(np.zeros((100, 2, 30)), Normalizer(None))
    >>> inputs.shape, inputs[[5, 3]].shape, inputs[90:].dtype
    ((100, 30, 2), (2, 30, 2), dtype('float32'))
    """

    def __init__(self, series, normalizer):
        self._series, self._normalizer = series, normalizer
        n_samples, n_channels, n_timepoints = series.shape
        self.shape = (n_samples, n_timepoints, n_channels)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Return the rows of a slice or a sequence of indices, as float32."""
        return to_keras(self._series[rows], self.shape[1], self._normalizer, None)[0]


def is_memory_mapped(array):
    """Whether series lie in a memory-mapped file, directly, through views or as MappedRows.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.preprocessing import is_memory_mapped
    >>> is_memory_mapped(np.zeros(3))
    False
    """
    if isinstance(array, MappedRows):
        return True
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def _normalized(normalizer, values):
    with np.errstate(over="ignore", invalid="ignore"):
        normalized = normalizer(values)
        fits = max(normalized.max(), -normalized.min()) < LARGEST_VALUE
    if not fits:
        raise ValueError(
            f"X has values of up to {np.abs(values).max():.3g}, which after normalisation "
            f"(normalization={normalizer.kind!r}) are too large for float32 arithmetic; rescale X."
        )
    return normalized


def _resample(values, n_timepoints):
    """Interpolate (n_channels, T) linearly at ``n_timepoints`` even steps from first to last."""
    if values.shape[1] == n_timepoints:
        return values
    old = np.linspace(0.0, 1.0, values.shape[1])
    new = np.linspace(0.0, 1.0, n_timepoints)
    return np.stack([np.interp(new, old, channel) for channel in values])


def without_weightless(series, labels, weights):
    """Leave out series of weight zero: length and normalisation must not depend on them.

    Parameters
    ----------
    series : ndarray (n_samples, n_channels, n_timepoints) or list of (n_channels, T_i)
    labels, weights : arrays of shape (n_samples,)

    Returns
    -------
    series, labels, weights
    """
    if weights.all():
        return series, labels, weights
    kept = np.flatnonzero(weights)
    return take(series, kept), labels[kept], weights[kept]
