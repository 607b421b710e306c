"""Classifiers and datasets as others write them, for sweeps: quick ones, and misbehaving ones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


def constant_series(n=4):
    """Return a split of n training and n test series of two classes."""
    y = np.arange(n) % 2
    X = np.tile(y[:, np.newaxis], (1, 5)).astype(float)
    return X, y, X, y


class Majority(ClassifierMixin, BaseEstimator):
    """Predicts the most frequent class; notes each fit in a file if it is given one."""

    def __init__(self, seconds=0.0, journal=None, random_state=None):
        self.seconds = seconds
        self.journal = journal
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        time.sleep(self.seconds)
        if self.journal is not None:
            with open(self.journal, "a", encoding="utf-8") as file:
                file.write(f"{len(X)} {self.random_state}\n")
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.shares_.argmax()])

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


class SavesInItsOwnWay(Majority):
    def save(self, path):
        raise FileNotFoundError("sktime's save makes another file than it is asked for")


class OnlyDecides(Majority):
    predict_proba = property(lambda self: self._no_such_attribute)


class NotANumber(Majority):
    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


class Raises(Majority):
    def fit(self, X, y):
        raise RuntimeError("the bottom\nfell out")


class RaisesOnce(Majority):
    """Fails until its journal exists."""

    def fit(self, X, y):
        if not Path(self.journal).exists():
            Path(self.journal).write_text("")
            raise RuntimeError("not yet")
        return super().fit(X, y)


class SpeaksHalf(Majority):
    """Fails with half a character, as a file's name may hold one."""

    def fit(self, X, y):
        raise ValueError("cannot read \udcff")


class IsSure(Majority):
    """Gives every class the same number as its probability."""

    def __init__(self, number=1.0):
        super().__init__()
        self.number = number

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), self.number)


class Draws(OnlyDecides):
    """Decides at random, and takes no random_state."""

    def __init__(self):
        super().__init__()

    def predict(self, X):
        return np.random.choice(self.classes_, len(X))  # noqa: NPY002


class ComesBackTwice(Majority):
    """Forks in its fit; the child goes on, too."""

    def fit(self, X, y):
        _note(self.journal, os.fork())
        return super().fit(X, y)


class Leaves(Majority):
    """Starts two processes that would last for minutes, one of them in a session of its own."""

    def fit(self, X, y):
        for apart in (False, True):
            _note(self.journal, subprocess.Popen(["sleep", "600"], start_new_session=apart).pid)
        return super().fit(X, y)


def _note(journal, pid):
    with open(f"{journal}.pids", "a", encoding="utf-8") as file:
        file.write(f"{pid}\n")


class Meddles(Majority):
    """Changes its process, and fails where it finds that another run has done so."""

    def fit(self, X, y):
        if "meddled" in (os.environ.get("MEDDLED"), *sys.path) or os.getcwd() == "/":
            raise RuntimeError("another run is felt")
        if signal.getsignal(signal.SIGUSR1) != signal.SIG_DFL:
            raise RuntimeError("another run's signal handler is felt")
        os.chdir("/")
        os.environ["MEDDLED"] = "meddled"
        sys.path.insert(0, "meddled")
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        return super().fit(X, y)


class Dies(Majority):
    """Takes its process with it; notes that it tried."""

    def fit(self, X, y):
        super().fit(X, y)
        os.kill(os.getpid(), signal.SIGKILL)


class Prints(Majority):
    """Talks on both streams, as libraries do."""

    def fit(self, X, y):
        print('{"record": {}, "bytes": 0}', flush=True)
        os.write(1, b"from below\n")
        return super().fit(X, y)
