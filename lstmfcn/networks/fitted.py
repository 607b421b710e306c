"""How does a fitted network predict? With compiled forward passes to any layer, in batches."""

import contextlib
import threading

import numpy as np

from lstmfcn.networks.backend import check_usable, keras, tf
from lstmfcn.networks.layers import Convolution, FusedBatchNormalization, in_one_kernel

LONGEST_WAIT = 5.0  # seconds for another thread that compiles
AT_ONCE = 2**16  # timepoints of all series that go through the network together


def rows_per_batch(n_timepoints, at_once=AT_ONCE):
    """Return how many series go through the network at once: about 64 MiB per activation."""
    return max(1, min(256, at_once // n_timepoints))


@contextlib.contextmanager
def memory_errors_explained(work, remedy):
    """Turn TensorFlow's error of exhausted memory into one about the work, and what to do."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(f"the memory does not suffice for {work}; {remedy}.") from error


def _in_batches(run, arrays, n_timepoints, at_once=AT_ONCE):
    """Yield (rows, what a compiled function makes of these rows of the arrays)."""
    check_usable()
    size = rows_per_batch(n_timepoints, at_once)
    work = f"{size} series of {n_timepoints} timepoints at once"
    n_samples = len(arrays[0])
    for start in range(0, n_samples, size):
        rows = slice(start, min(start + size, n_samples))
        with memory_errors_explained(work, "lower n_filters or the length of the series"):
            output = run(*(tf.constant(array[rows]) for array in arrays)).numpy()
        yield rows, output


def alone_before_normalisation(part):
    """Return the convolutions that only a normalisation reads, by the normalisation's name."""
    tensors = keras.tree.flatten(part.outputs)
    made_by = {
        id(layer.output): layer
        for layer in part.layers
        if isinstance(layer, Convolution) and not any(layer.output is x for x in tensors)
    }
    read_by = {
        layer.name: made_by.get(id(keras.tree.flatten(layer.input)[0]))
        for layer in part.layers
        if isinstance(layer, FusedBatchNormalization)
    }
    return {name: convolution for name, convolution in read_by.items() if convolution is not None}


def deciding_layer(model):
    """Return the name of the layer whose logits are the answer; those of "logits" are trained."""
    is_mean = any(layer.name == "decision" for layer in model.layers)
    return "decision" if is_mean else "logits"


class Forward:
    """The output of one layer of a model, computed in inference mode, batch by batch.

    Of a layer with several outputs it is number ``output``.

    >>> from lstmfcn.networks import build_fcn
    >>> Forward(build_fcn(20, 1, 3), "pooled")((np.zeros((5, 20, 1), "float32"),)).shape
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
        with in_one_kernel(alone_before_normalisation(part)):
            self._run = traced.get_concrete_function()
        self._n_timepoints = max(x.shape[1] for x in model.inputs)
        self._at_once = min(getattr(layer, "at_once", AT_ONCE) for layer in part.layers)

    def __call__(self, inputs):
        """Return the layer's output for a tuple of input arrays, as one float32 array."""
        return np.concatenate([output for _, output in self.batches(inputs)])

    def batches(self, inputs):
        """Yield (rows, output) for one slice of the samples after the other."""
        return _in_batches(self._run, inputs, self._n_timepoints, self._at_once)


class LogitGradient:
    """The derivative of one logit per sample with respect to the series, batch by batch.

    >>> from lstmfcn.networks import build_fcn
    >>> gradient = LogitGradient(build_fcn(20, 2, 3))
    >>> gradient((np.ones((5, 20, 2), "float32"),), np.zeros(5, int)).shape
    (5, 20, 2)
    """

    def __init__(self, model):
        logits = keras.tree.flatten(model.get_layer(deciding_layer(model)).output)[0]
        part = keras.Model(model.inputs, logits)
        signature = [tf.TensorSpec([None], tf.int32)]
        signature += [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]

        def run(targets, series, *mask):
            with tf.GradientTape() as tape:
                tape.watch(series)
                chosen = tf.gather(part([series, *mask], training=False), targets, batch_dims=1)
            return tape.gradient(chosen, series)

        traced = tf.function(run, input_signature=signature, autograph=False)
        self._run = traced.get_concrete_function()
        self._n_timepoints = model.inputs[0].shape[1]

    def __call__(self, inputs, targets):
        """Return float32 (n_samples, n_timepoints, n_channels).

        ``inputs`` are the network's, ``targets`` (n_samples,) says which logit.
        """
        arrays = (np.asarray(targets, np.int32), *inputs)
        batches = _in_batches(self._run, arrays, self._n_timepoints)
        return np.concatenate([gradient for _, gradient in batches])


class Contributions:
    """What a block's activations add to a weighted sum of the last block's features.

    It is activation times derivative, summed over filters, for each step of the block. Of the last
    block itself it is exactly that sum, step by step; of an earlier one what later layers add by
    themselves is not in it.

    >>> from lstmfcn.networks import build_fcn
    >>> added = Contributions(build_fcn(20, 2, 3), "norm_1")
    >>> added((np.ones((5, 20, 2), "float32"),), np.ones((5, 20)), np.ones((5, 128))).shape
    (5, 20)
    """

    def __init__(self, model, block, features="features"):
        tensors = [model.get_layer(name).output for name in (block, features)]
        part = keras.Model(model.inputs, tensors)
        signature = [tf.TensorSpec([None, size], tf.float32) for size in tensors[1].shape[1:]]
        signature += [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]

        def run(steps, filters, *inputs):
            with tf.GradientTape() as tape:
                tape.watch(inputs)  # for layers that are frozen
                activations, found = part(list(inputs), training=False)
                total = tf.reduce_sum(tf.einsum("ntk,nt,nk->n", found, steps, filters))
            return tf.reduce_sum(activations * tape.gradient(total, activations), axis=2)

        traced = tf.function(run, input_signature=signature, autograph=False)
        self._run = traced.get_concrete_function()
        self._n_timepoints = max(x.shape[1] for x in model.inputs)

    def __call__(self, inputs, steps, filters):
        """Return (n_samples, n_steps of the block) in float64.

        The features' weights are ``steps`` (n_samples, n_steps) times ``filters`` (n_samples,
        n_filters).
        """
        arrays = (*(np.asarray(weights, np.float32) for weights in (steps, filters)), *inputs)
        batches = _in_batches(self._run, arrays, self._n_timepoints)
        return np.concatenate([added for _, added in batches]).astype(np.float64)


class FittedNetwork:
    """A network with what it was built from: it answers, explains itself and can be pickled.

    ``build`` is a builder of this package, a function that pickle finds, and ``architecture`` its
    arguments. The keras.Model is ``model``, or a new one, with these ``weights`` if given. Forward
    passes are compiled at their first use. Several threads may ask at once: what one of them
    compiles, all use.

    >>> from lstmfcn.networks import build_fcn
    >>> sizes = {"n_timepoints": 20, "n_channels": 1, "n_classes": 3}
    >>> FittedNetwork(build_fcn, sizes).logits((np.zeros((5, 20, 1), "float32"),)).shape
    (5, 3)
    """

    def __init__(self, build, architecture, model=None, weights=None):
        self.build, self.architecture = build, architecture
        self._weights, self._compiled, self._compiling = weights, {}, threading.RLock()
        if model is not None:
            self._compiled["model"] = model

    @property
    def model(self):
        """The keras.Model, built at its first use."""
        model = self._get("model", self._new_model)
        self._weights = None  # all threads find the model from now on, and it may be changed
        return model

    @property
    def weights(self):
        """The weights as a list of ndarrays."""
        weights = self._weights
        return self.model.get_weights() if weights is None else weights

    def output(self, layer, inputs, output=0):
        """Return one layer's output for a tuple of input arrays; see :class:`Forward`."""
        return self._to(layer, output)(inputs)

    def batches(self, layer, inputs):
        """Yield (rows, output of the layer) for one slice of the samples after the other."""
        return self._to(layer, 0).batches(inputs)

    def logits(self, inputs):
        """Return the logits in float64, (n_samples, n_classes)."""
        return self.output(deciding_layer(self.model), inputs).astype(np.float64)

    def gradient(self, inputs, targets):
        """Return the derivative of one logit per sample; see :class:`LogitGradient`."""
        return self._get("gradient", lambda: LogitGradient(self.model))(inputs, targets)

    def contributions(self, block, inputs, steps, filters, features="features"):
        """Return what a block's activations add to features; see :class:`Contributions`."""
        key = "contributions", block, features
        added = self._get(key, lambda: Contributions(self.model, block, features))
        return added(inputs, steps, filters)

    def __getstate__(self):
        return {"build": self.build, "architecture": self.architecture, "weights": self.weights}

    def __setstate__(self, state):
        # Built when it is needed: where Keras cannot compute, unpickling must not fail, or a pool
        # of processes would lose the task, and its caller wait for ever.
        self.__init__(**state)

    def _new_model(self):
        weights, model = self._weights, self.build(**self.architecture)
        if weights is not None:
            model.set_weights(weights)
        return model

    def _to(self, layer, output):
        return self._get((layer, output), lambda: Forward(self.model, layer, output))

    def _get(self, key, make):
        if key not in self._compiled:
            check_usable()
            # Waiting saves work, but no thread depends on it: compiling changes nothing shared.
            waited = self._compiling.acquire(timeout=LONGEST_WAIT)
            try:
                if key not in self._compiled:
                    self._compiled.setdefault(key, make())
            finally:
                if waited:
                    self._compiling.release()
        return self._compiled[key]


def cross_entropy(logits, labels):
    """Return the cross-entropy of each sample in float64, from logits and int labels.

    >>> cross_entropy(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    array([0.6931])
    """
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(axis=1))
    return log_total - shifted[np.arange(len(labels)), labels]
