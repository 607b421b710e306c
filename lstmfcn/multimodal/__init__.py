"""How are several modalities classified together? Early, late and branch fusion, and a baseline."""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.multimodal.attention_baseline": ("AttentionFusionClassifier",),
        "lstmfcn.multimodal.fusion": ("FusionClassifier",),
    },
)
