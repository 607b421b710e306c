"""How are feature sequences read from folders and archives, one file for each clip?"""

from lstmfcn.lazy import lazy_names

NAMES = ("ClipSequences", "FeatureError", "FeatureSet", "FeatureStore", "FeatureSummary")

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {"lstmfcn.features.manifest": ("frame_rate",), "lstmfcn.features.store": NAMES}
)
