"""How does the attention fusion of MER2024's baseline, MERTools, classify the same samples?"""

import math
from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
import scipy.special
from sklearn.base import BaseEstimator, ClassifierMixin

from lstmfcn import model_file, validation
from lstmfcn.all_or_nothing import changed_at_once, of_one_fit
from lstmfcn.doc_link import LinkedToSite
from lstmfcn.fitting import part_of_fit
from lstmfcn.lengths import pool_or_pad
from lstmfcn.meta.column_names import check_column_names, names_to_json
from lstmfcn.multimodal.modalities import read_modalities
from lstmfcn.networks.backend import float32_layers, keras, ops
from lstmfcn.networks.fitted import FittedNetwork
from lstmfcn.training.loop import TrainingPlan, progress_bar, train
from lstmfcn.validation import Interval, StrOptions


@keras.saving.register_keras_serializable(package="lstmfcn")
class TwoBiasLSTMCell(keras.layers.Layer):
    """One step of an LSTM with a bias of the input and one of the state, as PyTorch's has.

    Only their sum counts, but each is decayed and each moves, so that training differs. The letters
    are those of :class:`lstmfcn.networks.layers.AttentionLSTM`.
    """

    def __init__(self, n_cells, l2=0.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.n_cells = n_cells
        self.l2 = l2
        self.seed = seed
        self.state_size = [n_cells, n_cells]
        self.output_size = n_cells

    def build(self, input_shape):
        def weight(name, shape, offset):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=_uniform(self.n_cells, self.seed + offset),
                regularizer=_decay(self.l2),
            )

        width = 4 * self.n_cells
        self.K = weight("kernel", (input_shape[-1], width), 0)
        self.R = weight("recurrent_kernel", (self.n_cells, width), 1)
        self.b = weight("input_bias", (width,), 2)
        self.d = weight("recurrent_bias", (width,), 3)

    def call(self, x, states, training=False):
        """Return h and [h, c], each (batch, n_cells), from x (batch, width) and [h, c]."""
        h, c = states
        gates = ops.matmul(x, self.K) + self.b + ops.matmul(h, self.R) + self.d
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]

    def get_config(self):
        return {**super().get_config(), "n_cells": self.n_cells, "l2": self.l2, "seed": self.seed}


@float32_layers()
def build_attention_fusion(
    shapes, n_classes, *, level="utterance", n_hidden=128, dropout=0.3, l2=1e-5, seed=0
):
    """Return the network of the baseline, uncompiled: MERTools' layers, PyTorch's initial weights.

    An encoder of each modality m ends in `n_hidden` numbers h_m. Another one reads all h_m and
    gives one weight w_m per modality, without a softmax. A linear layer decides on sum_m w_m h_m.
    `shapes` has n_channels per modality, or (n_timepoints, n_channels) at the level of frames.
    """
    seeds = iter(validation.draw_seeds(seed, 8 * len(shapes) + 16).tolist())

    def dense(x, width, activation=None, name=None):
        kernel, bias = _uniform(x.shape[-1], next(seeds)), _uniform(x.shape[-1], next(seeds))
        return keras.layers.Dense(
            width,
            activation=activation,
            kernel_initializer=kernel,
            bias_initializer=bias,
            kernel_regularizer=_decay(l2),
            bias_regularizer=_decay(l2),
            name=name,
        )(x)

    def dropped(x):
        return keras.layers.Dropout(dropout, seed=next(seeds))(x)

    def of_vector(x):
        x = dropped(x)
        for _ in range(3):
            x = dense(x, n_hidden, "relu")
        return x

    def of_frames(x):
        cell = TwoBiasLSTMCell(n_hidden, l2, seed=next(seeds))
        return dense(dropped(keras.layers.RNN(cell)(x)), n_hidden)

    inputs = [keras.Input(np.atleast_1d(shape).tolist(), dtype="float32") for shape in shapes]
    encode = of_frames if level == "frame" else of_vector
    h = [encode(x) for x in inputs]
    joined = keras.layers.Concatenate()(h) if len(h) > 1 else h[0]
    w = dense(of_vector(joined), len(h), name="attention")  # (batch, n_modalities)
    stacked = keras.layers.Reshape((len(h), n_hidden))(joined)
    fused = keras.layers.Dot(axes=(1, 1), name="fused")([w, stacked])
    logits = dense(fused, n_classes, name="logits")
    return keras.Model(
        inputs, keras.layers.Softmax(name="probabilities")(logits), name="attention_fusion"
    )


def count_weights(shapes, n_classes, *, level, n_hidden, **others):
    """Return the weights of the network that :func:`build_attention_fusion` would build."""
    h, n = n_hidden, len(shapes)
    layers = 2 * (h * h + h)  # of an encoder of vectors, behind the first
    if level == "frame":
        encoders = sum(4 * h * (width + h + 2) + h * h + h for _, width in shapes)
    else:
        encoders = sum(width * h + h + layers for width in shapes)
    return encoders + (n * h * h + h + layers) + (h * n + n) + (h * n_classes + n_classes)


class AttentionFusionClassifier(LinkedToSite, ClassifierMixin, BaseEstimator):
    """The attention fusion of MER2024's baseline, MERTools, to compare with.

    As in MERTools nothing is standardised; :class:`lstmfcn.emotion.SequencePreprocessor` does that.

    Parameters
    ----------
    level : {"utterance", "frame"}, default="utterance"
        "utterance": each modality's mean over time goes through three dense layers. "frame": its
        frames, behind zeros where they are few, go through an LSTM.
    n_hidden : int, default=128
        MERTools searches 64, 128, 256.
    dropout : float in [0, 1), default=0.3
        MERTools searches 0.2 to 0.5.
    learning_rate : float in (0, 10], default=1e-3
        Adam's, constant. MERTools searches 1e-3 and 1e-4.
    l2 : float >= 0, default=1e-5
        Coupled weight decay of all weights: l2 / 2 times the sum of their squares in the loss.
    n_epochs : int, default=100
    batch_size : int, default=32
    random_state : int, RandomState or None, default=None
        Seed of weights, dropout and order. The same int on the same machine gives bit-equal
        predictions.
    verbose : int, default=0
        1: a progress bar over epochs; 2: one that stays.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    modalities_ : tuple of str
    model_ : keras.Model
        The layer ``attention`` gives the weights of the modalities.
    history_ : dict of str to list of float
        Per epoch: ``loss`` (without decay), ``accuracy``, ``learning_rate``, ``epoch_seconds``.
    shapes_ : dict of str to (int, int)
        Per modality (n_timepoints, n_channels); at the level of utterances one timepoint.
    level_ : str
        The `level` of the network.
    column_names_ : dict of str to ndarray of str
        Column names of each modality that was a data frame that had names.

    See Also
    --------
    FusionClassifier : This package's networks on several modalities.

    Notes
    -----
    MERTools keeps the epoch that is best on the fold that it reports; here the last one is kept.
    A modality that is missing is zeros, as MERTools stores a clip without faces.

    References
    ----------
    Lian et al., "MER 2024: Semi-Supervised Learning, Noise Robustness, and Open-Vocabulary
    Multimodal Emotion Recognition", 2024, arXiv:2404.17113; layers as in its baseline, MERTools,
    https://github.com/zeroQiaoba/MERTools (the rule, not the code).

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.multimodal import AttentionFusionClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = {"audio": rng.normal(size=(64, 5)), "text": rng.normal(size=(64, 3, 9))}
    >>> y = np.where(X["audio"][:, 0] > 0, "high", "low")
    >>> clf = AttentionFusionClassifier(n_hidden=16, learning_rate=0.01, n_epochs=30)
    >>> clf.set_params(random_state=0).fit(X, y).score(X, y) > 0.9
    True
    >>> clf.attention_weights(X).shape
    (64, 2)
    """

    _parameter_constraints = {
        "level": [StrOptions({"utterance", "frame"})],
        "n_hidden": [Interval(Integral, 1, 4096, closed="both")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "learning_rate": [Interval(Real, 0, 10, closed="right")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "n_epochs": [Interval(Integral, 1, 1_000_000, closed="both")],
        "batch_size": [Interval(Integral, 1, 1_000_000, closed="both")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        level="utterance",
        *,
        n_hidden=128,
        dropout=0.3,
        learning_rate=1e-3,
        l2=1e-5,
        n_epochs=100,
        batch_size=32,
        random_state=None,
        verbose=0,
    ):
        self.level = level
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.l2 = l2
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Train on labelled samples.

        Parameters
        ----------
        X : dict of str to series
            As for :class:`lstmfcn.multimodal.FusionClassifier`; at the level of utterances
            an array of two dimensions is one vector per sample, (n_samples, n_channels).
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.
        """
        with changed_at_once(self) as fitted:
            fitted._fit(X, y, sample_weight)
        return self

    @of_one_fit
    def predict(self, X):
        """Return the class of each sample, (n_samples,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    @of_one_fit
    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : as in :meth:`fit`
            A modality may be missing.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1; columns in the order of ``classes_``.
        """
        inputs = self._read(X)
        return scipy.special.softmax(self.network_.logits(inputs), axis=1)

    @of_one_fit
    def attention_weights(self, X):
        """Return how much each modality counts, (n_samples, n_modalities).

        The weights need not be positive nor sum to 1.
        """
        inputs = self._read(X)
        return self.network_.output("attention", inputs).astype(np.float64)

    @of_one_fit
    def save(self, path):
        """Write the fitted classifier to one file, atomically, for :func:`lstmfcn.load`.

        The file holds JSON and plain arrays.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.
        """
        model_file.write(path, self._members())

    def _members(self):
        validation.check_is_fitted(self)
        content = {
            "parameters": model_file.parameters_to_json(self),
            "architecture": self.network_.architecture,
            "classes": model_file.classes_to_json(self.classes_),
            "shapes": [[name, *shape] for name, shape in self.shapes_.items()],
            "history": self.history_,
            **names_to_json(self),
        }
        weights = model_file.to_bytes(self.network_.weights)
        return {model_file.ATTENTION: model_file.to_json(content), model_file.WEIGHTS: weights}

    def _fit(self, X, y, sample_weight):
        self._validate_params()
        name, self.level_ = type(self).__name__, self.level
        check_column_names(self, X, reset=True)
        modalities = self._modalities(X)
        y = validation.check_labels(y, len(modalities), name)
        self.classes_ = np.unique(y)
        validation.check_classes(self.classes_, name)
        labels = validation.encode_labels(y, self.classes_, name)
        weights = validation.check_weights(sample_weight, len(y))
        seeds = validation.draw_seeds(self.random_state, 2).tolist()
        self.modalities_ = modalities.names
        self.shapes_ = {}
        for modality, series in modalities.series.items():
            longest = max(x.shape[1] for x in series) if self.level_ == "frame" else 1
            self.shapes_[modality] = int(longest), int(series[0].shape[0])
        architecture = {
            "shapes": [s if self.level_ == "frame" else s[1] for s in self.shapes_.values()],
            "n_classes": len(self.classes_),
            "level": self.level_,
            "n_hidden": int(self.n_hidden),
            "dropout": float(self.dropout),
            "l2": float(self.l2),
            "seed": seeds[0],
        }
        network = FittedNetwork(build_attention_fusion, architecture)
        plan = TrainingPlan(
            int(self.n_epochs), int(self.batch_size), float(self.learning_rate), "constant"
        )
        data = self._to_inputs(modalities), labels, weights
        with progress_bar(plan.n_epochs, name, self.verbose) as bar:
            self.history_ = train(network.model, *data, plan, seed=seeds[1], bar=bar)
        self.network_ = network

    model_ = part_of_fit("model_", "network_.model", "The fitted keras.Model.")

    def _modalities(self, X, names=None):
        """Return Modalities; a vector (n_channels,) is one timepoint at the level of utterances."""
        if self.level_ == "utterance" and isinstance(X, Mapping):
            X = {name: _vectors_as_series(x) for name, x in X.items()}
        return read_modalities(X, names)

    def _read(self, X):
        validation.check_is_fitted(self)
        check_column_names(self, X, reset=False)
        modalities = self._modalities(X, self.modalities_)
        for name, series in modalities.series.items():
            n_channels = self.shapes_[name][1]
            if series is not None and series[0].shape[0] != n_channels:
                raise ValueError(
                    f"modality {name!r}: X has {series[0].shape[0]} channels, but this "
                    f"{type(self).__name__} was fitted on {n_channels}; pass the same channels, or "
                    "fit again."
                )
        return self._to_inputs(modalities)

    def _to_inputs(self, modalities):
        """Return per modality float32 (n_samples, n_channels) or (n_samples, T, n_channels)."""
        inputs = []
        for name, series in modalities.series.items():
            n_timepoints, n_channels = self.shapes_[name]
            values = np.zeros((len(modalities), n_timepoints, n_channels), np.float32)
            for row, x in zip(modalities.rows(name), () if series is None else series, strict=True):
                with np.errstate(over="ignore"):
                    values[row] = pool_or_pad(x.T, n_timepoints)  # for one timepoint, the mean
            if not np.isfinite(values).all():
                raise ValueError(
                    f"modality {name!r}: X has values that are too large for float32; standardise "
                    "it, or leave out the channel."
                )
            inputs.append(values if self.level_ == "frame" else values[:, 0])
        return tuple(inputs)


def _vectors_as_series(samples):
    """Return samples, each a vector (n_channels,) among them as (n_channels, 1)."""
    if hasattr(samples, "to_numpy"):
        samples = samples.to_numpy()
    is_array = isinstance(samples, np.ndarray) and samples.dtype != object
    if is_array or not isinstance(samples, (list, tuple, np.ndarray)):
        return samples[:, :, np.newaxis] if is_array and samples.ndim == 2 else samples
    return [np.asarray(x)[:, np.newaxis] if np.ndim(x) == 1 else x for x in samples]


def _uniform(fan_in, seed):
    """PyTorch's initial weights and biases: even between -1 and 1 over the root of the fan-in."""
    limit = 1.0 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit, seed)


def _decay(l2):
    """Return the penalty whose derivative is l2 times the weight, as coupled decay adds."""
    return keras.regularizers.L2(l2 / 2) if l2 else None
