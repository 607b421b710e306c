"""What do meta-estimators share? They train a classifier and predict with it."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    clone,
    is_regressor,
)
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

from lstmfcn import model_file
from lstmfcn.all_or_nothing import of_one_fit
from lstmfcn.doc_link import LinkedToSite
from lstmfcn.meta.column_names import check_column_names, names_to_json, without_columns
from lstmfcn.validation import LARGEST_SEED, check_is_fitted


def aligned_proba(estimator, X, classes):
    """Return probabilities (n_samples, n_classes) of all classes, 0 of those it has not seen."""
    found = estimator.predict_proba(X)
    probabilities = np.zeros((len(found), len(classes)))
    probabilities[:, np.searchsorted(classes, estimator.classes_)] = found
    return probabilities


def check_fit_takes(estimator, parameter, remedy):
    """Refuse an estimator whose ``fit`` lacks a parameter."""
    if not has_fit_parameter(estimator, parameter):
        raise TypeError(f"{type(estimator).__name__}.fit takes no {parameter}{remedy}")


def check_has_proba(estimator, purpose):
    """Refuse an estimator without ``predict_proba``; the purpose is a clause, "which ..."."""
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"{type(estimator).__name__} has no predict_proba, {purpose}; pass another estimator."
        )


def check_holds_out_nothing(estimator):
    """Refuse an estimator that, or whose inner one, would be validated on copies of series."""
    found = estimator.get_params() if hasattr(estimator, "get_params") else {}
    for name, value in found.items():
        if name.rpartition("__")[2] == "validation_fraction" and value is not None:
            raise ValueError(
                f"the estimator's {name} would hold out copies of series that it is trained on; "
                "set it to None."
            )


def classifier_clone(estimator):
    """Return an unfitted copy of a classifier; refuse a regressor."""
    if is_regressor(estimator):
        raise TypeError(f"{type(estimator).__name__} predicts numbers; pass a classifier.")
    return clone(estimator)


def seeded_clone(estimator, seed):
    """Return an unfitted copy, each ``random_state`` in it, nested ones too, drawn from the seed.

    >>> from sklearn.ensemble import RandomForestClassifier
    >>> seeded_clone(RandomForestClassifier(), 0).random_state
    209652396
    """
    copy, rng = classifier_clone(estimator), check_random_state(seed)
    names = [n for n in sorted(copy.get_params()) if n.split("__")[-1] == "random_state"]
    return copy.set_params(**{name: int(rng.randint(LARGEST_SEED)) for name in names})


def _estimator_has(name):
    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class MetaClassifier(LinkedToSite, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier whose `fit`, which subclasses write, trains another one, `estimator_`.

    Predictions, probabilities and attention are those of `estimator_`, where it has them.
    """

    @of_one_fit
    def predict(self, X):
        """Return the class of each series of ``X``, which is as in :meth:`fit`: (n_samples,)."""
        X = self._read(X)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))
    @of_one_fit
    def predict_proba(self, X):
        """Return probabilities (n_samples, n_classes), columns in the order of ``classes_``."""
        X = self._read(X)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("attention_map"))
    @of_one_fit
    def attention_map(self, X, over="timepoints"):
        """Return the attention of the inner classifier, as its own method does."""
        X = self._read(X)
        return self.estimator_.attention_map(X, over)

    def save(self, path):
        """Write the fitted classifier to one file, atomically, for :func:`lstmfcn.load`.

        The file holds JSON and plain arrays. What training left about single series is not in it,
        and `estimator` comes back as `estimator_` was made.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.

        Raises
        ------
        TypeError
            If `estimator_` is no classifier of this package.
        """
        model_file.write(path, self._members())

    def _read(self, X):
        """Return X as `estimator_` was trained on it: without the columns' names."""
        check_is_fitted(self)
        check_column_names(self, X, reset=False)
        return without_columns(X)

    def _members(self):
        check_is_fitted(self)
        content = {
            "class": type(self).__name__,
            "parameters": model_file.parameters_to_json(self) | {"estimator": None},
            "classes": model_file.classes_to_json(self.classes_),
            **names_to_json(self),
        }
        return {
            model_file.META: model_file.to_json(content),
            **model_file.in_folders([self.estimator_]),
        }

    @property
    def n_features_in_(self):
        """Values per series, where the inner classifier counts them."""
        check_is_fitted(self)
        return self.estimator_.n_features_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
