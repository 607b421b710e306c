"""How do several modalities become the channels of one series? Aligned in time, and stacked."""

import copy

import numpy as np

from lstmfcn.lengths import mean_pool, resample
from lstmfcn.meta.rows import stack_rows
from lstmfcn.multimodal.modalities import ModalitiesReader


class EarlyFusion:
    """One estimator of the stacked channels of all modalities.

    ``align_to`` is "longest", "shortest", or the modality whose length the others of a sample get,
    or the longest, if the sample lacks that modality. A missing modality becomes the means in
    ``reader``.
    """

    def __init__(self, estimator, align_to):
        self.estimator = estimator
        self.align_to = align_to

    def fit(self, modalities, y, sample_weight=None, validation_data=None):
        """Fit the estimator; ``validation_data`` is a pair of Modalities and labels."""
        reader = ModalitiesReader.learn(modalities, self.estimator.unequal_length)
        self.reader = reader.with_normalization("dataset", modalities)
        common = self._common_length()
        stacked = self._stacked(modalities, common)
        if validation_data is not None:
            held_out, held_out_y = validation_data
            self.reader.check(held_out, type(self.estimator).__name__)
            validation_data = self._stacked(held_out, common), held_out_y
        self.estimator.fit(stacked, y, sample_weight, validation_data)

    def predict_proba(self, modalities):
        """Return probabilities (n_samples, n_classes)."""
        return self.estimator.predict_proba(self._matching(modalities))

    def fine_tune(self, modalities, y, sample_weight=None, **options):
        """Train a copy of the estimator on, and keep that."""
        self.estimator = copy.copy(self.estimator)
        self.estimator.fine_tune(self._matching(modalities), y, sample_weight, **options)

    def attention_maps(self, modalities):
        """Return per modality the one attention over the aligned timepoints, NaN without it."""
        attention = self.estimator.attention_map(self._matching(modalities))
        return {
            name: np.where(present[:, np.newaxis], attention, np.nan)
            for name, present in zip(modalities.names, modalities.present.T, strict=True)
        }

    @property
    def history_(self):
        """The estimator's."""
        return self.estimator.history_

    def _common_length(self):
        """Return the length of all samples, or None where it differs between them."""
        readers = self.reader.readers
        if any(reader.unequal_length for reader in readers.values()):
            return None
        return self._length({name: reader.n_timepoints for name, reader in readers.items()})

    def _length(self, lengths):
        """Return the length to bring modalities of such lengths to."""
        if self.align_to in lengths:
            return lengths[self.align_to]
        return min(lengths.values()) if self.align_to == "shortest" else max(lengths.values())

    def _matching(self, modalities):
        """Return stacked series like those of ``fit``."""
        estimator = self.estimator
        self.reader.check(modalities, type(estimator).__name__)
        common = None if estimator.unequal_length_in_ else estimator.n_timepoints_in_
        return self._stacked(modalities, common)

    def _stacked(self, modalities, common):
        """Return series (n_channels of all, T_i): an array of the common length, or a list."""
        stacked = self._aligned(modalities, common)
        if not common:
            return list(stacked)
        n_channels = sum(reader.n_channels for reader in self.reader.readers.values())
        arrays = [x for x in modalities.series.values() if isinstance(x, np.ndarray)]
        return stack_rows(stacked, (len(modalities), n_channels, common), *arrays)

    def _aligned(self, modalities, common):
        """Yield the stacked series of each sample."""
        for places in modalities.places().T:
            own = {
                name: series[place]
                for (name, series), place in zip(modalities.series.items(), places, strict=True)
                if place >= 0
            }
            n_timepoints = common or self._length({n: x.shape[1] for n, x in own.items()})
            parts = []
            for name, reader in self.reader.readers.items():
                if name in own:  # means of windows, then linear interpolation
                    parts.append(resample(mean_pool(own[name].T, n_timepoints), n_timepoints).T)
                else:
                    mean = np.array(reader.normalizer.mean)[:, np.newaxis]
                    parts.append(np.repeat(mean, n_timepoints, axis=1))
            yield np.concatenate(parts)
