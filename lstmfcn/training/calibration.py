"""Which statistics does batch normalisation answer with? Those of all training data, exactly."""

import numpy as np

from lstmfcn.moments import RunningMoments
from lstmfcn.networks.backend import keras, tf


class Moments:
    """Compiled functions to count, mean and variance of what each normalisation layer sees."""

    def __init__(self, model):
        self.by_layer = {}
        signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]
        for norm in model.layers:
            if norm.name.startswith("norm_") and norm.trainable:
                part = keras.Model(model.inputs, norm.input)  # series and, if masked, what is valid
                function = tf.function(self._of(part, norm), signature, autograph=False)
                self.by_layer[norm] = function.get_concrete_function()

    @staticmethod
    def _of(part, norm):
        def moments(*inputs):
            before, *valid = keras.tree.flatten(part(list(inputs), training=False))
            counted = valid[0] if valid else tf.ones_like(before[:, :, :1])
            count = tf.reduce_sum(tf.cast(counted, tf.float64))
            return count, *norm.moments(before, *(valid or [None]))

        return moments


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
    for layer, function in moments.by_layer.items():
        found = RunningMoments()
        for start in range(0, len(inputs[0]), batch_size):
            batch = [array[start : start + batch_size] for array in inputs]
            n, batch_mean, batch_variance = (
                tensor.numpy().astype(np.float64) for tensor in function(*map(tf.constant, batch))
            )
            found.add(n, batch_mean, n * batch_variance)
        layer.moving_mean.assign(found.mean)
        layer.moving_variance.assign(found.squares / found.count)
