"""Are many clips read into a mapped file, with the same numbers as in memory?"""

import numpy as np
import pytest
from mer_folder import write_mer_folder
from sklearn.linear_model import LogisticRegression

from lstmfcn import FCNClassifier
from lstmfcn.emotion import EmotionRecipe, FusionClassifier, SequencePreprocessor
from lstmfcn.emotion.track_data import load_track_data
from lstmfcn.features import mapped
from lstmfcn.meta import AugmentedClassifier, PseudoLabelClassifier
from lstmfcn.meta.rows import join_rows
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


def mapped_copy(X, tmp_path, name="X"):
    """Return X as a memory-mapped array."""
    np.save(tmp_path / f"{name}.npy", X)
    return np.load(tmp_path / f"{name}.npy", mmap_mode="r")


@pytest.fixture
def seen(monkeypatch):
    """Return the X of each fit of LogisticRegression on pooled series."""

    def fit(self, X, y, sample_weight=None):
        seen.append(X)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.tile([0.9, 0.1], (len(X), 1))

    seen = []
    monkeypatch.setattr(LogisticRegression, "fit", fit)
    monkeypatch.setattr(LogisticRegression, "predict_proba", predict_proba)
    return seen


@pytest.mark.parametrize(
    "make",
    [
        lambda: AugmentedClassifier(LogisticRegression(), n_copies=2, random_state=0),
        lambda: AugmentedClassifier(LogisticRegression(), mixup=0, crop=0.5, random_state=0),
        lambda: PseudoLabelClassifier(LogisticRegression(), n_members=2, random_state=0),
    ],
)
def test_what_is_made_of_a_mapped_array_is_mapped(make, seen, tmp_path, small_memory):
    X = np.random.default_rng(0).normal(size=(30, 2, 8)).astype(np.float32)
    y = np.where(np.arange(30) < 20, np.arange(30) % 2, -1)
    if isinstance(make(), AugmentedClassifier):
        X, y = X[:20], y[:20]
    make().fit(X, y)
    in_memory, seen[:] = list(seen), []
    make().fit(mapped_copy(X, tmp_path), y)
    assert len(seen) == len(in_memory) > 0
    for ours, expected in zip(seen, in_memory, strict=True):
        assert is_memory_mapped(ours) and not is_memory_mapped(expected)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


def test_babble_and_early_fusion_of_mapped_arrays(tmp_path, small_memory):
    rng = np.random.default_rng(0)
    X = {name: rng.normal(size=(30, n, 8)).astype(np.float32) for name, n in (("a", 2), ("b", 3))}
    y = np.arange(30) % 2
    mapped_X = {name: mapped_copy(x, tmp_path, name) for name, x in X.items()}
    joined = join_rows([mapped_X, X])
    assert is_memory_mapped(joined["b"]) and not is_memory_mapped(join_rows([X, X])["b"])
    np.testing.assert_array_equal(joined["b"], np.concatenate([X["b"], X["b"]]))
    network = FCNClassifier(n_filters=(2, 2, 2), rocket=False, n_epochs=1)
    classifier = FusionClassifier(network, fusion="early", random_state=0)
    answers = [classifier.fit(x, y).predict_proba(x) for x in (X, mapped_X)]
    np.testing.assert_allclose(*answers, atol=1e-5)
