"""How good is a classifier, and compared with which others? Can its maps be trusted? (No Keras.)"""

from lstmfcn.evaluation.benchmark import Sweep, sweep
from lstmfcn.evaluation.class_scores import (
    ClassComparison,
    ClassScores,
    compare_classes,
    score_classes,
)
from lstmfcn.evaluation.experiment import Dataset, Model, experiment, stratified_resample
from lstmfcn.evaluation.faithfulness import (
    Faithfulness,
    faithfulness,
    mass_in_window,
    pointing_game,
    randomization_test,
)
from lstmfcn.evaluation.intervals import mean_interval, paired_interval
from lstmfcn.evaluation.metrics import METRICS, classification_metrics
from lstmfcn.evaluation.number_scores import NumberScores, compare_numbers, score_numbers
from lstmfcn.evaluation.published import published_accuracy, published_methods, with_published
from lstmfcn.evaluation.records import Run, add_records, read_records, write_records
from lstmfcn.evaluation.results import Results
from lstmfcn.evaluation.robustness import RobustnessCurve, robustness_curve
from lstmfcn.evaluation.tables import ScoreTable, score_table
from lstmfcn.evaluation.tsml import export_tsml, import_tsml

__all__ = [
    "METRICS",
    "ClassComparison",
    "ClassScores",
    "Dataset",
    "Faithfulness",
    "Model",
    "NumberScores",
    "Results",
    "RobustnessCurve",
    "Run",
    "ScoreTable",
    "Sweep",
    "add_records",
    "classification_metrics",
    "compare_classes",
    "compare_numbers",
    "experiment",
    "export_tsml",
    "faithfulness",
    "import_tsml",
    "mass_in_window",
    "mean_interval",
    "paired_interval",
    "pointing_game",
    "published_accuracy",
    "published_methods",
    "randomization_test",
    "read_records",
    "robustness_curve",
    "score_classes",
    "score_numbers",
    "score_table",
    "stratified_resample",
    "sweep",
    "with_published",
    "write_records",
]
