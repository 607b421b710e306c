"""Where do series and their labels come from?"""

from lstmfcn.datasets.download import Download, download_archive
from lstmfcn.datasets.files import read_series
from lstmfcn.datasets.recordings import Recording, read_recording
from lstmfcn.datasets.synthetic import PlantedEvidence, planted_evidence
from lstmfcn.datasets.ucr import list_ucr, load_ucr
from lstmfcn.datasets.ucr2018 import UCR_2018_NAMES, DatasetSummary, canonical_name, ucr_summary
from lstmfcn.datasets.windows import Windows, windows

__all__ = [
    "UCR_2018_NAMES",
    "DatasetSummary",
    "Download",
    "PlantedEvidence",
    "Recording",
    "Windows",
    "canonical_name",
    "download_archive",
    "list_ucr",
    "load_ucr",
    "planted_evidence",
    "read_recording",
    "read_series",
    "ucr_summary",
    "windows",
]
