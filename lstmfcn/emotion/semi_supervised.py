"""What do clips without a label teach? Confident answers about them become training labels."""

from itertools import product
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from lstmfcn.atomic import changed_at_once
from lstmfcn.emotion.delegation import DelegatingClassifier
from lstmfcn.emotion.panels import as_panel, n_rows, seeded_clone, take_rows
from lstmfcn.validation import (
    check_classes,
    check_counts,
    check_labels,
    check_weights,
    draw_seeds,
)
from lstmfcn.warning import warn

__all__ = ["PseudoLabelClassifier", "is_unlabelled"]

UNLABELLED = -1  # scikit-learn's convention
SMALLEST = 0.01  # probability of a class that is taught


def is_unlabelled(y):
    """Tell which entries of y are no label but its absence.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Absent are -1, as in scikit-learn, and None, NaN and "", for labels that are text.

    Returns
    -------
    bool ndarray of shape (n_samples,)

    Examples
    --------
    >>> from lstmfcn.emotion.semi_supervised import is_unlabelled
    >>> is_unlabelled([0, 1, -1]).tolist(), is_unlabelled(["sad", "", None, -1]).tolist()
    ([False, False, True], [False, True, True, True])
    """
    entries = y.tolist() if hasattr(y, "tolist") else list(y)
    return np.array([_is_absent(entry) for entry in entries], dtype=bool)


def _is_absent(entry):
    if entry is None or (isinstance(entry, str) and not entry):
        return True
    if isinstance(entry, Real) and not isinstance(entry, bool):
        return entry == UNLABELLED or entry != entry
    return False


class PseudoLabelClassifier(DelegatingClassifier):
    """Train on labelled series, and on unlabelled ones where an ensemble is sure of their class.

    In each round `n_members` copies of each teacher, or of the estimator where there are none, are
    trained, with seeds of their own, and the mean of their probabilities tells what an unlabelled
    series is. The series of which it is sure get that as their label, at most as many of a class as
    its share of the labelled series would give. In later rounds the copies are trained on these
    labels as well, but each without those of one part of the series, which it is asked about: no
    answer confirms itself. After the last round one estimator is trained on everything.

    Parameters
    ----------
    estimator : classifier
        With `predict_proba`, and `sample_weight` in its `fit`. Of this package, or any other that
        takes the same X.
    threshold : float, default=0.8
        Least probability of a pseudo-label, in [0, 1); 0 takes all series.
    n_rounds : int, default=2
        All pseudo-labels are given anew in each round.
    n_members : int, default=5
        Copies in the ensemble of each teacher, at least 2.
    pseudo_weight : float, default=0.5
        Weight of a pseudo-labelled series, where a labelled one has 1.
    soft : bool, default=False
        What a pseudo-label is: the likeliest class, with the weight of its probability (False); or
        all classes, each with the weight of its probability (True), which makes the last estimator
        learn from the ensemble what it is unsure about, too.
    balanced : bool, default=True
        Whether the number of pseudo-labels of each class is bounded as above. Without that the
        class that is easiest to recognise takes over.
    teachers : list of classifiers, default=None
        Which give the pseudo-labels, each with `predict_proba` and `sample_weight` as above. The
        more they differ, the more their mean knows that none of them does, and the estimator with
        it, which alone predicts. None asks copies of the estimator.
    random_state : int, RandomState or None, default=None
        Of the parts, and of the copies' and the last estimator's own `random_state`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        The last one, which predicts.
    transduction_ : ndarray of shape (n_samples,)
        Labels with the likeliest pseudo-labels filled in; what is left out stays as it came.
    confidence_ : float64 ndarray of shape (n_samples,)
        Probability of the likeliest class in the last round; NaN for labelled series.
    rounds_ : list of dict of class to int
        Pseudo-labels given in each round.

    References
    ----------
    Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural
    Networks", ICML workshop, 2013. Wei, Sohn, Mellina, Yuille, Yang, "CReST: A Class-Rebalancing
    Self-Training Framework for Imbalanced Semi-Supervised Learning", 2021, arXiv:2102.09559 (why
    the classes must be balanced). Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural
    Network", 2015, arXiv:1503.02531 (soft labels of an ensemble). Lakshminarayanan, Pritzel,
    Blundell, "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", 2017,
    arXiv:1612.01474 (why every copy sees every label). Zhou, Li, "Tri-Training: Exploiting
    Unlabeled Data Using Three Classifiers", IEEE Transactions on Knowledge and Data Engineering 17,
    2005 (why teachers that differ).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from lstmfcn.emotion.semi_supervised import PseudoLabelClassifier
    >>> X = np.repeat([[0.0], [5.0]], 10, axis=0) + np.arange(20)[:, np.newaxis] / 20
    >>> y = np.full(20, -1)
    >>> y[[0, 1, 18, 19]] = [0, 0, 1, 1]
    >>> clf = PseudoLabelClassifier(LogisticRegression(), n_members=2, random_state=0).fit(X, y)
    >>> clf.rounds_, clf.transduction_.tolist() == [0] * 10 + [1] * 10
    ([{0: 8, 1: 8}, {0: 8, 1: 8}], True)
    """

    def __init__(
        self,
        estimator,
        *,
        threshold=0.8,
        n_rounds=2,
        n_members=5,
        pseudo_weight=0.5,
        soft=False,
        balanced=True,
        teachers=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.n_rounds = n_rounds
        self.n_members = n_members
        self.pseudo_weight = pseudo_weight
        self.soft = soft
        self.balanced = balanced
        self.teachers = teachers
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train on labelled and unlabelled series.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), list of arrays of shape (n_channels, n_timepoints_i), or dict of str to one of these
            As the estimator takes it.
        y : array-like of shape (n_samples,)
            Labels; -1, None, NaN or "" where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            Factor of each series' weight, >= 0.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.

        Raises
        ------
        ValueError, TypeError
            On unusable input, in one sentence.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        self._check_parameters()
        panel = as_panel(X)
        labels, codes = self._read_labels(y, n_rows(panel))
        weights = check_weights(sample_weight, len(codes))
        rng = check_random_state(self.random_state)
        # What is taught: the weight of each class for each series, (n_samples, n_classes).
        taught = np.eye(len(self.classes_))[codes] * (codes >= 0)[:, np.newaxis]
        given, confidence = codes.copy(), np.full(len(codes), np.nan)
        unlabelled = np.flatnonzero(codes == UNLABELLED)
        parts = rng.permutation(len(unlabelled)) % self.n_members
        self.rounds_ = []
        for _ in range(self.n_rounds if len(unlabelled) else 0):
            probabilities = self._ask(panel, taught, weights, unlabelled, parts, rng)
            confidence[unlabelled] = probabilities.max(axis=1)
            given[unlabelled] = self._choose(probabilities, codes)
            taught[unlabelled] = self._lesson(probabilities, given[unlabelled])
            self.rounds_.append(self._count(given[unlabelled]))
        self._warn_if_of_no_use(given[unlabelled], confidence[unlabelled])
        self.estimator_ = self._train(self.estimator, panel, taught, weights, rng)
        self.confidence_ = confidence
        self.transduction_ = _filled(labels, given, codes, self.classes_)

    def _check_parameters(self):
        check_counts(n_rounds=self.n_rounds)
        if not isinstance(self.n_members, Integral) or self.n_members < 2:
            raise ValueError(f"n_members={self.n_members!r} must be a whole number of at least 2.")
        if not isinstance(self.threshold, Real) or not 0 <= self.threshold < 1:
            raise ValueError(f"threshold={self.threshold!r} must be a probability in [0, 1).")
        if not isinstance(self.pseudo_weight, Real) or not 0 < self.pseudo_weight < np.inf:
            raise ValueError(f"pseudo_weight={self.pseudo_weight!r} must be a number above 0.")
        if self.teachers is not None and not (
            isinstance(self.teachers, list | tuple) and len(self.teachers)
        ):
            raise ValueError(
                f"teachers={self.teachers!r} must be a list of at least one classifier, or None."
            )
        for estimator in (self.estimator, *(self.teachers or ())):
            name = type(estimator).__name__
            if not hasattr(estimator, "predict_proba"):
                raise TypeError(
                    f"{name} has no predict_proba, which tells how sure it is; pass another "
                    "estimator."
                )
            if not has_fit_parameter(estimator, "sample_weight"):
                raise TypeError(
                    f"{name}.fit takes no sample_weight, by which pseudo-labels weigh less; pass "
                    "another estimator."
                )

    def _read_labels(self, y, n_samples):
        """Return y as an array, and class indices with -1 where there is no label."""
        if y is None:  # scikit-learn's wording for the first half: its checks match it
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; pass "
                "one label per series, -1 where it is unknown."
            )
        if hasattr(y, "__array__"):  # a Series, or anything that acts as an array
            y = np.asarray(y)
        if isinstance(y, str | bytes) or not hasattr(y, "__len__") or not np.ndim(y):
            raise ValueError("y is no sequence of labels; pass one per series, -1 where unknown.")
        if len(y) != n_samples:
            raise ValueError(
                f"X has {n_samples} series, but y has {len(y)} labels; pass one per series, -1 "
                "where the label is unknown."
            )
        absent = is_unlabelled(y)
        # NumPy would turn ["sad", -1] into text.
        labels = y if isinstance(y, np.ndarray) else np.array(list(y), dtype=object)
        if absent.all():
            raise ValueError("y has no labelled series; label some of each class.")
        name = type(self).__name__
        known = check_labels(np.array(labels[~absent].tolist()), int((~absent).sum()), name)
        self.classes_ = np.unique(known)
        check_classes(self.classes_, name)
        codes = np.full(n_samples, UNLABELLED)
        codes[~absent] = np.searchsorted(self.classes_, known)
        return labels, codes

    def _ask(self, panel, taught, weights, unlabelled, parts, rng):
        """Return what the ensemble says of the unlabelled series: (n_unlabelled, n_classes).

        A copy is asked about the series that it was not trained on.
        """
        total = np.zeros((len(unlabelled), len(self.classes_)))
        n_asked = np.zeros((len(unlabelled), 1))
        has_lesson = taught[unlabelled].any(axis=1)
        teachers = [self.estimator] if self.teachers is None else self.teachers
        for teacher, member in product(teachers, range(self.n_members)):
            is_new = ~has_lesson | (parts == member)
            known = taught.copy()
            known[unlabelled[is_new]] = 0.0
            copy = self._train(teacher, panel, known, weights, rng)
            asked = np.flatnonzero(is_new)
            if len(asked):
                total[asked] += copy.predict_proba(take_rows(panel, unlabelled[asked]))
                n_asked[asked] += 1
        return total / n_asked

    def _choose(self, probabilities, codes):
        """Return the class index of each unlabelled series, or -1 for none."""
        best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        chosen = np.where(confidence >= self.threshold, best, UNLABELLED)
        if not self.balanced:
            return chosen
        shares = np.bincount(codes[codes >= 0]) / np.count_nonzero(codes >= 0)
        for code, most in enumerate(np.ceil(shares * len(best)).astype(int)):
            members = np.flatnonzero(chosen == code)
            surest_first = members[np.argsort(-confidence[members], kind="stable")]
            chosen[surest_first[most:]] = UNLABELLED
        return chosen

    def _lesson(self, probabilities, given):
        """Return the weight of each class for each unlabelled series, zeros for those left out."""
        if self.soft:
            lesson = np.where(probabilities >= SMALLEST, probabilities, 0.0)
        else:
            lesson = probabilities * (np.arange(len(self.classes_)) == given[:, np.newaxis])
        return self.pseudo_weight * lesson * (given >= 0)[:, np.newaxis]

    def _train(self, estimator, panel, taught, weights, rng):
        """Return a trained copy; a series of several classes is handed to it for each."""
        rows, codes = np.nonzero(taught)
        seed = int(draw_seeds(rng, 1)[0])
        return seeded_clone(estimator, seed).fit(
            take_rows(panel, rows),
            self.classes_[codes],
            sample_weight=weights[rows] * taught[rows, codes],
        )

    def _count(self, given):
        counts = np.bincount(given[given >= 0], minlength=len(self.classes_))
        return dict(zip(self.classes_.tolist(), counts.tolist(), strict=True))

    def _warn_if_of_no_use(self, given, confidence):
        if (given >= 0).any():
            return
        reason = "y has no unlabelled series, such as those of label -1"
        if len(given):
            reason = (
                f"the surest of {len(given)} unlabelled series has probability "
                f"{confidence.max():.2f}, below threshold={self.threshold}; lower it"
            )
        warn(
            f"{reason}. The estimator is trained on the labelled series alone.",
        )


def _filled(labels, given, codes, classes):
    """Return the labels with pseudo-labels in the place of absent ones."""
    filled = labels.astype(object)  # a pseudo-label may be longer than any text so far
    for row in np.flatnonzero((codes == UNLABELLED) & (given >= 0)):
        filled[row] = classes[given[row]]
    values = filled.tolist()
    is_plain = len({type(value) for value in values}) == 1
    return np.array(values) if is_plain else filled
