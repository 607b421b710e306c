"""How does a network learn to decide despite gaps? Timepoints are hidden and filled in."""

import itertools
from types import SimpleNamespace

from lstmfcn.networks.backend import keras, ops

WHOLE = 0.5  # of the series in a batch that occlusion leaves as they are
WIDTH, SIZE = 16, 9  # filters and kernel size (timepoints) of the denoiser's convolutions
MARGIN = 0.1  # by which the probability of being seen is stretched, so that it reaches 0 and 1


@keras.saving.register_keras_serializable(package="lstmfcn")
class Occlusion(keras.layers.Layer):
    """Hide timepoints of the series while training.

    Half of the series stay whole. Each other series loses a fraction of its timepoints, drawn
    evenly between 0 and ``rate``. All channels of these timepoints are replaced: by the batch's
    mean or, in every second series, by Gaussian noise of its mean and standard deviation. A network
    that never saw a gap answers to the gap's edges, not to the missing evidence. Deleting evidence
    then shows nothing about its decisions.

    References
    ----------
    Hooker, Erhan, Kindermans, Kim, "A Benchmark for Interpretability Methods in Deep Neural
    Networks", 2019, arXiv:1806.10758. DeVries, Taylor, "Improved Regularization of Convolutional
    Neural Networks with Cutout", 2017, arXiv:1708.04552.

    >>> import numpy as np
    >>> series = np.tile(np.sign(np.arange(50) % 2 - 0.5), (1000, 1))[:, :, np.newaxis]
    >>> hidden = np.asarray(Occlusion(0.3)(series, training=True) != series).mean(axis=(1, 2))
    >>> bool((hidden == 0).mean() > 0.5), bool(0.2 < hidden.max() < 0.6)
    (True, True)
    """

    def __init__(self, rate, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)

    def call(self, series, valid=None, training=False):
        """Hide timepoints of ``series`` (batch, n_timepoints, n_channels), none of the padded.

        ``valid`` is (batch, n_timepoints, 1), 1 on observed timepoints and 0 on padding.
        """
        if not training:
            return series
        n_series, n_timepoints = ops.shape(series)[0], series.shape[1]

        def uniform(*shape):
            return keras.random.uniform((n_series, *shape), dtype="float32", seed=self.random)

        observed = _observed(series, valid)
        count = ops.sum(observed)
        mean = ops.sum(series * observed, axis=(0, 1)) / count
        spread = ops.sqrt(ops.sum(ops.square(series - mean) * observed, axis=(0, 1)) / count)
        noise = spread * keras.random.normal(ops.shape(series), dtype="float32", seed=self.random)
        instead = mean + noise * ops.cast(uniform(1, 1) < 0.5, series.dtype)
        fraction = self.rate * (uniform(1, 1) - WHOLE) / (1.0 - WHOLE)  # below 0: stays whole
        hides = ops.logical_and(uniform(n_timepoints, 1) < fraction, observed > 0)
        return ops.where(hides, instead, series)

    def compute_output_shape(self, series_shape, valid_shape=None):
        return series_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package="lstmfcn")
class Denoiser(keras.layers.Layer):
    """Find the timepoints that something hides, and fill them in from their neighbours.

    Small convolutions estimate how likely each timepoint is to be hidden, and its value. They learn
    both without labels, before the layers behind, by :meth:`loss`
    (:func:`lstmfcn.training.denoising.learn_to_denoise`). While these train, the layer hides up to
    the fraction ``rate`` of timepoints (:class:`Occlusion`), and they see the denoised series;
    their loss changes nothing here. Scattered gaps therefore cost a classifier little. A gap that
    takes a whole piece of evidence cannot be filled in. A timepoint that the layer is sure of
    passes unchanged. With ``passes_gaps=False`` the layers behind train on whole series.

    References
    ----------
    Vincent, Larochelle, Bengio, Manzagol, "Extracting and Composing Robust Features with Denoising
    Autoencoders", 2008, doi:10.1145/1390156.1390294. Convolutions that are told what is missing:
    Liu et al., 2018, arXiv:1804.07723.

    >>> import numpy as np
    >>> denoiser = Denoiser(0.3)
    >>> denoiser(np.ones((2, 30, 1), "float32")).shape, denoiser.count_params()
    (TensorShape([2, 30, 1]), 5394)
    """

    def __init__(self, rate, passes_gaps=True, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.passes_gaps = passes_gaps
        self.seed = seed
        self.occlusion = Occlusion(rate, seed=seed)
        # Of the training, not of the model: out of Keras' sight it is no weight.
        on = keras.Variable(float(passes_gaps), dtype="float32", trainable=False, name="hides")
        self._switch = SimpleNamespace(on=on)

    def build(self, series_shape, valid_shape=None):
        n_channels = series_shape[-1]
        self._finds = self._chain(n_channels, 1, seed=self.seed + 1)
        self._fills = self._chain(n_channels + 1, n_channels, seed=self.seed + 4)
        super().build(series_shape)

    def switch(self, on):
        """Hide timepoints from now on, or none: also in functions that are compiled already."""
        self._switch.on.assign(float(on and self.passes_gaps))

    def call(self, series, valid=None, training=False):
        """Repair ``series`` (batch, n_timepoints, n_channels), and leave padding at zero.

        ``valid`` is (batch, n_timepoints, 1), 1 on observed timepoints and 0 on padding.
        """
        if not training:
            return self._denoised(series, valid)[0]
        gapped = self.occlusion(series, valid=valid, training=True)
        series = ops.where(self._switch.on > 0, gapped, series)
        return ops.stop_gradient(self._denoised(series, valid)[0])

    def loss(self, series, valid=None):
        """Hide timepoints of ``series``, and return how badly the layer finds and fills them.

        That is the cross-entropy of being hidden plus the squared error of the hidden values.
        """
        gapped = self.occlusion(series, valid=valid, training=True)
        _, filled, visible = self._denoised(gapped, valid)
        hidden = ops.cast(ops.any(gapped != series, axis=-1, keepdims=True), series.dtype)
        observed = _observed(series, valid)
        surprise = ops.softplus(visible) - (1.0 - hidden) * visible  # cross-entropy of `hidden`
        errors = ops.mean(ops.square(filled - series), axis=-1, keepdims=True)
        missed = ops.sum(observed * surprise) / ops.sum(observed)
        return missed + ops.sum(hidden * errors) / ops.maximum(ops.sum(hidden), 1.0)

    def compute_output_shape(self, series_shape, valid_shape=None):
        return series_shape

    def get_config(self):
        own = {"rate": self.rate, "passes_gaps": self.passes_gaps, "seed": self.seed}
        return {**super().get_config(), **own}

    def _denoised(self, series, valid):
        """Return the denoised series, what the gaps would hold, and the logit of being seen."""
        visible = _convolve(self._finds, series, valid)
        passed = ops.clip((1.0 + 2.0 * MARGIN) * ops.sigmoid(visible) - MARGIN, 0.0, 1.0)
        filled = ops.concatenate([passed * series, passed], axis=-1)
        filled = _convolve(self._fills, filled, valid)
        denoised = passed * series + (1.0 - passed) * filled
        return denoised if valid is None else denoised * valid, filled, visible

    def _chain(self, n_inputs, n_outputs, seed):
        """Build three convolutions, the last one linear."""
        layers = []
        for place, width in enumerate((WIDTH, WIDTH, n_outputs)):
            is_last = place == 2
            kind = keras.initializers.GlorotUniform if is_last else keras.initializers.HeUniform
            layer = keras.layers.Conv1D(
                width,
                SIZE,
                padding="same",
                data_format="channels_last",
                activation=None if is_last else "relu",
                kernel_initializer=kind(seed + place),
            )
            layer.build((None, None, n_inputs))
            layers.append(layer)
            n_inputs = width
        return layers


def count_denoiser_weights(n_channels):
    """Count the weights of :class:`Denoiser` for series of ``n_channels``.

    >>> count_denoiser_weights(1)
    5394
    """
    total = 0
    for first, last in ((n_channels, 1), (n_channels + 1, n_channels)):
        widths = (first, WIDTH, WIDTH, last)
        total += sum(SIZE * n * after + after for n, after in itertools.pairwise(widths))
    return total


def _observed(series, valid):
    return ops.ones_like(series[:, :, :1]) if valid is None else valid


def _convolve(layers, series, valid):
    """Apply convolutions; each sees zeros beyond the end of a series, as without padding."""
    for layer in layers:
        series = layer(series if valid is None else series * valid)
    return series
