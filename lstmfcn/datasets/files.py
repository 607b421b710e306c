"""Which series and labels does one file of the user's own hold?"""

import io
import os
from itertools import chain, islice
from pathlib import Path
from tokenize import TokenError

import numpy as np

from lstmfcn.datasets.panel import check_missing, to_labels, to_panels
from lstmfcn.datasets.parsing import (
    ParsedFile,
    csv_rows,
    decode,
    parse_table,
    parse_ts,
    tsv_rows,
)

_ENDINGS = (".tsv", ".csv", ".ts", ".npy")
_LABEL_ENDINGS = (".txt", ".csv", ".npy")
_LABEL_NAMES = ("label", "labels", "class", "target", "y")
_LABEL_COLUMN = {"first": 0, "last": -1, "none": None}


def read_series(path, *, labels="auto", missing="error", n_timepoints=None):
    """Read series, and labels where there are any, from a file.

    Parameters
    ----------
    path : str or path
        One of

        - `.tsv`: one series per line, tab separated, as in the UCR archive;
        - `.csv`: the same with commas. A first line that names the columns is skipped, also if
          it numbers them 0, 1, 2, ... or 1, 2, 3, ... beside "label", "class", "target" or "y";
        - `.ts`: the format of sktime, aeon and timeseriesclassification.com, without timestamps;
        - `.npy`: a numeric array of shape (n_samples, n_timepoints) or
          (n_samples, n_channels, n_timepoints).

        Series of unequal length end in NaN (tables: or in empty cells) up to the longest one.
    labels : {"auto", "first", "last", "none"} or path, default="auto"
        Where the labels are: the first or the last column, nowhere, or in a file of their own
        (`.txt` or `.csv` with one label per line, or `.npy`): then all columns of a table are
        values, and the labels of a `.ts` file are dropped. "auto" is the first column of a `.tsv`
        or `.csv`, the labels that a `.ts` file declares, and none for `.npy`.
    missing : {"error", "interpolate"}, default="error"
        What to do with values missing inside a series, as in `load_ucr`.
    n_timepoints : int, default=None
        With labels="auto", the length a fitted classifier expects: a `.tsv` or `.csv` with
        exactly so many columns then has no label column.

    Returns
    -------
    X : array or list of array
        float64 of shape (n_samples, n_timepoints) for equal-length univariate series, or
        (n_samples, n_channels, n_timepoints) for equal-length multivariate series, else a list
        of arrays of shape (n_channels, n_timepoints_i).
    y : array of shape (n_samples,) or None
        Labels: int64 where all are whole numbers, else str; None where there are none.

    Raises
    ------
    FileNotFoundError
        If `path` or a label file does not exist.
    ValueError
        If a file is not what its ending says (the sentence has file, line and what was
        expected), the number of labels is not the number of series, or values are missing inside
        or infinite.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.datasets import read_series
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "steps.csv"
    ...     _ = path.write_text("gait,t0,t1,t2\\nwalk,0.1,0.4,0.2\\nrun,0.9,1.7,0.8\\n")
    ...     X, y = read_series(path)
    >>> X
    array([[0.1, 0.4, 0.2],
           [0.9, 1.7, 0.8]])
    >>> y
    array(['walk', 'run'], dtype='<U4')
    """
    check_missing(missing)
    path = _existing(path, "series")
    label_path = None
    if not (isinstance(labels, str) and labels in ("auto", *_LABEL_COLUMN)):
        label_path, labels = _label_path(labels), "none"
    ending = path.suffix.lower()
    if ending == ".ts":
        parsed = _read_ts(path, labels)
    elif ending == ".npy":
        parsed = _read_npy(path, labels)
    elif ending in (".tsv", ".csv"):
        parsed = _read_table(path, ending, labels, n_timepoints)
    else:
        raise ValueError(
            f"{path.name} has the ending {ending!r}, which is not known; "
            f"expected one of {', '.join(_ENDINGS)}."
        )
    if label_path is not None:
        parsed.labels = _read_labels(label_path, path.name, len(parsed.series))
    (X,) = to_panels(path.name, [parsed], missing)
    return X, None if parsed.labels is None else to_labels(parsed.labels)[0]


def _existing(path, content):
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file with {content}.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a file with {content}.")
    return path


def _label_path(labels):
    if not isinstance(labels, str | os.PathLike):
        raise TypeError(
            "labels must be 'auto', 'first', 'last', 'none' or the path of a label file, but it "
            f"is {type(labels).__name__}."
        )
    path = Path(labels).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"labels={str(labels)!r} is neither 'auto', 'first', 'last' or 'none' nor a file that "
            "exists."
        )
    return _existing(path, "labels")


def _read_ts(path, labels):
    if labels in ("first", "last"):
        raise ValueError(
            f"labels={labels!r} is for tables, but {path.name} is a .ts file, which has its own "
            "place for labels; pass 'auto', 'none' or a label file."
        )
    text = decode(path.name, path.read_bytes())
    return parse_ts(path.name, text, with_labels=labels == "auto")


def _read_table(path, ending, labels, n_timepoints):
    text = decode(path.name, path.read_bytes())
    separator = "tabs" if ending == ".tsv" else "commas"
    rows = tsv_rows(text) if ending == ".tsv" else csv_rows(path.name, text)
    first_two = list(islice(rows, 2))
    if labels == "auto":
        labels = "none" if first_two and len(first_two[0][1]) == n_timepoints else "first"
    column = _LABEL_COLUMN[labels]
    if ending == ".csv" and len(first_two) == 2 and _is_header(first_two[0][1], column):
        del first_two[0]
    return parse_table(path.name, chain(first_two, rows), column, separator)


def _is_header(cells, label_column):
    """Tell whether the cells of a first row name or number the columns."""
    cells = [cell.strip() for cell in cells]
    label = cells.pop(label_column) if label_column is not None else None
    numeric = [_is_number(cell) for cell in cells if cell]
    if not any(numeric):
        return bool(numeric)
    # pandas names the columns of an array 0, 1, 2, ...; beside them only a name for the label
    # column tells a header from a series that happens to count.
    counts = len(cells) > 2 and any(
        cells == [str(i) for i in range(start, start + len(cells))] for start in (0, 1)
    )
    return counts and (label is None or label.lower() in ("", *_LABEL_NAMES))


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _load_npy(path):
    data = path.read_bytes()
    expected = "expected one numeric array that numpy.save wrote"
    if not data.startswith(b"\x93NUMPY"):
        what = (
            "a zip of arrays, as numpy.savez writes" if data.startswith(b"PK") else "no .npy file"
        )
        raise ValueError(f"{path.name} is {what}; {expected}.")
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    # numpy evaluates the header as Python text, hence the last two.
    except (ValueError, EOFError, MemoryError, SyntaxError, TokenError) as error:
        what = "holds Python objects" if "allow_pickle" in str(error) else f"is damaged ({error})"
        raise ValueError(f"{path.name} {what}; {expected}.") from error


def _read_npy(path, labels):
    array = _load_npy(path)
    shapes = "(n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)"
    if array.dtype.kind not in "iuf":
        raise ValueError(
            f"{path.name} holds an array of dtype {array.dtype}; expected numbers, of shape "
            f"{shapes}."
        )
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f"{path.name} holds an array of shape {array.shape}; expected {shapes}.")
    values, strings = array, None
    if labels in ("first", "last"):
        if array.ndim == 3 or array.shape[1] < 2:
            raise ValueError(
                f"labels={labels!r} needs a label column, but {path.name} holds an array of shape "
                f"{array.shape}; pass labels='none' or a label file."
            )
        column = _LABEL_COLUMN[labels]
        values = np.delete(array, column, axis=1)
        strings = _strings(path.name, array[:, column])
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
                f"{path.name} holds an array of shape {array.shape} and dtype {array.dtype}; "
                "expected labels of shape (n_samples,), numbers or text."
            )
        labels = _strings(path.name, array)
    elif ending in (".txt", ".csv"):
        labels = _text_labels(path, ending)
    else:
        raise ValueError(
            f"{path.name} has the ending {ending!r}, which is not known for labels; "
            f"expected one of {', '.join(_LABEL_ENDINGS)}."
        )
    if len(labels) != n_series:
        raise ValueError(
            f"{path.name} has {len(labels)} labels, but {series_name} has {n_series} series; "
            "expected one label per series, in the same order."
        )
    return labels


def _text_labels(path, ending):
    text = decode(path.name, path.read_bytes())
    if ending == ".csv":
        rows = list(csv_rows(path.name, text))
        for number, cells in rows:
            if len(cells) != 1:
                raise ValueError(
                    f"{path.name} line {number} has {len(cells)} columns; expected one label per "
                    "line."
                )
        labels = [(number, cells[0].strip()) for number, cells in rows]
        if labels and labels[0][1].lower() in _LABEL_NAMES:
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
