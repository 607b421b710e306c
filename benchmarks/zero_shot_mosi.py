"""Is an LSTM-FCN trained on CMU-MOSI better than GPT-4V, which never saw it, on the same clips?

    python benchmarks/zero_shot_mosi.py --data DATA

DATA holds ``mosi`` (features and labels) and ``gpt4v`` (the released answers). Only clips of
MOSI's test videos that GPT-4V answered are compared: the features of the training videos come
from networks that were trained on them. Nothing is chosen on the test videos: the classifier has
its defaults, with the three modalities stacked as channels. A finished seed is a row of
``results/zero-shot-mosi.csv``; another call runs the missing seeds.
"""

import argparse
import csv
import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lstmfcn.emotion import FeatureStore, SequencePreprocessor, load_labels, select_features
from lstmfcn.files import write_csv
from lstmfcn.zero_shot import compare_to_zero_shot, load_zero_shot, shared_samples

RECORD = Path(__file__).resolve().parent / "results" / "zero-shot-mosi.csv"
MODALITIES = ["text_FRA", "audio_FRA", "video_FRA"]
MODELS = {"LSTM-FCN": "LSTMFCNClassifier", "FCN": "FCNClassifier"}
SEEDS = range(5)
COLUMNS = (
    "model",
    "seed",
    "accuracy_test",
    "n_test",
    "n",
    "accuracy",
    "gpt4v",
    "difference",
    "low",
    "high",
    "only_ours",
    "only_gpt4v",
    "p_value",
    "fit_seconds",
)


def read_splits(folder):
    """Return the label tables of both splits, and their series (n, 273, 10)."""
    store = FeatureStore(folder)
    tables, series = {}, {}
    for split in ("train", "test"):
        table = load_labels(folder / f"label-{split}.csv", classes=None)
        tables[split], series[split] = select_features(table, store, MODALITIES)
    stacked = {"train": [], "test": []}
    for name in MODALITIES:
        preprocessor = SequencePreprocessor("mertools").fit(series["train"][name])
        for split, parts in stacked.items():
            parts.append(preprocessor.transform(series[split][name]))
    return tables, {split: np.concatenate(parts, axis=1) for split, parts in stacked.items()}


def run(model, seed, tables, X, answers, shared):
    """Train once; return a row."""
    import lstmfcn

    classifier = getattr(lstmfcn, MODELS[model])(random_state=seed)
    started = time.perf_counter()
    classifier.fit(X["train"], tables["train"].y)
    seconds = time.perf_counter() - started
    predicted = classifier.predict(X["test"])
    names, y_true = shared
    places = {name: i for i, name in enumerate(tables["test"].names)}
    result = compare_to_zero_shot(
        predicted[[places[name] for name in names]], names, answers, y_true=y_true
    )
    scores = result.scores["accuracy"]
    return {
        "model": model,
        "seed": seed,
        "accuracy_test": float(np.mean(predicted == tables["test"].y)),
        "n_test": len(predicted),
        "n": result.n,
        "accuracy": scores["ours"],
        "gpt4v": scores["zero_shot"],
        **{key: scores[key] for key in ("difference", "low", "high")},
        "only_ours": result.only_ours,
        "only_gpt4v": result.only_zero_shot,
        "p_value": result.p_value,
        "fit_seconds": seconds,
    }


def read():
    """Return the finished rows."""
    if not RECORD.exists():
        return []
    with open(RECORD, newline="") as file:
        return list(csv.DictReader(file))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with mosi and gpt4v")
    arguments = parser.parse_args(argv)
    tables, X = read_splits(arguments.data / "mosi")
    answers = load_zero_shot(arguments.data / "gpt4v", "cmumosi")
    shared = shared_samples(arguments.data / "mosi" / "label-test.csv", answers)
    rows = read()
    done = {(row["model"], int(row["seed"])) for row in rows}
    plan = [(model, seed) for model in MODELS for seed in SEEDS if (model, seed) not in done]
    for model, seed in tqdm(plan, unit="run", desc="MOSI"):
        row = run(model, seed, tables, X, answers, shared)
        rows.append({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()})
        rows.sort(key=lambda row: (row["model"], int(row["seed"])))
        write_csv(RECORD, COLUMNS, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
