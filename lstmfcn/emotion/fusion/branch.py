"""How do several modalities decide through one network that is trained on all of them at once?"""

import copy

import numpy as np

from lstmfcn import validation
from lstmfcn.classifiers import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.emotion.fusion.modalities import Modalities, naming
from lstmfcn.emotion.fusion.networks import build_branches, count_head_weights, trunk_layers
from lstmfcn.networks import NETWORKS, count_weights, transfer_weights
from lstmfcn.preprocessing import without_weightless

__all__ = ["make_branches"]

# Arguments of a builder that the trunks share.
OF_ALL = ("n_classes", "occlusion", "passes_gaps", "seed")
FITTED_TOGETHER = ("classes_", "history_", "n_epochs_", "batch_size_", "precision_")


def make_branches(estimator, *, n_hidden, modality_dropout, random_state):
    """Return an unfitted classifier of Modalities, with the parameters of one of series.

    It is trained, fine-tuned and pickled by the code of all classifiers of this package; what it
    overrides is what a series is.

    Parameters
    ----------
    estimator : LSTMFCNClassifier, ALSTMFCNClassifier or FCNClassifier
        Unfitted.
    n_hidden, modality_dropout
        See :func:`lstmfcn.emotion.fusion.networks.build_branches`.
    random_state : int

    Returns
    -------
    classifier
        Whose ``fit``, ``predict_proba`` and ``fine_tune`` take Modalities for X.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn import FCNClassifier
    >>> from lstmfcn.emotion.fusion.branch import make_branches
    >>> from lstmfcn.emotion.fusion.modalities import read_modalities
    >>> X = read_modalities({"audio": np.eye(6)[:, None], "text": np.zeros((6, 2, 4))})
    >>> estimator = FCNClassifier((4, 4, 4), n_epochs=1)
    >>> branches = make_branches(estimator, n_hidden=4, modality_dropout=0.2, random_state=0)
    >>> branches.fit(X, [0, 1, 0, 1, 0, 1]).predict_proba(X).shape
    (6, 2)
    """
    branches = _BRANCHES[type(estimator)](**estimator.get_params(deep=False))
    branches.n_hidden, branches.modality_dropout = int(n_hidden), float(modality_dropout)
    branches.random_state = random_state
    return branches


class _Branches:
    """What differs from a classifier of series: X is Modalities, the network has several trunks.

    ``_trunks`` holds per modality a classifier of the ordinary kind without a network, which knows
    how its series are read: their shape and normalisation.
    """

    _trunk_class = None

    def attention_maps(self, modalities):
        """Return per modality the attention (n_samples, n_timepoints), NaN without the modality."""
        self._matching_series(modalities)
        maps = {}
        for name, trunk in self.classifiers().items():
            maps[name] = np.full((len(modalities), trunk.n_timepoints_in_), np.nan)
            if modalities.series[name] is not None:
                attention = trunk.attention_map(modalities.series[name])
                maps[name][modalities.rows(name)] = attention
        return maps

    def classifiers(self):
        """Return each modality's trunk as a classifier of its own, whose last layer is untrained.

        Returns
        -------
        dict of str to fitted classifier
        """
        trunks = {}
        shared = {key: self._architecture[key] for key in OF_ALL}
        for place, (name, trunk) in enumerate(self._trunks.items()):
            trunk = copy.copy(trunk)
            for attribute in FITTED_TOGETHER:
                setattr(trunk, attribute, getattr(self, attribute))
            architecture = {**self._architecture["trunks"][name], **shared}
            model = NETWORKS[self._network](**architecture)
            for layer_name, layer in trunk_layers(self.model_, place).items():
                model.get_layer(layer_name).set_weights(layer.get_weights())
            trunk._adopt(model, architecture)
            trunks[name] = trunk
        return trunks

    def adopt_trunks(self, trunks):
        """Build the network from trunks as :meth:`classifiers` gives them; its head is new."""
        self._trunks = trunks
        first = next(iter(trunks.values()))
        for attribute in FITTED_TOGETHER:
            setattr(self, attribute, getattr(first, attribute))
        architecture = self._joint_architecture(
            {name: trunk._architecture for name, trunk in trunks.items()}
        )
        model = self._build(architecture)
        for place, trunk in enumerate(trunks.values()):
            for layer_name, layer in trunk_layers(model, place).items():
                layer.set_weights(trunk.model_.get_layer(layer_name).get_weights())
        self._adopt(model, architecture)

    def _new_series(self, X):
        return X

    def _fix_shape(self, series):
        self._trunks = {}
        for name, values in series.series.items():
            trunk = self._trunk_class(**self.get_params(deep=False))
            trunk._fix_shape(values)
            self._trunks[name] = trunk

    def _learn_scale(self, series):
        for name, trunk in self._trunks.items():
            if series.series[name] is None:
                raise ValueError(
                    f"what is held out or weighs nothing leaves no sample of modality {name!r} to "
                    "train on; pass more samples of it, or leave it out."
                )
            trunk._learn_scale(series.series[name])

    def _to_inputs(self, series):
        """Return series and mask of each modality and, last, which sample has which."""
        inputs = []
        for name, trunk in self._trunks.items():
            values = series.filled(name, trunk.n_channels_in_, trunk.n_timepoints_in_)
            with naming(name):
                inputs += trunk._to_inputs(values)
        return (*inputs, series.present.astype(np.float32))

    def _new_architecture(self, n_cells, seed):
        trunks = {}
        for name, trunk in self._trunks.items():
            trunk.classes_ = self.classes_
            with naming(name):
                trunks[name] = trunk._new_architecture(n_cells, seed)
        return self._joint_architecture(trunks)

    def _joint_architecture(self, trunks):
        """Return the arguments of ``build_branches`` from those of each trunk alone."""
        first = next(iter(trunks.values()))
        n_classes = first["n_classes"]
        trunks = {
            name: {key: value for key, value in trunk.items() if key not in OF_ALL}
            for name, trunk in trunks.items()
        }
        n_weights = count_head_weights(trunks, n_classes, self.n_hidden)
        shared = {"n_classes": 0, "occlusion": first["occlusion"]}
        n_weights += sum(count_weights(self._network, **shared, **t) for t in trunks.values())
        validation.check_network_size(n_weights)
        architecture = {
            "trunks": trunks,
            "n_classes": n_classes,
            "n_hidden": self.n_hidden,
            "modality_dropout": self.modality_dropout,
            "occlusion": first["occlusion"],
            "passes_gaps": first["passes_gaps"],
            "seed": first["seed"],
        }
        return architecture | {key: first[key] for key in ("n_cells",) if key in first}

    def _build(self, architecture):
        return build_branches(**architecture, network=self._network)

    def _matching_series(self, X):
        for name, series in X.series.items():
            if series is not None:
                with naming(name):
                    validation.check_matches_fit(series, self._trunks[name])
        return X

    def _read_more_data(self, X, y, sample_weight, reset_head):
        series, labels = self._read_labelled(X, y)
        weights = validation.check_weights(sample_weight, len(labels))
        return without_weightless(series, labels, weights)

    def _transferred(self, reset_head, seed):
        model = self._build(self._architecture)
        transfer_weights(self.model_, model)
        return model, self._architecture

    def _open_checkpoint(self, method, seeds, data, *more_data, **arguments):
        return super()._open_checkpoint(
            method,
            seeds,
            _plain(data),
            *(_plain(group) for group in more_data),
            n_hidden=self.n_hidden,
            modality_dropout=self.modality_dropout,
            **arguments,
        )


class _LSTMFCNBranches(_Branches, LSTMFCNClassifier):
    _trunk_class = LSTMFCNClassifier


class _ALSTMFCNBranches(_Branches, ALSTMFCNClassifier):
    _trunk_class = ALSTMFCNClassifier


class _FCNBranches(_Branches, FCNClassifier):
    _trunk_class = FCNClassifier


_BRANCHES = {
    LSTMFCNClassifier: _LSTMFCNBranches,
    ALSTMFCNClassifier: _ALSTMFCNBranches,
    FCNClassifier: _FCNBranches,
}


def _plain(group):
    """Return arrays and series in the place of Modalities, for a fingerprint."""
    arrays = []
    for entry in group:
        if isinstance(entry, Modalities):
            arrays += [series for series in entry.series.values() if series is not None]
            entry = entry.present
        arrays.append(entry)
    return tuple(arrays)
