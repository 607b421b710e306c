"""Where do series and their labels come from?"""

from lstmfcn.datasets.files import read_series
from lstmfcn.datasets.names import UCR_2018_NAMES, canonical_name
from lstmfcn.datasets.summary import DatasetSummary, ucr_summary
from lstmfcn.datasets.synthetic import PlantedEvidence, planted_evidence
from lstmfcn.datasets.ucr import list_ucr, load_ucr

__all__ = [
    "UCR_2018_NAMES",
    "DatasetSummary",
    "PlantedEvidence",
    "canonical_name",
    "list_ucr",
    "load_ucr",
    "planted_evidence",
    "read_series",
    "ucr_summary",
]
