"""Which layers does the LSTM-FCN family need that Keras does not have?"""

import contextlib
import contextvars

import numpy as np

from lstmfcn.networks.backend import keras, ops, tf

SMALLEST_UNIT = 1e-6  # of what is left of a normalised series; less is a rounding error
PART_WEIGHT = 0.1  # of what SharedLogits reads alone

# The convolution that each normalisation computes itself, in what this thread traces.
_MERGED = contextvars.ContextVar("merged")
_PLAIN_LOOP = contextvars.ContextVar("plain_loop")


@keras.saving.register_keras_serializable(package="lstmfcn")
def hard_sigmoid(x):
    """Return Keras 2's gate activation, ``clip(0.2 x + 0.5, 0, 1)``.

    The published LSTM-FCN results were made with it. Keras 3 kept the name for another slope, 1/6.

    >>> import numpy as np
    >>> [round(float(y), 4) for y in hard_sigmoid(np.array([-3.0, 0.0, 1.0, 3.0]))]
    [0.0, 0.5, 0.7, 1.0]
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="lstmfcn")
class Detached(keras.layers.Layer):
    """Identity that stops the gradient in training, but not the gradient of an explanation.

    >>> import numpy as np
    >>> np.asarray(Detached()(np.ones(2), training=True))
    array([1., 1.], dtype=float32)
    """

    def call(self, inputs, training=False):
        """Return ``inputs``, of any shape."""
        return ops.stop_gradient(inputs) if training else inputs


@keras.saving.register_keras_serializable(package="lstmfcn")
class SharedLogits(keras.layers.Dense):
    """A linear layer with further outputs that only training uses.

    The last ``n_views`` times ``view_width`` entries of the input belong to the views. With several
    views, one further output per view has the logits from this view and all entries outside the
    views. The logits of the layer are the mean of these outputs.

    If ``part`` of an input is given, one more output has its logits, with the input scaled by a
    tenth. An attention-weighted mean of a few timepoints with evidence is larger than the mean over
    all timepoints. Without the scaling, attention would not need to be sharper than uniform.

    >>> import numpy as np
    >>> layer = SharedLogits(3, n_views=2, view_width=4)
    >>> logits, first, second, of_part = layer(np.ones((2, 10)), np.ones((2, 8)))
    >>> logits.shape, of_part.shape, layer.count_params()
    (TensorShape([2, 3]), TensorShape([2, 3]), 33)
    >>> bool(np.allclose(logits, (first + second) / 2))
    True
    """

    def __init__(self, units, n_views=1, view_width=0, **kwargs):
        super().__init__(units, **kwargs)
        self.n_views = n_views
        self.view_width = view_width

    def build(self, inputs_shape, part_shape=None):
        super().build(inputs_shape)

    def call(self, inputs, part=None):
        """Return the logits of ``inputs`` (batch, width), of its views, and of ``part``.

        ``part`` (batch, at most width), times a tenth, replaces the last entries of the inputs; all
        further entries are zero. The layer's weights do not learn from it.
        """
        outputs = [super().call(inputs)]
        if self.n_views > 1:
            outputs += self._of_views(inputs)
        if part is not None:
            rows = PART_WEIGHT * ops.stop_gradient(self.kernel)[-part.shape[-1] :]
            outputs.append(ops.matmul(part, rows) + ops.stop_gradient(self.bias))
        return tuple(outputs) if len(outputs) > 1 else outputs[0]

    def _of_views(self, inputs):
        first = inputs.shape[-1] - self.n_views * self.view_width
        shared = self.bias
        if first:
            shared = ops.matmul(inputs[:, :first], self.kernel[:first]) + self.bias
        starts = range(first, inputs.shape[-1], self.view_width)
        rows = [slice(start, start + self.view_width) for start in starts]
        return [shared + self.n_views * ops.matmul(inputs[:, r], self.kernel[r]) for r in rows]

    def compute_output_shape(self, inputs_shape, part_shape=None):
        shape = super().compute_output_shape(inputs_shape)
        n_outputs = 1 + (self.n_views if self.n_views > 1 else 0) + (part_shape is not None)
        return (shape,) * n_outputs if n_outputs > 1 else shape

    def get_config(self):
        return {**super().get_config(), "n_views": self.n_views, "view_width": self.view_width}


@keras.saving.register_keras_serializable(package="lstmfcn")
class Convolution(keras.layers.Conv1D):
    """A convolution in front of batch normalisation, which trains without its bias.

    Normalisation removes the bias again, so that its gradient is zero. Training without the bias
    saves a pass over the activations in each direction. The bias stays a weight, at its initial
    zero, as in the published networks.

    >>> import numpy as np
    >>> convolution = Convolution(4, 3, padding="same")
    >>> convolution(np.ones((2, 10, 1))).shape, convolution.count_params()
    (TensorShape([2, 10, 4]), 16)
    """

    def call(self, inputs, training=False):
        """Convolve ``inputs`` (batch, n_timepoints, n_channels)."""
        if any(self is convolution for convolution in _MERGED.get({}).values()):
            return inputs
        convolved = self.convolution_op(inputs, self.kernel)
        return convolved if training and self.trainable else convolved + self.bias

    def convolution_op(self, inputs, kernel):
        """Convolve group by group: not every CPU has a kernel for groups."""
        convolve = super().convolution_op
        return ops.concatenate([convolve(*group) for group in self.split(inputs, kernel)], axis=-1)

    def split(self, *tensors):
        """Return for each group its part of each tensor along the last axis."""
        if self.groups == 1:
            return [tensors]
        return list(zip(*(tf.split(x, self.groups, -1) for x in tensors), strict=True))


@contextlib.contextmanager
def in_one_kernel(convolutions):
    """Let normalisations convolve, too, in the inference that the body traces.

    ``convolutions`` are by the name of the :class:`FusedBatchNormalization` that alone reads their
    output; stride 1, padding "same". The layers stay as they are: other threads may use them.
    """
    token = _MERGED.set(convolutions)
    try:
        yield
    finally:
        _MERGED.reset(token)


@keras.saving.register_keras_serializable(package="lstmfcn")
class FusedBatchNormalization(keras.layers.Layer):
    """Batch normalisation over samples and time, then ReLU, in one kernel where there is one.

    Same mathematics and variables as :class:`keras.layers.BatchNormalization` on the last axis of
    ``(batch, n_timepoints, n_filters)`` with a ReLU behind it (Ioffe, Szegedy, 2015,
    arXiv:1502.03167). On TensorFlow it runs ``FusedBatchNormV3``, where Keras 3 makes several
    elementwise passes; that kernel's moving variance is the unbiased one. With ``valid`` given,
    padded timepoints enter neither mean nor variance. With ``trainable=False`` it normalises by the
    moving statistics, also in training. ``momentum``, the weight of the old statistics, only
    matters for a running estimate: :func:`lstmfcn.training.calibration.recalibrate` replaces it.

    >>> import numpy as np
    >>> out = FusedBatchNormalization()(np.arange(8.0).reshape(2, 4, 1), training=True)
    >>> np.round(np.asarray(out)[1, :, 0], 2)
    array([0.22, 0.65, 1.09, 1.53], dtype=float32)
    """

    def __init__(self, momentum=0.9, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, inputs_shape, valid_shape=None):
        def weight(name, initializer, trainable=True):
            # Statistics stay float32, whatever the precision of the activations.
            return self.add_weight(
                name=name,
                shape=(inputs_shape[-1],),
                initializer=initializer,
                trainable=trainable,
                autocast=False,
            )

        self.gamma, self.beta = weight("gamma", "ones"), weight("beta", "zeros")
        self.moving_mean = weight("moving_mean", "zeros", trainable=False)
        self.moving_variance = weight("moving_variance", "ones", trainable=False)

    def call(self, inputs, valid=None, training=False):
        """Normalise ``inputs`` (batch, n_timepoints, n_filters).

        ``valid`` is (batch, n_timepoints, 1), 1 on observed timepoints and 0 on padding.
        """
        convolution = _MERGED.get({}).get(self.name)
        if convolution is not None:
            return self._convolved(inputs, convolution)
        if not training or not self.trainable:
            scale = self.gamma * ops.rsqrt(self.moving_variance + self.epsilon)
            single = ops.cast(inputs, "float32")
            outputs = single * scale + (self.beta - self.moving_mean * scale)
            return ops.cast(ops.relu(outputs), inputs.dtype)
        if valid is None and keras.backend.backend() == "tensorflow":
            return self._fused(inputs)
        single = ops.cast(inputs, "float32")
        mean, variance = self.moments(single, valid)
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        outputs = ops.relu(single * scale + (self.beta - mean * scale))
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            batch = ops.stop_gradient(batch)
            moving.assign(self.momentum * moving + (1.0 - self.momentum) * batch)
        return ops.cast(outputs, inputs.dtype)

    def _fused(self, inputs):
        # The kernel wants NHWC: a series is an image of height 1.
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.expand_dims(inputs, 1),
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum,
            is_training=True,
        )
        self.moving_mean.assign(mean)
        self.moving_variance.assign(variance)
        # Before anything comes between them: TensorFlow runs the two as one kernel.
        return tf.squeeze(tf.nn.relu(outputs), 1)

    def _convolved(self, inputs, convolution):
        # Nothing may come between the three, or TensorFlow runs them one by one: the bias of the
        # convolution is taken from the mean, and a series is an image of height 1 throughout.
        weights = convolution.kernel, self.gamma, self.beta, self.moving_mean, self.moving_variance
        weights = [weight.value for weight in weights]
        weights[3] = weights[3] - convolution.bias.value
        answers = []
        for x, kernel, gamma, beta, mean, variance in convolution.split(inputs, *weights):
            outputs, *_ = tf.raw_ops.FusedBatchNormV3(
                x=tf.nn.conv2d(
                    tf.expand_dims(x, 1),
                    tf.cast(kernel, x.dtype)[tf.newaxis],
                    strides=1,
                    padding="SAME",
                    dilations=[1, *convolution.dilation_rate],
                ),
                scale=gamma,
                offset=beta,
                mean=mean,
                variance=variance,
                epsilon=self.epsilon,
                is_training=False,
            )
            answers.append(tf.squeeze(tf.nn.relu(outputs), 1))
        return answers[0] if len(answers) == 1 else tf.concat(answers, -1)

    def moments(self, inputs, valid):
        """Return mean and variance (n_filters,) over samples and observed timepoints."""
        if valid is None:
            return ops.moments(inputs, axes=[0, 1])
        valid = ops.cast(valid, "float32")
        count = ops.sum(valid)
        mean = ops.sum(inputs * valid, axis=[0, 1]) / count
        variance = ops.sum(ops.square(inputs - mean) * valid, axis=[0, 1]) / count
        return mean, variance

    def compute_output_shape(self, inputs_shape, valid_shape=None):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="lstmfcn")
class Detrend(keras.layers.Layer):
    """A series without its trend, the mean of ``window`` timepoints around each.

    The result is divided by its standard deviation, a weight that is not trained; :meth:`measure`
    computes it.

    >>> import numpy as np
    >>> series = np.array([1.0, 2.0, 6.0, 4.0], "float32").reshape(1, 4, 1)
    >>> np.asarray(Detrend(3)(series))[0, :, 0]
    array([-0.5, -1. ,  2. , -1. ], dtype=float32)
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        self.window = window

    def build(self, series_shape, valid_shape=None):
        self.unit = self.add_weight(
            name="unit", shape=(series_shape[-1],), initializer="ones", trainable=False
        )

    def call(self, series, valid=None):
        """Return (batch, n_timepoints, n_channels).

        ``valid`` is (batch, n_timepoints, 1), 1 on observed timepoints and 0 on padding, where
        ``series`` are 0.
        """
        if valid is None:
            return (series - self._means(series)) / self.unit
        observed = ops.maximum(self._means(valid), 0.5 / self.window)  # none is no reason for NaN
        return valid * (series - self._means(series) / observed) / self.unit

    def _means(self, series):
        """Return means around each timepoint, at the ends of those that are there."""
        return ops.average_pool(series, self.window, 1, "same", data_format="channels_last")

    def measure(self, batches):
        """Take the root mean square of what is left of all batches, each [series] or with valid."""
        squares, count = 0.0, 0.0
        self.unit.assign(ops.ones_like(self.unit))
        for series, *valid in batches:
            left = np.asarray(self(series, *valid), np.float64)
            squares = squares + np.square(left).sum(axis=(0, 1))
            count += np.asarray(valid[0]).sum() if valid else left.shape[0] * left.shape[1]
        unit = np.sqrt(squares / count)
        self.unit.assign(np.where(unit > SMALLEST_UNIT, unit, 1.0))

    def compute_output_shape(self, series_shape, valid_shape=None):
        return series_shape

    def get_config(self):
        return {**super().get_config(), "window": self.window}


@keras.saving.register_keras_serializable(package="lstmfcn")
class MeanPooling(keras.layers.Layer):
    """Means of ``size`` timepoints each; at the end of a series, of those that are left.

    >>> import numpy as np
    >>> np.asarray(MeanPooling(2)(np.array([1.0, 3.0, 7.0]).reshape(1, 3, 1)))[0, :, 0]
    array([2., 7.], dtype=float32)
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs, valid=None):
        """Average ``inputs`` (batch, n_timepoints, n_filters) to (batch, n_steps, n_filters).

        ``valid`` is (batch, n_timepoints, 1), 1 on observed timepoints and 0 on padding, where
        ``inputs`` are 0.
        """
        if valid is not None:
            observed = ops.maximum(self._means(valid), 0.5 / self.size)  # no step of padding is NaN
            return self._means(inputs) / ops.cast(observed, inputs.dtype)
        n_timepoints = inputs.shape[1]
        means, rest = self._means(inputs), n_timepoints % self.size
        if not rest:
            return means
        share = [[[1.0]] * (n_timepoints // self.size) + [[self.size / rest]]]
        return means * ops.convert_to_tensor(share, dtype=means.dtype)

    def _means(self, inputs):
        """Return means of whole windows, behind the end of the series over zeros."""
        rest = -inputs.shape[1] % self.size
        if rest:
            inputs = ops.pad(inputs, ((0, 0), (0, rest), (0, 0)))
        return ops.average_pool(inputs, self.size, self.size, data_format="channels_last")

    def compute_output_shape(self, inputs_shape, valid_shape=None):
        return inputs_shape[0], -(-inputs_shape[1] // self.size), inputs_shape[2]

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="lstmfcn")
class Attention(keras.layers.Layer):
    """How much each annotation counts: alpha = softmax_j(v . tanh(W a_j)), v of ``n_units``.

    Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate",
    2015, arXiv:1409.0473, without the decoder's state.

    >>> import numpy as np
    >>> attention = Attention(4)(np.ones((2, 10, 3), "float32"))
    >>> attention.shape, round(float(np.sum(attention[0])), 5)
    (TensorShape([2, 10]), 1.0)
    """

    def __init__(self, n_units, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.n_units = n_units
        self.seed = seed

    def build(self, annotations_shape, valid_shape=None):
        def weight(name, shape, seed):
            initializer = keras.initializers.GlorotUniform(seed)
            return self.add_weight(name=name, shape=shape, initializer=initializer)

        self.W = weight("annotation", (annotations_shape[-1], self.n_units), self.seed)
        self.v = weight("energy", (self.n_units, 1), self.seed + 1)

    def call(self, annotations, valid=None):
        """Return (batch, L) of ``annotations`` (batch, L, depth); rows sum to 1.

        ``valid`` is (batch, L, 1), 0 on padding, which gets exactly zero attention.
        """
        return _weigh(ops.tanh(ops.matmul(annotations, self.W)), self.v, valid)[:, :, 0]

    def compute_output_shape(self, annotations_shape, valid_shape=None):
        return annotations_shape[:2]

    def get_config(self):
        return {**super().get_config(), "n_units": self.n_units, "seed": self.seed}


@keras.saving.register_keras_serializable(package="lstmfcn")
class LSTM(keras.layers.LSTM):
    """Keras' LSTM, which :func:`in_a_plain_loop` can trace without lists of tensors.

    >>> import numpy as np
    >>> layer, steps = LSTM(4, seed=0), np.ones((2, 30, 3), "float32")
    >>> expected = layer(steps)
    >>> with in_a_plain_loop():
    ...     bool(np.allclose(layer(steps), expected, atol=1e-6))
    True
    """

    def call(self, sequences, initial_state=None, mask=None, training=False):
        """Return the last hidden state of ``sequences`` (batch, n_steps, width)."""
        if self.unroll or not is_plain():
            return super().call(sequences, initial_state, mask, training)
        cell = self.cell
        kernel, recurrent, bias = cell.kernel, cell.recurrent_kernel, cell.bias
        seen = tf.ones_like(sequences[:, :, 0]) if mask is None else tf.cast(mask, tf.float32)

        def step(t, h, c):
            gates = tf.gather(sequences, t, axis=1) @ kernel + h @ recurrent + bias
            i, f, g, o = tf.split(gates, 4, axis=1)
            gate, is_seen = cell.recurrent_activation, tf.gather(seen, t, axis=1)[:, tf.newaxis]
            new = gate(f) * c + gate(i) * cell.activation(g)
            h += is_seen * (gate(o) * cell.activation(new) - h)
            return t + 1, h, c + is_seen * (new - c)

        zero = tf.zeros_like(sequences[:, 0] @ kernel)[:, : self.units]
        _, h, _ = tf.while_loop(lambda t, *_: t < sequences.shape[1], step, (0, zero, zero))
        return h


def is_plain():
    """Whether the graph being traced may only use operations that every engine has."""
    return _PLAIN_LOOP.get(False)


@contextlib.contextmanager
def in_a_plain_loop():
    """Let graphs that the body traces use only operations that every engine has."""
    token = _PLAIN_LOOP.set(True)
    try:
        yield
    finally:
        _PLAIN_LOOP.reset(token)


def _weigh(keys, v, valid):
    """Return the softmax over L of keys (batch, L, n) against v (n, 1), as (batch, L, 1)."""
    energy = ops.matmul(keys, v)
    if valid is not None:
        energy = ops.where(valid > 0, energy, -1e9)
    if energy.shape[1] == 1:  # the only choice; Keras warns of a softmax over one entry
        return ops.ones_like(energy)
    return ops.softmax(energy, axis=1)


@keras.saving.register_keras_serializable(package="lstmfcn")
class AttentionLSTM(keras.layers.Layer):
    """An LSTM that at each step reads a softly chosen mixture of annotations (attention="paper").

    With annotations ``a_j`` (j = 1..L) and previous hidden state ``h``, in the letters of Bahdanau
    et al.::

        e_j = v . tanh(W a_j + U h)                                  energy
        alpha = softmax(e)                                           attention, sums to 1 over j
        z = sum_j alpha_j a_j                                        context
        i, f, g, o = gates(K x + R h + A z + b)                      LSTM with context
        c = f * c + i * g;  h = o * tanh(c)

    Samples never see their batch mates, padded annotations get exactly zero attention.

    References
    ----------
    Bahdanau, Cho, Bengio, 2015, arXiv:1409.0473. Karim et al., "LSTM Fully Convolutional Networks
    for Time Series Classification", 2018, arXiv:1709.05206, section III.

    >>> import numpy as np
    >>> steps = np.ones((2, 10, 3), "float32")
    >>> hidden, attention = AttentionLSTM(4)(steps, steps)
    >>> hidden.shape, attention.shape, round(float(np.sum(attention[0])), 5)
    (TensorShape([2, 4]), TensorShape([2, 10]), 1.0)
    """

    def __init__(self, n_cells, recurrent_activation="sigmoid", seed=0, **kwargs):
        super().__init__(**kwargs)
        self.n_cells = n_cells
        self.recurrent_activation = recurrent_activation
        self.seed = seed
        self._gate = hard_sigmoid if recurrent_activation == "hard_sigmoid" else ops.sigmoid

    def build(self, annotations_shape, sequence_shape, valid_shape=None, valid_steps_shape=None):
        n, depth = self.n_cells, annotations_shape[-1]
        glorot, orthogonal = keras.initializers.GlorotUniform, keras.initializers.Orthogonal

        def weight(name, shape, initializer, offset):
            return self.add_weight(
                name=name, shape=shape, initializer=initializer(seed=self.seed + offset)
            )

        self.W = weight("attention_annotation", (depth, n), glorot, 0)
        self.v = weight("attention_energy", (n, 1), glorot, 1)
        self.A = weight("context_kernel", (depth, 4 * n), glorot, 2)
        self.U = weight("attention_state", (n, n), glorot, 3)
        self.K = weight("kernel", (sequence_shape[-1], 4 * n), glorot, 4)
        self.R = weight("recurrent_kernel", (n, 4 * n), orthogonal, 5)
        # Forget gates start open (Jozefowicz et al., 2015), as in Keras' LSTM.
        self.b = self.add_weight(name="bias", shape=(4 * n,), initializer=_forget_gate_bias)

    def call(self, annotations, sequence, valid=None, valid_steps=None):
        """Run over ``sequence`` (batch, n_steps, width).

        ``annotations`` is (batch, L, depth), ``valid`` (batch, L, 1) with 0 on padding;
        ``valid_steps`` (batch, n_steps, 1) is 0 on padded steps, which leave the state as it is.
        Returns the last hidden state (batch, n_cells) and the attention (batch, L), the mean
        over the observed steps.
        """
        keys = ops.matmul(annotations, self.W)  # (batch, L, n_cells), the same at every step
        zero = ops.zeros_like(ops.matmul(sequence[:, 0], self.K)[:, : self.n_cells])
        total = ops.zeros_like(annotations[:, :, 0])
        observed = ops.ones_like(sequence[:, :, :1]) if valid_steps is None else valid_steps

        def step(state, inputs):
            (c, h, total), (x, seen) = state, inputs
            c_new, h_new, alpha = self._attend(annotations, keys, x, c, h, valid)
            c, h = ops.where(seen > 0, c_new, c), ops.where(seen > 0, h_new, h)
            # No output per step: Keras' scan on TensorFlow wants one of the state's shape.
            return (c, h, total + seen * alpha), None

        start = (zero, zero, total)
        if sequence.shape[1] == 1:
            (_, h, total), _ = step(start, (sequence[:, 0], observed[:, 0]))
        else:  # (n_steps, batch, width)
            steps = tuple(ops.transpose(x, (1, 0, 2)) for x in (sequence, observed))
            (_, h, total), _ = ops.scan(step, start, steps)
        return h, total / ops.sum(observed, axis=1)

    def _attend(self, annotations, keys, x, c, h, valid):
        alpha = _weigh(ops.tanh(keys + ops.matmul(h, self.U)[:, None, :]), self.v, valid)
        z = ops.sum(alpha * annotations, axis=1)  # (batch, depth)
        gates = ops.matmul(z, self.A) + self.b + ops.matmul(x, self.K) + ops.matmul(h, self.R)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = self._gate(f) * c + self._gate(i) * ops.tanh(g)
        return c, self._gate(o) * ops.tanh(c), alpha[:, :, 0]

    def compute_output_shape(
        self, annotations_shape, sequence_shape, valid_shape=None, valid_steps_shape=None
    ):
        return (annotations_shape[0], self.n_cells), annotations_shape[:2]

    def get_config(self):
        return {
            **super().get_config(),
            "n_cells": self.n_cells,
            "recurrent_activation": self.recurrent_activation,
            "seed": self.seed,
        }


def _forget_gate_bias(shape, dtype=None):
    n_cells = shape[0] // 4
    return ops.concatenate(
        [ops.zeros(n_cells, dtype), ops.ones(n_cells, dtype), ops.zeros(2 * n_cells, dtype)]
    )
