"""Which clips are there, and what emotion does each show? CSV files, and MERTools' label npz."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lstmfcn.datasets.files import read_rows
from lstmfcn.emotion.label_npz import read_corpus
from lstmfcn.features.store import name_problem
from lstmfcn.untrusted import listed, shown
from lstmfcn.warning import warn

EMOTIONS = ("neutral", "angry", "happy", "sad", "worried", "surprise")
"""The six classes in the order of MER2024's indices 0 to 5."""

NO_VALENCE = -10.0  # what MERTools stores for a clip without valence
COLUMNS = {  # what a column may be called: the first one that is there
    "name": ("name", "file", "filename"),
    "discrete": ("discrete", "emotion", "label"),
}
OPTIONAL = ("file", "start", "end", "split", "speaker", "valence", "video")  # in any case
SUFFIX = re.compile(r"\.(wav|flac|ogg|opus|mp3|m4a|aac|aiff?|avi|mp4|mkv|mov|npy)", re.IGNORECASE)
TIME = re.compile(r"(?:(\d+) days? ?)?(?:(\d+):(\d+):)?(\d+(?:\.\d+)?)?")
NO_TIME = ("", "nat", "nan", "none")


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
        Further columns, such as the speaker; `file`, the recording as the table names it; `start`
        and `end` in seconds, "" for the end of the recording.
    left_out : dict of str to int
        Clips of the file that are not in the table, by their emotion.

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
    left_out: dict = field(default_factory=dict)

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
        name = column_named(self.columns, column)
        if name is None:
            known = ", ".join(self.columns) or "no further columns"
            raise ValueError(
                f"{self.source} has no column {column!r} to group by; besides name and labels it "
                f"has {known}."
            )
        return self.columns[name]


def column_named(columns, name):
    """Return what a column is called here: as it is, or in small letters if it has a meaning."""
    return next((one for one in (name, str(name).lower()) if one in columns), None)


def load_labels(
    path, *, classes=EMOTIONS, split="train", label_column=None, merge=None, others="error"
):
    """Read clips and their emotions.

    Parameters
    ----------
    path : str or path
        A CSV file with a header. The clips are in a column `name`, `file` or `filename`, their
        emotions in `discrete`, `emotion` or `label`. A recording loses its folder and its ending:
        "wavs/a1.wav" is the clip "a1". Optional columns are `start` and `end`, in seconds or as
        "0 days 00:00:01.5" in tables of audformat, and `valence` (empty or -10: none). Further
        columns are kept as text. The file may also be the `label-6way.npz` of MERTools.
    classes : sequence of str or None, default=EMOTIONS
        The possible emotions in order; None takes all that occur, sorted.
    split : str, default="train"
        Of an npz: reads its entry `{split}_corpus`. Its clips of "test1" are all neutral in the
        public release of MER2024; read these with `load_unlabelled`.
    label_column : str, default=None
        The column of the emotions, where it has another name.
    merge : dict of str to str, default=None
        Emotions to rename: ``{"excited": "happy"}``.
    others : {"error", "drop"}, default="error"
        Whether clips of other emotions than `classes` are refused or left out.

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
    load_corpus : All splits of one table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_labels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.csv")
    ...     rows = "wavs/a1.wav,worried,03\\nwavs/b1.wav,neutral,08\\n"
    ...     _ = path.write_text(f"file,emotion,speaker\\n{rows}")
    ...     labels = load_labels(path)
    >>> labels.names, labels.y.tolist(), labels.codes.tolist(), labels.groups("speaker").tolist()
    (('a1', 'b1'), ['worried', 'neutral'], [4, 0], ['03', '08'])
    """
    path = Path(path).expanduser()
    classes = classes if classes is None else checked_classes(classes)
    rows, extra, problems = read_clips(path, ("name", "discrete"), split, label_column)
    table = labelled_table(path, rows, extra, problems, classes, merge or {}, others)
    if _is_npz(path) and split != "train" and set(table.y.tolist()) == {"neutral"}:
        warn(
            f"every emotion of {path.name}: {split}_corpus is 'neutral', which MERTools puts in "
            "the place of an unknown one; use load_unlabelled for such clips.",
        )
    return table


def labelled_table(path, rows, extra, problems, classes, merge, others):
    """Return the ClipTable of the rows of :func:`read_clips`, which all have an emotion."""
    left_out, kept, valences = Counter(), [], []
    for place, row in rows:
        emotion = row["discrete"]
        if not isinstance(emotion, str):
            problems.append(f"{place}: the emotion {emotion!r} is not text")
        elif not emotion:
            problems.append(f"{place}: the emotion is empty")
        else:
            row["discrete"] = emotion = merge.get(emotion, emotion)
            if classes is not None and emotion not in classes:
                if others == "drop":
                    left_out[emotion] += 1
                    continue
                problems.append(
                    f"{place}: the emotion {shown(repr(emotion))} is unknown; expected one of "
                    f"{', '.join(classes)}"
                )
        kept.append((place, row))
        if "valence" in row:
            valences.append(number_of(row["valence"]))
            if math.isinf(valences[-1]):
                value = shown(repr(row["valence"]))
                problems.append(f"{place}: the valence {value} is no finite number")
    refuse_rows(path.name, problems)
    if not kept:
        raise ValueError(
            f"{path.name} has no clip of {', '.join(classes)}; its labels are "
            f"{counted(left_out)}. Correct classes=..."
        )
    y = np.array([row["discrete"] for _, row in kept])
    classes = classes or tuple(np.unique(y).tolist())
    valence = np.array(valences) if valences else None
    labels = {"y": y, "classes": classes, "valence": valence, "left_out": dict(left_out)}
    return clip_table(path, kept, extra, **labels)


def load_unlabelled(path, *, classes=EMOTIONS, split="test1"):
    """Read clips without their emotions.

    Parameters
    ----------
    path : str or path
        A CSV file with the clips as for `load_labels`, or the `label-6way.npz` of MERTools, whose
        emotions of unlabelled clips are placeholders.
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
    return clip_table(path, rows, extra, y=None, classes=classes)


def clip_table(path, rows, extra, **labels):
    """Return the ClipTable of the rows of :func:`read_clips`."""
    names = tuple(row["name"] for _, row in rows)
    columns = {name: np.array([row[name] for _, row in rows]) for name in extra}
    return ClipTable(path.name, names, columns=columns, **labels)


def read_clips(path, required, split=None, label_column=None):
    """Read the clips of a CSV file with a header, or of one split of MERTools' npz.

    Return (place, dict of column to text) pairs, the columns that are neither names nor labels,
    and the problems of rows. A CSV file without a column of `required` is refused. Of
    :data:`COLUMNS` the rows have the keys, whatever the file calls them.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file with labels.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a file with labels.")
    if _is_npz(path):
        if split is None:
            raise ValueError(
                f"{path.name} has the splits of MER2024; name its folder as that of the features, "
                "without a table of labels, or pass a CSV file."
            )
        rows, extra, problems = _npz_rows(path, split)
    else:
        rows, extra, problems = _csv_rows(path, required, label_column)
        problems += _name_clips(rows, extra)
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


def _csv_rows(path, required, label_column):
    _, lines = read_rows(path)
    _, header = next(lines, (0, []))
    header = [name.strip() for name in header]
    twice = repeated(name for name in header if name)
    if twice:
        raise ValueError(f"{path.name} has the column {twice[0]!r} twice; rename one of them.")
    header = _canonical(path, header, required, label_column)
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


def _canonical(path, header, required, label_column):
    """Return the columns of a file, those with a meaning under the names of COLUMNS, OPTIONAL."""
    lower, places, absent = [name.lower() for name in header], {}, []
    for column in required:
        choices = COLUMNS.get(column, (column,))
        if column == "discrete" and label_column is not None:
            choices = (label_column.lower(),)
        there = [name for name in choices if name in lower]
        if column == "discrete" and len(there) > 1 and there[0] != column:
            raise ValueError(
                f"{path.name} has the columns {' and '.join(there)}; say which one has the "
                f"emotions by label_column={there[0]!r}."
            )
        if there:
            places[lower.index(there[0])] = column
        else:
            *most, last = map(repr, choices)
            absent.append(f"{', '.join(most)} or {last}" if most else last)
    if absent:
        remedy = ""
        if "discrete" in required and label_column is None:
            remedy = "; pass label_column=... where it has another name"
        elif header and "name" not in places.values():
            remedy = "; call the column of the recordings 'file'"
        raise ValueError(
            f"{path.name} has no column {' and no column '.join(absent)} in its first line, which "
            f"is {listed(header) or 'empty'}{remedy}."
        )
    for place, name in enumerate(lower):
        if name in OPTIONAL and lower.count(name) == 1:
            places.setdefault(place, name)
    return [places.get(place, name) for place, name in enumerate(header)]


def _name_clips(rows, extra):
    """Name clips by their recordings, without folders and endings; return the problems of rows.

    Recordings of the same name in different folders keep their folders, joined by underscores. A
    part of a recording has its start and end, in milliseconds, in its name.
    """
    problems, times = [], {"start": [], "end": []}
    for place, row in rows:
        for column in times.keys() & set(extra):
            seconds = _seconds(row[column])
            if seconds is None:
                problems.append(f"{place}: the {column} {shown(repr(row[column]))} is no time")
            row[column] = "" if seconds is None or math.isinf(seconds) else _plain(seconds)
    paths = [row["name"].replace("\\", "/") for _, row in rows]
    stems = [_stem(path) for path in paths]
    has_twice = len(set(stems)) < len({path.removeprefix("./") for path in paths})
    for (_, row), path, stem in zip(rows, paths, stems, strict=True):
        if "/" not in path and not SUFFIX.search(path) and "start" not in row:
            continue  # a name
        row.setdefault("file", row["name"])
        if ".." in path.split("/"):
            continue  # refused as a name
        if has_twice:
            stem = "_".join(part for part in [*path.split("/")[:-1], stem] if part not in ("", "."))
        start, end = row.get("start", ""), row.get("end", "")
        if float(start or 0) > 0 or end:
            stem += f"_{1000 * float(start or 0):.0f}-{f'{1000 * float(end):.0f}' if end else ''}"
        row["name"] = stem
    if any("file" in row for _, row in rows):
        extra += ["file"] if "file" not in extra else []
        for _, row in rows:
            row.setdefault("file", row["name"])
    return problems


def _plain(seconds):
    """Return 10000.04 as "10000.04", and 2.0 as "2"."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _stem(path):
    """Return "a1" of "wavs/a1.wav"; other dots belong to the name."""
    name = path.rpartition("/")[2]
    match = SUFFIX.search(name)
    return name[: match.start()] if match and match.end() == len(name) else name


def _seconds(text):
    """Return the seconds in "1.5" or "0 days 00:00:01.5", infinity for no time, None if neither."""
    if text.lower() in NO_TIME:
        return math.inf
    match = TIME.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((24 * days + hours) * 60 + minutes) * 60 + seconds


def counted(counts):
    """Return "angry (2 clips), sad (1 clip)" of a dict of label to number of clips."""
    words = [f"{name} ({n} clip{'s' if n > 1 else ''})" for name, n in sorted(counts.items())]
    return listed(words) or "none"


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


def number_of(value):
    """Return a clip's valence: NaN where there is none, infinity for what is no number."""
    try:
        number = math.nan if value == "" else float(value)
    except (TypeError, ValueError):
        return math.inf
    return math.nan if number == NO_VALENCE else number


def repeated(names):
    """Return the names that are there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
