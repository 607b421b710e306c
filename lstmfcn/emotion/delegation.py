"""What does a classifier around a classifier answer? What the inner one does."""

from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.metaestimators import available_if

from lstmfcn.validation import check_is_fitted

__all__ = ["DelegatingClassifier"]


def _estimator_has(name):
    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class DelegatingClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier whose `fit`, which subclasses write, trains another one, `estimator_`.

    Predictions, probabilities and attention are those of that one, where it has them.
    """

    def predict(self, X):
        """Predict the class of each series.

        Parameters
        ----------
        X : as in :meth:`fit`

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities, columns in the order of `classes_`.

        Parameters
        ----------
        X : as in :meth:`fit`

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("attention_map"))
    def attention_map(self, X, over="timepoints"):
        """Return the attention of the inner classifier, as its own method does."""
        check_is_fitted(self)
        return self.estimator_.attention_map(X, over)

    @property
    def n_features_in_(self):
        """Values per series, where the inner classifier counts them."""
        check_is_fitted(self)
        return self.estimator_.n_features_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
