"""Are many clips read into a mapped file, with the same numbers as in memory?"""

import numpy as np
import pytest
from mer_folder import write_mer_folder

from lstmfcn.emotion import EmotionRecipe, SequencePreprocessor
from lstmfcn.emotion.track_data import load_track_data
from lstmfcn.features import mapped
from lstmfcn.pages import is_memory_mapped


@pytest.fixture
def small_memory(monkeypatch):
    monkeypatch.setattr(mapped, "LARGEST_IN_MEMORY", 1000)


@pytest.mark.parametrize("column", [None, "speaker"])
def test_a_track_is_mapped_where_it_is_large(tmp_path, monkeypatch, column):
    root = write_mer_folder(tmp_path / "toy")
    recipe = EmotionRecipe(["tone"], "fcn", n_timepoints=9, standardize_by=column)
    expected = load_track_data(root, "full", recipe)
    monkeypatch.setattr(mapped, "LARGEST_IN_MEMORY", 2000)
    data = load_track_data(root, "full", recipe)
    assert is_memory_mapped(data.train.X) and not is_memory_mapped(data.tests["test"].X)
    np.testing.assert_array_equal(data.train.X, expected.train.X)
    np.testing.assert_array_equal(data.tests["test"].X, expected.tests["test"].X)


def test_nothing_is_left_in_the_folder(tmp_path, monkeypatch, small_memory):
    monkeypatch.setattr(mapped.tempfile, "tempdir", str(tmp_path))
    X = SequencePreprocessor("resample").fit_transform([np.ones((40, 5)), np.zeros((60, 5))])
    assert is_memory_mapped(X) and X.shape == (2, 5, 50) and not list(tmp_path.iterdir())


def test_a_full_disk_is_a_sentence(monkeypatch, small_memory):
    monkeypatch.setattr(mapped.os, "posix_fallocate", _full)
    with pytest.raises(OSError) as raised:
        mapped.empty_float32((1000, 1000))
    assert "the clips take 0.0 GB as series, but the folder for temporary files" in str(
        raised.value
    )
    assert str(raised.value).endswith("name another one by the environment variable TMPDIR.")


def _full(*_):
    raise OSError(28, "No space left on device")
