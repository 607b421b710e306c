"""LSTM-FCN, ALSTM-FCN and FCN as scikit-learn classifiers for time series.

Public names are imported at first use: importing Keras takes seconds, importing ``lstmfcn`` must
not.
"""

from lstmfcn.lazy import lazy_names

__version__ = "0.2.0.dev0"
__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.classifiers": ("ALSTMFCNClassifier", "FCNClassifier", "LSTMFCNClassifier"),
        "lstmfcn.ensemble": ("LSTMFCNEnsemble",),
        "lstmfcn.loading": ("load",),
        "lstmfcn.onnx_model": ("OnnxClassifier", "OnnxRegressor"),
        "lstmfcn.regressor": ("LSTMFCNRegressor",),
        "lstmfcn.datasets": (),
        "lstmfcn.emotion": (),
        "lstmfcn.evaluation": (),
        "lstmfcn.meta": (),
        "lstmfcn.multimodal": (),
        "lstmfcn.plots": (),
        "lstmfcn.presets": (),
        "lstmfcn.zero_shot": (),
    },
)
