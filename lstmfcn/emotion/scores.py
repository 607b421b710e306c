"""How good are predictions by MER2024's measures, and how are they handed in?"""

import numpy as np

from lstmfcn.emotion.clip_labels import (
    EMOTIONS,
    NO_VALENCE,
    checked_classes,
    known_labels,
    name_problems,
    refuse_rows,
)
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.files import write_csv

VALENCE_WEIGHT = 0.25  # of the squared error in the combined score of MER2023


def mer_scores(y_true, y_pred, *, classes=EMOTIONS, valence_true=None, valence_pred=None):
    """Score emotions, and valence where there is any, as MER2023 and MER2024 do.

    Parameters
    ----------
    y_true, y_pred : array-like of str of shape (n_clips,)
    classes : sequence of str, default=EMOTIONS
    valence_true, valence_pred : array-like of float of shape (n_clips,), optional
        Clips whose true valence is NaN do not count.

    Returns
    -------
    dict
        ``weighted_f1``: the WAF that MER2024 ranks by, sum_c (n_c / N) F1_c, where a class that
        was never predicted has F1 0; ``accuracy``; ``per_class_recall``: dict of class to recall,
        None for a class that does not occur; ``valence_mse``: mean squared error, in squared units
        of valence, or None; ``combined``: the score of MER2023, weighted_f1 - 0.25 valence_mse,
        or None.

    Raises
    ------
    ValueError
        If labels are unknown, lengths differ, or a predicted valence is not finite.

    See Also
    --------
    open_vocabulary_scores : The measures of the track MER-OV.

    References
    ----------
    Lian et al., "MER 2023: Multi-label Learning, Modality Robustness, and Semi-Supervised
    Learning", 2023, arXiv:2304.08981.

    Examples
    --------
    >>> from lstmfcn.emotion import mer_scores
    >>> scores = mer_scores(["happy", "happy", "sad"], ["happy", "sad", "sad"])
    >>> round(scores["weighted_f1"], 4), scores["per_class_recall"]["happy"]
    (0.6667, 0.5)
    """
    classes = checked_classes(classes)
    y_true = known_labels(y_true, "y_true", classes)
    y_pred = known_labels(y_pred, "y_pred", classes)
    found = classification_metrics(y_true, y_pred)
    recall = {}
    for emotion in classes:
        hits = y_pred[y_true == emotion] == emotion
        recall[emotion] = float(hits.mean()) if len(hits) else None
    mse, waf = _valence_mse(valence_true, valence_pred, len(y_true)), found["weighted_f1"]
    return {
        "weighted_f1": waf,
        "accuracy": found["accuracy"],
        "per_class_recall": recall,
        "valence_mse": mse,
        "combined": None if mse is None else waf - VALENCE_WEIGHT * mse,
    }


def write_submission(path, names, y, valence=None, *, classes=EMOTIONS):
    """Write predictions as the challenge wants them: `name,discrete[,valence]`.

    Parameters
    ----------
    path : str or path
        A CSV file; it appears whole or not at all.
    names : sequence of str of length n_clips
    y : array-like of str of shape (n_clips,)
        Predicted emotions.
    valence : array-like of float of shape (n_clips,), optional
    classes : sequence of str, default=EMOTIONS

    Raises
    ------
    ValueError, OSError
        If a clip's entries cannot be used, or the file cannot be written.

    See Also
    --------
    load_labels : Reads the file again.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import write_submission
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "answer.csv")
    ...     write_submission(path, ["a"], ["sad"])
    ...     path.read_text()
    'name,discrete\\na,sad\\n'
    """
    names = list(names)
    y = known_labels(y, "y", checked_classes(classes))
    if len(names) != len(y):
        raise ValueError(f"there are {len(names)} names and {len(y)} emotions; pass one per clip.")
    rows = [(f"row {i}", {"name": name}) for i, name in enumerate(names)]
    refuse_rows("the submission", name_problems(rows))
    columns = {"name": names, "discrete": y.tolist()}
    if valence is not None:
        columns["valence"] = _finite(valence, "valence", len(y)).tolist()
    write_csv(path, columns, zip(*columns.values(), strict=True))


def _valence_mse(truth, predicted, n_clips):
    if truth is None and predicted is None:
        return None
    if truth is None or predicted is None:
        there = "predicted" if truth is None else "true"
        raise ValueError(f"only the {there} valence was passed; pass both or none.")
    truth = np.asarray(truth, dtype=np.float64)
    if truth.shape != (n_clips,) or np.isinf(truth).any():
        raise ValueError(
            f"valence_true has the shape {truth.shape} or infinite values; pass {n_clips} numbers, "
            "NaN for a clip without valence."
        )
    predicted = _finite(predicted, "valence_pred", n_clips)
    rated = ~np.isnan(truth) & (truth != NO_VALENCE)
    return float(np.mean(np.square((truth - predicted)[rated]))) if rated.any() else None


def _finite(values, name, n_clips):
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (n_clips,):
        raise ValueError(f"{name} has the shape {values.shape}; pass {n_clips} numbers.")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"{name} is {values[row]} in row {row}; pass finite numbers.")
    return values
