"""What users set in their own process for other models changes nothing here, or is refused."""

import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import PLAIN, SOAK, fitted_once, make_series, make_unequal

import lstmfcn
from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.multimodal import AttentionFusionClassifier, FusionClassifier

SMALL = {"n_filters": (4,), "kernel_sizes": (3,), "n_epochs": 1, "random_state": 0}
TWO_BLOCKS = {**SMALL, "n_filters": (4, 6), "kernel_sizes": (3, 2)}
SETTINGS = {
    "half": {
        "floatx": "float16",
        "dtype_policy": "mixed_float16",
        "image_data_format": "channels_first",
        "epsilon": 1e-2,
    },
    "double": {"floatx": "float64", "dtype_policy": "float64"},
}
MODELS = {
    "FCN, constant rate": (
        make_series,
        lambda: FCNClassifier(**PLAIN, **TWO_BLOCKS, squeeze_excite=True, schedule="constant"),
    ),
    "LSTM-FCN, padded": (make_unequal, lambda: LSTMFCNClassifier(**PLAIN, **SMALL, occlusion=0.3)),
    "ALSTM-FCN": (make_series, lambda: ALSTMFCNClassifier(**SMALL)),
    "ALSTM-FCN, published": (
        lambda: make_series(n_channels=2),
        lambda: ALSTMFCNClassifier(**PLAIN, **SMALL, attention="paper"),
    ),
}


@pytest.fixture
def set_keras(settings):
    """Set some of keras.config for the test; it must find them as they were set."""
    wanted = SETTINGS[settings]
    before = {name: getattr(keras.config, name)() for name in wanted}

    def set_all(values):
        for name, value in values.items():
            getattr(keras.config, f"set_{name}")(value)

    yield lambda: set_all(wanted)
    for name, value in wanted.items():
        found = getattr(keras.config, name)()
        assert (found.name if name == "dtype_policy" else found) == value
    set_all(before)


@functools.cache
def undisturbed(name):
    """Answers of a model, fitted and fine-tuned with Keras as it comes."""
    make, new = MODELS[name]
    X, y = make()
    clf = new().fit(X, y)
    first = clf.predict_proba(X)
    clf.fine_tune(X, y, n_epochs=1, n_iterations=1)
    return X, y, first, clf.predict_proba(X), clf


@pytest.mark.parametrize(
    ("name", "settings"), [*((name, "half") for name in MODELS), ("LSTM-FCN, padded", "double")]
)
def test_keras_settings_change_no_number(name, settings, set_keras, tmp_path):
    X, y, first, second, fitted = undisturbed(name)
    fitted.save(tmp_path / "model.lstmfcn")
    set_keras()
    again = MODELS[name][1]().fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), first)
    again.fine_tune(X, y, n_epochs=1, n_iterations=1)
    np.testing.assert_array_equal(again.predict_proba(X), second)
    loaded = lstmfcn.load(tmp_path / "model.lstmfcn")
    np.testing.assert_array_equal(loaded.predict_proba(X), second)
    np.testing.assert_array_equal(loaded.gradient_map(X), fitted.gradient_map(X))


@pytest.mark.parametrize("settings", ["half"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: FusionClassifier(LSTMFCNClassifier(**SMALL), random_state=0),
        lambda: AttentionFusionClassifier("frame", n_epochs=2, n_hidden=8, random_state=0),
    ],
)
def test_keras_settings_change_no_fusion(make, settings, set_keras):
    X, y = make_series()
    both = {"first": X, "second": X[:, :, ::-1].copy()}
    expected = make().fit(both, y).predict_proba(both)
    set_keras()
    np.testing.assert_array_equal(make().fit(both, y).predict_proba(both), expected)


def test_names_that_keras_gives_to_the_users_layers_go_on_behind_ours():
    clf = fitted_once(FCNClassifier, *make_series(), **SMALL)
    features = clf.model_.get_layer("features").output
    own = keras.Model(clf.model_.inputs, keras.ops.sum(2.0 * features + 1.0, axis=1))
    assert own.output.shape == (None, 8)


def test_a_network_is_not_built_in_the_scope_of_a_strategy():
    X, y = make_series()
    fitted = fitted_once(FCNClassifier, X, y, **SMALL)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        with pytest.raises(RuntimeError) as caught:
            FCNClassifier(**SMALL).fit(X, y)
        assert fitted.predict(X).shape == y.shape
    assert str(caught.value) == (
        "networks cannot be built within the scope of a distribution strategy; call fit, fine_tune "
        "and load outside of it."
    )


def run(code, *options, **environment):
    """Run code in a fresh process, without a TensorFlow level; return code, output, error."""
    env = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**env, **environment},
        capture_output=True,
        text=True,
        timeout=300,  # only a process that hangs takes so long
    )
    return done.returncode, done.stdout, done.stderr


FIT = """
import numpy as np
from lstmfcn import FCNClassifier
X, y = np.random.RandomState(0).normal(size=(20, 12)), np.arange(20) % 2
clf = FCNClassifier(n_epochs=1, n_filters=(4,), kernel_sizes=(3,), random_state=0)
"""


# As `python -OO`, for this package alone: all of TensorFlow would be compiled anew, too.
STRIPPED = """
from importlib.machinery import SourceFileLoader
get_code = SourceFileLoader.get_code
def without_docstrings(self, name):
    if name.partition(".")[0] != "lstmfcn":
        return get_code(self, name)
    path = self.get_filename(name)
    return compile(self.get_data(path), path, "exec", dont_inherit=True, optimize=2)
SourceFileLoader.get_code = without_docstrings
"""


def test_training_is_silent_and_docstrings_may_be_stripped():
    code = STRIPPED + FIT + "print(clf.fit(X, y).score(X, y) > 0, clf.__doc__)"
    assert run(code) == (0, "True None\n", "")


def test_remarks_come_where_the_user_has_asked_for_them():
    *_, error = run("import lstmfcn.classifiers", TF_CPP_MIN_LOG_LEVEL="0")
    assert "oneDNN" in error or "CPU instructions" in error


def test_another_backend_is_refused_where_keras_is_imported():
    code, _, error = run("import lstmfcn.classifiers", KERAS_BACKEND="numpy")
    assert code == 1
    assert error.splitlines()[-1] == (
        "ImportError: lstmfcn needs Keras on 'tensorflow', not on 'numpy'; set "
        "KERAS_BACKEND=tensorflow (or 'backend' in keras.json) before Keras is imported."
    )


ONE_PROCESS = f"""
import sys
sys.stderr = None
{FIT}
clf.set_params(verbose=2).fit(X, y)
print(clf.n_epochs_)

import multiprocessing, os, warnings
warnings.simplefilter("ignore")
def ask(method):
    try:
        return getattr(clf, method)(*(X, y)[: 1 + (method == "fit")])
    except RuntimeError as error:
        return str(error)
if hasattr(os, "fork"):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        for method in ("predict", "fit"):
            print(pool.apply(ask, (method,)))
        try:
            pool.apply(clf.predict, (X,))  # pickled on its way
        except RuntimeError as error:
            print(error)

import tensorflow as tf
tf.compat.v1.disable_eager_execution()
print(ask("fit"))
"""


@pytest.fixture(scope="module")
def lines():
    """What one process prints that has no standard error, then forks, then leaves eager mode."""
    code, output, _ = run(ONE_PROCESS)
    assert code == 0
    return output.splitlines()


def test_a_process_without_standard_error_trains(lines):
    assert lines[0] == "1"


def test_graph_mode_is_refused_in_a_sentence(lines):
    assert lines[-1] == (
        "lstmfcn needs TensorFlow's eager mode; call it outside of tf.function and without "
        "tf.compat.v1.disable_eager_execution()."
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_that_is_forked_after_use_says_why_it_cannot_compute(lines):
    sentence = (
        "this process was forked from one that has used TensorFlow, whose threads do not survive "
        "a fork; start processes with multiprocessing.get_context('spawn'), or use joblib's "
        "default backend."
    )
    assert lines[1:-1] == [sentence] * 3


GROWTH = """
import gc, sys
import numpy as np
import lstmfcn
X, y = np.random.RandomState(0).normal(size=(16, 12)), np.arange(16) % 2

def megabytes():
    gc.collect()
    lines = dict(line.split(":") for line in open("/proc/self/status"))
    return int(lines["RssAnon"].split()[0]) / 1024

def fit(n):
    for _ in range(n):
        clf = getattr(lstmfcn, sys.argv[1])(n_epochs=1, n_filters=(4, 4, 4), random_state=0)
        clf.fit(X, y).fine_tune(X, y, n_epochs=1, n_iterations=1)

fit(2)
before = megabytes()
fit(int(sys.argv[2]))
print(megabytes() - before)
"""


@pytest.mark.soak
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux' /proc")
@pytest.mark.parametrize(
    "name", ["LSTMFCNClassifier", "ALSTMFCNClassifier"] if SOAK > 1 else ["LSTMFCNClassifier"]
)
def test_fits_do_not_keep_memory(name):
    n_fits = 3 * SOAK
    code = GROWTH.replace("sys.argv[1]", repr(name)).replace("sys.argv[2]", str(n_fits))
    _, output, error = run(code, MALLOC_ARENA_MAX="1", TF_CPP_MIN_LOG_LEVEL="3")
    assert float(output) < 20 + 0.2 * n_fits, error  # MB; 12 a fit while trainings kept graphs
