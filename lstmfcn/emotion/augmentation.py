"""How do few training sequences become many? Cropped, masked, noisy and mixed copies of them."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from lstmfcn.atomic import changed_at_once
from lstmfcn.emotion.delegation import DelegatingClassifier
from lstmfcn.emotion.lengths import check_squares, resample
from lstmfcn.emotion.panels import as_panel, join_panels, n_rows, take_rows
from lstmfcn.validation import check_counts, check_labels, check_weights

__all__ = ["AugmentedClassifier", "crop", "distort", "mask_features", "mask_frames", "mix"]

SMALLEST_SHARE = 1e-3  # of a mixture: less of a series teaches nothing


def crop(series, share, rng, *, keep_length=True):
    """Cut out a random stretch.

    Parameters
    ----------
    series : array of shape (n_channels, n_timepoints)
    share : float
        Least part to keep, in (0, 1]; how much is kept is drawn evenly from there to 1.
    rng : RandomState
    keep_length : bool, default=True
        Whether the stretch is interpolated to the old length, which also slows it down.

    Returns
    -------
    array of shape (n_channels, n_timepoints), or shorter

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.augmentation import crop
    >>> crop(np.arange(8.0)[np.newaxis], 0.5, np.random.RandomState(0), keep_length=False)
    array([[1., 2., 3., 4., 5., 6.]])
    """
    n_timepoints = series.shape[1]
    length = max(1, round(n_timepoints * rng.uniform(share, 1.0)))
    start = rng.randint(n_timepoints - length + 1)
    stretch = series[:, start : start + length]
    return resample(stretch.T, n_timepoints).T if keep_length else stretch.copy()


def mask_frames(series, share, rng, *, fill=0.0):
    """Replace a random stretch of timepoints.

    Parameters
    ----------
    series : array of shape (n_channels, n_timepoints)
    share : float
        Longest stretch, as a part of the series, in [0, 1); its length is drawn evenly from 0.
    rng : RandomState
    fill : float or array of shape (n_channels,), default=0.0

    Returns
    -------
    array of shape (n_channels, n_timepoints)

    References
    ----------
    Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition",
    2019, arXiv:1904.08779.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.augmentation import mask_frames
    >>> mask_frames(np.ones((1, 8)), 0.5, np.random.RandomState(0))
    array([[0., 0., 0., 0., 1., 1., 1., 1.]])
    """
    n_timepoints = series.shape[1]
    length = rng.randint(int(share * n_timepoints) + 1)
    start = rng.randint(n_timepoints - length + 1)
    out = series.copy()
    out[:, start : start + length] = np.broadcast_to(fill, len(series))[:, np.newaxis]
    return out


def mask_features(series, share, rng, *, fill=0.0):
    """Replace random channels at all timepoints.

    Parameters
    ----------
    series : array of shape (n_channels, n_timepoints)
    share : float
        Most channels, as a part of all, in [0, 1); how many is drawn evenly from 0.
    rng : RandomState
    fill : float or array of shape (n_channels,), default=0.0

    Returns
    -------
    array of shape (n_channels, n_timepoints)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.augmentation import mask_features
    >>> mask_features(np.ones((4, 2)), 0.5, np.random.RandomState(1))[:, 0]
    array([1., 1., 1., 0.])
    """
    lost = rng.permutation(len(series))[: rng.randint(int(share * len(series)) + 1)]
    out = series.copy()
    out[lost] = np.broadcast_to(fill, len(series))[lost, np.newaxis]
    return out


def distort(
    series,
    rng,
    *,
    crop_share=1.0,
    mask=0.0,
    feature_mask=0.0,
    noise=0.0,
    fill=0.0,
    deviation=1.0,
    keep_length=True,
):
    """Return one distorted copy of a series.

    Parameters
    ----------
    series : array of shape (n_channels, n_timepoints)
    rng : RandomState
    crop_share, mask, feature_mask, noise : float
        As for :class:`AugmentedClassifier`.
    fill, deviation : float or array of shape (n_channels,)
        What masks put there, and the unit of the noise.
    keep_length : bool, default=True
        As for :func:`crop`.

    Returns
    -------
    array of shape (n_channels, n_timepoints), or shorter

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.augmentation import distort
    >>> bool((distort(np.ones((2, 9)), np.random.RandomState(0)) == 1.0).all())
    True
    """
    if crop_share < 1:
        series = crop(series, crop_share, rng, keep_length=keep_length)
    if noise:
        level = rng.uniform(0, noise) * np.broadcast_to(deviation, len(series))  # (n_channels,)
        series = series + level[:, np.newaxis] * rng.standard_normal(series.shape)
    if mask:
        series = mask_frames(series, mask, rng, fill=fill)
    if feature_mask:
        series = mask_features(series, feature_mask, rng, fill=fill)
    return series


def mix(one, other, share):
    """Return the weighted sum of two series, at the length of the first.

    Parameters
    ----------
    one, other : arrays of shape (n_channels, n_timepoints) and (n_channels, any)
    share : float
        Of the first, in [0, 1].

    Returns
    -------
    array of shape (n_channels, n_timepoints)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.augmentation import mix
    >>> mix(np.array([[0.0, 0.0, 0.0]]), np.array([[4.0, 8.0]]), 0.75).tolist()
    [[1.0, 1.5, 2.0]]
    """
    return share * one + (1 - share) * resample(other.T, one.shape[1]).T


class AugmentedClassifier(DelegatingClassifier):
    """Train a classifier on its training series and on distorted copies of them.

    Each copy is cropped, made noisy and masked, each time differently, and then mixed with a copy
    of another series. A mixture bears two labels: it is handed to the estimator twice, as one class
    with the weight of its share and as the other class with the weight of the rest, which gives the
    cross-entropy of mixup. Prediction leaves series as they are.

    Parameters
    ----------
    estimator : classifier
        Of this package, or any other that takes the same X. Give it a number of epochs: as the loss
        on mixtures never gets low, `n_epochs="auto"` would go through all its cycles.
    n_copies : int, default=4
        Copies of each series, besides itself. An epoch takes up to 1 + 2 n_copies times as long.
    crop : float, default=1.0
        Least part of a series that is kept, in (0, 1]; 1 keeps all. In an array a stretch is
        interpolated to the common length; in a list it stays as short as it is.
    mask : float, default=0.2
        Longest stretch of timepoints that is replaced by the training mean, as a part of the
        series, in [0, 1).
    feature_mask : float, default=0.2
        The same of channels.
    noise : float, default=0.2
        Largest deviation of Gaussian noise, in units of the channel's deviation in training; each
        copy draws its own from 0 to this.
    mixup : float, default=0.2
        Parameter of the distribution Beta(mixup, mixup) of the shares, at least 0; 0 mixes nothing,
        and 1 makes every share as likely.
    random_state : int, RandomState or None, default=None
        Of the copies. The estimator has its own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        The trained one, which predicts.
    n_trained_on_ : int
        Series and copies handed to the estimator.

    References
    ----------
    Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2018,
    arXiv:1710.09412. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic
    Speech Recognition", 2019, arXiv:1904.08779.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from lstmfcn.emotion.augmentation import AugmentedClassifier
    >>> X = np.random.RandomState(0).normal(size=(20, 6)) + np.repeat([[0.0], [3.0]], 10, axis=0)
    >>> y = np.repeat(["sad", "happy"], 10)
    >>> clf = AugmentedClassifier(LogisticRegression(), n_copies=3, random_state=0).fit(X, y)
    >>> clf.score(X, y), 80 < clf.n_trained_on_ <= 140
    (1.0, True)
    """

    def __init__(
        self,
        estimator,
        *,
        n_copies=4,
        crop=1.0,
        mask=0.2,
        feature_mask=0.2,
        noise=0.2,
        mixup=0.2,
        random_state=None,
    ):
        self.estimator = estimator
        self.n_copies = n_copies
        self.crop = crop
        self.mask = mask
        self.feature_mask = feature_mask
        self.noise = noise
        self.mixup = mixup
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None, validation_data=None):
        """Train on labelled series and copies of them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), list of arrays of shape (n_channels, n_timepoints_i), or dict of str to one of these
            As the estimator takes it.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            Factor of each series' weight and of its copies', >= 0.
        validation_data : tuple (X, y), optional
            Handed to the estimator's ``fit`` as it is: no copies are made of it.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.

        Raises
        ------
        ValueError, TypeError
            On unusable input, in one sentence.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight, validation_data)
        return self

    def augment(self, panel, y, weights, rng):
        """Return what the estimator is trained on: the series, then the copies.

        Parameters
        ----------
        panel : ndarray, list or dict, as in :meth:`fit`
        y, weights : ndarrays of shape (n_samples,)
        rng : RandomState

        Returns
        -------
        panel, y, weights
            Of n_samples (1 + n_copies) to n_samples (1 + 2 n_copies) entries, as mixtures of two
            classes are there twice.
        """
        moments = _moments(panel)
        panels, labels, shares = [panel], [y], [weights]
        for _ in range(self.n_copies):
            copies = self._distorted(panel, moments, rng)
            if not self.mixup:
                panels, labels, shares = [*panels, copies], [*labels, y], [*shares, weights]
                continue
            partner = rng.permutation(len(y))
            share = rng.beta(self.mixup, self.mixup, size=len(y))
            mixed = _mixed(copies, partner, share)
            same = y == y[partner]
            own = share * weights + same * (1 - share) * weights[partner]
            other = (1 - share) * weights[partner] * ~same
            for rows, names, parts in (
                (np.flatnonzero(own > SMALLEST_SHARE * weights), y, own),
                (np.flatnonzero(other > SMALLEST_SHARE * weights[partner]), y[partner], other),
            ):
                panels.append(take_rows(mixed, rows))
                labels.append(names[rows])
                shares.append(parts[rows])
        return join_panels(panels), np.concatenate(labels), np.concatenate(shares)

    def _fit(self, X, y, sample_weight, validation_data):
        self._check_parameters()
        panel = as_panel(X)
        y = check_labels(y, n_rows(panel), type(self).__name__)
        self.classes_ = np.unique(y)
        weights = check_weights(sample_weight, len(y))
        is_weighted = sample_weight is not None or self.mixup > 0
        if is_weighted and not has_fit_parameter(self.estimator, "sample_weight"):
            raise TypeError(
                f"{type(self.estimator).__name__}.fit takes no sample_weight, which mixup and "
                "weights need; pass mixup=0 and no sample_weight, or another estimator."
            )
        arguments = {}
        if validation_data is not None:
            if not has_fit_parameter(self.estimator, "validation_data"):
                raise TypeError(
                    f"{type(self.estimator).__name__}.fit takes no validation_data; leave it "
                    "out, or pass another estimator."
                )
            arguments["validation_data"] = validation_data
        rng = check_random_state(self.random_state)
        panel, y, weights = self.augment(panel, y, weights, rng)
        if is_weighted:
            arguments["sample_weight"] = weights
        self.n_trained_on_ = len(y)
        self.estimator_ = clone(self.estimator).fit(panel, y, **arguments)

    def _distorted(self, panel, moments, rng):
        """Return a distorted copy of every series; modalities are distorted independently."""
        if isinstance(panel, Mapping):
            return {
                name: self._distorted(series, moments[name], rng) for name, series in panel.items()
            }
        mean, deviation = moments
        is_flat = isinstance(panel, np.ndarray) and panel.ndim == 2
        copies = [
            distort(
                np.atleast_2d(series),
                rng,
                crop_share=self.crop,
                mask=self.mask,
                feature_mask=self.feature_mask if len(mean) > 1 else 0.0,
                noise=self.noise,
                fill=mean,
                deviation=deviation,
                keep_length=isinstance(panel, np.ndarray),
            )
            for series in panel
        ]
        if not isinstance(panel, np.ndarray):
            return copies
        stacked = np.stack(copies).astype(panel.dtype)
        return stacked[:, 0] if is_flat else stacked

    def _check_parameters(self):
        check_counts(least=0, n_copies=self.n_copies)
        for name in ("mask", "feature_mask"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= value < 1:
                raise ValueError(f"{name}={value!r} must be a number in [0, 1).")
        for name in ("noise", "mixup"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= value < np.inf:
                raise ValueError(f"{name}={value!r} must be a number of at least 0.")
        if not isinstance(self.crop, Real) or not 0 < self.crop <= 1:
            raise ValueError(f"crop={self.crop!r} must be a number in (0, 1].")
        if getattr(self.estimator, "validation_fraction", None) is not None:
            raise ValueError(
                "the estimator's validation_fraction would hold out copies of series that it is "
                "trained on; set it to None."
            )


def _moments(panel):
    """Return mean and deviation of each channel over all timepoints, (n_channels,) each."""
    if isinstance(panel, Mapping):
        return {name: _moments(series) for name, series in panel.items()}
    if isinstance(panel, np.ndarray):
        series = panel if panel.ndim == 3 else panel[:, np.newaxis]
        check_squares(np.abs(series).max(axis=(0, 2)))
        return series.mean(axis=(0, 2), dtype=np.float64), series.std(axis=(0, 2), dtype=np.float64)
    check_squares(np.max([np.abs(series).max(axis=1) for series in panel], axis=0))
    count = sum(series.shape[1] for series in panel)
    mean = sum(series.sum(axis=1, dtype=np.float64) for series in panel) / count
    squares = sum(np.square(series - mean[:, np.newaxis]).sum(axis=1) for series in panel)
    return mean, np.sqrt(squares / count)


def _mixed(panel, partner, share):
    """Mix every series with that of its partner, all modalities of a clip alike."""
    if isinstance(panel, Mapping):
        return {name: _mixed(series, partner, share) for name, series in panel.items()}
    if isinstance(panel, np.ndarray):
        shares = share.reshape(-1, *[1] * (panel.ndim - 1)).astype(panel.dtype)
        return shares * panel + (1 - shares) * panel[partner]
    return [
        mix(series, panel[other], part)
        for series, other, part in zip(panel, partner, share, strict=True)
    ]
