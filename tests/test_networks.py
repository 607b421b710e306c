"""Do the networks have the published shape, and is padding invisible to a masked one?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lstmfcn.networks.builders import (
    NETWORKS,
    build_alstmfcn,
    build_fcn,
    build_lstmfcn,
    count_weights,
    uses_dimension_shuffle,
)

TINY = {"n_filters": (6, 8, 4), "kernel_sizes": (8, 5, 3)}


def normal(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(np.float32)


def randomize(model, seed=0):
    """Give every weight, the moving statistics too, its own random values; variances > 0."""
    values = [0.3 * normal(*w.shape, seed=seed + i) for i, w in enumerate(model.weights)]
    for i, weight in enumerate(model.weights):
        if weight.name == "moving_variance":
            values[i] = 1.0 + np.abs(values[i])
        if "reduce_" in weight.path:  # above zero, or its ReLU could hide what it reads
            values[i] = 3.0 * np.abs(values[i])
    model.set_weights(values)


def answer(model, *inputs, layer=None, output=None):
    """Return what the model, or one of its layers, gives in inference mode."""
    tensors = model.outputs if layer is None else model.get_layer(layer).output
    part = keras.Model(model.inputs, tensors if output is None else tensors[output])
    outputs = part(list(inputs), training=False)
    return [np.asarray(x) for x in outputs] if isinstance(outputs, list) else np.asarray(outputs)


def plain_lstmfcn(n_timepoints, n_classes, n_cells=None, n_filters=(128, 256, 128)):
    """LSTM-FCN, or FCN without n_cells, from the layers of Keras alone."""
    series = keras.Input((n_timepoints, 1))
    features = series
    for k, (width, size) in enumerate(zip(n_filters, (8, 5, 3), strict=True), 1):
        features = keras.layers.Conv1D(width, size, padding="same", name=f"conv_{k}")(features)
        features = keras.layers.BatchNormalization(name=f"norm_{k}")(features)
        features = keras.layers.ReLU()(features)
    merged = keras.layers.GlobalAveragePooling1D()(features)
    if n_cells is not None:
        hidden = keras.layers.Permute((2, 1))(series)
        hidden = keras.layers.LSTM(n_cells, name="lstm_cell")(hidden)
        hidden = keras.layers.Dropout(0.8)(hidden)
        merged = keras.layers.Concatenate()([hidden, merged])
    probabilities = keras.layers.Dense(n_classes, activation="softmax", name="logits")(merged)
    return keras.Model(series, probabilities)


# Shape


@pytest.mark.parametrize(
    "n_timepoints, n_cells, expected", [(128, None, 266_115), (128, 8, 270_523), (500, 8, 282_427)]
)
def test_published_networks_have_the_weights_of_plain_keras(n_timepoints, n_cells, expected):
    if n_cells is None:
        network, model = "fcn", build_fcn(n_timepoints, 1, 3)
    else:
        network, model = "lstmfcn", build_lstmfcn(n_timepoints, 1, 3, n_cells=n_cells)
    assert model.count_params() == expected
    assert plain_lstmfcn(n_timepoints, 3, n_cells).count_params() == expected
    assert count_weights(network, n_timepoints, 1, 3, n_cells=n_cells or 0) == expected


@pytest.mark.parametrize("n_cells", [None, 3])
def test_published_networks_answer_like_plain_keras(n_cells):
    if n_cells is None:
        ours = build_fcn(30, 1, 3, **TINY)
    else:
        ours = build_lstmfcn(30, 1, 3, n_cells=n_cells, **TINY)
    randomize(ours)
    plain = plain_lstmfcn(30, 3, n_cells, TINY["n_filters"])
    for layer in plain.layers:
        if layer.weights:
            layer.set_weights(ours.get_layer(layer.name).get_weights())
    series = normal(5, 30, 1)
    np.testing.assert_allclose(answer(ours, series)[0], answer(plain, series)[0], atol=1e-6)


VARIANTS = [
    ("fcn", {}),
    *(("lstmfcn", {"n_cells": 3, "dimension_shuffle": s}) for s in ("auto", True, False)),
    ("alstmfcn", {"n_cells": 3, "attention": "features"}),
    ("fcn", {"occlusion": 0.3}),
    ("lstmfcn", {"n_cells": 3, "occlusion": 0.3}),
    ("alstmfcn", {"n_cells": 3, "attention": "features", "occlusion": 0.3}),
    *(
        ("alstmfcn", {"n_cells": 3, "attention": "paper", "dimension_shuffle": s})
        for s in ("auto", True, False)
    ),
]


@pytest.mark.parametrize("network, variant", VARIANTS)
def test_counted_weights_are_those_of_the_built_network(network, variant):
    for n_timepoints, n_channels, squeeze_excite in ((5, 7, True), (40, 1, False)):
        arguments = {
            "n_filters": (8, 40, 4),
            "kernel_sizes": (5, 5, 3),
            "squeeze_excite": squeeze_excite,
            **variant,
        }
        model = NETWORKS[network](n_timepoints, n_channels, 4, **arguments)
        counted = count_weights(network, n_timepoints, n_channels, 4, **arguments)
        assert counted == model.count_params(), (n_timepoints, n_channels, squeeze_excite)


@pytest.mark.parametrize(
    "n_channels, n_timepoints, shuffled", [(1, 2, True), (6, 7, True), (7, 7, False), (8, 7, False)]
)
def test_auto_shuffles_when_that_means_fewer_steps(n_channels, n_timepoints, shuffled):
    assert uses_dimension_shuffle("auto", n_channels, n_timepoints) is shuffled
    assert uses_dimension_shuffle(True, n_channels, n_timepoints) is True
    assert uses_dimension_shuffle(False, n_channels, n_timepoints) is False
    model = build_lstmfcn(
        n_timepoints, n_channels, 2, n_filters=(2, 2, 2), kernel_sizes=(2, 2, 2), n_cells=2
    )
    steps = (n_channels, n_timepoints) if shuffled else (n_timepoints, n_channels)
    assert model.get_layer("lstm_cell").input.shape[1:] == steps


def test_the_seed_decides_every_initial_weight():
    one, again, other = (build_lstmfcn(30, 1, 3, seed=seed, **TINY) for seed in (1, 1, 2))
    for a, b in zip(one.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("conv_1", "conv_2", "conv_3", "lstm_cell", "logits"):
        a, b = one.get_layer(name).get_weights()[0], other.get_layer(name).get_weights()[0]
        assert (a != b).any(), name


# Numbers


@pytest.mark.parametrize("build", [build_lstmfcn, build_alstmfcn])
def test_the_last_layer_reads_the_lstm_first_and_then_the_pooled_features(build):
    model = build(30, 1, 3, n_cells=5, **TINY)
    randomize(model)
    series = normal(4, 30, 1)
    lstm, pooled, features, concatenated = (
        answer(model, series, layer=name) for name in ("lstm", "pooled", "features", "concatenated")
    )
    outputs = answer(model, series, layer="logits")
    logits = outputs[0] if build is build_alstmfcn else outputs  # then those of the attention
    np.testing.assert_array_equal(concatenated[:, :5], lstm)
    np.testing.assert_array_equal(concatenated[:, 5:], pooled)
    np.testing.assert_allclose(pooled, features.mean(axis=1), atol=1e-6)
    assert (features >= 0).all()
    W, b = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(logits, np.hstack([lstm, pooled]) @ W + b, atol=1e-5)
    probabilities = answer(model, series, layer="probabilities")
    odds = np.exp(logits)
    np.testing.assert_allclose(probabilities, odds / odds.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("activation", ["sigmoid", "hard_sigmoid"])
def test_one_lstm_step_is_a_gated_dense_layer(activation):
    model = build_lstmfcn(30, 1, 3, n_cells=4, recurrent_activation=activation, **TINY)
    randomize(model)
    series = 3.0 * normal(6, 30, 1)
    K, _, b = model.get_layer("lstm_cell").get_weights()
    gate = {
        "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
        "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0.0, 1.0),
    }[activation]
    # One step of 30 values and a zero state: the recurrent kernel and the forget gate fall out.
    i, _, g, o = np.split(series[:, :, 0] @ K + b, 4, axis=1)
    expected = gate(o) * np.tanh(gate(i) * np.tanh(g))
    np.testing.assert_allclose(answer(model, series, layer="lstm_cell"), expected, atol=1e-6)


def test_squeeze_and_excite_scales_each_filter_by_its_gate():
    model = build_fcn(30, 2, 3, squeeze_excite=True, **TINY)
    randomize(model)
    series = normal(4, 30, 2)
    block, rescaled = (answer(model, series, layer=name) for name in ("norm_1", "rescale_1"))
    (reduce,), (excite,) = (
        model.get_layer(name).get_weights() for name in ("reduce_1", "excite_1")
    )
    hidden = np.maximum(block.mean(axis=1) @ reduce, 0.0)
    gate = 1.0 / (1.0 + np.exp(-hidden @ excite))
    np.testing.assert_allclose(rescaled, block * gate[:, np.newaxis, :], atol=1e-6)
    assert model.get_layer("conv_2").input is model.get_layer("rescale_1").output
    assert {layer.name for layer in model.layers}.isdisjoint({"squeeze_3", "rescale_3"})


@pytest.mark.parametrize("n_channels", [1, 2])
def test_the_lstm_reads_each_timepoint_by_its_attention(n_channels):
    model = build_alstmfcn(30, n_channels, 3, n_cells=4, **TINY)
    randomize(model)
    series = normal(5, 30, n_channels)
    attention = answer(model, series, layer="attention")
    assert attention.shape == (5, 30)
    np.testing.assert_allclose(attention.sum(axis=1), 1.0, atol=1e-6)
    read = (1 + 30 * attention[:, :, np.newaxis]) / 2 * series
    np.testing.assert_allclose(answer(model, series, layer="attended_series"), read, rtol=1e-5)
    steps = answer(model, series, layer="dimension_shuffle")
    np.testing.assert_allclose(steps, read.transpose(0, 2, 1), rtol=1e-5)


def test_what_is_attended_is_read_by_the_rows_that_decide():
    model = build_alstmfcn(30, 1, 3, n_cells=4, **TINY)
    randomize(model)
    series = normal(5, 30, 1)
    context = answer(model, series, layer="context")
    W, b = model.get_layer("logits").get_weights()
    attended = answer(model, series, layer="logits", output=1)
    np.testing.assert_allclose(attended, 0.1 * context @ W[4:] + b, atol=1e-5)


def taught(model, output):
    """Return the layers that learn something from the ``logits`` layer's output of that number."""
    part = keras.Model(model.inputs, model.get_layer("logits").output[output])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(part([normal(5, 30, 1)], training=True)))
    gradients = tape.gradient(loss, model.trainable_variables)
    return {
        variable.path.split("/")[0]
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        if gradient is not None and np.abs(gradient).max() > 0
    }


def test_the_attention_learns_from_what_it_attends_and_nothing_else_does():
    model = build_alstmfcn(30, 1, 3, n_cells=4, **TINY)
    randomize(model)
    decides = taught(model, 0)
    assert taught(model, 1) == {"attention"}
    assert "attention" not in decides and decides >= {"conv_1", "norm_3", "lstm_cell", "logits"}


# Padding


MASKED = [
    (build_fcn, {}),
    (build_fcn, {"squeeze_excite": True}),
    (build_lstmfcn, {"n_cells": 3, "dimension_shuffle": False}),
    (build_alstmfcn, {"n_cells": 3, "dimension_shuffle": False}),
    (build_alstmfcn, {"n_cells": 3, "dimension_shuffle": False, "squeeze_excite": True}),
    (build_alstmfcn, {"n_cells": 3, "attention": "paper", "dimension_shuffle": False}),
]


@pytest.mark.parametrize("build, arguments", MASKED)
@pytest.mark.parametrize("length", [12, 30])
def test_a_padded_series_gets_the_answer_of_the_series_alone(build, arguments, length):
    masked = build(30, 2, 3, masked=True, **TINY, **arguments)
    alone = build(length, 2, 3, **TINY, **arguments)
    randomize(masked)
    alone.set_weights(masked.get_weights())
    series = normal(4, length, 2)
    padded, mask = np.zeros((4, 30, 2), np.float32), np.zeros((4, 30), np.float32)
    padded[:, :length], mask[:, :length] = series, 1.0
    np.testing.assert_allclose(
        answer(masked, padded, mask, layer="probabilities"),
        answer(alone, series, layer="probabilities"),
        atol=1e-5,
    )
    features = answer(masked, padded, mask, layer="features")
    np.testing.assert_array_equal(features[:, length:], 0.0)


@pytest.mark.parametrize(
    "build, arguments, n_kernels",
    [
        (build_lstmfcn, {}, 1),
        (build_alstmfcn, {"attention": "paper"}, 3),
        (build_alstmfcn, {}, 1),
    ],
)
def test_behind_the_shuffle_padding_meets_only_its_own_rows_of_the_kernel(
    build, arguments, n_kernels
):
    masked = build(30, 1, 3, n_cells=3, masked=True, **TINY, **arguments)
    randomize(masked)
    series, mask = normal(4, 30, 1), np.ones((4, 30), np.float32)
    series[:, 20:], mask[:, 20:] = 0.0, 0.0
    before = answer(masked, series, mask, layer="probabilities")
    kernels = [weight for weight in masked.weights if weight.shape[0] == 30]
    assert len(kernels) == n_kernels
    for kernel in kernels:
        ends = 9.0 * np.ones((10, kernel.shape[1]))
        kernel.assign(np.vstack([kernel[:20], ends, kernel[30:]]))
    after = answer(masked, series, mask, layer="probabilities")
    np.testing.assert_allclose(after, before, atol=1e-6)
