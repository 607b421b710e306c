"""What do the records of a sweep say? One number per dataset and model, and what follows."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from lstmfcn.evaluation.metrics import METRICS
from lstmfcn.evaluation.ranking import mean_per_class_error, mean_ranks, wins_ties_losses

__all__ = ["ScoreTable", "score_table"]


@dataclass(frozen=True)
class ScoreTable:
    """The mean score of each model on each dataset.

    Attributes
    ----------
    datasets : list of str
    models : list of str
    scores : ndarray of shape (n_datasets, n_models)
        Means over seeds and resamples; NaN where there is no record.
    n_runs : int ndarray of shape (n_datasets, n_models)
    n_classes : int ndarray of shape (n_datasets,)
        0 where no record says it.
    metric : str
    """

    datasets: list
    models: list
    scores: np.ndarray
    n_runs: np.ndarray
    n_classes: np.ndarray
    metric: str

    def complete(self):
        """Return the table of the datasets on which every model has a score.

        Raises
        ------
        ValueError
            If there is no such dataset.
        """
        rows = np.isfinite(self.scores).all(axis=1)
        if not rows.any():
            raise ValueError("there is no dataset on which all models have results.")
        return ScoreTable(
            [name for name, row in zip(self.datasets, rows, strict=True) if row],
            self.models,
            self.scores[rows],
            self.n_runs[rows],
            self.n_classes[rows],
            self.metric,
        )

    def better(self):
        """Return the scores such that more is better: shape (n_datasets, n_models)."""
        return self.scores if METRICS.get(self.metric, "larger") == "larger" else -self.scores

    def summary(self):
        """Return one row per model over the datasets that all models have.

        Returns
        -------
        list of dict
            Best mean rank first: ``model``, ``mean`` score, ``arithmetic_rank``,
            ``geometric_rank`` (ties get the mean of their places), ``mpce`` for the accuracy, None
            for other metrics and where a number of classes is unknown, and ``best``: on how many
            datasets no model is better.
        """
        table = self.complete()
        better = table.better()
        arithmetic, geometric = (
            mean_ranks(better, mean=mean) for mean in ("arithmetic", "geometric")
        )
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
    """Collect records to one score per dataset and model.

    Parameters
    ----------
    records : list of dict
        Of :meth:`lstmfcn.evaluation.Results.records`.
    metric : str, default="accuracy"
        One of :data:`lstmfcn.evaluation.METRICS`, or ``fit_seconds``, ``predict_seconds``,
        ``epochs``, ``peak_memory_bytes``, ``n_parameters``.

    Returns
    -------
    ScoreTable

    Raises
    ------
    ValueError
        If there are no records, or none with the metric.

    Examples
    --------
    >>> from lstmfcn.evaluation import score_table
    >>> records = [
    ...     {"dataset": "A", "model": "one", "accuracy": 0.8, "n_classes": 2},
    ...     {"dataset": "A", "model": "one", "accuracy": 0.6, "n_classes": 2},
    ...     {"dataset": "A", "model": "two", "accuracy": 0.9, "n_classes": 2},
    ... ]
    >>> score_table(records).scores.round(3).tolist()
    [[0.7, 0.9]]
    """
    if not records:
        raise ValueError("there are no results yet; do a sweep first.")
    found, n_classes = defaultdict(list), {}
    for record in records:
        dataset = record["dataset"]
        n_classes[dataset] = record.get("n_classes") or n_classes.get(dataset, 0)
        if isinstance(record.get(metric), (int, float)):
            found[dataset, record["model"]].append(float(record[metric]))
    if not found:
        numbers = sorted(k for k, v in records[0].items() if isinstance(v, (int, float)))
        raise ValueError(f"no record has {metric!r}; choose one of {', '.join(numbers)}.")
    datasets = sorted(n_classes, key=str.lower)
    models = list(dict.fromkeys(record["model"] for record in records))
    cells = [[found.get((d, m), []) for m in models] for d in datasets]
    return ScoreTable(
        datasets,
        models,
        np.array([[np.mean(cell) if cell else np.nan for cell in row] for row in cells]),
        np.array([[len(cell) for cell in row] for row in cells]),
        np.array([n_classes[d] for d in datasets]),
        metric,
    )
