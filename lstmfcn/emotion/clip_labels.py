"""Which clips are there, and what emotion does each show? CSV files, and MERTools' label npz."""

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lstmfcn.datasets.parsing import csv_rows, decode
from lstmfcn.emotion.label_npz import read_corpus
from lstmfcn.features.store import name_problem
from lstmfcn.untrusted import listed, shown
from lstmfcn.warning import warn

EMOTIONS = ("neutral", "angry", "happy", "sad", "worried", "surprise")
"""The six classes in the order of MER2024's indices 0 to 5."""

NO_VALENCE = -10.0  # what MERTools stores for a clip without valence


@dataclass(frozen=True, eq=False)
class ClipTable:
    """Clips with their names, emotions and further columns, row by row.

    Attributes
    ----------
    source : str
        Name of the file.
    names, classes : tuple of str
        The clips, each one once; the possible emotions in order.
    y : ndarray of str of shape (n_clips,), or None
        Emotions; None for unlabelled clips.
    valence : float64 ndarray of shape (n_clips,), or None
        NaN for a clip without valence; None where there is no such column.
    columns : dict of str to ndarray of str of shape (n_clips,)
        Further columns, such as the speaker.

    See Also
    --------
    load_labels, load_unlabelled : Read one from a file.
    select_features : The sequences of a table's clips.
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
        """Return a column to group by, such as "speaker": str of shape (n_clips,)."""
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
        The possible emotions in order; None takes all that occur, sorted.
    split : str, default="train"
        Of an npz: reads its entry `{split}_corpus`. Its clips of "test1" are all neutral in the
        public release of MER2024; read these with `load_unlabelled`.

    Returns
    -------
    ClipTable

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, columns are missing, or about all rows at once that cannot be
        used: an unknown emotion, a name that is empty, there twice or escapes the folder of
        features, a valence that is no finite number. An npz is read without running anything in it:
        all but text, numbers, dicts and the globals of a numpy array are refused.

    See Also
    --------
    load_unlabelled : Clips without emotions.
    load_track : All splits of a track.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_labels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "label-train.csv")
    ...     _ = path.write_text("name,discrete,speaker\\na1,worried,03\\nb1,neutral,08\\n")
    ...     labels = load_labels(path)
    >>> labels.names, labels.y.tolist(), labels.codes.tolist(), labels.groups("speaker").tolist()
    (('a1', 'b1'), ['worried', 'neutral'], [4, 0], ['03', '08'])
    """
    path = Path(path).expanduser()
    classes = classes if classes is None else checked_classes(classes)
    rows, extra, problems = read_clips(path, ("name", "discrete"), split)
    emotions, valences = [row["discrete"] for _, row in rows], []
    for place, row in rows:
        emotion = row["discrete"]
        if not isinstance(emotion, str):
            problems.append(f"{place}: the emotion {emotion!r} is not text")
        elif not emotion:
            problems.append(f"{place}: the emotion is empty")
        elif classes is not None and emotion not in classes:
            problems.append(
                f"{place}: the emotion {shown(repr(emotion))} is unknown; expected one of "
                f"{', '.join(classes)}"
            )
        if "valence" in row:
            valences.append(_valence(row["valence"]))
            if math.isinf(valences[-1]):
                value = shown(repr(row["valence"]))
                problems.append(f"{place}: the valence {value} is no finite number")
    refuse_rows(path.name, problems)
    if _is_npz(path) and split != "train" and set(emotions) == {"neutral"}:
        warn(
            f"every emotion of {path.name}: {split}_corpus is 'neutral', which MERTools puts in "
            "the place of an unknown one; use load_unlabelled for such clips.",
        )
    classes = classes or tuple(sorted(set(emotions)))
    valence = np.array(valences) if valences else None
    return _table(path, rows, extra, y=np.array(emotions), classes=classes, valence=valence)


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

    See Also
    --------
    load_labels : Clips with their emotions.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_unlabelled
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "unlabeled-semi.csv")
    ...     _ = path.write_text("name,speaker\\na1,03\\na2,03\\n")
    ...     clips = load_unlabelled(path)
    >>> clips.names, clips.y
    (('a1', 'a2'), None)
    """
    path = Path(path).expanduser()
    classes = () if classes is None else checked_classes(classes)
    rows, extra, problems = read_clips(path, ("name",), split)
    refuse_rows(path.name, problems)
    return _table(path, rows, extra, y=None, classes=classes)


def _table(path, rows, extra, **labels):
    names = tuple(row["name"] for _, row in rows)
    columns = {name: np.array([row[name] for _, row in rows]) for name in extra}
    return ClipTable(path.name, names, columns=columns, **labels)


def read_clips(path, required, split=None):
    """Read the clips of a CSV file with a header, or of one split of MERTools' npz.

    Return (place, dict of column to text) pairs, the columns that are neither names nor labels,
    and the problems of rows. A CSV file without a column of `required` is refused.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file with labels.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a file with labels.")
    rows, extra, problems = _npz_rows(path, split) if _is_npz(path) else _csv_rows(path, required)
    return rows, extra, problems + name_problems(rows)


def _is_npz(path):
    return path.suffix.lower() == ".npz"


def _npz_rows(path, split):
    corpus = read_corpus(path, split)
    rows = [
        (f"clip {name!r}", {"name": name, "discrete": entry.get("emo")})
        for name, entry in corpus.items()
    ]
    if any("val" in entry for entry in corpus.values()):
        for (_, row), entry in zip(rows, corpus.values(), strict=True):
            row["valence"] = entry.get("val", NO_VALENCE)
    return rows, [], []


def _csv_rows(path, required):
    lines = csv_rows(path.name, decode(path.name, path.read_bytes()))
    _, header = next(lines, (0, []))
    header = [name.strip() for name in header]
    missing = [name for name in required if name not in header]
    if missing:
        raise ValueError(
            f"{path.name} has no column {' and no column '.join(map(repr, missing))}; expected a "
            f"first line with {', '.join(required)}, but it is {listed(header) or 'empty'}."
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


def name_problems(rows):
    """Return the problems of the names in (place, row) pairs."""
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
    """Raise ValueError with the problems of a file's rows, if there are any."""
    if problems:
        raise ValueError(
            f"{source} cannot be used as it is; correct or remove:{listed(problems, lines=True)}"
        )


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
    """Return emotions as an array of str; refuse any that is not one of the classes."""
    y = np.asarray(y)
    if y.ndim != 1 or not len(y):
        raise ValueError(f"{name} has the shape {y.shape}; pass one emotion for each of the clips.")
    unknown = [row for row, emotion in enumerate(y.tolist()) if emotion not in classes]
    if unknown:
        raise ValueError(
            f"{name} holds {listed(sorted(set(map(str, y[unknown]))))}, first in row {unknown[0]}; "
            f"expected {', '.join(classes)}."
        )
    return y.astype(str)


def _valence(value):
    """Return a clip's valence: NaN where there is none, infinity for what is no number."""
    try:
        number = math.nan if value == "" else float(value)
    except (TypeError, ValueError):
        return math.inf
    return math.nan if number == NO_VALENCE else number


def repeated(names):
    """Return the names that are there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
