"""How are FCN, LSTM-FCN and ALSTM-FCN built as Keras models, and how do fitted models predict?"""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {"lstmfcn.networks.builders": ("build_alstmfcn", "build_fcn", "build_lstmfcn")},
)
