"""How do several modalities of one sample decide together: early, late, or branch by branch?"""

import copy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from lstmfcn import validation
from lstmfcn.atomic import changed_at_once, of_one_fit
from lstmfcn.classifiers import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.emotion.fusion.branch import make_branches
from lstmfcn.emotion.fusion.early import EarlyFusion
from lstmfcn.emotion.fusion.late import LateFusion
from lstmfcn.emotion.fusion.modalities import read_modalities
from lstmfcn.validation import Interval, StrOptions

__all__ = ["FusionClassifier"]

ESTIMATORS = (LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier)


class FusionClassifier(ClassifierMixin, BaseEstimator):
    """Classify samples that are seen through several modalities, by this package's networks.

    Parameters
    ----------
    estimator : LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier or None, default=None
        What is cloned: network and training. Its ``random_state`` is replaced. None:
        ``LSTMFCNClassifier()``.
    fusion : {"branch", "early", "late"}, default="branch"
        - ``"branch"``: one network with a trunk per modality and one head, trained at once.
        - ``"early"``: one network of all channels, the modalities brought to one length.
        - ``"late"``: one network per modality, whose probabilities are averaged or stacked.
    align_to : str, default="longest"
        Of "early", the length that the modalities of a sample get: ``"longest"``, ``"shortest"``,
        or the name of a modality. Longer series become means of windows, shorter ones are
        interpolated.
    stacking : bool, default=False
        Of "late", whether a logistic regression on out-of-fold predictions takes the place of the
        average. Every modality is then fitted ``n_folds`` times more.
    n_folds : int, default=5
        Of the stacking: stratified folds, and grouped ones where ``fit`` gets groups.
    n_hidden : int, default=32
        Of "branch", the width of a hidden layer in the head, for what only the combination of
        modalities tells. With 0 each logit is a sum over modalities.
    modality_dropout : float in [0, 1), default=0.2
        Of "branch", how often a modality of a training sample is hidden from the head (never all),
        so that a sample without it can be classified.
    random_state : int, RandomState or None, default=None
        Seed of networks, training and folds. The same int on the same machine gives bit-equal
        predictions.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    modalities_ : tuple of str
        In the order of the dict that ``fit`` got.
    history_ : dict
        As of the estimator; with "late" one per modality.
    fusion_ : object
        What decides: for "early" its ``estimator`` and for "late" its ``estimators`` are ordinary
        classifiers; for "branch" its ``model_`` is the network.

    Notes
    -----
    A modality may be missing: in a sample (None in a list of series) or in all that are predicted
    (no such key, or None). "late" then asks those that are there, "early" fills in the mean of the
    training data, "branch" leaves the trunk's answer out.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", 2018, arXiv:1709.05206. Neverova, Wolf, Taylor, Nebout, "ModDrop: Adaptive
    Multi-modal Gesture Recognition", 2016, arXiv:1501.00102. Baltrusaitis, Ahuja, Morency,
    "Multimodal Machine Learning: A Survey and Taxonomy", 2019, arXiv:1705.09406, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn import LSTMFCNClassifier
    >>> from lstmfcn.emotion.fusion import FusionClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "angry"], 20)
    >>> X = {"audio": rng.normal(size=(40, 2, 12)), "text": rng.normal(size=(40, 3, 5))}
    >>> X["audio"][20:] += 2.0
    >>> small = LSTMFCNClassifier(n_filters=(8, 8, 8), n_epochs=10, learning_rate=0.01)
    >>> clf = FusionClassifier(small, random_state=0).fit(X, y)
    >>> clf.score(X, y) > 0.9, clf.predict_proba({"audio": X["audio"]}).shape
    (True, (40, 2))
    """

    _parameter_constraints = {
        "fusion": [StrOptions({"branch", "early", "late"})],
        "align_to": [str],
        "stacking": ["boolean"],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "n_hidden": [Interval(Integral, 0, 4096, closed="both")],
        "modality_dropout": [Interval(Real, 0, 1, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        fusion="branch",
        *,
        align_to="longest",
        stacking=False,
        n_folds=5,
        n_hidden=32,
        modality_dropout=0.2,
        random_state=None,
    ):
        self.estimator = estimator
        self.fusion = fusion
        self.align_to = align_to
        self.stacking = stacking
        self.n_folds = n_folds
        self.n_hidden = n_hidden
        self.modality_dropout = modality_dropout
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None, groups=None, validation_data=None):
        """Train on labelled samples.

        Parameters
        ----------
        X : dict of str to series
            Per modality an array of shape (n_samples, n_channels, n_timepoints) or (n_samples,
            n_timepoints), a list of arrays of shape (n_channels, n_timepoints_i) with None for a
            sample without the modality, or ClipSequences. Every modality must be there in some
            samples, and every sample must have one.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), optional
            Factor of each sample's loss, >= 0.
        groups : array-like of shape (n_samples,), optional
            Speakers or videos, none of which is in two folds of the stacking. Nothing else here
            splits by them.
        validation_data : tuple (X, y), optional
            As for the estimator's ``fit``: measured after every epoch, never trained on. With
            "late" each modality's estimator gets the samples that have it.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.

        Raises
        ------
        ValueError, TypeError
            On unusable input, in one sentence that names the modality.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight, groups, validation_data)
        return self

    @of_one_fit
    def predict(self, X):
        """Predict the class of each sample.

        Parameters
        ----------
        X : dict of str to series
            As in :meth:`fit`, with the same channels and, where they were equal, lengths. A
            modality may be missing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Entries of ``classes_``.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    @of_one_fit
    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : as in :meth:`predict`

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1; columns in the order of ``classes_``.
        """
        modalities = self._read(X)
        return self.fusion_.predict_proba(modalities)

    def fine_tune(
        self,
        X,
        y,
        sample_weight=None,
        *,
        n_iterations=5,
        n_epochs=None,
        learning_rate=1e-3,
        batch_size=128,
        freeze=None,
    ):
        """Train on, by the algorithm of the estimator's ``fine_tune``.

        Parameters
        ----------
        X : as in :meth:`predict`
            Every modality must be there in some samples.
        y : array-like of shape (n_samples,)
            Labels that ``fit`` has seen.
        sample_weight : array-like of shape (n_samples,), optional
        n_iterations, n_epochs, learning_rate, batch_size, freeze
            See :meth:`lstmfcn.LSTMFCNClassifier.fine_tune`.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted. The logistic regression of a stack
            stays as it is.
        """
        modalities = self._read(X)
        absent = [name for name, series in modalities.series.items() if series is None]
        if absent:
            raise ValueError(
                f"no sample has the modality {absent[0]!r}; fine_tune needs some of each that fit "
                "has seen."
            )
        y, sample_weight = self._checked(modalities, y, sample_weight)
        validation.encode_labels(y, self.classes_, type(self).__name__)
        options = {
            "n_iterations": n_iterations,
            "n_epochs": n_epochs,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "freeze": freeze,
        }
        with changed_at_once(self) as tuned:
            tuned.fusion_ = copy.copy(tuned.fusion_)
            tuned.fusion_.fine_tune(modalities, y, sample_weight, **options)
            tuned.history_ = tuned.fusion_.history_
        return self

    @of_one_fit
    def attention_maps(self, X):
        """Return the attention that each modality's timepoints get.

        Parameters
        ----------
        X : as in :meth:`predict`

        Returns
        -------
        dict of str to ndarray of shape (n_samples, n_timepoints)
            Rows are >= 0 and sum to 1, padding gets 0; they are NaN for a sample without the
            modality. With "early" there is one attention for all, over the aligned timepoints.

        Raises
        ------
        AttributeError
            If the estimator has no attention.

        Examples
        --------
        >>> import numpy as np
        >>> from lstmfcn import ALSTMFCNClassifier
        >>> from lstmfcn.emotion.fusion import FusionClassifier
        >>> X = {"audio": np.random.default_rng(0).normal(size=(8, 1, 12)), "text": np.eye(8)}
        >>> small = ALSTMFCNClassifier(n_filters=(4, 4, 4), n_epochs=1)
        >>> clf = FusionClassifier(small, random_state=0).fit(X, [0, 1] * 4)
        >>> {name: attention.shape for name, attention in clf.attention_maps(X).items()}
        {'audio': (8, 12), 'text': (8, 8)}
        """
        modalities = self._read(X)
        if not hasattr(getattr(self.fusion_, "estimator", self.fusion_), "attention_map"):
            raise AttributeError(
                "this network has no attention; fit with estimator=ALSTMFCNClassifier() for maps "
                "of it."
            )
        return self.fusion_.attention_maps(modalities)

    @of_one_fit
    def save(self, path):
        """Write the fitted classifier to one file, atomically.

        The file holds JSON and plain arrays; :func:`lstmfcn.load` reads it back and executes
        nothing from it.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.
        """
        from lstmfcn.emotion.fusion.files import fusion_members
        from lstmfcn.persistence import write_members

        validation.check_is_fitted(self)
        write_members(path, fusion_members(self))

    def _fit(self, X, y, sample_weight, groups, validation_data):
        self._validate_params()
        modalities = read_modalities(X)
        y, sample_weight = self._checked(modalities, y, sample_weight)
        self.classes_ = np.unique(y)
        validation.check_classes(self.classes_, type(self).__name__)
        self.fusion_ = self._new_fusion(modalities.names)
        options = {"validation_data": self._read_held_out(validation_data, modalities.names)}
        if self.fusion == "late":
            options["groups"] = groups
        with validation.axes_are_known():  # embeddings have many channels, perhaps of one timepoint
            self.fusion_.fit(modalities, y, sample_weight, **options)
        self.modalities_, self.history_ = modalities.names, self.fusion_.history_

    def _estimator(self):
        """Return what is to be cloned."""
        estimator = LSTMFCNClassifier() if self.estimator is None else self.estimator
        if type(estimator) not in ESTIMATORS:
            raise TypeError(
                f"estimator is a {type(estimator).__name__}; pass an instance of "
                f"{', '.join(kind.__name__ for kind in ESTIMATORS)}, or None."
            )
        if estimator.checkpoint is not None and self.fusion == "late":
            raise ValueError(
                f"checkpoint={estimator.checkpoint!r} is for one training, but fusion='late' has "
                "one per modality; pass an estimator without."
            )
        return estimator

    def _new_fusion(self, names):
        """Return what is to decide, unfitted."""
        estimator = clone(self._estimator())
        seed = int(validation.draw_seeds(self.random_state, 1)[0])
        if self.fusion == "late":
            return LateFusion(estimator, self.n_folds if self.stacking else None, seed)
        if self.fusion == "early":
            if self.align_to not in ("longest", "shortest", *names):
                options = ", ".join(repr(name) for name in ("longest", "shortest", *names))
                raise ValueError(f"align_to={self.align_to!r} is unknown; choose one of {options}.")
            return EarlyFusion(estimator.set_params(random_state=seed), self.align_to)
        return make_branches(
            estimator,
            n_hidden=self.n_hidden,
            modality_dropout=self.modality_dropout,
            random_state=seed,
        )

    def _checked(self, modalities, y, sample_weight):
        """Return labels as an array, and weights as one or None."""
        y = validation.check_labels(y, len(modalities), type(self).__name__)
        if sample_weight is not None:
            sample_weight = validation.check_weights(sample_weight, len(y))
        return y, sample_weight

    def _read_held_out(self, validation_data, names):
        """Return the user's validation samples as Modalities and labels, or None."""
        if validation_data is None:
            return None
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise ValueError("validation_data must be a pair (X, y) of samples and labels.")
        modalities = read_modalities(validation_data[0], names)
        return modalities, self._checked(modalities, validation_data[1], None)[0]

    def _read(self, X):
        validation.check_is_fitted(self)
        return read_modalities(X, self.modalities_)
