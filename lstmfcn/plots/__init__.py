"""What do training, decisions and results look like? Displays of plain arrays, without Keras."""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.plots.class_maps": ("ContextDisplay", "MeanMapDisplay"),
        "lstmfcn.plots.comparison_matrix": ("ComparisonMatrixDisplay",),
        "lstmfcn.plots.critical_difference": ("CriticalDifferenceDisplay",),
        "lstmfcn.plots.decomposition": ("DecompositionDisplay",),
        "lstmfcn.plots.faithfulness": ("FaithfulnessDisplay",),
        "lstmfcn.plots.filters": ("FilterDisplay",),
        "lstmfcn.plots.gallery": ("GalleryDisplay",),
        "lstmfcn.plots.history": ("HistoryDisplay",),
        "lstmfcn.plots.maps": ("ActivationMapDisplay", "MapDisplay"),
        "lstmfcn.plots.pairwise": ("PairwiseDisplay",),
        "lstmfcn.plots.robustness": ("RobustnessDisplay",),
        "lstmfcn.plots.scores": ("CostDisplay", "ScoresDisplay"),
        "lstmfcn.plots.zero_shot": ("ZeroShotDisplay",),
    },
)
