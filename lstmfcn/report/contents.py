"""Which numbers and words are in the report of a sweep? JSON values without pictures."""

import time
from collections import Counter, defaultdict
from dataclasses import asdict

import numpy as np

from lstmfcn.datasets import ucr_summary
from lstmfcn.evaluation import METRICS, Run, score_table, with_published
from lstmfcn.evaluation.published import SOURCES
from lstmfcn.evaluation.ranking import friedman

COSTS = ("fit_seconds", "predict_seconds", "epochs", "n_parameters", "peak_memory_bytes")
PER_RUN = (*METRICS, "fit_seconds", "predict_seconds", "epochs")
SIZES = ("n_train", "n_test", "n_channels", "n_timepoints", "n_classes")
MAX_MATRIX_CLASSES = 20  # of more, the pairs of classes that are confused most say more
N_CONFUSED_PAIRS = 5


def read_contents(results, records, metric="accuracy", published=(), damaged=None):
    """Return the contents of a report as a dict of JSON values.

    ``records`` and ``damaged`` come from ``results.read()``. Scores are lists by dataset of lists
    by model, None where there is no result. The model with the best mean rank of the metric comes
    first everywhere. Without records of the metric, raises ValueError.
    """
    table = score_table(records, metric).ranked()
    groups = defaultdict(list)
    for record in records:
        groups[record["dataset"], record["model"]].append(record)
    contents = {
        "metric": metric,
        "metrics": {**METRICS, **dict.fromkeys(COSTS, "smaller")},
        "models": table.models,
        "datasets": [_describe(name, groups) for name in table.datasets],
        "scores": {},
        "standard_deviations": {},
        "summaries": {},
        "n_runs": table.n_runs.tolist(),
        "run_columns": ["seed", "resample", *PER_RUN],
        "runs": [
            [_rows(groups.get((name, model), [])) for model in table.models]
            for name in table.datasets
        ],
        "incomplete": _incomplete(table),
        "friedman": _friedman(table),
        "failures": [
            {**asdict(run), "reason": record["reason"]}
            for run, record in sorted({**results.failed(), **(damaged or {})}.items())
        ],
        "confusions": _confusions(results, groups),
        "provenance": _provenance(records, table.models),
        "published": _published(records, published),
    }
    for name in contents["metrics"]:
        try:
            scores = score_table(records, name).in_order(table.models)
        except ValueError:  # no record has it
            continue
        contents["scores"][name] = _plain(scores.scores)
        contents["standard_deviations"][name] = _standard_deviations(scores, groups)
        contents["summaries"][name] = _summary(scores)
    return contents


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


def _standard_deviations(table, groups):
    """Return the standard deviations over runs; None for a single run."""

    def of(dataset, model):
        records = groups.get((dataset, model), [])
        place = table.datasets.index(dataset), table.models.index(model)
        if len(records) > table.n_runs[place]:  # others lack some of these resamples
            return None
        values = [r.get(table.metric) for r in records]
        values = [value for value in values if value is not None]
        return _short(np.std(values, ddof=1)) if len(values) > 1 else None

    return [[of(dataset, model) for model in table.models] for dataset in table.datasets]


def _confusions(results, groups):
    """Return dataset -> model -> the confusion matrix of the first run."""
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
    names, places = [str(label) for label in labels.tolist()], range(len(labels))
    pairs = Counter(zip(*np.split(codes, 2), strict=True))
    wrong = sorted((-count, i, j) for (i, j), count in pairs.items() if i != j)
    is_small = len(names) <= MAX_MATRIX_CLASSES
    return {
        "labels": names,
        "matrix": [[pairs[i, j] for j in places] for i in places] if is_small else None,
        "most_confused": [[names[i], names[j], -n] for n, i, j in wrong[:N_CONFUSED_PAIRS]],
    }


def _provenance(records, models):
    """Return by which models, with which software and hardware, and when the results were made."""
    described = {
        r["model"]: {"target": r.get("target"), "parameters": r.get("parameters")} for r in records
    }
    began = sorted(r["began"] for r in records if r.get("began"))
    return {
        "models": [{"name": name, **described[name]} for name in models],
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
        entry = next((entry for entry in found if entry["value"] == value), None)
        if entry is not None:
            entry["n"] += 1
        elif value is not None:
            found.append({"value": value, "n": 1})
    return found


def _published(records, methods):
    """Return our models beside published ones, on the datasets where that is fair."""
    if not methods:
        return None
    table, left_out = with_published(records, methods)
    table = table.ranked()
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
    """Return a number with six digits; None for None, NaN and infinity."""
    if value is None or not np.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{float(value):.6g}")
