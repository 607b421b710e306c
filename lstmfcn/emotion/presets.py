"""Which recipes were best on held-out training clips? `lstmfcn emotion run --recipe NAME`."""

from dataclasses import replace

from lstmfcn.emotion.recipe import EmotionRecipe

EGEMAPS = EmotionRecipe(
    ["eGeMAPS_FRA"],
    "lstmfcn",
    n_epochs=30,
    n_copies=4,
    augmentation={"crop": 0.8},
    n_timepoints=150,
    standardize_by="speaker",
)
LOGMEL = replace(EGEMAPS, features=["logmel40_FRA"], n_copies=1, n_babble=3)
FEW_LABELS = replace(
    EGEMAPS,
    n_epochs=40,
    settings={"n_filters": [32, 64, 32]},
    pseudo_labels={"n_rounds": 1, "n_members": 3, "threshold": 0.0},
)
MOSI = EmotionRecipe(
    ["text_FRA", "audio_FRA", "video_FRA"],
    "lstmfcn",
    settings={"n_cells": 128, "n_filters": [16, 16, 16]},
    n_epochs=2,
    n_timepoints=19,
    mode="mertools",
    context=(9, 9),
    n_mixed=3,
    n_members=5,
)

PRESETS = {
    "emodb": EmotionRecipe(mean_of=[EGEMAPS, LOGMEL]),
    "emodb-noisy": LOGMEL,
    "emodb-semi": EmotionRecipe(mean_of=[FEW_LABELS, replace(FEW_LABELS, standardize_by=None)]),
    "mosi-early": replace(MOSI, fusion="early"),
    "mosi-branch": replace(MOSI, fusion="branch"),
    "mosi-late": replace(MOSI, fusion="late"),
    "mosi-text": replace(MOSI, features=["text_FRA"], fusion=None),
}
"""Name to :class:`EmotionRecipe`.

`benchmarks/emotion.py` chose each on folds of training clips: "emodb" by the score on clean clips,
"emodb-noisy" by the score with babble, "emodb-semi" among recipes with pseudo-labels, and for
CMU-MOSI one recipe with every fusion, by the score on utterances mixed with another class.
"""
