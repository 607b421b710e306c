"""Which optimiser and learning-rate schedule train a network?"""

import numpy as np

from lstmfcn.networks.backend import float32_numbers, keras, tf

PLATEAU_FACTOR, PLATEAU_PATIENCE, PLATEAU_MINIMUM = 2 ** (-1 / 3), 100, 1e-4  # the paper's
WARM_UP, START_DIVISOR = 0.3, 25  # of the one-cycle schedule: Smith, Topin, arXiv:1708.07120


@keras.saving.register_keras_serializable(package="lstmfcn")
class FusedAdam(keras.optimizers.Adam):
    """Adam with Keras' numbers and variables, updating each weight in one kernel on TensorFlow.

    Keras composes the update of a dozen elementwise operations. For small batches that is as much
    work as the convolutions (Kingma, Ba, 2015, arXiv:1412.6980).

    >>> weight, adam = keras.Variable([1.0, 2.0]), FusedAdam(0.1)
    >>> adam.apply([keras.ops.array([1.0, -1.0])], [weight])
    >>> weight.numpy().round(4)
    array([0.9, 2.1], dtype=float32)
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Return the gradients as they are: there is one replica.

        Keras would sum them over replicas by a custom gradient, which TensorFlow keeps for ever
        with the graph that it is traced in: some 10 MB for each training.
        """
        return grads_and_vars

    def apply(self, grads, trainable_variables=None):
        """Move all variables against their gradients."""
        t = keras.ops.cast(self.iterations + 1, "float32")
        self._powers = self.beta_1**t, self.beta_2**t  # the same for every weight
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable against its gradient."""
        if self.amsgrad or keras.backend.backend() != "tensorflow":
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def make_optimizer(schedule, learning_rate, n_updates):
    """Return Adam with the schedule's learning rate per update, of ``n_updates`` in all.

    "one_cycle": linear warm-up over three tenths of the updates, from a 25th of the rate, then
    cosine to zero. "plateau" and "constant" start constant, and callbacks may change the rate.
    """
    rate = learning_rate
    if schedule == "one_cycle":
        warm_up = int(WARM_UP * n_updates)
        # NumPy's numbers keep their precision; Keras would give a float that of the user's floatx.
        peak = np.float32(rate)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=np.float32(rate / START_DIVISOR) if warm_up else peak,
            warmup_target=peak if warm_up else None,
            warmup_steps=warm_up,
            decay_steps=max(1, n_updates - warm_up),
        )
    with float32_numbers():
        return FusedAdam(rate, name="adam")  # one name for all, see backend.py


def plateau_callback(learning_rate):
    """Return the paper's schedule: times 2^(-1/3) after 100 epochs without progress, to 1e-4."""
    return keras.callbacks.ReduceLROnPlateau(
        monitor="loss",
        factor=PLATEAU_FACTOR,
        patience=PLATEAU_PATIENCE,
        min_lr=min(PLATEAU_MINIMUM, learning_rate),
    )
