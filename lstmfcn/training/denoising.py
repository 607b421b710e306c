"""How does a denoiser learn to fill gaps in, and how do the layers behind it train on its answers?

It learns before them, and does not change while they train.
"""

import math

import numpy as np

from lstmfcn.networks.backend import keras, tf
from lstmfcn.networks.fitted import memory_errors_explained
from lstmfcn.networks.occlusion import Denoiser
from lstmfcn.training.batches import compile_loop, laid_out, updates_at_a_time
from lstmfcn.training.optimizers import make_optimizer

MOST_UPDATES, BATCH_SIZE, RATE = 300, 8, 1e-2


def learn_to_denoise(model, inputs, plan, seed):
    """Train each layer :class:`Denoiser` of a network that is not frozen, by its own loss.

    It makes 300 updates, or as many as the training that follows, whose ``plan`` is given, if those
    are fewer. ``inputs`` are the network's, of shape (n_samples, ...) each; ``seed`` is that of
    their order.
    """
    n_samples = len(inputs[0])
    n_updates = min(MOST_UPDATES, plan.n_epochs * math.ceil(n_samples / plan.batch_size))
    size = min(BATCH_SIZE, n_samples)
    n_rounds = math.ceil(n_updates * size / n_samples)
    for layer in model.layers:
        if isinstance(layer, Denoiser) and layer.trainable:
            rng = np.random.default_rng(seed)
            order = np.concatenate([rng.permutation(n_samples) for _ in range(n_rounds)])
            batches = order[: n_updates * size].reshape(n_updates, size)
            with memory_errors_explained(
                f"batches of {size} series", "lower the length of the series"
            ):
                update = _compile_update(layer, model, n_updates)
                n_together = updates_at_a_time(inputs, size)
                for first in range(0, n_updates, n_together):
                    update(*laid_out(inputs, batches[first : first + n_together]))


def _compile_update(layer, model, n_updates):
    read = keras.Model(model.inputs, layer.input)
    weights = layer.trainable_variables
    optimizer = make_optimizer("one_cycle", RATE, n_updates)
    optimizer.build(weights)

    def step(*batch):
        seen = keras.tree.flatten(read(list(batch)))
        with tf.GradientTape() as tape:
            loss = layer.loss(*seen)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss[tf.newaxis]

    signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]
    return compile_loop(step, signature, n_told=1)


def denoised_inputs(model):
    """Return the inputs of a network, denoised where it has a denoiser for them."""
    outputs = {
        id(keras.tree.flatten(layer.input)[0]): layer.output
        for layer in model.layers
        if isinstance(layer, Denoiser)
    }
    return [outputs.get(id(tensor), tensor) for tensor in model.inputs]


def compile_denoising(model):
    """Compile what happens to inputs before they are cut into batches: gaps are made and filled."""
    if not any(isinstance(layer, Denoiser) for layer in model.layers):
        return lambda *inputs: inputs
    front = keras.Model(model.inputs, denoised_inputs(model))
    signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]

    @tf.function(input_signature=signature, autograph=False)
    def denoise(*inputs):
        return keras.tree.flatten(front(list(inputs), training=True))

    return denoise.get_concrete_function()
