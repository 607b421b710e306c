"""How good is a classifier, and compared with whom? Can its maps be trusted? (No Keras here.)"""

from lstmfcn.evaluation.benchmark import Sweep, sweep
from lstmfcn.evaluation.exchange import export_tsml, import_tsml
from lstmfcn.evaluation.experiment import Model, experiment
from lstmfcn.evaluation.faithfulness import (
    Faithfulness,
    faithfulness,
    mass_in_window,
    pointing_game,
    randomization_test,
)
from lstmfcn.evaluation.intervals import mean_interval, paired_interval
from lstmfcn.evaluation.metrics import METRICS, classification_metrics
from lstmfcn.evaluation.published import published_accuracy, published_methods, with_published
from lstmfcn.evaluation.record_files import add_records, read_records, write_records
from lstmfcn.evaluation.resampling import stratified_resample
from lstmfcn.evaluation.results import Results, Run
from lstmfcn.evaluation.tables import ScoreTable, score_table

__all__ = [
    "METRICS",
    "Faithfulness",
    "Model",
    "Results",
    "Run",
    "ScoreTable",
    "Sweep",
    "add_records",
    "classification_metrics",
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
    "score_table",
    "stratified_resample",
    "sweep",
    "with_published",
    "write_records",
]
