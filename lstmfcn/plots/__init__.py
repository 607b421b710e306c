"""What do a training run and its decisions look like? Displays over plain arrays (no Keras)."""

from lstmfcn.plots.activation_maps import ActivationMapDisplay
from lstmfcn.plots.comparison_matrix import ComparisonMatrixDisplay
from lstmfcn.plots.context import ContextDisplay
from lstmfcn.plots.cost import CostDisplay
from lstmfcn.plots.critical_difference import CriticalDifferenceDisplay
from lstmfcn.plots.decomposition import DecompositionDisplay
from lstmfcn.plots.faithfulness import FaithfulnessDisplay
from lstmfcn.plots.filters import FilterDisplay
from lstmfcn.plots.gallery import GalleryDisplay
from lstmfcn.plots.history import HistoryDisplay
from lstmfcn.plots.maps import MapDisplay
from lstmfcn.plots.mean_maps import MeanMapDisplay
from lstmfcn.plots.pairwise import PairwiseDisplay
from lstmfcn.plots.robustness import RobustnessDisplay
from lstmfcn.plots.scores import ScoresDisplay
from lstmfcn.plots.zero_shot import ZeroShotDisplay

__all__ = [
    "ActivationMapDisplay",
    "ComparisonMatrixDisplay",
    "ContextDisplay",
    "CostDisplay",
    "CriticalDifferenceDisplay",
    "DecompositionDisplay",
    "FaithfulnessDisplay",
    "FilterDisplay",
    "GalleryDisplay",
    "HistoryDisplay",
    "MapDisplay",
    "MeanMapDisplay",
    "PairwiseDisplay",
    "RobustnessDisplay",
    "ScoresDisplay",
    "ZeroShotDisplay",
]
