"""Which clips, labels and scores make up MER2024 and data in its layout?

The challenge's own data is under an agreement and never part of this package; any data set with
the same files works.
"""

import csv
import math
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lstmfcn.atomic import atomic_path, check_writable
from lstmfcn.datasets.parsing import csv_rows, decode
from lstmfcn.emotion.feature_store import FeatureError, name_problem
from lstmfcn.emotion.label_npz import read_corpus
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.validation import check_choice

__all__ = [
    "EMOTIONS",
    "TRACKS",
    "ClipTable",
    "Track",
    "check_splits",
    "load_labels",
    "load_track",
    "load_unlabelled",
    "mer_scores",
    "select_features",
    "write_submission",
]

EMOTIONS = ("neutral", "angry", "happy", "sad", "worried", "surprise")
"""The six classes in the order of MER2024's indices 0 to 5."""

NO_VALENCE = -10.0  # what MERTools stores for a clip without valence
VALENCE_WEIGHT = 0.25  # of the squared error in the combined score of MER2023
MOST_LISTED = 50  # rows or clips in one message

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
class ClipTable:
    """Clips with what is known about them, row by row.

    Attributes
    ----------
    source : str
        Name of the file.
    names : tuple of str
        The clips, each one once.
    y : ndarray of str of shape (n_clips,), or None
        Emotions; None for unlabelled clips.
    classes : tuple of str
        The possible emotions in order.
    valence : float64 ndarray of shape (n_clips,), or None
        NaN for a clip without valence; None where there is no such column.
    columns : dict of str to ndarray of str of shape (n_clips,)
        Further columns, such as the speaker.
    """

    source: str
    names: tuple
    y: np.ndarray | None
    classes: tuple
    valence: np.ndarray | None = None
    columns: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.names)

    def __getitem__(self, rows):
        """Return a table of some rows (slice, indices or mask)."""
        picked = np.atleast_1d(np.arange(len(self))[rows])
        return replace(
            self,
            names=tuple(self.names[row] for row in picked),
            y=None if self.y is None else self.y[picked],
            valence=None if self.valence is None else self.valence[picked],
            columns={name: values[picked] for name, values in self.columns.items()},
        )

    @property
    def codes(self):
        """Index of each clip's emotion in `classes`, int64 of shape (n_clips,); -1 if unlabelled.

        Scikit-learn's estimators sort text labels, so theirs is another order.
        """
        if self.y is None:
            return np.full(len(self), -1)
        order = {emotion: code for code, emotion in enumerate(self.classes)}
        return np.array([order[emotion] for emotion in self.y.tolist()], dtype=np.int64)

    def groups(self, column):
        """Return the column to group by, such as "speaker", or say which columns there are.

        Parameters
        ----------
        column : str

        Returns
        -------
        ndarray of str of shape (n_clips,)
        """
        if column not in self.columns:
            known = ", ".join(self.columns) or "no further columns"
            raise ValueError(
                f"{self.source} has no column {column!r} to group by; besides name and labels it "
                f"has {known}."
            )
        return self.columns[column]


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


def load_labels(path, *, classes=EMOTIONS, split="train"):
    """Read clips and their emotions.

    Parameters
    ----------
    path : str or path
        A CSV file with a header and the columns `name` and `discrete`, and perhaps `valence`
        (empty or -10 where there is none); further columns are kept as text. Or the
        `label-6way.npz` of MERTools.
    classes : sequence of str or None, default=EMOTIONS
        The possible emotions in order; None takes those that occur, sorted.
    split : str, default="train"
        Of an npz: reads its entry `{split}_corpus`. Its clips of "test1" all say neutral in the
        public release of MER2024; read these with `load_unlabelled`.

    Returns
    -------
    ClipTable

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If columns are missing, or about all rows at once that cannot be used: an unknown emotion,
        a name that is empty, there twice or escapes the folder of features, a valence that is no
        finite number. An npz is read without running anything in it: of its pickled entries, all
        but text, numbers, dicts and the three globals that a numpy array consists of are refused.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_labels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "label-train.csv"
    ...     _ = path.write_text("name,discrete,speaker\\na1,worried,03\\nb1,neutral,08\\n")
    ...     labels = load_labels(path)
    >>> labels.names, labels.y.tolist(), labels.codes.tolist(), labels.groups("speaker").tolist()
    (('a1', 'b1'), ['worried', 'neutral'], [4, 0], ['03', '08'])
    """
    path = _existing(path)
    if classes is not None:
        classes = _checked_classes(classes)
    if path.suffix.lower() == ".npz":
        return _labels_of_corpus(path, classes, split)
    rows, extra, problems = _read_csv(path, required=("name", "discrete"))
    problems += _name_problems(rows)
    emotions, valences = [], []
    for place, row in rows:
        emotions.append(row["discrete"])
        if not row["discrete"] or (classes is not None and row["discrete"] not in classes):
            problems.append(f"{place}: {_unknown(row['discrete'], classes)}")
        if "valence" in row:
            try:
                valences.append(_valence(row["valence"]))
            except ValueError as problem:
                problems.append(f"{place}: {problem}")
    _refuse_rows(path.name, problems)
    return ClipTable(
        source=path.name,
        names=tuple(row["name"] for _, row in rows),
        y=np.array(emotions),
        classes=classes or tuple(sorted(set(emotions))),
        valence=np.array(valences) if valences else None,
        columns={name: np.array([row[name] for _, row in rows]) for name in extra},
    )


def load_unlabelled(path, *, classes=EMOTIONS, split="test1"):
    """Read clips without their emotions.

    Parameters
    ----------
    path : str or path
        A CSV file with the column `name`, or the `label-6way.npz` of MERTools, whose emotions of
        unlabelled clips are placeholders.
    classes, split
        As for `load_labels`.

    Returns
    -------
    ClipTable
        With `y` None.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_unlabelled
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "unlabeled-semi.csv"
    ...     _ = path.write_text("name,speaker\\na1,03\\na2,03\\n")
    ...     clips = load_unlabelled(path)
    >>> clips.names, clips.y
    (('a1', 'a2'), None)
    """
    path = _existing(path)
    classes = () if classes is None else _checked_classes(classes)
    if path.suffix.lower() == ".npz":
        corpus = read_corpus(path, split)
        rows = [(f"clip {name!r}", {"name": name}) for name in corpus]
        extra, problems = [], []
    else:
        rows, extra, problems = _read_csv(path, required=("name",))
    _refuse_rows(path.name, problems + _name_problems(rows))
    columns = {name: np.array([row[name] for _, row in rows]) for name in extra}
    names = tuple(row["name"] for _, row in rows)
    return ClipTable(path.name, names, None, classes, columns=columns)


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
        scored, *_ = _read_csv(files["open_vocabulary"], required=("name", "openset"))
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
            f"{_count(shared, 'clip')} both in {train.source} and in {test.source}: "
            f"{_some(shared)}; put each clip into one of them."
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
    twice = _twice(feature_set.name for feature_set in sets)
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
        problems = {}
        for error in errors:
            for clip, problem in error.problems.items():
                problems[clip] = f"{problems[clip]}; {problem}" if clip in problems else problem
        raise FeatureError("\n".join(str(error) for error in errors), problems)
    return kept, sequences


def mer_scores(y_true, y_pred, *, classes=EMOTIONS, valence_true=None, valence_pred=None):
    """Score emotions, and valence where there is any, as MER2023 and MER2024 do.

    Parameters
    ----------
    y_true, y_pred : array-like of str of shape (n_clips,)
    classes : sequence of str, default=EMOTIONS
    valence_true, valence_pred : array-like of float of shape (n_clips,), optional
        Clips whose true valence is NaN do not count.

    Returns
    -------
    dict
        ``weighted_f1``: the WAF that MER2024 ranks by, sum_c (n_c / N) F1_c, where a class that
        was never predicted has F1 0; ``accuracy``; ``per_class_recall``: dict of class to recall,
        None for a class that does not occur; ``valence_mse``: mean squared error, in squared units
        of valence, or None; ``combined``: the score of MER2023, weighted_f1 - 0.25 valence_mse,
        or None.

    Raises
    ------
    ValueError
        If labels are unknown, lengths differ, or a predicted valence is not finite.

    References
    ----------
    Lian et al., "MER 2023: Multi-label Learning, Modality Robustness, and Semi-Supervised
    Learning", 2023, arXiv:2304.08981.

    Examples
    --------
    >>> from lstmfcn.emotion import mer_scores
    >>> scores = mer_scores(
    ...     ["happy", "happy", "sad"], ["happy", "sad", "sad"],
    ...     valence_true=[2.0, 1.0, float("nan")], valence_pred=[1.0, 1.0, 0.0],
    ... )
    >>> round(scores["weighted_f1"], 4), scores["valence_mse"], round(scores["combined"], 4)
    (0.6667, 0.5, 0.5417)
    >>> scores["per_class_recall"]["happy"], scores["per_class_recall"]["angry"]
    (0.5, None)
    """
    classes = _checked_classes(classes)
    y_true = _known_labels(y_true, "y_true", classes)
    y_pred = _known_labels(y_pred, "y_pred", classes)
    found = classification_metrics(y_true, y_pred)
    recall = {}
    for emotion in classes:
        members = y_true == emotion
        recall[emotion] = float(np.mean(y_pred[members] == emotion)) if members.any() else None
    mse = _valence_mse(valence_true, valence_pred, len(y_true))
    waf = found["weighted_f1"]
    return {
        "weighted_f1": waf,
        "accuracy": found["accuracy"],
        "per_class_recall": recall,
        "valence_mse": mse,
        "combined": None if mse is None else waf - VALENCE_WEIGHT * mse,
    }


def write_submission(path, names, y, valence=None, *, classes=EMOTIONS):
    """Write predictions as the challenge wants them: `name,discrete[,valence]`.

    Parameters
    ----------
    path : str or path
        A CSV file; it appears whole or not at all.
    names : sequence of str of length n_clips
    y : array-like of str of shape (n_clips,)
        Predicted emotions.
    valence : array-like of float of shape (n_clips,), optional
    classes : sequence of str, default=EMOTIONS

    Raises
    ------
    ValueError
        If lengths differ, a name is there twice, an emotion is unknown or a valence not finite.
    OSError
        If the file cannot be written; an old file of that name stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import write_submission
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "answer.csv"
    ...     write_submission(path, ["a", "b"], ["sad", "happy"])
    ...     print(path.read_text())
    name,discrete
    a,sad
    b,happy
    <BLANKLINE>
    """
    names = list(names)
    y = _known_labels(y, "y", _checked_classes(classes))
    if len(names) != len(y):
        raise ValueError(f"there are {len(names)} names and {len(y)} emotions; pass one per clip.")
    rows = [(f"row {i}", {"name": name}) for i, name in enumerate(names)]
    _refuse_rows("the submission", _name_problems(rows))
    columns = {"name": names, "discrete": y.tolist()}
    if valence is not None:
        columns["valence"] = _finite(valence, "valence", len(y)).tolist()
    check_writable(path)
    with (
        atomic_path(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _existing(path):
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file with labels.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a file with labels.")
    return path


def _read_csv(path, required):
    """Read a CSV file with a header.

    Parameters
    ----------
    path : Path
    required : tuple of str
        Columns that must be there.

    Returns
    -------
    rows : list of (place, dict of column to text)
    extra : list of str
        Columns that are neither names nor labels.
    problems : list of str
        About rows that have too few or too many columns.
    """
    lines = csv_rows(path.name, decode(path.name, path.read_bytes()))
    _, header = next(lines, (0, []))
    header = [name.strip() for name in header]
    missing = [name for name in required if name not in header]
    if missing:
        raise ValueError(
            f"{path.name} has no column {' and no column '.join(map(repr, missing))}; expected a "
            f"first line with {', '.join(required)}, but it is {', '.join(header) or 'empty'}."
        )
    twice = _twice(name for name in header if name)
    if twice:
        raise ValueError(f"{path.name} has the column {twice[0]!r} twice; rename one of them.")
    rows, problems = [], []
    for number, cells in lines:
        if len(cells) != len(header):
            problems.append(f"line {number}: {len(cells)} columns; the header has {len(header)}")
        else:
            values = (cell.strip() for cell in cells)
            rows.append((f"line {number}", dict(zip(header, values, strict=True))))
    if not rows and not problems:
        raise ValueError(f"{path.name} has no clips, only a header; expected one line per clip.")
    known = ("name", "discrete", "valence", "")  # pandas writes its index under no name
    return rows, [name for name in header if name not in known], problems


def _name_problems(rows):
    """Return what is wrong with the names of (place, row) pairs."""
    first, problems = {}, []
    for place, row in rows:
        name = row["name"]
        if name_problem(name):
            problems.append(f"{place}: the name {name!r} {name_problem(name)}")
        elif name in first:
            problems.append(f"{place}: the name {name!r} is in {first[name]} already")
        else:
            first[name] = place
    return problems


def _refuse_rows(source, problems):
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:MOST_LISTED])
        if len(problems) > MOST_LISTED:
            shown += f"\n  ... and {len(problems) - MOST_LISTED} more"
        raise ValueError(f"{source} cannot be used as it is; correct or remove:{shown}")


def _unknown(emotion, classes):
    if not emotion:
        return "the emotion is empty"
    return f"the emotion {emotion!r} is unknown; expected one of {', '.join(classes)}"


def _valence(value):
    """Return a clip's valence, NaN where there is none."""
    if isinstance(value, str) and value.lower() in ("", "nan"):
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.inf
    if math.isinf(number):
        raise ValueError(f"the valence {value!r} is no finite number")
    return math.nan if number == NO_VALENCE else number


def _checked_classes(classes):
    if isinstance(classes, str) or not all(isinstance(name, str) and name for name in classes):
        raise TypeError(f"classes={classes!r} is not a sequence of names, such as EMOTIONS.")
    classes = tuple(classes)
    if not classes or _twice(classes):
        raise ValueError(f"classes={classes!r} must hold each emotion once, and at least one.")
    return classes


def _known_labels(y, name, classes):
    """Return emotions as an array of str, refusing those that are none of the classes."""
    y = np.asarray(y)
    if y.ndim != 1 or not len(y):
        raise ValueError(f"{name} has the shape {y.shape}; pass one emotion for each of the clips.")
    unknown = {
        str(emotion): row
        for row, emotion in reversed(list(enumerate(y.tolist())))
        if emotion not in classes
    }
    if unknown:
        raise ValueError(
            f"{name} holds {_some(sorted(unknown))}, first in row {min(unknown.values())}; "
            f"expected {', '.join(classes)}."
        )
    return y.astype(str)


def _valence_mse(truth, predicted, n_clips):
    if truth is None and predicted is None:
        return None
    if truth is None or predicted is None:
        there = "predicted" if truth is None else "true"
        raise ValueError(f"only the {there} valence was passed; pass both or none.")
    truth = np.asarray(truth, dtype=np.float64)
    if truth.shape != (n_clips,) or np.isinf(truth).any():
        raise ValueError(
            f"valence_true has the shape {truth.shape} or infinite values; pass {n_clips} numbers, "
            "NaN for a clip without valence."
        )
    rated = ~np.isnan(truth) & (truth != NO_VALENCE)
    predicted = np.asarray(predicted, dtype=np.float64)
    if predicted.shape != truth.shape:
        raise ValueError(f"valence_pred has the shape {predicted.shape}; pass {n_clips} numbers.")
    if not rated.any():
        return None
    return float(np.mean(np.square(truth[rated] - _finite(predicted, "valence_pred")[rated])))


def _finite(values, name, n_clips=None):
    values = np.asarray(values, dtype=np.float64)
    if n_clips is not None and values.shape != (n_clips,):
        raise ValueError(f"{name} has the shape {values.shape}; pass {n_clips} numbers.")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"{name} is {values[row]} in row {row}; pass finite numbers.")
    return values


def _check_groups(train, test, group):
    shared = sorted(set(train.groups(group).tolist()) & set(test.groups(group).tolist()))
    if shared:
        raise ValueError(
            f"{_count(shared, group)} both in {train.source} and in {test.source}: "
            f"{_some(shared)}; put each {group} into one of them."
        )


def _without(table, names):
    names = set(names)
    return table[np.array([name not in names for name in table.names], dtype=bool)]


def _twice(names):
    return [name for name, count in Counter(names).items() if count > 1]


def _count(found, noun):
    return f"1 {noun} is" if len(found) == 1 else f"{len(found)} {noun}s are"


def _some(names):
    shown = ", ".join(names[:MOST_LISTED])
    more = len(names) - MOST_LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def _labels_of_corpus(path, classes, split):
    corpus = read_corpus(path, split)
    rows = [(f"clip {name!r}", {"name": name}) for name in corpus]
    problems = _name_problems(rows)
    emotions, valences = [], []
    for name, entry in corpus.items():
        emotion = entry.get("emo")
        if not isinstance(emotion, str) or not emotion:
            problems.append(f"clip {name!r}: its 'emo' is {emotion!r}, not text")
        elif classes is not None and emotion not in classes:
            problems.append(f"clip {name!r}: {_unknown(emotion, classes)}")
        emotions.append(emotion)
        try:
            valences.append(_valence(entry.get("val", NO_VALENCE)))
        except ValueError as problem:
            problems.append(f"clip {name!r}: {problem}")
    _refuse_rows(path.name, problems)
    if split != "train" and set(emotions) == {"neutral"}:
        warnings.warn(
            f"every emotion of {path.name}: {split}_corpus is 'neutral', which MERTools puts in "
            "the place of an unknown one; use load_unlabelled for such clips.",
            UserWarning,
            stacklevel=3,
        )
    return ClipTable(
        source=path.name,
        names=tuple(corpus),
        y=np.array(emotions),
        classes=classes or tuple(sorted(set(emotions))),
        valence=np.array(valences) if any("val" in entry for entry in corpus.values()) else None,
    )
