"""How do several modalities decide together? One classifier, three ways, and a baseline.

Public names are imported at first use (PEP 562): the classifiers need Keras.
"""

import importlib

_HOME = {"AttentionFusionClassifier": "attention", "FusionClassifier": "classifier"}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"lstmfcn.emotion.fusion.{_HOME[name]}"), name)
    raise AttributeError(f"module 'lstmfcn.emotion.fusion' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
