"""What stands in the report of a sweep? Numbers and words, ready for JSON; no pictures."""

import time
from collections import Counter

import numpy as np

from lstmfcn.datasets import ucr_summary
from lstmfcn.evaluation import METRICS, Run, score_table, with_published
from lstmfcn.evaluation.published import SOURCES
from lstmfcn.evaluation.ranking import friedman

__all__ = ["read_contents"]

COSTS = ("fit_seconds", "predict_seconds", "epochs", "n_parameters", "peak_memory_bytes")
PER_RUN = (*METRICS, "fit_seconds", "predict_seconds", "epochs")
SIZES = ("n_train", "n_test", "n_channels", "n_timepoints", "n_classes")
LARGEST_MATRIX = 20  # classes; beyond, the pairs that are confused most say more
MOST_PAIRS = 5


def read_contents(results, records, metric="accuracy", published=(), damaged=None):
    """Collect what a report says.

    Parameters
    ----------
    results : Results
    records : list of dict
        Of ``results.records()``.
    metric : str, default="accuracy"
    published : sequence of str, default=()
        Methods to put beside ours; see :func:`lstmfcn.evaluation.published_accuracy`.
    damaged : dict of Run to dict, optional
        The records that cannot be read, of ``results.read()``.

    Returns
    -------
    dict
        JSON values alone. Scores are lists by dataset of lists by model, None where there is no
        result.

    Raises
    ------
    ValueError
        If there are no records, or none with the metric.
    """
    table = score_table(records, metric)
    groups = _group(records)
    contents = {
        "metric": metric,
        "metrics": {**METRICS, **dict.fromkeys(COSTS, "smaller")},
        "models": table.models,
        "datasets": [_describe(name, groups) for name in table.datasets],
        "scores": {},
        "deviations": {},
        "summaries": {},
        "n_runs": table.n_runs.tolist(),
        "run_columns": ["seed", "resample", *PER_RUN],
        "runs": [
            [_rows(groups.get((name, model), [])) for model in table.models]
            for name in table.datasets
        ],
        "incomplete": _incomplete(table),
        "friedman": _friedman(table),
        "failures": _failures({**results.failed(), **(damaged or {})}),
        "confusions": _confusions(results, groups),
        "provenance": _provenance(records),
        "published": _published(records, published),
    }
    for name in contents["metrics"]:
        try:
            scores = score_table(records, name)
        except ValueError:  # no record has it
            continue
        contents["scores"][name] = _plain(scores.scores)
        contents["deviations"][name] = _deviations(scores, groups)
        contents["summaries"][name] = _summary(scores)
    return contents


def _group(records):
    """Return (dataset, model) -> its records."""
    groups = {}
    for record in records:
        groups.setdefault((record["dataset"], record["model"]), []).append(record)
    return groups


def _describe(name, groups):
    """Return name, sizes and kind of a dataset."""
    record = next(group[0] for (dataset, _), group in groups.items() if dataset == name)
    known = ucr_summary().get(name)
    return {
        "name": name,
        **{size: record.get(size) for size in SIZES},
        "kind": known.kind if known else None,
    }


def _rows(records):
    """Return the runs of one model on one dataset, a list of ``run_columns`` each."""
    rows = [
        [r["seed"], r["resample"], *(_short(r.get(column)) for column in PER_RUN)] for r in records
    ]
    return sorted(rows, key=lambda row: row[:2])


def _incomplete(table):
    """Return the datasets that some model has no score on."""
    rows = np.isfinite(table.scores).all(axis=1)
    return [name for name, row in zip(table.datasets, rows, strict=True) if not row]


def _summary(table):
    """Return the models' means and ranks over the datasets they all have, if there are any."""
    try:
        return [
            {key: _short(value) if key != "model" else value for key, value in row.items()}
            for row in table.summary()
        ]
    except ValueError:
        return []


def _friedman(table):
    if len(table.models) < 3 or len(table.datasets) - len(_incomplete(table)) < 2:
        return None
    statistic, _, p_value = friedman(table.complete().better())
    return {"chi2": _short(statistic), "p": _short(p_value)}


def _deviations(table, groups):
    """Return the standard deviations over runs; None for a single run."""
    found = []
    for dataset in table.datasets:
        row = []
        for model in table.models:
            values = [r.get(table.metric) for r in groups.get((dataset, model), [])]
            values = [value for value in values if value is not None]
            row.append(_short(np.std(values, ddof=1)) if len(values) > 1 else None)
        found.append(row)
    return found


def _failures(failed):
    return [
        {
            "dataset": run.dataset,
            "model": run.model,
            "seed": run.seed,
            "resample": run.resample,
            "reason": record["reason"],
        }
        for run, record in sorted(failed.items())
    ]


def _confusions(results, groups):
    """Return dataset -> model -> what was taken for what in the first run."""
    found = {}
    for (dataset, model), records in groups.items():
        seed, resample = min((r["resample"], r["seed"]) for r in records)[::-1]
        try:
            arrays = results.predictions(Run(dataset, model, seed, resample))
        except ValueError:  # damaged, or records alone were passed on
            continue
        if not {"y_true", "y_pred"} <= arrays.keys():
            continue
        found.setdefault(dataset, {})[model] = _confusion(arrays["y_true"], arrays["y_pred"])
    return found


def _confusion(y_true, y_pred):
    labels, codes = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
    true, predicted = np.split(codes, 2)
    pairs = Counter(zip(true.tolist(), predicted.tolist(), strict=True))
    wrong = [(count, pair) for pair, count in pairs.items() if pair[0] != pair[1]]
    wrong.sort(key=lambda item: (-item[0], item[1]))
    matrix = None
    if len(labels) <= LARGEST_MATRIX:
        counts = np.zeros((len(labels), len(labels)), dtype=int)
        np.add.at(counts, (true, predicted), 1)
        matrix = counts.tolist()
    names = [str(label) for label in labels.tolist()]
    return {
        "labels": names,
        "matrix": matrix,
        "most_confused": [[names[i], names[j], count] for count, (i, j) in wrong[:MOST_PAIRS]],
    }


def _provenance(records):
    """Return what the results were made by, with and when."""
    described = {
        r["model"]: {"target": r.get("target"), "parameters": r.get("parameters")} for r in records
    }
    began = sorted(r["began"] for r in records if r.get("began"))
    return {
        "models": [{"name": name, **found} for name, found in described.items()],
        "versions": _distinct(r.get("versions") for r in records),
        "hardware": _distinct(r.get("hardware") for r in records),
        "commits": _distinct(r.get("commit") for r in records),
        "began": [began[0], began[-1]] if began else None,
        "fit_hours": _short(sum(r.get("fit_seconds") or 0.0 for r in records) / 3600),
        "n_records": len(records),
        "seeds": sorted({r["seed"] for r in records}),
        "resamples": sorted({r["resample"] for r in records}),
        "written": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def _distinct(values):
    """Return the different values that are not None, with how often each occurs."""
    found = []
    for value in values:
        if value is not None:
            for entry in found:
                if entry["value"] == value:
                    entry["n"] += 1
                    break
            else:
                found.append({"value": value, "n": 1})
    return found


def _published(records, methods):
    """Return our models beside published ones, on the datasets where that is fair."""
    if not methods:
        return None
    table, left_out = with_published(records, methods)
    used = {source for source in SOURCES if any(f"({source})" in name for name in table.models)}
    return {
        "models": table.models,
        "datasets": table.datasets,
        "scores": _plain(table.scores),
        "summary": _summary(table),
        "n_complete": len(table.datasets) - len(_incomplete(table)),
        "left_out": left_out,
        "sources": [
            {"name": name, "citation": source.citation, "protocol": source.protocol}
            for name, source in SOURCES.items()
            if name in used
        ],
    }


def _plain(scores):
    return [[_short(value) for value in row] for row in scores]


def _short(value):
    """Return a number with six digits: None for none, or what JSON has no word for."""
    if value is None or not np.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{float(value):.6g}")
