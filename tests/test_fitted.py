"""Do compiled forward passes, which do a block in one kernel, answer what the network answers?"""

import keras
import numpy as np
import pytest

from lstmfcn.networks.builders import build_alstmfcn, build_fcn, build_lstmfcn
from lstmfcn.networks.fitted import Forward
from lstmfcn.networks.layers import Convolution, FusedBatchNormalization

SMALL = {"n_filters": (5, 6, 4), "kernel_sizes": (4, 3, 2)}


def network(build, *, masked=False, n_channels=2, **settings):
    """Return a network as if trained: biases, scales and statistics are not the initial ones."""
    model = build(20, n_channels, 3, masked=masked, **SMALL, **settings)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32":
            value = weight + 0.3 * rng.normal(size=weight.shape)
            weight.assign(np.abs(value) + 0.1 if "variance" in weight.path else value)
    series = rng.normal(size=(7, 20, n_channels)).astype(np.float32)
    if not masked:
        return model, (series,)
    mask = (np.arange(20) < np.arange(14, 21)[:, np.newaxis]).astype(np.float32)
    return model, (series * mask[:, :, np.newaxis], mask)


def answer(model, layer, inputs):
    output = keras.tree.flatten(model.get_layer(layer).output)[0]
    return np.asarray(keras.Model(model.inputs, output)(list(inputs), training=False))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("build", "settings"),
    [
        (build_fcn, {}),
        (build_fcn, {"squeeze_excite": True}),
        (build_lstmfcn, {}),
        (build_alstmfcn, {}),
        (build_alstmfcn, {"attention": "paper"}),
    ],
)
def test_a_block_in_one_kernel_answers_the_same(build, settings, masked):
    model, inputs = network(build, masked=masked, **settings)
    for layer in ("norm_1", "features", "pooled", "logits", "probabilities"):
        expected = answer(model, layer, inputs)
        np.testing.assert_allclose(Forward(model, layer)(inputs), expected, rtol=2e-5, atol=2e-5)


def test_a_convolution_that_is_asked_for_is_done_by_itself():
    model, inputs = network(build_fcn)
    for layer in ("conv_1", "conv_3"):
        np.testing.assert_allclose(
            Forward(model, layer)(inputs), answer(model, layer, inputs), rtol=2e-5, atol=2e-5
        )


def test_a_forward_pass_follows_the_weights_and_leaves_the_layers_as_they_were():
    model, inputs = network(build_lstmfcn)
    forward, before = Forward(model, "logits"), answer(model, "logits", inputs)
    for layer in model.layers:
        if isinstance(layer, Convolution):
            layer.kernel.assign(0.5 * layer.kernel)
            layer.bias.assign(layer.bias + 0.5)
        if isinstance(layer, FusedBatchNormalization):
            layer.moving_mean.assign(layer.moving_mean - 0.5)
    after = answer(model, "logits", inputs)
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(forward(inputs), after, rtol=2e-5, atol=2e-5)
    assert len(model.weights) == len(network(build_lstmfcn)[0].weights)
