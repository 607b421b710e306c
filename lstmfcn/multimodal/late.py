"""How are the probabilities of one classifier for each modality averaged?"""

import copy
from collections.abc import Mapping

import numpy as np
from sklearn.base import clone

from lstmfcn import validation
from lstmfcn.meta.base import aligned_proba
from lstmfcn.multimodal.modalities import naming


class LateFusion:
    """A clone of the estimator per modality, whose probabilities are averaged.

    `estimators` holds them by modality, each fitted to the samples that have it.
    """

    def __init__(self, estimator, random_state):
        self.estimator = estimator
        self.random_state = random_state

    def fit(self, modalities, y, sample_weight=None, validation_data=None):
        """Fit an estimator per modality.

        ``validation_data`` is a pair of Modalities and labels; each estimator gets its modality.
        """
        self.classes_ = np.unique(y)
        self.estimators = {}
        if isinstance(self.estimator.class_weight, Mapping):
            validation.check_class_weight(self.estimator.class_weight, self.classes_)
        if validation_data is not None:
            validation.encode_labels(validation_data[1], self.classes_, "FusionClassifier")
        seed = validation.draw_seeds(self.random_state, 2)[0]
        seeds = validation.draw_seeds(seed, len(modalities.names)).tolist()
        for name, random_state in zip(modalities.names, seeds, strict=True):
            rows = modalities.rows(name)
            weight = None if sample_weight is None else sample_weight[rows]
            held_out = None
            classes = set(y[rows].tolist())  # not all classes need have each modality
            if validation_data is not None:
                held, held_y = validation_data
                is_seen = np.isin(held_y, y[rows])
                held, held_y = held[is_seen], held_y[is_seen]
                if held.series[name] is not None:
                    held_out = held.series[name], held_y[held.rows(name)]
            estimator = clone(self.estimator).set_params(random_state=random_state)
            if isinstance(estimator.class_weight, Mapping):
                factors = {k: v for k, v in estimator.class_weight.items() if k in classes}
                estimator.set_params(class_weight=factors)
            with naming(name):
                estimator.fit(modalities.series[name], y[rows], weight, held_out)
            self.estimators[name] = estimator

    def predict_proba(self, modalities):
        """Return the mean (n_samples, n_classes) over the modalities that a sample has."""
        shape = len(modalities), len(self.estimators), len(self.classes_)
        probabilities = np.full(shape, np.nan)
        for place, (name, estimator) in enumerate(self.estimators.items()):
            series = modalities.series[name]
            if series is not None:
                with naming(name):
                    found = aligned_proba(estimator, series, self.classes_)
                probabilities[modalities.rows(name), place] = found
        return np.nanmean(probabilities, axis=1)

    def fine_tune(self, modalities, y, sample_weight=None, **options):
        """Train each estimator on."""
        tuned = {}
        for name, estimator in self.estimators.items():
            rows = modalities.rows(name)
            weight = None if sample_weight is None else sample_weight[rows]
            tuned[name] = copy.copy(estimator)  # or an error in a later one would leave it changed
            with naming(name):
                tuned[name].fine_tune(modalities.series[name], y[rows], weight, **options)
        self.estimators = tuned

    def attention_maps(self, modalities):
        """Return per modality the attention of its estimator, NaN without the modality."""
        maps = {}
        for name, estimator in self.estimators.items():
            maps[name] = np.full((len(modalities), estimator.n_timepoints_in_), np.nan)
            if modalities.series[name] is not None:
                with naming(name):
                    attention = estimator.attention_map(modalities.series[name])
                maps[name][modalities.rows(name)] = attention
        return maps

    @property
    def history_(self):
        """The histories of the estimators, by modality."""
        return {name: estimator.history_ for name, estimator in self.estimators.items()}
