"""Which samples does each fold hold out, and what do the models of all folds predict together?"""

import inspect
from numbers import Integral
from pathlib import Path

import numpy as np
import scipy.special
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from lstmfcn import model_file, validation
from lstmfcn.all_or_nothing import changed_at_once, of_one_fit
from lstmfcn.datasets.parsing import csv_rows, decode
from lstmfcn.doc_link import LinkedToSite
from lstmfcn.files import write_csv
from lstmfcn.meta.base import aligned_proba, check_fit_takes, check_has_proba
from lstmfcn.meta.rows import n_rows, take_rows
from lstmfcn.validation import StrOptions

NOT_ZERO = 1e-300  # least probability whose logarithm is averaged


def make_folds(n, n_folds=5, *, random_state=None, y=None, groups=None):
    """Divide samples into folds, each of which is held out once.

    Parameters
    ----------
    n, n_folds : int
        Numbers of samples and of folds.
    random_state : int, RandomState or None, default=None
    y : array-like of shape (n,), optional
        Labels: each fold gets about the same fraction of every class.
    groups : array-like of shape (n,), optional
        Speakers, videos: no group is in two folds.

    Returns
    -------
    list of int ndarrays
        The samples that each fold holds out, sorted. Without `y` and `groups` as in MERTools:
        shuffled, folds of int(n / n_folds), and the rest in the last one.

    See Also
    --------
    FoldEnsemble : One model per fold.
    write_folds : Stores folds by the names of samples.

    References
    ----------
    MERTools, https://github.com/zeroQiaoba/MERTools, MER2024 (the rule, not the code).

    Examples
    --------
    >>> from lstmfcn.meta import make_folds
    >>> [fold.tolist() for fold in make_folds(4, 2, random_state=0, groups=["a", "a", "b", "b"])]
    [[2, 3], [0, 1]]
    """
    validation.check_counts(n=n, n_folds=n_folds)
    if not 2 <= n_folds <= n:
        raise ValueError(f"n_folds={n_folds} is not possible with {n} samples; choose 2 to {n}.")
    seed = int(validation.draw_seeds(random_state, 1)[0])
    if y is None and groups is None:
        order = check_random_state(seed).permutation(n)
        ends = np.arange(1, n_folds) * (n // n_folds)
        return [np.sort(fold) for fold in np.split(order, ends)]
    y, groups = _of_length(y, "y", n), _of_length(groups, "groups", n)
    if y is not None:
        labels, counts = np.unique(y, return_counts=True)
        # With groups, a class of fewer samples than folds is merely spread as evenly as can be.
        if (counts.min() if groups is None else counts.max()) < n_folds:
            raise ValueError(
                f"class {labels[counts.argmin()]!s} has {counts.min()} samples, fewer than "
                f"n_folds={n_folds}; lower n_folds, or pass more samples of it."
            )
    if groups is not None and len(np.unique(groups)) < n_folds:
        raise ValueError(
            f"groups has {len(np.unique(groups))} groups, fewer than n_folds={n_folds}; lower "
            "n_folds."
        )
    return held_out_rows(n, n_folds, seed, y, groups)


def held_out_rows(n, n_folds, seed, y=None, groups=None):
    """Return the rows of each fold: groups stay whole, and classes are spread, if that can be.

    ``seed`` is one, or scikit-learn's ``random_state``; one of ``y`` and ``groups`` is given.
    """
    kinds = [StratifiedKFold] if groups is None else [StratifiedGroupKFold, GroupKFold]
    if y is None:
        kinds = [GroupKFold]
    for kind in kinds:  # of few groups, StratifiedGroupKFold may leave a fold empty
        splitter = kind(n_folds, shuffle=True, random_state=seed)
        folds = [test for _, test in splitter.split(np.zeros(n), y, groups)]
        if all(map(len, folds)):
            break
    return folds


def write_folds(path, folds, names):
    """Store which fold holds out which sample, as a CSV file `name,fold`.

    Parameters
    ----------
    path : str or path
        The file appears whole or not at all.
    folds : list of int arrays
        As from :func:`make_folds`; each sample in exactly one.
    names : sequence of str of length n_samples
        Each one once.

    See Also
    --------
    make_folds, read_folds

    Examples
    --------
    >>> import os, tempfile
    >>> from lstmfcn.meta import read_folds, write_folds
    >>> path = os.path.join(tempfile.mkdtemp(), "folds.csv")
    >>> write_folds(path, [[0, 2], [1]], ["a", "b", "c"])
    >>> [fold.tolist() for fold in read_folds(path, ["c", "b", "a"])]
    [[0, 2], [1]]
    """
    names = _checked_names(names)
    rows = zip(names, _fold_of(folds, len(names)).tolist(), strict=True)
    write_csv(path, ["name", "fold"], rows)


def read_folds(path, names):
    """Read stored folds for samples in another order.

    Parameters
    ----------
    path : str or path
        Written by :func:`write_folds`.
    names : sequence of str
        The samples, exactly those of the file.

    Returns
    -------
    list of int ndarrays
        The rows of `names` that each fold holds out.

    See Also
    --------
    write_folds : With an example.
    """
    names, path = _checked_names(names), Path(path)
    lines = [line for _, line in csv_rows(path.name, decode(path.name, path.read_bytes()))]
    if not lines or lines[0] != ["name", "fold"]:
        raise ValueError(f"{path.name} does not begin with name,fold; pass a file of write_folds.")
    fold_of = {}
    for line in lines[1:]:
        is_sound = len(line) == 2 and line[1].isdecimal() and line[0] not in fold_of
        if not is_sound or int(line[1]) >= len(lines):
            raise ValueError(
                f"{path.name} has the line {','.join(line)!r}; expected each name once, with the "
                "number of its fold."
            )
        fold_of[line[0]] = int(line[1])
    different = sorted(set(names) ^ set(fold_of))
    if different:
        raise ValueError(
            f"{path.name} and names differ in {len(different)} samples, first {different[0]!r}; "
            "pass the samples that the folds were made for."
        )
    fold_of = np.array([fold_of[name] for name in names])
    folds = [np.flatnonzero(fold_of == fold) for fold in range(fold_of.max() + 1)]
    _fold_of(folds, len(names))
    return folds


class FoldEnsemble(LinkedToSite, ClassifierMixin, BaseEstimator):
    """Train one clone of an estimator per fold; average their predictions of new samples.

    Each training sample is predicted by the clone that has not seen it.

    Parameters
    ----------
    estimator : classifier with ``predict_proba``
        It takes series, or a dict of modality to series.
    folds : int or list of int arrays, default=5
        Number of folds, or the samples that each fold holds out, as from :func:`make_folds`.
    stratify : bool, default=True
        Whether folds made here get the same fraction of every class; MERTools does not stratify.
    average : {"probabilities", "logits"}, default="probabilities"
        What ``predict_proba`` averages over the folds' models. MERTools averages logits.
    random_state : int, RandomState or None, default=None
        Seed of the folds and, where the estimator has a ``random_state``, of each clone.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimators_ : list of fitted classifiers
        Estimator k has not seen fold k.
    folds_ : list of int ndarrays
        The samples that each fold holds out.
    fold_of_ : int ndarray of shape (n_samples,)
        The fold that holds out each sample.
    out_of_fold_ : ndarray of shape (n_samples, n_classes)
        Probabilities of each sample by the estimator that has not seen it.
    names_ : list of str, or None
    n_features_in_ : int
        As of the estimators, where they have it.

    See Also
    --------
    make_folds : Makes the folds.
    sklearn.model_selection.cross_val_predict : Keeps no models.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from lstmfcn.meta import FoldEnsemble
    >>> X, y = np.arange(20.0)[:, np.newaxis], np.repeat(["low", "high"], 10)
    >>> names = [f"clip {i}" for i in range(20)]
    >>> ensemble = FoldEnsemble(LogisticRegression(), random_state=0).fit(X, y, names=names)
    >>> ensemble.predict([[1.0], [18.0]]).tolist(), ensemble.out_of_fold()["clip 3"]
    (['low', 'high'], 'low')
    """

    _parameter_constraints = {
        "folds": [Integral, list, tuple],
        "stratify": ["boolean"],
        "average": [StrOptions({"probabilities", "logits"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator, folds=5, *, stratify=True, average="probabilities", random_state=None
    ):
        self.estimator = estimator
        self.folds = folds
        self.stratify = stratify
        self.average = average
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None, groups=None, names=None):
        """Fit one clone per fold to all samples but the fold's.

        Parameters
        ----------
        X : series, or dict of modality to series
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        groups : array-like of shape (n_samples,), optional
            No group is in two folds; folds that are given are refused if they split one.
        names : sequence of str of length n_samples, optional
            Kept with the predictions.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight, groups, names)
        return self

    @of_one_fit
    def predict(self, X):
        """Return the class of highest mean probability, (n_samples,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    @of_one_fit
    def predict_proba(self, X):
        """Return mean probabilities (n_samples, n_classes), columns as ``classes_``."""
        validation.check_is_fitted(self)
        each = [aligned_proba(estimator, X, self.classes_) for estimator in self.estimators_]
        if self.average == "probabilities":
            return np.mean(each, axis=0)
        # After a softmax the mean of the logarithms of probabilities is the mean of the logits.
        logits = np.mean(np.log(np.maximum(each, NOT_ZERO)), axis=0)
        return scipy.special.softmax(logits, axis=1)

    @of_one_fit
    def out_of_fold(self):
        """Return a dict of each training sample's name, or row, to its predicted class."""
        validation.check_is_fitted(self)
        predicted = self.classes_[self.out_of_fold_.argmax(axis=1)].tolist()
        names = range(len(predicted)) if self.names_ is None else self.names_
        return dict(zip(names, predicted, strict=True))

    @of_one_fit
    def save(self, path):
        """Write the fitted ensemble to one file, atomically, for :func:`lstmfcn.load`.

        The file holds JSON and plain arrays; `estimator` comes back as the first clone was made.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.

        Raises
        ------
        TypeError
            If the estimators are no classifiers of this package.
        """
        model_file.write(path, self._members())

    @property
    def n_features_in_(self):
        """Values per series, where the estimators count them."""
        validation.check_is_fitted(self)
        return self.estimators_[0].n_features_in_

    def _members(self):
        validation.check_is_fitted(self)
        parameters = {"estimator": None, "folds": len(self.folds_)}
        content = {
            "class": type(self).__name__,
            "parameters": model_file.parameters_to_json(self) | parameters,
            "classes": model_file.classes_to_json(self.classes_),
            "fold_of": self.fold_of_.tolist(),
            "out_of_fold": self.out_of_fold_.tolist(),
            "names": self.names_,
        }
        return {
            model_file.META: model_file.to_json(content),
            **model_file.in_folders(self.estimators_),
        }

    def _fit(self, X, y, sample_weight, groups, names):
        self._check_parameters(sample_weight)
        name = type(self).__name__
        y = validation.check_labels(y, n_rows(X), name)
        self.classes_ = np.unique(y)
        validation.check_classes(self.classes_, name)
        self.names_ = None if names is None else _checked_names(names)
        _of_length(self.names_, "names", len(y))
        if sample_weight is not None:
            sample_weight = validation.check_weights(sample_weight, len(y))
        self.folds_, seed = self._folds(y, groups)
        self.fold_of_ = _fold_of(self.folds_, len(y))
        self.estimators_ = []
        self.out_of_fold_ = np.empty((len(y), len(self.classes_)))
        for fold, random_state in enumerate(validation.draw_seeds(seed, len(self.folds_)).tolist()):
            train, test = (np.flatnonzero((self.fold_of_ == fold) == held) for held in (0, 1))
            estimator = clone(self.estimator)
            if "random_state" in estimator.get_params():
                estimator.set_params(random_state=random_state)
            options = {} if sample_weight is None else {"sample_weight": sample_weight[train]}
            if groups is not None and has_fit_parameter(estimator, "groups"):
                options["groups"] = np.asarray(groups)[train]
            estimator.fit(take_rows(X, train), y[train], **options)
            self.estimators_.append(estimator)
            self.out_of_fold_[test] = aligned_proba(estimator, take_rows(X, test), self.classes_)

    def _check_parameters(self, sample_weight):
        self._validate_params()
        check_has_proba(self.estimator, "which is averaged over the folds")
        takes = inspect.signature(self.estimator.fit).parameters.values()
        is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes)
        if sample_weight is not None and not is_open:
            remedy = "; leave it out, or pass another estimator."
            check_fit_takes(self.estimator, "sample_weight", remedy)

    def _folds(self, y, groups):
        """Return the folds, and the seed of the estimators."""
        seeds = validation.draw_seeds(self.random_state, 2)
        if not isinstance(self.folds, (list, tuple)):
            labels = y if self.stratify else None
            folds = make_folds(len(y), self.folds, random_state=seeds[0], y=labels, groups=groups)
            return folds, seeds[1]
        fold_of = _fold_of(self.folds, len(y))
        groups = _of_length(groups, "groups", len(y))
        for group in () if groups is None else np.unique(groups):
            found = np.unique(fold_of[groups == group])
            if len(found) > 1:
                raise ValueError(
                    f"group {group!s} is in folds {found[0]} and {found[1]}; put it into one of "
                    "them."
                )
        return [np.asarray(fold) for fold in self.folds], seeds[1]


def _fold_of(folds, n):
    """Return the fold (n,) of each sample, refusing folds that do not hold out each one once."""
    rows = [np.asarray(fold) for fold in folds]
    if len(rows) < 2 or any(row.ndim != 1 or row.dtype.kind not in "iu" for row in rows):
        raise ValueError("folds must be at least two arrays of sample indices; see make_folds.")
    joined = np.concatenate(rows)
    if not np.array_equal(np.sort(joined), np.arange(n)) or not all(map(len, rows)):
        raise ValueError(
            f"the folds hold {len(joined)} samples, {len(np.unique(joined))} different ones; "
            f"expected each of {n} samples in exactly one fold, and no fold empty."
        )
    return np.repeat(np.arange(len(rows)), list(map(len, rows)))[np.argsort(joined)]


def _of_length(values, name, n):
    if values is None:
        return None
    values = np.asarray(values)
    if values.shape != (n,):
        raise ValueError(
            f"{name} has shape {values.shape}; pass one entry for each of {n} samples."
        )
    n_missing = sum(map(validation.is_missing, values.tolist()))
    if n_missing:
        raise ValueError(
            f"{name} has None or NaN for {n_missing} of {n} samples; pass an entry for each, or "
            "leave those samples out."
        )
    return values


def _checked_names(names):
    names = list(names)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError("names must be strings, each one once; name every sample differently.")
    return names
