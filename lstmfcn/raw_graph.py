"""Which graph turns raw series into probabilities, or numbers? One TensorFlow function.

It normalises series, brings them to one length, reorders axes, and runs the networks and maps. No
Python code runs at prediction time, so an exported file works without this package. All
computations are in float32.
"""

import contextlib
import math

import numpy as np

from lstmfcn.explain import block_output, evidence_block
from lstmfcn.networks.backend import keras, tf, with_attribute
from lstmfcn.networks.fitted import alone_before_normalisation, deciding_layer
from lstmfcn.networks.layers import in_a_plain_loop, in_one_kernel

ROUNDING = 4 * float(np.finfo(np.float32).eps)  # of the largest value: less is no variance


def answers(networks, readers, attention, *, unit=None, plain=False):
    """Return a compiled function from raw series to a dict of outputs, and its signature.

    Parameters
    ----------
    networks : list of FittedNetwork
        Their logits are averaged.
    readers : list of SeriesReader
        One for each.
    attention : bool
        Whether the function also returns attention over time.
    unit : pair of float, optional
        Of networks that predict standardised numbers: the mean and the scale of the targets.
    plain : bool, default=False
        Use only what small engines have, such as loops without lists. Series that end with NaN must
        then have the length of ``fit``.

    Returns
    -------
    tf.types.experimental.ConcreteFunction
        Takes ``series``, float32 (n, n_channels, T), with NaN after the end of a shorter series.
        Returns ``probabilities`` (n, n_classes), or with ``unit`` ``number`` (n,), and, on request,
        ``attention`` (n, n_timepoints).
    """
    reader = readers[0]
    any_length = reader.unequal_length == "resample" or (reader.is_masked and not plain)
    length = None if any_length else reader.n_timepoints
    signature = tf.TensorSpec([None, reader.n_channels, length], tf.float32, name="series")
    parts = [_Member(*pair, attention) for pair in zip(networks, readers, strict=True)]

    @tf.function(input_signature=[signature], autograph=False)
    def answer(series):
        with in_a_plain_loop() if plain else contextlib.nullcontext():
            found = [part(series) for part in parts]
        logits = _mean([logits for logits, _ in found])
        if unit is None:
            outputs = {"probabilities": tf.nn.softmax(logits)}
        else:
            outputs = {"number": unit[0] + unit[1] * logits[:, 0]}
        if attention:
            outputs["attention"] = _mean([over_time for _, over_time in found])
        return {name: tf.identity(output, name=name) for name, output in outputs.items()}

    return answer


def _mean(tensors):
    return tensors[0] if len(tensors) == 1 else tf.add_n(tensors) / float(len(tensors))


class _Member:
    """One network: from raw series to its logits and, on request, its attention over time."""

    def __init__(self, network, reader, attention):
        self.reader, self.architecture = reader, network.architecture
        model = network.model
        tensors = [keras.tree.flatten(model.get_layer(deciding_layer(model)).output)[0]]
        if attention:
            self.first = evidence_block(self.architecture)
            self.blocks = range(self.first + 1, len(self.architecture["n_filters"]) + 1)
            names = ["attention", block_output(self.architecture, self.first)]
            names += [f"norm_{block}" for block in self.blocks]
            tensors += [model.get_layer(name).output for name in names]
        self.model, self.attention = keras.Model(model.inputs, tensors), attention

    def __call__(self, series):
        inputs, observed = read(self.reader, series)
        with in_one_kernel(alone_before_normalisation(self.model)), _for_any_device(self.model):
            logits, *rest = keras.tree.flatten(self.model(inputs, training=False))
        return logits, self._over_time(observed, *rest) if self.attention else None

    def _over_time(self, observed, attention, evidence, *activations):
        """Return the attention over timepoints, as :func:`lstmfcn.explain.attention_weights`.

        ``evidence`` holds the activations of the evidence block. ``activations`` holds the
        activations of the later blocks, before padding is removed.
        """
        pools = self.architecture["pool_sizes"]
        slopes = attention[:, :, tf.newaxis] * tf.ones_like(
            activations[-1] if activations else evidence
        )
        for block, after in zip(reversed(self.blocks), reversed(activations), strict=True):
            slopes = self._slopes_before(block, slopes, after, observed)
        added = _share_out(
            tf.reduce_sum(evidence * slopes, axis=2), math.prod(pools[: self.first]), observed
        )
        added = tf.maximum(added, 0.0)
        alike = _share_out(attention, math.prod(pools), observed)
        is_there = tf.reduce_sum(added, axis=1, keepdims=True) > 0
        found = tf.where(is_there, added, alike)
        return found / tf.reduce_sum(found, axis=1, keepdims=True)

    def _slopes_before(self, block, slopes, after, observed):
        """Return derivatives with respect to a block's input, given derivatives of its output."""
        norm, convolution = (self.model.get_layer(f"{name}_{block}") for name in ("norm", "conv"))
        pools = self.architecture["pool_sizes"]
        if self.reader.is_masked:
            slopes *= _steps_of(observed, math.prod(pools[:block]))[:, :, tf.newaxis]
        scale = norm.gamma * tf.math.rsqrt(norm.moving_variance + norm.epsilon)
        slopes = slopes * tf.cast(after > 0, tf.float32) * scale
        slopes = _convolution_backwards(convolution, slopes)
        size, before = pools[block - 1], math.prod(pools[: block - 1])
        if size == 1:
            return slopes
        there = _steps_of(observed, before)
        count = tf.maximum(_sums_of(there, size), 1.0)[:, :, tf.newaxis]
        n_steps = there.shape[1]
        return tf.repeat(slopes / count, size, axis=1)[:, :n_steps] * there[:, :, tf.newaxis]


def _for_any_device(model):
    """Let the LSTMs of a model be traced without operations that only a GPU has."""
    layers = [layer for layer in model.layers if hasattr(layer, "use_cudnn")]
    return with_attribute(layers, "use_cudnn", False)


def _convolution_backwards(convolution, slopes):
    """Return the derivative with respect to a convolution's input, (n, n_steps, width)."""
    rate, found = convolution.dilation_rate[0], []
    span = rate * (convolution.kernel_size[0] - 1)
    before = span // 2  # how many steps TensorFlow pads in front; backwards it is the rest
    for part, kernel in convolution.split(slopes, convolution.kernel.value):
        padded = tf.pad(part, [[0, 0], [span - before, before], [0, 0]])
        flipped = tf.transpose(kernel[::-1], [0, 2, 1])
        found.append(
            tf.nn.conv2d(
                padded[:, tf.newaxis],
                flipped[tf.newaxis],
                strides=1,
                padding="VALID",
                dilations=[1, rate],
            )[:, 0]
        )
    return tf.concat(found, axis=-1)


def _sums_of(rows, size):
    """Return sums over ``size`` timepoints each; the last sum is over the rest."""
    rest = -rows.shape[1] % size
    padded = tf.pad(rows, [[0, 0], [0, rest]])
    return tf.reduce_sum(tf.reshape(padded, [-1, (rows.shape[1] + rest) // size, size]), axis=2)


def _steps_of(observed, size):
    """Return 1 for each step of ``size`` timepoints that has an observed one, else 0."""
    return tf.cast(_sums_of(observed, size) > 0, tf.float32)


def _share_out(steps, size, observed):
    """Spread the value of each step evenly over its observed timepoints."""
    shares = steps / tf.maximum(_sums_of(observed, size), 1.0)
    return tf.repeat(shares, size, axis=1)[:, : observed.shape[1]] * observed


def read(reader, series):
    """Return a network's inputs for raw series, and 1 for observed timepoints (n, n_timepoints).

    ``reader`` is a SeriesReader; ``series`` are float32 (n, n_channels, T).
    """
    n_timepoints = reader.n_timepoints
    there = tf.ones_like(series[:, :1])
    if reader.unequal_length:
        there = tf.cast(tf.equal(series, series)[:, :1], tf.float32)  # NaN equals nothing
        series = tf.where(tf.math.is_nan(series), tf.zeros_like(series), series)
    values = _normalized(reader.normalizer, series, there)
    if reader.unequal_length == "pad":
        values, there = (
            tf.pad(x * there, [[0, 0], [0, 0], [0, n_timepoints]])[:, :, :n_timepoints]
            for x in (values, there)
        )
    elif reader.unequal_length == "resample":
        values = _resampled(values, there, n_timepoints)
        there = tf.ones_like(values[:, :1])
    values = tf.transpose(values, [0, 2, 1])
    values = tf.reshape(values, [-1, n_timepoints, reader.n_channels])
    there = tf.reshape(there, [-1, n_timepoints])
    return ([values, there] if reader.is_masked else [values]), there


def _normalized(normalizer, series, there):
    """Return what a Normalizer makes of series (n, n_channels, T), by the observed timepoints."""
    if normalizer.kind == "dataset":
        mean, scale = (
            np.array(x, np.float32)[:, np.newaxis] for x in (normalizer.mean, normalizer.scale)
        )
        return (series - mean) / scale
    if normalizer.kind is None:
        return series

    def mean(x):
        return tf.reduce_sum(x * there, axis=2, keepdims=True) / count

    count = tf.reduce_sum(there, axis=2, keepdims=True)
    far = series.dtype.max * (1.0 - there)
    low = tf.reduce_min(series * there + far, axis=2, keepdims=True)
    high = tf.reduce_max(series * there - far, axis=2, keepdims=True)
    left = series - mean(series)
    scale = tf.sqrt(mean(tf.square(left)))
    is_constant = high - low <= ROUNDING * tf.maximum(tf.abs(low), tf.abs(high))
    return left / tf.where(is_constant, tf.ones_like(scale), scale)


def _resampled(values, there, n_timepoints):
    """Interpolate (n, n_channels, T) linearly at even steps from first to last timepoint."""
    last = tf.reduce_sum(there, axis=2) - 1.0  # (n, 1)
    place = last * np.linspace(0.0, 1.0, n_timepoints, dtype=np.float32)
    left = tf.floor(place)
    right = tf.minimum(left + 1.0, last)
    ends = (
        tf.gather(values, tf.cast(index, tf.int32)[:, tf.newaxis], axis=2, batch_dims=1)
        for index in (left, right)
    )
    ends = (tf.reshape(end, [-1, values.shape[1], n_timepoints]) for end in ends)
    first, second = ends
    return first + (place - left)[:, tf.newaxis] * (second - first)
