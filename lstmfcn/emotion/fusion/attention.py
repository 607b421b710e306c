"""What does the attention fusion of MER2024's baseline do with the same data? A comparator."""

import math
from numbers import Integral, Real

import numpy as np
import scipy.special
from sklearn.base import BaseEstimator, ClassifierMixin

from lstmfcn import validation
from lstmfcn.atomic import changed_at_once, of_one_fit
from lstmfcn.backend import float32_layers, keras, ops
from lstmfcn.emotion.fusion.modalities import read_modalities
from lstmfcn.emotion.lengths import pool_or_pad
from lstmfcn.inference import Forwards
from lstmfcn.pickling import NetworkPickling
from lstmfcn.training import Recipe, progress_bar, train
from lstmfcn.validation import Interval, StrOptions

__all__ = ["AttentionFusionClassifier", "TwoBiasLSTMCell", "build_attention_fusion"]


@keras.saving.register_keras_serializable(package="lstmfcn")
class TwoBiasLSTMCell(keras.layers.Layer):
    """One step of an LSTM with a bias of the input and one of the state, as PyTorch's has.

    Added up they are one bias; apart, each is decayed and each moves, so that training differs.

    Parameters
    ----------
    n_cells : int
    l2 : float, default=0.0
        Coupled weight decay.
    seed : int, default=0

    References
    ----------
    Hochreiter, Schmidhuber, "Long Short-Term Memory", 1997; the letters are those of
    :class:`lstmfcn.layers.AttentionLSTM`.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.fusion.attention import TwoBiasLSTMCell
    >>> cell = TwoBiasLSTMCell(4)
    >>> h, state = cell(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> h.shape, cell.count_params() == 4 * 4 * (3 + 4 + 2)
    (TensorShape([2, 4]), True)
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
    """Build the network: an encoder per modality, and a weighted sum of what they say.

    Each encoder ends in `n_hidden` numbers h_m. A further one reads all of them and gives one
    weight per modality, without a softmax; a linear layer decides on sum_m w_m h_m.

    Parameters
    ----------
    shapes : list of int, or of (int, int)
        Per modality n_channels for "utterance", (n_timepoints, n_channels) for "frame".
    n_classes : int
    level : {"utterance", "frame"}, default="utterance"
        Encoders are dropout and three dense layers with ReLU, or the last state of an LSTM,
        dropout and a dense layer.
    n_hidden : int, default=128
    dropout : float in [0, 1), default=0.3
    l2 : float, default=1e-5
        Coupled weight decay of all weights: l2 / 2 times the sum of their squares in the loss.
    seed : int, default=0

    Returns
    -------
    keras.Model
        Uncompiled; the list of modalities to probabilities (batch, n_classes). The layer
        ``attention`` gives the weights (batch, n_modalities).

    References
    ----------
    Lian et al., "MER 2024: Semi-Supervised Learning, Noise Robustness, and Open-Vocabulary
    Multimodal Emotion Recognition", 2024, arXiv:2404.17113; layers as in its baseline, MERTools,
    https://github.com/zeroQiaoba/MERTools (the rule, not the code), with PyTorch's initial weights.

    Examples
    --------
    >>> from lstmfcn.emotion.fusion.attention import build_attention_fusion
    >>> build_attention_fusion([1024] * 3, 6).count_params()
    576137
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


class AttentionFusionClassifier(ClassifierMixin, NetworkPickling, BaseEstimator):
    """The attention fusion of MER2024's baseline, MERTools, to compare with.

    Nothing is standardised, as there; `SequencePreprocessor` does it where it is wanted.

    Parameters
    ----------
    level : {"utterance", "frame"}, default="utterance"
        "utterance": each modality's mean over time, three dense layers; "frame": its frames,
        shorter ones behind zeros, an LSTM.
    n_hidden : int, default=128
        MERTools searches 64, 128, 256.
    dropout : float in [0, 1), default=0.3
        MERTools searches 0.2 to 0.5.
    learning_rate : float in (0, 10], default=1e-3
        Of Adam, constant. MERTools searches 1e-3 and 1e-4.
    l2 : float >= 0, default=1e-5
        Coupled weight decay of all weights.
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
        See :func:`build_attention_fusion`.
    history_ : dict of str to list of float
        Per epoch: ``loss`` (without decay), ``accuracy``, ``learning_rate``, ``epoch_seconds``.
    shapes_ : dict of str to (int, int)
        Per modality (n_timepoints, n_channels); at the level of utterances one timepoint.

    Notes
    -----
    MERTools keeps the epoch that is best on the fold that it reports; here the last one is kept.
    A modality that is missing is zeros, as MERTools stores a clip without faces.

    References
    ----------
    Lian et al., 2024, arXiv:2404.17113, and https://github.com/zeroQiaoba/MERTools.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.fusion.attention import AttentionFusionClassifier
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
            As for :class:`lstmfcn.emotion.fusion.FusionClassifier`; at the level of utterances
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
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

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
        logits = self._forwards("logits", inputs).astype(np.float64)
        return scipy.special.softmax(logits, axis=1)

    @of_one_fit
    def attention_weights(self, X):
        """Return how much each modality counts, which need not be positive nor sum to 1.

        Parameters
        ----------
        X : as in :meth:`predict_proba`

        Returns
        -------
        ndarray of shape (n_samples, n_modalities)
        """
        inputs = self._read(X)
        return self._forwards("attention", inputs).astype(np.float64)

    def _fit(self, X, y, sample_weight):
        self._validate_params()
        name = type(self).__name__
        modalities = read_modalities(self._as_vectors(X))
        y = validation.check_labels(y, len(modalities), name)
        self.classes_ = np.unique(y)
        validation.check_classes(self.classes_, name)
        labels = validation.encode_labels(y, self.classes_, name)
        weights = validation.check_weights(sample_weight, len(y))
        seeds = validation.draw_seeds(self.random_state, 2).tolist()
        self.modalities_ = modalities.names
        self.shapes_ = {name: self._shape(s) for name, s in modalities.series.items()}
        architecture = self._new_architecture(seeds[0])
        model = self._build(architecture)
        recipe = Recipe(
            int(self.n_epochs), int(self.batch_size), float(self.learning_rate), "constant"
        )
        with progress_bar(recipe.n_epochs, name, self.verbose) as bar:
            inputs = self._to_inputs(modalities)
            self.history_ = train(model, inputs, labels, weights, recipe, seed=seeds[1], bar=bar)
        self._adopt(model, architecture)

    def _new_architecture(self, seed):
        shapes = [shape if self.level == "frame" else shape[1] for shape in self.shapes_.values()]
        return {
            "shapes": shapes,
            "n_classes": len(self.classes_),
            "level": self.level,
            "n_hidden": int(self.n_hidden),
            "dropout": float(self.dropout),
            "l2": float(self.l2),
            "seed": seed,
        }

    def _build(self, architecture):
        return build_attention_fusion(**architecture)

    def _adopt(self, model, architecture):
        self.model_, self._architecture, self._forwards = model, architecture, Forwards(model)

    def _as_vectors(self, X):
        """Give vectors (n_samples, n_channels) one timepoint at the level of utterances."""
        if self.level == "frame" or not isinstance(X, dict):
            return X
        return {
            name: values[:, :, np.newaxis]
            if isinstance(values, np.ndarray) and values.ndim == 2
            else values
            for name, values in X.items()
        }

    def _shape(self, series):
        """Return (n_timepoints, n_channels) of what the network sees."""
        longest = max(values.shape[1] for values in series) if self.level == "frame" else 1
        return int(longest), int(series[0].shape[0])

    def _read(self, X):
        validation.check_is_fitted(self)
        modalities = read_modalities(self._as_vectors(X), self.modalities_)
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
            inputs.append(values if self.level == "frame" else values[:, 0])
        return tuple(inputs)


def _uniform(fan_in, seed):
    """PyTorch's initial weights and biases: even between -1 and 1 over the root of the fan-in."""
    limit = 1.0 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit, seed)


def _decay(l2):
    """Return the penalty whose derivative is l2 times the weight, as coupled decay adds."""
    return keras.regularizers.L2(l2 / 2) if l2 else None
