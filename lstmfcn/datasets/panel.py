"""Do the series make one array or a list, and what becomes of missing values and of labels?"""

import re

import numpy as np

# "1", "-1", "1.0", "1.0000000e+00". What begins with a zero, such as "01", is a name.
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.0*)?|[+-]?[0-9]\.[0-9]+[eE][+-]?[0-9]+")


def check_missing(missing):
    """Raise ValueError unless `missing` is "error" or "interpolate"."""
    if missing not in ("error", "interpolate"):
        raise ValueError(
            f"missing={missing!r} is not known; pass 'error' to refuse missing values or "
            "'interpolate' to fill them linearly."
        )


def to_panels(subject, parsed_files, missing="error", splits=(), padded=True):
    """Turn the series of one or more files of a dataset into what a classifier takes.

    NaN at the end of a series is padding and is cut off; NaN anywhere else is a missing value.

    Parameters
    ----------
    subject : str
        The dataset or file, for error sentences.
    parsed_files : list of ParsedFile
        Files that belong together, such as a training and a test split.
    missing : {"error", "interpolate"}
        What to do with missing values: refuse, or fill linearly from the neighbours in time; at
        the ends of a series, take the nearest value.
    splits : sequence of str
        What the files are called, for error sentences, such as "training" and "test".
    padded : bool
        False where NaN at the end is a missing value, too.

    Returns
    -------
    list of (array or list of array)
        Per file: an array of shape (n_samples, n_timepoints) for equal-length univariate series,
        (n_samples, n_channels, n_timepoints) for equal-length multivariate series, or a list of
        arrays of shape (n_channels, n_timepoints_i) if any two series of any of the files differ
        in length.
    """
    panels = [_cut_padding(file, padded) for file in parsed_files]
    _check_channels(subject, parsed_files, panels)
    gaps = [sum(bool(np.isnan(series).any()) for series in panel) for panel in panels]
    if any(gaps) and missing == "error":
        counts = [
            f"{n_gaps} of {len(panel)}" + (f" {splits[i]}" if splits else "")
            for i, (n_gaps, panel) in enumerate(zip(gaps, panels, strict=True))
            if n_gaps
        ]
        raise ValueError(
            f"{subject} has missing values inside {' and '.join(counts)} series; "
            "pass missing='interpolate' to fill them linearly."
        )
    if any(gaps):
        panels = [[_interpolate(series) for series in panel] for panel in panels]
    if len({series.shape[1] for panel in panels for series in panel}) > 1:
        return panels
    # (n_samples, n_channels, n_timepoints), without the axis of a single channel.
    stacked = [np.stack(panel) for panel in panels]
    return [X[:, 0, :] if X.shape[1] == 1 else X for X in stacked]


def to_labels(*lists_of_labels):
    """Return one array per list of label strings, all of one dtype.

    The dtype is int64 if every label of every list is a whole number ("1", "-1", "1.0",
    "1.0000000e+00"), else str: "01" is a text, since "1" would be another one.
    """
    numbers = [[_whole_number(label) for label in labels] for labels in lists_of_labels]
    if any(number is None for labels in numbers for number in labels):
        width = max(len(label) for labels in lists_of_labels for label in labels)
        return [np.array(labels, dtype=f"<U{width}") for labels in lists_of_labels]
    return [np.array(labels, dtype=np.int64) for labels in numbers]


def to_classes(labels, classes):
    """Return label strings as the classes they stand for, and the share that stands for one.

    A class goes by its text, or by its number: the class 1 by "1", "1.0" and "1.0000000e+00".
    Where a label is no class, the array holds texts.
    """
    known = {_whole_number(str(label)): label for label in classes.tolist()}
    known |= {str(label): label for label in classes.tolist()}
    known.pop(None, None)
    found = [known.get(label, known.get(_whole_number(label))) for label in labels]
    n_found = sum(label is not None for label in found)
    if n_found == len(labels):
        return np.array(found, dtype=classes.dtype), 1.0
    texts = [label if own is None else str(own) for label, own in zip(labels, found, strict=True)]
    return np.array(texts), n_found / len(labels)


def _whole_number(label):
    if not _NUMBER.fullmatch(label):
        return None
    number = float(label)
    if not number.is_integer() or abs(number) > 2**53:  # beyond, float() rounds
        return None
    return int(number)


def _cut_padding(file, padded):
    panel = []
    for series, place in zip(file.series, file.places, strict=True):
        known = ~np.isnan(series)  # (n_channels, n_timepoints_i)
        if not known.any():
            raise ValueError(
                f"{file.source} {place} has no values, only missing ones; remove this series."
            )
        if not known.any(axis=1).all():
            channel = int(np.flatnonzero(~known.any(axis=1))[0])
            raise ValueError(
                f"{file.source} {place} has no values in channel {channel + 1} of {len(series)}, "
                "only missing ones; remove this series or this channel."
            )
        if padded:
            series = series[:, : np.flatnonzero(known.any(axis=0))[-1] + 1]
        panel.append(series)
    return panel


def _check_channels(subject, files, panels):
    n_channels = [panel[0].shape[0] for panel in panels]
    for file, n in zip(files, n_channels, strict=True):
        if n != n_channels[0]:
            raise ValueError(
                f"{subject} has {n_channels[0]} channels in {files[0].source} but {n} in "
                f"{file.source}; expected the same channels in both."
            )


def _interpolate(series):
    time = np.arange(series.shape[1])
    filled = series.copy()
    for channel in filled:
        known = ~np.isnan(channel)
        channel[~known] = np.interp(time[~known], time[known], channel[known])
    return filled
