"""What can be done with emotion data from a shell? `lstmfcn emotion ...`."""

from itertools import chain

from lstmfcn.cli.arguments import OPTIONS, at_least, to_names, to_number, to_path
from lstmfcn.cli.emotion_extract import add_extraction
from lstmfcn.cli.emotion_score import add_scores
from lstmfcn.cli.text import text_table
from lstmfcn.cli.zero_shot import add_zero_shot

# Fields of a recipe that are options; the names of counts differ.
FIELDS = ("features", "model", "fusion", "mode", "noisy_validation", "standardize_by")
COUNTS = ("n_timepoints", "n_babble", "n_epochs", "n_copies")


def add_emotion(commands):
    """Add ``emotion`` and what it can do to the commands of ``lstmfcn``."""
    emotion = commands.add_parser("emotion", help="emotion recognition, trained and zero-shot")
    what = emotion.add_subparsers(required=True, metavar="WHAT")
    add_extraction(what)
    _add_run(what)
    add_scores(what)
    add_zero_shot(what)


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
    recipe = run.add_mutually_exclusive_group(required=True)
    recipe.add_argument("--features", type=to_names, metavar="A[,B]", help="feature sets")
    recipe.add_argument(
        "--preset",
        metavar="NAME",
        help="a whole recipe: emodb, emodb-noisy, emodb-semi (of track semi), mosi-early, "
        "mosi-branch, mosi-late or mosi-text",
    )
    run.add_argument("--out", type=to_path, required=True, help="folder for the results")
    run.add_argument(
        "--model", choices=("lstmfcn", "alstmfcn", "fcn", "attention"), help="default: alstmfcn"
    )
    fusions = ("branch", "early", "late")
    run.add_argument("--fusion", choices=fusions, help="of several feature sets; default: branch")
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
        help="how sequences get that length: interpolated (resample, the default); as in MERTools, "
        "with zeros in front (mertools); or at most that length, by means over frames: as many as "
        "a sequence needs (mean_pool), or as many in all sequences (pad)",
    )
    run.add_argument(
        "--noisy-validation",
        type=to_number,
        metavar="FRACTION",
        help="of track noise: hold out this fraction of the training clips (0.2: a fifth), add "
        "noise to their features, keep the epoch that is best on them and print their WAF",
    )
    run.add_argument(
        "--standardize-by",
        metavar="COLUMN",
        help="standardise the features of each value of this column on its own, in test clips too; "
        "speaker takes away how speakers differ, and needs several clips of each speaker",
    )
    run.add_argument(
        "--babble",
        type=at_least(0),
        metavar="N",
        help="train on N more copies of each clip with three others in the background, at 5 to 10 "
        "dB; for natural logarithms of power, such as log-mel frames",
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
    remedies = ("error", "drop", "zeros")
    run.add_argument(
        "--on-missing", choices=remedies, default="error", help="of clips without features"
    )
    run.add_argument(
        "--name",
        help="of the model in tables and folders; default: the preset's, or made of kind, "
        "feature sets, fusion and copies",
    )
    run.set_defaults(command=_run)


def _run(arguments):
    from lstmfcn.emotion.track_data import load_track_data
    from lstmfcn.emotion.track_runs import run_track
    from lstmfcn.evaluation.records import check_model_name
    from lstmfcn.evaluation.results import Results

    name = arguments.preset if arguments.name is None else arguments.name
    Results(arguments.out)  # refused before features are read, if it is no folder
    if name is not None:
        check_model_name(name)
    data = load_track_data(
        arguments.data,
        arguments.track,
        _recipe(arguments),
        classes=arguments.classes,
        group=arguments.group,
        on_missing=arguments.on_missing,
    )
    print(_summary(data))
    options = {"n_seeds": arguments.seeds, "name": name}
    models, rows, records = run_track(data, arguments.out, **options, verbose=1)
    _print_scores(data, rows)
    _print_gain(models, records)
    print(f"\nall models: {arguments.out / 'report.html'}; predictions and pictures:")
    for model in models:
        print(f"  {model.folder}/")


def _recipe(arguments):
    """Return the preset, or the recipe that the options describe."""
    from lstmfcn.emotion import PRESETS
    from lstmfcn.emotion.recipe import default_recipe
    from lstmfcn.validation import check_choice

    names = {field: OPTIONS.get(field, field) for field in (*FIELDS, *COUNTS, "threshold")}
    options = {field: getattr(arguments, name) for field, name in names.items()}
    options = {field: value for field, value in options.items() if value is not None}
    if arguments.preset is not None:
        check_choice(arguments.preset, "preset", tuple(PRESETS))
        if options:
            names = ", ".join(f"--{names[field].replace('_', '-')}" for field in options)
            raise ValueError(f"--preset {arguments.preset} is a whole recipe; leave out {names}.")
        return PRESETS[arguments.preset]
    track, threshold = arguments.track, options.pop("threshold", None)
    if threshold is not None:
        if track != "semi":
            raise ValueError(
                f"--threshold {threshold} is for track 'semi'; leave it out of track {track!r}."
            )
        options["pseudo_labels"] = {"threshold": threshold}
    return default_recipe(track, **options)


def _summary(data):
    """Return the training and test clips in words."""
    from lstmfcn.emotion.track_data import HELD_OUT, NOISE_LEVELS

    counts = [f"{data.n_train} training clips"]
    if data.unlabelled is not None:
        counts.append(f"{len(data.unlabelled)} unlabelled")
    counts += [f"{len(clips)} {test}" for test, clips in data.tests.items()]
    if n_babble := data.of_each_recipe[0].recipe.n_babble:
        counts[0] += f" (and {n_babble} {'copy' if n_babble == 1 else 'copies'} of each in babble)"
    features = "; ".join(map(_features, data.of_each_recipe))
    text = f"{data.name}, track {data.track}: {', '.join(counts)}; {features}"
    if HELD_OUT in data.tests:
        text += "\nno test clips are labelled: all scores are of training clips that are held out"
    elif data.track == "noise" and "noisy" not in data.tests:
        text += (
            "\nno noisy test clips are labelled: all scores are of the clean ones; robustness.png "
            "is of their corrupted features"
        )
    if data.validation is not None:
        n_clips = len(set(data.validation.names))
        *most, last = (f"{level:g}" for level in NOISE_LEVELS)
        text += (
            f"\n{n_clips} more training clips are held out to validate on; their features have "
            f"noise of {', '.join(most)} and {last} standard deviations"
        )
    return text


def _features(data):
    """Return feature sets and lengths of one recipe in words."""
    recipe = data.recipe
    reach = "up to" if recipe.mode in ("mean_pool", "pad") else "at"
    lengths = data.n_timepoints.items()
    text = ", ".join(f"{name} {reach} {n} timepoint{'s' if n > 1 else ''}" for name, n in lengths)
    text += "" if recipe.mode == "resample" else f" ({recipe.mode})"
    return text + (f", standardised by {recipe.standardize_by}" if recipe.standardize_by else "")


def _print_scores(data, rows):
    """Print the table of scores: means over seeds, intervals, and the recall of each class."""
    from lstmfcn.emotion.track_runs import metrics_of

    metrics, labels = metrics_of(data), data.classes if data.track != "ov" else ()
    columns = ["", *chain.from_iterable((title, "95 % interval") for title in metrics.values())]
    columns += ["recall:", *labels] if labels else []
    table = []
    for row in rows:
        table.append([f"{row['model']}, {row['test']}"])
        for metric in metrics:
            low, high = row[f"{metric}_low"], row[f"{metric}_high"]
            table[-1] += [row[metric], None if low is None else f"{low:.3f}-{high:.3f}"]
        table[-1] += ["", *(row[f"recall_{label}"] for label in labels)] if labels else []
    n_seeds = rows[0]["n_seeds"]
    print(f"\n{text_table(columns, table)}\n")
    interval = "s; the interval is Student's over the seeds" if n_seeds > 1 else ""
    print(f"means over {n_seeds} seed{interval}")
    if data.validation is not None:
        print("validation: WAF on the held-out training clips with noise")


def _print_gain(models, records):
    """Print the gain by unlabelled clips, seed by seed."""
    from lstmfcn.evaluation.intervals import paired_interval

    if len(models) < 2:
        return
    test = next(iter(models[0].data.tests))
    pair = ([one["weighted_f1"] for one in records[model.name, test]] for model in models)
    difference, low, high = paired_interval(*pair)
    interval = "" if low != low else f", 95 % interval {low:+.4f} to {high:+.4f}"
    how = f"of {test}, paired by seed{interval}"
    print(f"the unlabelled clips change WAF by {difference:+.4f} ({how})")
