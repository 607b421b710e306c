"""How do several modalities decide together? One classifier, three ways, and a baseline."""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.multimodal.attention_baseline": ("AttentionFusionClassifier",),
        "lstmfcn.multimodal.fusion": ("FusionClassifier",),
    },
)
