"""How good are the predictions of one run?"""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

METRICS = {
    "accuracy": "larger",
    "balanced_accuracy": "larger",
    "weighted_f1": "larger",
    "auroc": "larger",
    "log_loss": "smaller",
    "per_class_error": "smaller",
}
"""The names of the metrics, and whether larger or smaller values are better."""

COSTS = ("fit_seconds", "predict_seconds", "epochs", "peak_memory_bytes", "n_parameters")
"""What a run takes beside its metrics; smaller is better."""

LEAST_PROBABILITY = 1e-7  # in a log loss: one wrong sample costs 16 at most
ROUNDING = 1e-6  # that a probability may be out of [0, 1] by
LARGEST_GAP = 0.01  # between 1 and a sum of probabilities: tsml files may have two digits


def classification_metrics(y_true, y_pred, probabilities=None, classes=None):
    """Measure predictions against the truth.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
    probabilities : array-like of shape (n_samples, n_classes), optional
        Without them ``log_loss`` and ``auroc`` are None.
    classes : array-like of shape (n_classes,), optional
        The label of each column of the probabilities; by default the labels that occur.

    Returns
    -------
    dict of str to float or None
        ``accuracy``; ``balanced_accuracy``: the mean recall of the classes in ``y_true``;
        ``weighted_f1``; ``auroc``: for several classes the mean over each class against the rest,
        without classes that no sample or every sample has; None if no class is left;
        ``log_loss``: natural logarithm, probabilities kept above 1e-7, a class without a column
        counting as probability 0; ``per_class_error``: the error divided by the number of
        classes, the term of one dataset in the MPCE.

    Raises
    ------
    ValueError
        If the lengths or the columns do not fit. If the probabilities of a sample are not in
        [0, 1], or do not sum to 1 (to two digits).

    See Also
    --------
    score_table : collects them over datasets and models.

    Examples
    --------
    >>> from lstmfcn.evaluation import classification_metrics
    >>> found = classification_metrics([0, 1, 1], [0, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> round(found["accuracy"], 3), found["auroc"], round(found["log_loss"], 3)
    (0.667, 1.0, 0.415)
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if len(y_true) != len(y_pred) or not len(y_true):
        raise ValueError(
            f"there are {len(y_pred)} predictions for {len(y_true)} samples; pass one for each "
            "of at least one sample."
        )
    accuracy = float(accuracy_score(y_true, y_pred))
    present = np.unique(y_true)
    known = np.union1d(present, y_pred if classes is None else classes)
    result = {
        "accuracy": accuracy,
        "balanced_accuracy": float(np.mean([np.mean(y_pred[y_true == c] == c) for c in present])),
        "weighted_f1": float(f1_score(y_true, y_pred, average="weighted", zero_division=0.0)),
        "auroc": None,
        "log_loss": None,
        "per_class_error": (1.0 - accuracy) / len(known),
    }
    if probabilities is None:
        return result
    probabilities = np.asarray(probabilities, dtype=float)
    columns = list(known if classes is None else classes)
    if probabilities.shape != (len(y_true), len(columns)):
        raise ValueError(
            f"the probabilities have shape {probabilities.shape}; pass one row for each of "
            f"{len(y_true)} samples and one column for each of {len(columns)} classes."
        )
    _check_probabilities(probabilities)
    areas, of_truth = [], np.zeros(len(y_true))
    for label, column in zip(columns, probabilities.T, strict=True):
        belongs = y_true == label
        of_truth[belongs] = column[belongs]
        if 0 < belongs.sum() < len(y_true):
            areas.append(roc_auc_score(belongs, column))
    # Of two classes either column gives the same area.
    result["auroc"] = float(np.mean(areas)) if areas else None
    result["log_loss"] = float(-np.log(np.maximum(of_truth, LEAST_PROBABILITY)).mean())
    return result


def _check_probabilities(probabilities):
    """Refuse numbers that are no probabilities: they would give a log loss and an AUROC, too."""
    inside = (probabilities >= -ROUNDING) & (probabilities <= 1.0 + ROUNDING)
    fits = inside.all(axis=1) & (np.abs(probabilities.sum(axis=1) - 1.0) <= LARGEST_GAP)
    if not fits.all():
        i = int(fits.argmin())
        row, dots = probabilities[i, :3].tolist(), ", ..." if probabilities.shape[1] > 3 else ""
        raise ValueError(
            f"the probabilities of sample {i} are {', '.join(f'{p:.3g}' for p in row)}{dots}, "
            f"which sum to {probabilities[i].sum():.3g}; pass numbers from 0 to 1 that sum to 1, "
            "or none."
        )
