"""Which files make up MER2024's tracks, and the same layout with other data?

The challenge's own data is under an agreement and never part of this package; any data set with
the same files works.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmfcn.emotion.clip_labels import (
    EMOTIONS,
    ClipTable,
    count_of,
    load_labels,
    load_unlabelled,
    read_clips_csv,
    repeated,
    some_of,
)
from lstmfcn.emotion.feature_store import FeatureError, join_errors
from lstmfcn.validation import check_choice

__all__ = ["TRACKS", "Track", "check_splits", "load_track", "select_features"]

_LABELLED = ("label-train.csv", "label-disdim.csv", "label-6way.npz")
TRACKS = {
    "full": {"train": _LABELLED, "unlabelled": (), "test": ("label-test.csv",)},
    "semi": {
        "train": ("label-train-semi.csv", *_LABELLED),
        "unlabelled": ("unlabeled-semi.csv", "label-6way.npz"),
        "test": ("label-test.csv", "test1_name_convert_label.csv"),
    },
    "noise": {
        "train": _LABELLED,
        "unlabelled": (),
        "test": ("label-test-noise.csv", "test2_name_convert_label.csv"),
    },
    "ov": {
        "train": _LABELLED,
        "unlabelled": (),
        "test": (),
        "open_vocabulary": ("check-openset.csv", "ov_store/check-openset.csv"),
        "synonyms": (
            "openset-synonym.zip",
            "openset-synonym",
            "ov_store/openset-synonym.zip",
            "ov_store/openset-synonym",
        ),
    },
}
"""The files of each track below the data set's folder; the first one that is there is read."""


@dataclass(frozen=True, eq=False)
class Track:
    """The parts of one track of the challenge.

    Attributes
    ----------
    name : {"full", "semi", "noise", "ov"}
    train : ClipTable
    unlabelled : ClipTable or None
    test : ClipTable or None
        None where the truth is not published.
    ground_truth : Path or None
        The file with the open-vocabulary labels.
    synonyms : Path or None
        The zip or folder with the groups of synonyms.
    """

    name: str
    train: ClipTable
    unlabelled: ClipTable | None
    test: ClipTable | None
    ground_truth: Path | None = None
    synonyms: Path | None = None


def load_track(root, track, *, classes=EMOTIONS, group=None):
    """Read the clips and labels of one track.

    Parameters
    ----------
    root : str or path
        Folder of the data set. `TRACKS` has the files of each track: those of this package's
        layout (`label-train.csv`, `label-test.csv`, `label-test-noise.csv`,
        `label-train-semi.csv`, `unlabeled-semi.csv`), or those of MER2024.
    track : {"full", "semi", "noise", "ov"}
    classes : sequence of str or None, default=EMOTIONS
        As for `load_labels`.
    group : str, default=None
        A column, such as "speaker" or "video", no value of which may be in train (or unlabelled)
        and in test.

    Returns
    -------
    Track
        Without labelled clips in `unlabelled`, and for "ov" without the clips to score in `train`.

    Raises
    ------
    FileNotFoundError
        If a file that the track needs is not there.
    ValueError
        As `load_labels` and `check_splits`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_track
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for part, clip in {"train": "a1,sad,03", "test": "b1,sad,08"}.items():
    ...         text = f"name,discrete,speaker\\n{clip}\\n"
    ...         _ = (Path(root) / f"label-{part}.csv").write_text(text)
    ...     track = load_track(root, "full", group="speaker")
    >>> track.train.names, track.test.names
    (('a1',), ('b1',))
    """
    check_choice(track, "track", tuple(TRACKS))
    root = Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is no folder; expected the folder of a data set.")
    files = {
        part: next((root / name for name in names if (root / name).exists()), None)
        for part, names in TRACKS[track].items()
    }
    needed = {"ov": ("train", "open_vocabulary"), "semi": ("train", "unlabelled")}
    for part in needed.get(track, ("train",)):
        if files[part] is None:
            raise FileNotFoundError(
                f"{root} has no {part.replace('_', '-')} clips of track {track!r}; expected one of "
                f"the files {', '.join(TRACKS[track][part])}."
            )
    train = load_labels(files["train"], classes=classes)
    unlabelled = test = None
    if files["unlabelled"] is not None:
        unlabelled = _without(load_unlabelled(files["unlabelled"], classes=classes), train.names)
    if files["test"] is not None:
        test = load_labels(files["test"], classes=classes)
        check_splits(train, test, group=group)
        if unlabelled is not None and group is not None:
            _check_groups(unlabelled, test, group)
    if track == "ov":
        scored, *_ = read_clips_csv(files["open_vocabulary"], required=("name", "openset"))
        train = _without(train, [row["name"] for _, row in scored])
    if not len(train):
        raise ValueError(f"{files['train'].name} leaves no clip to train on for track {track!r}.")
    return Track(
        track, train, unlabelled, test, files.get("open_vocabulary"), files.get("synonyms")
    )


def check_splits(train, test, *, group=None):
    """Refuse a test split that shares clips, or groups, with the training split.

    Parameters
    ----------
    train, test : ClipTable
    group : str, default=None
        A column such as "speaker" or "video".

    Raises
    ------
    ValueError

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import ClipTable, check_splits
    >>> def table(source, name, speaker):
    ...     return ClipTable(source, (name,), None, (), columns={"speaker": np.array([speaker])})
    >>> check_splits(table("a.csv", "a1", "03"), table("b.csv", "b1", "08"), group="speaker")
    >>> check_splits(table("a.csv", "a1", "03"), table("b.csv", "b1", "03"), group="speaker")
    Traceback (most recent call last):
    ...
    ValueError: 1 speaker is both in a.csv and in b.csv: 03; put each speaker into one of them.
    """
    shared = sorted(set(train.names) & set(test.names))
    if shared:
        raise ValueError(
            f"{count_of(shared, 'clip')} both in {train.source} and in {test.source}: "
            f"{some_of(shared)}; put each clip into one of them."
        )
    if group is not None:
        _check_groups(train, test, group)


def select_features(table, store, features, *, level=None, on_missing="error"):
    """Select the sequences of a table's clips from one or several feature sets.

    Parameters
    ----------
    table : ClipTable
    store : FeatureStore
    features : str or sequence of str
        Names of feature sets.
    level : {"utterance", "frame", None}, default=None
        As for `FeatureStore.feature_set`.
    on_missing : {"error", "drop", "zeros"}, default="error"
        As for `FeatureSet.sequences`; "drop" leaves out a clip that any feature set lacks.

    Returns
    -------
    table : ClipTable
        The clips that are left.
    sequences : dict of str to ClipSequences
        Per feature set (the folder's name) the sequences of these clips, in order.

    Raises
    ------
    FeatureError
        About all clips without features in all feature sets.
    ValueError
        If no clip is left.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion import ClipTable, FeatureStore, select_features
    >>> table = ClipTable("label.csv", ("a", "b"), np.array(["sad", "happy"]), ("happy", "sad"))
    >>> with tempfile.TemporaryDirectory() as root:
    ...     (Path(root) / "hubert_FRA").mkdir()
    ...     np.save(Path(root) / "hubert_FRA" / "b.npy", np.ones((3, 2)))
    ...     kept, found = select_features(table, FeatureStore(root), "hubert", on_missing="drop")
    >>> kept.names, kept.y.tolist(), found
    (('b',), ['happy'], {'hubert_FRA': <1 sequences of hubert_FRA>})
    """
    names = [features] if isinstance(features, str) else list(features)
    if not names:
        raise ValueError("features is empty; pass the name of at least one feature set.")
    sets = [store.feature_set(name, level) for name in names]
    twice = repeated(feature_set.name for feature_set in sets)
    if twice:
        raise ValueError(f"the feature set {twice[0]} is named twice; name each one once.")
    check_choice(on_missing, "on_missing", ("error", "drop", "zeros"))
    kept = table
    if on_missing == "drop":
        for feature_set in sets:
            if not len(kept):
                break
            present = set(feature_set.sequences(kept.names, on_missing="drop").names)
            kept = kept[np.array([name in present for name in kept.names])]
    sequences, errors = {}, []
    for feature_set in sets:
        try:
            found = feature_set.sequences(kept.names, on_missing=on_missing)
        except FeatureError as error:
            errors.append(error)
        else:
            sequences[feature_set.name] = found
    if errors:
        raise join_errors(errors)
    return kept, sequences


def _check_groups(train, test, group):
    shared = sorted(set(train.groups(group).tolist()) & set(test.groups(group).tolist()))
    if shared:
        raise ValueError(
            f"{count_of(shared, group)} both in {train.source} and in {test.source}: "
            f"{some_of(shared)}; put each {group} into one of them."
        )


def _without(table, names):
    names = set(names)
    return table[np.array([name not in names for name in table.names], dtype=bool)]
