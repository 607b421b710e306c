"""How do several modalities of one sample decide together: early, late, or branch by branch?"""

import copy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from lstmfcn import model_file, validation
from lstmfcn.all_or_nothing import changed_at_once, of_one_fit
from lstmfcn.classifiers import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.doc_link import LinkedToSite
from lstmfcn.meta.column_names import check_column_names, names_to_json
from lstmfcn.multimodal.branch import BranchFusion
from lstmfcn.multimodal.early import EarlyFusion
from lstmfcn.multimodal.late import LateFusion
from lstmfcn.multimodal.modalities import read_modalities
from lstmfcn.validation import Interval, StrOptions

ESTIMATORS = (LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier)


class FusionClassifier(LinkedToSite, ClassifierMixin, BaseEstimator):
    """Classify samples of several modalities with this package's networks.

    Parameters
    ----------
    estimator : LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier or None, default=None
        Network and training; a clone of it is fitted, with another ``random_state``. None:
        ``LSTMFCNClassifier()``.
    fusion : {"branch", "early", "late"}, default="branch"
        - ``"branch"``: one network with a trunk per modality and one head, trained at once.
        - ``"early"``: one network of all channels, the modalities brought to one length.
        - ``"late"``: one network per modality, whose probabilities are averaged.

        ``"branch"`` and ``"early"`` leave out the estimator's fixed kernels (``rocket``): without a
        modality they would answer something else.
    align_to : str, default="longest"
        Of "early", the length that the modalities of a sample get: ``"longest"``, ``"shortest"``,
        or the name of a modality. Longer series become means of windows, shorter ones are
        interpolated.
    n_hidden : int, default=32
        Of "branch", the width of a hidden layer in the head. It lets modalities interact.
        With 0 each logit is a sum over modalities.
    modality_dropout : float in [0, 1), default=0.2
        For "branch": how often a modality of a training sample is hidden from the head, so that a
        sample without it can be classified. Never are all modalities hidden.
    random_state : int, RandomState or None, default=None
        Seed of networks and training. The same int on the same machine gives bit-equal
        predictions.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    modalities_ : tuple of str
        In the order of the dict that ``fit`` got.
    column_names_ : dict of str to ndarray of str
        Column names of each modality that was a data frame that had names.
    history_ : dict
        As of the estimator; with "late" one per modality.
    fusion_ : object
        The fitted part. Its ``estimator`` ("early", "branch") or its ``estimators`` ("late") are
        fitted classifiers.

    See Also
    --------
    AttentionFusionClassifier : The fusion of MER2024's baseline.
    lstmfcn.emotion.FoldEnsemble : Several fusions, each without one fold.

    Notes
    -----
    A modality may be missing: in a sample (None in a list of series) or in all that are predicted
    (no such key, or None). "late" then averages over the others, "early" fills in the mean of the
    training data, "branch" leaves out the features of its trunk.

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
    >>> from lstmfcn.multimodal import FusionClassifier
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
        n_hidden=32,
        modality_dropout=0.2,
        random_state=None,
    ):
        self.estimator = estimator
        self.fusion = fusion
        self.align_to = align_to
        self.n_hidden = n_hidden
        self.modality_dropout = modality_dropout
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None, validation_data=None):
        """Train on labelled samples.

        Parameters
        ----------
        X : dict of str to series
            Each modality is an array, a list or :class:`lstmfcn.emotion.ClipSequences`. An array
            has the shape (n_samples, n_channels, n_timepoints) or (n_samples, n_timepoints). A list
            has arrays of shape (n_channels, n_timepoints_i), and None for a sample without the
            modality. Frames (T_i, D) of ClipSequences become (D, T_i). Some samples must have each
            modality, and each sample at least one.
        y, sample_weight : array-like of shape (n_samples,)
            Class labels, and, optionally, the factor of each sample's loss, >= 0.
        validation_data : tuple (X, y), optional
            As for the estimator's ``fit``: measured after every epoch, never trained on. With
            "late" each modality's estimator gets the samples that have it.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight, validation_data)
        return self

    @of_one_fit
    def predict(self, X):
        """Return the class of each sample, (n_samples,); X as in :meth:`predict_proba`."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    @of_one_fit
    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : dict of str to series
            As in :meth:`fit`, with the same channels and, where they were equal, lengths. A
            modality may be missing.

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
        X, y, sample_weight : as in :meth:`fit`
            Every modality must be there in some samples, and ``fit`` must have seen the labels.
        n_iterations, n_epochs, learning_rate, batch_size, freeze
            See :meth:`lstmfcn.LSTMFCNClassifier.fine_tune`.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.
        """
        modalities = self._read(X)
        absent = [name for name, series in modalities.series.items() if series is None]
        if absent:
            raise ValueError(
                f"no sample has the modality {absent[0]!r}; fine_tune needs some of each that fit "
                "has seen."
            )
        y, sample_weight = self._checked(modalities, y, sample_weight)
        _check_weights_of(modalities, sample_weight)
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
        X : as in :meth:`predict_proba`

        Returns
        -------
        dict of str to ndarray of shape (n_samples, n_timepoints)
            Rows are >= 0 and sum to 1, padding gets 0; they are NaN for a sample without the
            modality. With "early" there is one attention for all, over the aligned timepoints.

        Raises
        ------
        AttributeError
            If the estimator has no attention.
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
        validation.check_is_fitted(self)
        model_file.write(path, self._members())

    def _members(self):
        """Return what the file holds: a description, and in folders 0, 1, ... each classifier."""
        fusion = self.fusion_
        if isinstance(fusion, LateFusion):
            classifiers = list(fusion.estimators.values())
            fitted = {"fusion": "late"}
        elif isinstance(fusion, EarlyFusion):
            classifiers = [fusion.estimator]
            reader = fusion.reader.to_json()
            fitted = {"fusion": "early", "align_to": fusion.align_to, "reader": reader}
        else:
            classifiers = [fusion.estimator]
            fitted = {"fusion": "branch", **vars(fusion.estimator._design)}
        content = {
            "parameters": model_file.parameters_to_json(self) | {"estimator": None},
            "estimator": model_file.estimator_to_json(self.estimator),
            "modalities": list(self.modalities_),
            "classes": model_file.classes_to_json(self.classes_),
            "fitted": fitted,  # the parameters may have been set to others since
            **names_to_json(self),
        }
        return {
            model_file.FUSION: model_file.to_json(content),
            **model_file.in_folders(classifiers),
        }

    def _fit(self, X, y, sample_weight, validation_data):
        self._validate_params()
        check_column_names(self, X, reset=True)
        modalities = read_modalities(X)
        y, sample_weight = self._checked(modalities, y, sample_weight)
        _check_weights_of(modalities, sample_weight)
        self.classes_ = np.unique(y)
        validation.check_classes(self.classes_, type(self).__name__)
        self.fusion_ = self._new_fusion(modalities.names)
        held_out = self._read_held_out(validation_data, modalities.names)
        with validation.axes_are_known():  # embeddings have many channels, perhaps of one timepoint
            self.fusion_.fit(modalities, y, sample_weight, validation_data=held_out)
        self.modalities_, self.history_ = modalities.names, self.fusion_.history_

    def _new_fusion(self, names):
        """Return the unfitted fusion."""
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
        estimator = clone(estimator)
        seed = int(validation.draw_seeds(self.random_state, 1)[0])
        if self.random_state is None and self.fusion != "late":
            seed = None  # a checkpoint then goes on with its own
        if self.fusion == "late":
            return LateFusion(estimator, seed)
        if self.fusion == "early":
            choices = ("longest", "shortest", *names)
            validation.check_choice(str(self.align_to), "align_to", choices)
            # Fixed kernels that read a modality which is missing would answer something else.
            return EarlyFusion(estimator.set_params(random_state=seed, rocket=False), self.align_to)
        estimator.set_params(random_state=seed)
        return BranchFusion(estimator, self.n_hidden, self.modality_dropout)

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
        check_column_names(self, validation_data[0], reset=False)
        modalities = read_modalities(validation_data[0], names)
        return modalities, self._checked(modalities, validation_data[1], None)[0]

    def _read(self, X):
        validation.check_is_fitted(self)
        check_column_names(self, X, reset=False)
        return read_modalities(X, self.modalities_)


def _check_weights_of(modalities, weights):
    """Refuse weights that leave no sample of a modality."""
    for name in modalities.names:
        rows = modalities.rows(name)
        if weights is not None and len(rows) and not weights[rows].any():
            raise ValueError(
                f"all samples of modality {name!r} have the weight 0; give some of them a weight, "
                "or leave the modality out."
            )
