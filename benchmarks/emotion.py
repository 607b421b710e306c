"""How well are emotions recognised from feature sequences? Choose on training clips, then report.

    python benchmarks/emotion.py choose --data FOLDER --jobs 2
    python benchmarks/emotion.py report --data FOLDER --jobs 2
    python benchmarks/emotion.py table

FOLDER holds ``emodb`` and ``mosi`` in MER2024's layout. ``choose`` reads no test clip. It cuts the
training clips into folds of whole speakers (emodb) or videos (mosi). Run k trains on all folds but
fold k, and scores fold k. ``report`` takes the best recipe of ``choose``, trains it on all training
clips with five seeds, and scores the test clips. A finished run is a row of
``benchmarks/results/emotion-choose.csv`` or ``emotion.csv``; a repeated call does the missing runs.

There are three data sets. ``emodb`` has 189 labelled clips, and clean and noisy test clips.
``emodb-semi`` has 46 labelled clips and 143 clips whose labels are never read. ``mosi`` has three
modalities.
Scores on folds have two further variants. For ``babble_*``, voices of training clips are mixed into
log-mel frames. For ``mixed_*``, each utterance of mosi is mixed with an utterance of the other
class. ``noisy_*`` is on the noisy test clips. Some recorded folds have it with Gaussian noise,
which predicts scores on these clips poorly.

The features of mosi's training videos come from networks that were trained on the labels of these
videos. They predict these labels better than they can predict labels of test videos. After mixing,
a linear classifier on them is right in three of four cases.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix
from study import do_all, read

from lstmfcn.emotion import PRESETS
from lstmfcn.emotion.one_run import fit_recipe
from lstmfcn.emotion.splits import HELD_OUT
from lstmfcn.emotion.track_data import load_track_data
from lstmfcn.evaluation.intervals import paired_interval
from lstmfcn.files import write_csv

RESULTS = Path(__file__).resolve().parent / "results"
N_SEEDS = 5
# Test split to the prefix of its scores in the records, and to a column of the tables.
PREFIXES = {
    HELD_OUT: "",
    "test": "",
    "clean": "",
    "noisy": "noisy_",
    "with babble": "babble_",
    "mixed": "mixed_",
}
COLUMN_TITLES = {
    "": "score",
    "babble_": "with babble",
    "mixed_": "mixed with the other class",
}


@dataclass(frozen=True)
class Study:
    """How recipes are chosen and reported on one data set.

    `tracks` has the track to choose on and the track to report. Scores are named by their prefix:
    `chosen_by` lists the scores that choose a recipe, and `shown` the scores in the table of the
    choice. `comparators` maps a score in the report to published scores and the aim.
    """

    folder: str
    tracks: tuple
    group: str
    metric: str
    n_folds: int
    chosen_by: tuple
    shown: tuple
    comparators: dict


STUDIES = {
    "emodb": Study(
        folder="emodb",
        tracks=("full", "noise"),
        group="speaker",
        metric="weighted_f1",
        n_folds=6,  # one training speaker each
        chosen_by=("", "babble_"),
        shown=("", "babble_"),
        comparators={
            "": ("SVM .711; untuned FCN + LSTM .742, with augmentation .783", 0.82),
            "noisy_": ("SVM .550-.587; untuned .631", 0.72),
        },
    ),
    "emodb-semi": Study(
        folder="emodb",
        tracks=("semi", "semi"),
        group="speaker",
        metric="weighted_f1",
        n_folds=6,
        chosen_by=("",),
        shown=("",),
        comparators={"": ("SVM .602-.753; untuned with the 46 labels .786", 0.81)},
    ),
    "mosi": Study(
        folder="mosi",
        tracks=("full", "full"),
        group="video",
        metric="accuracy",
        n_folds=3,
        # On held-out training videos all recipes are all but perfect.
        chosen_by=("mixed_",),
        shown=("mixed_", ""),
        comparators={
            "": ("last-step logistic regression .767; published contextual LSTM .803", 0.8)
        },
    ),
}

MIXUP = replace(PRESETS["emodb"].mean_of[0], standardize_by=None)
PLAIN = replace(MIXUP, n_epochs=None, n_copies=0, augmentation={})
BABBLE = PRESETS["emodb-noisy"]
NOISY = {"noise": 1.0, "feature_mask": 0.4}
BOTH = replace(MIXUP, features=["eGeMAPS_FRA", "logmel40_FRA"], fusion="branch")
EMODB = [
    *(
        replace(one, model=name)
        for one in (PLAIN, MIXUP)
        for name in ("fcn", "lstmfcn", "alstmfcn")
    ),
    replace(MIXUP, augmentation={**NOISY, "crop": 0.8}),
    replace(MIXUP, settings={"normalization": "series"}),
    BOTH,
    PRESETS["emodb"],
    *PRESETS["emodb"].mean_of,
    *(replace(one, standardize_by="speaker") for one in (replace(PLAIN, model="fcn"), BOTH)),
]

# Networks soon memorise 46 labels.
SMALL = {"n_filters": [32, 64, 32]}
BY_SPEAKER = replace(MIXUP, standardize_by="speaker", n_epochs=60)
BABBLE_LONG = replace(BABBLE, n_epochs=60)
BOTH_BABBLE = replace(
    BABBLE_LONG, features=BOTH.features, fusion="late", babble_features="logmel40_FRA"
)
SMALL_LONG = replace(BY_SPEAKER, settings=SMALL, n_epochs=40)
ON_LABELS_ALONE = [
    BOTH_BABBLE,
    replace(BOTH_BABBLE, settings=SMALL, n_epochs=20),
    BABBLE_LONG,
    replace(BABBLE_LONG, n_timepoints=75),
    BY_SPEAKER,
    replace(BY_SPEAKER, n_timepoints=75),
    replace(BY_SPEAKER, settings=SMALL, n_epochs=20),
    SMALL_LONG,
    replace(SMALL_LONG, n_members=5),
    replace(SMALL_LONG, standardize_by=None),
    PRESETS["emodb-semi"].on_labels_alone(),
]
ALL = {"n_rounds": 1, "n_members": 3, "threshold": 0.0}  # three networks label all clips
SOFT = {**ALL, "soft": True, "pseudo_weight": 1.0}


def with_pseudo_labels(recipe, parameters):
    """Return a recipe, or each recipe of a mean, that also learns from unlabelled clips."""
    if recipe.mean_of:
        mean_of = [with_pseudo_labels(one, parameters) for one in recipe.mean_of]
        return replace(recipe, mean_of=mean_of)
    return replace(recipe, pseudo_labels=parameters)


SEMI = [
    *ON_LABELS_ALONE,
    *(with_pseudo_labels(one, how) for one in ON_LABELS_ALONE for how in (ALL, SOFT)),
]

TEXT = replace(PRESETS["mosi-text"], n_members=1)
TINY = {"n_filters": [16, 16, 16]}
NEAR = replace(TEXT, context=(4, 4), n_timepoints=10)
# Without a context window: zeros in front of at most nine utterances before and the own one.
ALONE = replace(TEXT, context=(0, 0), n_timepoints=10, n_mixed=0, settings={}, n_epochs=60)
NEAR_ALONE = replace(ALONE, context=(4, 4))
COPIED = {"n_epochs": 20, "n_copies": 2}  # with two copies as many updates as 60 epochs
CELLS = {"n_cells": 64}
TINY_CELLS = {**TINY, **CELLS}
WITHOUT_FUSION = [
    ALONE,
    replace(ALONE, settings=CELLS),
    replace(ALONE, augmentation={"mixup": 0.0, "noise": 0.0}, **COPIED),
    replace(ALONE, augmentation=NOISY, **COPIED),
    NEAR_ALONE,
    replace(NEAR_ALONE, settings=CELLS),
    replace(NEAR_ALONE, settings=CELLS, augmentation=NOISY, **COPIED),
    replace(NEAR_ALONE, settings=TINY_CELLS, n_epochs=15),
    # Every mixed copy still bears the mark of its utterance: more epochs memorise it.
    replace(NEAR, settings=CELLS, n_epochs=1),
    replace(NEAR, settings=TINY_CELLS),
    NEAR,
    replace(NEAR, settings=TINY_CELLS, n_epochs=4),
    TEXT,
    PRESETS["mosi-text"],
    replace(TEXT, n_epochs=4),
    replace(TEXT, n_mixed=0, n_epochs=15),
    replace(ALONE, n_mixed=3, settings=TINY_CELLS, n_epochs=2),
    replace(ALONE, n_mixed=3, settings=TINY_CELLS, n_epochs=4),
]
MODALITIES = PRESETS["mosi-early"].features
WAYS = [  # to use the modalities
    {"features": MODALITIES, "fusion": "early"},
    {"features": MODALITIES, "fusion": "branch"},
    {"features": MODALITIES, "fusion": "late"},
    *({"features": [name], "fusion": None} for name in MODALITIES),
]
MOSI = [replace(recipe, **way) for recipe in WITHOUT_FUSION for way in WAYS]

RECIPES = {
    data: {recipe.label: recipe for recipe in recipes}
    for data, recipes in {"emodb": EMODB, "emodb-semi": SEMI, "mosi": MOSI}.items()
}
KINDS = ("", "noisy_", "babble_", "mixed_")
COLUMNS = (
    *("data", "recipe", "seed", "n_train", "n_scored"),
    *(f"{kind}{metric}" for kind in KINDS for metric in ("weighted_f1", "accuracy")),
    *("n_pseudo", "fit_seconds"),
    *(f"{kind}confusion" for kind in KINDS),
)


def run(mode, data, label, seed, folder, n_epochs=None):
    """Fit and score a recipe once; return one row."""
    study, recipe = STUDIES[data], RECIPES[data][label]
    if n_epochs is not None and recipe.mean_of:
        mean_of = [replace(one, n_epochs=n_epochs) for one in recipe.mean_of]
        recipe = replace(recipe, mean_of=mean_of)
    elif n_epochs is not None:
        recipe = replace(recipe, n_epochs=n_epochs)
    choosing = mode == "choose"
    loaded = load_track_data(
        Path(folder) / study.folder,
        study.tracks[0 if choosing else 1],
        recipe,
        group=study.group,
        fold=seed if choosing else None,
        n_folds=study.n_folds,
    )
    started = time.perf_counter()
    ensemble = fit_recipe(loaded, seed)
    row = {
        "data": data,
        "recipe": label,
        "seed": seed,
        "n_train": loaded.n_train,
        "n_scored": len(next(iter(loaded.tests.values()))),
        "fit_seconds": round(time.perf_counter() - started, 1),
    }
    if recipe.uses_unlabelled:
        row["n_pseudo"] = sum(ensemble.classifiers[-1].rounds_[-1].values())
    for test, clips in loaded.tests.items():
        X = (one.tests[test].X for one in loaded.of_each_recipe)
        probabilities = ensemble.predict_proba(*X)
        y_pred = ensemble.classes_[probabilities.argmax(axis=1)]
        labels = sorted({*ensemble.classes_.tolist(), *clips.y.tolist()})
        counts = confusion_matrix(clips.y, y_pred, labels=labels)
        kind = PREFIXES[test]
        row[f"{kind}confusion"] = json.dumps({"labels": labels, "counts": counts.tolist()})
        row |= {f"{kind}{key}": round(value, 6) for key, value in scores(counts).items()}
    return row


def scores(counts):
    """Return accuracy and weighted F1 of a confusion matrix, the true classes by row.

    The matrix is of all folds together, because F1 of a fold of eight clips says little.
    """
    true, predicted, right = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts)
    f1 = 2 * right / np.maximum(true + predicted, 1)
    return {
        "accuracy": float(right.sum() / true.sum()),
        "weighted_f1": float((f1 * true).sum() / true.sum()),
    }


def pooled(rows, kind=""):
    """Return the scores of all folds of a recipe together, or None if folds are missing."""
    rows = [row for row in rows if row.get(f"{kind}confusion")]
    if not rows or len(rows) < STUDIES[rows[0]["data"]].n_folds:
        return None
    found = [json.loads(row[f"{kind}confusion"]) for row in rows]
    labels = sorted({label for one in found for label in one["labels"]})
    counts = np.zeros((len(labels), len(labels)), int)
    for one in found:
        places = [labels.index(label) for label in one["labels"]]
        counts[np.ix_(places, places)] += np.array(one["counts"])
    return scores(counts)


def ranking(rows, data, kind=""):
    """Return (score, label) of the recipes of a data set with all folds, the best first."""
    found = []
    for label in RECIPES[data]:
        mine = [row for row in rows if (row["data"], row["recipe"]) == (data, label)]
        total = pooled(mine, kind) if mine else None
        if total is not None:
            found.append((total[STUDIES[data].metric], label))
    return sorted(found, key=lambda item: -item[0])


def picked(rows, data):
    """Return the labels of the recipes that are best on training clips, by each score.

    Raises
    ------
    ValueError
        If nothing has been chosen yet.
    """
    ranked = [ranking(rows, data, kind) for kind in STUDIES[data].chosen_by]
    if not ranked[0]:
        raise ValueError(f"no recipe of {data} has all its folds; choose first.")
    if data == "emodb":
        return list(dict.fromkeys(scored[0][1] for scored in ranked if scored))
    labels = [label for _, label in ranked[0]]
    if data == "emodb-semi":
        best = next((one for one in labels if RECIPES[data][one].uses_unlabelled), None)
        if best is None:
            raise ValueError(f"no pseudo-labels of {data} have all their folds; choose first.")
        return [best]
    # One recipe, and with it every way to fuse.
    return [replace(RECIPES[data][labels[0]], **way).label for way in WAYS]


def chosen(rows, data):
    """Return the labels to report: the recipes that the rule picks, and recipes to compare with."""
    labels = picked(rows, data)
    if data == "emodb":
        labels += [replace(PLAIN, model=name).label for name in ("lstmfcn", "alstmfcn")]
    if data == "emodb-semi":
        ranked = [label for _, label in ranking(rows, data)]
        best = (label for label in ranked if not RECIPES[data][label].uses_unlabelled)
        labels += [on_labels_alone(labels[0]), next(best)]
    return list(dict.fromkeys(labels))


def on_labels_alone(label):
    """Return the label of an emodb-semi recipe without its unlabelled clips."""
    return RECIPES["emodb-semi"][label].on_labels_alone().label


def choice(rows):
    """Return the scores on held-out training clips as lines of markdown."""
    lines = []
    for data, study in STUDIES.items():
        found = [{label: x for x, label in ranking(rows, data, kind)} for kind in study.shown]
        if not found[0]:
            continue
        titles = [COLUMN_TITLES[kind] for kind in study.shown]
        lines += [
            f"\n{data}: {study.metric} on held-out training clips ({study.n_folds} folds)\n",
            f"| recipe | {' | '.join(titles)} |",
            "|---" * (1 + len(titles)) + "|",
        ]
        by = (study.chosen_by[0], "")  # a recipe without the first score comes last
        labels = dict.fromkeys(label for kind in by for _, label in ranking(rows, data, kind))
        for label in labels:
            cells = [f"{scored[label]:.4f}" if label in scored else "-" for scored in found]
            lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def by_seed(rows, data, kind=""):
    """Return label -> seed -> score."""
    found = {}
    for row in rows:
        score = row[kind + STUDIES[data].metric] if row["data"] == data else ""
        if score != "":
            found.setdefault(row["recipe"], {})[int(row["seed"])] = float(score)
    return found


def report(rows, choose_rows=()):
    """Return the scores on test clips as lines of markdown; chosen recipes are bold."""
    lines = []
    for data, study in STUDIES.items():
        best = picked(choose_rows, data) if ranking(choose_rows, data) else ()
        for kind in study.comparators:
            found = {label: list(x.values()) for label, x in by_seed(rows, data, kind).items()}
            if not found:
                continue
            others, aim = study.comparators[kind]
            title = f"{data}, noisy" if kind else data
            lines += [
                f"\n{title}: {study.metric} on test clips (others: {others}; aim: {aim})\n",
                "| recipe | mean | standard deviation | seeds |",
                "|---|---|---|---|",
            ]
            for label, values in sorted(found.items(), key=lambda item: -np.mean(item[1])):
                shown = f"**{label}**" if label in best else label
                lines.append(f"| {shown} | {mean_and_deviation(values)} | {len(values)} |")
    return lines + [f"\n{sentence}" for sentence in paired(rows)]


def mean_and_deviation(values):
    """Return two cells of a table."""
    return (
        f"{np.mean(values):.4f} | {np.std(values, ddof=1):.4f}"
        if len(values) > 1
        else (f"{values[0]:.4f} | -")
    )


def paired(rows):
    """Return sentences that compare recipes with and without pseudo-labels."""
    found, sentences = by_seed(rows, "emodb-semi"), []
    for label, ours in found.items():
        theirs = found.get(on_labels_alone(label), {})
        seeds = sorted(set(ours) & set(theirs))
        if RECIPES["emodb-semi"][label].uses_unlabelled and len(seeds) > 1:
            pairs = ([one[seed] for seed in seeds] for one in (ours, theirs))
            difference, low, high = paired_interval(*pairs)
            sentences.append(
                f"{label} against the 46 labels alone, {len(seeds)} seeds: {difference:+.4f} "
                f"(95 % interval {low:+.4f} to {high:+.4f})"
            )
    return sentences


def presets(rows):
    """Return the scores of the presets on test clips, each with its command, as markdown."""
    columns = ("recipe", "test clips", "score", "standard deviation", "seeds", "others")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    commands = []
    for name, recipe in PRESETS.items():
        data = max((data for data in STUDIES if name.startswith(data)), key=len)
        study = STUDIES[data]
        commands.append(
            f"lstmfcn emotion run --recipe {name} --track {study.tracks[1]} --data DATA/"
            f"{study.folder} --group {study.group} --seeds {N_SEEDS} --out results"
        )
        words = {recipe.label: name}
        if recipe.uses_unlabelled:
            words |= {recipe.label: f"{name} pseudo-labels", recipe.on_labels_alone().label: name}
        for kind in study.comparators:
            for label, word in words.items():
                values = list(by_seed(rows, data, kind)[label].values())
                clips = f"{study.folder}{', noisy' if kind else ''}: {study.metric}"
                cells = mean_and_deviation(values)
                others, _ = study.comparators[kind]
                lines.append(f"| {word} | {clips} | {cells} | {len(values)} | {others} |")
    return [*lines, "", "```", *commands, "```"]


def write(path, rows):
    """Write a record again, atomically, in a fixed order."""
    rows = sorted(rows, key=lambda row: (row["data"], row["recipe"], int(row["seed"])))
    write_csv(path, COLUMNS, rows)


def plan(arguments, rows, choose_rows):
    """Return the runs that are missing: (data, label, seed)."""
    done = {(row["data"], row["recipe"], int(row["seed"])) for row in rows}
    choosing, keys = arguments.mode == "choose", []
    for data in arguments.sets:
        labels = [label for label in arguments.only or () if label in RECIPES[data]]
        if not arguments.only:
            labels = list(RECIPES[data]) if choosing else chosen(choose_rows, data)
        n_runs = STUDIES[data].n_folds if choosing else arguments.seeds
        keys += [(data, label, seed) for seed in range(n_runs) for label in labels]
    if not keys:
        raise ValueError(f"--only names no recipe of {', '.join(arguments.sets)}.")
    return [key for key in keys if key not in done]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("mode", choices=("choose", "report", "table"))
    parser.add_argument("--data", help="folder with emodb and mosi")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sets", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--only", nargs="+", help="these recipes, by their labels")
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="of the report")
    parser.add_argument("--epochs", type=int, help="to try the script; needs --results")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the records")
    arguments = parser.parse_args(argv)
    paths = {"choose": "emotion-choose.csv", "report": "emotion.csv"}
    paths = {mode: arguments.results / name for mode, name in paths.items()}
    if arguments.mode != "table":
        if arguments.data is None or (arguments.epochs and arguments.results == RESULTS):
            parser.error("--data is needed, and with --epochs another folder for --results.")
        path = paths[arguments.mode]
        rows = read(path)
        try:
            keys = plan(arguments, rows, read(paths["choose"]))
        except ValueError as error:
            parser.error(str(error))
        path.parent.mkdir(parents=True, exist_ok=True)
        calls = [(arguments.mode, *key, arguments.data, arguments.epochs) for key in keys]
        if not do_all(run, calls, rows, path, write, arguments.jobs, f"emotion {arguments.mode}"):
            return 1
    choose_rows = read(paths["choose"])
    print("\n".join([*choice(choose_rows), *report(read(paths["report"]), choose_rows)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
