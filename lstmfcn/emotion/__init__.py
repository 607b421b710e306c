"""How do folders of emotion features become series, labels and scores?

Public names are imported at first use; only the fusion classifiers need Keras.
"""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.emotion.clip_labels": ("EMOTIONS", "ClipTable", "load_labels", "load_unlabelled"),
        "lstmfcn.emotion.corpus": ("load_corpus",),
        "lstmfcn.emotion.kept_model": ("EmotionModel", "load_model"),
        "lstmfcn.emotion.log_spectra": ("add_noise_to_log_spectrum", "babble", "with_babble"),
        "lstmfcn.emotion.mer2024": (
            "TRACKS",
            "Track",
            "check_splits",
            "load_track",
            "select_features",
        ),
        "lstmfcn.emotion.open_vocabulary": (
            "OpenVocabularyScores",
            "calibrate_label_sets",
            "label_sets",
            "open_vocabulary_scores",
            "read_label_sets",
        ),
        "lstmfcn.emotion.prediction_files": ("ScoredClips", "read_pair", "read_scored"),
        "lstmfcn.emotion.presets": ("PRESETS",),
        "lstmfcn.emotion.recipe": ("EmotionRecipe",),
        "lstmfcn.emotion.scores": ("mer_scores", "write_submission"),
        "lstmfcn.emotion.sequences": (
            "SequencePreprocessor",
            "pad_sequences",
            "standardize_by_group",
        ),
        "lstmfcn.emotion.wheels": ("EmotionWheels", "WheelScores", "read_wheels", "wheel_scores"),
        # What emotion recognition uses, and any other classification can.
        "lstmfcn.extraction": (
            "Extraction",
            "Recording",
            "add_noise",
            "extract",
            "find_recordings",
            "log_mel",
            "read_waveform",
            "recordings_of",
        ),
        "lstmfcn.features": (
            "ClipSequences",
            "FeatureError",
            "FeatureSet",
            "FeatureStore",
            "FeatureSummary",
            "frame_rate",
        ),
        "lstmfcn.evaluation.robustness": ("RobustnessCurve", "robustness_curve"),
        "lstmfcn.lengths": ("mean_pool", "pool_or_pad", "resample"),
        "lstmfcn.meta": (
            "AugmentedClassifier",
            "FoldEnsemble",
            "PseudoLabelClassifier",
            "add_feature_noise",
            "add_noise_at_snr",
            "drop_frames",
            "drop_modalities",
            "is_unlabelled",
            "make_folds",
            "read_folds",
            "write_folds",
        ),
        "lstmfcn.multimodal": ("AttentionFusionClassifier", "FusionClassifier"),
    },
)
