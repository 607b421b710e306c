"""Which samples do predictions and answers share, and which classes do their labels mean?"""

from collections import Counter

import numpy as np

from lstmfcn.emotion.zero_shot.files import read_csv, sample_name
from lstmfcn.emotion.zero_shot.scores import LEFT_OUT
from lstmfcn.emotion.zero_shot.tasks import POLARITY
from lstmfcn.warning import warn

__all__ = ["shared_samples"]


def shared_samples(labels, answers, *, column="discrete"):
    """Return the samples of a label file that a model has answered.

    A test split, say: its samples are not among those that a classifier was trained on, as
    others of the answered ones may be.

    Parameters
    ----------
    labels : str or path-like
        CSV file with the columns ``name`` and ``column``.
    answers : ZeroShotAnswers
    column : str, default="discrete"

    Returns
    -------
    names : list of str
        As the label file has them, in its order.
    y_true : ndarray of shape (n_shared,)
        Their labels in that file, for ``y_true`` of :func:`compare_to_zero_shot`.

    Raises
    ------
    ValueError
        If it is no such file, or no sample is shared.
    OSError
        If the file is not there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion.zero_shot import answers_from_counts, shared_samples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "label-test.csv"
    ...     _ = file.write_text("name,discrete\\nnot-answered,positive\\n7,negative\\n")
    ...     shared_samples(file, answers_from_counts("CMU-MOSI"))
    (['7'], array(['negative'], dtype='<U8'))
    """
    rows = read_csv(labels, ("name", column))
    answered = {
        sample_name(name)
        for name, answer in zip(answers.names, answers.ranked, strict=True)
        if answer
    }
    shared = [row for name, row in rows.items() if name in answered]
    if not shared:
        raise ValueError(
            f"none of the {len(rows)} samples of {labels} was answered in {answers.task.title}; "
            "give a label file of the same dataset, with its names."
        )
    return [row["name"] for row in shared], np.array([row[column] for row in shared])


def column(values, name):
    """Return labels as an array of shape (n,), or refuse them."""
    values = np.asarray(values)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"{name} has shape {values.shape}; pass one label for each of at least one sample."
        )
    return values


def positions(names, answers, n_predictions):
    """Return where the named samples are among the answers, int (n_predictions,)."""
    if answers.source == "counts":
        raise ValueError(
            f"the answers to {answers.task.title} are counts, which have no names; load its files "
            "with load_zero_shot."
        )
    names = [sample_name(name) for name in names]
    if len(names) != n_predictions:
        raise ValueError(
            f"there are {n_predictions} predictions, but {len(names)} names; pass one for each."
        )
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise ValueError(
            f"{len(twice)} samples are named more than once: {_some(twice)}; predict each once."
        )
    index = {sample_name(name): i for i, name in enumerate(answers.names)}
    unknown = [name for name in names if name not in index]
    if unknown:
        raise ValueError(
            f"{len(unknown)} of {len(names)} names are not in {answers.task.title}: "
            f"{_some(unknown)}; its names look like {_some(answers.names[:2])}."
        )
    return np.array([index[name] for name in names])


def _some(names):
    return ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")


def _class_of(task, label):
    """Return the class that a label of a classifier or of another label file means, or None."""
    if isinstance(label, float) and task.rule == "polarity":
        return POLARITY[label > 0]
    label = str(label)
    if label in task.classes():
        return label
    return task.predicted_class(task.spelling.get(label, label))


def _labels(task, values, name):
    """Return labels as they are, or as a list of float if they are intensities."""
    if task.rule != "polarity":
        return values.tolist()
    try:
        values = values.astype(float)
    except ValueError:
        return values.tolist()
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has a value that is no finite number; give each sample one.")
    return values.tolist()


def predicted_classes(task, y_pred):
    """Return the index of each prediction's class, int (n,); n_classes if it is none."""
    classes = task.classes()
    found = [_class_of(task, label) for label in _labels(task, y_pred, "y_pred")]
    strange = Counter(str(y) for y, one in zip(y_pred, found, strict=True) if one is None)
    if strange:
        said = ", ".join(f"{label!r} ({n})" for label, n in strange.most_common(3))
        several = f"{strange.total()} of {len(y_pred)} predictions are no class of {task.title}"
        advice = f"its classes are {', '.join(classes)}."
        if strange.total() == len(y_pred):
            raise ValueError(f"{several}: {said}; {advice}")
        warn(f"{several} and count as wrong: {said}; {advice}")
    return np.array([len(classes) if one is None else classes.index(one) for one in found])


def given_classes(task, y_true, n_predictions):
    """Return the index of each true label's class, int (n,); LEFT_OUT for one that is neutral."""
    if len(y_true) != n_predictions:
        raise ValueError(
            f"there are {n_predictions} predictions, but y_true has {len(y_true)} labels; pass one "
            "for each."
        )
    classes, found = task.classes(), []
    for label in _labels(task, y_true, "y_true"):
        one = _class_of(task, label)
        if one is None:
            raise ValueError(
                f"y_true has {label!r}, which is no class of {task.title}; its classes are "
                f"{', '.join(classes)}."
            )
        zero = task.rule == "polarity" and label in (0.0, "neutral")
        found.append(LEFT_OUT if zero else classes.index(one))
    return np.array(found)
