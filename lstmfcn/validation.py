"""Is what the user handed over usable? If not: what came, what was expected, what to do.

The only reader of user arrays and the only importer of scikit-learn's private helpers. What it
lets through is in public axis order, (n_samples, n_channels, n_timepoints).
"""

import contextlib
import itertools
import math
import operator
from collections.abc import Sized
from contextvars import ContextVar
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils import check_random_state as _check_random_state
from sklearn.utils._missing import is_pandas_na
from sklearn.utils._param_validation import Interval as Interval
from sklearn.utils._param_validation import StrOptions as StrOptions
from sklearn.utils.validation import _check_feature_names, column_or_1d
from sklearn.utils.validation import check_is_fitted as check_is_fitted

from lstmfcn.pages import Pages, is_memory_mapped
from lstmfcn.untrusted import listed
from lstmfcn.warning import warn

LARGEST_SEED = 2**31 - 1_000
VALUES_AT_A_TIME = 2**22  # checked or converted at once: bounds a float64 copy to 32 MiB
SHAPES = (
    "an array of numbers of shape (n_samples, n_timepoints) or (n_samples, n_channels, "
    "n_timepoints), or a list of arrays of shape (n_channels, n_timepoints_i)"
)
UNLABELLED = "every series needs a class label, leave the others out"
SERIES_NAMES = ("id", "series_id", "series", "case_id", "sample_id", "instance")
TIME_NAMES = ("time", "timestamp", "timepoint", "time_index", "t")
NO_SERIES = (str, bytes, dict, set)
LARGEST_TARGET = 1e150  # that is predicted
LARGEST_WEIGHT = 1e18  # of a sample or a class: their product still fits float32
VIEWS = ("values", "detrended")  # what convolutions read of a series
MOST_SIZES = 64  # convolution blocks, or candidates
FEW_CLASSES = 10  # that many may be as many as the series
MOST_DEPTH = 64  # of lists within lists, as in NumPy
LARGEST_NETWORK = 2**28  # weights; 1 GiB in a file, 4 GiB with gradients and Adam's moments
_axes_are_known = ContextVar("axes_are_known", default=False)


def as_series(X, *, estimator=None, reset=False):
    """Turn user input into finite series in public axis order.

    ``X`` is an array of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints),
    or a list of arrays of shape (n_channels, n_timepoints_i) or (n_timepoints_i,). The result is an
    array (n_samples, n_channels, n_timepoints) or, for unequal lengths, a list of arrays. An
    estimator's feature names are recorded (``reset=True``, in ``fit``) or compared.

    >>> as_series([[1, 2, 3], [4, 5, 6]]).shape
    (2, 1, 3)
    >>> [series.shape for series in as_series([[1, 2, 3], [4, 5]])]
    [(1, 3), (1, 2)]
    """
    _check_frame(X)
    if estimator is not None:
        _check_feature_names(estimator, X, reset=reset)
    if is_list_of_series(X):
        return _series_list(X)
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype == object and len(X):
        raise ValueError(
            "X is a one-dimensional array of Python objects; pass series of unequal length as a "
            "list of arrays of shape (n_channels, n_timepoints_i), for example list(X)."
        )
    array = as_numbers(X, "X")
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


def is_list_of_series(X):
    """Whether X is a list, series by series, and no matrix written as nested lists.

    >>> [is_list_of_series(X) for X in ([np.ones(3)] * 2, [[1, 2], [3]], [[1, 2], [3, 4]])]
    [True, True, False]
    """
    if not isinstance(X, (list, tuple)):
        return False
    lengths = set()
    for series in X:
        n_dimensions = getattr(series, "ndim", None)
        if n_dimensions in (1, 2):
            return True
        if n_dimensions == 0 or not isinstance(series, Sized) or isinstance(series, NO_SERIES):
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
        array = as_numbers(series, f"series {i} of X")
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
            "every series needs the same channels, as (n_channels, n_timepoints_i). If time is "
            "their first axis, pass [x.T for x in X]."
        )
    _check_finite(checked)
    if len({array.shape[1] for array in checked}) == 1:
        return np.stack(checked)
    return checked


def as_numbers(values, name, remedy=f"pass {SHAPES}"):
    """Return array-like values of any shape as floats, refusing all but real numbers.

    A message calls them ``name``, and ends in ``remedy``.
    """
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
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        reason, better = _why_no_numbers(values)
        raise kind(
            f"{name} is not an array of real numbers ({reason}); {better or remedy}."
        ) from error
    raise ValueError(f"{name} holds values of type {array.dtype}, not numbers; {remedy}.")


def _check_frame(X):
    """Refuse a data frame whose columns share a name, or whose rows may be timepoints."""
    if not getattr(getattr(X, "columns", None), "is_unique", True):
        raise ValueError(
            "X is a data frame whose column names are not unique; rename the columns, or pass "
            "X.to_numpy()."
        )
    if hasattr(X, "columns") and getattr(getattr(X, "index", None), "nlevels", 1) > 1:
        raise ValueError(
            "X is a data frame with a MultiIndex, as sktime's panels have; pass "
            "[x.to_numpy().T for _, x in X.groupby(level=0, sort=False)] if its rows are "
            "timepoints, X.to_numpy() if each row is a series, or use "
            "lstmfcn.sktime.SktimeClassifier."
        )
    if hasattr(X, "columns") and hasattr(X, "groupby"):
        _check_long(X)


def _check_long(frame):
    """Refuse a long table: a column tells which series a row belongs to, another one when."""
    names = {str(name).lower(): name for name in frame.columns}
    which = next((names[name] for name in SERIES_NAMES if name in names), None)
    when = next((names[name] for name in TIME_NAMES if name in names), None)
    if which is not None and when is not None and frame[which].duplicated().any():
        raise ValueError(
            f"X is a table with a row for each timepoint (columns {which!r} and {when!r}); pass "
            f"[x.sort_values({when!r}).drop(columns=[{which!r}, {when!r}]).to_numpy().T for _, x "
            f"in X.groupby({which!r}, sort=False)], and one label per series."
        )


def _why_no_numbers(values):
    """Return why values are no array of real numbers, and what to do, or "" for the usual."""
    if issparse(values) or hasattr(values, "sparse"):
        return "it is sparse", "pass a dense array, for example X.toarray()"
    is_frame = hasattr(values, "iloc")  # or a series of pandas
    if not is_frame and not isinstance(values, (list, tuple, np.ndarray)):
        if hasattr(values, "detach"):
            return (
                "it is a tensor with a gradient, or not in memory",
                "pass X.detach().cpu().numpy()",
            )
        better = "pass [np.asarray(x) for x in X] if it holds series of unequal length"
        return f"it is of type {type(values).__name__}", better * hasattr(values, "to_list")
    odd = _odd_entry(values.to_numpy() if is_frame else values)
    if odd is not None:
        return odd, ""
    if hasattr(values, "columns"):
        better = "lstmfcn.sktime.SktimeClassifier, or pass [np.stack(row) for row in X.to_numpy()]"
        return "its cells are series", f"pass it to {better}"
    if is_frame:
        return "its cells are series", "pass list(X)"
    return "its parts differ in length", ""


def _odd_entry(values, depth=0):
    """Say what the first entry of nested sequences is that is no real number; None if all are."""
    values = values.tolist() if isinstance(values, np.ndarray) else values
    if isinstance(values, (list, tuple)) or hasattr(values, "__array__"):
        if depth > MOST_DEPTH:
            return "it holds lists within lists without an end"
        return next(filter(None, (_odd_entry(entry, depth + 1) for entry in values)), None)
    try:
        float(values)
    except OverflowError:
        return "it holds a number that is too large"
    except (TypeError, ValueError):
        if isinstance(values, str):
            return f"it holds the text {brief(values)}"
        if isinstance(values, complex):  # scikit-learn's wording, here and below: its checks match
            return "Complex data not supported"
        kind = type(values).__name__
        return f"it holds a {kind}; an argument must be no string or other object but a number"
    return None


def brief(value, most=60):
    """Return ``repr(value)`` on one line and not too long, for a message.

    >>> brief([1, 2]), brief("a" * 100, most=8), brief(10**5000)
    ('[1, 2]', "'aaaa...", 'an int of too many digits')
    """
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return f"an {type(value).__name__} of too many digits"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _check_finite(series):
    """Refuse NaN and infinity, naming the first place."""
    if isinstance(series, np.ndarray):
        n_rows, pages = max(1, VALUES_AT_A_TIME // series[0].size), Pages(series)
        for start in range(0, len(series), n_rows):
            part = series[start : start + n_rows]
            pages.read(part.nbytes)
            if not np.isfinite(part).all():
                break
        else:
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


def check_matches_fit(series, reader, name):
    """Refuse series whose channels or length differ from those that a SeriesReader learned.

    ``series`` are as from :func:`as_series`; ``name`` is the estimator's, for the messages.
    """
    n_channels = series[0].shape[0]
    lengths = {values.shape[1] for values in series} if isinstance(series, list) else None
    n_timepoints = series.shape[2] if lengths is None else max(lengths)
    if n_channels != reader.n_channels:
        raise ValueError(
            f"X has {n_channels} channels, but this {name} was fitted on "
            f"{reader.n_channels}; pass the same channels, as (n_samples, n_channels, "
            "n_timepoints), or fit again."
        )
    if reader.unequal_length:
        return
    expected = reader.n_timepoints
    if lengths is not None:
        raise ValueError(
            f"X has series of {min(lengths)} to {max(lengths)} timepoints, but this {name} was "
            f"fitted on series of equal length {expected}; resample them, or fit it with "
            "unequal_length='resample' or 'pad'."
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


@contextlib.contextmanager
def axes_are_known():
    """Let fits inside take more channels than timepoints without a warning.

    For callers whose series come from a form that says which axis is time.
    """
    token = _axes_are_known.set(True)
    try:
        yield
    finally:
        _axes_are_known.reset(token)


def warn_if_time_is_second(X, series):
    """Warn where channels outnumber timepoints: X may have its axes in another order."""
    is_list = isinstance(series, list)
    n_timepoints = max(values.shape[1] for values in series) if is_list else series.shape[2]
    if series[0].shape[0] <= n_timepoints or _axes_are_known.get():
        return
    if is_list:
        found = f"series of shapes such as {series[0].shape}, read as (n_channels, n_timepoints_i)"
        remedy = "[x.T for x in X]"
    else:
        found = f"shape {series.shape}, read as (n_samples, n_channels, n_timepoints)"
        remedy = "X.transpose(0, 2, 1)" if isinstance(X, np.ndarray) else "np.moveaxis(X, 1, 2)"
    warn(
        f"X has {found}: more channels than timepoints; if you have exchanged them, pass {remedy}.",
    )


def check_labels(y, n_samples, name):
    """Return ``y`` as an array of class labels, (n_samples,); ``name`` is the estimator's."""
    _check_given(y, name, "label")
    if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
        raise ValueError(f"y has masked entries; {UNLABELLED}.")
    try:
        labels = column_or_1d(_of_its_own_type(y), warn=True)
    except (TypeError, ValueError) as error:
        what = f"of type {type(y).__name__}"
        if hasattr(y, "shape"):
            what = f"of shape {y.shape} and type {getattr(y, 'dtype', type(y).__name__)}"
        raise ValueError(
            f"y, {what}, does not hold one class label per series; pass a sequence of integers, "
            "strings or booleans."
        ) from error
    if len(labels) != n_samples:
        raise ValueError(
            f"X has {n_samples} series, but y has {len(labels)} labels; pass one label per series."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"y contains NaN or infinity; {UNLABELLED}.")
    if labels.dtype.kind in "mM" and np.isnat(labels).any():
        raise ValueError(f"y contains NaT (a missing date); {UNLABELLED}.")
    if labels.dtype.kind == "O" and any(is_missing(label) for label in labels):
        raise ValueError(f"y contains None or NaN; {UNLABELLED}.")
    entries = y if isinstance(y, (list, tuple)) else labels  # NumPy turns ["a", 1] into text
    if not labels.dtype.kind == "S" and len({isinstance(label, str) for label in entries}) > 1:
        raise ValueError(
            "y mixes strings with other types; pass labels of one type, for example all strings."
        )
    _check_label_type(labels)
    return labels


def _check_given(y, name, what):
    if y is None:
        raise ValueError(
            f"{name} requires y to be passed, but the target y is None; pass one {what} per series."
        )


def check_numbers(y, n_samples, name):
    """Return ``y``, a number per series, as float64 (n_samples,); ``name`` is the estimator's."""
    _check_given(y, name, "number")
    numbers = as_numbers(y, "y", "pass one number per series")
    if numbers.ndim == 2 and numbers.shape[1] > 1:
        raise ValueError(
            f"y has shape {numbers.shape}, but {name} predicts one number per series; fit one for "
            "each column, for example by sklearn.multioutput.MultiOutputRegressor."
        )
    if numbers.ndim == 2:
        numbers = column_or_1d(numbers, warn=True)
    if numbers.shape != (n_samples,):
        raise ValueError(
            f"X has {n_samples} series, but y has shape {numbers.shape}; pass one number per "
            "series."
        )
    if not np.isfinite(numbers).all():
        raise ValueError("y contains NaN or infinity; leave series without a number out.")
    if np.abs(numbers).max() > LARGEST_TARGET:
        raise ValueError(
            f"y holds numbers beyond {LARGEST_TARGET:g}, whose squares are infinite; rescale y."
        )
    return numbers.astype(np.float64)


def is_missing(label):
    return label is None or is_pandas_na(label) or (isinstance(label, Real) and label != label)


def _of_its_own_type(y):
    """Return labels of pandas and NumPy in a type that scikit-learn keeps.

    It makes floats of pandas' integers and booleans, and does not know NumPy's StringDType.
    """
    if hasattr(y, "iloc") and np.ndim(y) == 2 and y.shape[1] == 1:
        y = y.iloc[:, 0]
    if hasattr(y, "isna") and np.ndim(y) == 1 and not y.isna().any():
        return y.to_numpy(dtype=getattr(y.dtype, "numpy_dtype", None))
    return y.astype(object) if getattr(getattr(y, "dtype", None), "kind", "") == "T" else y


def _check_label_type(labels):
    """Refuse what are not classes: fractions, bytes, arbitrary objects."""
    kind = labels.dtype.kind
    if kind == "f":  # beyond 2**53 they may have been other whole numbers
        is_known = bool(((labels == np.rint(labels)) & (np.abs(labels) <= 2**53)).all())
    elif kind == "O":
        is_known = all(isinstance(label, str) for label in labels)
    else:
        is_known = kind in "biuUmM"
    if not is_known:
        what = "fractions, or numbers beyond 2**53," if kind == "f" else "values"
        raise ValueError(
            f"Unknown label type: y holds {what} of type {labels.dtype}, but class labels are "
            "integers, strings or booleans; convert it first, for example with y.astype(int) or "
            "y.astype(str)."
        )


def check_classes(classes, name, n_samples=None):
    """Refuse a training set of one class; warn where there are nearly as many as series."""
    if len(classes) < 2:
        raise ValueError(
            f"y has only one class, {classes.tolist()[0]!r}; {name} needs at least two classes."
        )
    if n_samples and len(classes) > max(FEW_CLASSES, n_samples / 2):
        warn(
            f"y has {len(classes)} classes for {n_samples} series; if it holds measurements or an "
            "index, pass class labels instead.",
        )


def draw_seeds(random_state, n_seeds):
    """Draw seeds, int of shape (n_seeds,), from an estimator's ``random_state``.

    They are small enough that the numbers counted up from them are seeds, too.
    """
    return check_random_state(random_state).randint(LARGEST_SEED, size=n_seeds)


def check_random_state(random_state):
    """Return scikit-learn's RandomState for a seed, or refuse what is none."""
    try:
        return _check_random_state(random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"random_state={brief(random_state)} is no seed; pass a whole number from 0 to "
            "2**32 - 1, a numpy.random.RandomState, or None."
        ) from error


def encode_labels(y, classes, name, remedy="Fit again to add classes."):
    """Turn labels into int32 indices into ``classes``, refusing those not seen in fit."""
    order = {label: i for i, label in enumerate(classes.tolist())}
    unknown = sorted({str(label) for label in y.tolist() if label not in order})
    if unknown:
        texts = set(map(str, order))  # "0" is not what the class 0 misses
        unknown = [label for label in unknown if label not in texts] or unknown
        raise ValueError(
            f"y has labels that {name} was not fitted on: {_some(unknown)}; its classes are "
            f"{_some(classes.tolist())}. {remedy}"
        )
    return np.array([order[label] for label in y.tolist()], np.int32)


def with_new_classes(classes, y, n_samples, name):
    """Return the sorted classes of a classifier and of new labels."""
    y = check_labels(y, n_samples, name)
    check_comparable(y, classes, name)
    return np.union1d(classes, y)


def check_comparable(y, classes, name):
    """Refuse to compare numbers with strings."""
    kinds = ["strings" if labels.dtype.kind in "OU" else "numbers" for labels in (y, classes)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"y holds {kinds[0]}, but the classes of this {name} are {kinds[1]}: "
            f"{_some(classes.tolist())}; pass labels of the same type."
        )


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
            f"class_weight={brief(class_weight)} has a weight that is not a number in "
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


def check_split_of_numbers(n_samples, fraction):
    """Refuse to hold out so large a fraction that fewer than two series are left."""
    n_left = n_samples - math.ceil(fraction * n_samples)
    if n_left < 2:
        raise ValueError(
            f"validation_fraction={fraction} leaves {n_left} of {n_samples} series to learn from; "
            "pass validation_data instead, or more series."
        )


def check_counts(*, least=1, most=math.inf, **values):
    """Refuse arguments that are not whole numbers of at least, and at most, so much."""
    span = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
    for name, value in values.items():
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not is_whole or not least <= value <= most:
            raise ValueError(f"{name}={brief(value)} must be a whole number {span}.")


def check_choice(value, name, choices):
    """Refuse an argument that is none of the choices."""
    if not any(value is choice or (type(value) is str and value == choice) for choice in choices):
        options = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}={brief(value)} is unknown; choose one of {options}.")


def check_views(views):
    """Return what the convolutions read as a tuple, each of ``VIEWS`` at most once."""
    given = views if isinstance(views, Sized) and not isinstance(views, str) else ()
    given = tuple(given)
    known = [view for view in given if isinstance(view, str) and view in VIEWS]
    if not given or len(set(known)) != len(given):
        options = ", ".join(repr(view) for view in VIEWS)
        raise ValueError(f"views={brief(views)} is not a sequence out of {options}, each once.")
    return given


def check_callbacks(callbacks):
    """Refuse callbacks that are not instances of Keras' (Keras is not imported to know it)."""
    for callback in callbacks or ():
        if isinstance(callback, type) or not hasattr(callback, "set_model"):
            raise TypeError(
                f"callbacks holds {brief(callback)}, which is not a keras.callbacks.Callback; pass "
                "a list of instances."
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
        raise ValueError(f"learning_rate={brief(value)} must be a number in (0, 10].")


def _some(labels):
    return listed(map(brief, labels), most=6)


def check_weights(sample_weight, n_samples):
    """Return ``sample_weight`` as float32 of shape (n_samples,); None means ones, a number all."""
    if sample_weight is None:
        return np.ones(n_samples, np.float32)
    weights = as_numbers(sample_weight, "sample_weight", f"pass {n_samples} numbers >= 0")
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
            "sample_weight is zero for every series; give those to learn from positive weights."
        )
    return weights


def check_blocks(n_filters, kernel_sizes, pool_sizes, dilation_rates, n_timepoints):
    """Resolve what is "auto" about convolution blocks, and check it against the series' length.

    Instead of ``pool_sizes`` it takes how many steps they shall leave, or None. Returns the four
    as tuples in a dict, by name.

    >>> blocks = check_blocks((64, 128, 64), "auto", 32, "auto", 150)
    >>> blocks["pool_sizes"], blocks["dilation_rates"]
    ((1, 2, 2), (1, 2, 4))
    >>> check_blocks((64, 128, 64), "auto", None, "auto", 4)["kernel_sizes"]
    (4, 4, 3)
    """
    blocks = {"n_filters": check_sizes(n_filters, "n_filters", 4096)}
    n_blocks = len(blocks["n_filters"])

    def take(name, values, automatic):
        values = automatic if isinstance(values, str) else values
        blocks[name] = check_sizes(values, name, 100_000)
        if len(blocks[name]) != n_blocks:
            raise ValueError(
                f"{name}={blocks[name]} and n_filters={blocks['n_filters']} differ in length; pass "
                "one entry per convolution block."
            )
        return blocks[name]

    automatic = [min(size, n_timepoints) for size in (8, 5, *[3] * n_blocks)][:n_blocks]
    sizes = take("kernel_sizes", kernel_sizes, automatic)
    if not isinstance(pool_sizes, tuple):
        pool_sizes = _sizes_that_leave(pool_sizes, n_blocks, n_timepoints)
    pools = take("pool_sizes", pool_sizes, None)
    n_steps = [-(-n_timepoints // n) for n in itertools.accumulate(pools, operator.mul)]
    widest = [(n - 1) // max(1, size - 1) for n, size in zip(n_steps, sizes, strict=True)]
    automatic = [max(1, min(2**block, most)) for block, most in enumerate(widest)]
    rates = (1,) * n_blocks if dilation_rates is None else dilation_rates
    rates = take("dilation_rates", rates, automatic)
    span = max(rate * (size - 1) + 1 for rate, size in zip(rates, sizes, strict=True))
    for excess, found, remedy in (
        (max(sizes), f"kernel_sizes={sizes} has a kernel of", "shorter kernels"),
        (math.prod(pools), f"pool_sizes={pools} averages", "smaller ones"),
        (span, f"dilation_rates={rates} spreads a kernel over", "smaller ones"),
    ):
        if excess > n_timepoints:
            raise ValueError(
                f"{found} {excess} timepoints, but the series have {n_timepoints}; use {remedy} "
                f"or {found.partition('=')[0]}='auto'."
            )
    return blocks


def _sizes_that_leave(n_steps, n_blocks, n_timepoints):
    """Return powers of 2, the larger ones first, that leave ``n_steps`` to twice as many.

    The first block reads the series as they are, and short series keep their timepoints.
    """
    gaps, n = [1] * (n_blocks - 1), 0
    while gaps and n_steps and n_timepoints / 2 ** (n + 1) >= n_steps:
        gaps[n % len(gaps)] *= 2
        n += 1
    return [1, *gaps]


def check_sizes(values, name, largest):
    """Return a non-empty sequence of whole numbers in [1, largest] as a tuple of int."""
    is_sequence = isinstance(values, Sized) and getattr(values, "ndim", 1) == 1
    counts = tuple(values) if is_sequence and len(values) <= MOST_SIZES else ()
    whole = all(
        isinstance(c, (int, np.integer)) and not isinstance(c, bool) and 1 <= c <= largest
        for c in counts
    )
    if not counts or not whole:
        raise ValueError(
            f"{name}={brief(values)} is not a sequence of 1 to {MOST_SIZES} whole numbers between "
            f"1 and {largest}; pass one per "
            f"{'candidate' if name == 'n_cells' else 'convolution block'}."
        )
    return tuple(int(c) for c in counts)
