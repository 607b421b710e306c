"""How well is a dimension predicted? `lstmfcn emotion run --target valence`."""

from lstmfcn.cli.emotion_score import number_table
from lstmfcn.untrusted import listed

# Options of `emotion run` that are about emotions, with their defaults.
OF_EMOTIONS = {
    "label_column": None,
    "classes": None,
    "merge": None,
    "track": "full",
    "recipe": None,
    "model": None,
    "fusion": None,
    "best": None,
    "baselines": [],
    "standardize_by": None,
    "babble": None,
    "copies": None,
    "threshold": None,
    "name": None,
}


def run_target(arguments, made_features):
    """Predict a dimension in folds and print its scores.

    ``made_features`` extracts what recordings lack, and returns the folder of each feature set.
    """
    from lstmfcn.emotion.dimensions import (
        PREDICTIONS,
        SUBMISSION,
        held_out_rows,
        load_dimension,
        run_dimension,
    )
    from lstmfcn.evaluation import score_numbers

    given = [name for name, default in OF_EMOTIONS.items() if getattr(arguments, name) != default]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"--target predicts a number, not an emotion; leave out {options}.")
    if arguments.labels is None:
        raise ValueError(f"which file has the column {arguments.target}? Name it by --labels.")
    if (arguments.data is None) == (arguments.wavs is None):
        raise ValueError("name the folder of the features by --data, or recordings by --wavs.")
    features = arguments.features
    if features == ["all"]:
        raise ValueError("which features predict --target? Name them: --features logmel.")
    if arguments.wavs is not None:
        tables = load_dimension(arguments.labels, arguments.target)[:2]
        held_out_rows(tables[0], arguments.folds or 5, arguments.group)  # before features are made
        folders = made_features(arguments, tables, features)
        features = [folders[name] for name in features]
    found = run_dimension(
        arguments.data or arguments.out,
        arguments.labels,
        arguments.target,
        features,
        arguments.out,
        group=arguments.group,
        folds=arguments.folds or 5,
        n_seeds=arguments.seeds,
        n_epochs=arguments.epochs,
        n_timepoints=arguments.length,
        mode=arguments.mode or "resample",
        on_missing=arguments.on_missing,
        keep_models=arguments.keep_models,
        verbose=1,
    )
    group = arguments.group or ("speaker" if arguments.folds == "loso" else None)
    groups = None if group is None else found.table.groups(group)
    scores = score_numbers(found.y_true, found.y_pred, groups=groups)
    print(f"{arguments.target} of {len(found.y_true)} clips, in {found.n_folds} folds:")
    if found.absent:
        print(f"left out, without features ({len(found.absent)}): {listed(found.absent, 5)}")
    print(number_table(scores, group))
    if len(found.by_seed) > 1:
        values = [score_numbers(found.y_true, one).scores["ccc"]["value"] for one in found.by_seed]
        print(f"CCC of each seed alone: {', '.join(f'{value:.4f}' for value in values)}")
    print(f"predictions: {found.folder / PREDICTIONS}")
    if found.n_submitted:
        print(f"{found.n_submitted} clips without a number: {found.folder / SUBMISSION}")
    if found.kept:
        print(f"predict other clips: lstmfcn emotion predict {found.kept[0]} CLIPS")
