"""How does a network answer? Compiled forward passes in batches, for any layer."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

__all__ = [
    "Forward",
    "Forwards",
    "cross_entropy",
    "logit_gradient",
    "memory_errors_explained",
    "rows_per_batch",
]


def rows_per_batch(n_timepoints):
    """Return how many series go through the network at once: about 64 MiB per activation."""
    return max(1, min(256, 2**16 // n_timepoints))


@contextlib.contextmanager
def memory_errors_explained(work, remedy):
    """Turn what TensorFlow says when memory is exhausted into a sentence.

    Parameters
    ----------
    work : str
        What the memory does not suffice for.
    remedy : str
        What to lower.

    Raises
    ------
    MemoryError
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(f"the memory does not suffice for {work}; lower {remedy}.") from error


class Forward:
    """The output of one layer of a model, computed in inference mode, batch by batch.

    Parameters
    ----------
    model : keras.Model
    layer : str
        Layer name; a layer with several outputs gives them all.
    output : int, default=0
        Which output of the layer.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.inference import Forward
    >>> from lstmfcn.networks import build_fcn
    >>> forward = Forward(build_fcn(20, 1, 3), "pooled")
    >>> forward((np.zeros((5, 20, 1), "float32"),)).shape
    (5, 128)
    """

    def __init__(self, model, layer, output=0):
        tensors = keras.tree.flatten(model.get_layer(layer).output)
        part = keras.Model(model.inputs, tensors[output])
        signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]

        def run(*inputs):
            return part(list(inputs), training=False)

        # Traced once here: calling the concrete function skips the dispatch at each call.
        traced = tf.function(run, input_signature=signature, autograph=False)
        self._run = traced.get_concrete_function()
        self._n_timepoints = model.inputs[0].shape[1]

    def __call__(self, inputs):
        """Return the layer's output for a tuple of input arrays, as one float32 array."""
        return np.concatenate([output for _, output in self.batches(inputs)])

    def batches(self, inputs):
        """Yield (rows, output) for one slice of the samples after the other."""
        size = rows_per_batch(self._n_timepoints)
        work = f"{size} series of {self._n_timepoints} timepoints at once"
        for start in range(0, len(inputs[0]), size):
            rows = slice(start, min(start + size, len(inputs[0])))
            with memory_errors_explained(work, "n_filters or the length of the series"):
                output = self._run(*(tf.constant(array[rows]) for array in inputs)).numpy()
            yield rows, output


class Forwards:
    """Forward passes to any layer of one model, each compiled at its first use.

    Parameters
    ----------
    model : keras.Model
    """

    def __init__(self, model):
        self._model = model
        self._by_layer = {}

    def __call__(self, layer, inputs, output=0):
        """Return one layer's output for a tuple of input arrays; see :class:`Forward`."""
        return self._to(layer, output)(inputs)

    def batches(self, layer, inputs):
        """Yield (rows, output of the layer) for one slice of the samples after the other."""
        return self._to(layer, 0).batches(inputs)

    def _to(self, layer, output):
        forward = self._by_layer.get((layer, output))
        if forward is None:
            forward = self._by_layer[layer, output] = Forward(self._model, layer, output)
        return forward


def logit_gradient(model, inputs, targets):
    """Return the derivative of one logit per sample with respect to the series.

    Parameters
    ----------
    model : keras.Model
    inputs : tuple of arrays
        The series (n_samples, n_timepoints, n_channels) and, for a masked network, the mask.
    targets : int array of shape (n_samples,)
        Which logit.

    Returns
    -------
    float32 ndarray of shape (n_samples, n_timepoints, n_channels)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.inference import logit_gradient
    >>> from lstmfcn.networks import build_fcn
    >>> series = np.ones((5, 20, 2), "float32")
    >>> logit_gradient(build_fcn(20, 2, 3), (series,), np.zeros(5, int)).shape
    (5, 20, 2)
    """
    logits = keras.Model(model.inputs, model.get_layer("logits").output)

    @tf.function(autograph=False, reduce_retracing=True)
    def gradient(target, series, *mask):
        with tf.GradientTape() as tape:
            tape.watch(series)
            chosen = tf.gather(logits([series, *mask], training=False), target, batch_dims=1)
        return tape.gradient(chosen, series)

    size = rows_per_batch(model.inputs[0].shape[1])
    parts = []
    for start in range(0, len(targets), size):
        rows = slice(start, start + size)
        tensors = [tf.constant(array[rows], tf.float32) for array in inputs]
        parts.append(gradient(tf.constant(targets[rows]), *tensors).numpy())
    return np.concatenate(parts)


def cross_entropy(logits, labels):
    """Cross-entropy of each sample, in float64.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
    labels : int ndarray of shape (n_samples,)

    Returns
    -------
    ndarray of shape (n_samples,)

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.inference import cross_entropy
    >>> cross_entropy(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    array([0.6931])
    """
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(axis=1))
    return log_total - shifted[np.arange(len(labels)), labels]
