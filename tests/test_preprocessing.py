"""Normalisation does not depend on the unit, and says where float64 ends."""

import numpy as np
import pytest

from lstmfcn.preprocessing import Normalizer, to_keras

KINDS = ["dataset", "series"]
X = np.random.RandomState(0).normal(size=(6, 2, 40))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", [1e-140, 1e-15, 1e-6, 1e15, 1e140])
def test_the_unit_of_the_data_changes_nothing(kind, unit):
    expected = Normalizer.fit(kind, X)(X)
    scaled = Normalizer.fit(kind, unit * X)(unit * X)
    np.testing.assert_allclose(scaled, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(expected.std(), 1.0, rtol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_variation_on_a_large_offset_is_no_constant(kind):
    shifted = 1e9 + 1e-6 * X
    np.testing.assert_allclose(Normalizer.fit(kind, shifted)(shifted).std(), 1.0, rtol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_in_any_unit_becomes_zero(kind):
    constant = np.full((500, 1, 40), 1e-15 / 3)
    assert np.abs(Normalizer.fit(kind, constant)(constant)).max() < 1e-15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.finfo(float).max, -1e200])
def test_a_value_whose_square_overflows_is_refused(kind, value):
    broken = X.copy()
    broken[3, 1, 5] = value
    with pytest.raises(ValueError) as caught:
        to_keras(broken, 40, Normalizer.fit(kind, broken), None)
    assert str(caught.value) == (
        f"channel 1 has values of up to {abs(value):.3g}, whose standard deviation cannot be "
        "computed in float64; rescale it, or leave out values that stand for a missing one."
    )


def test_values_too_large_for_the_network_are_refused_without_normalisation():
    with pytest.raises(ValueError, match="are too large for float32 arithmetic; rescale X"):
        to_keras(1e18 * X, 40, Normalizer(None), None)
