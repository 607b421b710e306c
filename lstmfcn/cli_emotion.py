"""What can be done with emotion data from a shell? `lstmfcn emotion ...`."""

import csv
import json

from lstmfcn.cli_arguments import at_least, to_names, to_number, to_path
from lstmfcn.emotion.zero_shot.command import add_zero_shot_run

__all__ = ["add_emotion"]


def add_emotion(commands):
    """Add ``emotion`` and what it can do to the commands of ``lstmfcn``."""
    emotion = commands.add_parser("emotion", help="emotion recognition, trained and zero-shot")
    what = emotion.add_subparsers(required=True, metavar="WHAT")
    _add_run(what)
    _add_zero_shot(what)


def _add_run(what):
    run = what.add_parser(
        "run",
        help="train and test a model on a folder of features",
        description="Train a model on a folder in MER2024's layout, with one or several feature "
        "sets, seed by seed; print its scores, write predictions, records, pictures and a page. "
        "Called again, it does the seeds that are missing.",
    )
    run.add_argument(
        "--track",
        choices=("full", "semi", "noise", "ov"),
        default="full",
        help="semi: with unlabelled clips, 12 trainings a seed; noise: noisy test clips; ov: open "
        "vocabulary (default: full)",
    )
    run.add_argument("--data", type=to_path, required=True, metavar="ROOT", help="the folder")
    run.add_argument(
        "--features", type=to_names, required=True, metavar="A[,B]", help="feature sets"
    )
    run.add_argument(
        "--model", choices=("lstmfcn", "alstmfcn", "fcn", "attention"), default="alstmfcn"
    )
    run.add_argument("--out", type=to_path, required=True, help="folder for the results")
    run.add_argument(
        "--fusion", choices=("branch", "early", "late"), help="of several feature sets: branch"
    )
    run.add_argument(
        "--classes",
        type=to_names,
        metavar="A,B,C",
        help="the labels in order; default: MER2024's six, or others if none of the six occurs",
    )
    run.add_argument(
        "--group", help="column, such as speaker, whose values are kept on one side of any split"
    )
    run.add_argument("--seeds", type=at_least(1), default=1, metavar="N", help="seeds 0 to N-1")
    run.add_argument(
        "--length",
        type=at_least(1),
        metavar="N",
        help="timepoints of a sequence; default: the median in training (of --mode resample; else "
        "the longest), at most 150",
    )
    run.add_argument(
        "--mode",
        choices=("resample", "mertools", "mean_pool", "pad"),
        default="resample",
        help="how sequences come to it: interpolated; as in MERTools, with zeros in front; or "
        "masked, of at most that length, by averages over frames: as many as each needs "
        "(mean_pool), or as many in all (pad) (default: resample)",
    )
    run.add_argument(
        "--noisy-validation",
        type=to_number,
        metavar="SHARE",
        help="of track noise: hold out this share of the training clips (0.2: a fifth), add noise "
        "to their features, keep the epoch that is best on them and print their WAF",
    )
    run.add_argument(
        "--standardize-by",
        metavar="COLUMN",
        help="standardise the features of each of its values by itself, of test clips too: with "
        "speaker, what is a speaker's own goes; needs several clips of each speaker",
    )
    run.add_argument(
        "--babble",
        type=at_least(0),
        default=0,
        metavar="N",
        help="train on N more copies of each clip with three others talking in the background, at "
        "5 to 10 dB; for features that are natural logarithms of power, such as log-mel frames",
    )
    run.add_argument("--epochs", type=at_least(1), metavar="N", help="default: the model's own")
    run.add_argument(
        "--copies",
        type=at_least(0),
        metavar="N",
        help="augmented copies of each training clip; default: 3 for track noise, else 0",
    )
    run.add_argument(
        "--threshold",
        type=to_number,
        metavar="P",
        help="of track semi: least probability of a pseudo-label (default: 0.8)",
    )
    run.add_argument(
        "--on-missing",
        choices=("error", "drop", "zeros"),
        default="error",
        help="what to do with clips without features",
    )
    run.add_argument(
        "--name",
        help="of the model in tables and folders; default: its kind, feature sets, fusion, copies",
    )
    run.set_defaults(command=_run)


def _add_zero_shot(what):
    zero_shot = what.add_parser(
        "zero-shot", help="score a model's answers, and compare a classifier with them"
    )
    what = zero_shot.add_subparsers(required=True, metavar="WHAT")
    add_zero_shot_run(what)

    table = what.add_parser(
        "table",
        help="GPT-4V on 19 datasets: published, recomputed, strict",
        description="Score the released answers of GPT-4V by the rules that give its published "
        "numbers, and strictly: refused and out of the vocabulary is wrong. Where there is no "
        "file of answers, the counts that come with this package are scored.",
    )
    table.add_argument("--answers", type=to_path, metavar="ROOT", help="folder of released answers")
    table.add_argument("--out", type=to_path, help="write the table to this CSV file as well")
    table.set_defaults(command=_table)

    compare = what.add_parser(
        "compare",
        help="is a classifier better on the same samples?",
        description="Score predictions and a model's answers on the samples that both have: "
        "difference with its interval, McNemar's test, recall of each class.",
    )
    compare.add_argument(
        "--answers", type=to_path, metavar="ROOT", required=True, help="folder of released answers"
    )
    compare.add_argument("--dataset", required=True, help="its folder: ckplus, cmumosi, ...")
    compare.add_argument("--variant", help="rgb, text, 2, ...; default: the published one")
    compare.add_argument(
        "--predictions",
        type=to_path,
        metavar="FILE",
        required=True,
        help="CSV file with the columns name and predicted",
    )
    compare.add_argument("--column", default="predicted", help="another name of the latter")
    compare.add_argument(
        "--labels",
        type=to_path,
        metavar="FILE",
        help="CSV file with the columns name and discrete: compare on its samples, with its labels",
    )
    compare.add_argument("--name", default="classifier", help="who predicted, as printed")
    compare.add_argument(
        "--model", help="who answered, as printed; default: the model that zero-shot run asked"
    )
    compare.add_argument("--out", type=to_path, help="folder for numbers, rows and picture")
    compare.set_defaults(command=_compare)


def _run(arguments):
    from lstmfcn.emotion.run_command import run_track

    run_track(
        arguments.data,
        arguments.track,
        arguments.features,
        arguments.model,
        arguments.out,
        fusion=arguments.fusion,
        classes=arguments.classes,
        group=arguments.group,
        n_seeds=arguments.seeds,
        n_timepoints=arguments.length,
        mode=arguments.mode,
        noisy_validation=arguments.noisy_validation,
        standardize_by=arguments.standardize_by,
        n_babble=arguments.babble,
        n_epochs=arguments.epochs,
        n_copies=arguments.copies,
        threshold=arguments.threshold,
        on_missing=arguments.on_missing,
        name=arguments.name,
    )


def _table(arguments):
    from lstmfcn.atomic import check_writable
    from lstmfcn.emotion.zero_shot import zero_shot_remarks, zero_shot_table

    if arguments.out is not None:
        check_writable(arguments.out)
    rows = zero_shot_table(arguments.answers)
    print(
        f"{'dataset':<12}{'variant':<8}{'metric':<9}{'published':>9}{'recomputed':>11}{'strict':>7}"
        f"{'95 % interval':>15}{'right/scored':>13}{'majority':>9}{'random':>7}  from"
    )
    for row in rows:
        published = "-" if row["published"] is None else f"{row['published']:.2f}"
        interval = f"{row['low']:.1f}-{row['high']:.1f}"
        counts = f"{row['n_correct']}/{row['n']}"
        print(
            f"{row['dataset']:<12}{row['variant']:<8}{row['metric']:<9}{published:>9}"
            f"{row['recomputed']:>11.2f}{row['strict']:>7.2f}{interval:>15}{counts:>13}"
            f"{row['majority']:>9.2f}{row['random']:>7.2f}  {row['source']}"
        )
    agree = [row["agrees"] for row in rows if row["agrees"] is not None]
    print(
        f"\n{sum(row['source'] == 'csv' for row in rows)} of {len(rows)} lines are of files of "
        f"answers. {sum(agree)} of {len(agree)} published numbers come out to their two decimals. "
        "All in\nper cent; uar: unweighted average recall, waf: weighted F1; strict: every sample "
        "of the label file,\nwhat is missing or out of the vocabulary wrong."
    )
    flattered, wronged, below = zero_shot_remarks(rows)
    for title, remarks in (
        ("Flattered by its rule", flattered),
        ("Wronged by a spelling", wronged),
        ("Below always answering the most frequent class", below),
    ):
        if remarks:
            print(f"\n{title}:", *remarks, sep="\n  ")
    if arguments.out is not None:
        _write_csv(arguments.out, rows)


def _compare(arguments):
    import warnings

    from lstmfcn.emotion.zero_shot import compare_to_zero_shot, load_zero_shot
    from lstmfcn.emotion.zero_shot.cache import CACHE, asked_model
    from lstmfcn.emotion.zero_shot.files import read_csv

    if arguments.out is not None and arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"{arguments.out} is a file; name a folder with --out.")
    answers = load_zero_shot(arguments.answers, arguments.dataset, arguments.variant)
    predictions = read_csv(arguments.predictions, ("name", arguments.column))
    y_true = None
    if arguments.labels is not None:
        predictions, y_true = _on_labelled(predictions, answers, arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        result = compare_to_zero_shot(
            [row[arguments.column] for row in predictions.values()],
            list(predictions),
            answers,
            y_true=y_true,
        )
    model = arguments.model or asked_model(arguments.answers / answers.task.name / CACHE)
    names = (arguments.name, model or "GPT-4V")
    for warning in caught:
        print(f"note: {warning.message}")
    _print_comparison(result, names)
    if arguments.out is not None:
        _write_comparison(result, names, arguments.out)
        print(f"\nnumbers, rows and picture are in {arguments.out}/")


def _on_labelled(predictions, answers, arguments):
    """Return the predictions on the answered samples of a label file, and its labels."""
    from lstmfcn.emotion.zero_shot import shared_samples
    from lstmfcn.emotion.zero_shot.files import sample_name

    labels = dict(zip(*shared_samples(arguments.labels, answers), strict=True))
    labels = {sample_name(name): label for name, label in labels.items()}
    chosen = {name: row for name, row in predictions.items() if name in labels}
    if not chosen:
        raise ValueError(
            f"{arguments.predictions} has none of the {len(labels)} answered samples of "
            f"{arguments.labels}; give predictions with the names of that file."
        )
    print(
        f"{len(chosen)} of {len(predictions)} predictions are of the {len(labels)} answered "
        f"samples of {arguments.labels.name}"
    )
    return chosen, [labels[name] for name in chosen]


def _print_comparison(result, names):
    print(
        f"{f'{result.dataset} {result.variant}'.strip()}: {result.n} of {result.n_predictions} "
        f"predictions compared, of {result.n_answered} samples answered by {names[1]}; "
        f"without an answer: {result.n_unanswered}, without a class: {result.n_neutral}"
    )
    if result.n_relabelled:
        print(f"{result.n_relabelled} of them were released with another class, or with none")
    width = max(len(name) for name in (*names, *result.classes, "accuracy"))
    print(
        f"\n{'':<{width}} {names[0]:>{width}} {names[1]:>{width}} difference    95 % interval "
        f"majority  strict: {names[0]}, {names[1]}"
    )
    for metric, score in result.scores.items():
        strict = result.strict[metric]
        print(
            f"{metric:<{width}} {score['ours']:>{width}.4f} {score['zero_shot']:>{width}.4f} "
            f"{score['difference']:>+10.4f} {score['low']:>+8.3f}{score['high']:>+8.3f} "
            f"{result.majority[metric]:>8.4f}  {strict['ours']:.4f}, {strict['zero_shot']:.4f} "
            f"(n = {result.n_strict})"
        )
    print(
        f"\nright alone: {names[0]} {result.only_ours}, {names[1]} {result.only_zero_shot}; "
        f"McNemar's exact p = {result.p_value:.3g}\n\nrecall of each class:"
    )
    for row in result.per_class:
        cells = ("-" if row[key] is None else f"{row[key]:.4f}" for key in ("ours", "zero_shot"))
        print(
            f"{row['class']:<{width}} {' '.join(f'{cell:>{width}}' for cell in cells)} "
            f"n = {row['n']}"
        )


def _write_comparison(result, names, folder):
    """Write comparison.json, per-class.csv, samples.csv and comparison.png."""
    from dataclasses import asdict

    import matplotlib.pyplot as plt

    from lstmfcn.atomic import atomic_path
    from lstmfcn.plots.zero_shot import ZeroShotDisplay

    folder.mkdir(parents=True, exist_ok=True)
    numbers = asdict(result)
    samples = {key: numbers.pop(key) for key in ("names", "y_true", "ours", "zero_shot")}
    numbers["n"], numbers["systems"] = result.n, names
    with atomic_path(folder / "comparison.json") as temporary:
        temporary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    _write_csv(folder / "per-class.csv", [_flat(row) for row in result.per_class])
    columns = ("name", "truth", "predicted", "answered")
    rows = zip(*samples.values(), strict=True)
    _write_csv(
        folder / "samples.csv", [dict(zip(columns, map(str, row), strict=True)) for row in rows]
    )
    figure = ZeroShotDisplay.from_comparison(result, names=names).plot().figure_
    with atomic_path(folder / "comparison.png") as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def _flat(row):
    """Return a row of numbers, its intervals as two columns."""
    flat = {key: value for key, value in row.items() if not key.endswith("_interval")}
    for system in ("ours", "zero_shot"):
        flat[f"{system}_low"], flat[f"{system}_high"] = row[f"{system}_interval"] or (None, None)
    return flat


def _write_csv(path, rows):
    """Write rows of the same keys."""
    from lstmfcn.atomic import atomic_path

    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
