"""What can be done from a shell? `lstmfcn demo | fit | predict | explain | benchmark | emotion`.

Exit codes: 0 done, 1 refused with one sentence, 2 wrong usage, 130 interrupted.
"""

import argparse
import contextlib
import csv
import importlib
import os
import sys
from pathlib import Path

from lstmfcn import __version__
from lstmfcn.cli_benchmark import add_benchmark
from lstmfcn.cli_emotion import add_emotion

__all__ = ["main"]

MODELS = {
    "lstmfcn": "LSTMFCNClassifier",
    "alstmfcn": "ALSTMFCNClassifier",
    "fcn": "FCNClassifier",
}


def main(argv=None):
    """Run one command and return its exit code.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int

    Examples
    --------
    >>> from lstmfcn.cli import main
    >>> main(["predict", "missing.lstmfcn", "missing.tsv", "--out", "out.csv"])
    1
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except KeyboardInterrupt:
        print("lstmfcn: interrupted; finished files are kept.", file=sys.stderr)
        return 130
    except (ValueError, TypeError, ArithmeticError, OSError, ImportError, MemoryError) as error:
        print(f"lstmfcn: error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="lstmfcn", description="LSTM-FCN and ALSTM-FCN for time series classification."
    )
    parser.add_argument("--version", action="version", version=f"lstmfcn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="train both models on three real datasets")
    demo.add_argument(
        "--out", type=Path, default=Path("demo-output"), help="folder for the results"
    )
    demo.add_argument("--seed", type=_whole, default=0)
    demo.add_argument(
        "--epochs", type=_positive_or_auto, default="auto", help="fewer: quicker, worse"
    )
    demo.set_defaults(command=_demo)

    fit = commands.add_parser(
        "fit", help="train a model on a file", description="Train a model and write it to a file."
    )
    _add_input(fit, "TRAIN", "training")
    fit.add_argument("--model", choices=MODELS, default="lstmfcn")
    fit.add_argument("--out", type=Path, required=True, help="model file to write")
    fit.add_argument("--cells", type=_positive, help="width of the LSTM")
    fit.add_argument("--epochs", type=_positive_or_auto, default="auto")
    fit.add_argument("--batch-size", type=_positive_or_auto, default="auto")
    fit.add_argument("--learning-rate", type=float, default=1e-3)
    fit.add_argument("--normalization", choices=("dataset", "series", "none"), default="dataset")
    fit.add_argument(
        "--precision",
        choices=("auto", "bfloat16", "float32"),
        default="auto",
        help="of the convolutions while training",
    )
    fit.add_argument(
        "--checkpoint", metavar="FOLDER", help="go on from there after an interruption"
    )
    fit.add_argument("--seed", type=_whole, default=0)
    fit.set_defaults(command=_fit)

    predict = commands.add_parser(
        "predict",
        help="classify the series of a file with a fitted model",
        description="Write predicted classes and probabilities; print metrics if labels are there.",
    )
    predict.add_argument("model", metavar="MODEL", type=Path, help="file written by lstmfcn fit")
    _add_input(predict, "TEST", "test")
    predict.add_argument("--out", type=Path, required=True, help="CSV file to write")
    predict.set_defaults(command=_predict)

    explain = commands.add_parser(
        "explain",
        help="draw what a fitted model decides on",
        description="Write pictures and arrays (explanations.npz) that explain a model's decisions "
        "on the series of a file, and how far deleting their evidence moves them.",
    )
    explain.add_argument("model", metavar="MODEL", type=Path, help="file written by lstmfcn fit")
    _add_input(explain, "TEST", "test")
    explain.add_argument("--out", type=Path, required=True, help="folder to write to")
    explain.add_argument("--seed", type=_whole, default=0, help="of the random deletions")
    explain.set_defaults(command=_explain)
    add_benchmark(commands)
    add_emotion(commands)
    return parser


def _add_input(parser, metavar, split):
    parser.add_argument(
        "series",
        metavar=metavar,
        help=f".tsv, .ts, .csv or .npy file, or the name of a UCR dataset (its {split} split)",
    )
    parser.add_argument("--archive", help="folder or zip to find a UCR dataset in")
    parser.add_argument("--password", help="of an encrypted zip")
    parser.add_argument(
        "--labels",
        default="auto",
        help="where the labels are: first or last column, none, or a file (default: auto)",
    )
    parser.add_argument("--missing", choices=("error", "interpolate"), default="error")


def _positive(text):
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return number


def _positive_or_auto(text):
    return text if text == "auto" else _positive(text)


def _whole(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _read(arguments, split, n_timepoints=None):
    """Return X and y (None if unlabelled) of a file or of one split of a UCR dataset."""
    from lstmfcn.datasets import load_ucr, read_series

    name = arguments.series
    if arguments.archive is None and (Path(name).suffix or Path(name).exists()):
        return read_series(
            name, labels=arguments.labels, missing=arguments.missing, n_timepoints=n_timepoints
        )
    X_train, y_train, X_test, y_test = load_ucr(
        name, arguments.archive, password=arguments.password, missing=arguments.missing
    )
    return (X_train, y_train) if split == "train" else (X_test, y_test)


def _demo(arguments):
    print(
        "Training LSTM-FCN and ALSTM-FCN on three datasets of the UCR archive; this takes a few "
        "minutes.",
        flush=True,
    )
    with _libraries_muted():
        from lstmfcn.demo import run_demo

    rows = run_demo(arguments.out, random_state=arguments.seed, n_epochs=arguments.epochs)
    print(f"\n{'dataset':<18} {'model':<10} {'accuracy':>8} {'published':>10} {'seconds':>8}")
    for row in rows:
        published = "-" if row["published"] is None else f"{row['published']:.4f}"
        print(
            f"{row['dataset']:<18} {row['model']:<10} {row['accuracy']:>8.4f} {published:>10} "
            f"{row['seconds']:>8.1f}"
        )
    recipe = "the default recipe" if arguments.epochs == "auto" else f"{arguments.epochs} epochs"
    print(
        f"\nAccuracy on the archive's test split, one run with {recipe}, nothing chosen on it.\n"
        "Published: Karim et al. 2018, one run of 2000 epochs for each of three sizes.\n"
        f"Table, learning curves, attention and models are in {arguments.out}/"
    )


def _fit(arguments):
    from lstmfcn.atomic import check_writable

    check_writable(arguments.out)
    X, y = _read(arguments, "train")
    if y is None:
        raise ValueError(
            f"{arguments.series} has no labels; say where they are with --labels "
            "(first, last, or a file)."
        )
    with _libraries_muted():
        import lstmfcn.classifiers as classifiers
    parameters = {
        "n_epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "normalization": None if arguments.normalization == "none" else arguments.normalization,
        "precision": arguments.precision,
        "checkpoint": arguments.checkpoint,
        "random_state": arguments.seed,
        "verbose": 2,
    }
    if arguments.cells is not None:
        if arguments.model == "fcn":
            raise ValueError("--cells is the width of the LSTM, which --model fcn does not have.")
        parameters["n_cells"] = arguments.cells
    classifier = getattr(classifiers, MODELS[arguments.model])(**parameters).fit(X, y)
    classifier.save(arguments.out)
    print(
        f"{type(classifier).__name__}: {len(y)} series, {len(classifier.classes_)} classes, "
        f"{len(classifier.history_['loss'])} epochs, final training loss "
        f"{classifier.history_['loss'][-1]:.4f}; written to {arguments.out}"
    )


def _predict(arguments):
    from lstmfcn.atomic import check_writable

    check_writable(arguments.out)
    with _libraries_muted():
        from lstmfcn.persistence import load
    classifier = load(arguments.model)
    X, y = _read(arguments, "test", classifier.n_timepoints_in_)
    proba = _predict_with_progress(classifier, X)
    predicted = classifier.classes_[proba.argmax(axis=1)]
    _write_predictions(arguments.out, classifier.classes_, predicted, proba, y)
    print(f"{len(predicted)} series classified; written to {arguments.out}")
    if y is not None:
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

        truth, answer = y.astype(str), predicted.astype(str)
        print(f"accuracy           {accuracy_score(truth, answer):.4f}")
        print(f"balanced accuracy  {balanced_accuracy_score(truth, answer):.4f}")
        print(f"weighted F1        {f1_score(truth, answer, average='weighted'):.4f}")


def _explain(arguments):
    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"{arguments.out} is a file; name a folder with --out.")
    with _libraries_muted():
        from lstmfcn.persistence import load
        from lstmfcn.plots.overview import explain_to_folder
    classifier = load(arguments.model)
    X, y = _read(arguments, "test", classifier.n_timepoints_in_)
    summary = explain_to_folder(
        classifier, X, y, arguments.out, random_state=arguments.seed, verbose=1
    )
    print(f"{len(X)} series explained; pictures and explanations.npz are in {arguments.out}/")
    print(f"share of the LSTM branch in the decisions: {summary['lstm_share']:.2f}")
    for name, ratio in summary.items():
        if name.startswith("deletion, "):
            print(
                f"{name.removeprefix('deletion, ')}: deleting the fifth it ranks highest moves "
                f"the probability {ratio:.1f} times as far as deleting a random fifth"
            )
    if not classifier.occlusion_:
        print("its training kept no gaps (occlusion_ is 0): any deletion may confuse it")


def _predict_with_progress(classifier, X, rows=512):
    import numpy as np
    from tqdm.auto import tqdm

    starts = tqdm(range(0, len(X), rows), desc="predict", disable=len(X) <= rows)
    return np.concatenate([classifier.predict_proba(X[i : i + rows]) for i in starts])


def _write_predictions(path, classes, predicted, proba, y):
    """Write one line per series: label (if known), predicted class, probability of each class."""
    from lstmfcn.atomic import atomic_path

    header = ["predicted", *(f"probability_{label}" for label in classes)]
    with atomic_path(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header if y is None else ["label", *header])
        for i, (label, row) in enumerate(zip(predicted, proba, strict=True)):
            line = [label, *(f"{p:.6f}" for p in row)]
            writer.writerow(line if y is None else [y[i], *line])


@contextlib.contextmanager
def _libraries_muted():
    """Keep TensorFlow's start-up remarks, written by C++ before any setting counts, off stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all
        importlib.import_module("keras")
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        importlib.import_module("keras")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    yield


if __name__ == "__main__":
    sys.exit(main())
