"""Is a trained classifier better than a zero-shot model, on the same samples?"""

import contextlib
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from lstmfcn.evaluation.bootstrap import bootstrap
from lstmfcn.evaluation.counts import count, majority
from lstmfcn.evaluation.paired import (
    mcnemar,
    measure_pair,
    pair_of,
    paired_recalls,
    paired_scores,
)
from lstmfcn.untrusted import listed
from lstmfcn.warning import warn
from lstmfcn.zero_shot.score.files import by_name, sample_name
from lstmfcn.zero_shot.score.scores import (
    LEFT_OUT,
    answered_class,
    true_classes,
)
from lstmfcn.zero_shot.score.tasks import POLARITY, RULES

SYSTEMS = ("ours", "zero_shot")


@dataclass(frozen=True)
class ZeroShotComparison:
    """A trained classifier (``ours``) and a zero-shot model (``zero_shot``) on the same samples.

    Attributes
    ----------
    dataset, variant : str
    classes : tuple of str
    names : list of str
        The samples compared: predicted, answered, and with a class.
    y_true, ours, zero_shot : str ndarrays of shape (n,)
        Classes. ``""`` is a prediction or answer that is no class, and wrong.
    metric : str
        The first metric that was published for the dataset.
    scores : dict of metric to dict
        In [0, 1]: ``ours``, ``zero_shot``, ``difference`` (ours minus zero_shot); their 95 %
        bootstrap intervals ``ours_interval`` and ``zero_shot_interval``, and from ``low`` to
        ``high`` that of the difference, which is paired.
    strict : dict of metric to dict
        ``ours`` and ``zero_shot`` on the ``n_strict`` predicted samples that have a class; a
        missing answer is wrong.
    only_ours, only_zero_shot : int
        Samples that only the classifier, or only the model, has right.
    p_value : float
        Of :func:`mcnemar` on these two numbers.
    per_class : list of dict
        ``class``, ``n``, and the recalls and their intervals as in ``scores``; None where n is 0.
    majority : dict of metric to float
        Of always predicting the most frequent class of these samples.
    n_predictions, n_unanswered, n_neutral, n_answered, n_relabelled : int
        Predictions; predictions of unanswered samples, of samples of intensity 0; all answered
        samples; compared samples whose given class is not the released class.

    See Also
    --------
    compare_to_zero_shot : Makes a comparison.
    lstmfcn.plots.zero_shot.ZeroShotDisplay : Draws it.
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

    True labels are spelled as in the vocabulary; predictions and answers that are no class are
    wrong. The published numbers are of other samples: do not subtract them.

    Parameters
    ----------
    y_pred : array-like of shape (n_predictions,)
        Classes. Where emotions are scored by sentiment: emotions or sentiments. Where the truth is
        an intensity: "positive" and "negative", or numbers, which are positive above zero.
    names : sequence of str of length n_predictions
        As in the dataset; folders and endings of media files are ignored.
    answers : ZeroShotAnswers
        Of :func:`lstmfcn.zero_shot.load_zero_shot`.
    y_true : array-like of shape (n_predictions,), optional
        The truth, as ``y_pred``; by default the labels released with the answers.
    n_bootstrap : int, default=2000
        How often the samples are drawn with replacement, for both systems together.
    random_state : int or RandomState, default=0

    Returns
    -------
    ZeroShotComparison
        A warning says if some predictions are no class.

    See Also
    --------
    lstmfcn.zero_shot.shared_samples : The answered samples of a test split.
    mcnemar : The test on samples that only one system has right.

    References
    ----------
    Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, on the percentile interval.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.zero_shot import ZeroShotAnswers, ZeroShotTask, compare_to_zero_shot
    >>> task, y_true = ZeroShotTask("mine", ("happy", "sad")), ["happy", "sad", "sad", "sad"]
    >>> ranked = [("happy", "sad"), ("happy",), ("bored", "sad"), ()]
    >>> answers = ZeroShotAnswers(task, "", list("abcd"), np.array(y_true), ranked)
    >>> result = compare_to_zero_shot(y_true, list("abcd"), answers)
    >>> result.n, result.only_ours, result.only_zero_shot, result.p_value, result.n_unanswered
    (3, 2, 0, 0.5, 1)
    >>> round(result.scores["accuracy"]["difference"], 3), result.strict["accuracy"]["zero_shot"]
    (0.667, 0.25)
    """
    task, classes = answers.task, answers.task.classes()
    ours = _predicted_classes(task, y_pred)
    where = _positions(names, answers, len(ours))
    zero_shot = np.array([answered_class(task, answers.ranked[i], "wrong", classes) for i in where])
    answered = np.array([bool(answers.ranked[i]) for i in where])
    truth = released = true_classes(task, answers.y_true[where])
    if y_true is not None:
        truth = _given_classes(task, y_true, len(ours))

    has_class = truth != LEFT_OUT
    compared = has_class & answered
    if not compared.any():
        raise ValueError(
            f"none of the {len(ours)} predictions is of a sample that has both a class and an "
            f"answer in {f'{task.title} {answers.variant}'.rstrip()}; predict others."
        )
    shape = (len(classes), len(classes) + 1, len(classes) + 1)
    joint = count(shape, truth[compared], ours[compared], zero_shot[compared])
    pair, drawn = pair_of(joint), pair_of(bootstrap(joint, n_bootstrap, random_state))
    strict = count(shape, truth[has_class], ours[has_class], zero_shot[has_class])
    ours_right, zero_shot_right = ours == truth, zero_shot == truth
    only_ours = int(np.sum(compared & ours_right & ~zero_shot_right))
    only_zero_shot = int(np.sum(compared & zero_shot_right & ~ours_right))
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
        scores=paired_scores(pair, drawn, SYSTEMS),
        strict=measure_pair(pair_of(strict), SYSTEMS),
        n_strict=int(has_class.sum()),
        only_ours=only_ours,
        only_zero_shot=only_zero_shot,
        p_value=mcnemar(only_ours, only_zero_shot),
        per_class=paired_recalls(classes, pair, drawn, SYSTEMS),
        majority=majority(joint.sum(axis=(1, 2))),
        n_predictions=len(ours),
        n_unanswered=int(np.sum(~answered)),
        n_neutral=int(np.sum(~has_class)),
        n_answered=sum(map(bool, answers.ranked)),
        n_relabelled=int(np.sum(truth[compared] != released[compared])),
    )


def _positions(names, answers, n_predictions):
    """Return where the named samples are among the answers, int (n_predictions,)."""
    if answers.source == "counts":
        raise ValueError(
            f"the answers to {answers.task.title} are counts, which have no names; load its files "
            "with load_zero_shot."
        )
    names = list(names)
    if len(names) != n_predictions:
        raise ValueError(
            f"there are {n_predictions} predictions, but {len(names)} names; pass one for each."
        )
    keys = by_name((name, name) for name in names)
    index = {sample_name(name): i for i, name in enumerate(answers.names)}
    unknown = [repr(key) for key in keys if key not in index]
    if unknown:
        raise ValueError(
            f"{len(unknown)} of {len(names)} names are not in {answers.task.title}: "
            f"{listed(unknown, 3)}; its names look like {listed(map(repr, answers.names[:2]))}."
        )
    return np.array([index[key] for key in keys])


def _class_indices(task, values, name):
    """Return labels or intensities as a list, and the index of the class of each (None: none)."""
    values = np.asarray(values)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"{name} has shape {values.shape}; pass one label for each of at least one sample."
        )
    labels, classes, found = values.tolist(), task.classes(), []
    if task.rule == "polarity":
        with contextlib.suppress(ValueError):  # they may be labels, too
            labels = values.astype(float).tolist()
    for label in labels:
        if task.rule == "polarity" and isinstance(label, float):
            if not math.isfinite(label):
                raise ValueError(
                    f"{name} has a value that is no finite number; give each sample one."
                )
            label = POLARITY[label > 0]
        label = str(label)
        if label not in classes:
            label = task.predicted_class(task.spelling.get(label, label))
        found.append(None if label is None else classes.index(label))
    return labels, found


def _predicted_classes(task, y_pred):
    """Return the index of each prediction's class, int (n,); n_classes if it is none."""
    classes = task.classes()
    labels, found = _class_indices(task, y_pred, "y_pred")
    unknown = Counter(str(y) for y, one in zip(labels, found, strict=True) if one is None)
    if unknown:
        several = f"{unknown.total()} of {len(found)} predictions are no class of {task.title}"
        which = ", ".join(f"{label!r} ({n})" for label, n in unknown.most_common(3))
        which += f"; its classes are {', '.join(classes)}."
        if unknown.total() == len(found):
            raise ValueError(f"{several}: {which}")
        warn(f"{several} and count as wrong: {which}")
    return np.array([len(classes) if one is None else one for one in found])


def _given_classes(task, y_true, n_predictions):
    """Return the index of each true label's class, int (n,); LEFT_OUT for one that is neutral."""
    labels, found = _class_indices(task, y_true, "y_true")
    if len(labels) != n_predictions:
        raise ValueError(
            f"there are {n_predictions} predictions, but y_true has {len(labels)} labels; pass one "
            "for each."
        )
    if None in found:
        raise ValueError(
            f"y_true has {labels[found.index(None)]!r}, which is no class of {task.title}; its "
            f"classes are {', '.join(task.classes())}."
        )
    if task.rule == "polarity":
        is_neutral = [label in (0.0, "neutral") for label in labels]
        return np.where(is_neutral, LEFT_OUT, found)
    return np.array(found)
