"""Is a resample another split of the same size, and always the same one?"""

import numpy as np
import pytest

from lstmfcn.evaluation import stratified_resample

Y_TRAIN = np.array(list("aaaabbbcc"))
Y_TEST = np.array(list("abbbbbccccccd"))


@pytest.mark.parametrize("index", [0, 1, 2, 29])
def test_each_class_keeps_its_size_and_every_series_is_used_once(index):
    train, test = stratified_resample(Y_TRAIN, Y_TEST, index)
    labels = np.concatenate([Y_TRAIN, Y_TEST])
    assert sorted(labels[train]) == sorted(Y_TRAIN) and sorted(labels[test]) == sorted(Y_TEST)
    assert sorted([*train, *test]) == list(range(len(labels)))


def test_the_first_is_the_archives_split():
    train, test = stratified_resample(Y_TRAIN, Y_TEST, 0)
    assert train.tolist() == list(range(9)) and test.tolist() == list(range(9, 22))


def test_an_index_determines_the_split():
    one, again, other = (stratified_resample(Y_TRAIN, Y_TEST, i) for i in (5, 5, 6))
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert set(one[0]) != set(other[0])
    # What others will draw with this version must be what was recorded with an older one.
    assert one[0].tolist() == [12, 15, 1, 0, 6, 10, 2, 9, 18]


@pytest.mark.parametrize("index", [-1, 0.5])
def test_what_is_no_index_is_refused(index):
    with pytest.raises(ValueError, match="is not a whole number of at least 0"):
        stratified_resample(Y_TRAIN, Y_TEST, index)
