"""What serves any classifier of series? Copies, pseudo-labels, corruption, ensembles of folds."""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.meta.augmentation": ("AugmentedClassifier",),
        "lstmfcn.meta.corruption": (
            "add_feature_noise",
            "add_noise_at_snr",
            "drop_frames",
            "drop_modalities",
        ),
        "lstmfcn.meta.folds": ("FoldEnsemble", "make_folds", "read_folds", "write_folds"),
        "lstmfcn.meta.pseudo_labels": ("PseudoLabelClassifier", "is_unlabelled"),
    },
)
