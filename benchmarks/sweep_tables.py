"""What does this package's own sweep of the archive show? Tables from results/ucr.jsonl."""

import itertools
import json
import statistics
from collections import Counter
from pathlib import Path

import numpy as np

from lstmfcn.evaluation import (
    published_accuracy,
    read_records,
    score_table,
    with_published,
)
from lstmfcn.evaluation.ranking import (
    compare,
    mean_per_class_error,
    mean_ranks,
    rank_biserial,
    wilcoxon,
    wins_ties_losses,
)

RECORDS = Path(__file__).resolve().parent / "results" / "ucr.jsonl"
MULTIVARIATE = RECORDS.with_name("uea.jsonl")
PEERS = ("ResNet", "InceptionTime", "ROCKET", "HC2")  # published beside these, middlehurst2024
PLAN = Path(__file__).resolve().parent / "ucr.json"
PEERS_PLAN = PLAN.with_name("ucr-peers.json")
QUICKEST, SIDE_BY_SIDE = "MiniROCKET", 0  # the seed that all models ran in turns
QUESTIONS = (  # one, other, what the pair tells
    ("LSTM-FCN", "FCN", "The LSTM branch"),
    ("ALSTM-FCN", "LSTM-FCN", "Attention, and training on gaps"),
    ("LSTM-FCN", "MiniROCKET", "Against a strong and quick peer"),
    ("LSTM-FCN", "MultiROCKET-Hydra", "Against the most accurate quick peer"),
    ("ensemble", "LSTM-FCN", "Four networks instead of one"),
    ("ensemble", "MiniROCKET", "Four networks against the first peer"),
    ("ensemble", "MultiROCKET-Hydra", "Four networks against that peer"),
)
BESIDE = {  # our model: published ones of other sources
    "LSTM-FCN": ("karim2018:LSTM-FCN", "middlehurst2024:InceptionTime", "middlehurst2024:HC2"),
    "ALSTM-FCN": ("karim2018:ALSTM-FCN", "middlehurst2024:InceptionTime"),
    "ensemble": (
        "middlehurst2024:H-InceptionTime",
        "middlehurst2024:MR-Hydra",
        "middlehurst2024:HC2",
    ),
    "FCN": ("karim2018:CNN", "fawaz2019:FCN"),
    "MiniROCKET": ("middlehurst2024:MiniROCKET",),
    "MultiROCKET-Hydra": ("middlehurst2024:MR-Hydra",),
    "QUANT": ("middlehurst2024:QUANT",),
}
# These take no series of unequal length.
REFUSED = set(
    itertools.product(
        ("MiniROCKET", "MultiROCKET-Hydra", "QUANT"), ("GesturePebbleZ1", "PickupGestureWiimoteZ")
    )
)
COVERED = 0.9  # of the planned datasets: what a model must have to be ranked among others
FAR = 0.03  # behind another accuracy: a dataset that is named


def accuracies():
    """Return accuracy by dataset and model: means over seeds, with standard deviations."""
    records = read_records(RECORDS)
    table = score_table(records)
    spread = _deviations(records)
    runs = table.n_runs[np.isfinite(table.scores)]
    lines = [
        f"| dataset | {' | '.join(table.models)} |",
        "|---" * (1 + len(table.models)) + "|",
    ]
    for dataset, row in zip(table.datasets, table.scores, strict=True):
        best = np.nanmax(row)
        cells = [
            _cell(value, spread.get((dataset, model)), value == best)
            for model, value in zip(table.models, row, strict=True)
        ]
        lines.append(f"| {dataset} | {' | '.join(cells)} |")
    lines.append(
        f"\n{len(records)} runs; {runs.min()} to {runs.max()} seeds for each model and dataset. "
        "Behind the mean: the standard deviation over seeds."
    )
    return "\n".join(lines)


def multivariate():
    """Return accuracies on multivariate datasets beside published ones, and their means."""
    table = score_table(read_records(MULTIVARIATE))
    published = [
        [published_accuracy(name, f"middlehurst2024:{peer}") for peer in PEERS]
        for name in table.datasets
    ]
    scores = np.hstack([table.scores, np.array(published, float)])
    names = [*table.models, *(f"{peer} (published)" for peer in PEERS)]
    shared = np.isfinite(scores).all(axis=1)
    rows = [*zip(table.datasets, scores, strict=True)]
    rows.append((f"**mean of {shared.sum()}**", scores[shared].mean(axis=0)))
    lines = [f"| dataset | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for name, row in rows:
        best = np.nanmax(row)
        cells = ["-" if np.isnan(v) else f"**{v:.3f}**" if v == best else f"{v:.3f}" for v in row]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary():
    """Return a line per model, over the datasets with results of all models."""
    records = read_records(RECORDS)
    ranked = _of_covering_models(records)
    table = score_table(ranked).complete()
    side_by_side = [r for r in ranked if r["seed"] == SIDE_BY_SIDE]
    seconds = score_table(side_by_side, "fit_seconds").complete()
    arithmetic, geometric = (
        mean_ranks(table.scores, mean=mean) for mean in ("arithmetic", "geometric")
    )
    errors = mean_per_class_error(table.scores, table.n_classes)
    lines = [
        "| model | accuracy | rank | geometric rank | MPCE | best on | median seconds of a fit "
        f"| times {QUICKEST}'s |",
        "|---" * 8 + "|",
    ]
    costs = dict(zip(seconds.models, np.median(seconds.scores, axis=0), strict=True))
    for i in np.argsort(-table.scores.mean(axis=0)):
        best = int((table.scores[:, i] >= table.scores.max(axis=1) - 1e-12).sum())
        cost = costs[table.models[i]]
        times = f"{cost / costs[QUICKEST]:.1f}" if QUICKEST in costs else "-"
        lines.append(
            f"| {table.models[i]} | {table.scores[:, i].mean():.4f} | {arithmetic[i]:.2f} | "
            f"{geometric[i]:.2f} | {errors[i]:.4f} | {best} | {cost:.3g} | {times} |"
        )
    n_all = len(score_table(ranked).datasets)
    lines.append(
        f"\nOver the {len(table.datasets)} of {n_all} datasets that each of these has results on"
        f"{_missing(score_table(ranked))}. Seconds are those of seed {SIDE_BY_SIDE}, in which our "
        f"models and {QUICKEST} took turns."
    )
    return "\n".join(lines) + _under_way(records)


def questions():
    """Return comparisons of pairs of models: difference, wins, a test, an effect size."""
    records = read_records(RECORDS)
    table = score_table(records)
    lines = []
    for one, other, what in QUESTIONS:
        if not {one, other} <= set(table.models):
            continue
        a, b = (table.scores[:, table.models.index(name)] for name in (one, other))
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
        behind = _far_behind(np.array(table.datasets)[both], a - b)
        wins, ties, losses = wins_ties_losses(a, b)
        lines.append(
            f"- **{what}** ({one} against {other}): mean accuracy {a.mean():.4f} against "
            f"{b.mean():.4f} over {both.sum()} datasets, {wins} wins, {ties} ties, {losses} "
            f"losses; Wilcoxon p = {wilcoxon(a, b):.2g}, rank-biserial effect "
            f"{rank_biserial(a, b):+.2f}"
            + (f"; more than {FAR:g} behind on {behind}." if behind else ".")
        )
    complete = score_table(_of_covering_models(records)).complete()
    found = compare(complete.scores, complete.models)
    groups = [", ".join(found.names[first : last + 1]) for first, last in found.cliques]
    lines.append(
        f"- **All {len(found.names)}** (Wilcoxon with Holm's adjustment): "
        + (f"no difference within {'; within '.join(groups)}." if groups else "all differ.")
    )
    return "\n".join(lines)


def published():
    """Return our means beside published means, each pair on its common datasets."""
    records = read_records(RECORDS)
    lines = [
        "| ours | published | datasets | ours | published | wins / ties / losses | p | "
        f"more than {FAR:g} behind on |",
        "|---" * 8 + "|",
    ]
    reasons = {}
    for model, methods in BESIDE.items():
        own = [record for record in records if record["model"] == model]
        for method in methods if own else ():
            table, left_out = with_published(own, [method])
            reasons |= {(dataset, reason): None for dataset, reason in left_out.items()}
            ours, theirs = table.scores.T
            counts = " / ".join(map(str, wins_ties_losses(ours, theirs)))
            lines.append(
                f"| {model} | {table.models[-1]} | {len(table.datasets)} | {ours.mean():.4f} | "
                f"{theirs.mean():.4f} | {counts} | {wilcoxon(ours, theirs):.2g} | "
                f"{_far_behind(table.datasets, ours - theirs) or '-'} |"
            )
    by_reason = {}
    for dataset, reason in reasons:
        by_reason.setdefault(reason, []).append(dataset)
    lines.append("\nLeft out:\n")
    lines += [f"- {reason}: {', '.join(names)}" for reason, names in sorted(by_reason.items())]
    return "\n".join(lines)


def _far_behind(datasets, differences):
    """Return the datasets of large negative differences of accuracies, as text."""
    return ", ".join(
        f"{dataset} ({difference:+.3f})"
        for dataset, difference in zip(datasets, differences, strict=True)
        if difference < -FAR
    )


def _under_way(records):
    """Return a sentence on the runs that are still missing, if any are."""
    plan, peers = (json.loads(path.read_text(encoding="utf-8")) for path in (PLAN, PEERS_PLAN))
    models = {*plan["models"], *peers["models"]}
    pairs = set(itertools.product(models, plan["datasets"]))
    n_planned = len(pairs - REFUSED) * plan["seeds"]
    if len(records) >= n_planned:
        return ""
    n_covered = _n_covered(records)
    waiting = [
        f"{model} has {n_covered.get(model, 0)} datasets"
        for model in models
        if n_covered.get(model, 0) < COVERED * len(plan["datasets"])
    ]
    return f" **Under way:** {'; '.join([f'{len(records)} of {n_planned} runs', *waiting])}."


def _n_covered(records):
    """Return model -> number of datasets."""
    pairs = {(record["model"], record["dataset"]) for record in records}
    return Counter(model for model, _ in pairs)


def _of_covering_models(records):
    """Return the records of the models that cover nearly all planned datasets."""
    n_planned = len(json.loads(PLAN.read_text(encoding="utf-8"))["datasets"])
    n_covered = _n_covered(records)
    return [r for r in records if n_covered[r["model"]] >= COVERED * n_planned]


def _deviations(records):
    """Return (dataset, model) -> standard deviation over at least two runs."""
    values = {}
    for record in records:
        values.setdefault((record["dataset"], record["model"]), []).append(record["accuracy"])
    return {key: statistics.stdev(found) for key, found in values.items() if len(found) > 1}


def _cell(value, deviation, best):
    if not np.isfinite(value):
        return "-"
    text = f"**{value:.4f}**" if best else f"{value:.4f}"
    return text if deviation is None else f"{text} ± {deviation:.3f}"


def _missing(table):
    """Return in words which models have no results on what."""
    of_sets = {}
    for model, column in zip(table.models, np.isnan(table.scores).T, strict=True):
        names = tuple(name for name, gap in zip(table.datasets, column, strict=True) if gap)
        if names:
            of_sets.setdefault(names, []).append(model)
    gaps = [
        f"{', '.join(models)} on {', '.join(names)}"
        + ", of unequal length" * (set(itertools.product(models, names)) <= REFUSED)
        for names, models in of_sets.items()
    ]
    return f" (missing: {'; '.join(gaps)})" if gaps else ""
