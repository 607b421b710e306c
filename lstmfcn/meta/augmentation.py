"""How are training series augmented? With cropped, masked, noisy and mixed copies."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
from sklearn.utils import check_random_state

from lstmfcn.all_or_nothing import changed_at_once
from lstmfcn.lengths import resample
from lstmfcn.meta.base import (
    MetaClassifier,
    check_fit_takes,
    check_holds_out_nothing,
    classifier_clone,
)
from lstmfcn.meta.column_names import check_column_names, without_columns
from lstmfcn.meta.rows import RowBuffer, check_rows, n_rows, stack_rows
from lstmfcn.moments import check_squares
from lstmfcn.pages import is_memory_mapped
from lstmfcn.validation import Interval, check_counts, check_labels, check_weights

SMALLEST_FRACTION = 1e-3  # of a mixture: less of a series teaches nothing


def crop(series, fraction, rng, *, keep_length=True):
    """Cut a random stretch out of (n_channels, n_timepoints), at least this fraction of it.

    With `keep_length` it is interpolated to the old length, which also slows it down.
    """
    n_timepoints = series.shape[1]
    length = max(1, round(n_timepoints * rng.uniform(fraction, 1.0)))
    start = rng.randint(n_timepoints - length + 1)
    stretch = series[:, start : start + length]
    return resample(stretch.T, n_timepoints).T if keep_length else stretch.copy()


def mask_frames(series, fraction, rng, *, fill=0.0):
    """Replace a random stretch of (n_channels, n_timepoints), at most this fraction of it.

    `fill` is one number, or one per channel.
    """
    n_timepoints = series.shape[1]
    length = rng.randint(int(fraction * n_timepoints) + 1)
    start = rng.randint(n_timepoints - length + 1)
    out = series.copy()
    out[:, start : start + length] = np.broadcast_to(fill, len(series))[:, np.newaxis]
    return out


def mask_channels(series, fraction, rng, *, fill=0.0):
    """Replace random channels of (n_channels, n_timepoints), at most this fraction of them."""
    lost = rng.permutation(len(series))[: rng.randint(int(fraction * len(series)) + 1)]
    out = series.copy()
    out[lost] = np.broadcast_to(fill, len(series))[lost, np.newaxis]
    return out


def add_noise(series, level, rng, *, std=1.0):
    """Add Gaussian noise of 0 to `level` standard deviations of each channel."""
    level = rng.uniform(0, level) * np.broadcast_to(std, len(series))  # (n_channels,)
    return series + level[:, np.newaxis] * rng.standard_normal(series.shape)


def mix(one, other, fraction):
    """Return the mixture of two series, of which this fraction is the first, at its length."""
    return fraction * one + (1 - fraction) * resample(other.T, one.shape[1]).T


class AugmentedClassifier(MetaClassifier):
    """Train a classifier on its training series and on distorted copies of them.

    Each copy is cropped, made noisy and masked at random, and then mixed with a copy of another
    series. A mixture bears two labels. The estimator gets it twice, once with each label, weighted
    by the fraction of the series that the label belongs to: this is the cross-entropy of mixup.
    Series to predict are not distorted.

    Parameters
    ----------
    estimator : classifier
        Any that takes the same X.
    n_copies : int, default=4
        Copies of each series, besides itself. An epoch takes up to 1 + 2 n_copies times as long.
    crop : float, default=1.0
        Least fraction of a series that is kept, in (0, 1]; 1 keeps all. In an array a stretch is
        interpolated to the common length; in a list it stays as short as it is.
    mask : float, default=0.2
        Largest fraction of timepoints, in one stretch, that the training mean replaces, in [0, 1).
    feature_mask : float, default=0.2
        The same of channels.
    noise : float, default=0.2
        Largest standard deviation of Gaussian noise, in units of the channel's own in training, at
        least 0. Each copy draws its own from 0 to this.
    mixup : float, default=0.2
        The fractions are drawn from Beta(mixup, mixup); at least 0, and 0 mixes nothing.
    random_state : int, RandomState or None, default=None
        Seed of the copies. The estimator has its own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        The trained one, which predicts.
    n_trained_on_ : int
        Series and copies that the estimator got.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame that had names.
    column_names_ : dict of str to ndarray of str
        The same of each modality, if X was a dict.

    See Also
    --------
    PseudoLabelClassifier : More training series from those without a label.
    lstmfcn.emotion.add_feature_noise : Noise in test series.

    References
    ----------
    Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2018,
    arXiv:1710.09412. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic
    Speech Recognition", 2019, arXiv:1904.08779.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from lstmfcn.meta import AugmentedClassifier
    >>> X = np.random.RandomState(0).normal(size=(20, 6)) + np.repeat([[0.0], [3.0]], 10, axis=0)
    >>> y = np.repeat(["sad", "happy"], 10)
    >>> clf = AugmentedClassifier(LogisticRegression(), n_copies=3, random_state=0).fit(X, y)
    >>> clf.score(X, y), 80 < clf.n_trained_on_ <= 140
    (1.0, True)
    """

    _parameter_constraints = {
        "crop": [Interval(Real, 0, 1, closed="right")],
        "mask": [Interval(Real, 0, 1, closed="left")],
        "feature_mask": [Interval(Real, 0, 1, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "mixup": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

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
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight, validation_data)
        return self

    def augment(self, X, y, weights, rng):
        """Return the X, y and weights that the estimator is trained on: the series, then copies.

        ``X`` is as in :meth:`fit`, ``y`` and ``weights`` are (n_samples,), ``rng`` a RandomState.
        Of each copy there are n_samples to 2 n_samples, as mixtures of two classes come twice.
        """
        moments, all_y, all_weights = _moments(X), [y], [weights]
        augmented = RowBuffer(X, len(y) * (1 + self.n_copies * (2 if self.mixup else 1)))
        augmented.add(X)
        for _ in range(self.n_copies):
            copies = self._distorted(X, moments, rng)
            if not self.mixup:
                augmented.add(copies)
                all_y.append(y)
                all_weights.append(weights)
                continue
            partner = rng.permutation(len(y))
            fraction = rng.beta(self.mixup, self.mixup, size=len(y))
            mixed = _mixed(copies, partner, fraction)
            same = y == y[partner]
            own = fraction * weights + same * (1 - fraction) * weights[partner]
            other = (1 - fraction) * weights[partner] * ~same
            for labels, weight, whole in ((y, own, weights), (y[partner], other, weights[partner])):
                rows = np.flatnonzero(weight > SMALLEST_FRACTION * whole)
                augmented.add(mixed, rows)
                all_y.append(labels[rows])
                all_weights.append(weight[rows])
        return augmented.rows(), np.concatenate(all_y), np.concatenate(all_weights)

    def _fit(self, X, y, sample_weight, validation_data):
        self._validate_params()
        check_counts(least=0, n_copies=self.n_copies)
        check_holds_out_nothing(self.estimator)
        check_column_names(self, X, reset=True)
        X = check_rows(X)
        y = check_labels(y, n_rows(X), type(self).__name__)
        self.classes_ = np.unique(y)
        weights, arguments = check_weights(sample_weight, len(y)), {}
        is_weighted = sample_weight is not None or self.mixup > 0
        if is_weighted:
            remedy = ", which mixup and weights need; pass mixup=0 and no weights, or another one."
            check_fit_takes(self.estimator, "sample_weight", remedy)
        if validation_data is not None:
            remedy = "; leave it out, or pass another estimator."
            check_fit_takes(self.estimator, "validation_data", remedy)
            arguments["validation_data"] = self._without_columns(validation_data)
        X, y, weights = self.augment(X, y, weights, check_random_state(self.random_state))
        if is_weighted:
            arguments["sample_weight"] = weights
        self.n_trained_on_ = len(y)
        self.estimator_ = classifier_clone(self.estimator).fit(X, y, **arguments)

    def _without_columns(self, validation_data):
        """Return validation data with arrays in place of data frames, whose columns are checked."""
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            return validation_data  # the estimator refuses it
        X, y = validation_data
        check_column_names(self, X, reset=False)
        arrays = without_columns(X)
        return validation_data if arrays is X else (arrays, y)

    def _distorted(self, X, moments, rng):
        """Return a distorted copy of every series; modalities are distorted independently."""
        if isinstance(X, Mapping):
            return {name: self._distorted(X[name], moments[name], rng) for name in X}
        is_list = not isinstance(X, np.ndarray)
        copies = (self._copy(np.atleast_2d(series), *moments, is_list, rng) for series in X)
        return list(copies) if is_list else stack_rows(copies, X.shape, X)

    def _copy(self, series, mean, std, may_shorten, rng):
        """Return one distorted copy of a series (n_channels, n_timepoints)."""
        series = series.astype(np.result_type(series, np.float32), copy=False)
        if self.crop < 1:
            series = crop(series, self.crop, rng, keep_length=not may_shorten)
        if self.noise:
            series = add_noise(series, self.noise, rng, std=std)
        if self.mask:
            series = mask_frames(series, self.mask, rng, fill=mean)
        if self.feature_mask and len(mean) > 1:
            series = mask_channels(series, self.feature_mask, rng, fill=mean)
        return series


def _moments(X):
    """Return mean and standard deviation of each channel over all timepoints, (n_channels,)."""
    if isinstance(X, Mapping):
        return {name: _moments(series) for name, series in X.items()}
    if isinstance(X, np.ndarray) and not is_memory_mapped(X):
        series = X if X.ndim == 3 else X[:, np.newaxis]
        check_squares(np.abs(series).max(axis=(0, 2)))
        return series.mean(axis=(0, 2), dtype=np.float64), series.std(axis=(0, 2), dtype=np.float64)
    series = [np.atleast_2d(one) for one in X]
    check_squares(np.max([np.abs(one).max(axis=1) for one in series], axis=0))
    count = sum(one.shape[1] for one in series)
    mean = sum(one.sum(axis=1, dtype=np.float64) for one in series) / count
    squares = sum(np.square(one - mean[:, np.newaxis]).sum(axis=1) for one in series)
    return mean, np.sqrt(squares / count)


def _mixed(X, partner, fraction):
    """Mix every series with its partner's, all modalities of a sample alike."""
    if isinstance(X, Mapping):
        return {name: _mixed(series, partner, fraction) for name, series in X.items()}
    if isinstance(X, np.ndarray):
        fraction = fraction.astype(X.dtype)
        of_both = zip(X, partner, fraction, strict=True)
        mixtures = (part * one + (1 - part) * X[i] for one, i, part in of_both)
        return stack_rows(mixtures, X.shape, X)
    return [mix(one, X[i], part) for one, i, part in zip(X, partner, fraction, strict=True)]
