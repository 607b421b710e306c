"""What does `lstmfcn demo` show? Two models on three real datasets: table, curves, attention."""

import csv
import math
import time
from pathlib import Path

import numpy as np

from lstmfcn.atomic import atomic_path
from lstmfcn.backend import keras
from lstmfcn.classifiers import ALSTMFCNClassifier, LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.evaluation import published_accuracy
from lstmfcn.plots import HistoryDisplay, MapDisplay
from lstmfcn.progress import tqdm

__all__ = ["run_demo"]

DATASETS = ("ItalyPowerDemand", "GunPoint", "ArrowHead")  # ship inside the sktime wheel
MODELS = {"LSTM-FCN": LSTMFCNClassifier, "ALSTM-FCN": ALSTMFCNClassifier}
CLASS_NAMES = {
    "ItalyPowerDemand": {1: "October to March", 2: "April to September"},
    "GunPoint": {1: "gun", 2: "point"},
    "ArrowHead": {0: "Avonlea", 1: "Clovis", 2: "Mix"},
}
COLUMNS = ("dataset", "model", "accuracy", "published", "seconds", "epochs")
OVERHEAD = 600  # cost of an update besides its timepoints, in timepoints (measured on a CPU)


def run_demo(folder="demo-output", *, random_state=0, n_epochs="auto", quiet=False):
    """Train both models on the bundled datasets and write what there is to see.

    Training uses the training split alone, with the default recipe and one seed; the test split
    is scored once, at the end.

    Parameters
    ----------
    folder : str or path-like, default="demo-output"
        Gets ``results.csv``, ``learning-curves.png``, ``attention.png`` and the fitted models.
    random_state : int, default=0
    n_epochs : int or "auto", default="auto"
        Fewer epochs make a quicker, worse demo.
    quiet : bool, default=False
        No progress bar.

    Returns
    -------
    list of dict
        One row per dataset and model, with the keys of the table; ``published`` is None where
        there is nothing to compare with.
    """
    folder = Path(folder)
    (folder / "models").mkdir(parents=True, exist_ok=True)
    data = {name: load_ucr(name) for name in DATASETS}
    runs = [(name, model) for name in DATASETS for model in MODELS]
    work = {
        (name, model): _work_per_epoch(MODELS[model](n_epochs=n_epochs), *data[name][:2])
        for name, model in runs
    }
    rows, fitted = [], {}
    total = sum(cost * epochs for cost, epochs in work.values())
    with tqdm(
        total=total,
        disable=quiet,
        bar_format="{desc:<30} {percentage:3.0f}% |{bar}| {elapsed} elapsed, {remaining} left",
    ) as bar:
        for name, model in runs:
            bar.set_description(f"{model} on {name}")
            X_train, y_train, X_test, y_test = data[name]
            callbacks = [_Advance(bar, work[name, model][0])]
            classifier = MODELS[model](
                n_epochs=n_epochs, random_state=random_state, callbacks=callbacks
            )
            started = time.perf_counter()
            classifier.fit(X_train, y_train)
            rows.append(
                {
                    "dataset": name,
                    "model": model,
                    "accuracy": float(classifier.score(X_test, y_test)),
                    "published": published_accuracy(name, f"karim2018:{model}"),
                    "seconds": time.perf_counter() - started,
                    "epochs": classifier.n_epochs_,
                }
            )
            fitted[name, model] = classifier
            classifier.save(folder / "models" / f"{name}-{model.lower()}.lstmfcn")
            _write_table(rows, folder / "results.csv")
    _draw_learning_curves(fitted, folder / "learning-curves.png")
    _draw_attention(fitted, data, folder / "attention.png")
    return rows


class _Advance(keras.callbacks.Callback):
    """Advances one bar over all runs, and makes it longer where a training gets further cycles."""

    def __init__(self, bar, cost):
        super().__init__()
        self.bar, self.cost, self.is_planned = bar, cost, True

    def on_train_begin(self, logs=None):
        if not self.is_planned:
            self.bar.total += self.cost * self.params["epochs"]
        self.is_planned = False

    def on_epoch_end(self, epoch, logs=None):
        self.bar.update(self.cost)


def _work_per_epoch(classifier, X, y):
    """Return (cost of an epoch, number of epochs planned), for the estimate of the time left."""
    recipe, *_ = classifier._recipes(len(y))
    n_updates = math.ceil(len(y) / recipe.batch_size)
    return n_updates * OVERHEAD + X.size, recipe.n_epochs


def _write_table(rows, path):
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**row, "seconds": round(row["seconds"], 1)} for row in rows)


def _draw_learning_curves(fitted, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(DATASETS), len(MODELS), figsize=(10, 8), layout="constrained", squeeze=False
    )
    for i, name in enumerate(DATASETS):
        for j, model in enumerate(MODELS):
            display = HistoryDisplay(fitted[name, model].history_, title=f"{model} on {name}")
            display.plot(axes[i, j], legend=(i, j) == (0, 0))
    _save(figure, path)


def _draw_attention(fitted, data, path):
    """For each dataset the correctly answered test series on which ALSTM-FCN is surest."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(DATASETS), 1, figsize=(8, 8), layout="constrained")
    for name, ax in zip(DATASETS, axes, strict=True):
        classifier = fitted[name, "ALSTM-FCN"]
        _, _, X_test, y_test = data[name]
        sure = classifier.predict_proba(X_test)
        right = classifier.classes_[sure.argmax(axis=1)] == y_test
        index = int(np.argmax(np.where(right, sure.max(axis=1), 0.0)))
        display = MapDisplay.from_estimator(
            classifier, X_test, index, class_names=CLASS_NAMES[name]
        )
        display.title = f"{name}, test series {index}: {display.title}"
        display.plot(ax)
    _save(figure, path)


def _save(figure, path):
    import matplotlib.pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
    plt.close(figure)
