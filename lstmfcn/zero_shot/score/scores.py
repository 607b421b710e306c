"""How good are a model's answers, by the published rule or by a stricter one?"""

from dataclasses import dataclass

import numpy as np
import scipy.stats

from lstmfcn.evaluation.bootstrap import bootstrap, interval
from lstmfcn.evaluation.counts import count, majority, measure
from lstmfcn.validation import check_choice

OOV = ("published", "wrong", "drop", "next")
MISSING = ("exclude", "wrong")
LEFT_OUT = -1  # in place of the index of a class


@dataclass(frozen=True)
class ZeroShotScore:
    """How answers were scored, and what came out.

    Attributes
    ----------
    classes : tuple of str
    matrix : int ndarray of shape (n_classes, n_classes + 1)
        Samples by true class (row) and answered class (column). The last column counts answers out
        of the vocabulary and missing answers, where these count as wrong.
    accuracy, uar, waf : float in [0, 1]
        Accuracy, which is also the weighted average recall (WAR); mean recall of the classes that
        have samples; F1 of the classes weighted by their samples.
    interval : dict of str to (float, float)
        Bounds of the 95 % percentile bootstrap interval of each metric.
    n_missing, n_out_of_vocabulary : int
        Samples without an answer, and with an answer out of the vocabulary, scored or not.

    See Also
    --------
    score_zero_shot : Scores answers.
    """

    classes: tuple
    matrix: np.ndarray
    accuracy: float
    uar: float
    waf: float
    interval: dict
    n_missing: int
    n_out_of_vocabulary: int

    @property
    def n(self):
        """Number of samples scored."""
        return int(self.matrix.sum())

    @property
    def n_correct(self):
        """Number of samples answered rightly."""
        return int(np.trace(self.matrix))


def score_zero_shot(
    answers,
    *,
    oov="published",
    missing="exclude",
    align_labels=False,
    n_bootstrap=2000,
    random_state=0,
):
    """Score the best-ranked answers; with the defaults, as was published.

    Parameters
    ----------
    answers : ZeroShotAnswers
    oov : {"published", "wrong", "drop", "next"}, default="published"
        What an answer out of the vocabulary is: as the rule says, wrong, left out, or replaced by
        the best-ranked answer within the vocabulary (wrong if there is none).
    missing : {"exclude", "wrong"}, default="exclude"
        What a sample without an answer is: left out, as was published, or wrong.
    align_labels : bool, default=False
        Whether true labels are spelled as in the vocabulary: "surprised" in MER2023.
    n_bootstrap : int, default=2000
        How often the samples are drawn with replacement, for the intervals.
    random_state : int or RandomState, default=0

    Returns
    -------
    ZeroShotScore

    See Also
    --------
    zero_shot_baselines : Scores of answers that ignore the samples.
    lstmfcn.zero_shot.compare_to_zero_shot : A classifier on the same samples.

    Notes
    -----
    :data:`lstmfcn.zero_shot.score.tasks.RULES` are the published rules. ``oov="wrong",
    missing="wrong"`` is the strict score. Where a draw of the bootstrap lacks a class, its UAR is
    the mean over the other classes.

    Examples
    --------
    >>> from lstmfcn.zero_shot import answers_from_counts, score_zero_shot
    >>> answers = answers_from_counts("eNTERFACE05", "3")
    >>> for options in ({}, {"oov": "wrong", "missing": "wrong"}):
    ...     score = score_zero_shot(answers, **options)
    ...     print(score.n_correct, score.n, round(score.accuracy, 4))
    417 1253 0.3328
    417 1287 0.324
    """
    check_choice(oov, "oov", OOV)
    check_choice(missing, "missing", MISSING)
    task, classes = answers.task, answers.task.classes(align_labels)
    truth = true_classes(task, answers.y_true, align_labels)
    has_class = truth != LEFT_OUT
    answered = np.array([bool(answer) for answer in answers.ranked])
    out_of_vocabulary = np.array(
        [bool(answer) and task.predicted_class(answer[0]) is None for answer in answers.ranked]
    )
    predicted = np.array(
        [answered_class(task, answer, oov, classes) for answer in answers.ranked], dtype=int
    )
    if missing == "exclude":
        predicted[~answered] = LEFT_OUT
    scored = has_class & (predicted != LEFT_OUT)
    _check_some(scored, task)
    matrix = count((len(classes), len(classes) + 1), truth[scored], predicted[scored])
    draws = measure(bootstrap(matrix, n_bootstrap, random_state))
    return ZeroShotScore(
        classes,
        matrix,
        **measure(matrix),
        interval={name: interval(values) for name, values in draws.items()},
        n_missing=int(np.sum(~answered & has_class)),
        n_out_of_vocabulary=int(np.sum(out_of_vocabulary & has_class)),
    )


def zero_shot_baselines(answers, *, missing="exclude"):
    """Score answers that ignore the samples: the most frequent class, and guesses.

    Parameters
    ----------
    answers : ZeroShotAnswers
    missing : {"exclude", "wrong"}, default="exclude"
        Whether they are scored on the answered samples, or on all samples.

    Returns
    -------
    dict of str to dict of metric to float
        ``"majority"``: always the most frequent class; ``"random"``: the expected metrics of
        guessing, each class as likely as any other.

    See Also
    --------
    score_zero_shot : Scores the answers of a model.

    Examples
    --------
    >>> from lstmfcn.zero_shot import answers_from_counts, zero_shot_baselines
    >>> found = zero_shot_baselines(answers_from_counts("CASME II"))
    >>> round(100 * found["majority"]["accuracy"], 2), round(100 * found["random"]["uar"], 2)
    (40.17, 20.0)
    """
    check_choice(missing, "missing", MISSING)
    answered = np.array([bool(answer) for answer in answers.ranked])
    truth = true_classes(answers.task, answers.y_true)
    scored = (truth != LEFT_OUT) & (answered if missing == "exclude" else True)
    _check_some(scored, answers.task)
    n_classes = len(answers.task.classes())
    counts = np.bincount(truth[scored], minlength=n_classes)
    guesses = dict.fromkeys(("accuracy", "uar"), 1.0 / n_classes)
    return {
        "majority": majority(counts),
        "random": {**guesses, "waf": _expected_f1_of_guessing(counts)},
    }


def _check_some(scored, task):
    if not scored.any():
        raise ValueError(
            f"none of {len(scored)} samples of {task.title} is left to score; give answers, or "
            "choose missing='wrong'."
        )


def _expected_f1_of_guessing(counts):
    """Return the expected weighted F1 of uniform guesses; counts of shape (n_classes,)."""
    # m of all n guesses name a class with binomial probability, and hit m n_c / n of its n_c
    # samples on average (hypergeometric): F1 is then 2 m n_c / (n (n_c + m)).
    n = counts.sum()
    m = np.arange(n + 1)
    probability = scipy.stats.binom.pmf(m, n, 1.0 / len(counts))
    f1 = [np.sum(probability * 2.0 * m * n_c / (n * np.maximum(n_c + m, 1))) for n_c in counts]
    return float(np.sum(counts * f1) / n)


def true_classes(task, y_true, align_labels=True):
    """Return the index of each true label's class, int (n_samples,), LEFT_OUT if it has none."""
    index = {name: i for i, name in enumerate(task.classes(align_labels))}
    return np.array([index.get(task.true_class(y, align_labels), LEFT_OUT) for y in y_true], int)


def answered_class(task, answer, oov, classes):
    """Return the index of the class of a ranking: n_classes is wrong, LEFT_OUT not scored."""
    wrong = len(classes)
    if not answer:
        return wrong
    if task.rule == "polarity" and oov == "published":
        return int("positive" in answer[0])  # the classes are negative, positive
    candidates = map(task.predicted_class, answer if oov == "next" else answer[:1])
    found = next(filter(None, candidates), None)
    if found is None:
        drop = oov == "drop" or (oov == "published" and task.rule == "drop")
        return LEFT_OUT if drop else wrong
    return classes.index(found)
