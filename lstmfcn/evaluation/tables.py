"""Which score has each model on each dataset, and which model is the best over all of them?"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from lstmfcn.evaluation.metrics import COSTS, METRICS
from lstmfcn.evaluation.ranking import mean_per_class_error, mean_ranks, wins_ties_losses
from lstmfcn.untrusted import listed
from lstmfcn.validation import check_choice
from lstmfcn.warning import warn


@dataclass(frozen=True)
class ScoreTable:
    """The mean score of each model on each dataset.

    Attributes
    ----------
    datasets, models : list of str
    scores : ndarray of shape (n_datasets, n_models)
        Means over seeds and resamples; NaN where there is no record.
    n_runs : int ndarray of shape (n_datasets, n_models)
    n_classes : int ndarray of shape (n_datasets,)
        0 where no record holds it.
    metric : str

    See Also
    --------
    score_table : makes it of records.
    """

    datasets: list
    models: list
    scores: np.ndarray
    n_runs: np.ndarray
    n_classes: np.ndarray
    metric: str

    def __repr__(self):
        return (
            f"<ScoreTable of {self.metric}, {len(self.datasets)} datasets x "
            f"{len(self.models)} models: {', '.join(self.models)}>"
        )

    def to_pandas(self):
        """Return the scores as a data frame, a row per dataset and a column per model."""
        import pandas as pd

        return pd.DataFrame(self.scores, index=self.datasets, columns=self.models)

    def complete(self):
        """Return the table of the datasets on which every model has a score, at least one."""
        rows = np.isfinite(self.scores).all(axis=1)
        if not rows.any():
            raise ValueError("there is no dataset on which all models have results.")
        return self.take(rows)

    def take(self, rows):
        """Return the table of some datasets: bool ndarray of shape (n_datasets,)."""
        return replace(
            self,
            datasets=[name for name, row in zip(self.datasets, rows, strict=True) if row],
            scores=self.scores[rows],
            n_runs=self.n_runs[rows],
            n_classes=self.n_classes[rows],
        )

    def in_order(self, models):
        """Return the table with its columns in another order: list of all its models."""
        columns = [self.models.index(name) for name in models]
        return replace(
            self,
            models=list(models),
            scores=self.scores[:, columns],
            n_runs=self.n_runs[:, columns],
        )

    def ranked(self):
        """Return the table with the best mean rank first, as in :meth:`summary`.

        Without a dataset that all models have, the table stays as it is.
        """
        try:
            return self.in_order([row["model"] for row in self.summary()])
        except ValueError:
            return self

    def better(self):
        """Return the scores such that more is better: shape (n_datasets, n_models)."""
        is_cost = self.metric in COSTS or METRICS.get(self.metric) == "smaller"
        return -self.scores if is_cost else self.scores

    def summary(self):
        """Return one row per model over the datasets that all models have.

        Returns
        -------
        list of dict
            Best mean rank first: ``model``, ``mean`` score, ``arithmetic_rank``,
            ``geometric_rank`` (ties get the mean of their places), ``mpce`` and ``best``.
            ``mpce`` is None for metrics other than the accuracy, and if a number of classes is
            unknown. ``best`` is the number of datasets on which no model is better.
        """
        table = self.complete()
        better = table.better()
        arithmetic, geometric = mean_ranks(better), mean_ranks(better, mean="geometric")
        rows = []
        for i, model in enumerate(table.models):
            wins, ties, _ = wins_ties_losses(better[:, i], better.max(axis=1))
            mpce = None
            if self.metric == "accuracy" and table.n_classes.all():
                mpce = mean_per_class_error(table.scores[:, i], table.n_classes)
            rows.append(
                {
                    "model": model,
                    "mean": float(table.scores[:, i].mean()),
                    "arithmetic_rank": float(arithmetic[i]),
                    "geometric_rank": float(geometric[i]),
                    "mpce": mpce,
                    "best": wins + ties,
                }
            )
        return sorted(rows, key=lambda row: row["arithmetic_rank"])


def score_table(records, metric="accuracy"):
    """Average records to one score per dataset and model.

    If models have different resamples of a dataset, only those count that all of them have. A
    warning tells of it.

    Parameters
    ----------
    records : list of dict
        Of :meth:`lstmfcn.evaluation.Results.records`.
    metric : str, default="accuracy"
        One of :data:`lstmfcn.evaluation.METRICS`, or a cost: ``fit_seconds``, ``predict_seconds``,
        ``epochs``, ``peak_memory_bytes``, ``n_parameters``. Of costs, less is better.

    Returns
    -------
    ScoreTable

    See Also
    --------
    with_published : the same beside published accuracies.

    Examples
    --------
    >>> from lstmfcn.evaluation import score_table
    >>> runs = [("one", 0.8), ("one", 0.6), ("two", 0.9)]
    >>> records = [{"dataset": "A", "model": name, "accuracy": score} for name, score in runs]
    >>> score_table(records).scores.round(3).tolist()
    [[0.7, 0.9]]
    """
    if not records:
        raise ValueError("there are no results yet; do a sweep first.")
    check_choice(metric, "metric", (*METRICS, *COSTS))
    found, n_classes = defaultdict(lambda: defaultdict(list)), {}
    for record in records:
        dataset = record["dataset"]
        n_classes[dataset] = record.get("n_classes") or n_classes.get(dataset, 0)
        if isinstance(record.get(metric), (int, float)):
            scores = found[dataset, record["model"]]
            scores[record.get("resample", 0)].append(float(record[metric]))
    if not found:
        raise ValueError(f"no record has {metric!r}; choose another metric.")
    datasets = sorted(n_classes, key=str.lower)
    models = list(dict.fromkeys(record["model"] for record in records))
    cells, differing = [], []
    for dataset in datasets:
        of_model = [found.get((dataset, model), {}) for model in models]
        resamples = [set(scores) for scores in of_model if scores]
        shared = sorted(set.intersection(*resamples)) if resamples else []
        if any(len(found) > len(shared) for found in resamples):
            differing.append(dataset)
        cells.append([[scores[r] for r in shared if r in scores] for scores in of_model])
    if differing:
        warn(
            f"models have different resamples of {listed(differing, 3)}; only those count that "
            "all of these models have."
        )
    return ScoreTable(
        datasets,
        models,
        np.array([[np.mean([*map(np.mean, cell)] or np.nan) for cell in row] for row in cells]),
        np.array([[sum(map(len, cell)) for cell in row] for row in cells]),
        np.array([n_classes[d] for d in datasets]),
        metric,
    )
