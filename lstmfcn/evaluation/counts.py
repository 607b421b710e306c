"""Which scores follow from counts of samples by true and predicted class?"""

import numpy as np

COUNTED = ("accuracy", "uar", "waf")
"""Accuracy; unweighted average recall; F1 of the classes weighted by their samples."""


def count(shape, *indices):
    """Count samples in an array of a shape; ``indices`` are int (n_samples,) along each axis."""
    counts = np.zeros(shape, dtype=int)
    np.add.at(counts, indices, 1)
    return counts


def measure(matrices):
    """Return metric -> float or array (...) of matrices (..., n_classes, n_classes + 1)."""
    right = np.diagonal(matrices, axis1=-2, axis2=-1)  # (..., n_classes), as are all below
    have, given = matrices.sum(axis=-1), matrices[..., :-1].sum(axis=-2)
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
    matrix = np.zeros((len(counts), len(counts) + 1))
    matrix[:, counts.argmax()] = counts
    return measure(matrix)
