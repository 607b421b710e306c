"""What is a recipe trained and tested on? The clips of a part, standardised and of one length."""

from collections import deque
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstmfcn.emotion.clip_labels import ClipTable, column_named, repeated
from lstmfcn.emotion.context import VIDEO, in_context, is_of_utterances
from lstmfcn.emotion.log_spectra import with_babble
from lstmfcn.emotion.mer2024 import select_features
from lstmfcn.emotion.open_vocabulary import read_label_sets
from lstmfcn.emotion.recipe import BASELINES, EmotionRecipe
from lstmfcn.emotion.sequences import fitted_preprocessor, lazily_by_group
from lstmfcn.emotion.splits import (
    EVERYTHING,
    HELD_OUT,
    N_FOLDS,
    folds_of,
    open_source,
)
from lstmfcn.features.store import FeatureError, FeatureStore, join_errors
from lstmfcn.meta.rows import join_rows
from lstmfcn.warning import warn

LEARNED_FROM = ("train", "unlabelled")
N_LOOKED_AT, ALIKE = 40, 0.5  # clips, and the least correlation of neighbours in log spectra
N_MIXED = 3  # draws of each held-out utterance of a fold


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips that are ready for a classifier.

    X is float32 (n_clips, D, n_timepoints), a list of (D, T_i), or feature set -> one of these.
    """

    names: tuple
    X: object
    y: np.ndarray | None

    def __len__(self):
        return len(self.names)


@dataclass(frozen=True, eq=False)
class TrackData:
    """The clips that a recipe is trained and tested on in a track of a folder.

    `tests` has "test", "noisy" and "clean", "open vocabulary", the title of folds, or
    :data:`HELD_OUT`. To choose a recipe it also has the same clips "with babble" and "mixed".
    """

    name: str  # of the folder
    track: str
    recipe: EmotionRecipe  # its features are the names of the feature sets' folders
    classes: tuple  # that occur, in the order of `--classes` or of MER2024
    train: Clips  # with all copies that the recipe wants
    unlabelled: Clips | None
    tests: dict
    n_timepoints: dict  # of each feature set; of the longest clip, where clips differ
    preprocessors: dict = None  # feature set -> SequencePreprocessor
    ground_truth: dict | None = None  # of track "ov": test clip -> words
    synonyms: Path | None = None
    mean_of: tuple = ()  # TrackData of each recipe in a mean; all else is the first's

    @property
    def of_each_recipe(self):
        """Data of each recipe in a mean, or the data itself."""
        return self.mean_of or (self,)

    @property
    def n_train(self):
        """Training clips, without their copies."""
        recipe = self.of_each_recipe[0].recipe
        return len(self.train) // (1 + recipe.n_babble) // max(recipe.n_mixed, 1)

    def on_labels_alone(self):
        """Return the same data for the recipe without pseudo-labels."""
        mean_of = tuple(one.on_labels_alone() for one in self.mean_of)
        return replace(self, recipe=self.recipe.on_labels_alone(), mean_of=mean_of)


class _Split(NamedTuple):
    """The clips of a split: feature set -> frames (T_i, D) of each clip in the table."""

    table: ClipTable
    sequences: Mapping


def load_track_data(
    root, track, recipe, *, classes=None, group=None, on_missing="error", fold=None, n_folds=N_FOLDS
):
    """Read a track for a recipe, standardised on its training clips and of one length: TrackData.

    Of `root`, `track`, `classes`, `group` and `on_missing` :func:`open_source` tells. `fold` scores
    one of `n_folds` folds of the training clips, stratified and of whole groups: a recipe is chosen
    without reading a test clip.
    """
    source = open_source(root, track, classes=classes, group=group, on_missing=on_missing)
    if fold is not None:
        table = source.found.train
        n_folds = n_folds if group is None else min(n_folds, len(np.unique(table.groups(group))))
        folds = folds_of(table, n_folds, group, f"{table.source} cannot give {n_folds} folds")
        found = replace(source.found, test=None)
        source = replace(source, found=found, folds=tuple(folds), title=HELD_OUT)
    return load_part(source, recipe, fold or 0, to_choose=fold is not None)


def load_part(source, recipe, part=0, *, needed=None, to_choose=False):
    """Read the clips of a part of a :class:`Source` for a recipe: TrackData.

    ``needed`` are the feature sets whose clips are read with ``on_missing="drop"``, by default
    those of the recipe. ``to_choose`` scores held-out clips with babble and mixed utterances as
    well.
    """
    needed = feature_sets_of(recipe) if needed is None else needed
    if recipe.mean_of:
        options = {"needed": needed, "to_choose": to_choose}
        mean_of = [load_part(source, one, part, **options) for one in recipe.mean_of]
        return _mean_of(tuple(mean_of), recipe)
    store, tables = FeatureStore(source.root), source.tables(part)
    tables = {split: present(table, source, needed) for split, table in tables.items()}
    with _all_problems_at_once(store, recipe.features, tables, source.on_missing):
        splits = {
            split: _Split(
                *select_features(table, store, recipe.features, on_missing=source.on_missing)
            )
            for split, table in tables.items()
        }
        recipe = resolved(recipe, store, tables["train"])
        fold = 0 if part == EVERYTHING else part  # seeds what is drawn
        splits = _add_babble(splits, recipe, fold, to_choose)
        splits = _put_in_context(splits, recipe, fold, to_choose)
        learned_from = LEARNED_FROM if source.found.name == "semi" else LEARNED_FROM[:1]
        splits = _standardize(splits, recipe.standardize_by, learned_from)
        preprocessors = _fit_preprocessors(splits, recipe)
        clips = {split: _transform(one, preprocessors, recipe) for split, one in splits.items()}
    return _assemble(source, recipe, clips, preprocessors)


def feature_sets_of(recipe):
    """Return the names of all feature sets of a recipe, or of the recipes in a mean, each once."""
    names = (name for one in recipe.mean_of or (recipe,) for name in one.features)
    return tuple(dict.fromkeys(names))


def columns_read(recipe, group=None):
    """Return the columns of labels that scores depend on: to group by, standardise by, mix in."""
    columns = [group]
    for one in recipe.mean_of or (recipe,):
        columns += [one.standardize_by, VIDEO if any(one.context) or one.n_mixed else None]
    return tuple(dict.fromkeys(column for column in columns if column is not None))


def values_of(tables, columns):
    """Return column -> the values of the clips of each ClipTable that has it, as JSON values."""
    return {
        column: [
            table.groups(column).tolist()
            for table in tables
            if column_named(table.columns, column) is not None
        ]
        for column in columns
    }


def present(table, source, features):
    """Return the clips of a ClipTable that are read: all, or those with all of the features."""
    if source.on_missing != "drop":
        return table
    store = FeatureStore(source.root)
    names = dict.fromkeys(store.feature_set(name).name for name in features)
    return select_features(table, store, list(names), on_missing="drop")[0]


def _mean_of(mean_of, recipe):
    """Return the data of a mean of recipes: the test splits that all recipes have."""
    first = mean_of[0]
    common = set.intersection(*(set(one.tests) for one in mean_of))
    tests = {test: clips for test, clips in first.tests.items() if test in common}
    resolved = replace(recipe, mean_of=[one.recipe for one in mean_of])
    return replace(first, recipe=resolved, tests=tests, mean_of=mean_of)


def resolved(recipe, store, train):
    """Return the recipe with the folders of its feature sets, and what these and clips decide.

    ``train`` is the ClipTable that is trained on.
    """
    if recipe.mean_of:
        return replace(recipe, mean_of=[resolved(one, store, train) for one in recipe.mean_of])
    sets, settings = list(map(store.feature_set, recipe.features)), dict(recipe.settings)
    features, mode = [one.name for one in sets], None
    if twice := repeated(features):
        raise ValueError(f"the feature set {twice[0]} is named twice; name each one once.")
    if recipe.model == "attention":  # as in MERTools: LSTMs for frames, layers for vectors
        are_vectors = any(one.holds_vectors for one in sets)
        settings.setdefault("level", "utterance" if are_vectors else "frame")
    if recipe.model in BASELINES:
        mode = "pool"
    elif recipe.mode is None and is_of_utterances(train):
        mode = "mertools"  # between two utterances there is nothing to interpolate
    return replace(recipe, features=features, settings=settings, mode=mode or recipe.mode)


@contextmanager
def _all_problems_at_once(store, features, tables, on_missing):
    """Where clips of one split cannot be used, tell about the clips of all splits."""
    try:
        yield
    except FeatureError:
        names = tuple(dict.fromkeys(name for table in tables.values() for name in table.names))
        errors = []
        for feature_set in map(store.feature_set, features):
            try:
                deque(feature_set.sequences(names, on_missing=on_missing), maxlen=0)
            except FeatureError as error:
                errors.append(error)
        if errors:
            raise join_errors(errors) from None
        raise


def _trained_on(recipe):
    """Return the splits that are trained on: the training clips, and their copies in babble."""
    return ["train", *(f"babble {copy}" for copy in range(recipe.n_babble))]


def _add_babble(splits, recipe, fold, to_choose):
    """Return the splits and copies of the training clips in babble.

    Where a recipe of one feature set is chosen, held-out clips get babble of training clips, too.
    """
    if not recipe.n_babble:
        return splits
    train = splits["train"]
    names = list(train.sequences)
    name = names[0] if len(names) == 1 else recipe.babble_features
    rng, voices, added = np.random.default_rng(fold), train.sequences[name], {}
    _warn_if_no_spectra(name, voices)
    if to_choose and len(names) == 1:
        held = splits[HELD_OUT]
        in_babble = with_babble(held.sequences[name], rng, voices=voices)
        added["with babble"] = _Split(held.table, {name: in_babble})
    for copy in _trained_on(recipe)[1:]:
        in_babble = with_babble(voices, rng)
        added[copy] = _Split(train.table, {**train.sequences, name: in_babble})
    return splits | added


def _warn_if_no_spectra(name, frames):
    """Tell that features are no log spectra, whose neighbours rise and fall together."""
    some = np.concatenate([frames[row] for row in range(min(len(frames), N_LOOKED_AT))])
    scale = some.std(axis=0)
    some = ((some - some.mean(axis=0)) / np.where(scale > 0, scale, 1)).astype(np.float32)
    if some.shape[1] < 2:
        return
    correlation = float(np.median((some[:, 1:] * some[:, :-1]).mean(axis=0)))
    if correlation < ALIKE:
        warn(
            f"{name} does not look like log spectra, which babble is mixed into: neighbouring "
            f"features correlate by {correlation:.2f} (of log-mel frames by about 0.9). Leave "
            "n_babble out for such features."
        )


def _put_in_context(splits, recipe, fold, to_choose):
    """Return splits of context windows, mixed where the recipe mixes.

    Where a recipe is chosen, the held-out utterances are mixed as well, always in the same way.
    """
    n_mixed = {"train": recipe.n_mixed}
    if to_choose and VIDEO in splits["train"].table.columns:
        splits = splits | {"mixed": splits[HELD_OUT]}
        n_mixed["mixed"] = N_MIXED
    put = {}
    for split, (table, sequences) in splits.items():
        times, context = n_mixed.get(split, 0), recipe.context
        if any(context) or times:
            if not any(context):
                context = max(map(len, next(iter(sequences.values())))) - 1, 0
            rng = np.random.default_rng([split == "mixed", fold])
            sequences = in_context(sequences, table, context, times, rng)
            table = table[np.tile(np.arange(len(table)), max(times, 1))]
        put[split] = _Split(table, sequences)
    return put


def _standardize(splits, column, learned_from):
    """Return the splits standardised by the values of a column; as they are, where it is None.

    A speaker's clips of all splits in ``learned_from`` count together. Each other split counts by
    itself, as if it came alone.
    """
    if column is None:
        return splits
    groups = []
    for split, (table, _) in splits.items():
        alone = "" if split in learned_from else split
        groups.append([f"{alone}:{value}" for value in table.groups(column)])
    standardized = {split: _Split(table, {}) for split, (table, _) in splits.items()}
    for name in splits["train"].sequences:
        parts = [split.sequences[name] for split in splits.values()]
        for one, found in zip(standardized.values(), lazily_by_group(parts, groups), strict=True):
            one.sequences[name] = found
    return standardized


def _fit_preprocessors(splits, recipe):
    """Return feature set -> preprocessor, fitted on what is trained on."""
    frames = _joined([splits[split].sequences for split in _trained_on(recipe)])
    return {
        name: fitted_preprocessor(x, recipe.n_timepoints, recipe.mode or "resample")
        for name, x in frames.items()
    }


def _transform(split, preprocessors, recipe):
    """Return the Clips of a split."""
    X = {name: preprocessors[name].transform(x) for name, x in split.sequences.items()}
    is_dict = len(X) > 1 or recipe.model == "attention"
    return Clips(split.table.names, X if is_dict else next(iter(X.values())), split.table.y)


def _assemble(source, recipe, clips, preprocessors):
    """Return the TrackData of split -> Clips."""
    tests, found = dict(clips), source.found
    copies = [tests.pop(split) for split in _trained_on(recipe)]
    X, n_copies = _joined([copy.X for copy in copies]), len(copies)
    train = Clips(copies[0].names * n_copies, X, np.tile(copies[0].y, n_copies))
    unlabelled = tests.pop("unlabelled", None)
    labels = {label for one in (train, *tests.values()) if one.y is not None for label in one.y}
    known = [label for label in found.train.classes if label in labels]
    ground_truth = None
    if "open vocabulary" in tests:
        ground_truth = read_label_sets(found.ground_truth)  # of clips without features, too
        ground_truth = {clip: ground_truth[clip] for clip in tests["open vocabulary"].names}
    return TrackData(
        name=source.name,
        track=found.name,
        recipe=recipe,
        classes=(*known, *sorted(labels.difference(known))),
        train=train,
        unlabelled=unlabelled,
        tests=tests,
        n_timepoints={name: one.n_timepoints_ for name, one in preprocessors.items()},
        preprocessors=preprocessors,
        ground_truth=ground_truth,
        synonyms=found.synonyms,
    )


def _joined(parts):
    """Return the samples of several X as one; a single X stays unread."""
    return join_rows(parts) if len(parts) > 1 else parts[0]
