"""What does `lstmfcn demo` do? It trains two models on three real datasets and draws results."""

import itertools
import math
import time
from pathlib import Path

import lstmfcn
from lstmfcn.cli.arguments import at_least, to_path
from lstmfcn.cli.text import text_table
from lstmfcn.files import atomic_path, write_csv

DATASETS = ("ItalyPowerDemand", "GunPoint", "ArrowHead")  # ship inside the sktime wheel
MODELS = {"LSTM-FCN": "LSTMFCNClassifier", "ALSTM-FCN": "ALSTMFCNClassifier"}
CLASS_NAMES = {
    "ItalyPowerDemand": {1: "October to March", 2: "April to September"},
    "GunPoint": {1: "gun", 2: "point"},
    "ArrowHead": {0: "Avonlea", 1: "Clovis", 2: "Mix"},
}
COLUMNS = ("dataset", "model", "accuracy", "published", "seconds", "epochs")
OVERHEAD = 600  # cost of an update besides its timepoints, in timepoints (measured on a CPU)


def add_demo(commands):
    """Add the command demo to a parser."""
    demo = commands.add_parser("demo", help="train both models on three real datasets")
    demo.add_argument(
        "--out", type=to_path, default=Path("demo-output"), help="folder for the results"
    )
    demo.add_argument("--seed", type=at_least(0), default=0)
    demo.add_argument(
        "--epochs", type=at_least(1, "auto"), default="auto", help="fewer are quicker and worse"
    )
    demo.set_defaults(command=_demo)


def _demo(arguments):
    print(
        "Training LSTM-FCN and ALSTM-FCN on three datasets of the UCR archive; this takes a few "
        "minutes.",
        flush=True,
    )
    rows = _train_all(arguments.out, arguments.seed, arguments.epochs)
    cells = [[*row[:4], str(row[4])] for row in rows]
    print("\n" + text_table(COLUMNS[:5], cells, n_left=2))
    recipe = "the default recipe" if arguments.epochs == "auto" else f"{arguments.epochs} epochs"
    print(
        f"\nAccuracy on the archive's test split, one run with {recipe}. No setting was chosen on "
        "it.\nPublished: Karim et al. 2018, one run of 2000 epochs for each of three sizes.\n"
        f"Table, learning curves, attention and models are in {arguments.out}/"
    )


def _train_all(folder, seed, n_epochs):
    """Train both models on the datasets, write the results, and return rows of COLUMNS.

    Training uses the training split alone. The test split is scored once, at the end.
    """
    from lstmfcn.datasets import load_ucr
    from lstmfcn.evaluation import published_accuracy
    from lstmfcn.progress import tqdm

    (folder / "models").mkdir(parents=True, exist_ok=True)
    data = {name: load_ucr(name) for name in DATASETS}
    kinds = {model: getattr(lstmfcn, name) for model, name in MODELS.items()}
    work = {
        (name, model): _work_per_epoch(kinds[model](n_epochs=n_epochs), *data[name][:2])
        for name, model in itertools.product(DATASETS, MODELS)
    }
    rows, fitted = [], {}
    total = sum(cost * epochs for cost, epochs in work.values())
    shape = "{desc:<30} {percentage:3.0f}% |{bar}| {elapsed} elapsed, {remaining} left"
    with tqdm(total=total, bar_format=shape) as bar:
        for (name, model), (cost, _) in work.items():
            bar.set_description(f"{model} on {name}")
            X_train, y_train, X_test, y_test = data[name]
            settings = {"random_state": seed, "callbacks": [_advance(bar, cost)]}
            classifier = kinds[model](n_epochs=n_epochs, **settings)
            started = time.perf_counter()
            classifier.fit(X_train, y_train)
            accuracy = float(classifier.score(X_test, y_test))
            published = published_accuracy(name, f"karim2018:{model}")
            seconds = round(time.perf_counter() - started, 1)
            rows.append([name, model, accuracy, published, seconds, classifier.n_epochs_])
            fitted[name, model] = classifier
            classifier.save(folder / "models" / f"{name}-{model.lower()}.lstmfcn")
            write_csv(folder / "results.csv", COLUMNS, rows)
    _draw(fitted, data, folder)
    return rows


def _work_per_epoch(classifier, X, y):
    """Return (cost of an epoch, number of epochs planned), for the estimate of the time left."""
    from lstmfcn.fitting import plans_of

    plan, *_ = plans_of(classifier, len(y), len(set(y.tolist())))
    return math.ceil(len(y) / plan.batch_size) * OVERHEAD + X.size, plan.n_epochs


def _advance(bar, cost):
    """Return a callback that advances a bar, and lengthens it for each training after the first."""
    from lstmfcn.networks.backend import keras

    trainings = itertools.count()

    def lengthen(logs):
        if next(trainings):
            bar.total += cost * callback.params["epochs"]

    callback = keras.callbacks.LambdaCallback(
        on_train_begin=lengthen, on_epoch_end=lambda epoch, logs: bar.update(cost)
    )
    return callback


def _draw(fitted, data, folder):
    """Draw all learning curves, and for each dataset the series that ALSTM-FCN is surest of."""
    from lstmfcn.plots import HistoryDisplay, MapDisplay
    from lstmfcn.plots.display import image_bytes, new_figure

    curves, attention = new_figure(10, 11), new_figure(8, 8)
    parts = curves.subfigures(len(DATASETS), len(MODELS))
    for ((name, model), classifier), part in zip(fitted.items(), parts.flat, strict=True):
        HistoryDisplay(classifier.history_, title=f"{model} on {name}").plot(part)
    for name, ax in zip(DATASETS, attention.subplots(len(DATASETS), 1), strict=True):
        classifier, (_, _, X_test, y_test) = fitted[name, "ALSTM-FCN"], data[name]
        sure = classifier.predict_proba(X_test)
        right = classifier.classes_[sure.argmax(axis=1)] == y_test
        index, names = int((sure.max(axis=1) * right).argmax()), CLASS_NAMES[name]
        display = MapDisplay.from_estimator(classifier, X_test, index, class_names=names)
        display.title = f"{name}, test series {index}: {display.title}"
        display.plot(ax)
    for figure, name in ((curves, "learning-curves.png"), (attention, "attention.png")):
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(image_bytes(figure, format="png", dpi=130))
