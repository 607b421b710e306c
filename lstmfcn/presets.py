"""Which constructor arguments reproduce a published protocol?"""

PAPER = {
    "n_cells": (8, 64, 128),
    "n_filters": (128, 256, 128),
    "kernel_sizes": (8, 5, 3),
    "n_steps": None,
    "dilation_rates": None,
    "views": ("values",),
    "rocket": False,
    "dropout": 0.8,
    "occlusion": 0.0,
    "recurrent_activation": "hard_sigmoid",
    "normalization": "series",
    "n_epochs": 2000,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "schedule": "plateau",
    "keep_weights": "best",
    "class_weight": "balanced",
}
"""The fair rerun of LSTM-FCN and ALSTM-FCN: ``LSTMFCNClassifier(**PAPER)``.

Networks are trained for 2000 epochs. The training loss alone decides when the learning rate falls,
which weights are kept and how many cells there are; nothing sees the test split. For the published
attention layer add ``attention="paper"``: ``ALSTMFCNClassifier(**PAPER, attention="paper")``.
Karim et al., "LSTM Fully Convolutional
Networks for Time Series Classification", 2018, arXiv:1709.05206, and "Insights into LSTM Fully
Convolutional Networks for Time Series Classification", 2019, arXiv:1902.10756.
"""

PAPER_FCN = {
    name: value
    for name, value in PAPER.items()
    if name not in ("n_cells", "dropout", "recurrent_activation")
}
"""The same protocol for the ablation without the LSTM: ``FCNClassifier(**PAPER_FCN)``."""
