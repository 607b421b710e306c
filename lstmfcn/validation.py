"""Is what the user handed over usable? If not: what came, what was expected, what to do.

The only reader of user arrays and the only importer of scikit-learn's private helpers. What it
lets through is in public axis order, (n_samples, n_channels, n_timepoints).
"""

import math
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
)

__all__ = [
    "Interval",
    "StrOptions",
    "as_series",
    "check_class_weight",
    "check_classes",
    "check_counts",
    "check_is_fitted",
    "check_kernel_sizes",
    "check_labels",
    "check_learning_rate",
    "check_matches_fit",
    "check_random_state",
    "check_sizes",
    "check_split",
    "check_weights",
    "encode_labels",
    "warn_if_time_is_second",
]


def as_series(X, *, estimator=None, reset=False):
    """Turn user input into finite series in public axis order.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints), \
or list of arrays of shape (n_channels, n_timepoints_i) or (n_timepoints_i,)
    estimator : estimator, optional
        Its feature names are recorded (``reset=True``) or compared, as scikit-learn does for
        data frames.
    reset : bool, default=False
        True inside ``fit``.

    Returns
    -------
    ndarray of shape (n_samples, n_channels, n_timepoints), or, for unequal lengths, list of \
ndarrays of shape (n_channels, n_timepoints_i)

    Raises
    ------
    ValueError, TypeError
        With a sentence that says what came, what was expected and what to do.

    Examples
    --------
    >>> from lstmfcn.validation import as_series
    >>> as_series([[1, 2, 3], [4, 5, 6]]).shape
    (2, 1, 3)
    >>> [series.shape for series in as_series([[1, 2, 3], [4, 5]])]
    [(1, 3), (1, 2)]
    """
    if estimator is not None:
        _check_feature_names(estimator, X, reset=reset)
    if isinstance(X, (list, tuple)) and _is_list_of_series(X):
        return _series_list(X)
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype == object:
        raise ValueError(
            "X is a one-dimensional array of Python objects; pass series of unequal length as a "
            "list of arrays of shape (n_channels, n_timepoints_i), for example list(X)."
        )
    n_dimensions = getattr(X, "ndim", None)
    if n_dimensions == 3:
        return _series_3d(X)
    if n_dimensions is not None and n_dimensions > 3:
        raise ValueError(
            f"X has {n_dimensions} dimensions; pass (n_samples, n_timepoints) or "
            "(n_samples, n_channels, n_timepoints)."
        )
    return _series_2d(X)


def _series_2d(X):
    _refuse_text(X)
    array = _check_array(X)
    array = _real(array)[:, np.newaxis, :]  # (n_samples, 1, n_timepoints)
    _check_finite(array)
    return array


def _series_3d(X):
    _refuse_text(X)
    array = _check_array(X, allow_nd=True)
    if 0 in array.shape:
        raise ValueError(
            f"X has shape {array.shape}; every axis of (n_samples, n_channels, n_timepoints) "
            "needs at least one entry."
        )
    array = _real(array)
    _check_finite(array)
    return array


def _is_list_of_series(X):
    """Whether a list is series by series, rather than a matrix written as nested lists."""
    lengths = set()
    for series in X:
        if isinstance(series, np.ndarray) and series.ndim == 2:
            return True
        if not hasattr(series, "__len__") or isinstance(series, (str, bytes, dict)):
            return False
        inner = series[0] if isinstance(series, (list, tuple)) and len(series) else None
        if isinstance(inner, (list, tuple, np.ndarray)) and np.ndim(inner) == 1:
            return True
        lengths.add(len(series))
    return len(lengths) > 1


def _series_list(X):
    """Check series by series; equal shapes become one array."""
    checked = []
    for i, series in enumerate(X):
        try:
            _refuse_text(series)
            array = np.asarray(series)
            if array.dtype == object:
                array = array.astype(np.float64)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"series {i} of X is not a numeric array of shape (n_channels, n_timepoints): "
                f"{error}"
            ) from error
        if array.ndim == 1:
            array = array[np.newaxis]
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(
                f"series {i} of X has shape {array.shape}; expected (n_channels, n_timepoints) "
                "with at least one entry each."
            )
        checked.append(_real(array))
    n_channels = {array.shape[0] for array in checked}
    if len(n_channels) > 1:
        raise ValueError(
            f"the series of X have between {min(n_channels)} and {max(n_channels)} channels; "
            "every series needs the same channels, as (n_channels, n_timepoints_i)."
        )
    _check_finite(checked)
    if len({array.shape[1] for array in checked}) == 1:
        return np.stack(checked)
    return checked


def _refuse_text(X):
    """Refuse text, dates and ragged nesting before NumPy does it in its own words."""
    dtype = getattr(X, "dtype", None)
    if dtype is None and isinstance(X, (list, tuple)):
        try:
            dtype = np.asarray(X).dtype
        except ValueError as error:
            raise ValueError(
                "X mixes numbers and sequences; pass an array of shape (n_samples, n_timepoints) "
                "or (n_samples, n_channels, n_timepoints), or a list of arrays."
            ) from error
    if getattr(dtype, "kind", "f") in "USMm":
        raise ValueError(
            f"X holds values of type {dtype}, not numbers; convert the series to float first "
            "(labels belong in y)."
        )


def _check_array(X, **kwargs):
    """Run scikit-learn's check_array; what does not convert to numbers gets our sentence."""
    try:
        return check_array(X, dtype="numeric", ensure_all_finite=False, **kwargs)
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"X holds values that are not numbers ({error}); convert the series to float first "
            "(labels belong in y)."
        ) from error


def _real(array):
    if array.dtype.kind == "c":
        raise ValueError(
            "Complex data not supported: X holds complex numbers; pass real and imaginary parts "
            "as two channels."
        )
    if array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float64)


def _check_finite(series):
    """Refuse NaN and infinity, naming the first place."""
    if isinstance(series, np.ndarray) and np.isfinite(series).all():
        return
    for i, values in enumerate(series):
        finite = np.isfinite(values)
        if finite.all():
            continue
        channel, timepoint = (int(k) for k in np.argwhere(~finite)[0])
        what = "NaN" if np.isnan(values[channel, timepoint]) else "infinity (inf)"
        n_bad = sum(not np.isfinite(v).all() for v in series)
        remedy = (
            "fill missing values first (for example by interpolation), and pass series of unequal "
            "length as a list of arrays without padding"
            if what == "NaN"
            else "replace infinite values first"
        )
        raise ValueError(
            f"X contains {what} in {n_bad} of {len(series)} series, first in series {i} at "
            f"channel {channel}, timepoint {timepoint}; {remedy}."
        )


def check_matches_fit(series, estimator):
    """Refuse series whose channels or length differ from those of ``fit``.

    Parameters
    ----------
    series : as returned by :func:`as_series`
    estimator : fitted estimator
        With ``n_channels_in_``, ``n_timepoints_in_`` and ``unequal_length_in_``.

    Raises
    ------
    ValueError
    """
    name = type(estimator).__name__
    n_channels = series[0].shape[0]
    lengths = {values.shape[1] for values in series} if isinstance(series, list) else None
    n_timepoints = series.shape[2] if lengths is None else max(lengths)
    if n_channels != estimator.n_channels_in_:
        raise ValueError(
            f"X has {n_channels} channels, but this {name} was fitted on "
            f"{estimator.n_channels_in_}; pass the same channels, as (n_samples, n_channels, "
            "n_timepoints), or fit again."
        )
    if estimator.unequal_length_in_:
        return
    expected = estimator.n_timepoints_in_
    if lengths is not None:
        raise ValueError(
            f"X has series of {min(lengths)} to {max(lengths)} timepoints, but this {name} was "
            f"fitted on series of equal length {expected}; resample them, or fit it on series "
            "of unequal length."
        )
    if n_timepoints != expected and n_channels == 1:
        # scikit-learn's wording for the first half: its estimator checks match it.
        raise ValueError(
            f"X has {n_timepoints} features, but {name} is expecting {expected} features as "
            f"input: it was fitted on series of {expected} timepoints; resample X or fit again."
        )
    if n_timepoints != expected:
        raise ValueError(
            f"X has {n_timepoints} timepoints, but this {name} was fitted on {expected}; "
            "resample it or fit again."
        )


def warn_if_time_is_second(series):
    """Warn when (n_samples, n_timepoints, 1) came where (n_samples, 1, n_timepoints) is meant."""
    if not isinstance(series, list) and series.shape[2] == 1 and series.shape[1] > 1:
        warnings.warn(
            f"X has shape {series.shape}, read as {series.shape[1]} channels of one timepoint; "
            "if these are timepoints, pass X.transpose(0, 2, 1).",
            UserWarning,
            stacklevel=4,
        )


def check_labels(y, n_samples, name):
    """Return ``y`` as a one-dimensional array of class labels, one per series.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    n_samples : int
        Number of series.
    name : str
        Estimator name, for the messages.

    Returns
    -------
    ndarray of shape (n_samples,)
    """
    if y is None:
        raise ValueError(
            f"{name} requires y to be passed, but the target y is None; pass one label per series."
        )
    y = column_or_1d(y, warn=True)
    if len(y) != n_samples:
        raise ValueError(
            f"X has {n_samples} series, but y has {len(y)} labels; pass one label per series."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(
            "y contains NaN or infinity; every series needs a class label, leave the others out."
        )
    if y.dtype.kind == "O" and any(label is None or label != label for label in y):
        raise ValueError(
            "y contains None or NaN; every series needs a class label, leave the others out."
        )
    check_classification_targets(y)
    if y.dtype.kind == "O" and len({isinstance(label, str) for label in y}) > 1:
        raise ValueError(
            "y mixes strings with other types; pass labels of one type, for example all strings."
        )
    return y


def check_classes(classes, name):
    """Refuse a training set of one class."""
    if len(classes) < 2:
        raise ValueError(
            f"y has only one class, {classes[0]!r}; {name} needs at least two classes."
        )


def encode_labels(y, classes, name):
    """Turn labels into int32 indices into ``classes``, refusing those not seen in fit."""
    order = {label: i for i, label in enumerate(classes.tolist())}
    unknown = sorted({str(label) for label in y.tolist() if label not in order})
    if unknown:
        raise ValueError(
            f"y has labels that {name} was not fitted on: {_some(unknown)}; its classes are "
            f"{_some(classes.tolist())}. Fit again to add classes."
        )
    return np.array([order[label] for label in y.tolist()], np.int32)


def check_class_weight(class_weight, classes):
    """Return the weight of each class (1 where the dict is silent)."""
    known = set(classes.tolist())
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise ValueError(
            f"class_weight names {_some(unknown)}, but the classes in y are "
            f"{_some(classes.tolist())}."
        )
    weights = [class_weight.get(label, 1.0) for label in classes.tolist()]
    if not all(isinstance(w, Real) and np.isfinite(w) and w >= 0 for w in weights):
        raise ValueError(f"class_weight={class_weight!r} has a weight that is not a number >= 0.")
    return weights


def check_split(labels, fraction, n_classes):
    """Refuse a stratified split that cannot hold every class on both sides."""
    n_held = math.ceil(fraction * len(labels))
    rarest = int(np.bincount(labels, minlength=n_classes).min())
    if rarest < 2 or min(n_held, len(labels) - n_held) < n_classes:
        raise ValueError(
            f"validation_fraction={fraction} cannot split {len(labels)} series of {n_classes} "
            f"classes (the rarest has {rarest}) with every class on both sides; pass "
            "validation_data instead, or more series."
        )


def check_counts(**values):
    """Refuse arguments that are not whole numbers of at least 1."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name}={value!r} must be a whole number of at least 1.")


def check_learning_rate(value):
    """Refuse a learning rate outside (0, 10]."""
    if not isinstance(value, Real) or not 0 < value <= 10:
        raise ValueError(f"learning_rate={value!r} must be a number in (0, 10].")


def _some(labels, most=6):
    """Join a few labels for a message."""
    text = ", ".join(repr(label) for label in labels[:most])
    return text if len(labels) <= most else f"{text}, ... ({len(labels)} in all)"


def check_weights(sample_weight, n_samples):
    """Return ``sample_weight`` as float32 of shape (n_samples,); None means ones."""
    if sample_weight is None:
        return np.ones(n_samples, np.float32)
    weights = _check_sample_weight(
        sample_weight, np.empty((n_samples, 1)), dtype=np.float64, ensure_non_negative=True
    )
    if not weights.any():
        raise ValueError(
            "sample_weight is zero for every series; at least two classes need positive weights."
        )
    return weights.astype(np.float32)


def check_kernel_sizes(kernel_sizes, n_filters, n_timepoints):
    """Resolve ``kernel_sizes="auto"`` and check both tuples against the series length.

    Examples
    --------
    >>> from lstmfcn.validation import check_kernel_sizes
    >>> check_kernel_sizes("auto", (128, 256, 128), 140)
    ((128, 256, 128), (8, 5, 3))
    >>> check_kernel_sizes("auto", (128, 256, 128), 4)
    ((128, 256, 128), (4, 4, 3))
    """
    n_filters = check_sizes(n_filters, "n_filters", 4096)
    if isinstance(kernel_sizes, str):
        if len(n_filters) != 3:
            raise ValueError(
                f"n_filters={n_filters} has {len(n_filters)} blocks, but kernel_sizes='auto' is "
                "for three; pass as many kernel sizes as filters."
            )
        return n_filters, tuple(min(size, n_timepoints) for size in (8, 5, 3))
    kernel_sizes = check_sizes(kernel_sizes, "kernel_sizes", 100_000)
    if len(kernel_sizes) != len(n_filters):
        raise ValueError(
            f"kernel_sizes={kernel_sizes} and n_filters={n_filters} differ in length; pass one "
            "kernel size per convolution block."
        )
    if max(kernel_sizes) > n_timepoints:
        raise ValueError(
            f"kernel_sizes={kernel_sizes} has a kernel of {max(kernel_sizes)} timepoints, but the "
            f"series have {n_timepoints}; use shorter kernels or kernel_sizes='auto'."
        )
    return n_filters, kernel_sizes


def check_sizes(values, name, largest):
    """Return a non-empty sequence of whole numbers in [1, largest] as a tuple of int."""
    try:
        counts = tuple(values)
    except TypeError:
        counts = ()
    whole = all(
        isinstance(c, (int, np.integer)) and not isinstance(c, bool) and 1 <= c <= largest
        for c in counts
    )
    if not counts or not whole:
        raise ValueError(
            f"{name}={values!r} is not a sequence of whole numbers between 1 and {largest}; pass "
            "one per convolution block, or per candidate."
        )
    return tuple(int(c) for c in counts)
