"""Memory-mapped series are read batch by batch; half precision is for training alone."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import make_series

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier, pages
from lstmfcn.networks.builders import build_alstmfcn
from lstmfcn.networks.fitted import memory_errors_explained
from lstmfcn.pages import Pages, is_memory_mapped
from lstmfcn.preprocessing import OnDemand
from lstmfcn.training import candidates, precision

SMALL = {"n_filters": (4, 6, 4), "n_epochs": 3, "batch_size": 8, "random_state": 0}


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        (np.float32, {}),
        (np.float64, {"normalization": "series"}),
        (np.float16, {"unequal_length": "pad"}),
        (np.int16, {"unequal_length": "resample"}),
    ],
)
def test_a_memory_mapped_array_gives_the_fit_of_the_same_array_in_memory(dtype, options, tmp_path):
    X, y = make_series()
    X = (100 * X).astype(dtype)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    parameters = {**SMALL, **options}
    clf = FCNClassifier(**parameters).fit(mapped, y)
    expected = FCNClassifier(**parameters).fit(X, y)
    assert isinstance(clf._inputs(mapped)[0], OnDemand)
    np.testing.assert_array_equal(clf.predict_proba(mapped), expected.predict_proba(X))


@pytest.mark.parametrize("option", ["validation_fraction", "sample_weight", "class_weight"])
def test_choosing_rows_of_a_map_reads_nothing(option, tmp_path, monkeypatch):
    X, y = make_series()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    parameters, weights = dict(SMALL), None
    if option == "validation_fraction":
        parameters["validation_fraction"] = 0.3
    elif option == "sample_weight":
        weights = (np.arange(len(y)) % 5 > 0).astype(float)
    else:
        y = np.where(np.arange(len(y)) % 3 == 0, "left out", y)
        parameters["class_weight"] = {"left out": 0.0}
    expected = FCNClassifier(**parameters).fit(X, y, weights).predict_proba(X)
    seen = []
    train = candidates.train

    def watched(model, inputs, *arguments, **others):
        seen.append(type(inputs[0]))
        return train(model, inputs, *arguments, **others)

    monkeypatch.setattr(candidates, "train", watched)
    clf = FCNClassifier(**parameters, checkpoint=tmp_path).fit(mapped, y, weights)
    np.testing.assert_array_equal(clf.predict_proba(mapped), expected)
    assert seen == [OnDemand]


def test_two_dimensional_and_sliced_maps_are_maps(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((6, 30)))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert is_memory_mapped(mapped) and is_memory_mapped(mapped[2:, np.newaxis])
    assert is_memory_mapped(np.asarray(mapped))
    assert not is_memory_mapped(mapped[[1, 2]])
    assert not is_memory_mapped(np.array(mapped))


def test_changes_that_no_file_has_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "MOST_HELD", 0)
    np.save(tmp_path / "X.npy", np.zeros((6, 1, 3000)))
    for mode, expected in (("c", 1.0), ("r+", 1.0), ("r", 1.0)):
        mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
        if mode != "r":
            mapped[:] = 1.0
        Pages(mapped[:, :, ::2]).read(1)
        assert (mapped == expected).all()


def test_a_bad_value_in_a_map_is_found_by_its_place(tmp_path):
    X, y = make_series()
    X[17, 0, 3] = np.nan
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    with pytest.raises(ValueError, match="first in series 17 at channel 0, timepoint 3"):
        FCNClassifier(**SMALL).fit(mapped, y)


GROWTH = """
import numpy as np, sys
from lstmfcn import FCNClassifier, pages
pages.MOST_HELD = 2**24
def resident():
    lines = open("/proc/self/status").read().splitlines()
    found = dict(line.split(":") for line in lines if line.startswith("Rss"))
    return [int(found[name].split()[0]) // 1024 for name in ("RssAnon", "RssFile")]  # MiB
rng = np.random.RandomState(0)
small = rng.normal(size=(64, 500)).astype(np.float32)
y = np.arange(64) % 2
small_net = {"n_filters": (4,), "kernel_sizes": (3,), "n_epochs": 1, "random_state": 0}
small_net |= {"views": ("values",), "rocket": False}
clf = FCNClassifier(batch_size=64, **small_net).fit(small, y)
clf.predict(small)
before = resident()
X = np.lib.format.open_memmap(sys.argv[1], "w+", np.float32, (50_000, 500))  # 95 MiB
X.reshape(25, 2000, 500)[:] = rng.normal(size=(2000, 500))
del X
X = np.load(sys.argv[1], mmap_mode="r")
clf = FCNClassifier(batch_size=1024, **small_net)
peak = [0, 0]
import keras
class Watch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        peak[:] = map(max, peak, resident())
clf.set_params(callbacks=[Watch()])
clf.fit(X, np.arange(len(X)) % 2)
print(*(most - one for most, one in zip(peak, before)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_training_from_a_map_adds_little_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path / "X.npy")],
        check=True,
        capture_output=True,
        text=True,
    )
    own, of_files = map(int, done.stdout.split())
    assert own < 75  # MiB; one copy would be 95
    assert of_files < 60  # of which the libraries that training loads are 10


# Precision


@pytest.mark.parametrize("cls", [LSTMFCNClassifier, ALSTMFCNClassifier])
def test_half_precision_learns_the_same_and_answers_in_float32(cls):
    X, y = make_series(n_samples=60)
    parameters = {**SMALL, "n_epochs": 40}
    single = cls(**parameters, precision="float32").fit(X, y)
    half = cls(**parameters, precision="bfloat16").fit(X, y)
    assert (single.precision_, half.precision_) == ("float32", "bfloat16")
    assert half.history_["loss"][0] == pytest.approx(single.history_["loss"][0], rel=0.02)
    assert half.history_["loss"] != single.history_["loss"]
    assert single.score(X, y) >= 0.85
    assert half.score(X, y) == pytest.approx(single.score(X, y), abs=0.06)
    assert {v.dtype for v in half.model_.weights} == {"float32"}
    assert {layer.compute_dtype for layer in half.model_.layers} == {"float32"}


def test_the_policies_come_back_also_after_an_error():
    model = build_alstmfcn(20, 1, 2, n_filters=(4, 4, 4))
    with pytest.raises(RuntimeError), precision.computing_in("bfloat16", model):
        assert model.get_layer("conv_1").compute_dtype == "bfloat16"
        assert model.get_layer("norm_3").compute_dtype == "bfloat16"
        assert model.get_layer("attention").compute_dtype == "float32"
        assert model.get_layer("logits").compute_dtype == "float32"
        raise RuntimeError
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


@pytest.mark.parametrize(
    "cpuinfo, expected",
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_bf16\n", "bfloat16"),
        ("flags\t\t: fpu avx2\n", "float32"),
        ("Features\t: fp asimd\n", "float32"),
        (None, "float32"),
    ],
)
def test_auto_asks_the_processor(cpuinfo, expected, tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        path.write_text(cpuinfo)
    monkeypatch.setattr(precision, "Path", lambda _: path)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    precision.has_fast_bfloat16.cache_clear()
    try:
        assert precision.resolve_precision("auto") == expected
        assert precision.resolve_precision("bfloat16") == "bfloat16"
    finally:
        precision.has_fast_bfloat16.cache_clear()


@pytest.mark.parametrize("capability, expected", [((8, 0), True), ((9, 0), True), ((7, 5), False)])
def test_auto_asks_the_gpu(capability, expected, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"])
    details = {"compute_capability": capability}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    precision.has_fast_bfloat16.cache_clear()
    try:
        assert precision.has_fast_bfloat16() is expected
    finally:
        precision.has_fast_bfloat16.cache_clear()


def test_exhausted_memory_becomes_a_sentence():
    with pytest.raises(MemoryError) as caught, memory_errors_explained("this", "lower that"):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    assert str(caught.value) == "the memory does not suffice for this; lower that."
