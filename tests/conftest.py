"""What do all tests share? Quiet TensorFlow, real data if it is there, small fitted classifiers."""

import contextlib
import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
# Small networks gain nothing by a second thread, and `make test` has a process for each core.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import joblib
import numpy as np
import pytest


def real_data():
    """Return the folder of real data, or None."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("LSTMFCN_DATA", root.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def ucr_archive():
    """The zip with part of the UCR archive."""
    folder = real_data()
    if folder is None or not (folder / "ucr" / "ucr2018-subset.zip").is_file():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds ucr/")
    return folder / "ucr" / "ucr2018-subset.zip"


# Repetitions of endurance tests, marked soak: few in `make test`, 100 in `make soak`.
SOAK = int(os.environ.get("LSTMFCN_SOAK", 1))
SMALL = {"n_filters": (8, 8, 8), "n_epochs": 2, "random_state": 0}
# Without what takes longest to trace, where a test is about something else.
PLAIN = {"views": ("values",), "rocket": False}
BROWSER = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
_fitted = {}


def make_series(n_samples=30, n_channels=1, n_timepoints=24, n_classes=2, seed=0):
    """Return (X, y): noise, with a bump whose place tells the class; string labels."""
    rng = np.random.RandomState(seed)
    y = np.arange(n_samples) % n_classes
    X = rng.normal(size=(n_samples, n_channels, n_timepoints))
    width = n_timepoints // n_classes
    for i, label in enumerate(y):
        X[i, :, label * width : label * width + max(2, width // 2)] += 3.0
    return X, np.array([f"class {label}" for label in y])


def fitted_once(classifier, X, y, **parameters):
    """Return a classifier fitted on (X, y): of the same arguments the same object in all tests.

    Who changes it takes a copy: ``copy.deepcopy(fitted_once(...))``.
    """
    key = joblib.hash((classifier.__name__, X, y, parameters))
    if key not in _fitted:
        _fitted[key] = classifier(**parameters).fit(X, y)
    return _fitted[key]


def make_unequal(**kwargs):
    """Return a list of series of unequal length, and labels."""
    X, y = make_series(**kwargs)
    rng = np.random.RandomState(1)
    shortest = X.shape[2] - 6
    return [x[:, : rng.randint(shortest, X.shape[2] + 1)] for x in X], y


def refusal(call):
    """Return the sentence with which a call is refused."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    return str(caught.value)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Return a driver of headless Chromium."""
    if None in BROWSER.values():
        pytest.skip("no browser: install chromium and chromedriver (Debian: chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER["chromium"]
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        f"--disable-dev-shm-usage --window-size=1200,1000 --user-data-dir={profile}"
    ).split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(BROWSER["chromedriver"])
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


class Killed(BaseException):
    """Stands for a kill: nothing in the package catches it."""


@pytest.fixture
def kill_after(monkeypatch):
    """Write each time; kill the training at the n-th one, after or before its write."""
    from lstmfcn.training import batches
    from lstmfcn.training.checkpoint import Checkpoint

    monkeypatch.setattr(batches, "MOST_TOGETHER", 1)  # gaps are drawn for updates that go together

    def set_up(n, before_writing=False):
        count = [0]

        def write_if_due(self, make_state):
            if self.path is None:
                return
            count[0] += 1
            if count[0] == n and before_writing:
                raise Killed
            self.write(make_state())
            if count[0] == n:
                raise Killed

        monkeypatch.setattr(Checkpoint, "write_if_due", write_if_due)

    return set_up


def assert_equal_fits(a, b):
    for ours, theirs in zip(a.model_.get_weights(), b.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert a.history_.keys() == b.history_.keys()
    for key in a.history_.keys() - {"epoch_seconds"}:
        assert a.history_[key] == b.history_[key], key
    assert a.get_params().keys() == b.get_params().keys()


@contextlib.contextmanager
def narrow_networks():
    """Let LSTM-FCN and ALSTM-FCN have fewer filters and one view by default, to save time."""
    from lstmfcn import ALSTMFCNClassifier, LSTMFCNClassifier

    with pytest.MonkeyPatch.context() as patch:
        for cls in (LSTMFCNClassifier, ALSTMFCNClassifier):
            defaults = cls.__init__.__kwdefaults__
            assert defaults["n_filters"] == (64, 128, 64)
            patch.setitem(defaults, "n_filters", (32, 64, 32))
            patch.setitem(defaults, "views", ("values",))
            patch.setitem(defaults, "rocket", False)
        yield
