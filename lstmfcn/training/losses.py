"""What does a network learn to make small? Cross-entropy for classes, squared error for a number.

A loss tells in TensorFlow the ``loss`` of each sample, and its ``measure``, which is reported
beside it; :meth:`of_answers` tells both exactly, in NumPy. ``kind`` is the type of what is learned.
"""

import numpy as np
import scipy.stats

from lstmfcn.networks.backend import keras, tf
from lstmfcn.networks.fitted import cross_entropy


class CrossEntropy:
    """Of class indices (n_samples,) and logits (n_samples, n_classes)."""

    kind, measured, keras_name = tf.int32, "accuracy", "sparse_categorical_crossentropy"

    @staticmethod
    def loss(labels, logits):
        """Return the loss of each sample of a batch."""
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)

    @staticmethod
    def measure(labels, logits):
        """Return 1 for each sample of a batch whose class has the largest logit, else 0."""
        hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return tf.cast(hits, tf.float32)

    @staticmethod
    def of_answers(labels, logits):
        """Return loss and measure of each sample."""
        return cross_entropy(logits, labels), logits.argmax(axis=1) == labels

    @staticmethod
    def of_guess(labels, weights):
        """Return the mean loss of an answer that knows the labels' frequencies alone."""
        return float(scipy.stats.entropy(np.bincount(labels, weights) / np.sum(weights)))


class SquaredError:
    """Of numbers (n_samples,) and a network's one output (n_samples, 1)."""

    kind, measured, keras_name = tf.float32, "absolute_error", "mean_squared_error"

    @staticmethod
    def loss(targets, outputs):
        """Return the squared error of each sample."""
        return (outputs[:, 0] - targets) ** 2

    @staticmethod
    def measure(targets, outputs):
        """Return the absolute error of each sample."""
        return abs(outputs[:, 0] - targets)

    @classmethod
    def of_answers(cls, targets, outputs):
        """Return loss and measure of each sample."""
        outputs = outputs.astype(np.float64)
        return cls.loss(targets, outputs), cls.measure(targets, outputs)

    @staticmethod
    def of_guess(targets, weights):
        """Return the mean loss of an answer that knows the targets' mean alone."""
        mean = np.average(targets, weights=weights)
        return float(np.average((targets - mean) ** 2, weights=weights))


def loss_of(model):
    """Return the loss that a network is trained by: with one output it tells a number."""
    outputs = keras.tree.flatten(model.get_layer("logits").output)
    return SquaredError if outputs[0].shape[-1] == 1 else CrossEntropy
