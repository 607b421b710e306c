"""What are FCN, LSTM-FCN and ALSTM-FCN as Keras models, and how does a fitted one answer?"""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {"lstmfcn.networks.builders": ("build_alstmfcn", "build_fcn", "build_lstmfcn")},
)
