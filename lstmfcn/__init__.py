"""LSTM-FCN, ALSTM-FCN and FCN as scikit-learn classifiers for time series.

Public names are imported at first use (PEP 562): importing Keras takes seconds, importing
``lstmfcn`` must not.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "ALSTMFCNClassifier": "lstmfcn.classifiers",
    "FCNClassifier": "lstmfcn.classifiers",
    "LSTMFCNClassifier": "lstmfcn.classifiers",
    "load": "lstmfcn.persistence",
}

__all__ = ["ALSTMFCNClassifier", "FCNClassifier", "LSTMFCNClassifier", "load"]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in ("datasets", "emotion", "evaluation", "plots", "presets"):
        return importlib.import_module(f"lstmfcn.{name}")
    raise AttributeError(f"module 'lstmfcn' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
