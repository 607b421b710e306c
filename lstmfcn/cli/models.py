"""How is a model trained, used and explained from a shell? `lstmfcn fit | predict | explain`."""

import math
import os
from pathlib import Path

from lstmfcn.cli.arguments import at_least, to_counts, to_names, to_number, to_path
from lstmfcn.cli.options import add_parameters, given_parameters
from lstmfcn.cli.samples import TABLES, add_input, described, read_samples, reading_of
from lstmfcn.untrusted import listed
from lstmfcn.warning import warn

MODELS = {"lstmfcn": "LSTMFCNClassifier", "alstmfcn": "ALSTMFCNClassifier", "fcn": "FCNClassifier"}
REGRESSOR = "lstmfcn-regressor"
ENSEMBLE, JOBS = "ensemble", -1  # as many members at once as there are cores


def add_models(commands):
    """Add the commands fit, evaluate, predict, export and explain to a parser."""
    fit = commands.add_parser(
        "fit", help="train a model on a file", description="Train a model and write it to a file."
    )
    _add_model(fit, REGRESSOR)
    fit.add_argument("--out", type=to_path, required=True, help="model file to write")
    resume = "go on from there after an interruption"
    fit.add_argument("--checkpoint", type=to_path, metavar="FOLDER", help=resume)
    fit.set_defaults(command=_fit)

    _add_fine_tune(commands)
    evaluate = commands.add_parser(
        "evaluate",
        help="cross-validate a model on a file",
        description="Train on all folds but one and test on that one, for each in turn; write "
        "predictions, scores and a picture of them. Folds have the classes in equal parts; with "
        "--group no group is in two folds. Called again it does what is missing.",
    )
    _add_model(evaluate, REGRESSOR)
    evaluate.add_argument("--folds", type=at_least(2), default=5, metavar="N")
    evaluate.add_argument("--out", type=to_path, required=True, help="folder to write to")
    evaluate.set_defaults(command=_evaluate)

    predict = commands.add_parser(
        "predict",
        help="classify the series of a file with a fitted model",
        description="Write predicted classes and probabilities, or numbers; print metrics if "
        "labels are there.",
    )
    predict.add_argument("model", metavar="MODEL", type=to_path, help="file written by lstmfcn fit")
    add_input(predict, "TEST", "test")
    predict.add_argument("--out", type=to_path, required=True, help="CSV file to write")
    predict.set_defaults(command=_predict)

    export = commands.add_parser(
        "export",
        help="write a fitted model as ONNX, LiteRT or SavedModel",
        description="Write a graph from raw series (n, channels, timepoints) to probabilities, or "
        "to numbers, which answers without this package.",
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
    add_input(explain, "TEST", "test")
    explain.add_argument("--out", type=to_path, required=True, help="folder to write to")
    which = "series that get pictures of their own, counted from 0"
    explain.add_argument("--index", type=to_counts, default=(), metavar="N,...", help=which)
    named = "what stands beside the channels; default: the names in the training file"
    explain.add_argument("--channel-names", type=to_names, metavar="A,B,...", help=named)
    seconds = "timepoints per second: axes of time are in seconds"
    explain.add_argument("--sampling-rate", type=to_number, metavar="HZ", help=seconds)
    explain.add_argument("--seed", type=at_least(0), default=0, help="of the random deletions")
    explain.set_defaults(command=_explain)


def _add_fine_tune(commands):
    tune = commands.add_parser(
        "fine-tune",
        help="train a fitted model on",
        description="Train a fitted model on, on the same or other series, and write it to another "
        "file. The learning rate halves with each iteration, the batch size with every second one.",
    )
    tune.add_argument("model", metavar="MODEL", type=to_path, help="file written by lstmfcn fit")
    add_input(tune, "TRAIN", "training")
    tune.add_argument("--out", type=to_path, required=True, help="model file to write")
    count = {"type": at_least(1), "metavar": "N"}
    tune.add_argument("--iterations", **count, default=5, help="default: 5")
    tune.add_argument("--epochs", **count, help="of each iteration; default: as many as fit used")
    rate = "of the first iteration; default: 0.001"
    tune.add_argument("--learning-rate", type=to_number, default=1e-3, metavar="NUMBER", help=rate)
    largest = "largest batch of the first iteration; default: 128"
    tune.add_argument("--batch-size", **count, default=128, help=largest)
    tune.add_argument("--patience", **count, help="end an iteration after N epochs in vain")
    kept = "these keep their weights"
    tune.add_argument("--freeze", choices=("convolutions",), help=kept)
    anew = {"type": str.lower, "choices": ("true", "false"), "default": "false"}
    tune.add_argument("--reset-head", **anew, help="true: learn these classes instead")
    add = {"choices": ("refuse", "add"), "default": "refuse"}
    tune.add_argument("--new-classes", **add, help="add: learn unknown classes, too")
    resume = "go on from there after an interruption"
    tune.add_argument("--checkpoint", type=to_path, metavar="FOLDER", help=resume)
    tune.set_defaults(command=_fine_tune)


def _add_model(parser, *more):
    """Give a parser the options that say what is trained on what; ``more`` are further models."""
    add_input(parser, "TRAIN", "training")
    parser.add_argument("--model", choices=(*MODELS, ENSEMBLE, *more), default="lstmfcn")
    parser.add_argument(
        "--of", choices=MODELS, help="of the ensemble, which networks; default: lstmfcn"
    )
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_more = lambda parser: add_parameters(parser, *_classes(), n_jobs=JOBS)


def _classes():
    """Return the classes whose parameters are options."""
    import lstmfcn

    return *(getattr(lstmfcn, name) for name in MODELS.values()), lstmfcn.LSTMFCNEnsemble


def _new_model(arguments, y):
    """Return the unfitted model that the options describe, for these labels."""
    import lstmfcn

    is_ensemble = arguments.model == ENSEMBLE
    if not is_ensemble and arguments.of is not None:
        raise ValueError(f"--of is for --model ensemble, not for --model {arguments.model}.")
    kinds = {**MODELS, REGRESSOR: "LSTMFCNRegressor"}
    cls = getattr(lstmfcn, kinds[(arguments.of or "lstmfcn") if is_ensemble else arguments.model])
    ensemble = lstmfcn.LSTMFCNEnsemble
    own = (cls, ensemble) if is_ensemble else (cls,)
    parameters, *of_ensemble = given_parameters(arguments, own, _classes())
    if isinstance(parameters.get("class_weight"), dict):
        by_text = {str(label): label for label in sorted(set(y.tolist()))}
        parameters["class_weight"] = {
            by_text.get(label, label): factor
            for label, factor in parameters["class_weight"].items()
        }
    classifier = cls(**parameters)
    if is_ensemble:
        classifier = ensemble(classifier, **{"n_jobs": JOBS, **of_ensemble[0]})
    return classifier.set_params(random_state=arguments.seed, verbose=2)


def _read_labelled(arguments):
    samples = read_samples(arguments, "train", numbers=arguments.model == REGRESSOR)
    _check_labelled(samples, arguments)
    return samples


def _check_labelled(samples, arguments):
    """Refuse series without labels; say what was read."""
    if samples.y is None:
        raise ValueError(
            f"{arguments.series} has no labels; say where they are with --label-column, or name "
            "their file with --labels."
        )
    print(described(samples))


def _fit(arguments):
    _check_out(arguments)
    samples = _read_labelled(arguments)
    reading = reading_of(arguments, samples)
    classifier = _new_model(arguments, samples.y)
    classifier.set_params(checkpoint=arguments.checkpoint).fit(samples.X, samples.y)
    classifier.reading_ = reading
    classifier.save(arguments.out)
    learned = "" if _tells_numbers(classifier) else f"{len(classifier.classes_)} classes, "
    print(
        f"{type(classifier).__name__}: {len(samples.y)} series, {learned}"
        f"{len(classifier.history_['loss'])} epochs, final training loss "
        f"{classifier.history_['loss'][-1]:.4f}; written to {arguments.out}"
    )


def _fine_tune(arguments):
    from types import SimpleNamespace

    from lstmfcn.loading import load

    _check_out(arguments)
    model = load(arguments.model)
    resets = arguments.reset_head == "true"
    known = SimpleNamespace(reading_=getattr(model, "reading_", None))
    if not (resets or arguments.new_classes == "add" or _tells_numbers(model)):
        known.classes_ = model.classes_
    samples = read_samples(arguments, "train", known, numbers=_tells_numbers(model))
    _check_labelled(samples, arguments)
    model.set_params(checkpoint=arguments.checkpoint, verbose=2)
    options = {} if _tells_numbers(model) else {"new_classes": arguments.new_classes}
    model.fine_tune(
        samples.X,
        samples.y,
        n_iterations=arguments.iterations,
        n_epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        batch_size=arguments.batch_size,
        freeze=arguments.freeze,
        reset_head=resets,
        patience=arguments.patience,
        **options,
    )
    model.reading_ = reading_of(arguments, samples)
    model.save(arguments.out)
    print(
        f"{type(model).__name__}: training continued on {len(samples.y)} series; written to "
        f"{arguments.out}"
    )


def _tells_numbers(model):
    return not hasattr(model, "classes_")


def _warn_of_overlap(arguments, samples):
    """Tell that windows share timepoints with windows of other folds."""
    window, step = arguments.window, arguments.step
    if window in (None, "none") or samples.groups is not None:
        return
    which = f"windows of {window} timepoints every {step}" if (step or window) < window else None
    option = "--step" if which else "--end"
    if which or arguments.end == "overlap":
        warn(
            f"{which or 'the last windows'} overlap, so that folds share timepoints and the "
            "scores are too high; name a column with --group, such as the person, or leave "
            f"{option} out."
        )


def _evaluate(arguments):
    from lstmfcn.cli.cross_validation import (
        cross_validate_numbers_to_folder,
        cross_validate_to_folder,
    )

    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"{arguments.out} is a file; name a folder with --out.")
    samples = _read_labelled(arguments)
    _warn_of_overlap(arguments, samples)
    classifier = _new_model(arguments, samples.y).set_params(verbose=1)
    is_regressor = arguments.model == REGRESSOR
    validate = cross_validate_numbers_to_folder if is_regressor else cross_validate_to_folder
    table = validate(
        classifier,
        samples.X,
        samples.y,
        arguments.out,
        groups=samples.groups,
        about=samples.about(),
        n_folds=arguments.folds,
        random_state=arguments.seed,
        verbose=1,
    )
    print(table)
    picture = "predicted.png" if is_regressor else "confusion.png"
    print(f"predictions.csv, scores.csv and {picture} are in {arguments.out}/")


def _predict(arguments):
    _check_out(arguments)
    if arguments.model.suffix == ".onnx":  # and TensorFlow is not imported
        from lstmfcn.onnx_model import load_onnx as load
    else:
        from lstmfcn.loading import load

    classifier = load(arguments.model)
    numbers = _tells_numbers(classifier)
    samples = read_samples(arguments, "test", classifier, numbers=numbers, keep_unlabelled=True)
    if samples.left_out:
        print(f"left out: {', '.join(samples.left_out)}")
    if numbers:
        _predict_numbers(classifier, samples, arguments.out)
        return
    X, y = samples.X, samples.y
    proba = _with_progress(classifier.predict_proba, X)
    predicted = classifier.classes_[proba.argmax(axis=1)]
    _write_predictions(arguments.out, classifier.classes_, predicted, proba, samples)
    print(f"{len(predicted)} series classified; written to {arguments.out}")
    if y is not None:
        import numpy as np
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

        truth, answer = y.astype(str), predicted.astype(str)
        is_known = truth != ""
        truth, answer = truth[is_known], answer[is_known]
        if not is_known.all():
            print(f"{len(truth)} of them have one label, and are scored")
        if not len(truth):
            return
        odd = sorted(set(truth.tolist()) - set(classifier.classes_.astype(str).tolist()))
        if odd:
            n_odd = int(np.isin(truth, odd).sum())
            warn(
                f"{n_odd} of {len(truth)} series have labels that the model does not know "
                f"({listed(odd, 3)}), so that each of them counts as an error."
            )
        print(f"accuracy           {accuracy_score(truth, answer):.4f}")
        print(f"balanced accuracy  {balanced_accuracy_score(truth, answer):.4f}")
        print(f"weighted F1        {f1_score(truth, answer, average='weighted'):.4f}")


def _predict_numbers(regressor, samples, out):
    import numpy as np

    predicted = _with_progress(regressor.predict, samples.X)
    nothing = np.empty((len(predicted), 0))
    _write_predictions(out, (), predicted, nothing, samples)
    print(f"{len(predicted)} number{'s' if len(predicted) > 1 else ''} predicted; written to {out}")
    if samples.y is not None and np.ptp(samples.y) > 0:
        from lstmfcn.evaluation.number_scores import NUMBER_METRICS, score_numbers

        scores = score_numbers(samples.y, predicted, groups=samples.groups).scores
        for name, title in NUMBER_METRICS.items():
            low, high = scores[name]["clips"]
            print(f"{title:<5}{scores[name]['value']:.4g}  ({low:.4g} to {high:.4g})")
        print("in brackets: 95 % bootstrap interval over series")


def _export(arguments):
    from lstmfcn.loading import load

    model, options = load(arguments.model), {"attention": True} if arguments.attention else {}
    if _tells_numbers(model) and options:
        raise ValueError(f"{arguments.model} predicts numbers; --attention is for classifiers.")
    model.export(arguments.out, arguments.format, **options)
    answers = "a number" if _tells_numbers(model) else f"{len(model.classes_)} classes"
    print(
        f"{type(model).__name__} for series of {model.n_channels_in_} x "
        f"{model.n_timepoints_in_} values, {answers}; written to {arguments.out}"
    )


def _explain(arguments):
    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"{arguments.out} is a file; name a folder with --out.")
    from lstmfcn.loading import load
    from lstmfcn.plots.overview import explain_to_folder

    classifier = load(arguments.model)
    if _tells_numbers(classifier):
        raise ValueError(
            f"{arguments.model} predicts numbers, but lstmfcn explain is for classifiers; use "
            "lstmfcn predict."
        )
    samples = read_samples(arguments, "test", classifier)
    summary = explain_to_folder(
        classifier,
        samples.X,
        samples.y,
        arguments.out,
        indices=arguments.index,
        names=samples.names(),
        channel_names=arguments.channel_names or samples.channels or None,
        sampling_rate=arguments.sampling_rate,
        random_state=arguments.seed,
        verbose=1,
    )
    print(
        f"{len(samples.X)} series explained; pictures and explanations.npz are in {arguments.out}/"
    )
    print(f"fraction of the LSTM branch in the decisions: {summary['lstm_share']:.2f}")
    for name, ratio in summary.items():
        if name.startswith("deletion, "):
            moves = f"moves the probability {ratio:.1f} times as far as deleting a random fifth"
            if not math.isfinite(ratio):
                moves = "lowers the probability, deleting a random fifth does not"
                moves = moves if ratio > 0 else "does not lower the probability"
            print(f"{name.removeprefix('deletion, ')}: deleting the fifth it ranks highest {moves}")
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
    folder = Path(os.path.expanduser(arguments.series)).resolve()
    if arguments.out.suffix.lower() in TABLES and arguments.out.resolve().parent == folder:
        raise ValueError(
            f"{arguments.out} would be read as a recording the next time; name a file in another "
            "folder with --out."
        )


def _with_progress(predict, X, rows=512):
    import numpy as np

    from lstmfcn.progress import tqdm

    starts = tqdm(range(0, len(X), rows), desc="predict", disable=len(X) <= rows)
    return np.concatenate([predict(X[i : i + rows]) for i in starts])


def _write_predictions(path, classes, predicted, proba, samples):
    """Write a line per series: what is known about it, its class, each class's probability."""
    from lstmfcn.files import write_csv

    columns = ["predicted", *(f"probability_{label}" for label in classes)]
    rows = [
        [label, *(f"{p:.6f}" for p in row)] for label, row in zip(predicted, proba, strict=True)
    ]
    about = samples.about()
    rows = [[*known, *row] for *known, row in zip(*about.values(), rows, strict=True)]
    write_csv(path, [*about, *columns], rows)
