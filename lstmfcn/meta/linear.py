"""How good are linear models of whole clips? A support vector machine or logistic regression."""

import contextlib
from collections.abc import Mapping

import numpy as np
import scipy.special
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import LinearSVC

from lstmfcn import model_file, validation
from lstmfcn.all_or_nothing import changed_at_once
from lstmfcn.doc_link import LinkedToSite
from lstmfcn.meta.column_names import check_column_names, names_to_json
from lstmfcn.meta.rows import check_rows, naming
from lstmfcn.untrusted import listed
from lstmfcn.validation import StrOptions

STRENGTHS = (0.0001, 0.001, 0.01, 0.1, 1.0)  # inverse penalties C that are tried
ARRAYS = ("mean_", "scale_", "coef_", "intercept_")
N_FOLDS = 5  # of the training clips, to choose one of them


class LinearBaseline(LinkedToSite, ClassifierMixin, BaseEstimator):
    """A linear classifier of one vector per clip, such as functionals or pooled frames.

    The penalty is chosen by folds of the training clips, by balanced accuracy.

    Parameters
    ----------
    kind : {"svm", "logreg"}, default="svm"
        Support vector machine, one class against the others; or multinomial logistic regression.
    random_state : int, RandomState or None, default=None
        Seed of the folds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    C_ : float
        The inverse penalty that was chosen.
    coef_ : float64 ndarray of shape (n_rows, n_features)
        One row for two classes, else one for each class; of standardised features.
    intercept_ : float64 ndarray of shape (n_rows,)
    mean_, scale_ : float64 ndarrays of shape (n_features,)
        Of the training clips.
    widths_ : dict of str to int
        Values per clip of each modality, in the order of the columns of `coef_`; of an array under
        the name "".
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame that had names.
    column_names_ : dict of str to ndarray of str
        The same of each modality, if X was a dict.

    See Also
    --------
    lstmfcn.emotion.SequencePreprocessor : Its mode "pool" makes the vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.meta.linear import LinearBaseline
    >>> X = np.random.default_rng(0).normal(size=(40, 3, 1))
    >>> y = np.where(X[:, 0, 0] > 0, "happy", "sad")
    >>> clf = LinearBaseline("logreg", random_state=0).fit(X, y)
    >>> clf.score(X, y) > 0.9, clf.predict_proba(X).shape
    (True, (40, 2))
    """

    _parameter_constraints = {
        "kind": [StrOptions({"svm", "logreg"})],
        "random_state": ["random_state"],
    }

    def __init__(self, kind="svm", *, random_state=None):
        self.kind = kind
        self.random_state = random_state

    def fit(self, X, y):
        """Train on labelled clips.

        Parameters
        ----------
        X : array of shape (n_samples, n_features, 1), or dict of str to one of these
            A prediction needs the same modalities, in any order.
        y : array-like of shape (n_samples,)

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y)
        return self

    def predict(self, X):
        """Return the class of each clip, (n_samples,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        """Return (n_samples, n_classes): of an SVM the softmax of its distances, uncalibrated."""
        validation.check_is_fitted(self)
        check_column_names(self, X, reset=False)
        vectors = (self._joined(_vectors(X)) - self.mean_) / self.scale_
        decision = vectors @ self.coef_.T + self.intercept_
        if len(self.classes_) == 2:
            decision = np.concatenate([-decision / 2, decision / 2], axis=1)
        return scipy.special.softmax(decision, axis=1)

    def save(self, path):
        """Write the fitted classifier to one file, for :func:`lstmfcn.load`.

        Parameters
        ----------
        path : str or path-like
        """
        model_file.write(path, self._members())

    def _members(self):
        validation.check_is_fitted(self)
        content = {
            "parameters": model_file.parameters_to_json(self),
            "classes": model_file.classes_to_json(self.classes_),
            "C": self.C_,
            "widths": self.widths_,
            **names_to_json(self),
            **{name: getattr(self, name).tolist() for name in ARRAYS},
        }
        return {model_file.LINEAR: model_file.to_json(content)}

    def _fit(self, X, y):
        self._validate_params()
        check_column_names(self, X, reset=True)
        parts, name = _vectors(X), type(self).__name__
        self.widths_ = {modality: part.shape[1] for modality, part in parts.items()}
        vectors = self._joined(parts)
        y = validation.check_labels(y, len(vectors), name)
        self.classes_ = np.unique(y)
        validation.check_classes(self.classes_, name)
        self.mean_, scale = vectors.mean(axis=0), vectors.std(axis=0)
        self.scale_ = np.where(scale > 1e-9 * np.maximum(1, np.abs(self.mean_)), scale, 1.0)
        scaled = (vectors - self.mean_) / self.scale_
        seed = int(validation.draw_seeds(self.random_state, 1)[0])
        if self.kind == "svm":
            model = LinearSVC(class_weight="balanced", max_iter=20_000, random_state=seed)
        else:
            model = LogisticRegression(class_weight="balanced", max_iter=2000)
        n_folds = min(N_FOLDS, int(np.unique(y, return_counts=True)[1].min()))
        self.C_ = STRENGTHS[len(STRENGTHS) // 2]
        if n_folds > 1:
            folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
            search = GridSearchCV(model, {"C": STRENGTHS}, scoring="balanced_accuracy", cv=folds)
            self.C_ = float(search.fit(scaled, y).best_params_["C"])
        model.set_params(C=self.C_).fit(scaled, y)
        # In the order of an array from a file: by it BLAS rounds.
        self.coef_ = np.ascontiguousarray(model.coef_)
        self.intercept_ = np.atleast_1d(model.intercept_)

    def _joined(self, parts):
        """Return (n_samples, n_features) from the vectors of the modalities that `fit` got."""
        widths = {modality: part.shape[1] for modality, part in parts.items()}
        if widths != self.widths_:
            raise ValueError(
                f"X has {_widths(widths)}, but this {type(self).__name__} was fitted on "
                f"{_widths(self.widths_)}; pass the same modalities and values, or fit again."
            )
        return np.concatenate([parts[modality] for modality in self.widths_], axis=1)


def _vectors(X):
    """Return float64 (n_samples, n_features) of each modality by its name; of an array by ""."""
    X, vectors = check_rows(X), {}
    for modality, clips in X.items() if isinstance(X, Mapping) else [("", X)]:
        shapes = {clip.shape for clip in clips}
        with naming(modality) if modality else contextlib.nullcontext():
            if len(shapes) > 1:
                raise ValueError(
                    "X has clips of different lengths; pool each clip's frames into one vector."
                )
        vectors[modality] = np.asarray(clips, np.float64).reshape(len(clips), -1)
    return vectors


def _widths(widths):
    """Say how many values each modality has, for a message."""
    return listed(f"{n} values" + f" of {name!r}" * bool(name) for name, n in widths.items())
