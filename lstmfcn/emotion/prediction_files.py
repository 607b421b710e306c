"""Which clips do a file of predictions and a file of truth share, and what do both say of them?"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmfcn.emotion.clip_labels import NO_VALENCE, column_named, read_clips, refuse_rows
from lstmfcn.untrusted import listed, open_file, shown

TRUE_LABELS = ("truth", "discrete", "emotion", "label")  # what a column may be called
PREDICTED_LABELS = ("predicted", "prediction", "discrete", "emotion", "label")
PROBABILITY = "probability_"  # of a class, behind which its name follows


@dataclass(frozen=True, eq=False)
class ScoredClips:
    """Clips with their truth and their prediction, row by row.

    Attributes
    ----------
    source : str
        Name of the file of predictions.
    names : tuple of str
    y_true, y_pred : ndarray of shape (n_clips,)
        Labels (str), or numbers (float) of a dimension such as valence.
    classes : tuple of str
        All labels: those with a column of probabilities in the order of the columns. Empty for
        numbers.
    probabilities : float ndarray of shape (n_clips, n_classes), or None
    groups : str ndarray of shape (n_clips,), or None
    n_unscored, n_unrated : int
        Predictions of clips that the truth does not have; clips without a true number.

    See Also
    --------
    read_scored : Makes it.
    """

    source: str
    names: tuple
    y_true: np.ndarray
    y_pred: np.ndarray
    classes: tuple
    probabilities: np.ndarray | None
    groups: np.ndarray | None
    n_unscored: int
    n_unrated: int


@dataclass(frozen=True)
class _File:
    """The rows of a file: clip -> (place, dict of column to text), and its columns."""

    source: str
    rows: dict
    columns: tuple


def read_scored(predictions, truth=None, *, group=None, target=None, classes=None):
    """Read predictions and the truth about the same clips.

    Columns are found by their names. Clips are in `name` or `file`; a folder and the ending of a
    recording do not count. The truth is in `truth`, `discrete`, `emotion` or `label`, predictions
    are in `predicted`, `prediction`, `discrete`, `emotion` or `label`, and probabilities in
    `probability_CLASS`.

    Parameters
    ----------
    predictions : str or path
        A CSV file.
    truth : str or path, optional
        A CSV file; by default the column `truth` of the predictions.
    group : str, optional
        Column of the truth, or else of the predictions, such as "speaker".
    target : str, optional
        A dimension such as "valence": numbers are read instead of labels, from a column of this
        name, or from `truth`, and from `predicted`. An empty cell or -10 is no truth.
    classes : sequence of str, optional
        The labels that may occur, in order; by default all that do.

    Returns
    -------
    ScoredClips
        In the order of the truth.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file or column does not exist. If a clip is there twice, or has no prediction. If
        labels are unknown, empty or spelled in two ways.

    See Also
    --------
    score_classes, score_numbers : Score the clips.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import read_scored
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "predictions.csv")
    ...     _ = path.write_text("name,truth,predicted\\na1,sad,sad\\nb1,happy,sad\\n")
    ...     clips = read_scored(path)
    >>> clips.names, clips.y_true.tolist(), clips.y_pred.tolist(), clips.classes
    (('a1', 'b1'), ['sad', 'happy'], ['sad', 'sad'], ('happy', 'sad'))
    """
    ours = _read(predictions)
    if truth is None:
        return _scored(ours, ours, ("truth",), group, target, classes)
    true_names = TRUE_LABELS if target is None else (target, "truth")
    return _scored(ours, _read(truth), true_names, group, target, classes)


def _scored(ours, theirs, true_names, group, target, classes):
    """Return the ScoredClips of a file of predictions, and one with the truth in a column."""
    predicted_names = PREDICTED_LABELS
    if target is not None:
        predicted_names = (f"predicted_{target}", target, "predicted", "prediction")
    remedy = "pass truth=..., a file with the truth" if theirs is ours else None
    true_column = _column(theirs, true_names, "true labels", remedy)
    predicted_column = _column(ours, predicted_names, "predictions")
    rows = theirs.rows
    if target is not None:
        rows = {name: row for name, row in rows.items() if _has_number(row[1][true_column])}
        if not rows:
            raise ValueError(f"no clip of {theirs.source} has a {target} in {true_column!r}.")
    absent = [name for name in rows if name not in ours.rows]
    if absent:
        raise ValueError(
            f"{ours.source} has no prediction for {len(absent)} of {len(rows)} clips of "
            f"{theirs.source}: {listed(absent, 5)}; predict them, or leave them out of the truth."
        )
    read = _labels if target is None else _numbers
    y_true = read(theirs, rows, true_column)
    y_pred = read(ours, rows, predicted_column)
    groups = None if group is None else _groups(theirs, ours, rows, group)
    columns = {}
    if target is None:
        columns = {name: name.removeprefix(PROBABILITY) for name in ours.columns}
        columns = {name: label for name, label in columns.items() if name != label}
        classes = _classes(ours, theirs, y_true, y_pred, columns, classes)
    return ScoredClips(
        ours.source,
        tuple(rows),
        y_true,
        y_pred,
        () if target is not None else classes,
        _probabilities(ours, rows, columns, classes) if columns else None,
        groups,
        n_unscored=len(ours.rows) - sum(name in theirs.rows for name in ours.rows),
        n_unrated=len(theirs.rows) - len(rows),
    )


def read_pair(first, second, truth=None, *, group=None, target=None, classes=None):
    """Read two files of predictions of the same clips.

    Parameters
    ----------
    first, second : str or path
        CSV files, as for :func:`read_scored`.
    truth : str or path, optional
        A CSV file whose clips are compared; by default the column `truth` of the first file, and
        both files have the same clips.
    group, target, classes
        As for :func:`read_scored`.

    Returns
    -------
    ScoredClips, ScoredClips
        With the same names, truth and classes.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_scored`, or if the files differ in their clips or in their truth.

    See Also
    --------
    compare_classes, compare_numbers : Compare them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import read_pair
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [Path(folder, name) for name in ("a.csv", "b.csv")]
    ...     for path, label in zip(paths, ("sad", "happy")):
    ...         rows = f"name,truth,predicted\\na1,sad,{label}\\nb1,happy,happy\\n"
    ...         _ = path.write_text(rows)
    ...     one, two = read_pair(*paths)
    >>> one.y_pred.tolist(), two.y_pred.tolist()
    (['sad', 'happy'], ['happy', 'happy'])
    """
    options = {"group": group, "target": target, "classes": classes}
    one = read_scored(first, truth, **options)
    if truth is not None:
        two = read_scored(second, truth, **options)
    else:  # whose other columns are predictions
        two = _scored(_read(second), _read(first), ("truth",), **options)
        if two.n_unscored:
            raise ValueError(
                f"{two.source} has {two.n_unscored} clips that {one.source} does not have; pass "
                "truth=..., a file with the clips to compare."
            )
        own = _read(second)
        if "truth" in own.columns:
            said = read_scored(second, **{**options, "group": None})
            truths = dict(zip(said.names, said.y_true.tolist(), strict=True))
            other = [n for n, y in zip(one.names, one.y_true, strict=True) if truths.get(n) != y]
            if other:
                raise ValueError(
                    f"{one.source} and {two.source} differ in the truth about {listed(other, 5)}; "
                    "compare predictions of the same labels."
                )
    return one, two


def _read(path):
    path = Path(path).expanduser()
    open_file(path, remedy="pass a CSV file").close()  # no pipe or device, which would not end
    rows, _, problems = read_clips(path, ("name",))
    refuse_rows(path.name, problems)
    columns = tuple(rows[0][1])
    return _File(path.name, {row["name"]: (place, row) for place, row in rows}, columns)


def _column(file, names, what, remedy=None):
    """Return the first of some columns that a file has, in any case."""
    known = {name.lower(): name for name in file.columns}
    found = next((known[name.lower()] for name in names if name.lower() in known), None)
    if found is None:
        *most, last = map(repr, names)
        choices = f"{', '.join(most)} or {last}" if most else last
        raise ValueError(
            f"{file.source} has no column of {what} ({choices}); its columns are "
            f"{listed(file.columns, 10)}{f'; {remedy}' if remedy else ''}."
        )
    return found


def _labels(file, rows, column):
    found = [(name, *file.rows[name]) for name in rows]
    empty = [f"{place}: {column} is empty" for _, place, row in found if not row[column]]
    refuse_rows(file.source, empty)
    return np.array([row[column] for _, _, row in found])


def _numbers(file, rows, column):
    values, problems, cells = [], [], [file.rows[name] for name in rows]
    for place, row in cells:
        try:
            values.append(float(row[column]))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            problems.append(f"{place}: {column} {shown(repr(row[column]))} is no finite number")
    if len(problems) == len(cells) > 1:
        raise ValueError(
            f"the column {column!r} of {file.source} holds no numbers, but "
            f"{shown(repr(cells[0][1][column]))}; name a column of numbers."
        )
    refuse_rows(file.source, problems)
    return np.array(values)


def _has_number(text):
    """Whether a cell has a truth: it is neither empty nor MERTools' mark for none."""
    if text.lower() in ("", "nan"):
        return False
    try:
        return float(text) != NO_VALENCE
    except ValueError:
        return True  # refused, with its place


def _groups(theirs, ours, rows, group):
    for file in (theirs, ours):
        column = column_named(file.columns, group)
        if column is not None:
            break
    if column is None:
        also = "" if theirs is ours else f" and {ours.source} neither"
        raise ValueError(
            f"{theirs.source} has no column {group!r} to group by{also}; its columns are "
            f"{listed(theirs.columns, 10)}."
        )
    return _labels(file, rows, column)


def _classes(ours, theirs, y_true, y_pred, columns, classes):
    """Return all labels: of the columns of probabilities, then the others, sorted."""
    true, predicted = set(y_true.tolist()), set(y_pred.tolist())
    for label in sorted(predicted - true):
        alike = [other for other in sorted(true) if other.lower() == label.lower()]
        if alike:
            raise ValueError(
                f"{ours.source} spells {label!r} what {theirs.source} spells {alike[0]!r}; spell "
                "labels alike."
            )
    if not predicted & true:
        raise ValueError(
            f"no label of {ours.source} ({listed(sorted(predicted), 10)}) is a label of "
            f"{theirs.source} ({listed(sorted(true), 10)}); predict the same labels."
        )
    labels = tuple(dict.fromkeys([*columns.values(), *sorted(true | predicted)]))
    if classes is None:
        return labels
    unknown = sorted((true | predicted).difference(classes))
    if unknown:
        raise ValueError(
            f"{listed(unknown, 10)} in {' or '.join(dict.fromkeys([ours.source, theirs.source]))} "
            f"is none of the classes {', '.join(classes)}; name all labels in classes=..."
        )
    return tuple(dict.fromkeys([*classes, *labels]))


def _probabilities(file, rows, columns, classes):
    """Return the probability of each class, 0 for one without a column."""
    probabilities = np.zeros((len(rows), len(classes)))
    for column, label in columns.items():
        probabilities[:, classes.index(label)] = _numbers(file, rows, column)
    return probabilities
