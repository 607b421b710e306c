"""Which column of a table holds the labels, and which columns hold no values?"""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from lstmfcn.datasets.arrays import to_classes
from lstmfcn.datasets.parsing import short
from lstmfcn.warning import warn

LABEL_NAMES = ("label", "labels", "class", "target", "y")
PLACES = {"auto": 0, "first": 0, "last": -1, "none": None}
INDEX_NAMES = ("index", "id", "unnamed: 0")
TIME_NAMES = ("t", "time", "times", "timestamp", "timestamps", "date", "datetime")
TIME_UNITS = {"s", "sec", "seconds", "ms", "us", "ns", "unix", "utc", "local", "stamp", "of", "day"}
_MIN_NUMBERED = 4  # timepoints whose names count, such as t0, t1, t2, t3
_MIN_SERIES = 10  # of fewer series, each may be of another class


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold the labels and which hold values."""

    has_header: bool  # whether the first row names the columns
    label: int | None  # the column of the labels, counted from 0, or -1 for the last one
    left_out: frozenset = frozenset()  # columns, as ints, that are neither values nor the label
    group: int | None = None  # the column that tells people or devices apart
    index: int | None = None  # the column that names the series

    def where(self, source):
        """Return in words where the labels of a file are."""
        ends = {0: "the first column", -1: "the last column"}
        return f"{ends.get(self.label, f'column {(self.label or 0) + 1}')} of {source}"


def find_columns(
    source,
    rows,
    place,
    n_timepoints=None,
    classes=None,
    *,
    group_column=None,
    id_column=None,
    drop=(),
):
    """Return the `Columns` of a table, from line numbers and cells of its first rows.

    `place` is "auto" (no labels in `n_timepoints` columns, unless the first one holds known
    `classes`), "first", "last", "none" or a name; `group_column`, `id_column` and those to `drop`
    are names.
    """
    first = [cell.strip() for cell in rows[0][1]] if rows else []
    group = None if group_column is None else named(source, first, group_column, "group_column")
    index = None if id_column is None else named(source, first, id_column, "id_column")
    others = {named(source, first, name, "drop") for name in drop} | ({group, index} - {None})
    if others:  # the rest is as in a table without these
        return _beside(source, rows, place, others, group, index, n_timepoints, classes)
    names = [name.lower() for name in first]
    is_name = place not in PLACES
    label = None if is_name else PLACES[place]
    is_there = is_name and place.lower() in names and not is_number(place)
    rest = [cells for _, cells in rows[1:]]
    is_header = bool(rest) and (is_there or _is_header(names, label, rest))
    if not rest or not (is_header or _is_ruler(first, rest, label)):
        if is_name and rows:
            raise ValueError(
                f"{source} has no first line that names its columns, but "
                f"label_column={short(place)} is a name; pass 'first' or 'last'."
            )
        known = 0.0 if classes is None or isinstance(classes, str) else _known(rows, classes)
        if place == "auto" and len(first) == n_timepoints and known < 1:
            has_times = bool(rest) and _is_ruler(first, rest, None)
            if has_times:
                _warn_of_times(source, first)
            return Columns(has_times, None)
        if place == "auto" and rows:
            _check_last(source, *rows[0])
        return Columns(False, label)

    if label is None and place == "none" and not is_header:
        _warn_of_times(source, first)
    labels = [i for i, name in enumerate(names) if name in LABEL_NAMES]
    index = {i for i, name in enumerate(names) if name in INDEX_NAMES or (i == 0 and not name)}
    if is_name:
        label = named(source, first, place, "label_column")
    elif place == "auto" and len(labels) > 1:
        found = " and ".join(short(first[i]) for i in labels)
        raise ValueError(f"{source} may have labels in {found}; choose one with label_column=NAME.")
    elif place == "auto" and labels:
        label = labels[0]
    elif place == "auto":
        label = _odd_one(source, first, index)
        _check_last(source, *rows[1])
    at = set() if label is None else {label % len(names)}
    left_out = index.union(labels) - at
    _check_run(source, first, left_out | at)
    check_no_time(source, first, [i for i in range(len(first)) if i not in left_out | at])
    return Columns(True, label, frozenset(left_out), index=min(index - at, default=None))


def _beside(source, rows, place, others, group, index, n_timepoints, classes):
    """Return the `Columns` of a table some of whose columns, with names, are spoken for."""
    kept = [i for i in range(len(rows[0][1])) if i not in others]
    bare = [(line, [cells[i] for i in kept if i < len(cells)]) for line, cells in rows]
    ends = {"first": 0, "last": len(rows[0][1]) - 1}
    if ends.get(place) in others:
        raise ValueError(
            f"{source} cannot have its labels in a column that is dropped, a group or a name."
        )
    found = find_columns(source, bare, place, n_timepoints, classes)
    if not found.has_header:  # its names are those of the other columns
        found = Columns(True, found.label)
    label = None if found.label is None else kept[found.label]
    left_out = {kept[i] for i in found.left_out} | (others - {group})
    if index is None and found.index is not None:
        index = kept[found.index]
    return Columns(True, label, frozenset(left_out), group, index)


def _odd_one(source, first, index):
    """Return the first column if its name is of another kind than the rest's, None if all agree."""
    if not first[0]:
        raise ValueError(
            f"{source}: the first column has no name; pass label_column='first' if it holds the "
            "labels, or labels='none' if it is an index of series without labels."
        )
    kinds = {i: _kind(name) for i, name in enumerate(first) if i not in index}
    if len(set(kinds.values())) == 1 and len(kinds) > 1:
        return None  # a run such as t0, t1, ...: no labels
    place, *others = kinds or {0: ""}
    if not kinds or kinds[place] in {kinds[i] for i in others}:
        raise ValueError(
            f"{source} names no column 'label', 'class', 'target' or 'y'; say which one holds the "
            "labels with label_column=NAME, 'first' or 'last', or pass labels='none'."
        )
    return place


def _check_run(source, first, others):
    """Refuse a named column among timepoints whose names count, such as t0, t1, ..."""
    kinds = {i: _kind(name) for i, name in enumerate(first) if i not in others}
    counts = Counter(kinds.values())
    kind, n_counted = counts.most_common(1)[0] if counts else ("", 0)
    odd = [first[i] for i in kinds if kinds[i] != kind]
    if "0" in kind and n_counted >= _MIN_NUMBERED and len(odd) < n_counted / 2 and odd:
        raise ValueError(
            f"{source} has the column {short(odd[0])} among timepoints; pass drop={odd[0]} if it "
            f"is none, id_column={odd[0]} if it names the series, or label_column={odd[0]} if it "
            "holds the labels."
        )


def _kind(name):
    """Return a column's name with 0 in the place of its number: "0" for a time."""
    name = name.strip().lower()
    return "0" if is_number(name) else re.sub(r"[0-9]+", "0", name)


def _known(rows, classes):
    """Return which fraction of the first column's cells are classes."""
    return to_classes([cells[0].strip() for _, cells in rows], classes)[1]


def _warn_of_times(source, first):
    warn(
        f"{source}: the first line, from {short(first[0])} to {short(first[-1])}, grows in equal "
        "steps, so that it is read as the times of the columns; if it is a series, put a line of "
        "names above it."
    )


def _is_header(names, label, rest):
    """Tell whether the cells of a first row, in lower case, name or number the columns."""

    def is_known(i, name):
        below = (row[i].strip().lower() for row in rest if i < len(row))
        return name in (*LABEL_NAMES, *INDEX_NAMES) and name not in below  # no class of that name

    known = [is_known(i, name) for i, name in enumerate(names)]
    at = None if label is None else label % len(names)
    others = [name for i, name in enumerate(names) if name and not known[i] and i != at]
    numbers = [float(name) for name in others if is_number(name)]
    if not numbers:
        return bool(others)
    if any(known):  # beside a name, others number the columns or write the time above each
        return len(numbers) > 2
    # pandas numbers the columns of an array 0, 1, 2, ..., and names no index.
    counted = names if names[0] else names[1:]
    counts = any(counted == [str(start + i) for i in range(len(counted))] for start in (0, 1))
    return counts and len(counted) > (8 if label is not None and names[0] else 2)


def _is_ruler(first, rest, label):
    """Tell whether a first row writes times in equal steps above the values, as no label does."""
    at = None if label is None else label % len(first)
    if not _is_even(first, at) or (label is None and _is_even(rest[0], at)):
        return False
    if label is None:
        return True
    below = [row[at].strip() for row in rest if at < len(row)]
    return not is_number(first[at]) and first[at] not in below


def _is_even(cells, at):
    """Whether the cells but one are numbers that grow in equal steps."""
    cells = [cell for i, cell in enumerate(cells) if i != at]
    if len(cells) < _MIN_NUMBERED or not all(map(is_number, cells)):
        return False
    steps = np.diff([float(cell) for cell in cells])
    return steps[0] > 0 and np.allclose(steps, steps[0], rtol=0.01)


def without_blank_end(rows):
    """Yield rows without the columns at their end that the first row leaves blank.

    Cells there that hold something stay, and are refused as too many.
    """
    width = None
    for number, cells in rows:
        if width is None:
            width = len(cells)
            while width > 1 and not cells[width - 1].strip():
                width -= 1
        while len(cells) > width and not cells[-1].strip():
            cells = cells[:-1]
        yield number, cells


def check_no_time(source, names, columns):
    """Refuse a table of series one of whose values is named as a time: its rows are timepoints."""
    for name in (names[i] for i in columns):
        if is_time(name):
            raise ValueError(
                f"{source} has the column {short(name)}, as a recording with a row for each "
                f"timepoint has; cut that into windows with window=..., or pass drop={name}."
            )


def is_time(name):
    """Whether a column is called a time, with or without its unit.

    >>> [name for name in ("Time (s)", "t", "timestamp_ms", "t0", "x", "date") if is_time(name)]
    ['Time (s)', 't', 'timestamp_ms', 'date']
    """
    words = re.findall("[a-z]+|[0-9]+", name.lower())
    return bool(words) and words[0] in TIME_NAMES and set(words[1:]) <= TIME_UNITS


def _check_last(source, line, cells):
    last = cells[-1].strip()
    if len(cells) > 1 and last and not is_number(last):
        raise ValueError(
            f"{source} line {line} ends in {short(last)}, but expected a number; if the labels are "
            "there, pass label_column='last'."
        )


def named(source, first, place, argument):
    """Return the only column of this name, in this spelling or else in any."""
    for names, name in ((first, place), ([one.lower() for one in first], place.lower())):
        found = [i for i, other in enumerate(names) if other == name]
        if len(found) == 1:
            return found[0]
    what = f"{len(found)} columns" if found else "no column"
    some = ", ".join(short(name) for name in (*first[:3], first[-1]))
    raise ValueError(
        f"{source} has {what} of the name {argument}={short(place)}; its columns are {some} "
        f"({len(first)} in all)."
    )


def is_number(cell):
    """Whether the text of a cell is a number, NaN and infinity included."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def check_index(parsed, columns):
    """Refuse a table whose first values count its series."""
    firsts = [series[0, 0] for series in parsed.series]
    if len(firsts) >= _MIN_SERIES and firsts[0] in (0, 1) and (np.diff(firsts) == 1).all():
        used = {*columns.left_out, columns.label}
        column = next(i for i in range(len(used) + 1) if i not in used)
        raise ValueError(
            f"{parsed.source} column {column + 1} counts the series, so it is an index; remove it, "
            "or call it 'index' in a first line that names the columns."
        )


def check_labels(labels, where, is_chosen, classes=None):
    """Refuse label strings that look like values or an index, but not those of known `classes`.

    `where` is "the first column of x.csv". If the user chose the place, one reason is not enough.
    With `classes="numbers"`, refuse what is no finite number.
    """
    if isinstance(classes, str):
        odd = [x for x in labels if not is_number(x) or not np.isfinite(float(x))]
        if odd:
            raise ValueError(
                f"{where} holds {short(odd[0])}, which is no number to predict; pass "
                "label_column=NAME of a column of numbers, or leave series without one out."
            )
        return
    n_classes = len(set(labels))
    reasons = [f"holds {short(label)}" for label in labels if _is_fraction(label)][:1]
    if len(labels) >= _MIN_SERIES and n_classes > len(labels) / 2:
        reasons.append(f"has {n_classes} different ones for {len(labels)} series")
    is_refused, known = len(reasons) > is_chosen, 0.0
    if classes is not None:
        _, known = to_classes(labels, classes)  # a fraction
        is_refused = known == 0 or (is_refused and known < 1)
        if known == 0:
            reasons = [f"holds {short(labels[0])}, which is no class of the model"]
    counted = [[str(i + start) for i in range(len(labels))] for start in (0, 1)]
    if len(labels) > 2 and list(labels) in counted and not is_chosen and known < 1:
        is_refused, reasons = True, ["counts the series"]
    if is_refused:
        raise ValueError(
            f"{where} does not look like labels: it {' and '.join(reasons)}; pass "
            "label_column=NAME, 'first' or 'last', or labels='none'."
        )


def _is_fraction(label):
    return is_number(label) and np.isfinite(float(label)) and float(label) % 1 != 0
