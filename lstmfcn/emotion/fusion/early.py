"""How do several modalities become the channels of one series? Aligned in time, and stacked."""

import copy

import numpy as np
from sklearn.base import clone

from lstmfcn import validation
from lstmfcn.emotion.fusion.modalities import naming
from lstmfcn.emotion.lengths import mean_pool, resample
from lstmfcn.preprocessing import Normalizer

__all__ = ["EarlyFusion"]


class EarlyFusion:
    """One estimator of the stacked channels of all modalities.

    Parameters
    ----------
    estimator : LSTMFCNClassifier, ALSTMFCNClassifier or FCNClassifier
        Unfitted.
    align_to : str
        ``"longest"``, ``"shortest"``, or the modality whose length the others of a sample get;
        the longest where a sample has it not.

    Attributes
    ----------
    readers : dict of str to unfitted estimator
        What knows the shape of each modality's series.
    means : dict of str to tuple of float
        Each modality's channels over the training data: what stands where it is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn import FCNClassifier
    >>> from lstmfcn.emotion.fusion.early import EarlyFusion
    >>> from lstmfcn.emotion.fusion.modalities import read_modalities
    >>> X = read_modalities({"audio": np.eye(6)[:, None], "text": np.zeros((6, 2, 3))})
    >>> early = EarlyFusion(FCNClassifier((4, 4, 4), n_epochs=1, random_state=0), "longest")
    >>> early.fit(X, [0, 1, 0, 1, 0, 1]).estimator.n_channels_in_, early.estimator.n_timepoints_in_
    (3, 6)
    """

    def __init__(self, estimator, align_to):
        self.estimator = estimator
        self.align_to = align_to

    def fit(self, modalities, y, sample_weight=None, validation_data=None):
        """Fit the estimator to the stacked channels.

        ``validation_data`` is a pair of Modalities and labels.
        """
        self.readers, self.means = {}, {}
        for name, series in modalities.series.items():
            self.readers[name] = clone(self.estimator)
            self.readers[name]._fix_shape(series)
            self.means[name] = Normalizer.fit("dataset", series).mean
        common = self._common_length()
        stacked = self._stacked(modalities, common)
        if validation_data is not None:
            held_out, held_out_y = validation_data
            self._check_matches_readers(held_out)
            validation_data = self._stacked(held_out, common), held_out_y
        self.estimator.fit(stacked, y, sample_weight, validation_data)
        return self

    def predict_proba(self, modalities):
        """Return probabilities (n_samples, n_classes)."""
        return self.estimator.predict_proba(self._matching(modalities))

    def fine_tune(self, modalities, y, sample_weight=None, **options):
        """Train a copy of the estimator on, and keep that."""
        self.estimator = copy.copy(self.estimator)
        self.estimator.fine_tune(self._matching(modalities), y, sample_weight, **options)
        return self

    def attention_maps(self, modalities):
        """Return per modality the one attention over the aligned timepoints, NaN without it."""
        attention = self.estimator.attention_map(self._matching(modalities))
        there = {name: modalities.present[:, [k]] for k, name in enumerate(modalities.names)}
        return {name: np.where(present, attention, np.nan) for name, present in there.items()}

    def classifiers(self):
        """Return the estimator by a name."""
        return {"all": self.estimator}

    @property
    def history_(self):
        """That of the estimator."""
        return self.estimator.history_

    def _common_length(self):
        """Return the length of all samples, or None where it differs between them."""
        if any(reader.unequal_length_in_ for reader in self.readers.values()):
            return None
        return self._length({n: reader.n_timepoints_in_ for n, reader in self.readers.items()})

    def _length(self, lengths):
        """Return the length to bring modalities of such lengths to."""
        if self.align_to in lengths:
            return lengths[self.align_to]
        return min(lengths.values()) if self.align_to == "shortest" else max(lengths.values())

    def _matching(self, modalities):
        """Return stacked series like those of ``fit``."""
        self._check_matches_readers(modalities)
        estimator = self.estimator
        unequal = estimator.unequal_length_in_
        return self._stacked(modalities, None if unequal else estimator.n_timepoints_in_)

    def _check_matches_readers(self, modalities):
        for name, series in modalities.series.items():
            if series is not None:
                with naming(name):
                    validation.check_matches_fit(series, self.readers[name])

    def _stacked(self, modalities, common):
        """Return series (n_channels of all, T_i): an array of the common length, or a list."""
        stacked = []
        for places in modalities.places().T:
            own = {
                name: series[place]
                for (name, series), place in zip(modalities.series.items(), places, strict=True)
                if place >= 0
            }
            n_timepoints = common or self._length({n: x.shape[1] for n, x in own.items()})
            parts = [
                _brought(own[name], n_timepoints)
                if name in own
                else np.repeat(np.array(mean)[:, np.newaxis], n_timepoints, axis=1)
                for name, mean in self.means.items()
            ]
            stacked.append(np.concatenate(parts))
        return np.stack(stacked) if common else stacked


def _brought(series, n_timepoints):
    """Bring (n_channels, T) to a length: means of windows, then linear interpolation."""
    return resample(mean_pool(series.T, n_timepoints), n_timepoints).T
