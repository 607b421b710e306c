"""How much time does a sweep take besides its runs? Tables `jobs` and `archive` of speed.py."""

import contextlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

JOBS = {
    "1 job, all cores": (1, os.cpu_count()),
    "a job per core, 1 thread each": (os.cpu_count(), 1),
    "a job per core, all cores each": (os.cpu_count(), os.cpu_count()),
}
ROUNDS = 2
# An archive of 128 datasets, five models on thirty resamples
N_RESAMPLES = 30
N_MODELS = 5


def jobs():
    """Compare ways to share the cores between the same runs: a sweep's seconds, in turns."""
    from lstmfcn.evaluation import Model, sweep

    model = Model("LSTM-FCN", "LSTMFCNClassifier")
    datasets = ["GunPoint", "ArrowHead"]
    seconds = {name: [] for name in JOBS}
    for _ in range(ROUNDS):
        for name, (n_jobs, threads) in JOBS.items():
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                sweep(
                    datasets, [model], folder, seeds=(0, 1), jobs=n_jobs, threads=threads, verbose=0
                )
                seconds[name].append(time.perf_counter() - started)
    first = next(iter(JOBS))
    return {
        name: {
            "seconds": statistics.median(times),
            "times as fast as the first": statistics.median(
                a / b for a, b in zip(seconds[first], times, strict=True)
            ),
        }
        for name, times in seconds.items()
    }


def archive():
    """Plan, read and report a sweep of a whole archive: seconds and memory, in new processes."""
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        n_records = write_archive(folder)
        for name in ("plan", "table", "report"):
            code = [sys.executable, __file__, name, folder]
            row = json.loads(subprocess.check_output(code, text=True).splitlines()[-1])
            table[f"{name}, {n_records:,} records"] = row
    return table


def write_archive(folder):
    """Write records of invented runs; return their number."""
    import numpy as np

    from lstmfcn.datasets import ucr_summary
    from lstmfcn.evaluation import Results, Run, classification_metrics
    from lstmfcn.evaluation.experiment import hardware, versions

    results = Results(folder)
    random = np.random.default_rng(0)
    common = {"versions": versions(), "hardware": hardware(), "commit": "0" * 40}
    n_records = 0
    for model in range(N_MODELS):
        description = {"target": "sklearn.dummy:DummyClassifier", "parameters": {"strategy": model}}
        results.register(f"model {model}", description)
        for dataset, summary in ucr_summary().items():
            classes = np.arange(summary.n_classes)
            y_true = random.integers(0, len(classes), size=200)
            for resample in range(N_RESAMPLES):
                right = random.random(200) < 0.7 + 0.05 * model
                y_pred = np.where(right, y_true, random.integers(0, len(classes), size=200))
                record = {
                    **classification_metrics(y_true, y_pred, classes=classes),
                    "fit_seconds": random.lognormal(2.0 + model),
                    "predict_seconds": random.lognormal(-2.0 + model),
                    "epochs": 2000,
                    "n_parameters": 250_000,
                    "peak_memory_bytes": 10**9,
                    "n_train": summary.n_train,
                    "n_test": 200,
                    "n_channels": 1,
                    "n_timepoints": summary.n_timepoints or 500,
                    "n_classes": summary.n_classes,
                    "began": "2026-01-01T00:00:00Z",
                    **common,
                    **description,
                }
                predictions = {"y_true": y_true, "y_pred": y_pred, "classes": classes}
                results.write(Run(dataset, f"model {model}", 0, resample), record, predictions)
                n_records += 1
    return n_records


def read_archive(what, folder):
    """Do one step with the archive; print its seconds and the process' memory."""
    from lstmfcn.cli import main
    from lstmfcn.datasets import ucr_summary
    from lstmfcn.evaluation import Model, sweep

    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        if what == "plan":
            models = [
                Model(f"model {i}", "sklearn.dummy:DummyClassifier", {"strategy": i})
                for i in range(N_MODELS)
            ]
            planned = sweep(
                list(ucr_summary()), models, folder, resamples=range(N_RESAMPLES), verbose=0
            )
            assert planned.skipped == planned.planned
        elif what == "table":
            assert main(["benchmark", "table", folder]) == 0
        else:
            assert main(["benchmark", "report", folder, "--out", f"{folder}/report.html"]) == 0
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({"seconds": seconds, "peak memory, MiB": memory}))


if __name__ == "__main__":
    read_archive(*sys.argv[1:])
