"""Which accuracies have others published, and which of them may be compared with ours?"""

import csv
import functools
from importlib.resources import files

from lstmfcn.datasets.names import canonical_name

__all__ = ["NOT_COMPARABLE", "published_accuracy"]

# The 2018 archive redrew the train/test splits of these sets after the results were published.
_OTHER_SPLITS = (
    "DistalPhalanxOutlineAgeGroup DistalPhalanxOutlineCorrect DistalPhalanxTW "
    "MiddlePhalanxOutlineAgeGroup MiddlePhalanxOutlineCorrect MiddlePhalanxTW ProximalPhalanxTW "
    "Earthquakes Strawberry Worms WormsTwoClass FordA FordB HandOutlines"
)
NOT_COMPARABLE = {
    **dict.fromkeys(_OTHER_SPLITS.split(), "published on the train/test split of 2015"),
    "Trace": "the published run is broken (accuracy .25)",
}
"""Datasets whose published accuracies are left out, with the reason."""


@functools.cache
def _table():
    """Return dataset (2018 name) -> method -> accuracy."""
    text = files("lstmfcn.evaluation").joinpath("published/karim2018-training-loss.csv")
    rows = csv.DictReader(text.read_text(encoding="utf-8").splitlines())
    return {
        canonical_name(row.pop("Dataset")): {name: float(value) for name, value in row.items()}
        for row in rows
    }


def published_accuracy(dataset, method="LSTM-FCN"):
    """Return an accuracy published by LSTM-FCN's authors, or None.

    The numbers come from their fair protocol (weights and learning rate by training loss, nothing
    chosen on the test split), one run per dataset, on the archive's default split.

    Parameters
    ----------
    dataset : str
        Any spelling of a UCR dataset's name.
    method : str, default="LSTM-FCN"
        Column of the table: "LSTM-FCN", "ALSTM-FCN", "ResNet", "BOSS", ... ("CNN" is FCN).

    Returns
    -------
    float in [0, 1] or None
        None where nothing was published, or on another split (:data:`NOT_COMPARABLE`).

    Raises
    ------
    ValueError
        If the table has no such method.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", 2018, arXiv:1709.05206; table of the authors' public repository.

    Examples
    --------
    >>> from lstmfcn.evaluation import published_accuracy
    >>> published_accuracy("GunPoint", "LSTM-FCN")
    1.0
    >>> published_accuracy("FordA") is None
    True
    """
    table = _table()
    methods = sorted(next(iter(table.values())))
    if method not in methods:
        raise ValueError(f"method={method!r} is unknown; choose one of {', '.join(methods)}.")
    try:
        name = canonical_name(dataset)
    except ValueError:  # not a UCR dataset
        return None
    if name in NOT_COMPARABLE or name not in table:
        return None
    return table[name][method]
