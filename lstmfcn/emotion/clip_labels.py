"""Which clips are there, and what emotion does each show? CSV files, and MERTools' label npz."""

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lstmfcn.datasets.parsing import csv_rows, decode
from lstmfcn.emotion.feature_store import name_problem
from lstmfcn.emotion.label_npz import read_corpus
from lstmfcn.outside import shown
from lstmfcn.warning import warn

__all__ = ["EMOTIONS", "ClipTable", "load_labels", "load_unlabelled"]

EMOTIONS = ("neutral", "angry", "happy", "sad", "worried", "surprise")
"""The six classes in the order of MER2024's indices 0 to 5."""

NO_VALENCE = -10.0  # what MERTools stores for a clip without valence
MOST_LISTED = 50  # rows or clips in one message


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
        classes = checked_classes(classes)
    if path.suffix.lower() == ".npz":
        return _labels_of_corpus(path, classes, split)
    rows, extra, problems = read_clips_csv(path, required=("name", "discrete"))
    problems += name_problems(rows)
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
    refuse_rows(path.name, problems)
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
    classes = () if classes is None else checked_classes(classes)
    if path.suffix.lower() == ".npz":
        corpus = read_corpus(path, split)
        rows = [(f"clip {name!r}", {"name": name}) for name in corpus]
        extra, problems = [], []
    else:
        rows, extra, problems = read_clips_csv(path, required=("name",))
    refuse_rows(path.name, problems + name_problems(rows))
    columns = {name: np.array([row[name] for _, row in rows]) for name in extra}
    names = tuple(row["name"] for _, row in rows)
    return ClipTable(path.name, names, None, classes, columns=columns)


def name_problems(rows):
    """Return what is wrong with the names of (place, row) pairs."""
    first, problems = {}, []
    for place, row in rows:
        name = row["name"]
        if name_problem(name):
            problems.append(f"{place}: the name {shown(repr(name))} {name_problem(name)}")
        elif name in first:
            problems.append(f"{place}: the name {shown(repr(name))} is in {first[name]} already")
        else:
            first[name] = place
    return problems


def refuse_rows(source, problems):
    """Raise ValueError with what is wrong with a file's rows, if anything is."""
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems[:MOST_LISTED])
        if len(problems) > MOST_LISTED:
            listed += f"\n  ... and {len(problems) - MOST_LISTED} more"
        raise ValueError(f"{source} cannot be used as it is; correct or remove:{listed}")


def checked_classes(classes):
    """Return classes as a tuple of names, each of them once."""
    if isinstance(classes, str) or not all(isinstance(name, str) and name for name in classes):
        raise TypeError(f"classes={classes!r} is not a sequence of names, such as EMOTIONS.")
    classes = tuple(classes)
    if not classes or repeated(classes):
        raise ValueError(
            f"classes holds {', '.join(classes) or 'no emotion'}; pass each emotion once, and at "
            "least one."
        )
    return classes


def known_labels(y, name, classes):
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
            f"{name} holds {some_of(sorted(unknown))}, first in row {min(unknown.values())}; "
            f"expected {', '.join(classes)}."
        )
    return y.astype(str)


def some_of(names):
    """Return names as text, the first ones where there are many."""
    listed = ", ".join(map(shown, names[:MOST_LISTED]))
    more = len(names) - MOST_LISTED
    return f"{listed} and {more} more" if more > 0 else listed


def count_of(found, noun):
    """Return how many of a noun there are, with the verb."""
    return f"1 {noun} is" if len(found) == 1 else f"{len(found)} {noun}s are"


def _existing(path):
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file with labels.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a file with labels.")
    return path


def read_clips_csv(path, required):
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
            f"first line with {', '.join(required)}, but it is "
            f"{shown(', '.join(header)) or 'empty'}."
        )
    twice = repeated(name for name in header if name)
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


def _unknown(emotion, classes):
    if not emotion:
        return "the emotion is empty"
    return f"the emotion {shown(repr(emotion))} is unknown; expected one of {', '.join(classes)}"


def _valence(value):
    """Return a clip's valence, NaN where there is none."""
    if isinstance(value, str) and value.lower() in ("", "nan"):
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.inf
    if math.isinf(number):
        raise ValueError(f"the valence {shown(repr(value))} is no finite number")
    return math.nan if number == NO_VALENCE else number


def repeated(names):
    """Return the names that are there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def _labels_of_corpus(path, classes, split):
    corpus = read_corpus(path, split)
    rows = [(f"clip {name!r}", {"name": name}) for name in corpus]
    problems = name_problems(rows)
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
    refuse_rows(path.name, problems)
    if split != "train" and set(emotions) == {"neutral"}:
        warn(
            f"every emotion of {path.name}: {split}_corpus is 'neutral', which MERTools puts in "
            "the place of an unknown one; use load_unlabelled for such clips.",
        )
    return ClipTable(
        source=path.name,
        names=tuple(corpus),
        y=np.array(emotions),
        classes=classes or tuple(sorted(set(emotions))),
        valence=np.array(valences) if any("val" in entry for entry in corpus.values()) else None,
    )
