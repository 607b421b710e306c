"""Which samples have which modalities, and what are their series? (No Keras here.)"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lstmfcn import validation
from lstmfcn.emotion.feature_store import ClipSequences, FeatureError
from lstmfcn.preprocessing import take

__all__ = ["Modalities", "naming", "read_modalities", "take_rows"]

MOST_LISTED = 10  # samples in one message
EXAMPLE = "{'audio': ..., 'text': ...}"


@dataclass(frozen=True, eq=False)
class Modalities:
    """Samples that are seen through several modalities, not all of them through each.

    Attributes
    ----------
    series : dict of str to ndarray (n_present, n_channels, n_timepoints), list of arrays of \
shape (n_channels, n_timepoints_i), or None
        Per modality the series of the samples that have it, in order; None if none has.
    present : bool ndarray of shape (n_samples, n_modalities)
        Which sample has which; columns in the order of `series`.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.fusion.modalities import read_modalities
    >>> modalities = read_modalities({"a": np.ones((3, 2, 5)), "b": [np.ones((1, 4)), None, None]})
    >>> modalities.rows("b").tolist(), modalities[[2, 0]].present.tolist()
    ([0], [[True, False], [True, True]])
    """

    series: dict
    present: np.ndarray

    def __len__(self):
        return len(self.present)

    def __getitem__(self, rows):
        """Return some of the samples (slice, indices or mask)."""
        rows = np.arange(len(self))[rows]
        series = {}
        for name, place in zip(self.series, self.places(), strict=True):
            chosen = place[rows]
            chosen = chosen[chosen >= 0]
            series[name] = take(self.series[name], chosen) if len(chosen) else None
        return Modalities(series, self.present[rows])

    @property
    def names(self):
        """The modalities."""
        return tuple(self.series)

    def rows(self, name):
        """Return the samples that have a modality, as indices."""
        return np.flatnonzero(self.present[:, self.names.index(name)])

    def filled(self, name, n_channels, n_timepoints):
        """Return one series for each sample, if need be one that stands in and is not to count.

        Stand-ins are the series of other samples, in turn: what is averaged over all samples stays
        near what it is over those that have the modality.

        Parameters
        ----------
        name : str
        n_channels, n_timepoints : int
            Shape of the zeros that stand in where no sample has the modality.

        Returns
        -------
        ndarray of shape (n_samples, n_channels, n_timepoints) or list of arrays
        """
        series = self.series[name]
        if series is None:
            return np.zeros((len(self), n_channels, n_timepoints))
        has = self.present[:, self.names.index(name)]
        if has.all():
            return series
        place = np.cumsum(has) - 1
        place[~has] = np.arange((~has).sum()) % len(series)
        return take(series, place)

    def places(self):
        """Return (n_modalities, n_samples): where a series is among those there, -1 if nowhere."""
        return np.where(self.present, np.cumsum(self.present, axis=0) - 1, -1).T


def read_modalities(X, names=None):
    """Check what the user handed over for several modalities.

    Parameters
    ----------
    X : dict of str to series
        Per modality an array of shape (n_samples, n_channels, n_timepoints) or (n_samples,
        n_timepoints); a list of arrays of shape (n_channels, n_timepoints_i), or of None for a
        sample without the modality; or ClipSequences, whose frames (T_i, D) become (D, T_i).
    names : sequence of str, optional
        The modalities of `fit`. Those that `X` lacks, or has as None, are missing in all samples.
        By default those of `X`, none of which may be missing in all.

    Returns
    -------
    Modalities

    Raises
    ------
    TypeError, ValueError
        With a sentence that names the modality; also if a sample has no modality at all.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.fusion.modalities import read_modalities
    >>> modalities = read_modalities({"text": np.zeros((2, 4, 9))}, names=["audio", "text"])
    >>> modalities.present.tolist(), modalities.series["audio"]
    ([[False, True], [False, True]], None)
    """
    if not isinstance(X, Mapping):
        raise TypeError(
            f"X is of type {type(X).__name__}; pass a dict of modality to series, such as {EXAMPLE}"
            "."
        )
    _check_names(X, names)
    series, present = {}, {}
    for name in X if names is None else names:
        with naming(name):
            series[name], present[name] = _read(X.get(name))
    counts = {name: len(there) for name, there in present.items() if there is not None}
    if not counts:
        raise ValueError(f"X has none of the modalities {_some(series)}; pass at least one.")
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} of {name!r}" for name, count in counts.items())
        raise ValueError(
            f"the modalities of X differ in their number of samples ({found}); pass one series per "
            "sample in each, None in a list for a sample without the modality."
        )
    n_samples = next(iter(counts.values()))
    columns = [np.zeros(n_samples, bool) if there is None else there for there in present.values()]
    modalities = Modalities(series, np.stack(columns, axis=1))
    absent = [name for name, values in series.items() if values is None]
    if names is None and absent:
        raise ValueError(
            f"no sample has the modality {absent[0]!r}; pass series of it, or leave it out of X."
        )
    without = np.flatnonzero(~modalities.present.any(axis=1)).tolist()
    if without:
        raise ValueError(
            f"{len(without)} of {n_samples} samples have none of the modalities {_some(series)}: "
            f"{_some(without)}; pass at least one of each sample, or leave the sample out."
        )
    return modalities


def take_rows(X, rows):
    """Take samples of series, or of a dict of modality to series, as the user passes them.

    Parameters
    ----------
    X : array, list, ClipSequences, None or dict of these
    rows : int array

    Returns
    -------
    The same kind of object; what was memory-mapped becomes an array.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.fusion.modalities import take_rows
    >>> take_rows({"a": np.array([1, 2, 3]), "b": ["x", None, "y"], "c": None}, np.array([2, 1]))
    {'a': array([3, 2]), 'b': ['y', None], 'c': None}
    """
    if isinstance(X, Mapping):
        return {name: take_rows(values, rows) for name, values in X.items()}
    if X is None or isinstance(X, ClipSequences):
        return None if X is None else X[rows]
    if isinstance(X, (list, tuple)):
        return [X[row] for row in rows]
    return X.iloc[rows] if hasattr(X, "iloc") else np.asarray(X)[rows]


@contextlib.contextmanager
def naming(modality):
    """Begin what an error says with the modality that it is about.

    Examples
    --------
    >>> from lstmfcn.emotion.fusion.modalities import naming
    >>> with naming("audio"):
    ...     raise ValueError("X is empty.")
    Traceback (most recent call last):
    ...
    ValueError: modality 'audio': X is empty.
    """
    try:
        yield
    except FeatureError:
        raise  # it names the feature set, and holds all clips that are concerned
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"modality {modality!r}: {error}") from error


def _check_names(X, names):
    wrong = [name for name in X if not isinstance(name, str) or not name]
    if wrong or not X:
        what = f"the key {wrong[0]!r}" if wrong else "no keys"
        raise ValueError(f"X has {what}; pass a dict of modality to series, such as {EXAMPLE}.")
    unknown = [name for name in X if names is not None and name not in names]
    if unknown:
        raise ValueError(
            f"X has the modality {unknown[0]!r}, but was fitted on {_some(names)}; leave it out, "
            "or fit again."
        )


def _read(values):
    """Return the series of the samples that have a modality, and which ones these are."""
    if values is None:
        return None, None
    if isinstance(values, ClipSequences):
        values = [frames.T for frames in values]
    if not isinstance(values, (list, tuple)) or all(entry is not None for entry in values):
        series = validation.as_series(values)
        return series, np.ones(len(series), bool)
    present = np.array([entry is not None for entry in values])
    if not present.any():
        return None, present
    series = validation.as_series([entry for entry in values if entry is not None])
    return series, present


def _some(entries):
    shown = ", ".join(str(entry) for entry in list(entries)[:MOST_LISTED])
    return shown if len(entries) <= MOST_LISTED else f"{shown}, ..."
