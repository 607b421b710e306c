"""What is a track trained and tested on? A folder's clips, standardised and of one length."""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmfcn.emotion.clip_labels import EMOTIONS, ClipTable
from lstmfcn.emotion.feature_store import FeatureError, FeatureStore, join_errors
from lstmfcn.emotion.folds import make_folds
from lstmfcn.emotion.lengths import standardize_by_group
from lstmfcn.emotion.log_spectra import with_babble
from lstmfcn.emotion.mer2024 import load_track, select_features
from lstmfcn.emotion.mer_dataset import fit_to_length
from lstmfcn.emotion.noise import add_feature_noise
from lstmfcn.emotion.open_vocabulary import read_label_sets
from lstmfcn.emotion.panels import join_panels
from lstmfcn.validation import check_counts

__all__ = [
    "CHOSEN_ON",
    "HELD_OUT",
    "Clips",
    "TrackData",
    "load_track_data",
    "standardize_parts",
]

CHOSEN_ON = (0.5, 1.0, 1.5)
"""Deviations of the noise in each clip of a noisy validation set."""

HELD_OUT = "held-out training clips"
"""What is scored where no test clips are labelled."""

RANKED_BY = ("test", "noisy", "open vocabulary")
N_HELD_OUT = 5  # where no test clips are labelled, one of so many parts is held out


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips that are ready for a classifier.

    Attributes
    ----------
    names : tuple of str
    X : float32 ndarray of shape (n_clips, D, n_timepoints), list of arrays of shape (D, T_i), or \
dict of feature set to one of these
    y : ndarray of str of shape (n_clips,), or None
    """

    names: tuple
    X: object
    y: np.ndarray | None

    def __len__(self):
        return len(self.names)


@dataclass(frozen=True, eq=False)
class TrackData:
    """What a track of a folder is trained and tested on.

    Attributes
    ----------
    name : str
        Of the folder.
    track : str
    features : tuple of str
        The feature sets' folders.
    classes : tuple of str
        Those that occur, in the order of `--classes` or of MER2024.
    train : Clips
    unlabelled : Clips or None
    tests : dict of str to Clips
        What is scored: "test", "noisy" and "clean", or "open vocabulary"; :data:`HELD_OUT` where no
        test clips are labelled. The first one is what models are compared by.
    n_timepoints : dict of str to int
        Of each feature set; what no clip exceeds, where each has its own length.
    asked_timepoints : int or None
        The length that was asked for.
    mode : str
        How clips came to it.
    validation : Clips or None
        Held-out training clips with noise, each one once at every level.
    asked_validation : float or None
        The share of training clips that was asked for.
    standardized_by : str or None
        The column by whose values features were standardised, each by itself.
    n_babble : int
        Copies of each training clip, in `train`, with voices in the background.
    ground_truth : dict of str to list of str, or None
        The words of each test clip of track "ov".
    synonyms : Path or None
    """

    name: str
    track: str
    features: tuple
    classes: tuple
    train: Clips
    unlabelled: Clips | None
    tests: dict
    n_timepoints: dict
    asked_timepoints: int | None = None
    mode: str = "resample"
    validation: Clips | None = None
    asked_validation: float | None = None
    standardized_by: str | None = None
    n_babble: int = 0
    ground_truth: dict | None = None
    synonyms: Path | None = None

    @property
    def n_train(self):
        """Training clips, without their copies."""
        return len(self.train) // (1 + self.n_babble)

    def dataset(self, test):
        """Return what records call a test split: the track's own has its plain name."""
        return f"{self.name}:{self.track}" + ("" if test in RANKED_BY else f" ({test})")

    def digest(self):
        """Return a text that other clips or labels would not have."""
        parts = [self.train, self.unlabelled, self.validation, *self.tests.values()]
        known = [
            [list(part.names), None if part.y is None else part.y.tolist()]
            for part in parts
            if part is not None
        ]
        text = json.dumps([known, self.ground_truth], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_track_data(
    root,
    track,
    features,
    *,
    classes=None,
    group=None,
    n_timepoints=None,
    mode="resample",
    noisy_validation=None,
    standardize_by=None,
    n_babble=0,
    on_missing="error",
    as_dict=False,
):
    """Read a track, with features that are standardised on its training clips and of one length.

    Parameters
    ----------
    root : str or path
        Folder of the data set.
    track : {"full", "semi", "noise", "ov"}
    features : sequence of str
        Feature sets.
    classes : sequence of str, default=None
        The possible emotions in order. None takes MER2024's six, or, where none of these occurs,
        the labels that do.
    group : str, default=None
        A column such as "speaker", no value of which may be in train and in test.
    n_timepoints : int, default=None
        Length that sequences are brought to; by default the median length of the training clips, in
        other modes than "resample" that of the longest, at most 150.
    mode : {"resample", "mertools", "mean_pool", "pad"}, default="resample"
        How: interpolated, behind zeros, or as lists that classifiers pad and mask; see
        :func:`lstmfcn.emotion.mer_dataset.fit_to_length`.
    noisy_validation : float, default=None
        Of track "noise", about which share of the training clips is held out as a validation set,
        in (0, 0.5]: stratified, of whole groups, the same for every seed. Noise is added to their
        standardised features, at each level of :data:`CHOSEN_ON`.
    standardize_by : str, default=None
        A column such as "speaker": the features of each of its values are first standardised by
        themselves, as by :func:`lstmfcn.emotion.standardize_by_group`: over all clips that are not
        tested on, and over those of each test split.
    n_babble : int, default=0
        Copies of each training clip to train on as well, with three other training clips talking in
        the background at 5 to 10 dB, as in MER-NOISE. Of one feature set, which must be natural
        logarithms of power: log-mel frames. See :func:`lstmfcn.emotion.with_babble`.
    on_missing : {"error", "drop", "zeros"}, default="error"
        What to do with clips without features.
    as_dict : bool, default=False
        Whether X is a dict of one entry, too, where one feature set is named.

    Returns
    -------
    TrackData

    Raises
    ------
    ValueError, OSError
        As :func:`lstmfcn.emotion.load_track` and :func:`lstmfcn.emotion.select_features`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion.track_data import load_track_data
    >>> from lstmfcn.emotion.tracks import plan_variants
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     root = Path(folder)
    ...     (root / "hubert_FRA").mkdir()
    ...     for part, clips in {"train": ["a", "b"], "test": ["c"]}.items():
    ...         rows = [f"{clip},{label}" for clip, label in zip(clips, ["sad", "happy"])]
    ...         text = "\\n".join(["name,discrete", *rows])
    ...         _ = (root / f"label-{part}.csv").write_text(text)
    ...         for clip in clips:
    ...             np.save(root / "hubert_FRA" / clip, np.eye(7, 3))
    ...     data = load_track_data(root, "full", ["hubert"])
    >>> data.train.names, data.train.X.shape, data.classes, list(data.tests)
    (('a', 'b'), (2, 3, 7), ('happy', 'sad'), ['test'])
    >>> plan_variants(data, "alstmfcn", n_copies=2)[0].name
    'ALSTM-FCN hubert_FRA 2 copies'
    """
    root = Path(root).expanduser()
    _check_validation(noisy_validation, track)
    found = _load_track(root, track, classes, group)
    tables = _tables(found, root, classes, group)
    if noisy_validation is not None:
        tables |= _hold_out_validation(tables["train"], noisy_validation, group)
    ground_truth = read_label_sets(found.ground_truth) if track == "ov" else None
    store, sequences = FeatureStore(root), {}
    with _all_problems_at_once(store, features, dict(tables), on_missing):
        for part, table in tables.items():
            tables[part], sequences[part] = select_features(
                table, store, list(features), on_missing=on_missing
            )
        copies = _babble_behind(sequences, tables, n_babble)
        if standardize_by is not None:
            standardize_parts(sequences, tables, standardize_by)
        preprocessors = {
            name: fit_to_length(
                _with_copies(found, [sequences[part][name] for part in copies]), n_timepoints, mode
            )
            for name, found in sequences["train"].items()
        }
        clips = {
            part: Clips(table.names, _transform(preprocessors, sequences[part], as_dict), table.y)
            for part, table in tables.items()
        }
    train, unlabelled = _joined(clips, ["train", *copies]), clips.pop("unlabelled", None)
    validation = clips.pop("validation", None)
    labels = {label for part in (train, *clips.values()) if part.y is not None for label in part.y}
    if ground_truth is not None:  # without those that have no features
        ground_truth = {name: ground_truth[name] for name in clips["open vocabulary"].names}
    return TrackData(
        name=root.resolve().name,
        track=track,
        features=tuple(sequences["train"]),
        classes=(
            *(label for label in found.train.classes if label in labels),
            *sorted(labels.difference(found.train.classes)),
        ),
        train=train,
        unlabelled=unlabelled,
        tests=clips,
        n_timepoints={name: p.n_timepoints_ for name, p in preprocessors.items()},
        asked_timepoints=n_timepoints,
        mode=mode,
        validation=None if validation is None else _with_noise(validation),
        asked_validation=noisy_validation,
        standardized_by=standardize_by,
        n_babble=n_babble,
        ground_truth=ground_truth,
        synonyms=found.synonyms,
    )


@contextmanager
def _all_problems_at_once(store, features, tables, on_missing):
    """Where clips of one part cannot be used, tell about those of all parts."""
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
    """Load a track with the classes asked for, else with MER2024's if any of them occurs."""
    if classes is not None:
        return load_track(root, track, classes=classes, group=group)
    found = load_track(root, track, classes=None, group=group)
    if set(found.train.y.tolist()).isdisjoint(EMOTIONS):
        return found
    return load_track(root, track, group=group)


def _tables(found, root, classes, group):
    """Return part -> clips: train, perhaps unlabelled, then the test splits."""
    tables = {"train": found.train}
    if found.unlabelled is not None:
        tables["unlabelled"] = found.unlabelled
    if found.name == "ov":
        names = tuple(read_label_sets(found.ground_truth))
        return tables | {"open vocabulary": ClipTable(found.ground_truth.name, names, None, ())}
    tests = {"noisy" if found.name == "noise" else "test": found.test}
    if found.name == "noise":
        tests["clean"] = _load_track(root, "full", classes, group).test
    tests = {test: table for test, table in tests.items() if table is not None}
    return tables | (tests or _hold_out(found, group))


def _hold_out(found, group):
    """Split training clips into those to train on and a fifth to test on."""
    table = found.train
    refusal = f"no test clips are labelled, and {table.source} cannot give some"
    train, test = _split(table, N_HELD_OUT, group, refusal, "label more clips")
    parts = {"train": train, HELD_OUT: test}
    if group is not None and found.unlabelled is not None:
        known = ~np.isin(found.unlabelled.groups(group), np.unique(test.groups(group)))
        parts["unlabelled"] = found.unlabelled[known]
    return parts


def _hold_out_validation(table, share, group):
    """Split training clips into those to train on and a share to validate on."""
    refusal = f"noisy_validation={share:g} cannot be held out of {table.source}"
    remedy = "hold out a larger share, or label more clips"
    train, validation = _split(table, round(1 / share), group, refusal, remedy, share * len(table))
    return {"train": train, "validation": validation}


def _split(table, n_folds, group, refusal, remedy, n_clips=None):
    """Return all clips but one fold, and that: stratified, of whole groups.

    The first fold is taken, or, as groups differ in size, the one that is nearest to ``n_clips``.
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
            f"{refusal}: of {labels[counts.argmin()]} it has {counts.min()} clips, and a part of "
            f"one in {n_folds} needs {n_folds}; {remedy}."
        ) from None
    held = folds[0] if n_clips is None else min(folds, key=lambda fold: abs(len(fold) - n_clips))
    return table[np.setdiff1d(np.arange(len(table)), held)], table[held]


def _babble_behind(sequences, tables, n_copies):
    """Add noisy copies of the training clips, in place, as parts of their own; return the parts."""
    check_counts(least=0, n_babble=n_copies)
    if not n_copies:
        return []
    (name, *more) = sequences["train"]
    if more:
        raise ValueError(
            f"n_babble={n_copies} is for one feature set, of log spectra; name one, or leave "
            "n_babble out."
        )
    rng, parts = np.random.default_rng(0), []
    for copy in range(n_copies):
        parts.append(f"babble {copy}")
        tables[parts[-1]] = tables["train"]
        sequences[parts[-1]] = {name: with_babble(sequences["train"][name], rng)}
    return parts


def _with_copies(sequences, copies):
    # What is read lazily stays so where nothing is added to it.
    return join_panels([sequences, *copies]) if copies else sequences


def _joined(clips, parts):
    """Take parts out of a dict of clips and return them as one."""
    first, *rest = (clips.pop(part) for part in parts)
    return Clips(
        names=first.names * len(parts),
        X=_with_copies(first.X, [part.X for part in rest]),
        y=np.tile(first.y, len(parts)),
    )


def standardize_parts(sequences, tables, column):
    """Standardise the sequences of each part by the values of a column, in place.

    A speaker's labelled, unlabelled and validation clips count together. Each other part is tested
    on, and counts by itself, as if it came alone.

    Parameters
    ----------
    sequences : dict of str to dict of str to sequence of arrays of shape (T_i, D)
        From parts ("train", "unlabelled", "validation" and others) to feature sets.
    tables : dict of str to ClipTable
    column : str
        Such as "speaker".
    """
    learned_from = [part for part in ("train", "unlabelled", "validation") if part in tables]
    for parts in (learned_from, *([part] for part in tables if part not in learned_from)):
        groups = np.concatenate([tables[part].groups(column) for part in parts])
        ends = np.cumsum([len(tables[part]) for part in parts])
        for name in sequences[parts[0]]:
            frames = [x for part in parts for x in sequences[part][name]]
            found = standardize_by_group(frames, groups)
            for part, end in zip(parts, ends, strict=True):
                sequences[part][name] = found[end - len(tables[part]) : end]


def _check_validation(share, track):
    if share is None:
        return
    if track != "noise":
        raise ValueError(
            f"noisy_validation={share:g} is for track 'noise'; leave it out of track {track!r}."
        )
    if not 0 < share <= 0.5:
        raise ValueError(
            f"noisy_validation={share:g} must be a share of the training clips, above 0 and at "
            "most 0.5."
        )


def _with_noise(clips):
    """Return each clip with noise in its standardised features, once at every level."""
    rng = np.random.default_rng(0)
    panels = [_noisy(clips.X, level, rng) for level in CHOSEN_ON]
    return Clips(
        clips.names * len(CHOSEN_ON), join_panels(panels), np.tile(clips.y, len(CHOSEN_ON))
    )


def _noisy(X, level, rng):
    if isinstance(X, Mapping):
        return {name: _noisy(series, level, rng) for name, series in X.items()}
    noisy = [add_feature_noise(series.T, level, 1.0, rng).T for series in X]
    return np.stack(noisy) if isinstance(X, np.ndarray) else noisy


def _transform(preprocessors, sequences, as_dict):
    panels = {name: preprocessors[name].transform(found) for name, found in sequences.items()}
    return panels if as_dict or len(panels) > 1 else next(iter(panels.values()))
