"""What can be done with emotion data from a shell? `lstmfcn emotion ...`."""

import argparse
import os
from dataclasses import replace
from itertools import chain, pairwise

from lstmfcn.cli.arguments import OPTIONS, at_least, to_names, to_number, to_path
from lstmfcn.cli.emotion_extract import add_extraction
from lstmfcn.cli.emotion_predict import add_predict
from lstmfcn.cli.emotion_score import add_scores
from lstmfcn.cli.text import text_table
from lstmfcn.cli.zero_shot import add_zero_shot

# Fields of a recipe that are options; the names of counts differ.
FIELDS = ("features", "model", "fusion", "mode", "standardize_by")
COUNTS = ("n_timepoints", "n_babble", "n_epochs", "n_copies")
NETWORKS = ("lstmfcn", "alstmfcn", "fcn", "ensemble", "attention")
RECIPES = "emodb, emodb-noisy, emodb-semi (of track semi), mosi-early, mosi-branch, mosi-late, "
RECIPES += "mosi-text"


def add_emotion(commands):
    """Add ``emotion`` and what it can do to the commands of ``lstmfcn``."""
    emotion = commands.add_parser("emotion", help="emotion recognition, trained and zero-shot")
    what = emotion.add_subparsers(required=True, metavar="WHAT")
    add_extraction(what)
    _add_run(what)
    add_predict(what)
    add_scores(what)
    add_zero_shot(what)


def _add_run(what):
    run = what.add_parser(
        "run",
        help="train and test a model on a folder of features",
        description="Train models on feature sets, seed by seed, with the labels of one table or "
        "of MER2024's layout; print the scores, write predictions, records, pictures and a page. "
        "Called again, it does what is missing.",
    )
    _add_data(run)
    _add_training(run)
    results = run.add_argument_group("results")
    results.add_argument("--out", type=to_path, required=True, help="folder for the results")
    results.add_argument(
        "--keep-models",
        action="store_true",
        help="keep the model of each seed for `lstmfcn emotion predict`; it is trained on all "
        "labelled clips, or on the training clips where test clips have labels",
    )
    results.add_argument(
        "--name",
        help="of the model in tables and folders; default: the recipe's, or made of kind, feature "
        "sets, fusion and copies",
    )
    run.set_defaults(command=_run)


def _add_data(run):
    data = run.add_argument_group("data")
    data.add_argument(
        "--data",
        type=to_path,
        metavar="ROOT",
        help="the folder of the feature sets, and of MER2024's label files unless --labels are "
        "given",
    )
    data.add_argument(
        "--wavs",
        type=to_path,
        metavar="DIR",
        help="in place of --data: a folder of recordings; --features that are missing are made as "
        "by `lstmfcn emotion extract`, into the folder of the results",
    )
    data.add_argument(
        "--labels",
        type=to_path,
        metavar="CSV",
        help="one table of all clips: a column name, file or filename, one of emotions, and "
        "perhaps speaker, split (train, dev, test), start, end; clips without an emotion are "
        "predicted",
    )
    data.add_argument(
        "--label-column",
        metavar="COLUMN",
        help="of the emotions; default: discrete, emotion or label",
    )
    data.add_argument(
        "--target",
        metavar="COLUMN",
        help="in place of emotions: a dimension, such as valence; a regressor of each feature set "
        "predicts it in folds (default: 5), and the predictions are averaged",
    )
    data.add_argument(
        "--classes",
        type=to_names,
        metavar="A,B,C",
        help="the emotions to keep, in order; clips of others are left out (default: all, but of "
        "--data alone MER2024's six if any of the six occurs)",
    )
    data.add_argument(
        "--merge", type=_to_pairs, metavar="OLD=NEW,...", help="emotions to rename: excited=happy"
    )
    data.add_argument(
        "--group", help="column, such as speaker, whose values are kept on one side of any split"
    )
    data.add_argument(
        "--folds",
        type=at_least(2, "loso"),
        metavar="N|loso",
        help="score all labelled clips, each by a model that has not seen it: N folds, or loso, "
        "leave one speaker out (of --group: one of its values)",
    )
    data.add_argument(
        "--track",
        choices=("full", "semi", "noise", "ov"),
        default="full",
        help="semi: with unlabelled clips, 12 trainings a seed; noise: noisy test clips; ov: open "
        "vocabulary (default: full)",
    )
    remedies = ("error", "drop", "zeros")
    data.add_argument(
        "--on-missing", choices=remedies, default="error", help="of clips without features"
    )


def _add_training(run):
    what = run.add_argument_group("what is trained")
    recipe = what.add_mutually_exclusive_group(required=True)
    recipe.add_argument(
        "--features",
        type=to_names,
        metavar="A[,B]|all",
        help="feature sets, which one model fuses; all: a model of each set of the folder, ranked "
        "by training clips, and a fusion of the best",
    )
    recipe.add_argument("--recipe", metavar="NAME", help=f"a whole recipe: {RECIPES}")
    what.add_argument(
        "--model",
        type=_to_models,
        metavar="A[,B]",
        help=f"{', '.join(NETWORKS)}; several are rows of one table (default: alstmfcn; ensemble: "
        "several ALSTM-FCNs, of one feature set)",
    )
    fusions = ("branch", "early", "late")
    what.add_argument("--fusion", choices=fusions, help="of several feature sets; default: branch")
    what.add_argument(
        "--best",
        type=at_least(2),
        metavar="N",
        help="of --features all: how many of the best sets are fused (default: 3)",
    )
    what.add_argument(
        "--baselines",
        type=to_names,
        metavar="svm,logreg",
        default=[],
        help="linear models in the same table, of functionals where the folder has them, else of "
        "means and deviations over frames; svm:egemaps takes other features than --features",
    )
    what.add_argument("--seeds", type=at_least(1), default=1, metavar="N", help="seeds 0 to N-1")
    what.add_argument(
        "--length",
        type=at_least(1),
        metavar="N",
        help="timepoints of a sequence; default: the median in training (of --mode resample; else "
        "the longest), at most 150",
    )
    what.add_argument(
        "--mode",
        choices=("resample", "mertools", "pad"),
        help="how sequences get that length: interpolated (resample, the default); as in MERTools, "
        "with zeros in front (mertools, the default for utterances of a video); or at most that "
        "length, by means over frames (pad)",
    )
    what.add_argument(
        "--standardize-by",
        metavar="COLUMN",
        help="standardise the features of each value of this column on its own, in test clips too; "
        "speaker takes away how speakers differ, and needs several clips of each speaker",
    )
    what.add_argument(
        "--babble",
        type=at_least(0),
        metavar="N",
        help="train on N more copies of each clip with three others in the background, at 5 to 10 "
        "dB; for natural logarithms of power, such as log-mel frames",
    )
    what.add_argument("--epochs", type=at_least(1), metavar="N", help="default: the model's own")
    what.add_argument(
        "--copies",
        type=at_least(0),
        metavar="N",
        help="augmented copies of each training clip; default: 3 for track noise, else 0",
    )
    what.add_argument(
        "--threshold",
        type=to_number,
        metavar="P",
        help="of track semi: least probability of a pseudo-label (default: 0.8)",
    )


def _to_pairs(text):
    """Return {"excited": "happy"} of "excited=happy"."""
    pairs = [pair.split("=") for pair in to_names(text)]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not OLD=NEW,...")
    return dict(pairs)


def _to_models(text):
    """Return the models in "lstmfcn,ensemble", each once."""
    names = list(dict.fromkeys(to_names(text)))
    if not names or not set(names) <= set(NETWORKS):
        raise argparse.ArgumentTypeError(f"{text!r} is not A[,B] of {', '.join(NETWORKS)}")
    return names


def _run(arguments):
    _quiet_tensorflow()
    if arguments.target is not None:
        from lstmfcn.cli.emotion_target import run_target

        return run_target(arguments, made_features)
    from lstmfcn.emotion.run_results import seeds_together
    from lstmfcn.emotion.splits import open_source
    from lstmfcn.emotion.track_runs import models_of, run_track
    from lstmfcn.evaluation.records import check_model_name
    from lstmfcn.evaluation.results import Results

    name = arguments.recipe if arguments.name is None else arguments.name
    Results(arguments.out)  # refused before features are read, if it is no folder
    if name is not None:
        check_model_name(name)
    recipes = _recipes(arguments)
    if (arguments.data is None) == (arguments.wavs is None):
        raise ValueError("name the folder of the features by --data, or recordings by --wavs.")
    if arguments.wavs is not None and arguments.labels is None:
        raise ValueError("--wavs needs the table of their emotions, too; name it by --labels.")
    source = open_source(
        arguments.data or arguments.out,
        arguments.track,
        labels=arguments.labels,
        label_column=arguments.label_column,
        classes=arguments.classes,
        merge=arguments.merge,
        group=arguments.group,
        on_missing=arguments.on_missing,
    )
    if arguments.group is not None:
        source.labelled.groups(arguments.group)
    if arguments.folds is not None:
        if arguments.track in ("noise", "ov"):
            raise ValueError(f"--folds are for tracks full and semi, not for {arguments.track}.")
        source.with_folds(arguments.folds)  # refuses before features are made
    folders = {}
    if arguments.wavs is not None:
        if recipes[0].features == ("all",):
            raise ValueError("which features of the recordings? Name them: --features logmel.")
        recipes, folders = _extract(arguments, source, recipes)
    if arguments.folds is not None:
        folder = arguments.out / f"{source.name}-{source.found.name}".replace(" ", "_")
        source = source.with_folds(arguments.folds, stored_in=folder)
    recipes, best = _of_each_set(arguments, source, recipes)
    baselines = _baselines(arguments, source, recipes, folders)
    print(_summary(models_of(source, [*recipes, *baselines], arguments.out)))
    options = {"n_seeds": arguments.seeds, "name": name, "keep_models": arguments.keep_models}
    options |= {"best": best, "baselines": baselines}
    models, rows, records = run_track(source, recipes, arguments.out, **options, verbose=1)
    _print_scores(source, rows)
    if best is not None:
        _print_ranking(source, models, len(recipes))
    for sentence in seeds_together(Results(arguments.out)):
        print(sentence)
    _print_gain(models, records)
    print(f"\nall models: {arguments.out / 'report.html'}; predictions and pictures:")
    for model in models:
        print(f"  {model.folder}/")
    if arguments.keep_models:
        print(f"predict other clips: lstmfcn emotion predict {models[0].model_path(0)} CLIPS")


def _extract(arguments, source, recipes):
    """Make the features that are missing; return recipes with their folders, and name -> folder."""
    tables = source.found.train, source.found.test, source.found.unlabelled
    of_all = chain.from_iterable(recipe.mean_of or (recipe,) for recipe in recipes)
    names = [name for one in of_all for name in one.features]
    names += [feature for _, feature in map(_baseline, arguments.baselines) if feature]
    folders = made_features(arguments, tables, dict.fromkeys(names))

    def renamed(recipe):
        if recipe.mean_of:
            return replace(recipe, mean_of=list(map(renamed, recipe.mean_of)))
        return replace(recipe, features=[folders[name] for name in recipe.features])

    return list(map(renamed, recipes)), folders


def _baseline(text):
    """Return the kind and the feature set of "svm" or "svm:FEATURES"."""
    from lstmfcn.emotion.recipe import BASELINES
    from lstmfcn.validation import check_choice

    kind, _, feature = text.partition(":")
    check_choice(kind, "baselines", BASELINES)
    return kind, feature


def made_features(arguments, tables, names):
    """Make the features of recordings that are missing; return name -> name of the folder."""
    from lstmfcn.emotion import extract, recordings_of
    from lstmfcn.features.store import SUFFIX

    wavs, folders = {}, {}
    for table in tables:
        wavs |= {} if table is None else recordings_of(table, arguments.wavs)
    on_missing = "error" if arguments.on_missing == "error" else "drop"
    for name in names:
        match = None if name.startswith("hf:") else SUFFIX.fullmatch(name)
        stem, suffix = (match["stem"].lower(), match["suffix"]) if match else (name, "FRA")
        options = {"on_missing": on_missing, "n_jobs": -1, "verbose": 1}
        options["level"] = "utterance" if suffix == "UTT" else None
        made = extract(wavs, arguments.out, [stem], **options).feature_sets
        folders[name] = next((folder for folder in made if folder.endswith(suffix)), made[0])
    return folders


def _quiet_tensorflow():
    """Keep TensorFlow's start-up messages off the terminal, unless somebody wants them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _recipes(arguments):
    """Return the named recipe, or one for each model that the options describe."""
    from lstmfcn.emotion import PRESETS
    from lstmfcn.emotion.recipe import default_recipe
    from lstmfcn.validation import check_choice

    names = {field: OPTIONS.get(field, field) for field in (*FIELDS, *COUNTS, "threshold")}
    options = {field: getattr(arguments, name) for field, name in names.items()}
    options = {field: value for field, value in options.items() if value is not None}
    if arguments.recipe is not None:
        check_choice(arguments.recipe, "recipe", tuple(PRESETS))
        if options:
            names = ", ".join(f"--{names[field].replace('_', '-')}" for field in options)
            raise ValueError(f"--recipe {arguments.recipe} is a whole recipe; leave out {names}.")
        return [PRESETS[arguments.recipe]]
    if options["features"] == ["all"] and "fusion" in options:
        raise ValueError("--features all fuses the best by branches; leave out --fusion.")
    track, threshold = arguments.track, options.pop("threshold", None)
    if threshold is not None:
        if track != "semi":
            raise ValueError(
                f"--threshold {threshold} is for track 'semi'; leave it out of track {track!r}."
            )
        options["pseudo_labels"] = {"threshold": threshold}
    models = options.pop("model", ["alstmfcn"])
    if len(models) > 1 and (arguments.name is not None or arguments.features == ["all"]):
        option = "--name" if arguments.name is not None else "--features all"
        raise ValueError(f"{option} is for one model, not for --model {','.join(models)}.")
    return [default_recipe(track, model=model, **options) for model in models]


def _of_each_set(arguments, source, recipes):
    """Return the recipes to train, and how many of the best feature sets are fused, or None."""
    from lstmfcn.features import FeatureStore

    if recipes[0].features != ("all",):
        if arguments.best is not None:
            raise ValueError("--best is of --features all; leave it out.")
        return recipes, None
    names = FeatureStore(source.root).feature_sets
    if not names:
        raise ValueError(f"{source.root} holds no feature sets; expected folders such as text_FRA.")
    return [replace(recipes[0], features=[name]) for name in names], arguments.best or 3


def _baselines(arguments, source, recipes, folders):
    """Return the recipes of the linear models beside recipes."""
    from lstmfcn.emotion.recipe import EmotionRecipe
    from lstmfcn.features import FeatureStore

    store, found = FeatureStore(source.root), []
    for kind, own in map(_baseline, arguments.baselines):
        for member in chain.from_iterable(recipe.mean_of or (recipe,) for recipe in recipes):
            features = [folders.get(own, own)] if own else member.features
            features = [store.functionals(feature) for feature in features]
            found.append(EmotionRecipe(features, kind, standardize_by=member.standardize_by))
    return list({one.label: one for one in found}.values())


def _summary(models):
    """Return the clips, their splits and the features in words."""
    from lstmfcn.emotion.splits import HELD_OUT
    from lstmfcn.untrusted import listed

    source, present = models[0].source, models[0].present
    tables, found = source.tables(0), source.found
    if source.folds:
        n_clips = len(present(source.labelled))
        counts = [f"{n_clips} labelled clips in {source.title} ({source.n_parts})"]
    else:
        counts = [f"{len(present(tables['train']))} training clips"]
        if n_babble := (models[0].recipe.mean_of or (models[0].recipe,))[0].n_babble:
            copies = f"{n_babble} {'copy' if n_babble == 1 else 'copies'}"
            counts[0] += f" (and {copies} of each in babble)"
    if found.unlabelled is not None:
        counts.append(f"{len(present(found.unlabelled))} unlabelled")
    if not source.folds:
        counts += [f"{len(table)} {test}" for test, table in models[0].tests.items()]
    features = dict.fromkeys(chain.from_iterable(_features(model.recipe) for model in models))
    text = f"{source.name}, track {found.name}: {', '.join(counts)}; {'; '.join(features)}"
    absent, emotions = models[0].left_out.values()
    if absent:
        what = "clip without features is" if len(absent) == 1 else "clips without features are"
        text += f"\n{len(absent)} {what} left out: {listed(absent, 5)}"
    if emotions:
        total = sum(emotions.values())
        text += f"\n{total} clips of other emotions are left out: {', '.join(sorted(emotions))}"
    if "speaker" in found.train.columns and source.group is None:
        text += "\nspeakers may be in training and in test: --group speaker keeps each on one side"
    if HELD_OUT in tables:
        text += (
            "\nno test clips are labelled: all scores are of training clips that are held out; "
            "--folds 5 scores all"
        )
    elif found.name == "noise" and "noisy" not in tables:
        text += (
            "\nno noisy test clips are labelled: all scores are of the clean ones; robustness.png "
            "is of their corrupted features"
        )
    return text


def _features(recipe):
    """Return feature sets and what is done to them, recipe by recipe, in words."""
    for one in recipe.mean_of or (recipe,):
        length = f" at {one.n_timepoints} timepoints" if one.n_timepoints else ""
        mode = "" if one.mode in (None, "resample") else f" ({one.mode})"
        by = f", standardised by {one.standardize_by}" if one.standardize_by else ""
        yield f"{', '.join(one.features)}{length}{mode}{by}"


def _print_scores(source, rows):
    """Print the table of scores: means over seeds, intervals, and the recall of each class."""
    from lstmfcn.emotion.track_runs import metrics_of

    metrics = metrics_of(source)
    labels = source.found.train.classes if source.found.name != "ov" else ()
    labels = [label for label in labels if any(row[f"recall_{label}"] is not None for row in rows)]
    n_seeds = rows[0]["n_seeds"]
    ends = ["95 % interval"] if n_seeds > 1 else []
    columns = ["", *chain.from_iterable((title, *ends) for title in metrics.values())]
    columns += ["recall:", *labels] if labels else []
    table = []
    for row in rows:
        table.append([f"{row['model']}, {row['test']}"])
        for metric in metrics:
            low, high = row[f"{metric}_low"], row[f"{metric}_high"]
            interval = None if low is None else f"{low:.3f}-{high:.3f}"
            table[-1] += [row[metric], interval] if ends else [row[metric]]
        table[-1] += ["", *(row[f"recall_{label}"] for label in labels)] if labels else []
    print(f"\n{text_table(columns, table)}\n")
    if n_seeds > 1:
        print(f"means over {n_seeds} seeds; the interval is Student's over the seeds")
    else:
        print("one seed; --seeds 3 tells how scores vary; intervals over clips are on the page")
    if "balanced_accuracy" in metrics:
        print("UAR: unweighted average recall, the mean over classes")


def _print_ranking(source, models, n_ranked):
    """Print how good each feature set is on training clips, and what is fused."""
    from lstmfcn.emotion.ranking import METRIC, N_FOLDS, rank_recipes
    from lstmfcn.emotion.track_runs import METRICS

    recipes = {}  # of a feature set there may be two models, and baselines follow
    for model in models:
        recipes.setdefault(model.recipe.features, model.recipe)
    recipes = list(recipes.values())[:n_ranked]
    ranked = rank_recipes(source, recipes, models[0].folder.parent)  # from its files
    rows = [[*recipe.features, score] for score, recipe in ranked]
    where = " of the first fold" if source.folds else ""
    print(f"\nfeature sets by {N_FOLDS} folds of the training clips{where}:\n")
    print(text_table(["", METRICS[METRIC]], rows))
    for fused in () if source.folds else models:
        if fused.choose is not None:
            print(f"\n{fused.name} fuses {', '.join(fused.recipe.features)}")


def _print_gain(models, records):
    """Print the gain by unlabelled clips, seed by seed."""
    from lstmfcn.evaluation.intervals import paired_interval

    for with_them, alone in pairwise(models):
        if with_them.uses_unlabelled and alone.on_labels_alone and with_them.recipe == alone.recipe:
            test = next(iter(with_them.tests))
            names = (with_them.name, alone.name)
            pair = ([one["weighted_f1"] for one in records[name, test]] for name in names)
            difference, low, high = paired_interval(*pair)
            interval = "" if low != low else f", 95 % interval {low:+.4f} to {high:+.4f}"
            how = f"of {test}, paired by seed{interval}"
            print(
                f"{alone.name}: the unlabelled clips change the weighted F1 by {difference:+.4f} "
                f"({how})"
            )
