"""Which series and labels does one file of the user's own hold?"""

import io
import os
import re
import stat
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstmfcn.datasets.arrays import check_missing, to_arrays, to_classes, to_labels
from lstmfcn.datasets.columns import (
    LABEL_NAMES,
    PLACES,
    Columns,
    check_index,
    check_labels,
    find_columns,
    without_blank_end,
)
from lstmfcn.datasets.parsing import (
    ParsedFile,
    csv_rows,
    cut,
    decode,
    parse_table,
    parse_ts,
    short,
    with_points,
)
from lstmfcn.untrusted import open_file, path_error, shown

N_HEAD = 50  # lines that tell what the columns are
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def read_series(
    path,
    *,
    labels="auto",
    label_column=None,
    group_column=None,
    id_column=None,
    drop=(),
    missing="error",
    n_timepoints=None,
    classes=None,
):
    """Read series, and labels where there are any, from a file.

    Parameters
    ----------
    path : str or path
        One of

        - `.tsv`: one series per line, tab separated, as in the UCR archive;
        - `.csv`: the same with commas, or with semicolons or tabs if its first line has more of
          them. In both, a first line may name the columns, also by numbers that grow. No values
          are columns of the name "label", "labels", "class", "target" or "y", and an index:
          "index", "id", "Unnamed: 0", or a first column without a name;
        - `.ts`: the format of sktime, aeon and timeseriesclassification.com, without timestamps;
        - `.npy`: a numeric array of shape (n_samples, n_timepoints) or
          (n_samples, n_channels, n_timepoints).

        In a table whose columns are not separated by commas, these may be decimal commas.
        Series of unequal length end in NaN (tables: or in empty cells) up to the longest one.
    labels : {"auto", "first", "last", "none"} or path, default="auto"
        Where the labels are: nowhere, or in a file of their own (`.txt` or `.csv` with one label
        per line, or `.npy`): then the labels of `path` are dropped. "auto" is the column of a
        table that is called as above, else the first one; the labels that a `.ts` file declares;
        and none for `.npy`. "first" and "last" are as in `label_column`.
    label_column : str, default=None
        The column of a table that holds the labels: its name, "first" or "last".
    group_column : str, default=None
        The name of a column of a table that tells series of different people or devices apart;
        then groups are returned, too.
    id_column : str, default=None
        The name of a column of a table that names each series; then these names are returned, too.
    drop : sequence of str, default=()
        Names of columns of a table that are no values.
    missing : {"error", "interpolate"}, default="error"
        What to do with values missing inside a series, as in `load_ucr`.
    n_timepoints : int, default=None
        With labels="auto", the length a fitted classifier expects: a `.tsv` or `.csv` with
        exactly so many columns then has no label column, unless the first one holds `classes`.
    classes : array of shape (n_classes,) or "numbers", default=None
        The `classes_` of a fitted classifier. Labels come as these: "1.0" as the class 1.
        "numbers": labels are numbers to predict, such as the targets of a `.ts` file.

    Returns
    -------
    X : array or list of array
        float64 of shape (n_samples, n_timepoints), or (n_samples, n_channels, n_timepoints) if
        there are several channels; series of unequal length are a list of arrays of shape
        (n_channels, n_timepoints_i).
    y : array of shape (n_samples,) or None
        Labels: int64 where all are whole numbers ("1", "1.0"), else str, as in the file (also
        where one begins with a zero: "01"); float64 for "numbers"; None where there are none.
    groups : array of shape (n_samples,)
        Only with `group_column`: its texts.
    ids : array of shape (n_samples,)
        Only with `id_column`: its texts.

    Raises
    ------
    FileNotFoundError
        If `path` or a label file does not exist.
    ValueError
        If a file is not what its ending says, the numbers of labels and series differ, or values
        are infinite or missing within a series. If labels look like values or an index:
        fractions, more than half as many classes as series (of ten or more), or none among
        `classes`. With `label_column`, both of the first two.

    See Also
    --------
    load_ucr : A dataset of the UCR or UEA archive.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.datasets import read_series
    >>> path = Path(tempfile.mkdtemp()) / "steps.csv"
    >>> _ = path.write_text("gait,t0,t1,t2\\nwalk,0.1,0.4,0.2\\nrun,0.9,1.7,0.8\\n")
    >>> X, y = read_series(path)
    >>> X.shape, y.tolist()
    ((2, 3), ['walk', 'run'])
    """
    found = read_named_series(
        path,
        labels=labels,
        label_column=label_column,
        group_column=group_column,
        id_column=id_column,
        drop=drop,
        missing=missing,
        n_timepoints=n_timepoints,
        classes=classes,
    )
    more = [found.groups] * (group_column is not None) + [found.ids] * (id_column is not None)
    return found.X, found.y, *more


class NamedSeries(NamedTuple):
    """Series of a file, and what else its table says about each of them."""

    X: object
    y: object
    groups: object  # (n_samples,) or None
    ids: object = None  # (n_samples,) or None: texts of an index column
    timepoints: tuple = ()  # names of the columns of values


def read_named_series(
    path,
    *,
    labels,
    label_column,
    group_column,
    id_column,
    drop,
    missing,
    n_timepoints,
    classes,
    timepoints=(),
):
    """Read series as `read_series` does; return `NamedSeries`.

    Columns with the names `timepoints`, which a model was trained on, are taken in their order.
    """
    check_missing(missing)
    path = _existing(path, "series")
    labels, label_path = _place(labels, label_column)
    ending = path.suffix.lower()
    if ending not in (".tsv", ".csv") and (group_column or id_column or drop):
        raise ValueError(
            f"group_column, id_column and drop are for tables, but {path.name} is none."
        )
    named = {"group_column": group_column, "id_column": id_column, "drop": drop}
    if ending == ".ts":
        parsed = _read_ts(path, labels, classes)
    elif ending == ".npy":
        parsed = _read_npy(path, labels, classes)
    elif ending in (".tsv", ".csv"):
        parsed = _read_table(path, labels, n_timepoints, classes, named, timepoints)
    else:
        raise ValueError(
            f"{path.name} has the ending {ending!r}, which is not known; expected one of .tsv, "
            ".csv, .ts, .npy."
        )
    if label_path is not None:
        parsed.labels = _read_labels(label_path, path.name, len(parsed.series))
        check_labels(parsed.labels, label_path.name, True, classes)
    (X,) = to_arrays(path.name, [parsed], missing)
    y = None
    if parsed.labels is not None and isinstance(classes, str):
        y = np.array(parsed.labels, dtype=np.float64)
    elif parsed.labels is not None:
        known = classes is not None
        y = to_classes(parsed.labels, classes)[0] if known else to_labels(parsed.labels)[0]
    groups = None if group_column is None else np.array(parsed.groups)
    return NamedSeries(
        X, y, groups, np.array(parsed.ids) if parsed.ids else None, parsed.timepoints
    )


def _existing(path, content):
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"expected the path of a file with {content}, but it is {type(path).__name__}."
        )
    path = Path(os.path.expanduser(path))
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:
        raise path_error(error, shown(path), f"expected a file with {content}") from error
    if is_folder:
        raise ValueError(f"{path} is a folder; expected a file with {content}.")
    return path


def _content(path):
    """Return the bytes of a file."""
    with open_file(path, path.name, "expected a whole file of series or labels") as file:
        try:
            return file.read()
        except MemoryError:
            raise MemoryError(f"{path.name} exceeds the memory; pass fewer series.") from None


def _place(labels, label_column):
    """Return where the labels are in the file of the series, and the path of their own file."""
    if label_column is not None:
        if not isinstance(label_column, str):
            raise TypeError(
                "label_column must be the name of a column, 'first' or 'last', but it is "
                f"{type(label_column).__name__}."
            )
        if labels != "auto":
            raise ValueError(
                f"labels={str(labels)!r} and label_column={label_column!r} both say where the "
                "labels are; pass one of them."
            )
        return label_column, None
    if not isinstance(labels, str | os.PathLike):
        raise TypeError(
            "labels must be 'auto', 'first', 'last', 'none' or the path of a label file, but it "
            f"is {type(labels).__name__}."
        )
    if labels in PLACES:
        return labels, None
    try:
        return "none", _existing(labels, "labels")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"labels={short(str(labels), 200)} is neither 'auto', 'first', 'last' or 'none' nor a "
            "file that exists."
        ) from None


def _read_ts(path, labels, classes):
    if labels not in ("auto", "none"):
        raise ValueError(
            f"label_column={short(labels)} is for tables, but {path.name} is a .ts file, which has "
            "its own place for labels; pass labels='auto', 'none' or a label file."
        )
    text = decode(path.name, _content(path))
    numbers = isinstance(classes, str)
    parsed = parse_ts(path.name, text, with_labels=labels == "auto", with_targets=numbers)
    if numbers and parsed.labels is not None:
        check_labels(parsed.labels, path.name, True, classes)
    return parsed


def read_rows(path):
    """Return a table's name and an iterator over its (line number, cells), blank lines left out."""
    path = _existing(path, "a table")
    return path.name, _rows(path)[0]


def _rows(path):
    """Return the rows of a table and what separates their cells, in words."""
    text = decode(path.name, _content(path))
    said = re.match("sep=([,;\t])\n", text)  # as Excel understands it
    if said:
        text = text[said.end() - 1 :]
    first = text.lstrip("\n").partition("\n")[0]
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(first)
    separator = said[1] if said else separator
    rows = csv_rows(path.name, text, separator)
    if separator != ",":
        rows = with_points(path.name, rows, text)
    return rows, SEPARATORS[separator]


def _separator(line):
    """Return what separates the cells of a line; commas within numbers do not."""
    others = [mark for mark in SEPARATORS if mark != "," and mark in line]
    n_decimal = len(re.findall("(?<=[0-9]),(?=[0-9])", line))
    if others and n_decimal == line.count(","):
        return max(others, key=line.count)
    return max(SEPARATORS, key=line.count)


def _read_table(path, labels, n_timepoints, classes, named, timepoints):
    rows, separator = _rows(path)
    head = list(islice(rows, N_HEAD))
    how = labels, n_timepoints, classes
    columns = find_columns(path.name, list(without_blank_end(head)), *how, **named)
    rows = chain(head, rows)
    if columns.has_header:
        rows = without_blank_end(rows)
    else:
        columns = find_columns(path.name, head, *how, **named)
    parsed = parse_table(path.name, rows, columns, separator, timepoints)
    check_index(parsed, columns)
    if parsed.labels is not None:
        # By its name a file of the archive has its labels first, also one class per series (Fungi).
        is_chosen = labels != "auto" or path.name.upper().endswith(("_TRAIN.TSV", "_TEST.TSV"))
        check_labels(parsed.labels, columns.where(path.name), is_chosen, classes)
    return parsed


def _load_npy(path):
    data = _content(path)
    expected = "expected one numeric array that numpy.save wrote"
    if not data.startswith(b"\x93NUMPY"):
        is_zip = data.startswith(b"PK")
        what = "a zip of arrays, as numpy.savez writes" if is_zip else "no .npy file"
        raise ValueError(f"{path.name} is {what}; {expected}.")
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # numpy evaluates the header as Python text: anything may happen
        what = "holds Python objects" if "Object arrays" in str(error) else "is damaged or cut off"
        raise ValueError(f"{path.name} {what}; {expected}.") from error


def _read_npy(path, labels, classes):
    array = _load_npy(path)
    shapes = "(n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)"
    if array.dtype.kind not in "iuf":
        raise ValueError(
            f"{path.name} holds an array of dtype {cut(str(array.dtype))}; expected numbers, of "
            f"shape {shapes}."
        )
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f"{path.name} holds an array of shape {array.shape}; expected {shapes}.")
    values, strings = array, None
    if labels not in ("auto", "none"):
        if labels not in PLACES:
            raise ValueError(
                f"label_column={short(labels)} is a name, but {path.name} has no names of columns; "
                "pass 'first', 'last' or a label file."
            )
        if array.ndim == 3 or array.shape[1] < 2:
            raise ValueError(
                f"label_column={labels!r} needs a table, but {path.name} holds an array of shape "
                f"{array.shape}; pass labels='none' or a label file."
            )
        column = PLACES[labels]
        values = np.delete(array, column, axis=1)
        strings = _strings(path.name, array[:, column])
        check_labels(strings, Columns(False, column).where(path.name), True, classes)
    values = values.astype(np.float64)
    if np.isinf(values).any():
        row = int(np.argwhere(np.isinf(values))[0, 0])
        raise ValueError(
            f"{path.name} holds an infinite value in series {row}; expected finite numbers, or "
            "NaN where a value is missing."
        )
    if values.ndim == 2:
        values = values[:, np.newaxis, :]  # (n_samples, 1, n_timepoints)
    return ParsedFile(path.name, list(values), strings, [f"series {i}" for i in range(len(values))])


def _read_labels(path, series_name, n_series):
    """Return the labels of a label file as a list of strings."""
    ending = path.suffix.lower()
    if ending == ".npy":
        array = _load_npy(path)
        if array.ndim != 1 or array.dtype.kind not in "iufbU":
            raise ValueError(
                f"{path.name} holds an array of shape {array.shape} and dtype "
                f"{cut(str(array.dtype))}; expected labels of shape (n_samples,), numbers or text."
            )
        labels = _strings(path.name, array)
    elif ending in (".txt", ".csv"):
        labels = _text_labels(path, ending)
    else:
        raise ValueError(
            f"{path.name} has the ending {ending!r}, which is not known for labels; expected one "
            "of .txt, .csv, .npy."
        )
    if len(labels) != n_series:
        raise ValueError(
            f"{path.name} has {len(labels)} labels, but {series_name} has {n_series} series; "
            "expected one label per series, in the same order."
        )
    return labels


def _text_labels(path, ending):
    text = decode(path.name, _content(path))
    if ending == ".csv":
        rows = list(csv_rows(path.name, text))
        for number, cells in rows:
            if len(cells) != 1:
                raise ValueError(
                    f"{path.name} line {number} has {len(cells)} columns; expected one label per "
                    "line."
                )
        labels = [(number, cells[0].strip()) for number, cells in rows]
        first, *others = (label.lower() for _, label in labels) if labels else ("",)
        if first in LABEL_NAMES and first not in others:
            del labels[0]
    else:
        lines = text.rstrip("\n").split("\n")
        labels = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    for number, label in labels:
        if not label:
            raise ValueError(f"{path.name} line {number} is blank; expected one label per line.")
    return [label for _, label in labels]


def _strings(source, array):
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(
            f"{source} has no label for series {row} (it holds {array[row]}); "
            "expected a number or a text."
        )
    return [str(label) for label in array]
