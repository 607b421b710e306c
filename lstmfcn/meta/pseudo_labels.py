"""How are unlabelled series used in training? Confident predictions become their labels."""

from datetime import date
from numbers import Real

import numpy as np
from sklearn.utils import check_random_state

from lstmfcn.all_or_nothing import changed_at_once
from lstmfcn.meta.base import (
    MetaClassifier,
    check_fit_takes,
    check_has_proba,
    check_holds_out_nothing,
    seeded_clone,
)
from lstmfcn.meta.column_names import check_column_names
from lstmfcn.meta.rows import check_rows, n_rows, take_rows
from lstmfcn.validation import (
    Interval,
    check_classes,
    check_counts,
    check_labels,
    check_weights,
    draw_seeds,
    is_missing,
)
from lstmfcn.warning import warn

UNLABELLED = -1  # scikit-learn's convention
NEGLIGIBLE = 0.01  # probability below which a soft label leaves a class out


def is_unlabelled(y):
    """Tell which entries of y stand for no label.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        No label are -1, as in scikit-learn, "" among labels that are text, and what is missing:
        None, NaN, NaT and pandas' NA.

    Returns
    -------
    bool ndarray of shape (n_samples,)

    See Also
    --------
    PseudoLabelClassifier : Trains on labelled and unlabelled series.

    Examples
    --------
    >>> from lstmfcn.meta import is_unlabelled
    >>> is_unlabelled([0, 1, -1]).tolist(), is_unlabelled(["sad", "", None, -1]).tolist()
    ([False, False, True], [False, True, True, True])
    """
    entries = _entries(y)
    if isinstance(entries, np.ndarray) and entries.dtype.kind in "mM":
        return np.isnat(entries)
    entries = entries.tolist() if hasattr(entries, "tolist") else list(entries)
    return np.array([_is_absent(entry) for entry in entries], dtype=bool)


def _entries(y):
    """Return a column of pandas, or what else acts as an array, as an array of its entries."""
    if not hasattr(y, "__array__"):
        return y
    if hasattr(y, "isna") and not isinstance(getattr(y, "dtype", np.dtype(object)), np.dtype):
        y = y.astype(object)  # NumPy would make floats of integers beside a missing one
    return np.asarray(y)


def _is_absent(entry):
    if is_missing(entry) or isinstance(entry, Real):
        return is_missing(entry) or entry == UNLABELLED
    is_date = isinstance(entry, (date, np.datetime64, np.timedelta64))
    return bool(entry != entry) if is_date else isinstance(entry, str) and not entry


class PseudoLabelClassifier(MetaClassifier):
    """Train on labelled series, and on unlabelled ones where an ensemble is sure of their class.

    Each round trains `n_members` copies of the estimator. The mean of their probabilities
    labels an unlabelled series if it reaches `threshold`. A class with 30 % of the labelled series
    gets at most 30 % of the unlabelled ones. Later rounds train on these labels, too: each copy
    trains without one part's pseudo-labels and predicts only that part, so that no prediction
    confirms itself. Finally one estimator is trained on everything.

    Parameters
    ----------
    estimator : classifier
        Any that takes the same X, with `predict_proba`, and `sample_weight` in its `fit`.
    threshold : float, default=0.8
        Least probability of a pseudo-label, in [0, 1); 0 takes all series.
    n_rounds : int, default=2
        All pseudo-labels are given anew in each round.
    n_members : int, default=5
        Copies in the ensemble, at least 2.
    pseudo_weight : float, default=0.5
        Weight of a pseudo-labelled series, above 0, where a labelled one has 1.
    soft : bool, default=False
        False: a pseudo-label is the likeliest class, weighted by its probability. True: it is all
        classes, each weighted by its probability, which teaches what the ensemble is unsure of.
    balanced : bool, default=True
        Whether each class gets at most its fraction. Otherwise the easiest class takes over.
    random_state : int, RandomState or None, default=None
        Seed of the parts, of the copies and of the last estimator.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        The last one, which predicts.
    transduction_ : ndarray of shape (n_samples,)
        Labels, with the likeliest class where there is a pseudo-label; others as they came.
    confidence_ : float64 ndarray of shape (n_samples,)
        Probability of the likeliest class in the last round; NaN for labelled series.
    rounds_ : list of dict of class to int
        Pseudo-labels given in each round.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame that had names.
    column_names_ : dict of str to ndarray of str
        The same of each modality, if X was a dict.

    See Also
    --------
    AugmentedClassifier : More training series by distorted copies.
    sklearn.semi_supervised.SelfTrainingClassifier : One classifier, its own pseudo-labels.

    References
    ----------
    Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural
    Networks", ICML workshop, 2013. Wei et al., "CReST: A Class-Rebalancing Self-Training Framework
    for Imbalanced Semi-Supervised Learning", 2021, arXiv:2102.09559 (balance). Hinton, Vinyals,
    Dean, "Distilling the Knowledge in a Neural Network", 2015, arXiv:1503.02531 (soft labels).
    Lakshminarayanan, Pritzel, Blundell, "Simple and Scalable Predictive Uncertainty Estimation
    using Deep Ensembles", 2017, arXiv:1612.01474 (members).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from lstmfcn.meta import PseudoLabelClassifier
    >>> X = np.repeat([[0.0], [5.0]], 10, axis=0) + np.arange(20)[:, np.newaxis] / 20
    >>> y = np.full(20, -1)
    >>> y[[0, 1, 18, 19]] = [0, 0, 1, 1]
    >>> clf = PseudoLabelClassifier(LogisticRegression(), n_members=2, random_state=0).fit(X, y)
    >>> clf.rounds_, clf.transduction_.tolist() == [0] * 10 + [1] * 10
    ([{0: 8, 1: 8}, {0: 8, 1: 8}], True)
    """

    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="left")],
        "pseudo_weight": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

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
        random_state=None,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.n_rounds = n_rounds
        self.n_members = n_members
        self.pseudo_weight = pseudo_weight
        self.soft = soft
        self.balanced = balanced
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train on labelled and unlabelled series.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), list of arrays of shape (n_channels, n_timepoints_i), or dict of str to one of these
            As the estimator takes it.
        y : array-like of shape (n_samples,)
            Labels; -1, "" or a missing entry, such as None or NaN, where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            Factor of each series' weight, >= 0.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        self._check_parameters()
        check_column_names(self, X, reset=True)
        X = check_rows(X)
        labels, codes = self._read_labels(y, n_rows(X))
        weights = check_weights(sample_weight, len(codes))
        rng = check_random_state(self.random_state)
        # The weight of each sample as a sample of each class, (n_samples, n_classes).
        targets = np.eye(len(self.classes_))[codes] * (codes >= 0)[:, np.newaxis]
        given, confidence = codes.copy(), np.full(len(codes), np.nan)
        unlabelled = np.flatnonzero(codes == UNLABELLED)
        parts = rng.permutation(len(unlabelled)) % self.n_members
        self.rounds_ = []
        for _ in range(self.n_rounds if len(unlabelled) else 0):
            probabilities = self._ensemble_proba(X, targets, weights, unlabelled, parts, rng)
            confidence[unlabelled] = probabilities.max(axis=1)
            given[unlabelled] = self._pseudo_labels(probabilities, codes)
            targets[unlabelled] = self._pseudo_targets(probabilities, given[unlabelled])
            counts = np.bincount(given[unlabelled] + 1, minlength=len(self.classes_) + 1)[1:]
            self.rounds_.append(dict(zip(self.classes_.tolist(), counts.tolist(), strict=True)))
        self._warn_if_of_no_use(given[unlabelled], confidence[unlabelled])
        self.estimator_ = self._fitted(X, targets, weights, rng)
        self.confidence_ = confidence
        self.transduction_ = self._filled(labels, given, codes)

    def _check_parameters(self):
        self._validate_params()
        check_counts(n_rounds=self.n_rounds)
        check_counts(least=2, n_members=self.n_members)
        check_has_proba(self.estimator, "which tells how sure it is")
        remedy = ", which gives pseudo-labels less weight; pass another estimator."
        check_fit_takes(self.estimator, "sample_weight", remedy)
        if self.soft:  # a series then stands once for each class that it may be of
            check_holds_out_nothing(self.estimator)

    def _read_labels(self, y, n_samples):
        """Return y as an array, and class indices with -1 where there is no label."""
        name = type(self).__name__
        y = _entries(y)
        if np.ndim(y) != 1:
            y = check_labels(y, n_samples, name)  # takes a column, and refuses anything else
        if len(y) != n_samples:
            raise ValueError(
                f"X has {n_samples} series, but y has {len(y)} labels; pass one per series, -1 "
                "where the label is unknown."
            )
        absent = is_unlabelled(y)
        if absent.all():
            raise ValueError("y has no labelled series; label some of each class.")
        # NumPy would turn ["sad", -1] into text.
        labels = y if isinstance(y, np.ndarray) else np.array(list(y), dtype=object)
        known = labels[~absent]
        if labels.dtype.kind not in "mM":
            known = np.array(known.tolist())
        known = check_labels(known, len(known), name)
        self.classes_ = np.unique(known)
        check_classes(self.classes_, name)
        codes = np.full(n_samples, UNLABELLED)
        codes[~absent] = np.searchsorted(self.classes_, known)
        return labels, codes

    def _ensemble_proba(self, X, targets, weights, unlabelled, parts, rng):
        """Return mean probabilities (n_unlabelled, n_classes) of copies not trained on a series."""
        total = np.zeros((len(unlabelled), len(self.classes_)))
        n_predicted = np.zeros((len(unlabelled), 1))
        is_trained_on = targets[unlabelled].any(axis=1)
        for member in range(self.n_members):
            new = np.flatnonzero(~is_trained_on | (parts == member))
            known = targets.copy()
            known[unlabelled[new]] = 0.0
            copy = self._fitted(X, known, weights, rng)
            if len(new):
                total[new] += copy.predict_proba(take_rows(X, unlabelled[new]))
                n_predicted[new] += 1
        return total / n_predicted

    def _pseudo_labels(self, probabilities, codes):
        """Return the class index of each unlabelled series, or -1 for none."""
        best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        chosen = np.where(confidence >= self.threshold, best, UNLABELLED)
        if not self.balanced:
            return chosen
        fractions = np.bincount(codes[codes >= 0]) / np.count_nonzero(codes >= 0)
        for code, most in enumerate(np.ceil(fractions * len(best)).astype(int)):
            members = np.flatnonzero(chosen == code)
            surest_first = members[np.argsort(-confidence[members], kind="stable")]
            chosen[surest_first[most:]] = UNLABELLED
        return chosen

    def _pseudo_targets(self, probabilities, given):
        """Return the weight of each class for each unlabelled series; zeros without a label."""
        if self.soft:
            weights = np.where(probabilities >= NEGLIGIBLE, probabilities, 0.0)
        else:
            weights = probabilities * (np.arange(len(self.classes_)) == given[:, np.newaxis])
        return self.pseudo_weight * weights * (given >= 0)[:, np.newaxis]

    def _fitted(self, X, targets, weights, rng):
        """Return a trained copy; it gets a series of several classes once for each."""
        rows, codes = np.nonzero(targets)
        copy = seeded_clone(self.estimator, int(draw_seeds(rng, 1)[0]))
        weights = weights[rows] * targets[rows, codes]
        return copy.fit(take_rows(X, rows), self.classes_[codes], sample_weight=weights)

    def _warn_if_of_no_use(self, given, confidence):
        if (given >= 0).any():
            return
        reason = "y has no unlabelled series, such as those of label -1"
        if len(given):
            reason = (
                f"the surest of {len(given)} unlabelled series has probability "
                f"{confidence.max():.2f}, below threshold={self.threshold}; lower it"
            )
        warn(f"{reason}. The estimator is trained on the labelled series alone.")

    def _filled(self, labels, given, codes):
        """Return the labels with pseudo-labels where there were none."""
        rows = (codes == UNLABELLED) & (given >= 0)
        is_dated = labels.dtype.kind in "mM"  # of nanoseconds NumPy would make integers
        filled = labels.copy() if is_dated else labels.astype(object)
        filled[rows] = self.classes_[given[rows]]
        is_plain = not is_dated and len({type(label) for label in filled}) == 1
        return np.array(filled.tolist()) if is_plain else filled
