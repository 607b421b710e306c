"""How is a sequence brought to another length? By pooling, padding or interpolation."""

import math

import numpy as np

from lstmfcn.validation import check_counts


def pool_or_pad(x, n_timepoints):
    """Bring frames to a length as MERTools does: zeros in front, then means of equal windows.

    Zeros are put in front until the length is a multiple of `n_timepoints`. They count in the
    means of the first windows.

    Parameters
    ----------
    x : array of shape (T, D)
    n_timepoints : int

    Returns
    -------
    array of shape (n_timepoints, D)
        Floating point, in the precision of `x`.

    See Also
    --------
    mean_pool : Means without padding.
    lstmfcn.emotion.SequencePreprocessor : The transformer; this is its mode "mertools".

    References
    ----------
    https://github.com/zeroQiaoba/MERTools, MER2024/toolkit/utils/read_data.py (the rule).

    Examples
    --------
    >>> from lstmfcn.emotion import pool_or_pad
    >>> pool_or_pad([[1.0], [2.0], [3.0]], 2).tolist(), pool_or_pad([[1.0], [2.0]], 3).tolist()
    ([[0.5], [2.5]], [[0.0], [1.0], [2.0]])
    """
    x = _frames(x, n_timepoints)
    n_frames, n_features = x.shape
    window = math.ceil(n_frames / n_timepoints)
    padded = np.zeros((n_timepoints * window, n_features), x.dtype)
    padded[-n_frames:] = x
    windows = padded.reshape(n_timepoints, window, n_features)
    return windows.mean(axis=1, dtype=np.float64).astype(x.dtype)


def mean_pool(x, n_timepoints):
    """Shorten a sequence to at most `n_timepoints` frames, the means of windows of equal size.

    Parameters
    ----------
    x : array of shape (T, D)
    n_timepoints : int
        The maximum length of the result.

    Returns
    -------
    array of shape (ceil(T / k), D)
        Means over k = ceil(T / n_timepoints) frames. The last mean is over the remaining frames.

    See Also
    --------
    resample : Interpolation to a length; it skips frames of a much longer sequence.
    pool_or_pad : The rule of MERTools, which has a mean of its own.

    Examples
    --------
    >>> from lstmfcn.emotion import mean_pool
    >>> mean_pool([[1.0], [2.0], [4.0]], 2).tolist()
    [[1.5], [4.0]]
    """
    x = _frames(x, n_timepoints)
    return window_means(x, math.ceil(len(x) / n_timepoints))


def window_means(x, window):
    """Average frames (T, D) over windows of `window` frames, the last one over the rest."""
    if window == 1:
        return x
    starts = np.arange(0, len(x), window)
    sums = np.add.reduceat(x.astype(np.float64), starts, axis=0)
    sizes = np.diff(starts, append=len(x))
    return (sums / sizes[:, np.newaxis]).astype(x.dtype)


def resample(x, n_timepoints):
    """Interpolate frames linearly at even steps from the first to the last.

    Parameters
    ----------
    x : array of shape (T, D)
    n_timepoints : int
        If it is below T / 2, frames are skipped; shorten with `mean_pool` first.

    Returns
    -------
    array of shape (n_timepoints, D)

    See Also
    --------
    mean_pool : Shortens without skipping frames.
    lstmfcn.emotion.SequencePreprocessor : The transformer; this is its mode "resample".

    Examples
    --------
    >>> from lstmfcn.emotion import resample
    >>> resample([[0.0], [2.0]], 3).tolist()
    [[0.0], [1.0], [2.0]]
    """
    x = _frames(x, n_timepoints)
    if len(x) == n_timepoints:
        return x
    positions = np.linspace(0, len(x) - 1, n_timepoints)
    before = np.minimum(positions.astype(int), max(0, len(x) - 2))
    after = np.minimum(before + 1, len(x) - 1)
    weight = (positions - before)[:, np.newaxis]  # (n_timepoints, 1)
    return ((1 - weight) * x[before] + weight * x[after]).astype(x.dtype)


def interpolate(series, n_timepoints):
    """Interpolate (n_channels, T) linearly at even steps from first to last, in float64.

    :func:`resample` computes the same in another order, so that the last bit can differ.
    """
    if series.shape[1] == n_timepoints:
        return series
    old, new = np.linspace(0.0, 1.0, series.shape[1]), np.linspace(0.0, 1.0, n_timepoints)
    return np.stack([np.interp(new, old, channel) for channel in series])


def check_frames(x, name="x"):
    """Return numbers of shape (T, D) as an array, or refuse them under this name."""
    x = np.asarray(x)
    if x.ndim != 2 or 0 in x.shape or x.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} is an array of shape {x.shape} and type {x.dtype}; expected numbers of shape "
            "(T, D), with T and D of at least 1."
        )
    return x


def _frames(x, n_timepoints):
    x = check_frames(x)
    check_counts(n_timepoints=n_timepoints)
    return x if x.dtype.kind == "f" else x.astype(np.float64)
