"""How are many small updates made in one call? Their batches lie one after the other."""

import math

import numpy as np

from lstmfcn.networks.backend import tf

MOST_TOGETHER, VALUES_TOGETHER = 32, 2**20  # updates, and values in them, in one call


def updates_at_a_time(inputs, batch_size):
    """Return how many updates to make in one call: as many as hold about 4 MiB of series."""
    values = sum(math.prod(array.shape[1:]) for array in inputs) * batch_size
    return max(1, min(MOST_TOGETHER, VALUES_TOGETHER // values))


def compile_loop(step, signature, n_told):
    """Compile ``step`` for batches that lie one after the other in arrays of rows.

    The function takes the arrays, of this signature, and the ends of the batches, from 0 on. It
    returns what each step tells, (n_batches, n_told).
    """

    @tf.function(input_signature=[*signature, tf.TensorSpec([None], tf.int32)], autograph=False)
    def steps(*arguments):
        # A loop in the graph: for small networks a call costs as much as an update.
        *rows, ends = arguments
        n_batches = tf.shape(ends)[0] - 1

        def go_on(batch, told):
            parts = (row[ends[batch] : ends[batch + 1]] for row in rows)
            return batch + 1, told.write(batch, step(*parts))

        start = tf.constant(0), tf.TensorArray(tf.float32, n_batches, element_shape=[n_told])
        _, told = tf.while_loop(lambda batch, _: batch < n_batches, go_on, start, None, 1)
        return told.stack()

    # Traced once here: calling the concrete function skips the dispatch at each call.
    return steps.get_concrete_function()


def laid_out(arrays, batches):
    """Return the rows of these batches, one after the other, and the batches' ends."""
    chosen = np.concatenate(batches)
    ends = np.cumsum([0, *map(len, batches)])
    return *(tf.constant(array[chosen]) for array in arrays), tf.constant(ends, tf.int32)
