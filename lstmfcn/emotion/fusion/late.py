"""How do several modalities decide after each has decided alone? By the mean, or by a stack."""

import copy

import numpy as np
import scipy.special
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from lstmfcn import validation
from lstmfcn.emotion.folds import make_folds
from lstmfcn.emotion.fusion.modalities import naming

__all__ = ["LateFusion", "Stack"]

LOWEST = 1e-6  # of a probability, whose logarithm must stay finite


class Stack:
    """A logistic regression on the log-probabilities that each modality's estimator gives.

    Parameters
    ----------
    mean, scale : ndarrays of shape (n_modalities, n_classes)
        Of the log-probabilities in training; a missing modality is as good as the mean.
    weights : ndarray of shape (n_modalities, n_classes, n_classes)
        From each log-probability to each class's logit.
    bias : ndarray of shape (n_classes,)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.fusion.late import Stack
    >>> right, wrong = np.eye(2)[[0, 1] * 20], np.eye(2)[[0, 0, 1, 1] * 10]
    >>> stack = Stack.fit(np.stack([right, wrong], axis=1), np.array([0, 1] * 20))
    >>> stack(np.array([[[0.9, 0.1], [0.1, 0.9]]])).argmax(axis=1)
    array([0])
    """

    def __init__(self, mean, scale, weights, bias):
        self.mean, self.scale, self.weights, self.bias = mean, scale, weights, bias

    @classmethod
    def fit(cls, probabilities, labels, sample_weight=None):
        """Learn from probabilities (n_samples, n_modalities, n_classes) of held-out samples.

        Those of a missing modality are NaN; `labels` are indices of classes, all of which occur.
        """
        evidence = _logarithms(probabilities)
        mean, scale = np.nanmean(evidence, axis=0), np.nanstd(evidence, axis=0)
        scale[scale == 0] = 1.0
        stack = cls(mean, scale, None, None)
        regression = LogisticRegression(max_iter=1000)
        regression.fit(stack._standardized(probabilities), labels, sample_weight)
        coefficients, bias = regression.coef_, regression.intercept_
        if len(coefficients) == 1:  # two classes: the log-odds of the second
            coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
            bias = np.concatenate([[0.0], bias])
        stack.weights = coefficients.T.copy().reshape(*mean.shape, len(bias))
        stack.bias = bias
        return stack

    def __call__(self, probabilities):
        """Return (n_samples, n_classes) from (n_samples, n_modalities, n_classes)."""
        weights = self.weights.reshape(-1, len(self.bias))
        # einsum: a sample's sum does not depend on how many samples there are.
        logits = np.einsum("ij,jk->ik", self._standardized(probabilities), weights) + self.bias
        return scipy.special.softmax(logits, axis=1)

    def _standardized(self, probabilities):
        evidence = (_logarithms(probabilities) - self.mean) / self.scale
        return np.nan_to_num(evidence, nan=0.0).reshape(len(evidence), -1)


class LateFusion:
    """One estimator per modality; their probabilities are averaged, or stacked.

    Parameters
    ----------
    estimator : LSTMFCNClassifier, ALSTMFCNClassifier or FCNClassifier
        Unfitted; each modality gets a clone.
    n_folds : int or None
        Folds of the predictions that a logistic regression is fitted to; None averages.
    random_state : int

    Attributes
    ----------
    estimators : dict of str to fitted estimator
        Each fitted to the samples that have its modality.
    classes_ : ndarray of shape (n_classes,)
    stack : Stack or None
    folds : list of int ndarrays, or None
        The samples that each fold held out; None after reading from a file.

    References
    ----------
    Wolpert, "Stacked Generalization", Neural Networks 5, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn import FCNClassifier
    >>> from lstmfcn.emotion.fusion.late import LateFusion
    >>> from lstmfcn.emotion.fusion.modalities import read_modalities
    >>> X = read_modalities({"audio": np.eye(6)[:, None], "text": np.zeros((6, 2, 3))})
    >>> late = LateFusion(FCNClassifier((4, 4, 4), n_epochs=1), None, random_state=0)
    >>> late.fit(X, np.array([0, 1, 0, 1, 0, 1])).predict_proba(X).shape
    (6, 2)
    """

    def __init__(self, estimator, n_folds, random_state):
        self.estimator = estimator
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, modalities, y, sample_weight=None, groups=None, validation_data=None):
        """Fit an estimator per modality and, where asked, the stack.

        ``validation_data`` is a pair of Modalities and labels; each estimator gets its modality.
        """
        self.classes_ = np.unique(y)
        seeds = validation.draw_seeds(self.random_state, 2)
        self.estimators = self._fitted(modalities, y, sample_weight, seeds[0], validation_data)
        self.stack, self.folds = None, None
        if self.n_folds is not None:
            self.folds = make_folds(len(y), self.n_folds, random_state=seeds[1], y=y, groups=groups)
            held_out = np.empty((len(y), len(modalities.names), len(self.classes_)))
            fold_seeds = validation.draw_seeds(seeds[1], self.n_folds)
            for test, seed in zip(self.folds, fold_seeds, strict=True):
                train = np.setdiff1d(np.arange(len(y)), test)
                weight = None if sample_weight is None else sample_weight[train]
                estimators = self._fitted(
                    modalities[train], y[train], weight, seed, validation_data
                )
                held_out[test] = self._probabilities(estimators, modalities[test])
            labels = np.searchsorted(self.classes_, y)
            self.stack = Stack.fit(held_out, labels, sample_weight)
        return self

    def predict_proba(self, modalities):
        """Return probabilities (n_samples, n_classes)."""
        probabilities = self._probabilities(self.estimators, modalities)
        if self.stack is not None:
            return self.stack(probabilities)
        return np.nanmean(probabilities, axis=1)

    def fine_tune(self, modalities, y, sample_weight=None, **options):
        """Train each estimator on; a stack stays as it is."""
        tuned = {}
        for name, estimator in self.estimators.items():
            rows = modalities.rows(name)
            weight = None if sample_weight is None else sample_weight[rows]
            tuned[name] = copy.copy(estimator)  # or an error in a later one would leave it changed
            with naming(name):
                tuned[name].fine_tune(modalities.series[name], y[rows], weight, **options)
        self.estimators = tuned
        return self

    def attention_maps(self, modalities):
        """Return per modality the attention of its estimator, NaN without the modality."""
        maps = {}
        for name, estimator in self.estimators.items():
            maps[name] = np.full((len(modalities), estimator.n_timepoints_in_), np.nan)
            if modalities.series[name] is not None:
                with naming(name):
                    attention = estimator.attention_map(modalities.series[name])
                maps[name][modalities.rows(name)] = attention
        return maps

    def classifiers(self):
        """Return the estimators by modality."""
        return self.estimators

    @property
    def history_(self):
        """Those of the estimators, by modality."""
        return {name: estimator.history_ for name, estimator in self.estimators.items()}

    def _fitted(self, modalities, y, sample_weight, seed, validation_data):
        estimators = {}
        seeds = validation.draw_seeds(seed, len(modalities.names)).tolist()
        for name, random_state in zip(modalities.names, seeds, strict=True):
            rows = modalities.rows(name)
            weight = None if sample_weight is None else sample_weight[rows]
            estimator = clone(self.estimator).set_params(random_state=random_state)
            with naming(name):
                if not len(rows):
                    raise ValueError("no sample of a fold's training part has it; pass more.")
                held_out = _of_modality(validation_data, name)
                estimators[name] = estimator.fit(modalities.series[name], y[rows], weight, held_out)
        return estimators

    def _probabilities(self, estimators, modalities):
        """Return (n_samples, n_modalities, n_classes), NaN where a modality is missing."""
        shape = len(modalities), len(estimators), len(self.classes_)
        probabilities = np.full(shape, np.nan)
        for place, (name, estimator) in enumerate(estimators.items()):
            if modalities.series[name] is not None:
                columns = np.searchsorted(self.classes_, estimator.classes_)
                rows = modalities.rows(name)
                probabilities[rows, place] = 0.0  # of classes that this one has never seen
                with naming(name):
                    found = estimator.predict_proba(modalities.series[name])
                probabilities[np.ix_(rows, [place], columns)] = found[:, np.newaxis]
        return probabilities


def _of_modality(validation_data, name):
    """Return series of one modality and their labels, or None where there are none."""
    if validation_data is None or validation_data[0].series[name] is None:
        return None
    modalities, y = validation_data
    return modalities.series[name], y[modalities.rows(name)]


def _logarithms(probabilities):
    return np.log(np.maximum(probabilities, LOWEST))  # NaN stays
