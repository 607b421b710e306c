"""Classifiers as others write them, for sweeps: quick ones, and ones that misbehave."""

import os
import signal
import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


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
