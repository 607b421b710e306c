"""How do feature sequences (T_i, D) become series that a classifier takes?

Frames have the shape (T, D), as feature extractors write them; series have the D features as
channels: (n_samples, D, n_timepoints), or a list of (D, n_timepoints_i).
"""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from lstmfcn.doc_link import LinkedToSite
from lstmfcn.features.mapped import empty_float32
from lstmfcn.lengths import check_frames, pool_or_pad, resample, window_means
from lstmfcn.moments import RunningMoments, check_squares
from lstmfcn.pages import Pages
from lstmfcn.validation import as_series, check_choice, check_counts, check_is_fitted
from lstmfcn.warning import warn

MODES = ("pad", "resample", "mertools", "pool")
LONGEST = 150  # timepoints, where no length is given: 3 s at 20 ms


def pad_sequences(sequences, n_timepoints=None, *, padding="post"):
    """Pad series of unequal length with zeros, and mark the real timepoints.

    The classifiers of this package pad and mask a list themselves; this is for other models.

    Parameters
    ----------
    sequences : sequence of arrays of shape (n_channels, n_timepoints_i)
        From `SequencePreprocessor` with mode="pad".
    n_timepoints : int, default=None
        None takes the longest. Longer ones lose their end, with a warning.
    padding : {"post", "pre"}, default="post"
        Whether the zeros are behind or in front.

    Returns
    -------
    X : float32 array of shape (n_samples, n_channels, n_timepoints)
    mask : bool array of shape (n_samples, n_timepoints)
        True on real timepoints; `mask.sum(axis=1)` are the lengths.

    See Also
    --------
    SequencePreprocessor : Makes the sequences.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import pad_sequences
    >>> X, mask = pad_sequences([np.ones((2, 3)), np.ones((2, 1))])
    >>> X.shape, mask.sum(axis=1).tolist()
    ((2, 2, 3), [3, 1])
    """
    check_choice(padding, "padding", ("post", "pre"))
    sequences = as_series(list(sequences))
    lengths = np.array([series.shape[1] for series in sequences])
    if n_timepoints is None:
        n_timepoints = int(lengths.max())
    check_counts(n_timepoints=n_timepoints)
    _warn_if_cut(lengths, n_timepoints)
    places, lengths = np.arange(n_timepoints), np.minimum(lengths, n_timepoints)[:, np.newaxis]
    mask = places < lengths if padding == "post" else places >= n_timepoints - lengths
    X = np.zeros((len(sequences), len(sequences[0]), n_timepoints), np.float32)
    for row, is_real, series in zip(X, mask, sequences, strict=True):
        row[:, is_real] = series[:, :n_timepoints]
    return X, mask


def standardize_by_group(X, groups):
    """Standardise each feature by its mean and standard deviation over all frames of a group.

    With the speaker as group, this removes voice and microphone and keeps changes from clip to
    clip. Of each speaker, in test too, it needs several clips of about the same mixture of classes.

    Parameters
    ----------
    X : sequence of arrays of shape (T_i, D), or ClipSequences
    groups : array-like of shape (n_samples,)
        The group of each sequence.

    Returns
    -------
    list of float32 arrays of shape (T_i, D)
        A feature that is constant in a group is 0 there.

    See Also
    --------
    SequencePreprocessor : Standardises by all training frames.

    References
    ----------
    Busso, Mariooryad, Metallinou, Narayanan, "Iterative Feature Normalization Scheme for Automatic
    Emotion Detection from Speech", IEEE Transactions on Affective Computing 4(4), 2013, 386-397.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import standardize_by_group
    >>> deep, high = np.array([[100.0], [110.0]]), np.array([[200.0], [220.0]])
    >>> [frames.ravel().tolist() for frames in standardize_by_group([deep, high], ["his", "her"])]
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    return list(lazily_by_group([X], [groups])[0])


def lazily_by_group(parts, groups):
    """Return parts, sequences of frames, standardised when they are read, over all parts together.

    ``groups`` has those of each part; :func:`standardize_by_group` does it at once.
    """
    moments = {}
    for X, of_part in zip(parts, groups, strict=True):
        _check_collection(X)
        of_part = np.asarray(of_part).tolist()
        if not isinstance(of_part, list) or len(of_part) != len(X):
            raise ValueError(
                f"groups has {np.size(of_part)} entries, but X has {len(X)} sequences; pass the "
                "group of each."
            )
        for group, frames in zip(of_part, _checked(X), strict=True):
            moments.setdefault(group, _Moments()).add_frames(frames)
    scales = {group: (found.mean, found.scale()) for group, found in moments.items()}
    return [_ByGroup(X, of_part, scales) for X, of_part in zip(parts, groups, strict=True)]


class _ByGroup(Sequence):
    """Frames that are standardised by their group when they are read."""

    def __init__(self, frames, groups, scales):
        self._frames, self._scales = frames, scales
        self._groups = np.asarray(groups).tolist()

    def __len__(self):
        return len(self._frames)

    def __getitem__(self, row):
        return _scaled(self._frames[row], *self._scales[self._groups[row]])

    def __iter__(self):
        for group, frames in zip(self._groups, _checked(self._frames), strict=True):
            yield _scaled(frames, *self._scales[group])


class SequencePreprocessor(LinkedToSite, TransformerMixin, BaseEstimator):
    """Standardise feature sequences and bring them to the lengths of the training clips.

    Sequences are read one by one, so that `ClipSequences` need not fit into memory.

    Parameters
    ----------
    mode : {"pad", "resample", "mertools", "pool"}, default="pad"
        - "pad": lengths stay; a list for the classifiers to pad and mask.
        - "resample": linear interpolation to `n_timepoints`.
        - "mertools": the rule of MERTools, `pool_or_pad`, to `n_timepoints`.
        - "pool": one vector of mean and standard deviation over the frames, (2 D, 1), for
          classifiers that know no time. If each clip has one frame, the vector is this frame.
    n_timepoints : int, default=None
        None takes from the training clips, after `compress`: the longest, or for "resample" the
        median. In mode "pad", longer clips lose their end.
    compress : int, default=1
        First shorten each sequence by this factor: means over so many frames, in mode "mertools"
        by its own rule. MERTools uses 6 for aligned and 12 for unaligned frames.
    standardize : bool, default=True
        Subtract the mean of each feature over all training frames and divide by its standard
        deviation, before anything else: zeros that are padded later are then the mean.

    Attributes
    ----------
    n_timepoints_, n_features_in_ : int
    mean_, scale_ : float64 arrays of shape (D,)
        0 and 1 without standardisation. A constant feature's scale is the size of its mean, or 1.
    n_frames_seen_ : int
    pools_deviation_ : bool
        Whether mode "pool" has seen clips of several frames.

    See Also
    --------
    pool_or_pad, resample : The functions behind the modes.
    standardize_by_group : Standardises each speaker by itself.

    References
    ----------
    The rule of mode "mertools": MERTools, https://github.com/zeroQiaoba/MERTools.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import SequencePreprocessor
    >>> train = [np.array([[300.0], [302.0], [304.0]]), np.array([[302.0]])]
    >>> preprocessor = SequencePreprocessor(mode="mertools").fit(train)
    >>> preprocessor.mean_.tolist(), preprocessor.transform(train).shape
    ([302.0], (2, 1, 3))
    """

    def __init__(self, mode="pad", *, n_timepoints=None, compress=1, standardize=True):
        self.mode = mode
        self.n_timepoints = n_timepoints
        self.compress = compress
        self.standardize = standardize

    def fit(self, X, y=None):
        """Learn lengths, means and standard deviations.

        Parameters
        ----------
        X : sequence of arrays of shape (T_i, D), or ClipSequences
            Of the training clips.
        y : ignored

        Returns
        -------
        self
        """
        self.check_parameters()
        _check_collection(X)
        lengths, moments = [], _Moments()
        for frames in _checked(X):
            moments.add_frames(frames)
            lengths.append(math.ceil(len(frames) / self.compress))
        scale = moments.scale() if self.standardize else np.ones_like(moments.mean)
        self.n_features_in_, self.n_frames_seen_ = len(scale), moments.count
        self.mean_ = moments.mean if self.standardize else np.zeros_like(scale)
        self.scale_ = scale
        self.n_timepoints_ = self.n_timepoints
        self.pools_deviation_ = self.mode == "pool" and max(lengths) > 1
        if self.mode == "pool":
            self.n_timepoints_ = 1
        elif self.n_timepoints is None:
            usual = np.median(lengths) if self.mode == "resample" else max(lengths)
            self.n_timepoints_ = max(1, round(float(usual)))
        return self

    def check_parameters(self):
        """Refuse parameters that are not possible, and return self."""
        check_choice(self.mode, "mode", MODES)
        check_counts(compress=self.compress)
        check_choice(self.standardize, "standardize", (True, False))
        if self.n_timepoints is not None:
            check_counts(n_timepoints=self.n_timepoints)
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
            A list in mode "pad". An array of more than 0.5 GiB lies in a temporary file, which is
            memory-mapped: classifiers read it batch by batch.
        """
        check_is_fitted(self)
        _check_collection(X)
        out, lengths = [None] * len(X), []
        if self.mode != "pad":
            n_features = self.n_features_in_ * (2 if self.pools_deviation_ else 1)
            out = empty_float32((len(X), n_features, self.n_timepoints_))
        pages = Pages(out)
        for i, frames in enumerate(_checked(X, self.n_features_in_)):
            frames = _scaled(frames, self.mean_, self.scale_)
            if self.mode == "pool":
                frames = self._pooled(frames)
            else:
                frames = self._bring_to_length(frames)
            lengths.append(len(frames))
            # (D, T_i); a copy, or a cut would keep the frames that it cut off.
            out[i] = frames[: self.n_timepoints_].T.copy()
            pages.read(out[i].nbytes)
        if self.n_timepoints is None and self.mode != "pool":
            _warn_if_cut(np.array(lengths), self.n_timepoints_)
        return out

    def _pooled(self, frames):
        """Return the mean over frames (T, D), and behind it the deviation: (1, D) or (1, 2 D)."""
        moments = [frames.mean(axis=0), frames.std(axis=0)]
        return np.concatenate(moments[: 1 + self.pools_deviation_])[np.newaxis]

    def _bring_to_length(self, frames):
        """Shorten, lengthen or keep frames of shape (T, D)."""
        if self.mode == "mertools" and self.compress > 1:
            frames = pool_or_pad(frames, math.ceil(len(frames) / self.compress))
        elif self.mode != "mertools":
            frames = window_means(frames, self.compress)
        bring = {"resample": resample, "mertools": pool_or_pad}
        return bring[self.mode](frames, self.n_timepoints_) if self.mode in bring else frames


def fitted_preprocessor(sequences, n_timepoints=None, mode="resample"):
    """Return a SequencePreprocessor fitted on training sequences, for one length of all clips.

    `n_timepoints` None takes the median length, in other modes than "resample" the longest, and at
    most 150. Mode "pad" averages so many frames that the longest clip keeps its end.
    """
    preprocessor = SequencePreprocessor(mode=mode).fit(sequences)
    if mode == "pool":
        return preprocessor
    usual = preprocessor.n_timepoints_
    length, compress = n_timepoints or min(usual, LONGEST), 1
    if mode == "resample":
        # Interpolation below half the length would skip frames; their means skip none.
        compress = max(1, usual // length)
    elif mode == "pad":
        compress, length = math.ceil(usual / length), None
    if (length or usual, compress) == (usual, 1):
        return preprocessor
    return preprocessor.set_params(n_timepoints=length, compress=compress).fit(sequences)


class _Moments(RunningMoments):
    """Moments of frames, and their largest absolute values, feature by feature."""

    largest = 0.0

    def add_frames(self, frames):
        frames = frames.astype(np.float64)
        self.largest = np.maximum(self.largest, np.abs(frames).max(axis=0))
        with np.errstate(over="ignore", invalid="ignore"):  # scale refuses what overflows
            mean = frames.mean(axis=0)
            self.add(len(frames), mean, np.square(frames - mean).sum(axis=0))

    def scale(self):
        """Return standard deviations; the size of the mean, or 1, where float32 would round it."""
        check_squares(self.largest, "feature")
        scale, size = np.sqrt(self.squares / self.count), np.abs(self.mean)
        is_constant = scale <= np.finfo(np.float32).eps * size
        return np.where(is_constant, np.where(size > 0, size, 1.0), scale)


def _scaled(frames, mean, scale):
    """Return (frames - mean) / scale as float32, refusing what float32 cannot hold."""
    with np.errstate(over="ignore"):
        scaled = ((frames - mean) / scale).astype(np.float32)
    if not np.isfinite(scaled).all():
        feature = int(np.argwhere(~np.isfinite(scaled))[0, 1])
        raise ValueError(
            f"feature {feature} reaches {np.abs(frames[:, feature]).max():.3g}, which is too "
            f"large beside its standard deviation in training, {scale[feature]:.3g}; remove "
            "the feature, or correct it."
        )
    return scaled


def _check_collection(X):
    if isinstance(X, str | bytes) or not isinstance(X, Sequence | np.ndarray):
        raise TypeError(
            f"X is of type {type(X).__name__}; pass a list of arrays of shape (T, D), or "
            "ClipSequences."
        )
    if not len(X):
        raise ValueError("X has no sequences; pass at least one array of shape (T, D).")


def _checked(X, n_features=None):
    """Yield the sequences of X, refusing all but numbers of shape (T, D)."""
    expected = n_features
    for i, frames in enumerate(X):
        frames = check_frames(frames, f"sequence {i}")
        if expected is None:
            expected = frames.shape[1]
        if frames.shape[1] != expected:
            where = "sequence 0" if n_features is None else "the training sequences"
            raise ValueError(
                f"sequence {i} has {frames.shape[1]} features per frame, but {where} had "
                f"{expected}; pass frames of one feature set, as (T, D)."
            )
        if not np.isfinite(frames).all():
            raise ValueError(f"sequence {i} contains NaN or infinity; correct or leave it out.")
        yield frames


def _warn_if_cut(lengths, n_timepoints):
    n_cut = int((lengths > n_timepoints).sum())
    if n_cut:
        warn(
            f"{n_cut} of {len(lengths)} sequences are longer than {n_timepoints} timepoints; their "
            "ends were cut. Use mode='resample' to keep them whole.",
        )
