"""How good are zero-shot answers to emotion datasets, and is a trained classifier better?"""

from lstmfcn.emotion.zero_shot_compare import (
    ZeroShotComparison,
    compare_to_zero_shot,
    mcnemar,
)
from lstmfcn.emotion.zero_shot_files import (
    ZeroShotAnswers,
    answers_from_counts,
    load_zero_shot,
    read_zero_shot,
)
from lstmfcn.emotion.zero_shot_join import shared_samples
from lstmfcn.emotion.zero_shot_scores import ZeroShotScore, score_zero_shot, zero_shot_baselines
from lstmfcn.emotion.zero_shot_table import zero_shot_remarks, zero_shot_table
from lstmfcn.emotion.zero_shot_tasks import TASKS, ZeroShotTask, zero_shot_task

__all__ = [
    "TASKS",
    "ZeroShotAnswers",
    "ZeroShotComparison",
    "ZeroShotScore",
    "ZeroShotTask",
    "answers_from_counts",
    "compare_to_zero_shot",
    "load_zero_shot",
    "mcnemar",
    "read_zero_shot",
    "score_zero_shot",
    "shared_samples",
    "zero_shot_baselines",
    "zero_shot_remarks",
    "zero_shot_table",
    "zero_shot_task",
]
