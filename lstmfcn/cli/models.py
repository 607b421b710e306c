"""How is a model trained, used and explained from a shell? `lstmfcn fit | predict | explain`."""

import os
from pathlib import Path

from lstmfcn.cli.arguments import at_least, to_number, to_path

MODELS = {"lstmfcn": "LSTMFCNClassifier", "alstmfcn": "ALSTMFCNClassifier", "fcn": "FCNClassifier"}
ENSEMBLE = "ensemble"


def add_models(commands):
    """Add the commands fit, predict and explain to a parser."""
    fit = commands.add_parser(
        "fit", help="train a model on a file", description="Train a model and write it to a file."
    )
    _add_input(fit, "TRAIN", "training")
    fit.add_argument("--model", choices=(*MODELS, ENSEMBLE), default="lstmfcn")
    fit.add_argument(
        "--members", type=at_least(1), help="of the ensemble, how many networks; default: 5"
    )
    fit.add_argument(
        "--of", choices=MODELS, help="of the ensemble, which networks; default: lstmfcn"
    )
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
    resume = "go on from there after an interruption"
    fit.add_argument("--checkpoint", type=to_path, metavar="FOLDER", help=resume)
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

    export = commands.add_parser(
        "export",
        help="write a fitted model as ONNX, LiteRT or SavedModel",
        description="Write a graph from raw series (n, channels, timepoints) to probabilities, "
        "which answers without this package.",
    )
    export.add_argument("model", metavar="MODEL", type=to_path, help="file written by lstmfcn fit")
    export.add_argument(
        "--out", type=to_path, required=True, help="NAME.onnx, NAME.tflite, or a folder's name"
    )
    export.add_argument("--format", choices=("onnx", "litert", "saved_model"))
    export.add_argument(
        "--attention", action="store_true", help="the attention map is a second output"
    )
    export.set_defaults(command=_export)

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
        "--label-column", metavar="NAME|first|last", help="the column with the labels"
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


def _fit(arguments):
    _check_out(arguments)
    X, y = _read(arguments, "train")
    if y is None:
        raise ValueError(
            f"{arguments.series} has no labels; say where they are with --label-column, or name "
            "their file with --labels."
        )
    import lstmfcn

    print(described(X, y))
    is_ensemble, name = arguments.model == ENSEMBLE, arguments.of or "lstmfcn"
    if not is_ensemble:
        name = arguments.model
        for option, value in (("--members", arguments.members), ("--of", arguments.of)):
            if value is not None:
                raise ValueError(f"{option} is for --model ensemble, not for --model {name}.")
    parameters = {
        "n_epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "normalization": None if arguments.normalization == "none" else arguments.normalization,
        "unequal_length": arguments.unequal_length,
        "precision": arguments.precision,
    }
    if arguments.cells is not None:
        if name == "fcn":
            raise ValueError("--cells is the width of the LSTM, which an FCN does not have.")
        parameters["n_cells"] = arguments.cells
    classifier = getattr(lstmfcn, MODELS[name])(**parameters)
    if is_ensemble:
        members = {} if arguments.members is None else {"n_estimators": arguments.members}
        classifier = lstmfcn.LSTMFCNEnsemble(classifier, **members, n_jobs=-1)
    classifier.set_params(
        checkpoint=arguments.checkpoint, random_state=arguments.seed, verbose=2
    ).fit(X, y)
    classifier.save(arguments.out)
    print(
        f"{type(classifier).__name__}: {len(y)} series, {len(classifier.classes_)} classes, "
        f"{len(classifier.history_['loss'])} epochs, final training loss "
        f"{classifier.history_['loss'][-1]:.4f}; written to {arguments.out}"
    )


MOST_CLASSES = 8  # that a line names


def described(X, y):
    """Return in a line what was read.

    >>> described([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], ["up", "up", "down"])
    '3 series, 1 channel x 2 timepoints, 2 classes (up 2, down 1)'
    """
    from collections import Counter

    import numpy as np

    shapes = {np.shape(series) for series in X}
    n_channels = max(shape[0] if len(shape) == 2 else 1 for shape in shapes)
    lengths = [shape[-1] for shape in shapes]
    length = str(min(lengths)) if len(lengths) == 1 else f"{min(lengths)} to {max(lengths)}"
    counts = Counter(map(str, y)).most_common()
    named = ", ".join(f"{label} {count}" for label, count in counts[:MOST_CLASSES])
    rest = f", and {len(counts) - MOST_CLASSES} more" if len(counts) > MOST_CLASSES else ""
    return (
        f"{len(y)} series, {n_channels} channel{'s' * (n_channels > 1)} x {length} timepoints, "
        f"{len(counts)} classes ({named}{rest})"
    )


def _predict(arguments):
    _check_out(arguments)
    if arguments.model.suffix == ".onnx":  # and TensorFlow is not imported
        from lstmfcn.onnx_model import OnnxClassifier as load
    else:
        from lstmfcn.loading import load

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


def _export(arguments):
    from lstmfcn.loading import load

    classifier = load(arguments.model)
    classifier.export(arguments.out, arguments.format, attention=arguments.attention)
    print(
        f"{type(classifier).__name__} for series of {classifier.n_channels_in_} x "
        f"{classifier.n_timepoints_in_} values, {len(classifier.classes_)} classes; written to "
        f"{arguments.out}"
    )


def _explain(arguments):
    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"{arguments.out} is a file; name a folder with --out.")
    from lstmfcn.loading import load
    from lstmfcn.plots.overview import explain_to_folder

    classifier = load(arguments.model)
    X, y = _read(arguments, "test", classifier)
    summary = explain_to_folder(
        classifier, X, y, arguments.out, random_state=arguments.seed, verbose=1
    )
    print(f"{len(X)} series explained; pictures and explanations.npz are in {arguments.out}/")
    print(f"fraction of the LSTM branch in the decisions: {summary['lstm_share']:.2f}")
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
    from lstmfcn.files import check_writable

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
    from lstmfcn.files import write_csv

    columns = ["predicted", *(f"probability_{label}" for label in classes)]
    rows = [
        [label, *(f"{p:.6f}" for p in row)] for label, row in zip(predicted, proba, strict=True)
    ]
    if y is not None:
        columns, rows = ["label", *columns], [[y[i], *row] for i, row in enumerate(rows)]
    write_csv(path, columns, rows)
