"""How do the series and labels of a file become arrays?"""

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


def to_arrays(subject, parsed_files, missing="error", splits=(), padded=True):
    """Return for each parsed file what a classifier takes: lists if any lengths differ.

    `subject` and `splits` name the dataset and its files in errors. NaN at the end of a series is
    cut off if it is `padded`; NaN elsewhere is refused, or filled from its neighbours in time.
    """
    files = [_cut_padding(file, padded) for file in parsed_files]
    for file, series in zip(parsed_files, files, strict=True):
        if len(series[0]) != len(files[0][0]):
            raise ValueError(
                f"{subject} has {len(files[0][0])} channels in {parsed_files[0].source} but "
                f"{len(series[0])} in {file.source}; expected the same channels in both."
            )
    gaps = [sum(bool(np.isnan(one).any()) for one in series) for series in files]
    if any(gaps) and missing == "error":
        counts = [
            f"{n_gaps} of {len(series)}" + (f" {splits[i]}" if splits else "")
            for i, (n_gaps, series) in enumerate(zip(gaps, files, strict=True))
            if n_gaps
        ]
        raise ValueError(
            f"{subject} has missing values inside {' and '.join(counts)} series; "
            "pass missing='interpolate' to fill them linearly."
        )
    if any(gaps):
        files = [[_interpolate(one) for one in series] for series in files]
    if len({one.shape[1] for series in files for one in series}) > 1:
        return files
    # (n_samples, n_channels, n_timepoints), without the axis of a single channel.
    stacked = [np.stack(series) for series in files]
    return [X[:, 0, :] if X.shape[1] == 1 else X for X in stacked]


def to_labels(*lists_of_labels):
    """Return one array per list of label strings: int64 if all labels are whole numbers, else str.

    "1", "-1", "1.0" and "1.0000000e+00" are whole numbers; "01" is a text.
    """
    numbers = [[_whole_number(label) for label in labels] for labels in lists_of_labels]
    if any(number is None for labels in numbers for number in labels):
        width = max(len(label) for labels in lists_of_labels for label in labels)
        return [np.array(labels, dtype=f"<U{width}") for labels in lists_of_labels]
    return [np.array(labels, dtype=np.int64) for labels in numbers]


def unified(text):
    """Return the text that all spellings of a whole number share; others as they are.

    >>> [unified(text) for text in ("1", "1.0", "01", "a")]
    ['1', '1', '01', 'a']
    """
    number = _whole_number(text)
    return text if number is None else str(number)


def to_classes(labels, classes):
    """Return label strings as the classes that they name, and the fraction that names one.

    The class 1 goes by "1", "1.0" and "1.0000000e+00". If a label is no class, all are texts.
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
    """Return the series of a file without NaN at their ends."""
    cut = []
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
        cut.append(series)
    return cut


def _interpolate(series):
    time = np.arange(series.shape[1])
    filled = series.copy()
    for channel in filled:
        known = ~np.isnan(channel)
        channel[~known] = np.interp(time[~known], time[known], channel[known])
    return filled
