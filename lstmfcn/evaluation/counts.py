"""Which scores follow from counts of samples by true and predicted class?"""

import numpy as np

COUNTED = ("accuracy", "uar", "waf")
"""Accuracy; unweighted average recall; F1 of the classes weighted by their samples."""


def count(shape, *indices):
    """Count samples in an array of a shape; ``indices`` are int (n_samples,) along each axis."""
    counts = np.zeros(shape, dtype=int)
    np.add.at(counts, indices, 1)
    return counts


def tallies(matrices):
    """Return all that the scores need of matrices (..., n_classes, n_classes + 1).

    That is (..., 3, n_classes): of each class the samples that are right, that have it, and that
    are given it. They add up over samples, as the matrices do, and are smaller.
    """
    right = np.diagonal(matrices, axis1=-2, axis2=-1)
    return np.stack([right, matrices.sum(axis=-1), matrices[..., :-1].sum(axis=-2)], axis=-2)


def measure(matrices):
    """Return metric -> float or array (...) of matrices (..., n_classes, n_classes + 1)."""
    return measure_tallies(tallies(matrices))


def measure_tallies(found):
    """Return metric -> float or array (...) of :func:`tallies` (..., 3, n_classes)."""
    right, have, given = np.moveaxis(found, -2, 0)  # (..., n_classes), as is all below
    recall = right / np.maximum(have, 1)  # no samples: none are right
    f1 = 2 * right / np.maximum(have + given, 1)
    n = have.sum(axis=-1)
    metrics = {
        "accuracy": right.sum(axis=-1) / n,
        "uar": recall.sum(axis=-1) / (have > 0).sum(axis=-1),
        "waf": (have * f1).sum(axis=-1) / n,
    }
    return metrics if n.ndim else {name: float(value) for name, value in metrics.items()}


def majority(counts):
    """Return the metrics of always answering the most frequent class; counts (n_classes,)."""
    is_most = np.arange(len(counts)) == np.argmax(counts)
    return measure_tallies(np.stack([counts * is_most, counts, np.sum(counts) * is_most]))
