"""Which accuracies have others published, and which of them may be compared with ours?

Only results whose protocol chose nothing on the test split are here. The tables printed in the
LSTM-FCN papers are not: their weights were picked by test accuracy.
"""

import csv
import functools
from dataclasses import dataclass, field, replace
from importlib.resources import files

import numpy as np

from lstmfcn.datasets.names import canonical_name
from lstmfcn.evaluation.tables import score_table

__all__ = ["SOURCES", "Source", "published_accuracy", "published_methods", "with_published"]

# The 2018 archive redrew the train/test splits of these sets after the results were published.
_OTHER_SPLITS = (
    "DistalPhalanxOutlineAgeGroup DistalPhalanxOutlineCorrect DistalPhalanxTW "
    "MiddlePhalanxOutlineAgeGroup MiddlePhalanxOutlineCorrect MiddlePhalanxTW ProximalPhalanxTW "
    "Earthquakes Strawberry Worms WormsTwoClass FordA FordB HandOutlines"
)
_HAS_GAPS = "DodgerLoopDay DodgerLoopGame DodgerLoopWeekend MelbournePedestrian"
_UNEQUAL = (
    "AllGestureWiimoteX AllGestureWiimoteY AllGestureWiimoteZ GestureMidAirD1 GestureMidAirD2 "
    "GestureMidAirD3 GesturePebbleZ1 GesturePebbleZ2 PickupGestureWiimoteZ PLAID "
    "ShakeGestureWiimoteZ"
)


@dataclass(frozen=True)
class Source:
    """A published table of accuracies on the archive's default splits.

    Attributes
    ----------
    file : str
    citation : str
        Authors, title, year, and where the table is.
    protocol : str
        What one number is, and how its weights were chosen.
    not_comparable : dict of str to str
        Datasets that must be left out of a comparison, with the reason.
    """

    file: str
    citation: str
    protocol: str
    not_comparable: dict = field(default_factory=dict)


SOURCES = {
    "karim2018": Source(
        "karim2018-training-loss.csv",
        'Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series '
        'Classification", 2018, arXiv:1709.05206; the table "training loss" of the authors\' '
        "public repository, which quotes the other methods from their own publications",
        "one run on the default split of 2015; weights and learning rate by training loss",
        {
            **dict.fromkeys(_OTHER_SPLITS.split(), "published on the train/test split of 2015"),
            "Trace": "the published run is broken (accuracy .25)",
        },
    ),
    "fawaz2019": Source(
        "fawaz2019-mean-of-5.csv",
        'Ismail Fawaz, Forestier, Weber, Idoumghar, Muller, "Deep learning for time series '
        'classification: a review", 2019, arXiv:1809.04356; results on the archive of 2018 in the '
        "authors' public repository",
        "mean of 5 runs on the default split; weights by training loss",
        {
            **dict.fromkeys(_HAS_GAPS.split(), "how its missing values were filled is not said"),
            **dict.fromkeys(_UNEQUAL.split(), "how its lengths were made equal is not said"),
        },
    ),
    "middlehurst2024": Source(
        "middlehurst2024-resample0.csv",
        'Middlehurst, Schäfer, Bagnall, "Bake off redux: a review and experimental evaluation of '
        'recent time series classification algorithms", 2024, arXiv:2304.13029; reference results '
        "of timeseriesclassification.com",
        "one run on the default split (resample 0); nothing chosen on the test split",
        {
            **dict.fromkeys(_HAS_GAPS.split(), "published on a version without missing values"),
            **dict.fromkeys(_UNEQUAL.split(), "published on a version of equal lengths"),
        },
    ),
}
"""The published tables that come with this package: key -> :class:`Source`."""


@functools.cache
def _table(source):
    """Return dataset (2018 name) -> method -> accuracy."""
    text = files("lstmfcn.evaluation").joinpath(f"published/{SOURCES[source].file}")
    rows = csv.DictReader(text.read_text(encoding="utf-8").splitlines())
    return {
        canonical_name(row.pop("Dataset")): {name: float(value) for name, value in row.items()}
        for row in rows
    }


def published_methods():
    """Return the methods with published accuracies, as ``"SOURCE:METHOD"``.

    Examples
    --------
    >>> from lstmfcn.evaluation.published import published_methods
    >>> len(published_methods()), published_methods()[:2]
    (38, ['karim2018:1-NN DTW', 'karim2018:1-NN DTW CV'])
    """
    return [
        f"{source}:{method}"
        for source in SOURCES
        for method in sorted(next(iter(_table(source).values())), key=str.lower)
    ]


def published_accuracy(dataset, method="karim2018:LSTM-FCN"):
    """Return a published accuracy, or None.

    Parameters
    ----------
    dataset : str
        Any spelling of a UCR dataset's name.
    method : str, default="karim2018:LSTM-FCN"
        One of :func:`published_methods`; without a source if one source alone has it.

    Returns
    -------
    float in [0, 1] or None
        None where nothing was published, or nothing comparable (``not_comparable`` of the
        :class:`Source`).

    Raises
    ------
    ValueError
        If there is no such method, or several sources have it.

    References
    ----------
    See ``citation`` and ``protocol`` in :data:`SOURCES`.

    Examples
    --------
    >>> from lstmfcn.evaluation import published_accuracy
    >>> published_accuracy("GunPoint"), published_accuracy("GunPoint", "HC2")
    (1.0, 1.0)
    >>> published_accuracy("FordA") is None
    True
    """
    source, method = _resolve(method)
    return _lookup(dataset, source, method)[0]


def with_published(records, methods):
    """Put published accuracies beside our own on the default splits.

    Parameters
    ----------
    records : list of dict
        Of :meth:`lstmfcn.evaluation.Results.records`; those on other resamples are ignored.
    methods : sequence of str
        As in :func:`published_accuracy`.

    Returns
    -------
    ScoreTable
        Of accuracies: the datasets that all methods have results on, with a column
        ``"METHOD (SOURCE)"`` for each.
    left_out : dict of str to str
        The other datasets, with the reason.

    Raises
    ------
    ValueError
        If there are no records on default splits, or no dataset is left.

    Examples
    --------
    >>> from lstmfcn.evaluation import with_published
    >>> records = [
    ...     {"dataset": name, "model": "ours", "accuracy": 0.9, "n_classes": 2, "resample": 0}
    ...     for name in ("GunPoint", "Strawberry")
    ... ]
    >>> table, left_out = with_published(records, ["karim2018:LSTM-FCN"])
    >>> table.datasets, table.models, left_out
    (['GunPoint'], ['ours', 'LSTM-FCN (karim2018)'], {'Strawberry': 'published on the train/test \
split of 2015 (karim2018)'})
    """
    table = score_table([record for record in records if not record["resample"]])
    resolved = [_resolve(method) for method in methods]
    left_out, columns = {}, []
    for dataset in table.datasets:
        found = [_lookup(dataset, source, method) for source, method in resolved]
        columns.append([accuracy for accuracy, _ in found])
        reasons = list(dict.fromkeys(reason for _, reason in found if reason))
        if reasons:
            left_out[dataset] = "; ".join(reasons)
    keep = np.array([dataset not in left_out for dataset in table.datasets], dtype=bool)
    if not keep.any():
        raise ValueError(
            "no dataset has comparable published results: "
            + "; ".join(f"{dataset}: {reason}" for dataset, reason in left_out.items())
            + "."
        )
    published = np.array(columns, dtype=float).reshape(len(keep), len(resolved))[keep]
    return (
        replace(
            table,
            datasets=[name for name in table.datasets if name not in left_out],
            models=table.models + [f"{method} ({source})" for source, method in resolved],
            scores=np.hstack([table.scores[keep], published]),
            n_runs=np.hstack([table.n_runs[keep], np.ones(published.shape, dtype=int)]),
            n_classes=table.n_classes[keep],
        ),
        left_out,
    )


def _resolve(method):
    """Return source and method of a name with or without a source."""
    known = [name.split(":", 1) for name in published_methods()]
    fitting = [name for name in known if method in (name[1], ":".join(name))]
    if not fitting:
        names = ", ".join(":".join(name) for name in known)
        raise ValueError(f"method={method!r} is unknown; choose one of {names}.")
    if len(fitting) > 1:
        names = ", ".join(":".join(name) for name in fitting)
        raise ValueError(f"method={method!r} was published more than once; choose one of {names}.")
    return fitting[0]


def _lookup(dataset, source, method):
    """Return the accuracy and None, or None and the reason why there is none."""
    try:
        name = canonical_name(dataset)
    except ValueError:
        return None, "not a dataset of the UCR archive"
    reason = SOURCES[source].not_comparable.get(name)
    if reason is None and name not in _table(source):
        reason = "not in the published table"
    if reason is not None:
        return None, f"{reason} ({source})"
    return _table(source)[name][method], None
