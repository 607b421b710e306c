"""Does Adam in one kernel move the weights as Keras' Adam does?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lstmfcn.training.optimizers import FusedAdam, make_optimizer


@pytest.mark.parametrize("rate", [1e-3, 0.3])
def test_twenty_updates_equal_those_of_keras(rate):
    rng = np.random.RandomState(0)
    start = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (5,))]
    ours, theirs = ([keras.Variable(value) for value in start] for _ in range(2))
    fused, plain = FusedAdam(rate), keras.optimizers.Adam(rate)
    for optimizer, variables in ((fused, ours), (plain, theirs)):
        optimizer.build(variables)
        rng = np.random.RandomState(1)
        for _ in range(20):
            gradients = [rng.normal(size=value.shape).astype(np.float32) for value in start]
            optimizer.apply([tf.constant(gradient) for gradient in gradients])
    # TensorFlow's kernel takes 1 - 0.999 in float32, which is 0.00100005.
    for a, b, origin in zip(ours, theirs, start, strict=True):
        np.testing.assert_allclose(a - origin, b - origin, rtol=1e-4, atol=1e-5 * rate)
    assert [v.shape for v in fused.variables] == [v.shape for v in plain.variables]
    for a, b in zip(fused.variables, plain.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-8)


def test_the_one_cycle_begins_at_a_25th_peaks_at_three_tenths_and_ends_at_zero():
    rate = make_optimizer("one_cycle", 1e-2, 1000)._learning_rate
    assert [float(rate(k)) for k in (0, 300, 1000)] == pytest.approx([4e-4, 1e-2, 0.0], abs=1e-9)
