"""Is a trained classifier better than a model that never saw the dataset, on the same samples?"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.stats

from lstmfcn.emotion.zero_shot.join import (
    column,
    given_classes,
    positions,
    predicted_classes,
)
from lstmfcn.emotion.zero_shot.scores import (
    LEFT_OUT,
    METRICS,
    answered_class,
    bootstrap,
    interval,
    measure,
    true_classes,
)
from lstmfcn.emotion.zero_shot.tasks import RULES

__all__ = ["ZeroShotComparison", "compare_to_zero_shot", "mcnemar"]


@dataclass(frozen=True)
class ZeroShotComparison:
    """Two systems on the same samples: ``ours`` was trained, ``zero_shot`` was only asked.

    Attributes
    ----------
    dataset, variant : str
    classes : tuple of str
    names : list of str
        The samples compared: predicted by us, answered by the other, and of a class.
    y_true, ours, zero_shot : str ndarrays of shape (n,)
        The class of each; ``""`` is a prediction or answer that is no class, and wrong.
    metric : str
        The first that was published for the dataset.
    scores : dict of metric to dict
        In [0, 1]: ``ours``, ``zero_shot``, and their 95 % bootstrap intervals ``ours_interval``
        and ``zero_shot_interval``; ``difference`` (ours minus the other), and ``low`` and
        ``high``, its 95 % paired bootstrap interval.
    strict : dict of metric to dict
        ``ours`` and ``zero_shot`` on all samples that we predicted and that are of a class; what
        was not answered is wrong.
    n_strict : int
    only_ours, only_zero_shot : int
        Samples that one of both has right, and not the other.
    p_value : float
        Of :func:`mcnemar` on these.
    per_class : list of dict
        ``class``, ``n``, the recalls ``ours`` and ``zero_shot`` (None where n is 0), and
        their intervals as in ``scores``.
    majority : dict of metric to float
        Of always predicting the most frequent class of these samples.
    n_predictions, n_unanswered, n_neutral : int
        Our predictions; those without an answer of the other; those whose true intensity is 0.
    n_answered : int
        All samples that the other answered: of these, ``len(names)`` are compared.
    n_relabelled : int
        Compared samples whose given class is not the one released, or none was: intensity 0.
    """

    dataset: str
    variant: str
    classes: tuple
    names: list
    y_true: np.ndarray
    ours: np.ndarray
    zero_shot: np.ndarray
    metric: str
    scores: dict
    strict: dict
    n_strict: int
    only_ours: int
    only_zero_shot: int
    p_value: float
    per_class: list
    majority: dict
    n_predictions: int
    n_unanswered: int
    n_neutral: int
    n_answered: int
    n_relabelled: int

    @property
    def n(self):
        """Number of samples compared."""
        return len(self.names)


def compare_to_zero_shot(y_pred, names, answers, *, y_true=None, n_bootstrap=2000, random_state=0):
    """Compare predictions with a model's answers to the same samples.

    Both are scored by one rule: true labels in the spelling of the vocabulary, predictions and
    answers that are no class wrong. The published numbers are over other samples; do not subtract
    from them.

    Parameters
    ----------
    y_pred : array-like of shape (n_predictions,)
        Classes; where emotions are scored by sentiment either of both; where truth is an
        intensity, numbers, of which those above zero are positive, or "positive" and "negative".
    names : sequence of str of length n_predictions
        As in the dataset; folders and endings of media files are ignored.
    answers : ZeroShotAnswers
        Of :func:`lstmfcn.emotion.zero_shot.load_zero_shot`.
    y_true : array-like of shape (n_predictions,), optional
        The truth, where it is not the one released with the answers: as ``y_pred``.
    n_bootstrap : int, default=2000
        How often the samples are drawn with replacement, both systems' together.
    random_state : int or RandomState, default=0

    Returns
    -------
    ZeroShotComparison

    Raises
    ------
    ValueError
        If lengths differ, a name is there twice or not one of the dataset's, no prediction is a
        class, or no sample is left.

    Warns
    -----
    UserWarning
        If some predictions are no class.

    References
    ----------
    McNemar, "Note on the Sampling Error of the Difference Between Correlated Proportions or
    Percentages", Psychometrika 12(2), 1947. Efron, Tibshirani, "An Introduction to the Bootstrap",
    1993, on the percentile interval.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.zero_shot import ZeroShotAnswers, ZeroShotTask, compare_to_zero_shot
    >>> answers = ZeroShotAnswers(
    ...     ZeroShotTask("mine", ("happy", "sad")),
    ...     "",
    ...     ["a", "b", "c", "d"],
    ...     np.array(["happy", "sad", "sad", "sad"]),
    ...     [("happy", "sad"), ("happy",), ("bored", "sad"), ()],
    ... )
    >>> result = compare_to_zero_shot(["happy", "sad", "sad", "sad"], list("abcd"), answers)
    >>> result.n, result.only_ours, result.only_zero_shot, result.p_value, result.n_unanswered
    (3, 2, 0, 0.5, 1)
    >>> round(result.scores["accuracy"]["difference"], 3), result.strict["accuracy"]["zero_shot"]
    (0.667, 0.25)
    """
    task, classes = answers.task, answers.task.classes()
    y_pred = column(y_pred, "y_pred")
    where = positions(names, answers, len(y_pred))
    ours = predicted_classes(task, y_pred)
    zero_shot = np.array([answered_class(task, answers.ranked[i], "wrong", classes) for i in where])
    answered = np.array([bool(answers.ranked[i]) for i in where])
    released = true_classes(task, answers.y_true[where])
    truth = (
        released if y_true is None else given_classes(task, column(y_true, "y_true"), len(y_pred))
    )

    of_a_class = truth != LEFT_OUT
    compared = of_a_class & answered
    if not compared.any():
        raise ValueError(
            f"none of the {len(y_pred)} predictions is of a sample that has both a class and an "
            f"answer in {task.title} {answers.variant}".rstrip()
            + "; predict others."
        )
    joint = _count(truth[compared], ours[compared], zero_shot[compared], len(classes))
    scores, draws = _compare(joint, n_bootstrap, random_state)
    everything = _both(
        _count(truth[of_a_class], ours[of_a_class], zero_shot[of_a_class], len(classes))
    )
    right = ours[compared] == truth[compared], zero_shot[compared] == truth[compared]
    only_ours, only_zero_shot = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
    spelled = np.array([*classes, ""])
    return ZeroShotComparison(
        dataset=task.title,
        variant=answers.variant,
        classes=classes,
        names=[answers.names[i] for i in where[compared]],
        y_true=spelled[truth[compared]],
        ours=spelled[ours[compared]],
        zero_shot=spelled[zero_shot[compared]],
        metric=RULES[task.rule][0],
        scores=scores,
        strict={
            metric: {name: float(values[metric]) for name, values in everything.items()}
            for metric in METRICS
        },
        n_strict=int(of_a_class.sum()),
        only_ours=only_ours,
        only_zero_shot=only_zero_shot,
        p_value=mcnemar(only_ours, only_zero_shot),
        per_class=_per_class(classes, joint, draws),
        majority=_majority(joint),
        n_predictions=len(y_pred),
        n_unanswered=int(np.sum(~answered)),
        n_neutral=int(np.sum(~of_a_class)),
        n_answered=sum(map(bool, answers.ranked)),
        n_relabelled=int(np.sum(truth[compared] != released[compared])),
    )


def mcnemar(only_first, only_second):
    """Return the exact two-sided p-value of McNemar's test.

    Parameters
    ----------
    only_first, only_second : int
        Samples that one of two systems has right, and not the other.

    Returns
    -------
    float in [0, 1]
        The probability that of so many samples at least as many fall to one side, if each side is
        equally likely; 1 if there are none.

    References
    ----------
    McNemar, "Note on the Sampling Error of the Difference Between Correlated Proportions or
    Percentages", Psychometrika 12(2), 1947.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot import mcnemar
    >>> mcnemar(9, 1) == 2 * (1 + 10) / 2**10, mcnemar(0, 0)
    (True, 1.0)
    """
    n = only_first + only_second
    return float(scipy.stats.binomtest(only_first, n).pvalue) if n else 1.0


def _count(truth, ours, zero_shot, n_classes):
    """Count samples by class, prediction and answer: (n_classes, n_classes + 1, n_classes + 1)."""
    joint = np.zeros((n_classes, n_classes + 1, n_classes + 1), dtype=int)
    np.add.at(joint, (truth, ours, zero_shot), 1)
    return joint


def _matrices(joint):
    """Return either system's counts by class and prediction, (..., n_classes, n_classes + 1)."""
    return {"ours": joint.sum(axis=-1), "zero_shot": joint.sum(axis=-2)}


def _both(joint):
    return {name: measure(matrices) for name, matrices in _matrices(joint).items()}


def _compare(joint, n_bootstrap, random_state):
    """Return metric -> scores, difference and its interval; and the draws of the joint counts."""
    draws = bootstrap(joint, n_bootstrap, random_state)
    found, drawn = _both(joint), _both(draws)
    scores = {}
    for metric in METRICS:
        ours, zero_shot = float(found["ours"][metric]), float(found["zero_shot"][metric])
        low, high = interval(drawn["ours"][metric] - drawn["zero_shot"][metric])
        scores[metric] = {
            "ours": ours,
            "zero_shot": zero_shot,
            "difference": ours - zero_shot,
            "low": low,
            "high": high,
            "ours_interval": interval(drawn["ours"][metric]),
            "zero_shot_interval": interval(drawn["zero_shot"][metric]),
        }
    return scores, draws


def _per_class(classes, joint, draws):
    """Return the recalls of each class, with their intervals over the draws that have it."""
    found, drawn = _matrices(joint), _matrices(draws)
    rows = []
    for i, name in enumerate(classes):
        row = {"class": name, "n": int(joint[i].sum())}
        for system in ("ours", "zero_shot"):
            row[system], row[f"{system}_interval"] = None, None
            if row["n"]:
                row[system] = float(found[system][i, i] / row["n"])
                have = drawn[system][:, i].sum(axis=-1)
                recalls = drawn[system][have > 0, i, i] / have[have > 0]
                row[f"{system}_interval"] = interval(recalls) if len(recalls) else (math.nan,) * 2
        rows.append(row)
    return rows


def _majority(joint):
    counts = joint.sum(axis=(1, 2))
    matrix = np.zeros((len(counts), len(counts) + 1))
    matrix[:, counts.argmax()] = counts
    return {metric: float(value) for metric, value in measure(matrix).items()}
