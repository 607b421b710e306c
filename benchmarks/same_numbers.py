"""Does a change of the code leave every number as it was? Record before, compare after.

    python benchmarks/same_numbers.py record before.npz --data FOLDER
    python benchmarks/same_numbers.py compare before.npz after.npz

Make both records on one machine: float32 sums differ between processors. The script uses public
names and commands, on small real data. It records predictions and maps of classifiers and fusions,
a training that was killed and continued, a sweep's records, the emotion tracks' files, and the
scores of released answers. ``FOLDER`` holds ``emodb``, ``mosi``, ``mer-ov`` and ``gpt4v``.
"""

import argparse
import csv
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

SMALL = {"n_filters": (8, 16, 8), "n_epochs": 6, "random_state": 0, "precision": "float32"}
KILLED = {"n_filters": (16, 32, 16), "n_epochs": 400, "random_state": 0, "precision": "float32"}
CLASSIFIERS = {
    "FCN": ("FCNClassifier", {}),
    "FCN, squeeze-and-excite": ("FCNClassifier", {"squeeze_excite": True}),
    "LSTM-FCN": ("LSTMFCNClassifier", {}),
    "LSTM-FCN, occlusion": ("LSTMFCNClassifier", {"occlusion": 0.3}),
    "LSTM-FCN, two candidates": ("LSTMFCNClassifier", {"n_cells": (4, 8)}),
    "LSTM-FCN, published recipe": (
        "LSTMFCNClassifier",
        {"normalization": "series", "schedule": "plateau", "recurrent_activation": "hard_sigmoid"},
    ),
    "LSTM-FCN, held out": ("LSTMFCNClassifier", {"validation_fraction": 0.3, "patience": 2}),
    "ALSTM-FCN": ("ALSTMFCNClassifier", {}),
    "ALSTM-FCN, published": ("ALSTMFCNClassifier", {"attention": "paper"}),
}
# Commands of `lstmfcn emotion run`; {data} is the folder, --out is added.
TRACKS = {
    "full": "--track full --data {data}/emodb --features eGeMAPS_FRA --model alstmfcn --epochs 2",
    "semi": "--track semi --data {data}/emodb --features eGeMAPS_UTT --model fcn --epochs 1",
    "noise": "--track noise --data {data}/emodb --features logmel40_FRA --model fcn --epochs 2 "
    "--standardize-by speaker --babble 1",
    "fusion": "--track full --data {data}/mosi --features text,audio --fusion branch --epochs 2",
}


def answers(classifier, X, y):
    """Return all outputs of a fitted classifier, by name."""
    explanation = classifier.explain(X)
    found = {
        "proba": classifier.predict_proba(X),
        "predicted": np.asarray(classifier.predict(X)).astype(str),
        "features": classifier.transform(X),
        "gradient": classifier.gradient_map(X),
        "activation": classifier.class_activation_map(X, y),
        "contrast": classifier.class_activation_map(X, contrast=True),
        "parts": explanation.logits,
        "kernels": classifier.filter_kernels(),
        "strongest": classifier.strongest_series(X)[0],
        "loss": np.array(classifier.history_["loss"]),
    }
    if hasattr(classifier, "attention_map"):
        found["attention"] = classifier.attention_map(X)
    return found


def of_classifiers():
    """Fit each classifier on series of one length, several channels and unequal lengths."""
    import lstmfcn
    from lstmfcn.datasets import load_ucr

    X, y, X_test, y_test = load_ucr("ItalyPowerDemand")
    X_test, y_test = X_test[:40], y_test[:40]
    channels = (
        np.stack([X, X[:, ::-1], X**2], axis=1),
        np.stack([X_test, X_test[:, ::-1], X_test**2], axis=1),
    )
    cut = [[x[: 24 - i % 5] for i, x in enumerate(part)] for part in (X, X_test)]
    for name, (cls, parameters) in CLASSIFIERS.items():
        for kind, (train, test), more in (
            ("one channel", (X, X_test), {}),
            ("three channels", channels, {}),
            ("padded", cut, {}),
            ("resampled", cut, {"unequal_length": "resample"}),
        ):
            classifier = getattr(lstmfcn, cls)(**SMALL, **parameters, **more).fit(train, y)
            yield from prefixed(f"{name}, {kind}", answers(classifier, test, y_test))
            if kind == "one channel":
                with tempfile.TemporaryDirectory() as folder:
                    classifier.save(f"{folder}/model.lstmfcn")
                    loaded = lstmfcn.load(f"{folder}/model.lstmfcn")
                yield f"{name}, loaded", loaded.predict_proba(test)
                copied = pickle.loads(pickle.dumps(classifier))
                yield f"{name}, pickled", copied.predict_proba(test)
                copied.fine_tune(train, y, n_iterations=2, n_epochs=2)
                yield f"{name}, fine-tuned", copied.predict_proba(test)
                copied.fine_tune(train, y, n_iterations=1, n_epochs=2, freeze="convolutions")
                yield f"{name}, frozen", copied.predict_proba(test)


def killed_and_resumed():
    """Kill a training in the middle, twice, and let it continue."""
    from lstmfcn import LSTMFCNClassifier
    from lstmfcn.datasets import load_ucr

    X, y, X_test, _ = load_ucr("GunPoint")
    with tempfile.TemporaryDirectory() as folder:
        code = (
            "from lstmfcn import LSTMFCNClassifier; from lstmfcn.datasets import load_ucr\n"
            f"X, y, *_ = load_ucr('GunPoint'); LSTMFCNClassifier(**{KILLED!r}, "
            f"checkpoint={folder!r}).fit(X, y)"
        )
        for _ in range(2):
            process = subprocess.Popen([sys.executable, "-c", code])
            time.sleep(14)  # a checkpoint comes every five seconds
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        resumed = LSTMFCNClassifier(**KILLED, checkpoint=folder).fit(X, y)
    yield "killed and resumed", resumed.predict_proba(X_test)
    yield "never killed", LSTMFCNClassifier(**KILLED).fit(X, y).predict_proba(X_test)


def of_fusions():
    """Fit a fusion of each kind on two modalities made of one dataset."""
    import lstmfcn
    from lstmfcn.datasets import load_ucr
    from lstmfcn.emotion import AttentionFusionClassifier, FoldEnsemble, FusionClassifier

    X, y, X_test, _ = load_ucr("ItalyPowerDemand")
    both = {"whole": X, "half": X[:, ::2]}
    both_test = {"whole": X_test[:40], "half": X_test[:40, ::2]}
    for cls in ("FCNClassifier", "LSTMFCNClassifier", "ALSTMFCNClassifier"):
        one = getattr(lstmfcn, cls)(**SMALL)
        for fusion, stacking in (("early", False), ("late", False), ("branch", 0)):
            fused = FusionClassifier(one, fusion, random_state=0)
            yield f"{cls}, {fusion}, {stacking}", fused.fit(both, y).predict_proba(both_test)
    baseline = AttentionFusionClassifier("frame", n_hidden=8, n_epochs=3, random_state=0)
    frames = [{k: v[:, np.newaxis] for k, v in part.items()} for part in (both, both_test)]
    yield "attention baseline", baseline.fit(frames[0], y).predict_proba(frames[1])
    folds = FoldEnsemble(lstmfcn.FCNClassifier(**SMALL), 3, random_state=0).fit(X, y)
    yield "fold ensemble", folds.predict_proba(X_test[:40])


def of_sweep():
    """Sweep two models over two datasets; return their records without seconds and memory."""
    with tempfile.TemporaryDirectory() as folder:
        fcn = json.dumps({key: SMALL[key] for key in SMALL if key != "random_state"})  # the seed
        command(
            "benchmark run --datasets GunPoint,ItalyPowerDemand --seeds 2 --jobs 1 --models",
            "",
            f"--model=FCN=lstmfcn:FCNClassifier:{fcn}",
            "--model=1-NN=sklearn.neighbors:KNeighborsClassifier",
            f"--out={folder}/runs",
        )
        for path in sorted(Path(folder, "runs", "runs").rglob("*.json")):
            record = json.loads(path.read_text())
            name = ", ".join(str(record[key]) for key in ("model", "dataset", "seed"))
            for key in ("accuracy", "log_loss", "balanced_accuracy", "n_classes", "n_test"):
                if record.get(key) is not None:
                    yield f"sweep, {name}, {key}", np.float64(record[key])


def of_tracks(data):
    """Run each emotion track; keep the numbers of all tables that it writes."""
    for name, options in TRACKS.items():
        with tempfile.TemporaryDirectory() as folder:
            command("emotion run " + options.format(data=data), f"--out={folder}")
            for path in sorted(Path(folder).rglob("*.csv")):
                numbers = [
                    [number(cell) for cell in row]
                    for row in csv.reader(path.open(newline="", encoding="utf-8"))
                ]
                flat = [cell for row in numbers for cell in row if not np.isnan(cell)]
                yield f"track {name}, {path.name}", np.array(flat)


def of_released_answers(data):
    """Score MER2024's open-vocabulary example and GPT-4V's answers."""
    from lstmfcn.emotion import open_vocabulary_scores

    folder = Path(data, "mer-ov")
    scores = open_vocabulary_scores(
        folder / "check-openset.csv", folder / "predict-openset.csv", folder / "openset-synonym.zip"
    )
    yield "MER-OV", np.array([scores.accuracy, scores.recall, scores.average])
    with tempfile.TemporaryDirectory() as folder:
        command("emotion zero-shot table", f"--answers={data}/gpt4v", f"--out={folder}/t.csv")
        for row in csv.DictReader(open(f"{folder}/t.csv", newline="", encoding="utf-8")):
            label = ", ".join(cell for cell in row.values() if np.isnan(number(cell)))
            yield f"GPT-4V, {label}", np.array([*filter(np.isfinite, map(number, row.values()))])


def number(cell):
    """Return a cell as a number, or NaN if it holds no number."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def command(line, *more):
    """Run a command of the shell in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "lstmfcn.cli", *line.split(), *more], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"lstmfcn {line} ended with {done.returncode}:\n{done.stderr}")


def prefixed(prefix, arrays):
    """Yield (name with prefix, array)."""
    for name, array in arrays.items():
        yield f"{prefix}, {name}", array


def record(path, data):
    """Write all numbers to one file."""
    warnings.simplefilter("ignore")
    found = {}
    for source in (
        of_classifiers(),
        of_fusions(),
        killed_and_resumed(),
        of_sweep(),
        of_tracks(data),
        of_released_answers(data),
    ):
        started = time.perf_counter()
        new = dict(source)
        found |= {name: np.asarray(array) for name, array in new.items()}
        print(f"{source.__name__}: {len(new)} arrays, {time.perf_counter() - started:.0f} s")
    np.savez_compressed(path, **{name.replace("/", "|"): array for name, array in found.items()})


def compare(before, after):
    """Print differences; return whether there are none."""
    with np.load(before) as first, np.load(after) as second:
        missing = sorted(set(first.files) ^ set(second.files))
        different = [
            name
            for name in first.files
            if name in second.files and not np.array_equal(first[name], second[name])
        ]
        for name in missing:
            print(f"only in one: {name}")
        for name in different:
            pair = first[name], second[name]
            says = "another shape or other texts"
            if pair[0].shape == pair[1].shape and pair[0].dtype.kind == "f":
                says = f"differs by up to {np.abs(pair[0] - pair[1]).max():.2g}"
            print(f"{name}: {says}")
        print(f"{len(first.files)} arrays before, {len(different)} differ, {len(missing)} missing")
    return not missing and not different


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser("record")
    make.add_argument("path")
    make.add_argument("--data", required=True)
    against = actions.add_parser("compare")
    against.add_argument("before")
    against.add_argument("after")
    arguments = parser.parse_args(argv)
    if arguments.action == "record":
        record(arguments.path, arguments.data)
        return 0
    return 0 if compare(arguments.before, arguments.after) else 1


if __name__ == "__main__":
    sys.exit(main())
