"""What do a training run and its decisions look like? Displays over plain arrays (no Keras)."""

from lstmfcn.plots.attention import AttentionDisplay
from lstmfcn.plots.history import HistoryDisplay

__all__ = ["AttentionDisplay", "HistoryDisplay"]
