"""How do folders of emotion features become series, labels and scores?

Public names are imported at first use (PEP 562); only the fusion classifiers need Keras.
"""

import importlib

_MODULES = {
    "augmentation": ("AugmentedClassifier",),
    "challenge_scores": ("mer_scores", "write_submission"),
    "clip_labels": ("EMOTIONS", "ClipTable", "load_labels", "load_unlabelled"),
    "feature_store": (
        "ClipSequences",
        "FeatureError",
        "FeatureSet",
        "FeatureStore",
        "FeatureSummary",
    ),
    "folds": ("FoldEnsemble", "make_folds", "read_folds", "write_folds"),
    "fusion": ("AttentionFusionClassifier", "FusionClassifier"),
    "lengths": (
        "SequencePreprocessor",
        "mean_pool",
        "pad_sequences",
        "pool_or_pad",
        "resample",
        "standardize_by_group",
    ),
    "log_spectra": ("add_noise_to_log_spectrum", "babble", "with_babble"),
    "mer2024": ("TRACKS", "Track", "check_splits", "load_track", "select_features"),
    "noise": ("add_feature_noise", "add_noise_at_snr", "drop_frames", "drop_modalities"),
    "open_vocabulary": (
        "OpenVocabularyScores",
        "calibrate_label_sets",
        "label_sets",
        "open_vocabulary_scores",
        "read_label_sets",
    ),
    "robustness": ("RobustnessCurve", "robustness_curve"),
    "semi_supervised": ("PseudoLabelClassifier", "is_unlabelled"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"lstmfcn.emotion.{_HOME[name]}"), name)
    raise AttributeError(f"module 'lstmfcn.emotion' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
