"""How do feature sequences (T_i, D) become series that a classifier takes?

Frames come as (T, D), one row per frame, as feature extractors write them. What leaves is in the
package's public axis order: (n_samples, n_channels, n_timepoints), or a list of
(n_channels, n_timepoints_i), with the D features as channels.
"""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from lstmfcn.validation import check_choice, check_counts, check_is_fitted
from lstmfcn.warning import warn

__all__ = [
    "SequencePreprocessor",
    "check_squares",
    "mean_pool",
    "pad_sequences",
    "pool_or_pad",
    "resample",
    "standardize_by_group",
]

LARGEST_SQUARED = 1e150  # its square still fits float64, also summed over all frames
MODES = ("pad", "resample", "mean_pool", "mertools")


def pool_or_pad(x, n_timepoints):
    """Bring frames to a length as MERTools does: zeros in front, then means of equal windows.

    Shorter sequences get zeros in front. Longer ones get as many zeros in front as make their
    length a multiple of `n_timepoints`, and are then averaged window by window, the zeros included.

    Parameters
    ----------
    x : array of shape (T, D)
    n_timepoints : int

    Returns
    -------
    array of shape (n_timepoints, D)
        Floating point, of the precision of `x`.

    References
    ----------
    MERTools, https://github.com/zeroQiaoba/MERTools, MER2024/toolkit/utils/read_data.py (the rule,
    not the code).

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import pool_or_pad
    >>> frames = np.arange(1.0, 8.0)[:, np.newaxis]
    >>> pool_or_pad(frames, 5).ravel().tolist()
    [0.0, 0.5, 2.5, 4.5, 6.5]
    >>> pool_or_pad(frames[:3], 5).ravel().tolist()
    [0.0, 0.0, 1.0, 2.0, 3.0]
    """
    x = _frames(x)
    check_counts(n_timepoints=n_timepoints)
    n_frames, n_features = x.shape
    window = math.ceil(n_frames / n_timepoints)
    padded = np.zeros((n_timepoints * window, n_features), x.dtype)
    padded[-n_frames:] = x
    windows = padded.reshape(n_timepoints, window, n_features)
    return windows.mean(axis=1, dtype=np.float64).astype(x.dtype)


def mean_pool(x, n_timepoints):
    """Shorten frames to at most a length, by the mean of windows of equal size.

    Parameters
    ----------
    x : array of shape (T, D)
    n_timepoints : int
        The length not to exceed.

    Returns
    -------
    array of shape (ceil(T / k), D)
        Means over k = ceil(T / n_timepoints) frames, the last one over those that are left; `x`
        itself where it is short enough.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import mean_pool
    >>> mean_pool(np.arange(1.0, 8.0)[:, np.newaxis], 3).ravel().tolist()
    [2.0, 5.0, 7.0]
    """
    x = _frames(x)
    check_counts(n_timepoints=n_timepoints)
    return _window_means(x, math.ceil(len(x) / n_timepoints))


def resample(x, n_timepoints):
    """Interpolate frames linearly at even steps from the first to the last.

    Parameters
    ----------
    x : array of shape (T, D)
    n_timepoints : int
        Where it is below T / 2, frames are skipped; shorten with `mean_pool` first.

    Returns
    -------
    array of shape (n_timepoints, D)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import resample
    >>> resample(np.array([[0.0], [2.0], [3.0]]), 5).ravel().tolist()
    [0.0, 1.0, 2.0, 2.5, 3.0]
    """
    x = _frames(x)
    check_counts(n_timepoints=n_timepoints)
    if len(x) == n_timepoints:
        return x
    positions = np.linspace(0, len(x) - 1, n_timepoints)
    before = np.minimum(positions.astype(int), max(0, len(x) - 2))
    after = np.minimum(before + 1, len(x) - 1)
    weight = (positions - before)[:, np.newaxis]  # (n_timepoints, 1)
    return ((1 - weight) * x[before] + weight * x[after]).astype(x.dtype)


def pad_sequences(sequences, n_timepoints=None, *, padding="post"):
    """Put series of unequal length into one array with zeros, and tell which timepoints are real.

    The classifiers of this package pad and mask a list themselves; this is for models that do not.

    Parameters
    ----------
    sequences : sequence of arrays of shape (n_channels, n_timepoints_i)
        As `SequencePreprocessor` with mode="pad" gives them.
    n_timepoints : int, default=None
        None takes the longest. Longer ones lose their end, with a warning.
    padding : {"post", "pre"}, default="post"
        Whether the zeros are behind or in front.

    Returns
    -------
    X : float32 array of shape (n_samples, n_channels, n_timepoints)
    mask : bool array of shape (n_samples, n_timepoints)
        True on real timepoints; `mask.sum(axis=1)` are the lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import pad_sequences
    >>> X, mask = pad_sequences([np.ones((2, 3)), np.ones((2, 1))])
    >>> X.shape, mask.astype(int).tolist()
    ((2, 2, 3), [[1, 1, 1], [1, 0, 0]])
    """
    check_choice(padding, "padding", ("post", "pre"))
    sequences = [np.asarray(series) for series in sequences]
    if not sequences:
        raise ValueError("there are no sequences; pass at least one.")
    shapes = {series.shape[:1] if series.ndim == 2 else series.shape for series in sequences}
    if len(shapes) > 1 or sequences[0].ndim != 2 or 0 in sequences[0].shape:
        raise ValueError(
            f"the sequences have shapes such as {sequences[0].shape} and {sequences[-1].shape}; "
            "expected (n_channels, n_timepoints_i) with the same channels in all."
        )
    lengths = np.array([series.shape[1] for series in sequences])
    if n_timepoints is None:
        n_timepoints = int(lengths.max())
    check_counts(n_timepoints=n_timepoints)
    _warn_if_cut(lengths, n_timepoints)
    lengths = np.minimum(lengths, n_timepoints)
    X = np.zeros((len(sequences), len(sequences[0]), n_timepoints), np.float32)
    for row, series, length in zip(X, sequences, lengths, strict=True):
        place = slice(0, length) if padding == "post" else slice(n_timepoints - length, None)
        row[:, place] = series[:, :length]
    places = np.arange(n_timepoints)
    if padding == "post":
        return X, places < lengths[:, np.newaxis]
    return X, places >= n_timepoints - lengths[:, np.newaxis]


def standardize_by_group(X, groups):
    """Subtract from each feature its mean over all frames of a group, and divide by its deviation.

    With the speaker as group, this takes away what is a speaker's own, voice and microphone, and
    leaves what changes from clip to clip. It learns from a group's clips alone and reads no label;
    but it needs several clips of each speaker at once, of about the same mixture of classes, at
    test time too.

    Parameters
    ----------
    X : sequence of arrays of shape (T_i, D), or ClipSequences
    groups : array-like of shape (n_samples,)
        The group of each sequence.

    Returns
    -------
    list of float32 arrays of shape (T_i, D)
        A feature that is constant in a group is 0 there.

    Raises
    ------
    ValueError, TypeError
        If X holds no frames, or `groups` is not as long as X.

    References
    ----------
    Busso, Mariooryad, Metallinou, Narayanan, "Iterative Feature Normalization Scheme for Automatic
    Emotion Detection from Speech", IEEE Transactions on Affective Computing 4(4), 2013, 386-397
    (what normalising by speaker gains, and where it errs).

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import standardize_by_group
    >>> deep, high = np.array([[100.0], [110.0]]), np.array([[200.0], [220.0]])
    >>> one, other = standardize_by_group([deep, high], ["her", "his"])
    >>> one.ravel().tolist(), other.ravel().tolist()
    ([-1.0, 1.0], [-1.0, 1.0])
    """
    _check_collection(X)
    groups = np.asarray(groups).tolist()
    if not isinstance(groups, list) or len(groups) != len(X):
        raise ValueError(
            f"groups has {np.size(groups)} entries, but X has {len(X)} sequences; pass the group "
            "of each."
        )
    moments = {}
    for group, frames in zip(groups, _checked(X), strict=True):
        moments.setdefault(group, _Moments(frames.shape[1])).add(frames)
    scales = {group: found.scale() for group, found in moments.items()}
    return [
        _scaled(frames, moments[group].mean, scales[group])
        for group, frames in zip(groups, _checked(X), strict=True)
    ]


class SequencePreprocessor(TransformerMixin, BaseEstimator):
    """Standardise feature sequences and bring them to the lengths of the training clips.

    What it learns, it learns in `fit`, from training frames alone: means and deviations of the
    features, and the length. Sequences are read one after the other, so that a lazy
    `ClipSequences` need not fit into memory.

    Parameters
    ----------
    mode : {"pad", "resample", "mean_pool", "mertools"}, default="pad"
        - "pad": lengths stay; a list for the classifiers to pad and mask.
        - "resample": linear interpolation to `n_timepoints`.
        - "mean_pool": means of windows, so that none exceeds `n_timepoints`; a list.
        - "mertools": the rule of MERTools, `pool_or_pad`, to `n_timepoints`.
    n_timepoints : int, default=None
        None takes from the training clips, after `compress`: the longest, or for "resample" the
        median. In mode "pad", longer clips lose their end.
    compress : int, default=1
        First shorten each sequence by this factor, by the mean over so many frames. MERTools uses 6
        for aligned and 12 for unaligned frames, and its own rule, as mode "mertools" does.
    standardize : bool, default=True
        Subtract the mean of each feature over all training frames and divide by its deviation,
        before anything else: zeros that are padded later then mean "as usual".

    Attributes
    ----------
    n_timepoints_ : int
    n_features_in_ : int
        D.
    mean_, scale_ : float64 arrays of shape (D,)
        0 and 1 without standardisation; the scale of a feature that is constant is the size of its
        mean, or 1.
    n_frames_seen_ : int
        Training frames.

    References
    ----------
    The rule of mode "mertools": MERTools, https://github.com/zeroQiaoba/MERTools.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import SequencePreprocessor
    >>> train = [np.array([[300.0], [302.0], [304.0]]), np.array([[302.0]])]
    >>> preprocessor = SequencePreprocessor(mode="mertools").fit(train)
    >>> preprocessor.n_timepoints_, preprocessor.mean_.tolist(), preprocessor.scale_.tolist()
    (3, [302.0], [1.4142135623730951])
    >>> preprocessor.transform([np.array([[302.0], [306.0]])]).shape
    (1, 1, 3)
    >>> SequencePreprocessor().fit_transform(train)[1].shape
    (1, 1)
    """

    def __init__(self, mode="pad", *, n_timepoints=None, compress=1, standardize=True):
        self.mode = mode
        self.n_timepoints = n_timepoints
        self.compress = compress
        self.standardize = standardize

    def fit(self, X, y=None):
        """Learn lengths, means and deviations.

        Parameters
        ----------
        X : sequence of arrays of shape (T_i, D), or ClipSequences
            Of the training clips.
        y : ignored

        Returns
        -------
        self
        """
        self._check_parameters()
        _check_collection(X)
        lengths, moments = [], None
        for frames in _checked(X):
            moments = moments or _Moments(frames.shape[1])
            moments.add(frames)
            lengths.append(math.ceil(len(frames) / self.compress))
        mean, scale = np.zeros(len(moments.mean)), np.ones(len(moments.mean))
        if self.standardize:
            mean, scale = moments.mean, moments.scale()
        self.n_features_in_, self.n_frames_seen_ = len(mean), moments.n_frames
        self.mean_, self.scale_ = mean, scale
        self.n_timepoints_ = self.n_timepoints
        if self.n_timepoints is None:
            usual = np.median(lengths) if self.mode == "resample" else max(lengths)
            self.n_timepoints_ = max(1, round(float(usual)))
        return self

    def transform(self, X):
        """Standardise sequences and bring them to the lengths of `fit`.

        Parameters
        ----------
        X : sequence of arrays of shape (T_i, D), or ClipSequences

        Returns
        -------
        float32 array of shape (n_samples, D, n_timepoints_), or list of float32 arrays of shape \
(D, T_i)
            A list in modes "pad" and "mean_pool".
        """
        check_is_fitted(self)
        _check_collection(X)
        out, lengths = [], []
        if self.mode in ("resample", "mertools"):
            out = np.empty((len(X), self.n_features_in_, self.n_timepoints_), np.float32)
        for i, frames in enumerate(_checked(X, self.n_features_in_)):
            frames = self._bring_to_length(_scaled(frames, self.mean_, self.scale_))
            lengths.append(len(frames))
            if isinstance(out, list):
                # A copy, or a cut would keep the frames that it cut off.
                out.append(frames[: self.n_timepoints_].T.copy())  # (D, T_i)
            else:
                out[i] = frames.T
        if self.n_timepoints is None:
            _warn_if_cut(np.array(lengths), self.n_timepoints_)
        return out

    def _bring_to_length(self, frames):
        """Shorten, lengthen or keep frames of shape (T, D)."""
        if self.compress > 1 and self.mode == "mertools":
            frames = pool_or_pad(frames, math.ceil(len(frames) / self.compress))
        elif self.compress > 1:
            frames = _window_means(frames, self.compress)
        if self.mode == "pad":
            return frames
        bring = {"resample": resample, "mean_pool": mean_pool, "mertools": pool_or_pad}[self.mode]
        return bring(frames, self.n_timepoints_)

    def _check_parameters(self):
        check_choice(self.mode, "mode", MODES)
        check_counts(compress=self.compress)
        check_choice(self.standardize, "standardize", (True, False))
        if self.n_timepoints is not None:
            check_counts(n_timepoints=self.n_timepoints)


class _Moments:
    """Mean and deviation of each feature over frames that come clip by clip.

    Chan, Golub & LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances", 1979: no cancellation where a feature is large and varies little.
    """

    def __init__(self, n_features):
        self.n_frames = 0
        self.mean = np.zeros(n_features)
        self._squares = np.zeros(n_features)  # sum of squared deviations from the mean
        self._largest = np.zeros(n_features)

    def add(self, frames):
        """Take in frames of shape (T, D)."""
        frames = frames.astype(np.float64)
        np.maximum(self._largest, np.abs(frames).max(axis=0), out=self._largest)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
            mean = frames.mean(axis=0)
            delta = mean - self.mean
            n_frames = self.n_frames + len(frames)
            self._squares += np.square(frames - mean).sum(axis=0)
            self._squares += np.square(delta) * self.n_frames * len(frames) / n_frames
            self.mean += delta * len(frames) / n_frames
        self.n_frames = n_frames

    def scale(self):
        """Return the deviation; the size of the mean, or 1, where it is float32's rounding."""
        check_squares(self._largest)
        scale, size = np.sqrt(self._squares / self.n_frames), np.abs(self.mean)
        is_constant = scale <= np.finfo(np.float32).eps * size
        return np.where(is_constant, np.where(size > 0, size, 1.0), scale)


def check_squares(largest):
    """Refuse features whose squares, and so their deviation, overflow float64 or vanish in it.

    Parameters
    ----------
    largest : array of shape (D,)
        Largest absolute value of each.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.lengths import check_squares
    >>> check_squares(np.array([0.0, 1e-15, 1e15]))
    """
    largest = largest.astype(np.float64)
    is_unfit = (largest > LARGEST_SQUARED) | ((largest > 0) & (largest < 1 / LARGEST_SQUARED))
    for feature in np.flatnonzero(is_unfit):
        raise ValueError(
            f"feature {feature} has values of up to {largest[feature]:.3g}, whose deviation cannot "
            "be computed in float64; give it in other units, or repair it."
        )


def _scaled(frames, mean, scale):
    """Return (frames - mean) / scale as float32, refusing what float32 cannot hold."""
    with np.errstate(over="ignore"):
        scaled = ((frames - mean) / scale).astype(np.float32)
    if not np.isfinite(scaled).all():
        feature = int(np.argwhere(~np.isfinite(scaled))[0, 1])
        raise ValueError(
            f"feature {feature} reaches {np.abs(frames[:, feature]).max():.3g}, which is too "
            f"large beside its deviation in training, {scale[feature]:.3g}; remove the "
            "feature, or repair it."
        )
    return scaled


def _frames(x):
    x = np.asarray(x)
    if x.ndim != 2 or 0 in x.shape or x.dtype.kind not in "fiu":
        raise ValueError(
            f"x is an array of shape {x.shape} and type {x.dtype}; expected frames, numbers of "
            "shape (T, D) with T and D of at least 1."
        )
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _check_collection(X):
    if isinstance(X, str | bytes) or not isinstance(X, Sequence | np.ndarray):
        raise TypeError(
            f"X is of type {type(X).__name__}; pass a list of arrays of shape (T, D), or "
            "ClipSequences."
        )
    if not len(X):
        raise ValueError("X has no sequences; pass at least one array of shape (T, D).")


def _checked(X, n_features=None):
    """Yield the sequences of X, refusing those that are none."""
    expected = n_features
    for i, frames in enumerate(X):
        frames = np.asarray(frames)
        if frames.ndim != 2 or 0 in frames.shape or frames.dtype.kind not in "fiu":
            raise ValueError(
                f"sequence {i} is an array of shape {frames.shape} and type {frames.dtype}; "
                "expected numbers of shape (T, D), with T and D of at least 1."
            )
        if expected is None:
            expected = frames.shape[1]
        if frames.shape[1] != expected:
            where = "sequence 0" if n_features is None else "the training sequences"
            raise ValueError(
                f"sequence {i} has {frames.shape[1]} features per frame, but {where} had "
                f"{expected}; pass frames of one feature set, as (T, D)."
            )
        if not np.isfinite(frames).all():
            raise ValueError(f"sequence {i} contains NaN or infinity; repair or leave it out.")
        yield frames


def _window_means(x, window):
    """Average frames (T, D) over windows of so many, the last one over those that are left."""
    if window == 1:
        return x
    starts = np.arange(0, len(x), window)
    sums = np.add.reduceat(x.astype(np.float64), starts, axis=0)
    sizes = np.diff(np.append(starts, len(x)))
    return (sums / sizes[:, np.newaxis]).astype(x.dtype)


def _warn_if_cut(lengths, n_timepoints):
    n_cut = int((lengths > n_timepoints).sum())
    if n_cut:
        warn(
            f"{n_cut} of {len(lengths)} sequences are longer than {n_timepoints} timepoints; their "
            "ends were cut. Use mode='mean_pool' or 'resample' to keep them whole.",
        )
