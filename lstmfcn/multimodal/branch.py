"""How do several modalities decide through one network that is trained on all of them at once?"""

import copy

import numpy as np

from lstmfcn import validation
from lstmfcn.explain import NOT_OVER_TIME, attention_steps, attention_weights, uniform_attention
from lstmfcn.fitting import SeriesDesign
from lstmfcn.multimodal.branch_network import build_branches, count_branch_weights
from lstmfcn.multimodal.modalities import Modalities, ModalitiesReader, naming
from lstmfcn.networks.builders import transfer_weights
from lstmfcn.warning import warn

OF_ALL = ("n_classes", "occlusion", "passes_gaps", "seed")  # arguments that the trunks share


class BranchDesign(SeriesDesign):
    """Samples are Modalities, and the network has a trunk for each and one head."""

    learn = staticmethod(ModalitiesReader.learn)
    reader_from_json = staticmethod(ModalitiesReader.from_json)

    def __init__(self, n_hidden, modality_dropout):
        self.n_hidden, self.modality_dropout = int(n_hidden), float(modality_dropout)

    def read(self, X, classifier=None, *, reset=False):
        """Return Modalities as they are: FusionClassifier has checked them."""
        return X

    def arrays(self, samples):
        """Return the arrays that a checkpoint recognises the samples by."""
        if not isinstance(samples, Modalities):
            return (samples,)
        return *(x for x in samples.series.values() if x is not None), samples.present

    def settings(self):
        """Return what else a checkpoint recognises its training by."""
        return vars(self)

    def builder(self, classifier):
        """Return the function that builds the network."""
        return build_branches

    def architecture(self, classifier, reader, n_cells, seed):
        """Return the builder's arguments; refuse a network that is too large."""
        trunks = {}
        for name, one in reader.readers.items():
            with naming(name):
                trunk = SeriesDesign().architecture(classifier, one, n_cells, seed)
                trunks[name] = {**trunk, "rocket": 0}  # the head decides, on what is learned
        first = next(iter(trunks.values()))
        architecture = {
            "network": classifier._network,
            "trunks": {
                name: {key: value for key, value in trunk.items() if key not in OF_ALL}
                for name, trunk in trunks.items()
            },
            **vars(self),
            **{key: first[key] for key in (*OF_ALL, "n_cells") if key in first},
        }
        validation.check_network_size(self.count_weights(classifier, architecture))
        return architecture

    def parts(self, architecture, reader):
        """Return (architecture, reader) of each trunk as a network of its own."""
        shared = {key: architecture[key] for key in OF_ALL}
        trunks = architecture["trunks"]
        if list(trunks) != list(reader.readers):
            raise ValueError("its trunks are not those of its modalities")
        return [({**trunks[name], **shared}, one) for name, one in reader.readers.items()]

    def count_weights(self, classifier, architecture):
        """Return the number of the network's weights, without building it."""
        own = {"network": classifier._network, **vars(self)}
        if any(architecture[key] != value for key, value in own.items()):
            raise ValueError("its network is not that of its parameters")
        return count_branch_weights(architecture)

    def adapted(self, classifier, new_head, seed, places=None):
        """Return a network with the weights of the fitted one, and its architecture."""
        network = classifier.network_
        model = network.build(**network.architecture)
        transfer_weights(network.model, model)
        return model, network.architecture


class BranchFusion:
    """One estimator, fitted to Modalities, whose network has a trunk for each."""

    def __init__(self, estimator, n_hidden, modality_dropout):
        self.estimator = estimator
        self.estimator._design = BranchDesign(n_hidden, modality_dropout)

    def fit(self, modalities, y, sample_weight=None, validation_data=None):
        """Fit the estimator; ``validation_data`` is a pair of Modalities and labels."""
        self.estimator.fit(modalities, y, sample_weight, validation_data)

    def predict_proba(self, modalities):
        """Return probabilities (n_samples, n_classes)."""
        return self.estimator.predict_proba(modalities)

    def fine_tune(self, modalities, y, sample_weight=None, **options):
        """Train a copy of the estimator on, and keep that."""
        self.estimator = copy.copy(self.estimator)
        self.estimator.fine_tune(modalities, y, sample_weight, **options)

    def attention_maps(self, modalities):
        """Return per modality the attention (n_samples, n_timepoints), NaN without the modality."""
        estimator = self.estimator
        reader, network = estimator.reader_, estimator.network_
        reader.check(modalities, type(estimator).__name__)
        inputs, maps, first = reader.to_inputs(modalities), {}, 0
        for place, (name, one) in enumerate(reader.readers.items()):
            values, mask = inputs[first], inputs[first + 1] if one.is_masked else None
            first += 2 if one.is_masked else 1
            trunk, ending = network.architecture["trunks"][name], f".{place}"
            if attention_steps(network, trunk, ending) == "timepoints":
                maps[name] = attention_weights(network, inputs, mask, trunk, ending=ending)
            else:
                warn(NOT_OVER_TIME)
                maps[name] = uniform_attention(values, mask)
            maps[name] = np.where(modalities.present[:, [place]], maps[name], np.nan)
        return maps

    @property
    def history_(self):
        """The estimator's."""
        return self.estimator.history_
