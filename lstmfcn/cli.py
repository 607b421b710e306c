"""What can be done from a shell? `lstmfcn demo | fit | predict | explain | benchmark | emotion`.

Exit codes: 0 done, 1 refused with one sentence, 2 wrong usage, 130 interrupted.
With LSTMFCN_DEBUG=1 in the environment an error shows where it happened.
"""

import argparse
import csv
import os
import sys
import warnings
from pathlib import Path

from lstmfcn import __version__
from lstmfcn.cli_arguments import at_least, in_shell_words, to_number, to_path
from lstmfcn.cli_benchmark import add_benchmark
from lstmfcn.cli_emotion import add_emotion

__all__ = ["main"]

MODELS = {
    "lstmfcn": "LSTMFCNClassifier",
    "alstmfcn": "ALSTMFCNClassifier",
    "fcn": "FCNClassifier",
}
TOLD = (ValueError, TypeError, ArithmeticError, OSError, ImportError, MemoryError)  # by ourselves


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
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the locale cannot show ends no command
            stream.reconfigure(errors="backslashreplace")
    arguments = argparse.Namespace()
    try:
        _parser().parse_args(argv, arguments)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: _say("warning", str(message), arguments)
            arguments.command(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("lstmfcn: interrupted; finished files are kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # who reads our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("LSTMFCN_DEBUG"):
            raise
        _say("error", _reason(error), arguments)
        return 1
    return 0


def _say(kind, text, arguments):
    print(f"lstmfcn: {kind}: {in_shell_words(text, arguments)}", file=sys.stderr)


def _reason(error):
    """Return the sentence of an error that is ours, or one about another's."""
    text = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        name = str(error.filename or "a file")
        name = name if len(name) <= 200 else f"{name[:200]}..."
        return f"{name} cannot be read or written ({error.strerror})."
    if isinstance(error, MemoryError) and (type(error) is not MemoryError or not text):
        return "the memory does not suffice; use fewer or shorter series at a time."
    if isinstance(error, RecursionError):
        return "what was given is nested too deeply, as brackets within brackets are."
    if isinstance(error, TOLD) and not isinstance(error, UnicodeError):
        return text
    return (
        f"{type(error).__name__}, which should not happen, ended the command; the same command "
        "with LSTMFCN_DEBUG=1 in the environment shows where."
    )


def _parser():
    parser = argparse.ArgumentParser(
        prog="lstmfcn", description="LSTM-FCN and ALSTM-FCN for time series classification."
    )
    parser.add_argument("--version", action="version", version=f"lstmfcn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="train both models on three real datasets")
    demo.add_argument(
        "--out", type=to_path, default=Path("demo-output"), help="folder for the results"
    )
    demo.add_argument("--seed", type=at_least(0), default=0)
    demo.add_argument(
        "--epochs", type=at_least(1, "auto"), default="auto", help="fewer: quicker, worse"
    )
    demo.set_defaults(command=_demo)

    fit = commands.add_parser(
        "fit", help="train a model on a file", description="Train a model and write it to a file."
    )
    _add_input(fit, "TRAIN", "training")
    fit.add_argument("--model", choices=MODELS, default="lstmfcn")
    fit.add_argument("--out", type=to_path, required=True, help="model file to write")
    fit.add_argument("--cells", type=at_least(1), help="width of the LSTM")
    fit.add_argument("--epochs", type=at_least(1, "auto"), default="auto")
    fit.add_argument("--batch-size", type=at_least(1, "auto"), default="auto")
    fit.add_argument("--learning-rate", type=to_number, default=1e-3)
    fit.add_argument("--normalization", choices=("dataset", "series", "none"), default="dataset")
    fit.add_argument(
        "--unequal-length",
        choices=("auto", "pad", "resample"),
        default="auto",
        help="what becomes of series of other lengths; default: pad, if the training series differ",
    )
    fit.add_argument(
        "--precision",
        choices=("auto", "bfloat16", "float32"),
        default="auto",
        help="of the convolutions while training",
    )
    fit.add_argument(
        "--checkpoint",
        type=to_path,
        metavar="FOLDER",
        help="go on from there after an interruption",
    )
    fit.add_argument("--seed", type=at_least(0), default=0)
    fit.set_defaults(command=_fit)

    predict = commands.add_parser(
        "predict",
        help="classify the series of a file with a fitted model",
        description="Write predicted classes and probabilities; print metrics if labels are there.",
    )
    predict.add_argument("model", metavar="MODEL", type=to_path, help="file written by lstmfcn fit")
    _add_input(predict, "TEST", "test")
    predict.add_argument("--out", type=to_path, required=True, help="CSV file to write")
    predict.set_defaults(command=_predict)

    explain = commands.add_parser(
        "explain",
        help="draw what a fitted model decides on",
        description="Write pictures and arrays (explanations.npz) that explain a model's decisions "
        "on the series of a file, and how far deleting their evidence moves them.",
    )
    explain.add_argument("model", metavar="MODEL", type=to_path, help="file written by lstmfcn fit")
    _add_input(explain, "TEST", "test")
    explain.add_argument("--out", type=to_path, required=True, help="folder to write to")
    explain.add_argument("--seed", type=at_least(0), default=0, help="of the random deletions")
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
    parser.add_argument("--archive", type=to_path, help="folder or zip to find a UCR dataset in")
    parser.add_argument("--password", help="of an encrypted zip")
    parser.add_argument(
        "--labels",
        default="auto",
        metavar="none|FILE",
        help="the file has no labels, or they are in another one (default: auto, the column that "
        "the first line calls label, class, target or y, else the first one)",
    )
    parser.add_argument(
        "--label-column",
        metavar="NAME|first|last",
        help="the column with the labels",
    )
    parser.add_argument("--missing", choices=("error", "interpolate"), default="error")


def _read(arguments, split, classifier=None):
    """Return X and y (None if unlabelled) of a file or of one split of a UCR dataset."""
    from lstmfcn.datasets import load_ucr, read_series

    name = os.path.expanduser(arguments.series)
    if arguments.archive is None and (Path(name).suffix or os.path.exists(name)):
        return read_series(
            name,
            labels=arguments.labels,
            label_column=arguments.label_column,
            missing=arguments.missing,
            n_timepoints=getattr(classifier, "n_timepoints_in_", None),
            classes=getattr(classifier, "classes_", None),
        )
    if arguments.labels != "auto" or arguments.label_column is not None:
        raise ValueError(
            f"{name} is a dataset's name, but --labels and --label-column are for files; leave "
            "them out."
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
    _check_out(arguments)
    X, y = _read(arguments, "train")
    if y is None:
        raise ValueError(
            f"{arguments.series} has no labels; say where they are with --label-column, or name "
            "their file with --labels."
        )
    import lstmfcn.classifiers as classifiers

    parameters = {
        "n_epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "normalization": None if arguments.normalization == "none" else arguments.normalization,
        "unequal_length": arguments.unequal_length,
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
    _check_out(arguments)
    from lstmfcn.persistence import load

    classifier = load(arguments.model)
    X, y = _read(arguments, "test", classifier)
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
    from lstmfcn.persistence import load
    from lstmfcn.plots.overview import explain_to_folder

    classifier = load(arguments.model)
    X, y = _read(arguments, "test", classifier)
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


def _check_out(arguments):
    """Refuse an output that cannot be written, or is one of the command's own inputs."""
    from lstmfcn.atomic import check_writable

    check_writable(arguments.out)
    for name in ("series", "labels", "model"):
        given = Path(os.path.expanduser(str(getattr(arguments, name, ""))))
        if given.is_file() and arguments.out.is_file() and given.samefile(arguments.out):
            raise ValueError(f"{arguments.out} is also what is read; name another file with --out.")


def _predict_with_progress(classifier, X, rows=512):
    import numpy as np

    from lstmfcn.progress import tqdm

    starts = tqdm(range(0, len(X), rows), desc="predict", disable=len(X) <= rows)
    return np.concatenate([classifier.predict_proba(X[i : i + rows]) for i in starts])


def _write_predictions(path, classes, predicted, proba, y):
    """Write one line per series: label (if known), predicted class, probability of each class."""
    from lstmfcn.atomic import atomic_path

    header = ["predicted", *(f"probability_{label}" for label in classes)]
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header if y is None else ["label", *header])
        for i, (label, row) in enumerate(zip(predicted, proba, strict=True)):
            line = [label, *(f"{p:.6f}" for p in row)]
            writer.writerow(line if y is None else [y[i], *line])


if __name__ == "__main__":
    sys.exit(main())
