"""Which figures does the README show? Those in benchmarks/results, between its markers."""

import csv
import json
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def demo():
    """Return the demo's record as a Markdown table."""
    lines = [
        "| dataset | model | accuracy | published | seconds |",
        "|---|---|---|---|---|",
    ]
    for row in rows("demo.csv"):
        published = f"{float(row['published']):.4f}" if row["published"] else "-"
        lines.append(
            f"| {row['dataset']} | {row['model']} | {float(row['accuracy']):.4f} | "
            f"{published} | {float(row['seconds']):.0f} |"
        )
    return "\n".join(lines)


def speed():
    """Return milliseconds per epoch and ratios, from speed.json."""
    record = json.loads((RESULTS / "speed.json").read_text())["training"]
    lines = [
        "| series x (channels x) timepoints | precision | ms per epoch | plain Keras | sktime | "
        "share of the convolution limit |",
        "|---|---|---|---|---|---|",
    ]
    for shape, row in record["rows"].items():
        for precision in ("float32", "bfloat16"):
            ratios = [
                f"{row[key]:.1f} x" if key in row else "-"
                for key in (f"{rival} / ours, {precision}" for rival in ("plain Keras", "sktime"))
            ]
            lines.append(
                f"| {shape} | {precision} | {row[f'ours, {precision}, ms']:.0f} | {ratios[0]} | "
                f"{ratios[1]} | {100 * row[f'share of the limit, {precision}']:.0f} % |"
            )
    return "\n".join(lines)


def measured(name):
    """Return a function to one of speed.json's other tables, one row per case."""

    def table():
        record = json.loads((RESULTS / "speed.json").read_text())[name]["rows"]
        columns = list(dict.fromkeys(key for row in record.values() for key in row))
        lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for case, row in record.items():
            cells = [f"{row[key]:.3g}" if key in row else "" for key in columns]
            cells = [f"{float(cell):,.0f}" if "e" in cell else cell for cell in cells]
            lines.append(f"| {case} | {' | '.join(cells)} |")
        return "\n".join(lines)

    return table


def growth():
    """Return milliseconds per epoch as one size grows, one line per size."""
    record = json.loads((RESULTS / "speed.json").read_text())["growth"]["rows"]
    lines = ["| grows | ms per epoch at each value |", "|---|---|"]
    for size, row in record.items():
        cells = "; ".join(f"{key.removesuffix(', ms')}: {value:.0f}" for key, value in row.items())
        lines.append(f"| {size} | {cells} |")
    return "\n".join(lines)


def recipe():
    """Return accuracy and log loss of each recipe, averaged over the runs that all have."""
    by_run = defaultdict(dict)
    for row in rows("study-recipe.csv"):
        by_run[row["dataset"], row["seed"]][row["configuration"]] = row
    names = sorted({name for runs in by_run.values() for name in runs})
    shared = [runs for runs in by_run.values() if len(runs) == len(names)]
    lines = ["| recipe | runs | accuracy | log loss | seconds |", "|---|---|---|---|---|"]
    for name in names:
        accuracy, loss, seconds = (
            statistics.mean(float(runs[name][key]) for runs in shared)
            for key in ("accuracy", "log_loss", "fit_seconds")
        )
        lines.append(f"| {name} | {len(shared)} | {accuracy:.4f} | {loss:.4f} | {seconds:.0f} |")
    return "\n".join(lines)


def precision():
    """Return accuracy by precision, averaged over seeds, from the study within training splits."""
    return comparison(rows("study-precision.csv"), ("float32", "bfloat16"))


def paper():
    """Return accuracy and time of the default recipe and of the paper preset, side by side."""
    return comparison(rows("study-paper.csv"), ("default", "paper"), seconds=True)


def comparison(records, configurations, seconds=False):
    """Return a Markdown table of means over seeds, per dataset and over all, for shared runs."""
    by_run = defaultdict(dict)
    for row in records:
        by_run[row["dataset"], row["seed"]][row["configuration"]] = row
    shared = {
        key: runs for key, runs in by_run.items() if all(name in runs for name in configurations)
    }
    header = ["dataset", "runs", *configurations]
    header += [f"{name}, seconds" for name in configurations] if seconds else []
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    table = []
    for dataset in sorted({dataset for dataset, _ in shared}):
        runs = [runs for (name, _), runs in shared.items() if name == dataset]
        values = [statistics.mean(float(r[c]["accuracy"]) for r in runs) for c in configurations]
        if seconds:
            values += [
                statistics.mean(float(r[c]["fit_seconds"]) for r in runs) for c in configurations
            ]
        table.append(values)
        lines.append(line(dataset, len(runs), values, len(configurations)))
    means = [statistics.mean(column) for column in zip(*table, strict=True)]
    lines.append(line("**mean**", len(shared), means, len(configurations)))
    return "\n".join(lines)


def line(name, n_runs, values, n_accuracies):
    cells = [f"{value:.4f}" for value in values[:n_accuracies]]
    cells += [f"{value:.0f}" for value in values[n_accuracies:]]
    return f"| {name} | {n_runs} | " + " | ".join(cells) + " |"


def rows(name):
    with open(RESULTS / name, newline="") as file:
        return list(csv.DictReader(file))


TABLES = {
    "demo": demo,
    "speed": speed,
    "precision": precision,
    "recipe": recipe,
    "paper": paper,
    "prediction": measured("prediction"),
    "start": measured("start"),
    "memory": measured("memory"),
    "parts": measured("parts"),
    "growth": growth,
}


def updated(text):
    """Return a page's text with each table put between its markers."""

    def table(match):
        name = match.group(1)
        return f"<!-- {name}: generated -->\n{TABLES[name]()}\n<!-- {name}: end -->"

    return re.sub(r"<!-- (\w+): generated -->.*?<!-- \1: end -->", table, text, flags=re.DOTALL)


if __name__ == "__main__":
    for page in (ROOT / "README.md", ROOT / "benchmarks" / "README.md"):
        page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
