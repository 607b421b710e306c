"""Do the layers that Keras does not have compute what their formulas say?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lstmfcn.networks.layers import (
    Attention,
    AttentionLSTM,
    Convolution,
    Detached,
    FusedBatchNormalization,
    SharedLogits,
    hard_sigmoid,
)


def normal(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(np.float32)


def randomize(layer, seed=0):
    """Give every weight of a built layer its own random values of moderate size."""
    layer.set_weights([0.7 * normal(*w.shape, seed=seed + i) for i, w in enumerate(layer.weights)])


# Gate activation


def test_hard_sigmoid_is_that_of_keras_2():
    answer = hard_sigmoid(np.array([-9.0, -2.5, -1.0, 0.0, 1.0, 2.5, 9.0], np.float32))
    np.testing.assert_allclose(answer, [0.0, 0.0, 0.3, 0.5, 0.7, 1.0, 1.0], atol=1e-7)


# Batch normalisation


@pytest.fixture
def normalizations():
    """Ours and Keras' layer with the same random scale, offset and moving statistics."""
    ours = FusedBatchNormalization(momentum=0.9, epsilon=1e-3)
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    values = [normal(5, seed=1), normal(5, seed=2), normal(5, seed=3), normal(5, seed=4) ** 2]
    for layer in (ours, theirs):
        layer.build((None, 12, 5))
        layer.set_weights(values)
    return ours, theirs


@pytest.mark.parametrize("training", [False, True])
def test_normalization_answers_like_that_of_keras(normalizations, training):
    inputs = 3.0 * normal(6, 12, 5) + 2.0
    ours, theirs = (layer(inputs, training=training) for layer in normalizations)
    np.testing.assert_allclose(ours, np.maximum(theirs, 0.0), atol=1e-5)
    assert (np.asarray(ours) == 0).mean() > 0.1 < (np.asarray(ours) > 0).mean()


def test_normalization_moves_its_statistics_like_that_of_keras(normalizations):
    inputs = 3.0 * normal(6, 12, 5) + 2.0
    old_variance = normalizations[0].moving_variance.numpy()
    for layer in normalizations:
        layer(inputs, training=True)
    ours, theirs = normalizations
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
    # The fused kernel reports the unbiased variance, n / (n - 1) times that of Keras.
    n, update = 6 * 12, theirs.moving_variance.numpy() - 0.9 * old_variance
    expected = 0.9 * old_variance + update * n / (n - 1)
    np.testing.assert_allclose(ours.moving_variance, expected, rtol=1e-5)


def test_normalization_does_not_move_its_statistics_in_inference(normalizations):
    ours, _ = normalizations
    before = ours.get_weights()
    ours(normal(6, 12, 5), training=False)
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_normalization_has_the_gradients_of_that_of_keras(normalizations):
    inputs, target = tf.constant(3.0 * normal(6, 12, 5) + 2.0), normal(6, 12, 5, seed=9)
    gradients = []
    for layer in normalizations:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(target * tf.nn.relu(layer(inputs, training=True)))
        gradients.append(tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value]))
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_masked_normalization_is_the_unmasked_one_on_the_observed_timepoints():
    lengths = [4, 7, 5]
    series = [2.0 * normal(length, 3, seed=length) + 1.0 for length in lengths]
    padded = np.full((3, 7, 3), 50.0, np.float32)  # a value that would spoil every statistic
    valid = np.zeros((3, 7, 1), np.float32)
    for i, values in enumerate(series):
        padded[i, : len(values)], valid[i, : len(values)] = values, 1.0
    masked, unmasked = FusedBatchNormalization(), FusedBatchNormalization()
    answer = np.asarray(masked(padded, valid=valid, training=True))
    expected = np.asarray(unmasked(np.concatenate(series)[np.newaxis], training=True))[0]
    np.testing.assert_allclose(answer[valid[:, :, 0] > 0], expected, atol=1e-5)
    np.testing.assert_allclose(masked.moving_mean, unmasked.moving_mean, rtol=1e-5)


def test_masked_normalization_without_padding_is_the_unmasked_one():
    inputs = normal(4, 6, 3)
    masked, unmasked = FusedBatchNormalization(), FusedBatchNormalization()
    ones = np.ones((4, 6, 1), np.float32)
    np.testing.assert_allclose(
        masked(inputs, valid=ones, training=True), unmasked(inputs, training=True), atol=1e-5
    )


def test_frozen_normalization_uses_its_moving_statistics_in_training(normalizations):
    ours, _ = normalizations
    inputs = normal(6, 12, 5)
    expected, before = ours(inputs, training=False), ours.get_weights()
    ours.trainable = False
    np.testing.assert_array_equal(ours(inputs, training=True), expected)
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("valid", [None, np.ones((6, 12, 1), np.float32)])
def test_half_precision_normalization_keeps_float32_statistics(normalizations, valid):
    ours, _ = normalizations
    inputs = 3.0 * normal(6, 12, 5) + 2.0
    expected = ours(inputs, training=True, valid=valid)
    mean = np.array(ours.moving_mean)
    ours.set_weights([normal(5, seed=1), normal(5, seed=2), normal(5, seed=3), normal(5) ** 2])
    ours.dtype_policy = "mixed_bfloat16"
    outputs = ours(inputs, training=True, valid=valid)
    assert outputs.dtype == tf.bfloat16
    assert ours.moving_mean.dtype == "float32"
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=0.05)
    np.testing.assert_allclose(ours.moving_mean, mean, atol=5e-3)


def test_convolution_leaves_its_bias_out_in_training_only():
    layer = Convolution(4, 3, padding="same")
    inputs = normal(2, 10, 3)
    layer.build(inputs.shape)
    layer.bias.assign([1.0, 2.0, 3.0, 4.0])
    with_bias = layer(inputs, training=False)
    np.testing.assert_allclose(
        layer(inputs, training=True), with_bias - np.array([1.0, 2.0, 3.0, 4.0]), atol=1e-5
    )
    layer.trainable = False
    np.testing.assert_array_equal(layer(inputs, training=True), with_bias)


def test_normalization_keeps_its_configuration():
    layer = FusedBatchNormalization(momentum=0.7, epsilon=0.01, name="norm")
    again = FusedBatchNormalization.from_config(layer.get_config())
    assert (again.momentum, again.epsilon, again.name) == (0.7, 0.01, "norm")


# Attention LSTM


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def clipped(x):
    return np.clip(0.2 * x + 0.5, 0.0, 1.0)


def attention_lstm(layer, annotations, sequence, valid=None, gate=sigmoid):
    """The equations of AttentionLSTM sample by sample in NumPy: (hidden, mean attention)."""
    hiddens, attentions = [], []
    for s, a in enumerate(annotations.astype(np.float64)):  # (L, depth)
        W, v, U, A, K, R, b = (
            np.asarray(getattr(layer, name), np.float64) for name in ("W", "v", *"UAKRb")
        )
        h = c = np.zeros(layer.n_cells)
        alphas = []
        for x in sequence[s].astype(np.float64):
            e = np.tanh(a @ W + h @ U) @ v[:, 0]
            if valid is not None:
                e[valid[s, :, 0] == 0] = -np.inf
            alpha = np.exp(e - e.max())
            alpha /= alpha.sum()
            gates = alpha @ a @ A + b + x @ K + h @ R
            i, f, g, o = np.split(gates, 4)
            c = gate(f) * c + gate(i) * np.tanh(g)
            h = gate(o) * np.tanh(c)
            alphas.append(alpha)
        hiddens.append(h)
        attentions.append(np.mean(alphas, axis=0))
    return np.array(hiddens), np.array(attentions)


def built(n_cells, *inputs, **kwargs):
    """Return a layer built by calling it, with random weights."""
    layer = AttentionLSTM(n_cells, **kwargs)
    layer(*inputs)
    randomize(layer)
    return layer


PADDED = np.ones((4, 9, 1), np.float32)
PADDED[0, 6:], PADDED[2, 2:] = 0.0, 0.0


@pytest.mark.parametrize("valid", [None, PADDED], ids=["observed", "padded"])
def test_attention_equals_the_equations(valid):
    annotations = normal(4, 9, 5)
    layer = Attention(3)
    layer(annotations)
    randomize(layer)
    energy = np.tanh(annotations @ np.asarray(layer.W)) @ np.asarray(layer.v)[:, 0]
    odds = np.exp(energy) * (1.0 if valid is None else valid[:, :, 0])
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(layer(annotations, valid=valid), expected, atol=1e-6)
    assert expected.std() > 0.05


@pytest.mark.parametrize("name, gate", [("sigmoid", sigmoid), ("hard_sigmoid", clipped)])
def test_the_attention_lstm_has_the_gates_it_is_asked_for(name, gate):
    annotations, sequence = normal(4, 9, 5), normal(4, 2, 6, seed=1)
    layer = built(3, annotations, sequence, recurrent_activation=name)
    hidden, attention = layer(annotations, sequence)
    expected = attention_lstm(layer, annotations, sequence, gate=gate)
    np.testing.assert_allclose(hidden, expected[0], atol=1e-6)
    np.testing.assert_allclose(attention, expected[1], atol=1e-6)


@pytest.mark.parametrize("n_steps", [1, 2, 7])
@pytest.mark.parametrize("valid", [None, PADDED], ids=["observed", "padded"])
def test_attention_steps_over_a_sequence_equal_the_equations(n_steps, valid):
    annotations, sequence = normal(4, 9, 5), normal(4, n_steps, 6, seed=1)
    layer = built(3, annotations, sequence)
    hidden, attention = layer(annotations, sequence=sequence, valid=valid)
    expected = attention_lstm(layer, annotations, sequence, valid)
    np.testing.assert_allclose(hidden, expected[0], atol=1e-6)
    np.testing.assert_allclose(attention, expected[1], atol=1e-6)


def test_scan_in_a_graph_equals_the_steps_one_by_one():
    annotations, sequence = normal(4, 9, 5), normal(4, 7, 6, seed=1)
    layer = built(3, annotations, sequence)

    @tf.function
    def graph(annotations, sequence):
        return layer(annotations, sequence=sequence)

    hidden, attention = graph(annotations, sequence)
    expected = attention_lstm(layer, annotations, sequence)
    np.testing.assert_allclose(hidden, expected[0], atol=1e-6)
    np.testing.assert_allclose(attention, expected[1], atol=1e-6)


def test_gradients_through_the_steps_equal_finite_differences():
    annotations, sequence = normal(4, 9, 5), normal(4, 3, 6, seed=1)
    layer = built(3, annotations, sequence)

    @tf.function
    def loss_and_gradients():
        with tf.GradientTape() as tape:
            hidden, _ = layer(annotations, sequence=sequence, valid=PADDED)
            loss = tf.reduce_sum(hidden * tf.constant(normal(4, 3, seed=2)))
        return loss, tape.gradient(loss, layer.trainable_variables)

    _, gradients = loss_and_gradients()
    weights = layer.get_weights()
    for k, gradient in enumerate(gradients):
        direction = normal(*weights[k].shape, seed=10 + k)
        losses = []
        for sign in (1.0, -1.0):
            moved = list(weights)
            moved[k] = weights[k] + sign * 1e-2 * direction
            layer.set_weights(moved)
            losses.append(float(loss_and_gradients()[0]))
        layer.set_weights(weights)
        slope = (losses[0] - losses[1]) / 2e-2
        expected = float(np.sum(np.asarray(gradient) * direction))
        assert slope == pytest.approx(expected, rel=0.01, abs=1e-3), layer.weights[k].name


def test_constant_weights_give_the_numbers_worked_by_hand():
    annotations = np.array([[[0.0], [1.0]]], np.float32)
    step = np.zeros((1, 1, 1), np.float32)
    layer = AttentionLSTM(1)
    layer(annotations, step)
    layer.W.assign([[1.0]])
    layer.v.assign([[1.0]])
    layer.A.assign([[1.0, 1.0, 1.0, 1.0]])
    layer.b.assign([0.0, 9.0, 0.0, 0.0])  # the forget gate has nothing to forget
    hidden, attention = layer(annotations, step)
    # e = (tanh 0, tanh 1) = (0, 0.76159), alpha_2 = sigmoid(0.76159) = 0.68170 = z
    # c = sigmoid(z) tanh(z) = 0.66412 * 0.59258 = 0.39357, h = 0.66412 * tanh(0.39357) = 0.24867
    np.testing.assert_allclose(attention, [[0.31830, 0.68170]], atol=1e-5)
    np.testing.assert_allclose(hidden, [[0.24867]], atol=1e-5)


def test_attention_sums_to_one_and_is_exactly_zero_on_padding():
    annotations, sequence = 5.0 * normal(4, 9, 5), normal(4, 3, 6)
    layer = built(3, annotations, sequence)
    _, attention = layer(annotations, sequence=sequence, valid=PADDED)
    attention = np.asarray(attention)
    np.testing.assert_allclose(attention.sum(axis=1), 1.0, atol=1e-6)
    assert (attention >= 0).all()
    assert (attention[PADDED[:, :, 0] == 0] == 0.0).all()
    assert (attention[PADDED[:, :, 0] == 1] > 0.0).all()


def test_what_lies_in_the_padding_does_not_matter():
    annotations, sequence = normal(4, 9, 5), normal(4, 3, 6)
    layer = built(3, annotations, sequence)
    other = np.where(PADDED > 0, annotations, 77.0)
    answers = (layer(x, sequence, valid=PADDED) for x in (annotations, other))
    for ours, theirs in zip(*answers, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_sample_does_not_see_its_batch_mates():
    annotations, sequence = normal(4, 9, 5), normal(4, 7, 6, seed=1)
    layer = built(3, annotations, sequence)
    together = layer(annotations, sequence=sequence)
    for i in range(4):
        alone = layer(annotations[i : i + 1], sequence=sequence[i : i + 1])
        for ours, theirs in zip(alone, together, strict=True):
            np.testing.assert_allclose(ours[0], theirs[i], atol=1e-6)


def test_attention_over_one_annotation_is_an_lstm_with_the_sum_of_both_kernels():
    # What the published layer comes to behind the dimension shuffle of a univariate series.
    step = normal(6, 1, 20)
    layer = built(4, step, step)
    lstm = keras.layers.LSTM(4)
    lstm.build(step.shape)
    lstm.set_weights([np.asarray(layer.K) + np.asarray(layer.A), layer.R, layer.b])
    hidden, attention = layer(step, sequence=step)
    np.testing.assert_allclose(hidden, lstm(step), atol=1e-6)
    np.testing.assert_array_equal(attention, np.ones((6, 1)))


def test_forget_gates_start_open():
    layer = AttentionLSTM(2)
    layer(normal(1, 3, 4), normal(1, 3, 4))
    np.testing.assert_array_equal(layer.b, [0, 0, 1, 1, 0, 0, 0, 0])


def test_the_seed_of_an_attention_layer_decides_its_weights():
    annotations, sequence = normal(1, 3, 4), normal(1, 2, 5)
    layers = [AttentionLSTM(2, seed=seed) for seed in (1, 1, 2)]
    for layer in layers:
        layer(annotations, sequence)
    same, again, other = (layer.get_weights() for layer in layers)
    assert all((a == b).all() for a, b in zip(same, again, strict=True))
    assert any((a != b).any() for a, b in zip(same, other, strict=True))


def test_attention_layer_keeps_its_configuration():
    layer = AttentionLSTM(3, recurrent_activation="hard_sigmoid", seed=5, name="attention")
    again = AttentionLSTM.from_config(layer.get_config())
    assert (again.n_cells, again.recurrent_activation, again.seed) == (3, "hard_sigmoid", 5)
    steps = normal(2, 4, 5)
    np.testing.assert_array_equal(layer(steps, steps)[0], again(steps, steps)[0])


# Detached


@pytest.mark.parametrize("training, slope", [(True, None), (False, [2.0, 4.0])])
def test_what_is_detached_stops_the_gradient_of_the_training_alone(training, slope):
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = tf.reduce_sum(tf.square(Detached()(x, training=training)))
    assert float(out) == 5.0
    gradient = tape.gradient(out, x)
    assert (gradient if gradient is None else gradient.numpy().tolist()) == slope


# Logits of a part


def test_shared_logits_read_a_part_by_the_rows_of_its_place():
    layer = SharedLogits(3)
    layer.build((None, 6), (None, 4))
    randomize(layer)
    inputs, part = normal(5, 6), normal(5, 4, seed=1)
    W, b = layer.get_weights()
    logits, of_part = layer(inputs, part)
    np.testing.assert_allclose(np.asarray(logits), inputs @ W + b, atol=1e-6)
    np.testing.assert_allclose(np.asarray(of_part), 0.1 * part @ W[2:] + b, atol=1e-6)
