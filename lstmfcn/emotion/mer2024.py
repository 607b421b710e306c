"""Which files make up MER2024's tracks, and the same layout with other data?

MER2024's own data is under an agreement and no part of this package; any data set with the same
files works.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmfcn.emotion.clip_labels import (
    EMOTIONS,
    ClipTable,
    load_labels,
    load_unlabelled,
    read_clips,
    repeated,
)
from lstmfcn.features.store import FeatureError, join_errors
from lstmfcn.untrusted import listed
from lstmfcn.validation import check_choice

_SYNONYMS = ("openset-synonym.zip", "openset-synonym")
_LABELLED = ("label-train.csv", "label-disdim.csv", "label-6way.npz")
TRACKS = {
    "full": {"train": _LABELLED, "unlabelled": ("unlabeled.csv",), "test": ("label-test.csv",)},
    "semi": {
        "train": ("label-train-semi.csv", *_LABELLED),
        "unlabelled": ("unlabeled-semi.csv", "label-6way.npz"),
        "test": ("label-test.csv", "test1_name_convert_label.csv"),
    },
    "noise": {
        "train": _LABELLED,
        "unlabelled": ("unlabeled-noise.csv", "unlabeled.csv"),
        "test": ("label-test-noise.csv", "test2_name_convert_label.csv"),
    },
    "ov": {
        "train": _LABELLED,
        "unlabelled": (),
        "test": (),
        "open_vocabulary": ("check-openset.csv", "ov_store/check-openset.csv"),
        "synonyms": (*_SYNONYMS, *(f"ov_store/{name}" for name in _SYNONYMS)),
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
    unlabelled, test : ClipTable or None
        None where the track has none, or the truth is not published. Unlabelled clips are learned
        from in track "semi", and answered in all tracks.
    ground_truth, synonyms : Path or None
        The open-vocabulary labels, and the zip or folder with the groups of synonyms.

    See Also
    --------
    load_track : Reads one from a folder.
    """

    name: str
    train: ClipTable
    unlabelled: ClipTable | None
    test: ClipTable | None
    ground_truth: Path | None = None
    synonyms: Path | None = None


def load_track(
    root, track, *, classes=EMOTIONS, group=None, label_column=None, merge=None, others="error"
):
    """Read the clips and labels of one track.

    Parameters
    ----------
    root : str or path
        Folder of the data set; `TRACKS` has the files of each track, this package's and MER2024's.
    track : {"full", "semi", "noise", "ov"}
    classes, label_column, merge, others
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
    FileNotFoundError, ValueError
        If a file that the track needs is not there, or as `load_labels` and `check_splits`.

    See Also
    --------
    select_features : The sequences of a split's clips.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_track
    >>> with tempfile.TemporaryDirectory() as root:
    ...     _ = Path(root, "label-train.csv").write_text("name,discrete,speaker\\na1,sad,03\\n")
    ...     _ = Path(root, "label-test.csv").write_text("name,discrete,speaker\\nb1,sad,08\\n")
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
    how = {"classes": classes, "label_column": label_column, "merge": merge, "others": others}
    train = load_labels(files["train"], **how)
    unlabelled = test = None
    if files["unlabelled"] is not None:
        unlabelled = _without(load_unlabelled(files["unlabelled"], classes=classes), train.names)
        unlabelled = unlabelled or None
        if unlabelled is None and track == "semi":
            raise ValueError(
                f"every clip of {files['unlabelled'].name} is labelled in {train.source}; track "
                "'semi' needs others."
            )
    if files["test"] is not None:
        test = load_labels(files["test"], **how)
        check_splits(train, test, group=group)
        if unlabelled is not None and group is not None:
            # The clips of test may be among the unlabelled ones, as published.
            _refuse_shared(unlabelled, test, group)
    if track == "ov":
        rows, *_ = read_clips(files["open_vocabulary"], ("name", "openset"))
        train = _without(train, [row["name"] for _, row in rows])
    if not train.names:
        raise ValueError(f"{files['train'].name} leaves no clip to train on for track {track!r}.")
    scored = files.get("open_vocabulary")
    return Track(track, train, unlabelled, test, scored, files.get("synonyms"))


def check_splits(train, test, *, group=None):
    """Refuse a test split that has clips, or groups, in common with the training split.

    Parameters
    ----------
    train, test : ClipTable
    group : str, default=None
        A column such as "speaker" or "video".

    Raises
    ------
    ValueError

    See Also
    --------
    load_track : Reads and checks the splits of a track.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import ClipTable, check_splits
    >>> train = ClipTable("a.csv", ("a1",), None, (), columns={"speaker": np.array(["03"])})
    >>> test = ClipTable("b.csv", ("b1",), None, (), columns={"speaker": np.array(["03"])})
    >>> check_splits(train, test, group="speaker")
    Traceback (most recent call last):
    ...
    ValueError: 1 speaker is both in a.csv and in b.csv: 03; put each speaker into one of them.
    """
    _refuse_shared(train, test)
    if group is not None:
        _refuse_shared(train, test, group)


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
    FeatureError, ValueError
        About all clips without features in all feature sets, or if no clip is left.

    See Also
    --------
    FeatureStore : Where feature sets are found.
    SequencePreprocessor : Standardises sequences and brings them to a length.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from lstmfcn.emotion import ClipTable, FeatureStore, select_features
    >>> table = ClipTable("label.csv", ("a", "b"), np.array(["sad", "happy"]), ("happy", "sad"))
    >>> with tempfile.TemporaryDirectory() as root:
    ...     os.mkdir(f"{root}/hubert_FRA")
    ...     np.save(f"{root}/hubert_FRA/b.npy", np.ones((3, 2)))
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
    kept = table
    if on_missing == "drop":
        for feature_set in sets:
            present = set(feature_set.sequences(kept.names, on_missing="drop").names)
            kept = kept[np.array([name in present for name in kept.names])]
    sequences, errors = {}, []
    for feature_set in sets:
        try:
            sequences[feature_set.name] = feature_set.sequences(kept.names, on_missing=on_missing)
        except FeatureError as error:
            errors.append(error)
    if errors:
        raise join_errors(errors)
    return kept, sequences


def _refuse_shared(train, test, group=None):
    """Refuse two tables that have clips, or groups of clips, in common."""
    noun = group or "clip"
    found = (set(table.groups(group) if group else table.names) for table in (train, test))
    if both := sorted(set.intersection(*found)):
        are = "s are" if len(both) > 1 else " is"
        raise ValueError(
            f"{len(both)} {noun}{are} both in {train.source} and in "
            f"{test.source}: {listed(both)}; put each {noun} into one of them."
        )


def _without(table, names):
    names = set(names)
    return table[np.array([name not in names for name in table.names], dtype=bool)]
