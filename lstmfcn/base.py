"""What do all classifiers share? fit, predict, fine_tune, transform, save and pickle, once."""

import inspect
import math
import os
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import scipy.special
import scipy.stats
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight

from lstmfcn import validation
from lstmfcn.atomic import changed_at_once, of_one_fit
from lstmfcn.checkpoint import Checkpoint, fingerprint
from lstmfcn.explain import ExplanationMixin
from lstmfcn.fine_tuning import FineTuningMixin
from lstmfcn.inference import Forwards, cross_entropy
from lstmfcn.networks import NETWORKS, count_weights, set_weights
from lstmfcn.pickling import NetworkPickling
from lstmfcn.precision import resolve_precision
from lstmfcn.preprocessing import (
    Normalizer,
    OnDemand,
    is_memory_mapped,
    take,
    to_keras,
    without_weightless,
)
from lstmfcn.training import Recipe, progress_bar, train
from lstmfcn.validation import Interval, StrOptions

__all__ = ["TimeSeriesClassifier"]

N_UPDATES, FEWEST_EPOCHS, MOST_EPOCHS = 2000, 40, 1500  # of n_epochs="auto"
CYCLES, LEARNED = (1, 2, 4), 0.1  # and longer ones, while the training loss is above it
UNLEARNED = 0.5  # of the labels' entropy: with a loss above it, gaps have hidden what there is


class TimeSeriesClassifier(
    ExplanationMixin,
    FineTuningMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    NetworkPickling,
    BaseEstimator,
):
    """Everything about an LSTM-FCN classifier but its constructor and its network.

    A subclass has a constructor that stores its parameters, ``_parameter_constraints``,
    ``_network`` (a key of :data:`lstmfcn.networks.NETWORKS`) and ``_network_parameters`` (the
    constructor parameters which that builder takes as they are).
    """

    _network = None
    _network_parameters = ()

    _parameter_constraints = {
        "n_filters": ["array-like"],
        "kernel_sizes": ["array-like", StrOptions({"auto"})],
        "squeeze_excite": ["boolean"],
        "occlusion": [Interval(Real, 0, 1, closed="left")],
        "normalization": [StrOptions({"dataset", "series"}), None],
        "unequal_length": [StrOptions({"auto", "pad", "resample"})],
        "n_epochs": [Interval(Integral, 1, 1_000_000, closed="both"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, 1_000_000, closed="both"), StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, 10, closed="right")],
        "schedule": [StrOptions({"one_cycle", "plateau", "constant"})],
        "keep_weights": [StrOptions({"last", "best"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "patience": [Interval(Integral, 1, 1_000_000, closed="both"), None],
        "precision": [StrOptions({"auto", "bfloat16", "float32"})],
        "callbacks": [list, tuple, None],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def fit(self, X, y, sample_weight=None, validation_data=None):
        """Train a network on labelled series.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), or list of arrays of shape (n_channels, n_timepoints_i)
            Finite values. A list of series is taken to be of unequal length, also if these happen
            not to be; ``unequal_length`` says what becomes of later series. A memory-mapped array
            is read batch by batch and never held in memory.
        y : array-like of shape (n_samples,)
            Class labels: integers, strings, booleans.
        sample_weight : array-like of shape (n_samples,), optional
            Factor of each series' loss, >= 0; a series of weight 0 is left out.
        validation_data : tuple (X, y), optional
            Measured after every epoch (``val_loss``, ``val_accuracy`` in ``history_``) and
            monitored by ``patience`` and ``keep_weights="best"``; never trained on.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.

        Raises
        ------
        ValueError, TypeError
            On unusable input, in one sentence.
        FloatingPointError
            If the training loss stops being a number.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight, validation_data)
        return self

    @of_one_fit
    def predict(self, X):
        """Predict the class of each series.

        Parameters
        ----------
        X : as in :meth:`fit`
            Same channels; same length, unless ``unequal_length_in_`` says how others are treated.

        Returns
        -------
        ndarray of shape (n_samples,)
            Entries of ``classes_``.
        """
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

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
        return scipy.special.softmax(self._logits(X), axis=1)

    @of_one_fit
    def decision_function(self, X):
        """Return the logits: the network's output before the softmax.

        Parameters
        ----------
        X : as in :meth:`predict`

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes the log-odds of ``classes_[1]``.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    @of_one_fit
    def score(self, X, y, sample_weight=None):
        """Return the accuracy: the share of series whose class is predicted.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : array-like of shape (n_samples,)
            Class labels; one that ``fit`` did not see counts as missed.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        predicted, name = self.predict(X), type(self).__name__
        y = validation.check_labels(y, len(predicted), name)
        validation.check_comparable(y, self.classes_, name)
        weights = sample_weight
        if weights is not None:
            weights = validation.check_weights(weights, len(y)).astype(np.float64)
        return float(np.average(predicted == y, weights=weights))

    @of_one_fit
    def transform(self, X, layer="concatenated"):
        """Return learned features, for use by another estimator.

        Parameters
        ----------
        X : as in :meth:`predict`
        layer : {"concatenated", "lstm", "pooled"}, default="concatenated"
            ``"pooled"``: the last convolution features' mean over time; ``"lstm"``: the LSTM
            branch; ``"concatenated"``: [lstm, pooled], what the last layer sees.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        validation.check_is_fitted(self)
        has_lstm = "n_cells" in self._architecture
        layers = ("concatenated", "lstm", "pooled") if has_lstm else ("concatenated", "pooled")
        validation.check_choice(layer, "layer", layers)
        return self._forwards(layer if has_lstm else "pooled", self._read_test_data(X))

    @of_one_fit
    def save(self, path):
        """Write the fitted classifier to one file, atomically.

        The file holds JSON and plain arrays; reading it back executes nothing from it.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.

        See Also
        --------
        lstmfcn.load : The way back.
        """
        from lstmfcn.persistence import save

        save(self, path)

    def _fit(self, X, y, sample_weight, validation_data):
        self._check_parameters()
        seeds = validation.draw_seeds(self.random_state, 3)
        series, labels, weights = self._read_training_data(X, y, sample_weight)
        held_out = self._read_validation_data(validation_data)
        checkpoint = self._open_checkpoint("fit", seeds, (series, labels, weights), held_out or ())
        seeds = checkpoint.seeds
        if self.validation_fraction is not None:
            (series, labels, weights), held_out = self._hold_out(
                series, labels, weights, seed=seeds[2]
            )
        series, labels, weights = self._weigh_classes(series, labels, weights)
        self._learn_scale(series)
        inputs = self._to_inputs(series)
        if held_out is not None:
            held_out = self._to_inputs(held_out[0]), held_out[1]
        recipes = self._recipes(len(labels))
        self._train_candidates(inputs, labels, weights, recipes, held_out, checkpoint)
        self.batch_size_, self.precision_ = recipes[0].batch_size, recipes[0].precision

    def _check_parameters(self):
        for name, value in self.get_params(deep=False).items():
            if isinstance(value, int) and value.bit_length() > 10_000:  # cannot be written out
                raise ValueError(f"{name}={validation.shown(value)} is too large.")
        self._validate_params()
        n_cells = getattr(self, "n_cells", 1)
        if not isinstance(n_cells, (int, np.integer)):
            validation.check_sizes(n_cells, "n_cells", 4096)
        validation.check_callbacks(self.callbacks)

    def _read_training_data(self, X, y, sample_weight):
        """Check X and y together; fix channels, length, classes and normalisation."""
        series = self._new_series(X)
        y = validation.check_labels(y, len(series), type(self).__name__)
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        validation.check_classes(self.classes_, type(self).__name__, len(y))
        labels = encoder.transform(y).astype(np.int32)
        weights = validation.check_weights(sample_weight, len(labels))
        series, labels, weights = without_weightless(series, labels, weights)
        self._fix_shape(series)
        return series, labels, weights

    def _new_series(self, X):
        series = validation.as_series(X, estimator=self, reset=True)
        validation.warn_if_time_is_second(X, series)
        return list(series) if validation.is_list_of_series(X) else series

    def _fix_shape(self, series):
        """Fix the channels, and the length unless later series may have another."""
        self.unequal_length_in_ = self.unequal_length
        if self.unequal_length == "auto":
            self.unequal_length_in_ = "pad" if isinstance(series, list) else None
        self.n_channels_in_ = int(series[0].shape[0])
        self.n_timepoints_in_ = int(max(values.shape[1] for values in series))
        self.n_features_in_ = self.n_channels_in_ * self.n_timepoints_in_

    def _learn_scale(self, series):
        self.normalizer_ = Normalizer.fit(self.normalization, series)

    def _weigh_classes(self, series, labels, weights, fewest=2):
        """Multiply sample weights by class weights; leave out what then weighs nothing."""
        if self.class_weight is not None:
            by_class = np.ones(len(self.classes_), np.float32)
            if self.class_weight == "balanced":
                present = np.unique(labels)
                by_class[present] = compute_class_weight("balanced", classes=present, y=labels)
            else:
                by_class[:] = validation.check_class_weight(self.class_weight, self.classes_)
            weights = weights * by_class[labels]
            series, labels, weights = without_weightless(series, labels, weights)
        if len(np.unique(labels)) < fewest:
            raise ValueError(
                "sample_weight and class_weight leave too few classes with positive weight; "
                f"{type(self).__name__} needs at least {fewest} here."
            )
        return series, labels, weights

    def _read_validation_data(self, validation_data):
        """Return the user's validation series and class indices, or None."""
        if validation_data is None:
            return None
        if self.validation_fraction is not None:
            raise ValueError(
                "both validation_data and validation_fraction="
                f"{self.validation_fraction} were given; pass one of them."
            )
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise ValueError("validation_data must be a pair (X, y) of series and labels.")
        return self._read_labelled(*validation_data)

    def _hold_out(self, series, labels, weights, seed):
        """Split into (series, labels, weights) to train on and (series, labels) held out."""
        validation.check_split(labels, self.validation_fraction, len(self.classes_))
        kept, held = train_test_split(
            np.arange(len(labels)),
            test_size=self.validation_fraction,
            stratify=labels,
            random_state=seed,
        )
        trained_on = take(series, kept), labels[kept], weights[kept]
        return trained_on, (take(series, held), labels[held])

    def _read_labelled(self, X, y):
        """Check series and labels against those of ``fit``; return series and class indices."""
        series = self._matching_series(X)
        name = type(self).__name__
        y = validation.check_labels(y, len(series), name)
        return series, validation.encode_labels(y, self.classes_, name)

    def _recipes(self, n_samples):
        """Return the recipe and, for ``n_epochs="auto"``, what may follow it."""
        batch_size = self.batch_size
        if batch_size == "auto":  # a tenth of the set, as Wang et al., arXiv:1611.06455
            batch_size = min(16, max(4, n_samples // 10))
        n_epochs = self.n_epochs
        if n_epochs == "auto":
            n_epochs = math.ceil(N_UPDATES / math.ceil(n_samples / batch_size))
            n_epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, n_epochs))
        first = Recipe(
            int(n_epochs),
            int(batch_size),
            float(self.learning_rate),
            self.schedule,
            self.keep_weights,
            self.patience,
            resolve_precision(self.precision),
        )
        if self.n_epochs != "auto":
            return [first]
        recipes = [replace(first, n_epochs=factor * first.n_epochs) for factor in CYCLES]
        chooses_weights = self.keep_weights == "best" or self.patience is not None
        return recipes[:1] if chooses_weights else recipes

    def _open_checkpoint(self, method, seeds, data, *more_data, **arguments):
        """Return the checkpoint of this call: what may change its result names the job."""
        parameters = {
            name: repr(value)
            for name, value in self.get_params(deep=False).items()
            if name not in ("callbacks", "checkpoint", "random_state", "verbose")
        }
        job = {
            "class": type(self).__name__,
            **parameters,
            "callbacks": [_description(callback) for callback in self.callbacks or ()],
            "precision": resolve_precision(self.precision),
            "random_state": None if self.random_state is None else [int(seed) for seed in seeds],
            **arguments,
        }
        if self.checkpoint is not None:  # reads all the data
            job["data"] = fingerprint(*data)
            job["data_beside"] = fingerprint(*(array for group in more_data for array in group))
        return Checkpoint(self.checkpoint, method, job, seeds)

    def _train_candidates(self, inputs, labels, weights, recipes, held_out, checkpoint):
        """Train one network per candidate ``n_cells``; adopt the one of lowest training loss.

        The first recipe is for all; the others go on, one after the other, with a network that
        has not learned its training data: on whole series, if it has learned next to nothing.
        """
        n_cells = getattr(self, "n_cells", None)
        candidates = [n_cells] if n_cells is None or np.ndim(n_cells) == 0 else list(n_cells)
        architectures = [self._new_architecture(n, seed=checkpoint.seeds[0]) for n in candidates]
        shares = np.bincount(labels, weights) / np.sum(weights)
        entropy = float(scipy.stats.entropy(shares))

        def run_cycle(stage, result, resume, offer):
            candidate, cycle = divmod(stage, len(recipes))
            best, fitted = result or (None, None)
            if cycle == 0:
                best, fitted = _better(best, fitted), None
            elif fitted["loss"] <= LEARNED or fitted["was_stopped"]:
                return best, fitted
            passes_gaps = not fitted or (
                fitted["passes_gaps"] and fitted["loss"] <= UNLEARNED * entropy
            )
            architecture = {**architectures[candidate], "passes_gaps": passes_gaps}
            model = self._build(architecture)
            if fitted:
                set_weights(model, fitted["weights"])
                bar.total += recipes[cycle].n_epochs
            history = train(
                model,
                inputs,
                labels,
                weights,
                recipes[cycle],
                seed=checkpoint.seeds[1] + cycle,
                validation=held_out,
                callbacks=self.callbacks or (),
                bar=bar,
                resume=resume,
                offer=offer,
            )
            if fitted:
                history = {key: fitted["history"][key] + new for key, new in history.items()}
            loss = 0.0
            if len(architectures) > 1 or len(recipes) > 1:
                losses = cross_entropy(Forwards(model)("logits", inputs), labels)
                loss = float(np.sum(weights * losses) / np.sum(weights))
            return best, {
                "candidate": candidate,
                "passes_gaps": passes_gaps,
                "loss": loss,
                "weights": model.get_weights(),
                "history": history,
                "was_stopped": bool(model.stop_training),
                "n_epochs": sum(recipe.n_epochs for recipe in recipes[: cycle + 1]),
            }

        n_epochs = len(architectures) * recipes[0].n_epochs
        with progress_bar(n_epochs, type(self).__name__, self.verbose) as bar:
            best, fitted = checkpoint.run_stages(len(architectures) * len(recipes), run_cycle)
        best = _better(best, fitted)
        architecture = {**architectures[best["candidate"]], "passes_gaps": best["passes_gaps"]}
        model = self._build(architecture)
        set_weights(model, best["weights"])
        self._adopt(model, architecture)
        self.history_, self.n_epochs_ = best["history"], best["n_epochs"]

    def _new_architecture(self, n_cells, seed):
        n_filters, kernel_sizes = validation.check_kernel_sizes(
            self.kernel_sizes, self.n_filters, self.n_timepoints_in_
        )
        architecture = {
            "n_timepoints": self.n_timepoints_in_,
            "n_channels": self.n_channels_in_,
            "n_classes": len(self.classes_),
            "n_filters": n_filters,
            "kernel_sizes": kernel_sizes,
            "squeeze_excite": bool(self.squeeze_excite),
            "occlusion": float(self.occlusion),
            "passes_gaps": True,
            "masked": self.unequal_length_in_ == "pad",
            "seed": seed,
            **{name: getattr(self, name) for name in self._network_parameters},
        }
        if n_cells is not None:
            architecture["n_cells"] = int(n_cells)
        validation.check_network_size(count_weights(self._network, **architecture))
        return architecture

    def _build(self, architecture):
        return NETWORKS[self._network](**architecture)

    def _adopt(self, model, architecture):
        """Take over a trained model, what it was built from, and what predicts with it."""
        self.model_, self._architecture, self._forwards = model, architecture, Forwards(model)
        if "n_cells" in architecture:
            self.n_cells_ = architecture["n_cells"]

    def _matching_series(self, X):
        series = validation.as_series(X, estimator=self)
        validation.check_matches_fit(series, self)
        return series

    def _to_inputs(self, series):
        """Return the network's inputs: series (n, T, C) and, where lengths differ, the mask."""
        if is_memory_mapped(series) and series.shape[2] == self.n_timepoints_in_:
            values = OnDemand(series, self.normalizer_)
            mask = np.broadcast_to(np.float32(1), values.shape[:2])
            return (values, mask) if self.unequal_length_in_ == "pad" else (values,)
        values, mask = to_keras(
            series, self.n_timepoints_in_, self.normalizer_, self.unequal_length_in_
        )
        return (values,) if mask is None else (values, mask)

    def _read_test_data(self, X):
        validation.check_is_fitted(self)
        return self._to_inputs(self._matching_series(X))

    def _logits(self, X):
        inputs = self._read_test_data(X)
        return self._forwards("logits", inputs).astype(np.float64)

    @property
    def occlusion_(self):
        """What the network kept of ``occlusion``: 0.0 where gaps kept it from learning."""
        validation.check_is_fitted(self)
        return self._architecture["occlusion"] if self._architecture["passes_gaps"] else 0.0

    def __sklearn_clone__(self):
        """Copy the parameters; callbacks that hold a file or a lock are shared."""
        try:
            return super().__sklearn_clone__()
        except TypeError:
            if not self.callbacks:
                raise
        bare = object.__new__(type(self))
        bare.__dict__ = {**vars(self), "callbacks": None}
        return bare.__sklearn_clone__().set_params(callbacks=self.callbacks)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []  # features are float32, whatever X is
        return tags

    @property
    def _n_features_out(self):
        return int(self._architecture["n_filters"][-1] + self._architecture.get("n_cells", 0))


def _better(first, second):
    """Return the fit of lower training loss, the first of equals; None is no fit."""
    if first is None or second is None:
        return first or second
    return second if second["loss"] < first["loss"] else first


def _description(callback):
    """Return a callback's class and settings as text, without what it has counted so far."""
    settings = {
        key: abs(value) if isinstance(value, (int, float)) else value  # Keras flips signs
        for key in inspect.signature(type(callback)).parameters
        if isinstance(value := vars(callback).get(key), (bool, int, float, str))
    }
    return f"{type(callback).__name__}({settings})"
