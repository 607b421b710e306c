"""How does a table with a row for each timepoint become a recording with labels and groups?"""

import itertools
from datetime import datetime
from typing import NamedTuple

import numpy as np

from lstmfcn.datasets.columns import (
    INDEX_NAMES,
    LABEL_NAMES,
    is_number,
    is_time,
    named,
    without_blank_end,
)
from lstmfcn.datasets.files import read_rows
from lstmfcn.datasets.parsing import MISSING, NO_LABEL, short
from lstmfcn.warning import warn

FEWEST_TICKS = 10  # timepoints from which on a column that only grows is a clock
LONG_STEP = 10  # times the usual step of a clock, from which on something was not recorded


class Recording(NamedTuple):
    """What a table with a row for each timepoint holds; labels and groups may be None."""

    values: np.ndarray  # (n_channels, n_timepoints), NaN where a value is missing
    labels: list | None
    groups: list | None
    channels: tuple  # names
    left_out: tuple  # names of columns that are no channel
    times: list | None = None  # texts of the first column of times


def read_recording(path, *, label_column="auto", group_column=None, drop=()):
    """Read a long recording from a ``.csv`` or ``.tsv`` file with a row for each timepoint.

    Parameters
    ----------
    path : str or path
        Its first line names the columns. Values are separated by commas, semicolons or tabs.
    label_column : str, default="auto"
        The column with the class of each timepoint, empty where there is none. ``"auto"``: the one
        called "label", "labels", "class", "target" or "y", if there is one; ``"none"``: there is
        none; ``"first"``, ``"last"``.
    group_column : str, optional
        The column with the person, or the device, that was recorded.
    drop : sequence of str, default=()
        Columns that are no channel. So are an index ("index", "id", "Unnamed: 0", or a first
        column without a name), "t", "time", "timestamp", "date" and "datetime", also with a unit:
        "Time (s)".

    Returns
    -------
    Recording
        Named tuple ``values`` (n_channels, n_timepoints), ``labels``, ``groups``, ``channels``,
        ``left_out``, ``times``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is not there, or holds what is no number, or only grows, as a clock does.

    Warns
    -----
    UserWarning
        If a column of times, numbers or ISO 8601, leaves out many steps or goes back in a group.

    See Also
    --------
    windows : Cuts it.
    read_series : A file with a row for each series.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.datasets import read_recording
    >>> path = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = path.write_text("time,x,y_axis,label\\n0,0.1,0.4,walk\\n1,0.3,0.5,run\\n")
    >>> recording = read_recording(path)
    >>> recording.values.tolist(), recording.labels, recording.channels
    ([[0.1, 0.3], [0.4, 0.5]], ['walk', 'run'], ('x', 'y_axis'))
    """
    source, rows = read_rows(path)
    rows = without_blank_end(rows)
    first = next(rows, None)
    names = [] if first is None else [name.strip() for name in first[1]]
    fractions = [name for name in names if is_number(name) and not name.isdigit()]
    if not names or fractions or all(name.isdigit() for name in names if name):
        raise ValueError(f"{source} has no first line that names its columns; add one.")
    chosen = {}
    if label_column == "auto":
        second = next(rows, None)
        rows = rows if second is None else itertools.chain([second], rows)
        axes = {"x", "z"} <= {name.lower() for name in names}  # then numbers in y are a third
        called = [
            name
            for name, cell in zip(names, second[1] if second else names, strict=False)
            if name.lower() in LABEL_NAMES
            and not (axes and name.lower() == "y" and is_number(cell.strip()))
        ]
        if len(called) > 1:
            found = " and ".join(map(short, called))
            raise ValueError(f"{source} may have labels in {found}; choose with label_column=NAME.")
        label_column = called[0] if called else "none"
    places = {"first": 0, "last": len(names) - 1}
    if label_column != "none":
        chosen["labels"] = places.get(label_column, None)
        if chosen["labels"] is None:
            chosen["labels"] = named(source, names, label_column, "label_column")
    if group_column is not None:
        chosen["groups"] = named(source, names, group_column, "group_column")
    left_out = {named(source, names, name, "drop") for name in drop}
    times = {name for name in names if is_time(name)}
    if len(times) > 1:
        times.discard("T")  # a temperature
    for place, name in enumerate(names):
        if name.lower() in INDEX_NAMES or name in times or (place == 0 and not name):
            left_out.add(place)
        elif not name:
            raise ValueError(f"{source} column {place + 1} has no name; give it one.")
    left_out -= set(chosen.values())
    kept = [k for k in range(len(names)) if k not in left_out and k not in chosen.values()]
    if not kept:
        raise ValueError(f"{source} has no column with values beside {', '.join(names)}.")
    clock = next((k for k in sorted(left_out) if names[k] in times), None)
    if clock is not None:
        chosen["times"] = clock
    texts = {name: [] for name in chosen}
    values = []
    for number, cells in rows:
        if len(cells) != len(names):
            raise ValueError(
                f"{source} line {number} has {len(cells)} columns, but the first line names "
                f"{len(names)}; the file may be cut off."
            )
        for name, place in chosen.items():
            text = cells[place].strip()
            texts[name].append("" if name == "labels" and text.lower() in NO_LABEL else text)
        values.append([_value(source, number, names[k], cells[k]) for k in kept])
    if not values:
        raise ValueError(f"{source} has no rows behind the names of its columns.")
    values = np.array(values).T
    for channel, k in zip(values, kept, strict=True):
        _check_no_clock(source, names[k], channel, texts.get("groups"))
    if clock is not None:
        _warn_of_jumps(source, names[clock], texts["times"], texts.get("groups"))
    return Recording(
        values,
        texts.get("labels"),
        texts.get("groups"),
        tuple(names[k] for k in kept),
        tuple(names[k] or f"column {k + 1}" for k in sorted(left_out)),
        texts.get("times"),
    )


def _check_no_clock(source, name, channel, groups):
    """Refuse a channel that only grows, but for the beginnings of groups."""
    falls = np.flatnonzero(~(np.diff(channel) > 0)) + 1
    if len(channel) >= FEWEST_TICKS and all(
        groups is not None and groups[i] != groups[i - 1] for i in falls
    ):
        raise ValueError(
            f"{source} has the column {short(name)}, which only grows, as a time or a counter "
            f"does; pass drop={name}, or write its differences if it is a channel."
        )


def _value(source, number, name, cell):
    cell = cell.strip()
    if cell.lower() in MISSING:
        return np.nan
    try:
        value = float(cell)
    except ValueError:
        value = np.inf
    if not np.isfinite(value) or "_" in cell:
        raise ValueError(
            f"{source} line {number} holds {short(cell)} in the column {short(name)}; expected a "
            f"number; if that is no channel, pass drop={name}, or label_column={name} if it holds "
            "the labels."
        )
    return value


def _warn_of_jumps(source, name, texts, groups):
    """Warn where the clock leaves out many steps or goes back, unless another group begins."""
    times = _seconds(texts)
    steps = np.diff(times)
    if len(steps) < FEWEST_TICKS or not np.isfinite(steps).all():
        return
    jumps = np.flatnonzero((steps < 0) | (steps > LONG_STEP * np.median(steps))) + 1
    jumps = [i for i in jumps if groups is None or groups[i] == groups[i - 1]]
    if jumps:
        warn(
            f"{source}: the time in {short(name)} jumps in {len(jumps)} "
            f"place{'s' * (len(jumps) > 1)}, first between "
            f"{texts[jumps[0] - 1]} and {texts[jumps[0]]}; windows there join what was apart. Name "
            "the parts in a column and pass it as group_column=..."
        )


def _seconds(texts):
    """Return times as numbers, NaN where a text is neither a number nor a date of ISO 8601."""

    def seconds(text):
        for read in (float, lambda date: datetime.fromisoformat(date).timestamp()):
            try:
                return read(text)
            except (ValueError, OverflowError, OSError):
                continue
        return np.nan

    return np.array([seconds(text) for text in texts], dtype=float)
