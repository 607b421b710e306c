"""Do sequences get another length as MERTools, NumPy and arithmetic by hand want it?"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lstmfcn.lengths import interpolate, mean_pool, pool_or_pad, resample
from lstmfcn.moments import check_squares


def column(*values):
    """Return frames of one feature, (T, 1)."""
    return np.array(values, dtype=np.float64)[:, np.newaxis]


def counting(n_frames):
    return column(*range(1, n_frames + 1))


@pytest.mark.parametrize(
    "n_frames, n_timepoints, expected",
    [
        (3, 5, [0, 0, 1, 2, 3]),
        (7, 5, [0, 0.5, 2.5, 4.5, 6.5]),
        (10, 5, [1.5, 3.5, 5.5, 7.5, 9.5]),
        (7, 2, [1.5, 5.5]),
        (13, 3, [1.2, 6, 11]),
        (5, 5, [1, 2, 3, 4, 5]),
        (4, 1, [2.5]),
    ],
)
def test_the_golden_vectors_of_mertools(n_frames, n_timepoints, expected):
    found = pool_or_pad(counting(n_frames), n_timepoints)
    assert_allclose(found.ravel(), expected, rtol=1e-15)
    both = np.concatenate([counting(n_frames), -counting(n_frames)], axis=1).astype(np.float32)
    assert_allclose(pool_or_pad(both, n_timepoints), np.c_[expected, -np.array(expected)])
    assert pool_or_pad(both, n_timepoints).dtype == np.float32


@pytest.mark.parametrize(
    "n_frames, n_timepoints, expected",
    [(7, 3, [2, 5, 7]), (7, 7, range(1, 8)), (3, 5, [1, 2, 3]), (8, 4, [1.5, 3.5, 5.5, 7.5]),
     (9, 4, [2, 5, 8]), (5, 1, [3])],
)  # fmt: skip
def test_mean_pool(n_frames, n_timepoints, expected):
    assert_allclose(mean_pool(counting(n_frames), n_timepoints).ravel(), list(expected))


def test_mean_pool_never_exceeds_the_length():
    for n_frames in range(1, 60):
        for n_timepoints in range(1, 60):
            found = mean_pool(counting(n_frames), n_timepoints)
            assert 1 <= len(found) <= n_timepoints
            assert found[0] >= 1 and found[-1] <= n_frames


@pytest.mark.parametrize(
    "values, n_timepoints, expected",
    [([0, 2, 3], 5, [0, 1, 2, 2.5, 3]), ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([7], 3, [7, 7, 7]),
     ([1, 5], 1, [1]), ([1, 2], 2, [1, 2])],
)  # fmt: skip
def test_resample(values, n_timepoints, expected):
    assert_allclose(resample(column(*values), n_timepoints).ravel(), expected)


def test_resample_is_numpys_interpolation():
    frames = np.random.RandomState(0).normal(5, 2, size=(23, 3)).astype(np.float32)
    for n_timepoints in (5, 23, 24, 100):
        positions = np.linspace(0, 22, n_timepoints)
        expected = [np.interp(positions, np.arange(23), feature) for feature in frames.T]
        assert_allclose(resample(frames, n_timepoints), np.transpose(expected), atol=1e-5)
        assert_allclose(interpolate(frames.T, n_timepoints), expected, atol=1e-5)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: pool_or_pad(np.ones(3), 2), r"x is an array of shape \(3,\) and type float64; ex"),
        (lambda: mean_pool(np.ones((0, 2)), 2), r"shape \(0, 2\)"),
        (lambda: resample(np.array([["a"]]), 2), "type <U1; expected numbers of shape"),
        (lambda: pool_or_pad(counting(3), 0), "n_timepoints=0 must be a whole number"),
        (lambda: mean_pool(counting(3), 1.5), "n_timepoints=1.5 must be a whole number"),
        (lambda: resample(counting(3), True), "n_timepoints=True must be a whole number"),
        (lambda: check_squares([1.0, 1e200]), "channel 1 has values of up to 1e.200, whose stand"),
    ],
)
def test_sentences_about_functions(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
