"""Which samples have which modalities, and what are their series?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstmfcn import validation
from lstmfcn.meta.rows import n_rows, naming
from lstmfcn.preprocessing import SeriesReader, take
from lstmfcn.untrusted import listed

EXAMPLE = "{'audio': ..., 'text': ...}"


@dataclass(frozen=True, eq=False)
class Modalities:
    """Samples that are seen through several modalities, not all of them through each.

    `series` has per modality those of the samples that have it, as an array (n_present, n_channels,
    n_timepoints) or a list of (n_channels, n_timepoints_i), or None. `present` (n_samples,
    n_modalities) is True where a sample has a modality.
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
        """Return a series for each sample; one that lacks the modality gets another sample's.

        The samples that have it take turns, so that a mean over all samples stays near theirs.
        Where none has it, the series are zeros of shape (n_channels, n_timepoints).
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
        """Return each sample's place in `series` or -1: (n_modalities, n_samples)."""
        return np.where(self.present, np.cumsum(self.present, axis=0) - 1, -1).T


@dataclass(frozen=True)
class ModalitiesReader:
    """A SeriesReader for each modality, by its name."""

    readers: dict
    unequal_length = None  # for all of them; each modality has its own

    @classmethod
    def learn(cls, modalities, unequal_length="auto"):
        """Fix channels and length of each modality."""
        series = modalities.series.items()
        return cls({name: SeriesReader.learn(values, unequal_length) for name, values in series})

    def with_normalization(self, normalization, modalities):
        """Return readers with the normalisation of these samples."""
        scaled = {}
        for name, values in modalities.series.items():
            if values is None:
                raise ValueError(
                    f"what is held out or weighs nothing leaves no sample of modality {name!r} to "
                    "train on; pass more samples of it, or leave it out."
                )
            scaled[name] = self.readers[name].with_normalization(normalization, values)
        return ModalitiesReader(scaled)

    def with_length_of(self, modalities):
        """Return these readers: lengths stay as they are."""
        return self

    def check(self, modalities, name):
        """Refuse modalities that those of ``fit`` do not match; ``name`` is the estimator's."""
        for modality, values in modalities.series.items():
            if values is not None:
                with naming(modality):
                    self.readers[modality].check(values, name)

    def to_inputs(self, modalities):
        """Return series and mask of each modality and, last, which sample has which."""
        inputs = []
        for name, reader in self.readers.items():
            values = modalities.filled(name, reader.n_channels, reader.n_timepoints)
            with naming(name):
                inputs += reader.to_inputs(values)
        return (*inputs, modalities.present.astype(np.float32))

    def to_json(self):
        """Return the readers as JSON values."""
        return {name: reader.to_json() for name, reader in self.readers.items()}

    @classmethod
    def from_json(cls, content):
        """Build readers from :meth:`to_json`; each refuses what ``fit`` does not leave behind."""
        return cls({name: SeriesReader.from_json(reader) for name, reader in content.items()})


def read_modalities(X, names=None):
    """Check the dict of modality to series that FusionClassifier's methods get.

    `names` are the modalities of ``fit``: one that `X` lacks, or has as None, is missing in all
    samples. Without `names` none may be missing in all. Errors name the modality.
    """
    if not isinstance(X, Mapping):
        raise TypeError(
            f"X is of type {type(X).__name__}; pass a dict of modality to series, such as {EXAMPLE}"
            "."
        )
    _check_names(X, names)
    series, present = {}, {}
    for name in X if names is None else names:
        values = X.get(name)
        if isinstance(values, Sequence) and hasattr(values, "load"):  # lazy frames (T_i, D)
            values = [frames.T for frames in values]
        with naming(name):
            series[name], present[name] = _read(values)
    if all(there is None for there in present.values()):
        raise ValueError(f"X has none of the modalities {listed(series, 10)}; pass at least one.")
    n_samples = n_rows(present)
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
            f"{len(without)} of {n_samples} samples have none of the modalities "
            f"{listed(series, 10)}: {listed(without, 10)}; pass at least one of each sample, or "
            "leave the sample out."
        )
    return modalities


def _check_names(X, names):
    wrong = [name for name in X if not isinstance(name, str) or not name]
    if wrong or not X:
        what = f"the key {wrong[0]!r}" if wrong else "no keys"
        raise ValueError(f"X has {what}; pass a dict of modality to series, such as {EXAMPLE}.")
    unknown = [name for name in X if names is not None and name not in names]
    if unknown:
        raise ValueError(
            f"X has the modality {unknown[0]!r}, but was fitted on {listed(names, 10)}; leave it "
            "out, or fit again."
        )


def _read(values):
    """Return the series of the samples that have a modality, and which ones these are."""
    if values is None:
        return None, None
    if not isinstance(values, (list, tuple)) or all(entry is not None for entry in values):
        series = validation.as_series(values)
        return series, np.ones(len(series), bool)
    there = [entry for entry in values if entry is not None]
    present = np.array([entry is not None for entry in values])
    return validation.as_series(there) if there else None, present
