"""Which accuracies have been published, and which of them may be compared with ours?

Only results whose protocol chose nothing on the test split are here. The tables printed in the
LSTM-FCN papers are not: their weights were picked by test accuracy.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np

from lstmfcn.datasets import canonical_name
from lstmfcn.evaluation.tables import score_table
from lstmfcn.files import packaged_rows


@dataclass(frozen=True)
class Source:
    """A published table of accuracies on the archive's default splits."""

    file: str
    citation: str
    protocol: str  # what one number is, and how its weights were chosen
    not_comparable: dict  # dataset -> why it must be left out of a comparison


def _rows(file):
    return packaged_rows("lstmfcn.evaluation", f"published/{file}")


SOURCES = {
    row["source"]: Source(
        row["file"],
        row["citation"],
        row["protocol"],
        {
            other["dataset"]: other["reason"]
            for other in _rows("not-comparable.csv")
            if other["source"] == row["source"]
        },
    )
    for row in _rows("sources.csv")
}
"""The published tables that come with this package: key -> :class:`Source`."""


@functools.cache
def _table(source):
    """Return dataset (2018 name, or as the UEA archive has it) -> method -> accuracy."""
    return {
        _name(row.pop("Dataset")): {name: float(value) for name, value in row.items() if value}
        for row in _rows(SOURCES[source].file)
    }


def _name(dataset):
    """Return a dataset's name in the UCR archive of 2018, or the name itself."""
    try:
        return canonical_name(dataset)
    except ValueError:
        return dataset


def published_methods():
    """Return the methods with published accuracies, as ``"SOURCE:METHOD"``.

    See Also
    --------
    published_accuracy

    Examples
    --------
    >>> from lstmfcn.evaluation import published_methods
    >>> len(published_methods()), published_methods()[0]
    (44, 'karim2018:1-NN DTW')
    """
    return [
        f"{source}:{method}"
        for source in SOURCES
        for method in sorted({m for row in _table(source).values() for m in row}, key=str.lower)
    ]


def published_accuracy(dataset, method="karim2018:LSTM-FCN"):
    """Return a published accuracy, or None.

    Parameters
    ----------
    dataset : str
        Any spelling of a UCR dataset's name, or the name of a multivariate one in the UEA archive.
    method : str, default="karim2018:LSTM-FCN"
        One of :func:`published_methods`; without a source if only one source has it.

    Returns
    -------
    float in [0, 1] or None
        None where nothing was published, or nothing comparable (``not_comparable`` in
        :data:`SOURCES`, which also holds each ``citation`` and ``protocol``).

    See Also
    --------
    published_methods, with_published

    Examples
    --------
    >>> from lstmfcn.evaluation import published_accuracy
    >>> published_accuracy("GunPoint"), published_accuracy("Libras", "HC2")
    (1.0, 0.933333)
    """
    source, method = _resolve(method)
    return _lookup(dataset, source, method)[0]


def with_published(records, methods):
    """Put published accuracies beside those of records, on the default splits.

    Parameters
    ----------
    records : list of dict
        Of :meth:`lstmfcn.evaluation.Results.records`; those on other resamples are ignored.
    methods : sequence of str
        As in :func:`published_accuracy`.

    Returns
    -------
    ScoreTable
        Of accuracies: the datasets that all methods have results on, at least one, with a column
        ``"METHOD (SOURCE)"`` for each method.
    left_out : dict of str to str
        The other datasets, with the reason.

    See Also
    --------
    score_table, published_methods

    Examples
    --------
    >>> from lstmfcn.evaluation import with_published
    >>> ours = {"model": "ours", "accuracy": 0.9, "n_classes": 2, "resample": 0}
    >>> records = [{"dataset": "GunPoint", **ours}, {"dataset": "FordA", **ours}]
    >>> table, left_out = with_published(records, ["karim2018:LSTM-FCN"])
    >>> table.models, left_out["FordA"]
    (['ours', 'LSTM-FCN (karim2018)'], 'published on the train/test split of 2015 (karim2018)')
    """
    if isinstance(methods, str):
        raise ValueError(f"methods={methods!r} must be a list of names, such as [{methods!r}].")
    of_default = [record for record in records if not record["resample"]]
    if records and not of_default:
        raise ValueError("no result is on a default split, as published results are.")
    table = score_table(of_default)
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
        reasons = "; ".join(f"{dataset}: {reason}" for dataset, reason in left_out.items())
        raise ValueError(f"no dataset has comparable published results: {reasons}.")
    ours = table.take(keep)
    published = np.array(columns, dtype=float).reshape(len(keep), len(resolved))[keep]
    both = replace(
        ours,
        models=table.models + [f"{method} ({source})" for source, method in resolved],
        scores=np.hstack([ours.scores, published]),
        n_runs=np.hstack([ours.n_runs, np.ones(published.shape, dtype=int)]),
    )
    return both, left_out


def _resolve(method):
    """Return source and method of a name with or without a source."""
    known = published_methods()
    fitting = [name for name in known if method in (name, name.split(":", 1)[1])]
    if len(fitting) != 1:
        problem = "was published more than once" if fitting else "is unknown"
        raise ValueError(
            f"method={method!r} {problem}; choose one of {', '.join(fitting or known)}."
        )
    return fitting[0].split(":", 1)


def _lookup(dataset, source, method):
    """Return the accuracy and None, or None and the reason why there is none."""
    name = _name(dataset)
    reason = SOURCES[source].not_comparable.get(name)
    if reason is None and method not in _table(source).get(name, ()):
        reason = "not in the published table"
    if reason is not None:
        return None, f"{reason} ({source})"
    return _table(source)[name][method], None
