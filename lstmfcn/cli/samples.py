"""How does a command read series, labels and groups from a file, a recording or a UCR dataset?"""

import contextlib
import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lstmfcn.cli.arguments import at_least, to_names, to_path

REMEMBERED = ("label_column", "group", "id", "drop", "window", "step")  # by a model that was fitted
TABLES = (".csv", ".tsv")  # endings of files that may name their columns
MOST_CLASSES = 8  # that a line names


class Samples(NamedTuple):
    """Series with labels, groups and, for windows, their first timepoints ``starts``."""

    X: object
    y: object = None
    groups: object = None
    starts: object = None
    left_out: tuple = ()  # names of columns, and how many windows
    channels: tuple = ()  # names, of a recording
    ids: object = None  # texts that name the series
    files: object = None  # names of the recordings in a folder
    times: object = None  # texts, when windows start
    timepoints: tuple = ()  # names of a table's columns

    def about(self):
        """Return what predictions keep about each series: names of columns to (n,) arrays."""
        columns = {"file": self.files, "start": self.starts, "time": self.times, "id": self.ids}
        columns |= {"group": None if self.groups is self.files else self.groups, "label": self.y}
        return {name: values for name, values in columns.items() if values is not None}

    def names(self):
        """Return a text that tells each series from others, or None if its number is all."""
        columns = [column for column in (self.ids, self.files) if column is not None]
        if self.starts is not None:
            columns.append([f"from timepoint {start}" for start in self.starts])
        return list(map(", ".join, zip(*columns, strict=True))) or None


def add_input(parser, metavar, split):
    """Give a parser the options for series and labels."""
    parser.add_argument(
        "series",
        metavar=metavar,
        help=".tsv, .ts, .csv or .npy file, a folder of recordings (with --window), or the name "
        f"of a UCR dataset (its {split} split)",
    )
    parser.add_argument("--archive", type=to_path, help="folder or zip with the UCR archive")
    parser.add_argument("--password", help="password of an encrypted zip")
    parser.add_argument(
        "--labels",
        default="auto",
        metavar="none|FILE",
        help="none: there are no labels; FILE: a file with the labels (default: auto, the column "
        "named label, class, target or y; the first column of a table without names)",
    )
    parser.add_argument(
        "--label-column", metavar="NAME|first|last", help="the column with the labels"
    )
    parser.add_argument(
        "--group", metavar="NAME", help="the column with the group, such as a person or device"
    )
    parser.add_argument(
        "--id",
        metavar="NAME",
        help="the column that names each series, which predictions keep; by itself id or index",
    )
    parser.add_argument("--drop", type=to_names, metavar="NAME,...", help="columns to leave out")
    parser.add_argument(
        "--missing",
        choices=("error", "interpolate"),
        default="error",
        help="what to do with missing values; default: error",
    )
    cut = parser.add_argument_group(
        "windows",
        "how to cut a long recording, a file with a row for each timepoint, or a folder of such "
        "files, which are groups unless --group names a column",
    )
    cut.add_argument(
        "--window", type=at_least(1, "none"), metavar="N", help="timepoints of a window"
    )
    cut.add_argument(
        "--step",
        type=at_least(1),
        metavar="N",
        help="timepoints from one start to the next; default: --window",
    )
    cut.add_argument(
        "--changes",
        choices=("drop", "majority", "last"),
        default="drop",
        help="windows with several labels: drop them, or keep the most frequent or the last label",
    )
    cut.add_argument(
        "--gaps",
        choices=("drop", "interpolate", "error"),
        default="drop",
        help="what to do with windows that have missing values; default: drop",
    )
    cut.add_argument(
        "--end",
        choices=("drop", "overlap"),
        default="drop",
        help="timepoints after the last window: drop them, or add a window that overlaps",
    )


def reading_of(arguments, samples):
    """Return how training data were read, for ``predict`` to read others alike."""
    values = {name: getattr(arguments, name) for name in REMEMBERED}
    values |= {"channels": list(samples.channels), "timepoints": list(samples.timepoints)}
    return {name: value for name, value in values.items() if value not in (None, "none", [])}


def read_samples(arguments, split, classifier=None, *, numbers=False, keep_unlabelled=False):
    """Read the samples of a command; options that are not given are those of ``lstmfcn fit``.

    ``numbers``: labels are numbers to predict. ``keep_unlabelled``: windows of several labels or
    none stay, with the label "".
    """
    classes = "numbers" if numbers else getattr(classifier, "classes_", None)
    reading = getattr(classifier, "reading_", None) or {}
    name = os.path.expanduser(arguments.series)
    for option, value in _remembered(reading, name, arguments).items():
        if option in REMEMBERED and getattr(arguments, option) is None:
            setattr(arguments, option, value)
    if arguments.archive is None and (Path(name).suffix or os.path.exists(name)):
        if arguments.window in (None, "none"):
            if os.path.isdir(name):
                raise ValueError(f"{name} is a folder; pass --window if it holds recordings.")
            names = reading.get("timepoints", ())
            return _read_series(name, arguments, classifier, classes, names)
        return _read_windows(name, arguments, reading.get("channels"), classes, keep_unlabelled)
    for option in ("label_column", "group", "id", "drop", "window"):
        if getattr(arguments, option) is not None and option not in reading:
            option = option.replace("_", "-")
            raise ValueError(
                f"{name} is a dataset's name, but --{option} is for files; leave it out."
            )
    if arguments.labels != "auto":
        raise ValueError(f"{name} is a dataset's name, but --labels is for files; leave it out.")
    from lstmfcn.datasets import load_ucr

    X_train, y_train, X_test, y_test = load_ucr(
        name, arguments.archive, password=arguments.password, missing=arguments.missing
    )
    X, y = (X_train, y_train) if split == "train" else (X_test, y_test)
    return Samples(X, y.astype(float) if numbers and y.dtype.kind == "i" else y)


def _remembered(reading, name, arguments):
    """Return what a model remembers of its training file, without columns that are not here."""
    ending = Path(name).suffix.lower()
    if arguments.labels != "auto":
        reading = {option: reading[option] for option in reading if option != "label_column"}
    if arguments.archive is not None or not (ending in TABLES or os.path.isdir(name)):
        return {} if ending else reading
    from lstmfcn.datasets.files import read_rows

    _, cells = next(read_rows(_tables(name)[0])[1], (0, []))
    columns = {cell.strip().lower() for cell in cells} | {"first", "last"}

    def is_here(column):
        return column.lower() in columns

    reading = {**reading, "drop": list(filter(is_here, reading.get("drop", ())))}
    for option in ("label_column", "group", "id"):
        if option in reading and not is_here(reading[option]):
            del reading[option]
    return {option: value for option, value in reading.items() if value}


def _read_series(name, arguments, classifier, classes, timepoints):
    from lstmfcn.datasets.files import read_named_series

    X, y, groups, ids, names = read_named_series(
        name,
        labels=arguments.labels,
        label_column=arguments.label_column,
        group_column=arguments.group,
        id_column=arguments.id,
        drop=arguments.drop or (),
        missing=arguments.missing,
        n_timepoints=getattr(classifier, "n_timepoints_in_", None),
        classes=classes,
        timepoints=timepoints,
    )
    dropped = tuple(arguments.drop or ())
    return Samples(X, y, groups, left_out=dropped, ids=ids, timepoints=names)


def _read_windows(name, arguments, channels, classes, keep_unlabelled):
    """Cut a recording, or each recording of a folder, into windows."""
    import numpy as np

    from lstmfcn.datasets.arrays import to_classes, to_labels, unified

    if isinstance(classes, str):
        raise ValueError("--window is for classes; a model of numbers needs a row for each series.")
    if arguments.id is not None:
        raise ValueError("--id is for a table with a row for each series; use --group or --drop.")
    if arguments.labels not in ("auto", "none"):
        raise ValueError("--labels FILE has a label per series; name a column with --label-column.")
    paths = _tables(name)
    parts, left_out, n_dropped, n_starts = [], [], 0, 0
    for path in paths:
        recording = _read_recording(path, arguments, channels or (parts and parts[0].channels))
        if len(paths) > 1 and recording.values.shape[1] < arguments.window:
            left_out.append(f"{path.name}, which is shorter than a window")
            continue
        parts.append(_cut(path, recording, arguments, keep_unlabelled))
        n_windows = 1 + (recording.values.shape[1] - arguments.window) // (
            arguments.step or arguments.window
        )
        n_starts, n_dropped = n_starts + n_windows, n_dropped + n_windows - len(parts[-1].X)
        left_out += [column for column in recording.left_out if column not in left_out]
    if not parts:
        raise ValueError(f"each recording in {name} is shorter than a window; pass fewer --window.")
    if n_dropped > 0:
        why = f"with gaps, or of several {'' if keep_unlabelled else 'labels or '}groups"
        left_out.append(f"{n_dropped} of {n_starts} windows {why}")
    X, y, groups, starts, times, files = (
        None if any(one is None for one in column) else np.concatenate(column)
        for column in zip(
            *((p.X, p.y, p.groups, p.starts, p.times, p.files) for p in parts), strict=True
        )
    )
    if y is not None:
        texts = [str(label) for label in y]
        y = to_labels(texts)[0] if classes is None else to_classes(texts, classes)[0]
    if groups is not None:
        groups = np.array([unified(str(group)) for group in groups])
    if Path(name).is_dir():
        groups = files if groups is None else groups
    else:
        files = None
    return Samples(
        X, y, groups, starts, tuple(left_out), parts[0].channels, times=times, files=files
    )


def _tables(name):
    """Return the path of a table, or those of the tables in a folder."""
    if not os.path.isdir(name):
        return [Path(name)]
    found = sorted(
        path
        for path in Path(name).iterdir()
        if path.suffix.lower() in TABLES and not path.name.startswith(".")
    )
    if not found:
        raise ValueError(f"the folder {name} has no recordings, files that end in .csv or .tsv.")
    return found


def _read_recording(path, arguments, channels):
    """Return a recording with its channels in this order, if one is given."""
    from lstmfcn.datasets import read_recording

    column = "none" if arguments.labels == "none" else arguments.label_column or "auto"
    if column == "auto" and "y" in map(str.lower, channels or ()):
        column = "none"  # y is no label here
    recording = read_recording(
        path, label_column=column, group_column=arguments.group, drop=arguments.drop or ()
    )
    if not channels:
        return recording
    if set(recording.channels) != set(channels):
        raise ValueError(
            f"{path.name} has the channels {', '.join(recording.channels)}, but the model was "
            f"trained on {', '.join(channels)}; rename the columns, or leave some out with --drop."
        )
    places = [recording.channels.index(channel) for channel in channels]
    return recording._replace(values=recording.values[places], channels=tuple(channels))


def _cut(path, recording, arguments, keep_unlabelled):
    """Return the windows of one recording as samples."""
    import numpy as np

    from lstmfcn.datasets import windows

    cut = partial(
        windows,
        recording.values,
        arguments.window,
        arguments.step,
        groups=recording.groups,
        changes=arguments.changes,
        gaps="interpolate" if arguments.missing == "interpolate" else arguments.gaps,
        end=arguments.end,
    )
    if keep_unlabelled and recording.labels is not None:
        found, known = cut(), {}
        if any(recording.labels):
            with contextlib.suppress(ValueError):  # each window has several labels
                labelled = cut(labels=recording.labels)
                known = dict(zip(labelled.starts.tolist(), map(str, labelled.y), strict=True))
        found = found._replace(y=np.array([known.get(k, "") for k in found.starts.tolist()]))
    else:
        found = cut(labels=recording.labels)
    times = None if recording.times is None else np.array(recording.times)[found.starts]
    files = np.full(len(found.X), path.name)
    return Samples(*found, channels=recording.channels, times=times, files=files)


def described(samples):
    """Return a one-line description of the samples.

    >>> described(Samples([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], ["up", "up", "down"]))
    '3 series, 1 channel x 2 timepoints, 2 classes (up 2, down 1)'
    """
    from collections import Counter

    import numpy as np

    shapes = {np.shape(series) for series in samples.X}
    n_channels = max(shape[0] if len(shape) == 2 else 1 for shape in shapes)
    lengths = sorted({shape[-1] for shape in shapes})
    length = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    counts = Counter(map(str, samples.y)).most_common()
    named = ", ".join(f"{label} {count}" for label, count in counts[:MOST_CLASSES])
    rest = f", and {len(counts) - MOST_CLASSES} more" if len(counts) > MOST_CLASSES else ""
    learned = f"{len(counts)} classes ({named}{rest})"
    if np.asarray(samples.y).dtype.kind == "f":
        learned = f"numbers from {min(samples.y):g} to {max(samples.y):g}"
    parts = [
        f"{len(samples.X)} series",
        f"{n_channels} channel{'s' * (n_channels > 1)} x {length} timepoints",
        learned,
    ]
    if samples.groups is not None:
        parts.append(f"{len(set(samples.groups.tolist()))} groups")
    if samples.left_out:
        parts.append(f"left out: {', '.join(samples.left_out)}")
    return ", ".join(parts)
