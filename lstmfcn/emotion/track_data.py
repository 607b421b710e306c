"""What is a recipe trained and tested on? A track's clips, standardised and of one length."""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstmfcn.emotion.clip_labels import EMOTIONS, ClipTable
from lstmfcn.emotion.context import VIDEO, in_context
from lstmfcn.emotion.log_spectra import with_babble
from lstmfcn.emotion.mer2024 import load_track, select_features
from lstmfcn.emotion.open_vocabulary import read_label_sets
from lstmfcn.emotion.recipe import EmotionRecipe
from lstmfcn.emotion.sequences import fitted_preprocessor, standardize_by_group
from lstmfcn.features.store import FeatureError, FeatureStore, join_errors
from lstmfcn.meta.corruption import add_feature_noise
from lstmfcn.meta.folds import make_folds
from lstmfcn.meta.rows import join_rows

NOISE_LEVELS = (0.5, 1.0, 1.5)  # standard deviations, in each clip of a noisy validation set
HELD_OUT = "held-out training clips"  # scored where no test clips are labelled, and of a fold
OWN_SPLITS = ("test", "noisy", "open vocabulary")  # files and datasets have plain names
LEARNED_FROM = ("train", "unlabelled", "validation")
N_FOLDS = 5  # where no test clips are labelled, one of so many is held out
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

    `tests` has "test", "noisy" and "clean", "open vocabulary", or :data:`HELD_OUT`, and of a fold
    the same clips "with noise", "with babble" and "mixed". Models are compared by the first one.
    """

    name: str  # of the folder
    track: str
    recipe: EmotionRecipe  # its features are the names of the feature sets' folders
    classes: tuple  # that occur, in the order of `--classes` or of MER2024
    train: Clips  # with all copies that the recipe wants
    unlabelled: Clips | None
    tests: dict
    n_timepoints: dict  # of each feature set; of the longest clip, where clips differ
    validation: Clips | None = None  # held-out training clips, each with noise of every level
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

    def dataset(self, test):
        """Return what records call a test split: the track's own has its plain name."""
        return f"{self.name}:{self.track}" + ("" if test in OWN_SPLITS else f" ({test})")

    def digest(self):
        """Return a text that other clips or labels would not have."""
        splits = (self.train, self.unlabelled, self.validation, *self.tests.values())
        splits = [clips for clips in splits if clips is not None]
        known = [[clips.names, None if clips.y is None else clips.y.tolist()] for clips in splits]
        text = json.dumps([known, self.ground_truth], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Split(NamedTuple):
    """The clips of a split: feature set -> frames (T_i, D) of each clip in the table."""

    table: ClipTable
    sequences: Mapping


def load_track_data(
    root, track, recipe, *, classes=None, group=None, on_missing="error", fold=None, n_folds=N_FOLDS
):
    """Read a track for a recipe, standardised on its training clips and of one length: TrackData.

    `classes` None takes MER2024's six emotions, or, where none of these occurs, the labels that do.
    `group` is a column such as "speaker", no value of which may be in train and in test. `fold`
    scores one of `n_folds` folds of the training clips, stratified and of whole groups: a recipe is
    chosen without reading a test clip.
    """
    if recipe.mean_of:
        options = {"classes": classes, "group": group, "on_missing": on_missing}
        options |= {"fold": fold, "n_folds": n_folds}
        mean_of = tuple(load_track_data(root, track, one, **options) for one in recipe.mean_of)
        return _mean_of(mean_of, recipe)
    _check_track(recipe, track)
    root = Path(root).expanduser()
    found = _load_track(root, track, classes, group)
    tables = _tables(found, root, classes, group, fold, n_folds)
    if recipe.noisy_validation is not None:
        tables |= _hold_out_validation(tables["train"], recipe.noisy_validation, group)
    store = FeatureStore(root)
    with _all_problems_at_once(store, recipe.features, tables, on_missing):
        splits = {
            split: _Split(*select_features(table, store, recipe.features, on_missing=on_missing))
            for split, table in tables.items()
        }
        splits = _add_babble(splits, recipe, fold)
        splits = _put_in_context(splits, recipe, fold)
        splits = _standardize(splits, recipe.standardize_by)
        preprocessors = _fit_preprocessors(splits, recipe)
        clips = {split: _transform(one, preprocessors, recipe) for split, one in splits.items()}
    lengths = {name: preprocessor.n_timepoints_ for name, preprocessor in preprocessors.items()}
    return _assemble(root.resolve().name, found, _resolved(recipe, lengths), clips, lengths, fold)


def _mean_of(mean_of, recipe):
    """Return the data of a mean of recipes: the test splits that all recipes have."""
    first = mean_of[0]
    common = set.intersection(*(set(one.tests) for one in mean_of))
    tests = {test: clips for test, clips in first.tests.items() if test in common}
    if any(one.tests[test].names != tests[test].names for one in mean_of for test in tests):
        raise ValueError(
            "the recipes of a mean must score the same clips, but some lack features; pass "
            "on_missing='error' or 'zeros'."
        )
    resolved = replace(recipe, mean_of=[one.recipe for one in mean_of])
    return replace(first, recipe=resolved, tests=tests, mean_of=mean_of)


def _check_track(recipe, track):
    fraction = recipe.noisy_validation
    if fraction is not None and track != "noise":
        raise ValueError(
            f"noisy_validation={fraction:g} is for track 'noise'; leave it out of track {track!r}."
        )
    if recipe.pseudo_labels is not None and track != "semi":
        raise ValueError(
            f"this recipe learns from unlabelled clips, which track {track!r} has none of; choose "
            "track 'semi'."
        )


def _resolved(recipe, lengths):
    """Return the recipe with the folders of its feature sets and what these decide."""
    settings = dict(recipe.settings)
    if recipe.model == "attention":  # as in MERTools: LSTMs for frames, layers for vectors
        settings.setdefault("level", "frame" if min(lengths.values()) > 1 else "utterance")
    return replace(recipe, features=tuple(lengths), settings=settings)


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


def _load_track(root, track, classes, group):
    """Load a track with these classes; None takes MER2024's if any of them occurs."""
    if classes is None:
        found = load_track(root, track, classes=None, group=group)
        if set(found.train.y.tolist()).isdisjoint(EMOTIONS):
            return found
        classes = EMOTIONS
    return load_track(root, track, classes=classes, group=group)


def _tables(found, root, classes, group, fold, n_folds):
    """Return split -> clips: train, perhaps unlabelled, then the test splits."""
    tables = {"train": found.train}
    if found.unlabelled is not None:
        tables["unlabelled"] = found.unlabelled
    if fold is not None:
        return tables | _hold_out(found, group, fold, n_folds)
    if found.name == "ov":
        names = tuple(read_label_sets(found.ground_truth))
        return tables | {"open vocabulary": ClipTable(found.ground_truth.name, names, None, ())}
    tests = {"noisy" if found.name == "noise" else "test": found.test}
    if found.name == "noise":
        tests["clean"] = _load_track(root, "full", classes, group).test
    tests = {test: table for test, table in tests.items() if table is not None}
    return tables | (tests or _hold_out(found, group, 0, N_FOLDS))


def _hold_out(found, group, fold, n_folds):
    """Split training clips into those to train on and a fold to test on."""
    table = found.train
    refusal = f"no test clips are labelled, and {table.source} cannot give some"
    train, test = _hold_out_fold(table, n_folds, group, refusal, "label more clips", fold=fold)
    splits = {"train": train, HELD_OUT: test}
    if group is not None and found.unlabelled is not None:
        known = ~np.isin(found.unlabelled.groups(group), np.unique(test.groups(group)))
        splits["unlabelled"] = found.unlabelled[known]
    return splits


def _hold_out_validation(table, fraction, group):
    """Split training clips into those to train on and a fraction to validate on."""
    refusal = f"noisy_validation={fraction:g} cannot be held out of {table.source}"
    remedy = "hold out a larger fraction, or label more clips"
    n_folds, n_clips = round(1 / fraction), fraction * len(table)
    train, held = _hold_out_fold(table, n_folds, group, refusal, remedy, n_clips=n_clips)
    return {"train": train, "validation": held}


def _hold_out_fold(table, n_folds, group, refusal, remedy, *, fold=0, n_clips=None):
    """Return all clips but one fold, and the fold: stratified, of whole groups.

    ``n_clips`` takes the fold that is nearest to this size: groups differ in theirs.
    """
    groups = None if group is None else table.groups(group)
    n_folds = n_folds if groups is None else min(n_folds, len(np.unique(groups)))
    if n_folds < 2:
        raise ValueError(f"{refusal}: it has one {group}, which would be on both sides.")
    try:
        folds = make_folds(len(table), n_folds, random_state=0, y=table.y, groups=groups)
    except ValueError:
        labels, counts = np.unique(table.y, return_counts=True)
        raise ValueError(
            f"{refusal}: of {labels[counts.argmin()]} it has {counts.min()} clips, and {n_folds} "
            f"folds need {n_folds}; {remedy}."
        ) from None
    held = folds[fold]
    if n_clips is not None:
        held = min(folds, key=lambda found: abs(len(found) - n_clips))
    return table[np.setdiff1d(np.arange(len(table)), held)], table[held]


def _trained_on(recipe):
    """Return the splits that are trained on: the training clips, and their copies in babble."""
    return ["train", *(f"babble {copy}" for copy in range(recipe.n_babble))]


def _add_babble(splits, recipe, fold):
    """Return the splits and copies of the training clips in babble.

    Of a fold, held-out clips of one feature set get babble of training clips as well.
    """
    if not recipe.n_babble:
        return splits
    train = splits["train"]
    names = list(train.sequences)
    name = names[0] if len(names) == 1 else recipe.babble_features
    rng, voices, added = np.random.default_rng(fold or 0), train.sequences[name], {}
    if fold is not None and len(names) == 1:
        held = splits[HELD_OUT]
        in_babble = with_babble(held.sequences[name], rng, voices=voices)
        added["with babble"] = _Split(held.table, {name: in_babble})
    for copy in _trained_on(recipe)[1:]:
        in_babble = with_babble(voices, rng)
        added[copy] = _Split(train.table, {**train.sequences, name: in_babble})
    return splits | added


def _put_in_context(splits, recipe, fold):
    """Return splits of context windows, mixed where the recipe mixes.

    Of a fold, the held-out utterances are mixed as well, always in the same way.
    """
    n_mixed = {"train": recipe.n_mixed}
    if fold is not None and VIDEO in splits["train"].table.columns:
        splits = splits | {"mixed": splits[HELD_OUT]}
        n_mixed["mixed"] = N_MIXED
    put = {}
    for split, (table, sequences) in splits.items():
        times, context = n_mixed.get(split, 0), recipe.context
        if any(context) or times:
            if not any(context):
                context = max(map(len, next(iter(sequences.values())))) - 1, 0
            rng = np.random.default_rng([split == "mixed", fold or 0])
            sequences = in_context(sequences, table, context, times, rng)
            table = table[np.tile(np.arange(len(table)), max(times, 1))]
        put[split] = _Split(table, sequences)
    return put


def _standardize(splits, column):
    """Return the splits standardised by the values of a column; as they are, where it is None.

    A speaker's clips of all splits in :data:`LEARNED_FROM` count together. Each other split is
    tested on, and counts by itself, as if it came alone.
    """
    if column is None:
        return splits
    groups, standardized = [], {}
    for split, (table, _) in splits.items():
        alone = "" if split in LEARNED_FROM else split
        groups += [f"{alone}:{value}" for value in table.groups(column)]
        standardized[split] = _Split(table, {})
    for name in splits["train"].sequences:
        frames = [x for split in splits.values() for x in split.sequences[name]]
        found = iter(standardize_by_group(frames, groups))
        for table, sequences in standardized.values():
            sequences[name] = list(islice(found, len(table)))
    return standardized


def _fit_preprocessors(splits, recipe):
    """Return feature set -> preprocessor, fitted on what is trained on."""
    frames = _joined([splits[split].sequences for split in _trained_on(recipe)])
    return {
        name: fitted_preprocessor(x, recipe.n_timepoints, recipe.mode) for name, x in frames.items()
    }


def _transform(split, preprocessors, recipe):
    """Return the Clips of a split."""
    X = {name: preprocessors[name].transform(x) for name, x in split.sequences.items()}
    is_dict = len(X) > 1 or recipe.model == "attention"
    return Clips(split.table.names, X if is_dict else next(iter(X.values())), split.table.y)


def _assemble(name, found, recipe, clips, lengths, fold):
    """Return the TrackData of split -> Clips."""
    tests = dict(clips)
    copies = [tests.pop(split) for split in _trained_on(recipe)]
    X, n_copies = _joined([copy.X for copy in copies]), len(copies)
    train = Clips(copies[0].names * n_copies, X, np.tile(copies[0].y, n_copies))
    unlabelled, validation = tests.pop("unlabelled", None), tests.pop("validation", None)
    if fold is not None:
        tests["with noise"] = _with_fold_noise(tests[HELD_OUT], fold, recipe)
    labels = {label for one in (train, *tests.values()) if one.y is not None for label in one.y}
    known = [label for label in found.train.classes if label in labels]
    ground_truth = None
    if "open vocabulary" in tests:
        ground_truth = read_label_sets(found.ground_truth)  # of clips without features, too
        ground_truth = {clip: ground_truth[clip] for clip in tests["open vocabulary"].names}
    return TrackData(
        name=name,
        track=found.name,
        recipe=recipe,
        classes=(*known, *sorted(labels.difference(known))),
        train=train,
        unlabelled=unlabelled,
        tests=tests,
        n_timepoints=lengths,
        validation=None if validation is None else _with_validation_noise(validation),
        ground_truth=ground_truth,
        synonyms=found.synonyms,
    )


def _joined(parts):
    """Return the samples of several X as one; a single X stays unread."""
    return join_rows(parts) if len(parts) > 1 else parts[0]


def _with_validation_noise(clips):
    """Return each clip with noise in its standardised features, once at every level."""
    rng, n_levels = np.random.default_rng(0), len(NOISE_LEVELS)  # of all levels and feature sets

    def noisy(level, series):
        return [add_feature_noise(x.T, level, 1.0, rng).T for x in series]

    X = join_rows(_each_feature_set(clips.X, partial(noisy, level)) for level in NOISE_LEVELS)
    return Clips(clips.names * n_levels, X, np.tile(clips.y, n_levels))


def _with_fold_noise(clips, fold, recipe):
    """Return held-out clips with noise of one standard deviation, scored in place of noisy ones."""
    # Standardised by a column, the noise would be standardised, too.
    scale = 1 if recipe.standardize_by is None else np.sqrt(2)

    def noisy(series):
        # As in the recorded results: drawn anew for each feature set, and rounded to float32.
        rng = np.random.default_rng(fold)
        return [(x + add_feature_noise(np.zeros_like(x), 1.0, 1.0, rng)) / scale for x in series]

    return replace(clips, X=_each_feature_set(clips.X, noisy))


def _each_feature_set(X, function):
    """Apply a function to the series (D, T_i) of each feature set in X."""
    if isinstance(X, Mapping):
        return {name: _each_feature_set(series, function) for name, series in X.items()}
    return np.stack(function(X)) if isinstance(X, np.ndarray) else function(X)
