"""How good are a model's answers, by the published rule or a stricter one, and by how much?"""

from dataclasses import dataclass

import numpy as np
import scipy.stats
from sklearn.utils import check_random_state

__all__ = ["METRICS", "ZeroShotScore", "bootstrap", "score_zero_shot", "zero_shot_baselines"]

METRICS = ("accuracy", "uar", "waf")
OOV = ("published", "wrong", "drop", "next")
LEFT_OUT = -1  # in place of the index of a class


@dataclass(frozen=True)
class ZeroShotScore:
    """How answers were scored, and what came out.

    Attributes
    ----------
    classes : tuple of str
    matrix : int ndarray of shape (n_classes, n_classes + 1)
        Samples by true class (row) and answered class (column); the last column counts what is
        wrong whatever the truth: answers out of the vocabulary, and missing ones.
    accuracy, uar, waf : float in [0, 1]
        Accuracy, which is also the weighted average recall (WAR); mean recall of the classes that
        have samples; F1 of the classes weighted by their samples.
    interval : dict of str to (float, float)
        Bounds of the 95 % percentile bootstrap interval of each metric.
    n_missing, n_out_of_vocabulary : int
        Samples without an answer, and with one that was not offered; by the options they are
        wrong or not in the matrix.
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
        Their task has the published rule, one of :data:`lstmfcn.emotion.zero_shot.tasks.RULES`.
    oov : {"published", "wrong", "drop", "next"}, default="published"
        What an answer out of the vocabulary is: as the rule has it, wrong, no sample, or replaced
        by the best-ranked answer within the vocabulary (wrong if there is none).
    missing : {"exclude", "wrong"}, default="exclude"
        What a sample without an answer is: no sample, as was published, or wrong.
    align_labels : bool, default=False
        Whether true labels are spelled as the vocabulary spells them. It matters to MER2023, whose
        labels say "surprise", and the answers "surprised".
    n_bootstrap : int, default=2000
        How often the samples are drawn with replacement, for the intervals.
    random_state : int or RandomState, default=0

    Returns
    -------
    ZeroShotScore

    Raises
    ------
    ValueError
        If an option is unknown, or no sample is left.

    Notes
    -----
    The published rules drop what was refused, one of them also what is out of the vocabulary:
    ``oov="wrong", missing="wrong"`` is the strict score. Where a draw of the bootstrap lacks a
    class, its UAR is the mean over the others.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot import answers_from_counts, score_zero_shot
    >>> answers = answers_from_counts("eNTERFACE05", "3")
    >>> published = score_zero_shot(answers)
    >>> strict = score_zero_shot(answers, oov="wrong", missing="wrong")
    >>> published.n_correct, published.n, strict.n
    (417, 1253, 1287)
    >>> round(100 * published.accuracy, 2), round(100 * strict.accuracy, 2)
    (33.28, 32.4)
    """
    if oov not in OOV:
        raise ValueError(f"oov={oov!r} is unknown; choose one of {', '.join(OOV)}.")
    _check_missing(missing)
    task, classes = answers.task, answers.task.classes(align_labels)
    truth = true_classes(task, answers.y_true, align_labels)
    answered = np.array([bool(answer) for answer in answers.ranked])
    outside = np.array([task.predicted_class(a[0]) is None if a else False for a in answers.ranked])
    predicted = np.array(
        [answered_class(task, answer, oov, classes) for answer in answers.ranked], dtype=int
    )
    if missing == "exclude":
        predicted[~answered] = LEFT_OUT
    scored = (truth != LEFT_OUT) & (predicted != LEFT_OUT)
    _check_some(scored, task)
    matrix = count(truth[scored], predicted[scored], len(classes))
    found = {name: float(value) for name, value in measure(matrix).items()}
    draws = measure(bootstrap(matrix, n_bootstrap, random_state))
    return ZeroShotScore(
        classes,
        matrix,
        **found,
        interval={name: interval(values) for name, values in draws.items()},
        n_missing=int(np.sum(~answered & (truth != LEFT_OUT))),
        n_out_of_vocabulary=int(np.sum(outside & (truth != LEFT_OUT))),
    )


def zero_shot_baselines(answers, *, missing="exclude"):
    """Score two answerers that look at nothing, on the same samples.

    Parameters
    ----------
    answers : ZeroShotAnswers
    missing : {"exclude", "wrong"}, default="exclude"
        Whether they are scored on the answered samples, or on all.

    Returns
    -------
    dict of str to dict of metric to float
        ``"majority"``: always the most frequent class; ``"random"``: the expected metrics of
        guessing, each class as likely as any other.

    Raises
    ------
    ValueError
        If the option is unknown, or no sample is left.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot import answers_from_counts, zero_shot_baselines
    >>> found = zero_shot_baselines(answers_from_counts("CASME II"))
    >>> round(100 * found["majority"]["accuracy"], 2), round(100 * found["random"]["uar"], 2)
    (40.17, 20.0)
    """
    _check_missing(missing)
    answered = np.array([bool(answer) for answer in answers.ranked])
    truth = true_classes(answers.task, answers.y_true)
    scored = (truth != LEFT_OUT) & (answered if missing == "exclude" else True)
    _check_some(scored, answers.task)
    truth = truth[scored]
    n_classes = len(answers.task.classes())
    counts = np.bincount(truth, minlength=n_classes)
    majority = np.zeros((n_classes, n_classes + 1))
    majority[:, counts.argmax()] = counts
    return {
        "majority": {metric: float(value) for metric, value in measure(majority).items()},
        "random": {
            "accuracy": 1.0 / n_classes,
            "uar": 1.0 / n_classes,
            "waf": _expected_f1_of_guessing(counts),
        },
    }


def _check_missing(missing):
    if missing not in ("exclude", "wrong"):
        raise ValueError(f"missing={missing!r} is unknown; choose 'exclude' or 'wrong'.")


def _check_some(scored, task):
    if not scored.any():
        raise ValueError(
            f"none of {len(scored)} samples of {task.title} is left to score; give answers, or "
            "choose missing='wrong'."
        )


def _expected_f1_of_guessing(counts):
    """Return the expected weighted F1 of uniform guesses, given the samples of each class.

    m of all n guesses name a class with binomial probability, and hit m n_c / n of its n_c samples
    on average (hypergeometric): F1 is then 2 m n_c / (n (n_c + m)).
    """
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
    """Return the index of the class of a ranking; of another answer, or none, what it counts as."""
    wrong = len(classes)
    if not answer:
        return wrong
    if task.rule == "polarity" and oov == "published":
        return classes.index("positive" if "positive" in answer[0] else "negative")
    found = task.predicted_class(answer[0])
    if found is None and oov == "next":
        found = next(filter(None, map(task.predicted_class, answer)), None)
    if found is None:
        drop = oov == "drop" or (oov == "published" and task.rule == "drop")
        return LEFT_OUT if drop else wrong
    return classes.index(found)


def count(truth, predicted, n_classes):
    """Return how many samples have each pair of classes, (n_classes, n_classes + 1)."""
    matrix = np.zeros((n_classes, n_classes + 1), dtype=int)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def measure(matrices):
    """Return the metrics of one or many matrices of counts.

    Parameters
    ----------
    matrices : ndarray of shape (..., n_classes, n_classes + 1)
        As in :class:`ZeroShotScore`.

    Returns
    -------
    dict of metric to ndarray of shape (...)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.zero_shot.scores import measure
    >>> found = measure(np.array([[3, 1, 0], [1, 0, 1]]))
    >>> [(name, round(float(value), 4)) for name, value in found.items()]
    [('accuracy', 0.5), ('uar', 0.375), ('waf', 0.5)]
    """
    right = np.diagonal(matrices, axis1=-2, axis2=-1)  # (..., n_classes), as are all below
    have, given = matrices.sum(axis=-1), matrices[..., :-1].sum(axis=-2)
    recall = right / np.maximum(have, 1)  # no samples: none are right
    f1 = 2 * right / np.maximum(have + given, 1)
    n = have.sum(axis=-1)
    return {
        "accuracy": right.sum(axis=-1) / n,
        "uar": recall.sum(axis=-1) / (have > 0).sum(axis=-1),
        "waf": (have * f1).sum(axis=-1) / n,
    }


def bootstrap(counts, n_bootstrap=2000, random_state=0):
    """Draw samples with replacement and count them again.

    Whoever counts a draw of n samples finds multinomial numbers, so the counts are drawn at once.

    Parameters
    ----------
    counts : int ndarray of any shape
        Samples by what they are.
    n_bootstrap : int, default=2000
    random_state : int or RandomState, default=0

    Returns
    -------
    int ndarray of shape (n_bootstrap, *counts.shape)

    References
    ----------
    Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1), 1979.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.scores import bootstrap
    >>> bootstrap([5, 0, 15], n_bootstrap=3).sum(axis=1).tolist()
    [20, 20, 20]
    """
    if not isinstance(n_bootstrap, (int, np.integer)) or n_bootstrap < 1:
        raise ValueError(f"n_bootstrap={n_bootstrap!r} is no whole number of at least 1.")
    counts = np.asarray(counts)
    n = counts.sum()
    draws = check_random_state(random_state).multinomial(n, counts.ravel() / n, size=n_bootstrap)
    return draws.reshape(n_bootstrap, *counts.shape)


def interval(draws):
    """Return the middle 95 % of the draws, as two floats."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)
