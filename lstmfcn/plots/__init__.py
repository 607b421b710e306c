"""What do a training run and its decisions look like? Displays over plain arrays (no Keras)."""

from lstmfcn.plots.activation_maps import ActivationMapDisplay
from lstmfcn.plots.context import ContextDisplay
from lstmfcn.plots.decomposition import DecompositionDisplay
from lstmfcn.plots.faithfulness import FaithfulnessDisplay
from lstmfcn.plots.filters import FilterDisplay
from lstmfcn.plots.gallery import GalleryDisplay
from lstmfcn.plots.history import HistoryDisplay
from lstmfcn.plots.maps import MapDisplay
from lstmfcn.plots.mean_maps import MeanMapDisplay

__all__ = [
    "ActivationMapDisplay",
    "ContextDisplay",
    "DecompositionDisplay",
    "FaithfulnessDisplay",
    "FilterDisplay",
    "GalleryDisplay",
    "HistoryDisplay",
    "MapDisplay",
    "MeanMapDisplay",
]
