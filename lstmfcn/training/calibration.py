"""Which statistics does batch normalisation use in prediction? Exact ones of all training data."""

import itertools

import numpy as np

from lstmfcn.moments import RunningMoments
from lstmfcn.networks.backend import keras, tf


class Moments:
    """A compiled function to count, mean and variance of what each normalisation layer sees."""

    def __init__(self, model):
        self.layers = [x for x in model.layers if x.name.startswith("norm_") and x.trainable]
        if not self.layers:
            return
        part = keras.Model(model.inputs, [norm.input for norm in self.layers])
        signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]

        def moments(*inputs):
            found = iter(keras.tree.flatten(part(list(inputs), training=False)))
            # Each norm reads features and, if masked, what is valid.
            sizes = [len(keras.tree.flatten(norm.input)) for norm in self.layers]
            read = [tuple(itertools.islice(found, size)) for size in sizes]
            return [self._of(norm, *of_one) for norm, of_one in zip(self.layers, read, strict=True)]

        # All layers in one function: tracing it takes longer than a pass over a small set.
        self.of_all = tf.function(moments, signature, autograph=False).get_concrete_function()

    @staticmethod
    def _of(norm, before, valid=None):
        counted = tf.ones_like(before[:, :, :1]) if valid is None else valid
        count = tf.reduce_sum(tf.cast(counted, tf.float64))
        return count, *norm.moments(before, valid)


def recalibrate(model, inputs, batch_size, moments=None):
    """Replace batch normalisation's moving statistics by those of the training data.

    Moving averages lag behind the weights: a small set gives one update per epoch, and after 250 of
    them a network can answer at chance while it has learned its task. Layer by layer, from the
    first, this computes the exact mean and variance over all samples and observed timepoints,
    whatever the batch size (Wu, Johnson, "Rethinking 'Batch' in BatchNorm", 2021, arXiv:2105.07576,
    section 3). Layers that are not trainable are left alone. ``moments`` are those of an earlier
    call.
    """
    moments = Moments(model) if moments is None else moments
    for place, layer in enumerate(moments.layers):
        found = RunningMoments()
        for start in range(0, len(inputs[0]), batch_size):
            batch = [array[start : start + batch_size] for array in inputs]
            n, batch_mean, batch_variance = (
                tensor.numpy().astype(np.float64)
                for tensor in moments.of_all(*map(tf.constant, batch))[place]
            )
            found.add(n, batch_mean, n * batch_variance)
        layer.moving_mean.assign(found.mean)
        layer.moving_variance.assign(found.squares / found.count)
