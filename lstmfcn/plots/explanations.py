"""How do displays get series, maps and class names from a fitted classifier?"""

from collections.abc import Hashable, Mapping

import numpy as np

from lstmfcn.plots.display import floats, plain
from lstmfcn.validation import as_series, check_choice, check_counts, check_labels

METHODS = {  # a classifier's maps, and what their values are
    "attention_map": "attention",
    "class_activation_map": "contribution to the logit",
    "gradient_map": "gradient x input",
}


def take_one(X, index):
    """Return one series of ``X`` as an ``X`` of one sample."""
    check_counts(least=0, most=len(as_series(X)) - 1, index=index)
    return X[index : index + 1]


def read_maps(estimator, X, method, y=None):
    """Return the series of ``X``, a list of (n_channels, T_i), and their maps, a list of (T_i,).

    The maps explain the class ``y``, by default the predicted class. Attention has no class.
    """
    check_choice(method, "method", list(METHODS))
    if not hasattr(estimator, method):
        existing = [name for name in METHODS if hasattr(estimator, name)]
        remedy = f"choose one of {', '.join(existing)}" if existing else "pass a classifier"
        raise ValueError(f"{type(estimator).__name__} has no {method}; {remedy}.")
    if method == "attention_map" and y is not None:
        raise ValueError(
            f"y={y!r} chooses a class, but attention is the same for all classes; leave y out."
        )
    arguments = () if y is None else (y,)
    series = list(as_series(X))
    return series, fit_lengths(estimator, getattr(estimator, method)(X, *arguments), series)


def fit_lengths(estimator, maps, series):
    """Bring maps (n_samples, n_timepoints) from the network's length to the length of each series.

    Padding is dropped. An end that the network did not see gets 0. The map of a resampled series is
    spread over its timepoints so that every stretch keeps its sum.
    """
    resampled = getattr(estimator, "unequal_length_in_", None) == "resample"
    fitted = []
    for one, relevance in zip(series, maps, strict=True):
        length, n_columns = one.shape[1], len(relevance)
        if resampled and length != n_columns:
            edges, new_edges = (np.linspace(0.0, 1.0, n + 1) for n in (n_columns, length))
            so_far = np.concatenate([[0.0], np.cumsum(relevance)])
            relevance = np.diff(np.interp(new_edges, edges, so_far))
        elif length > n_columns:
            relevance = np.pad(relevance, (0, length - n_columns))
        fitted.append(np.asarray(relevance[:length], float))
    return fitted


def prediction_title(estimator, one, class_names):
    """Return a title with the class predicted for an ``X`` of one sample."""
    probabilities = estimator.predict_proba(one)[0]
    name = class_name(estimator.classes_[probabilities.argmax()], class_names)
    return f"predicted {name} (probability {probabilities.max():.2f})"


def class_name(label, class_names=None):
    """Return the name of a class: the given name, its label if text, or "class 1"."""
    if not isinstance(class_names, Mapping | None):
        raise TypeError(
            f"class_names is of type {type(class_names).__name__}; pass a dict of label to name."
        )
    name = label if isinstance(label, str) else f"class {label}"
    return plain((class_names or {}).get(label, name) if isinstance(label, Hashable) else name)


def check_series(series):
    """Return one series as (n_channels, n_timepoints)."""
    values = np.atleast_2d(floats(series, "series"))
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f"series has shape {np.shape(series)}; pass finite numbers of shape (n_timepoints,) "
            "or (n_channels, n_timepoints)."
        )
    return values


def check_relevance(relevance, series, name="relevance"):
    """Return a map as floats, one finite value for each timepoint of its series."""
    values = floats(relevance, name)
    if values.shape != series.shape[1:]:
        raise ValueError(
            f"{name} has shape {values.shape}, but its series has {series.shape[1]} timepoints; "
            "pass one value per timepoint."
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{name} contains NaN or infinity; pass finite numbers.")
    return values


def check_maps(series, maps, labels):
    """Return series and maps as lists, and labels as an array: one of each per series."""
    series = list(as_series(series))
    labels = check_labels(labels, len(series), "the display")
    if len(maps) != len(series):
        raise ValueError(f"{len(maps)} maps came with {len(series)} series; pass one per series.")
    maps = [
        check_relevance(values, one, f"map {i}")
        for i, (values, one) in enumerate(zip(maps, series, strict=True))
    ]
    return series, maps, labels
