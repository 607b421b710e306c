"""How large is each dataset of the archive? Known without opening it."""

import csv
import functools
from dataclasses import dataclass
from importlib.resources import files

__all__ = ["DatasetSummary", "ucr_summary"]


@dataclass(frozen=True)
class DatasetSummary:
    """Size and origin of one UCR dataset.

    Attributes
    ----------
    name : str
        As in the archive of 2018.
    n_train, n_test, n_classes : int
    n_timepoints : int or None
        None where the series have different lengths.
    kind : str
        What was measured: "ecg", "sensor", "image", ...
    """

    name: str
    n_train: int
    n_test: int
    n_timepoints: int | None
    n_classes: int
    kind: str


@functools.cache
def ucr_summary():
    """Return the sizes of the 128 datasets of the UCR archive of 2018.

    Returns
    -------
    dict of str to DatasetSummary

    References
    ----------
    Dau et al., "The UCR Time Series Archive", 2019, arXiv:1810.07758; the archive's summary table.

    Examples
    --------
    >>> from lstmfcn.datasets import ucr_summary
    >>> len(ucr_summary()), ucr_summary()["GunPoint"].n_timepoints
    (128, 150)
    """
    text = files("lstmfcn.datasets").joinpath("ucr2018-summary.csv").read_text(encoding="utf-8")
    return {
        row["dataset"]: DatasetSummary(
            row["dataset"],
            int(row["n_train"]),
            int(row["n_test"]),
            int(row["n_timepoints"]) if row["n_timepoints"].isdigit() else None,
            int(row["n_classes"]),
            row["type"],
        )
        for row in csv.DictReader(text.splitlines())
    }
