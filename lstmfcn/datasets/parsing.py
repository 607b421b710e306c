"""Which series and labels does the text of one .tsv, .csv or .ts file hold?"""

import csv
import io
import re
from dataclasses import dataclass, field

import numpy as np

from lstmfcn.untrusted import listed

NO_LABEL = ("", "nan", "<na>", "?")  # cells of a label that is not there
MISSING = ("", "nan", "na", "n/a", "<na>", "null", "?")  # cells of a value that is not there
_DECIMAL_COMMA = re.compile(r"\s*[-+]?[0-9]*,[0-9]+([eE][-+]?[0-9]+)?\s*")
_OF_DIGITS = re.compile(  # and commas, in a cell of its own
    r"(?:^|[;\t])[ \"]*([-+]?[0-9][0-9,]*)[ \"]*(?=$|[;\t])", re.MULTILINE
)
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+")
_DECIMAL_POINT = re.compile(  # in a cell of its own
    r"(^|[;\t])[ \"]*[-+]?[0-9]*\.[0-9]+([eE][-+]?[0-9]+)?[ \"]*($|[;\t])", re.MULTILINE
)


@dataclass
class ParsedFile:
    """The series of one file, before any decision about missing values and unequal lengths.

    `series` has a float64 array of shape (n_channels, n_timepoints_i) per series, NaN where
    missing. `source` is the file's name, and `places` has "line 3" per series, for error sentences.
    """

    source: str
    series: list = field(default_factory=list)
    labels: list | None = None  # one string per series, or None where the file has no labels
    places: list = field(default_factory=list)
    groups: list = field(default_factory=list)  # one string per series, if asked for
    ids: list = field(default_factory=list)  # one string per series, if a column is an index
    timepoints: tuple = ()  # names of the columns of values, if the file names its columns


def decode(source, data):
    """Return the text of a file, with every line end turned into a newline."""
    try:
        text = data.decode("utf-8-sig")
        problem = "it holds zero bytes" if "\0" in text else None
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
    if problem:
        saved = ", which a spreadsheet calls 'CSV UTF-8'" * source.lower().endswith(".csv")
        raise ValueError(
            f"{source} is not a text file ({problem}); expected numbers and labels as UTF-8 text"
            f"{saved}."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def csv_rows(source, text, separator=","):
    """Yield (line number, cells) for the lines of a table that are not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for cells in reader:
            if len(cells) > 1 or "".join(cells).strip():
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(
            f"{source} line {reader.line_num} has a cell of more than {csv.field_size_limit():,} "
            f"characters; expected values separated by {'commas' if separator == ',' else 'tabs'}; "
            "a quote may not be closed."
        ) from error


def with_points(source, rows, text):
    """Return rows whose decimal commas are points, if no value has a point.

    Of a table whose cells are not separated by commas. Its first line may be names.
    Raises ValueError if the commas look like those of thousands.
    """
    if "," not in text or _DECIMAL_POINT.search(text, text.lstrip("\n").find("\n") + 1):
        return rows
    cells = _OF_DIGITS.findall(text)
    with_commas = [cell for cell in cells if "," in cell]
    without = next((cell for cell in cells if re.fullmatch("[-+]?[1-9][0-9]{2}", cell)), None)
    if with_commas and without and all(map(_THOUSANDS.fullmatch, with_commas)):
        raise ValueError(
            f"{source} has {short(with_commas[0])} beside {without}, so its commas may separate "
            "thousands; write numbers without commas, or decimals with points."
        )
    return (
        (number, [c.replace(",", ".") if _DECIMAL_COMMA.fullmatch(c) else c for c in cells])
        for number, cells in rows
    )


def parse_table(source, rows, columns, separator="tabs", timepoints=()):
    """Return the `ParsedFile` of the rows of `csv_rows`, with one univariate series per row.

    `columns` are :class:`lstmfcn.datasets.columns.Columns`. Columns of values that have the names
    `timepoints` are taken in this order.
    """
    label_column = columns.label
    layout = {
        0: "a label and then the values of one series",
        -1: "the values of one series and then its label",
        None: "the values of one series",
    }.get(label_column, "the values of one series and its label")
    expected = f"expected {layout} on every line, separated by {separator}"
    parsed = ParsedFile(source, labels=None if label_column is None else [])
    width = first_line = label_at = None
    for number, cells in rows:
        if width is None:
            width, first_line = len(cells), number
            label_at = None if label_column is None else label_column % width
            others = {label_at, columns.group, *columns.left_out}
            values_at = [i for i in range(width) if i not in others]
            if not values_at:
                columns = "1 column" if width == 1 else f"{width} columns and no values"
                raise ValueError(f"{source} line {number} has {columns}; {expected}.")
            if columns.has_header:
                values_at = _in_order(source, cells, values_at, timepoints)
                parsed.timepoints = tuple(cells[i].strip() for i in values_at)
                continue
        if len(cells) != width:
            raise ValueError(
                f"{source} line {number} has {len(cells)} columns, but line {first_line} has "
                f"{width}; the file may be cut off, or a shorter series needs NaN at its end."
            )
        place = f"line {number}"
        if label_at is not None:
            label = cells[label_at].strip()
            if label.lower() in NO_LABEL:
                raise ValueError(
                    f"{source} {place} has no label in column {label_at + 1} (it holds "
                    f"{label!r}); {expected}."
                )
            parsed.labels.append(label)
        if columns.group is not None:
            parsed.groups.append(cells[columns.group].strip())
        if columns.index is not None:
            parsed.ids.append(cells[columns.index].strip())
        values = _numbers([cells[i] for i in values_at], f"{source} {place} column", values_at)
        parsed.series.append(values[np.newaxis, :])
        parsed.places.append(place)
    if not parsed.series:
        raise ValueError(f"{source} is empty; {expected}.")
    return parsed


def _in_order(source, names, values_at, timepoints):
    """Return columns of values in the order of the timepoints' names, if those are theirs."""
    places = {names[i].strip(): i for i in values_at}
    if len(places) < len(values_at) or not places.keys() >= set(timepoints) > set():
        return values_at
    more = [name for name in places if name not in set(timepoints)]
    if more:
        raise ValueError(
            f"{source} has {listed(map(short, more), 3)} beside the {len(timepoints)} timepoints "
            f"that the model was trained on; pass drop={','.join(more[:3])}."
        )
    return [places[name] for name in timepoints]


def parse_ts(source, text, with_labels=True, with_targets=False):
    """Return the `ParsedFile` of a text in the format of sktime and timeseriesclassification.com.

    Without `with_labels`, the file's labels or regression targets are dropped and not checked.
    Regression targets are refused unless `with_targets`.
    """
    numbered = ((n, line.strip()) for n, line in enumerate(text.split("\n"), start=1))
    lines = iter([(n, line) for n, line in numbered if line and line[0] not in "#%"])  # comments
    header = _ts_header(source, lines)
    ends_in_label = header.classes is not None or header.has_target
    if header.has_target and with_labels and not with_targets:
        raise ValueError(
            f"{source} says '@targetLabel true', so it is a regression set; expected class labels "
            "('@classLabel true' and the class names)."
        )
    parsed = ParsedFile(source, labels=[] if ends_in_label and with_labels else None)
    for number, line in lines:
        place = f"line {number}"
        *dimensions, label = line.split(":") if ends_in_label else [*line.split(":"), ""]
        if not dimensions:
            raise ValueError(
                f"{source} {place} ends without a colon and a label; expected the values, "
                "separated by commas, then ':' and the label; the file may be cut off."
            )
        header.check_dimensions(source, place, len(dimensions))
        channels = []
        for channel, values in enumerate(dimensions, start=1):
            dimension = f" dimension {channel}" if len(dimensions) > 1 else ""
            cells = values.replace("?", "nan").split(",")
            channels.append(
                _numbers(cells, f"{source} {place}{dimension} value", range(len(cells)))
            )
        lengths = sorted({len(channel) for channel in channels})
        if len(lengths) > 1:
            raise ValueError(
                f"{source} {place} has dimensions of {lengths[0]} and of {lengths[-1]} values; "
                "expected the same number in every dimension of one series."
            )
        header.check_length(source, place, lengths[0])
        if parsed.labels is not None:
            parsed.labels.append(header.check_label(source, place, label.strip()))
        parsed.series.append(np.stack(channels))
        parsed.places.append(place)
    if not parsed.series:
        raise ValueError(
            f"{source} has no series after @data; expected one series per line; "
            "the file may be cut off."
        )
    return parsed


@dataclass
class _TsHeader:
    """What the lines before @data declare, and the checks of a series against it."""

    classes: list | None = None
    has_target: bool = False
    univariate: bool = False
    equal_length: bool = False
    n_dimensions: int | None = None
    n_timepoints: int | None = None
    dimensions_from: str = "the header"
    length_from: str = "the header"

    def check_dimensions(self, source, place, n_dimensions):
        if self.univariate and self.n_dimensions is None:
            self.n_dimensions, self.dimensions_from = 1, "the header's '@univariate true'"
        if self.n_dimensions is None:
            self.n_dimensions, self.dimensions_from = n_dimensions, place
        if n_dimensions != self.n_dimensions:
            raise ValueError(
                f"{source} {place} has {n_dimensions} dimensions, but {self.dimensions_from} has "
                f"{self.n_dimensions}; the file may be cut off, or a colon is missing."
            )

    def check_length(self, source, place, n_timepoints):
        if not self.equal_length:
            return
        if self.n_timepoints is None:
            self.n_timepoints, self.length_from = n_timepoints, place
        if n_timepoints != self.n_timepoints:
            raise ValueError(
                f"{source} {place} has {n_timepoints} timepoints, but {self.length_from} has "
                f"{self.n_timepoints} and the header says '@equalLength true'; the file may be "
                "cut off."
            )

    def check_label(self, source, place, label):
        if self.has_target:
            return label
        # Labels may contain spaces, and the header separates labels by spaces, too: the words of
        # a label must stand side by side in the header.
        words = " ".join(label.split())
        if not words or f" {words} " not in f" {' '.join(self.classes)} ":
            raise ValueError(
                f"{source} {place} has the label {short(label)}, which the @classLabel line "
                f"does not declare; expected {listed(map(cut, self.classes), 10)}."
            )
        return words


def _ts_header(source, lines):
    """Read the header lines up to and with @data from the iterator `lines`."""
    header, has_labels_line = _TsHeader(), False
    for number, line in lines:
        if not line.startswith("@"):
            raise ValueError(
                f"{source} line {number} holds {short(line)} before any @data line; expected "
                "header lines that start with '@', then @data, then one series per line."
            )
        tag, *words = line.split()
        tag, says = tag.lower(), f"{source} line {number} says {short(line)}"
        if tag == "@data":
            if not has_labels_line:
                raise ValueError(
                    f"{source} has no @classLabel line before @data; expected '@classLabel true' "
                    "and the class names, or '@classLabel false'."
                )
            return header
        if tag == "@timestamps" and _flag(says, words):
            raise ValueError(
                f"{says}, but series with timestamps are not supported; write evenly spaced "
                "values without timestamps and '@timeStamps false'."
            )
        elif tag == "@univariate":
            header.univariate = _flag(says, words)
        elif tag == "@equallength":
            header.equal_length = _flag(says, words)
        elif tag in ("@dimension", "@dimensions"):
            header.n_dimensions = _whole(says, words)
        elif tag == "@serieslength":
            header.n_timepoints = _whole(says, words)
        elif tag == "@targetlabel":
            header.has_target = _flag(says, words)
            has_labels_line = True
        elif tag == "@classlabel":
            has_labels_line = True
            if _flag(says, words):
                header.classes = words[1:]
                if not header.classes:
                    raise ValueError(
                        f"{says} without class names; expected them after 'true', as in "
                        "'@classLabel true a b'."
                    )
    raise ValueError(
        f"{source} has no @data line; expected the header of a .ts file (@problemName, "
        "@classLabel, ...), then @data, then one series per line."
    )


def _flag(says, words):
    value = words[0].lower() if words else ""
    if value not in ("true", "false"):
        raise ValueError(f"{says}; expected true or false.")
    return value == "true"


def _whole(says, words):
    if len(words) != 1 or not re.fullmatch("[0-9]{1,9}", words[0]) or int(words[0]) < 1:
        raise ValueError(f"{says}; expected a whole number of at least 1.")
    return int(words[0])


def _numbers(cells, where, columns):
    """Return the cells as float64, blank ones as NaN; `where` and `columns` name a bad cell."""
    try:
        # float() also takes the underscores of Python's number literals.
        if any("_" in cell for cell in cells):
            raise ValueError
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        numbered = zip(cells, columns, strict=True)
        values = np.array([_number(cell, f"{where} {i + 1}") for cell, i in numbered])
    if np.isinf(values).any():
        position = int(np.flatnonzero(np.isinf(values))[0])
        raise ValueError(
            f"{where} {columns[position] + 1} holds {short(cells[position].strip())}, which is "
            "infinite; expected a finite number, or NaN where a value is missing."
        )
    return values


def _number(cell, where):
    cell = cell.strip()
    if cell.lower() in MISSING:
        return np.nan
    try:
        if "_" in cell:
            raise ValueError
        return float(cell)
    except ValueError:
        raise ValueError(
            f"{where} holds {short(cell)}; expected a number, or NaN where a value is missing."
        ) from None


def cut(text, most=40):
    """Return a text, and only its beginning if it is long."""
    return text if len(text) <= most else f"{text[:most]}..."


def short(text, most=40):
    """Return a text in quotes, and only its beginning if it is long."""
    return repr(cut(text, most))
