"""Which figures does the README show? Those in benchmarks/results, between its markers."""

import csv
import itertools
import json
import math
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import combine
import emotion
import front
import numpy as np
import scipy.stats
import sweep_tables

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MAPS = ("attention", "activation")  # in study-explanations.csv
BASELINES = ("zero", "local_mean", "noise")
RIVALS = ("plain Keras", "sktime")


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


def speed(name="speed.json"):
    """Return a function to milliseconds per epoch and ratios of a record."""

    def table():
        record = json.loads((RESULTS / name).read_text())["training"]
        lines = [
            "| series x (channels x) timepoints | precision | ms per epoch | plain Keras | sktime "
            "| share of the convolution limit | sktime / that limit |",
            "|---" * 7 + "|",
        ]
        for shape, row in record["rows"].items():
            for precision in ("float32", "bfloat16"):
                ratios = [
                    f"{row[key]:.1f} x" if key in row else "-"
                    for key in (f"{rival} / ours, {precision}" for rival in RIVALS)
                ]
                limit = row[f"limit, {precision}, ms"]
                ratios.append(f"{row['sktime, ms'] / limit:.1f} x" if "sktime, ms" in row else "-")
                lines.append(
                    f"| {shape} | {precision} | {row[f'ours, {precision}, ms']:.0f} | {ratios[0]} "
                    f"| {ratios[1]} | {100 * row[f'share of the limit, {precision}']:.0f} % "
                    f"| {ratios[2]} |"
                )
        return "\n".join(lines)

    return table


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


def start_in_short():
    """Return where the seconds of a fit on 20 series and of a prediction of one go, as a list."""
    record = json.loads((RESULTS / "speed.json").read_text())["start"]["rows"]["20 x 100"]
    return "\n".join(f"- {what.removesuffix(', s')}: {s:.2g} s" for what, s in record.items())


def growth():
    """Return milliseconds per epoch as one size grows, one line per size."""
    record = json.loads((RESULTS / "speed.json").read_text())["growth"]["rows"]
    lines = ["| grows | ms per epoch at each value |", "|---|---|"]
    for size, row in record.items():
        cells = "; ".join(f"{key.removesuffix(', ms')}: {value:.0f}" for key, value in row.items())
        lines.append(f"| {size} | {cells} |")
    return "\n".join(lines)


def precision():
    """Return accuracy by precision, averaged over seeds, from the study within training splits."""
    records = rows("study-precision.csv")
    pairs = [("float32", "bfloat16"), ("ALSTM-FCN, float32", "ALSTM-FCN, bfloat16")]
    pairs = [pair for pair in pairs if {*pair} <= {row["configuration"] for row in records}]
    lines = [comparison(records, [name for pair in pairs for name in pair])]
    for pair in pairs:
        single, brief = (
            {
                (row["dataset"], row["seed"]): float(row["accuracy"])
                for row in records
                if row["configuration"] == name
            }
            for name in pair
        )
        signs = [np.sign(brief[run] - single[run]) for run in single if run in brief]
        model = "ALSTM-FCN" if "ALSTM" in pair[0] else "LSTM-FCN"
        lines.append(
            f"\n{model}: {signs.count(0)} of {len(signs)} pairs of runs have the same accuracy, "
            f"bfloat16 is better in {signs.count(1)}, float32 in {signs.count(-1)}."
        )
    return "\n".join(lines)


def paper():
    """Return accuracy and time of the default recipe and of the paper preset, side by side."""
    return comparison(rows("study-paper.csv"), ("default", "paper"), seconds=True)


def channels():
    """Return what each setting brings on folds of sets with several channels, as a table."""
    by_setting = defaultdict(dict)
    for row in rows("study-channels.csv"):
        by_setting[row["configuration"]][row["dataset"], row["seed"]] = row
    known = by_setting["default"]
    datasets = sorted({dataset for dataset, _ in known})
    columns = [*datasets, "mean", "to the default", "log loss", "ratio of seconds"]
    lines = [f"| setting | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, runs in sorted(by_setting.items(), key=lambda item: item[0] != "default"):
        keys = [key for key in known if key in runs]
        accuracies, losses, before = (
            [mean([side[key] for key in keys if key[0] == dataset], column) for dataset in datasets]
            for side, column in ((runs, "accuracy"), (runs, "log_loss"), (known, "accuracy"))
        )
        gains = np.subtract(accuracies, before)
        low, high = front.interval(gains)
        ratio = statistics.median(
            float(runs[key]["fit_seconds"]) / float(known[key]["fit_seconds"])
            for key in keys
            if runs[key]["fit_seconds"] and known[key]["fit_seconds"]
        )
        cells = [f"{accuracy:.3f}" for accuracy in [*accuracies, mean_of(accuracies)]]
        cells.append("-" if runs is known else f"{gains.mean():+.3f} ({low:+.3f} to {high:+.3f})")
        cells += [f"{mean_of(losses):.3f}", f"{ratio:.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def fine_tuning():
    """Return accuracy and log loss before and after ``fine_tune``, with a paired test."""
    by_dataset = defaultdict(list)
    for row in rows("study-fine_tune.csv"):
        by_dataset[row["dataset"]].append(row)
    columns = ("accuracy", "accuracy_tuned", "log_loss", "log_loss_tuned")
    columns += ("fit_seconds", "tune_seconds")
    lines = [
        "| dataset | runs | accuracy | tuned | log loss | tuned | seconds | tuning |",
        "|---" * 8 + "|",
    ]
    table = []
    for dataset, runs in sorted(by_dataset.items()):
        table.append([mean(runs, column) for column in columns])
        lines.append(line(dataset, len(runs), table[-1], 4))
    n_runs = sum(len(runs) for runs in by_dataset.values())
    means = [mean_of(column) for column in zip(*table, strict=True)]
    lines += [line("**mean**", n_runs, means, 4), ""]
    for before, after, name in ((0, 1, "Accuracy"), (2, 3, "Log loss")):
        differences = [row[after] - row[before] for row in table]
        lines.append(f"{name}, tuned: {paired(differences)}")
    return "\n".join(lines)


def paired(differences):
    """Return a sentence on differences, one per dataset, with Wilcoxon's test."""
    differences = [round(difference, 9) for difference in differences]
    p = scipy.stats.wilcoxon(differences, zero_method="pratt").pvalue
    return (
        f"higher on {sum(d > 0 for d in differences)} datasets, equal on {differences.count(0)}, "
        f"lower on {sum(d < 0 for d in differences)}; Wilcoxon's signed-rank test over the "
        f"datasets' means (zeros by Pratt): p = {p:.2g}."
    )


def explanations(configuration):
    """Return a function that makes a table: how far deletion by each map moves a configuration."""

    def table():
        by_dataset = defaultdict(list)
        for row in rows("study-explanations.csv"):
            if row["configuration"] == configuration:
                by_dataset[row["dataset"]].append(row)
        pairs = [
            (name, null)
            for name in MAPS
            for null in ("random", f"{name}, shifted")
            if any(runs[0][f"{name}, zero"] for runs in by_dataset.values())
        ] + [("gradient x input", "random")]
        header = ["dataset", "runs", "LSTM's share"]
        header += [f"{a} : {'shifted' if 'shifted' in b else b}" for a, b in pairs]
        lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
        ratios = []
        for dataset, runs in sorted(by_dataset.items()):
            ratios.append([drop(runs, a) / max(drop(runs, b), 1e-3) for a, b in pairs])
            cells = [dataset, f"{len(runs)}", f"{mean(runs, 'lstm_share'):.2f}"]
            cells += [f"{ratio:.1f}" for ratio in ratios[-1]]
            lines.append(f"| {' | '.join(cells)} |")
        medians = [f"{statistics.median(column):.1f}" for column in zip(*ratios, strict=True)]
        lines.append(f"| **median** | | | {' | '.join(medians)} |")
        return "\n".join(lines)

    return table


def accuracy_of_models():
    """Return the accuracies of LSTM-FCN and ALSTM-FCN, with gaps and without, side by side."""
    records = rows("study-explanations.csv")
    runs = defaultdict(lambda: defaultdict(list))
    for row in records:
        runs[row["dataset"]][row["configuration"]].append(row)
    names = ("LSTM-FCN", "ALSTM-FCN", "ALSTM-FCN, no occlusion")
    sentences = []
    for name in names[1:]:
        differences = [
            mean(by_model[name], "accuracy") - mean(by_model["LSTM-FCN"], "accuracy")
            for by_model in runs.values()
        ]
        sentences.append(f"- {name}: {paired(differences)}")
    return "\n".join([comparison(records, names), "", *sentences])


def explanations_in_short(record):
    """Return a function that writes on how many datasets each map reaches its aim."""

    def sentences():
        records = defaultdict(lambda: defaultdict(list))
        for row in rows(record):
            records[row["configuration"]][row["dataset"]].append(row)
        return "\n".join(itertools.starmap(explained, records.items()))

    return sentences


def explained(configuration, by_dataset):
    """Return the sentence of one configuration; its runs are by dataset."""
    reached = []
    for name, words, least in (
        ("attention", "attention map", 1.5),
        ("activation", "activation map", 2.0),
    ):
        if all(runs[0][f"{name}, zero"] for runs in by_dataset.values()):
            n = sum(drop(r, name) >= least * drop(r, "random") for r in by_dataset.values())
            reached.append(f"by the {words} at least {least:g} times as far as random on {n}")
    n_runs = sum(map(len, by_dataset.values()))
    accuracy = statistics.mean(mean(runs, "accuracy") for runs in by_dataset.values())
    return (
        f"- {configuration} (mean accuracy {accuracy:.4f} over {n_runs} runs): deleting a "
        f"fifth moves the probability {' and '.join(reached)} of {len(by_dataset)} datasets."
    )


def drop(runs, name):
    """Return the mean fall of the probability over runs and baselines."""
    return statistics.mean(mean(runs, f"{name}, {baseline}") for baseline in BASELINES)


def mean(runs, column):
    """Return the mean over the runs that have a value: interrupted runs have no seconds."""
    return mean_of([float(run[column]) for run in runs if run[column]])


def mean_of(values):
    values = [value for value in values if not math.isnan(value)]
    return statistics.mean(values) if values else math.nan


def paper_in_short():
    """Return one sentence: the default recipe's accuracy and time beside the paper preset's."""
    by_run = defaultdict(dict)
    for row in rows("study-paper.csv"):
        by_run[row["dataset"], row["seed"]][row["configuration"]] = row
    pairs = [runs for runs in by_run.values() if {"default", "paper"} <= set(runs)]
    default, preset = (mean([pair[c] for pair in pairs], "accuracy") for c in ("default", "paper"))
    times = [
        float(pair["paper"]["fit_seconds"]) / float(pair["default"]["fit_seconds"])
        for pair in pairs
        if pair["paper"]["fit_seconds"] and pair["default"]["fit_seconds"]
    ]
    n_datasets = len({pair["paper"]["dataset"] for pair in pairs})
    sentence = (
        f"Over {len(pairs)} pairs of fits on {n_datasets} UCR datasets the mean test accuracy of "
        f"the default recipe is {default:.4f}, of the paper preset {preset:.4f}"
    )
    if times:
        ratio = statistics.median(times)
        sentence += f"; the preset takes {ratio:.0f} times as long (median of {len(times)})"
    return sentence + "."


def zero_shot_mosi():
    """Return trained classifiers beside GPT-4V on the same clips, means over seeds."""
    by_model = defaultdict(list)
    for row in rows("zero-shot-mosi.csv"):
        by_model[row["model"]].append(row)
    lines = [
        "| classifier | seeds | all test clips | the shared clips | GPT-4V | difference | "
        "right alone | GPT-4V alone | McNemar's p |",
        "|---" * 9 + "|",
    ]
    for model, runs in sorted(by_model.items(), reverse=True):
        everywhere, shared, gpt4v, difference, low, high = (
            mean(runs, key)
            for key in ("accuracy_test", "accuracy", "gpt4v", "difference", "low", "high")
        )
        deviation = statistics.stdev(float(run["accuracy"]) for run in runs)
        p_values = [float(run["p_value"]) for run in runs]
        lines.append(
            f"| {model} | {len(runs)} | {everywhere:.3f} (n = {runs[0]['n_test']}) | "
            f"{shared:.3f} ± {deviation:.3f} (n = {runs[0]['n']}) | {gpt4v:.3f} | "
            f"{difference:+.3f} ({low:+.3f} to {high:+.3f}) | {mean(runs, 'only_ours'):.1f} | "
            f"{mean(runs, 'only_gpt4v'):.1f} | {min(p_values):.2g} to {max(p_values):.2g} |"
        )
    return "\n".join(lines)


def emotion_presets():
    """Return the scores of the presets on test clips, each with its command."""
    return "\n".join(emotion.presets(rows("emotion.csv")))


def emotion_report():
    """Return the scores of all recipes on test clips; those chosen on training clips are bold."""
    return "\n".join(emotion.report(rows("emotion.csv"), rows("emotion-choose.csv"))).strip()


def emotion_choice():
    """Return the scores on held-out training clips, by which recipes were chosen."""
    return "\n".join(emotion.choice(rows("emotion-choose.csv"))).strip()


def mosi_linear():
    """Return the accuracies of a linear classifier on mosi's features, by training split."""
    lines = [
        "| modalities | reads | held-out training videos | test clips "
        "| test videos, trained on other test videos |",
        "|---|---|---|---|---|",
    ]
    for row in rows("mosi-linear.csv"):
        cells = [f"{float(row[key]):.3f}" for key in ("held_out_training", "test", "held_out_test")]
        lines.append(f"| {row['modalities']} | {row['reads']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def runs_of(records):
    """Return (dataset, seed) -> configuration -> row of a study."""
    by_run = defaultdict(dict)
    for row in records:
        by_run[row["dataset"], row["seed"]][row["configuration"]] = row
    return by_run


def comparison(records, configurations, seconds=False):
    """Return a Markdown table of means over seeds, per dataset and over all, for shared runs."""
    by_run = runs_of(records)
    shared = {
        key: runs for key, runs in by_run.items() if all(name in runs for name in configurations)
    }
    header = ["dataset", "runs", *configurations]
    header += [f"{name}, seconds" for name in configurations] if seconds else []
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    table = []
    for dataset in sorted({dataset for dataset, _ in shared}):
        runs = [runs for (name, _), runs in shared.items() if name == dataset]
        values = [mean([run[c] for run in runs], "accuracy") for c in configurations]
        if seconds:
            timed = [run for run in runs if all(run[c]["fit_seconds"] for c in configurations)]
            values += [mean([run[c] for run in timed], "fit_seconds") for c in configurations]
        table.append(values)
        lines.append(line(dataset, len(runs), values, len(configurations)))
    means = [mean_of(column) for column in zip(*table, strict=True)]
    lines.append(line("**mean**", len(shared), means, len(configurations)))
    return "\n".join(lines)


def line(name, n_runs, values, n_accuracies):
    cells = [f"{value:.4f}" for value in values[:n_accuracies]]
    seconds = values[n_accuracies:]
    cells += ["-" if math.isnan(value) else f"{value:.0f}" for value in seconds]
    return f"| {name} | {n_runs} | " + " | ".join(cells) + " |"


def rows(name):
    with open(RESULTS / name, newline="") as file:
        return list(csv.DictReader(file))


TABLES = {
    "demo": demo,
    "speed": speed(),
    "speed_avx512": speed("speed-avx512.json"),
    "precision": precision,
    "front": front.table,
    "front_means": combine.table,
    "paper": paper,
    "paper_in_short": paper_in_short,
    "fine_tuning": fine_tuning,
    "explanations": explanations("ALSTM-FCN"),
    "explanations_lstmfcn": explanations("LSTM-FCN"),
    "explanations_accuracy": accuracy_of_models,
    "explanations_in_short": explanations_in_short("study-explanations.csv"),
    "attention": explanations_in_short("study-attention.csv"),
    "attention_epochs": measured("attention"),
    "prediction": measured("prediction"),
    "fit": measured("fit"),
    "start": measured("start"),
    "start_in_short": start_in_short,
    "export": measured("export"),
    "memory": measured("memory"),
    "parts": measured("parts"),
    "growth": growth,
    "emotion": emotion_presets,
    "emotion_report": emotion_report,
    "emotion_choose": emotion_choice,
    "mosi_linear": mosi_linear,
    "zero_shot_mosi": zero_shot_mosi,
    "sweep_summary": sweep_tables.summary,
    "sweep_questions": sweep_tables.questions,
    "sweep_published": sweep_tables.published,
    "sweep": sweep_tables.accuracies,
    "multivariate": sweep_tables.multivariate,
    "channels": channels,
    "jobs": measured("jobs"),
    "archive": measured("archive"),
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
