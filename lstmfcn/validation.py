"""Is what the user handed over usable? If not: what came, what was expected, what to do.

The only reader of user arrays and the only importer of scikit-learn's private helpers. What it
lets through is in public axis order, (n_samples, n_channels, n_timepoints).
"""

import math
import warnings
from collections.abc import Sized
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array, check_random_state
from sklearn.utils._missing import is_pandas_na
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_feature_names,
    check_is_fitted,
    column_or_1d,
)

from lstmfcn.preprocessing import VALUES_AT_A_TIME, is_memory_mapped

__all__ = [
    "Interval",
    "StrOptions",
    "as_series",
    "check_callbacks",
    "check_choice",
    "check_class_weight",
    "check_classes",
    "check_counts",
    "check_feature_names",
    "check_is_fitted",
    "check_kernel_sizes",
    "check_labels",
    "check_learning_rate",
    "check_matches_fit",
    "check_network_size",
    "check_sizes",
    "check_split",
    "check_weights",
    "draw_seeds",
    "encode_labels",
    "warn_if_time_is_second",
]

LARGEST_SEED = 2**31 - 1_000
SHAPES = (
    "an array of numbers of shape (n_samples, n_timepoints) or (n_samples, n_channels, "
    "n_timepoints), or a list of arrays of shape (n_channels, n_timepoints_i)"
)
UNLABELLED = "every series needs a class label, leave the others out"
NO_SERIES = (str, bytes, dict, set)
LARGEST_WEIGHT = 1e18  # of a sample or a class: their product still fits float32
MOST_SIZES = 64  # convolution blocks, or candidates
LARGEST_NETWORK = 2**28  # weights; 1 GiB in a file, 4 GiB with gradients and Adam's moments


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
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype == object and len(X):
        raise ValueError(
            "X is a one-dimensional array of Python objects; pass series of unequal length as a "
            "list of arrays of shape (n_channels, n_timepoints_i), for example list(X)."
        )
    array = _as_numbers(X, "X")
    if array.ndim == 0:
        raise ValueError(f"X has no dimensions (it is of type {type(X).__name__}); pass {SHAPES}.")
    if 0 in array.shape:  # scikit-learn's wording for the first half: its checks match it
        missing = "sample" if array.shape[0] == 0 else "feature"
        raise ValueError(
            f"X has 0 {missing}(s) (shape={array.shape}) while a minimum of 1 is required: pass at "
            "least one series, one channel and one timepoint."
        )
    if array.ndim == 1:
        raise ValueError(
            f"X has one dimension, of length {len(array)}; pass {SHAPES}. Reshape your data: "
            "X.reshape(1, -1) if it is one series."
        )
    if array.ndim > 3:
        raise ValueError(f"X has {array.ndim} dimensions; pass {SHAPES}.")
    if array.ndim == 2:
        array = array[:, np.newaxis, :]  # (n_samples, 1, n_timepoints)
    _check_finite(array)
    return array


def check_feature_names(estimator, X, *, reset):
    """Record a data frame's column names, or compare them with those recorded."""
    _check_feature_names(estimator, X, reset=reset)


def _is_list_of_series(X):
    """Whether a list is series by series, rather than a matrix written as nested lists."""
    lengths = set()
    for series in X:
        n_dimensions = getattr(series, "ndim", 1)
        if n_dimensions == 2:
            return True
        if n_dimensions != 1 or not isinstance(series, Sized) or isinstance(series, NO_SERIES):
            return False
        inner = series[0] if isinstance(series, (list, tuple)) and len(series) else None
        if isinstance(inner, (list, tuple)) or getattr(inner, "ndim", 0) == 1:
            return True
        lengths.add(len(series))
    return len(lengths) > 1


def _series_list(X):
    """Check series by series; equal shapes become one array."""
    checked = []
    for i, series in enumerate(X):
        if hasattr(series, "columns"):
            raise ValueError(
                f"series {i} of X is a data frame; pass an array of shape (n_channels, "
                "n_timepoints) in its place, for example frame.to_numpy().T if its columns are "
                "channels."
            )
        array = _as_numbers(series, f"series {i} of X")
        if array.ndim == 1:
            array = array[np.newaxis]
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(
                f"series {i} of X has shape {array.shape}; expected (n_channels, n_timepoints) "
                "with at least one entry each."
            )
        checked.append(array)
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


def _as_numbers(values, name, remedy=f"pass {SHAPES}"):
    """Return array-like values of any shape as floats, refusing all but real numbers."""
    n_masked = np.ma.count_masked(values) if isinstance(values, np.ma.MaskedArray) else 0
    if n_masked:
        raise ValueError(
            f"{name} is a masked array with {n_masked} masked values; fill them first (for example "
            "by interpolation)."
        )
    try:
        array = check_array(
            values,
            dtype=None,
            ensure_all_finite=False,
            ensure_2d=False,
            allow_nd=True,
            ensure_min_samples=0,
            ensure_min_features=0,
        )
        if array.dtype in (np.float32, np.float64):
            return array
        if is_memory_mapped(array) and array.dtype.kind in "biuf":
            return array  # converted batch by batch
        if array.dtype.kind in "biufO":
            with np.errstate(over="ignore"):  # infinity is refused later, by its place
                return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{name} is not an array of real numbers ({_reason(error)}); {remedy}."
        ) from error
    raise ValueError(f"{name} holds values of type {array.dtype}, not numbers; {remedy}.")


def _reason(error):
    """Return the first line of another library's message, to quote it in a sentence."""
    return str(error).partition("\n")[0].rstrip(".!")


def _check_finite(series):
    """Refuse NaN and infinity, naming the first place."""
    if isinstance(series, np.ndarray):
        n_rows = max(1, VALUES_AT_A_TIME // series[0].size)
        parts = (series[start : start + n_rows] for start in range(0, len(series), n_rows))
        if all(np.isfinite(part).all() for part in parts):
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
            stacklevel=5,
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
    if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
        raise ValueError(f"y has masked entries; {UNLABELLED}.")
    try:
        labels = column_or_1d(y, warn=True)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"y is not a sequence of class labels ({_reason(error)}); pass one label per series."
        ) from error
    if len(labels) != n_samples:
        raise ValueError(
            f"X has {n_samples} series, but y has {len(labels)} labels; pass one label per series."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"y contains NaN or infinity; {UNLABELLED}.")
    if labels.dtype.kind in "mM" and np.isnat(labels).any():
        raise ValueError(f"y contains NaT (a missing date); {UNLABELLED}.")
    if labels.dtype.kind == "O" and any(_is_missing(label) for label in labels):
        raise ValueError(f"y contains None or NaN; {UNLABELLED}.")
    entries = y if isinstance(y, (list, tuple)) else labels  # NumPy turns ["a", 1] into text
    if not labels.dtype.kind == "S" and len({isinstance(label, str) for label in entries}) > 1:
        raise ValueError(
            "y mixes strings with other types; pass labels of one type, for example all strings."
        )
    _check_label_type(labels)
    return labels


def _is_missing(label):
    return label is None or is_pandas_na(label) or (isinstance(label, Real) and label != label)


def _check_label_type(labels):
    """Refuse what are not classes: continuous numbers, bytes, arbitrary objects."""
    try:
        kind = type_of_target(labels, input_name="y")
    except (TypeError, ValueError) as error:
        kind = _reason(error)
    if kind not in ("binary", "multiclass") or labels.dtype.kind in "SV":
        raise ValueError(
            f"Unknown label type: y holds values of type {labels.dtype} ({kind}), but class labels "
            "are integers, strings or booleans; convert it first, for example with "
            "y.astype(int) or y.astype(str)."
        )


def check_classes(classes, name):
    """Refuse a training set of one class."""
    if len(classes) < 2:
        raise ValueError(
            f"y has only one class, {classes.tolist()[0]!r}; {name} needs at least two classes."
        )


def draw_seeds(random_state, n_seeds):
    """Draw the seeds of a call from an estimator's ``random_state``.

    Parameters
    ----------
    random_state : int, RandomState instance or None
    n_seeds : int

    Returns
    -------
    ndarray of int of shape (n_seeds,)
        Small enough that the seeds counted up from them are seeds, too.
    """
    return check_random_state(random_state).randint(LARGEST_SEED, size=n_seeds)


def encode_labels(y, classes, name, remedy="Fit again to add classes."):
    """Turn labels into int32 indices into ``classes``, refusing those not seen in fit."""
    order = {label: i for i, label in enumerate(classes.tolist())}
    unknown = sorted({str(label) for label in y.tolist() if label not in order})
    if unknown:
        raise ValueError(
            f"y has labels that {name} was not fitted on: {_some(unknown)}; its classes are "
            f"{_some(classes.tolist())}. {remedy}"
        )
    return np.array([order[label] for label in y.tolist()], np.int32)


def check_class_weight(class_weight, classes):
    """Return the weight of each class (1 where the dict is silent)."""
    known = set(classes.tolist())
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise ValueError(
            f"class_weight names {_some(unknown)}, but the classes in y are "
            f"{_some(classes.tolist())}; change it with set_params(class_weight=...)."
        )
    weights = [class_weight.get(label, 1.0) for label in classes.tolist()]
    if not all(isinstance(w, Real) and 0 <= w <= LARGEST_WEIGHT for w in weights):
        raise ValueError(
            f"class_weight={class_weight!r} has a weight that is not a number in "
            f"[0, {LARGEST_WEIGHT:g}]."
        )
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


def check_counts(*, least=1, **values):
    """Refuse arguments that are not whole numbers of at least so much."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name}={value!r} must be a whole number of at least {least}.")


def check_choice(value, name, choices):
    """Refuse an argument that is none of the choices."""
    if not any(value is choice or (type(value) is str and value == choice) for choice in choices):
        options = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}={value!r} is unknown; choose one of {options}.")


def check_callbacks(callbacks):
    """Refuse callbacks that are not instances of Keras' (Keras is not imported to know it)."""
    for callback in callbacks or ():
        if isinstance(callback, type) or not hasattr(callback, "set_model"):
            raise TypeError(
                f"callbacks holds {callback!r}, which is not a keras.callbacks.Callback; pass a "
                "list of instances."
            )


def check_network_size(n_weights):
    """Refuse a network whose training would take the machine's memory."""
    if n_weights > LARGEST_NETWORK:
        raise ValueError(
            f"this network would have {n_weights:,} weights, more than {LARGEST_NETWORK:,}; lower "
            "n_cells, n_filters or kernel_sizes, or shorten the series."
        )


def check_learning_rate(value):
    """Refuse a learning rate outside (0, 10]."""
    if not isinstance(value, Real) or not 0 < value <= 10:
        raise ValueError(f"learning_rate={value!r} must be a number in (0, 10].")


def _some(labels, most=6):
    """Join a few labels for a message."""
    text = ", ".join(repr(label) for label in labels[:most])
    return text if len(labels) <= most else f"{text}, ... ({len(labels)} in all)"


def check_weights(sample_weight, n_samples):
    """Return ``sample_weight`` as float32 of shape (n_samples,); None means ones, a number all."""
    if sample_weight is None:
        return np.ones(n_samples, np.float32)
    weights = _as_numbers(sample_weight, "sample_weight", f"pass {n_samples} numbers >= 0")
    if weights.ndim == 0:
        weights = np.full(n_samples, weights)
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, but X has {n_samples} series; pass one "
            "number >= 0 per series."
        )
    if weights.min() < 0:  # scikit-learn's wording for the first half: its checks match it
        raise ValueError(
            f"Negative values in data passed to `sample_weight`: the lowest is {weights.min():g}; "
            "pass weights >= 0, 0 to leave a series out."
        )
    if not weights.max() <= LARGEST_WEIGHT:
        raise ValueError(
            f"sample_weight contains NaN or values above {LARGEST_WEIGHT:g}; pass one number "
            ">= 0 per series."
        )
    weights = weights.astype(np.float32)
    if not weights.any():
        raise ValueError(
            "sample_weight is zero for every series; at least two classes need positive weights."
        )
    return weights


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
    counts = tuple(values) if isinstance(values, Sized) and len(values) <= MOST_SIZES else ()
    whole = all(
        isinstance(c, (int, np.integer)) and not isinstance(c, bool) and 1 <= c <= largest
        for c in counts
    )
    if not counts or not whole:
        raise ValueError(
            f"{name}={values!r} is not a sequence of 1 to {MOST_SIZES} whole numbers between 1 and "
            f"{largest}; pass one per {'candidate' if name == 'n_cells' else 'convolution block'}."
        )
    return tuple(int(c) for c in counts)
