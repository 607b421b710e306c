"""How is a network of several modalities built? From a trunk for each, and one head."""

import numpy as np

from lstmfcn.explain import count_features
from lstmfcn.networks.backend import float32_layers, keras, ops
from lstmfcn.networks.builders import NETWORKS, count_weights
from lstmfcn.networks.layers import SharedLogits
from lstmfcn.validation import draw_seeds


@keras.saving.register_keras_serializable(package="lstmfcn")
class ModalityDropout(keras.layers.Layer):
    """Hide each modality of a training sample with probability ``rate``, never all of them.

    Where all would be hidden, one of them, drawn at random, stays (Neverova, Wolf, Taylor, Nebout,
    "ModDrop", 2016, arXiv:1501.00102).
    """

    def __init__(self, rate, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)

    def call(self, present, training=False):
        """Return (batch, n_modalities): 1 on a modality of `present` that the head may see."""
        if not training or not self.rate:
            return present
        u = present * keras.random.uniform(ops.shape(present), dtype="float32", seed=self.random)
        stays = ops.logical_or(u >= self.rate, u == ops.max(u, axis=1, keepdims=True))
        return present * ops.cast(stays, present.dtype)

    def compute_output_shape(self, present_shape):
        return present_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@float32_layers()
def build_branches(
    trunks,
    n_classes,
    *,
    network,
    n_hidden=32,
    modality_dropout=0.0,
    occlusion=0.0,
    passes_gaps=True,
    seed=0,
    **_,
):
    """Build one trunk per modality, FCN, LSTM-FCN or ALSTM-FCN, and a head that sees them all.

    The head is linear on [LSTM states, averaged features] of all modalities. Beside this direct way
    it has a hidden layer of width ``n_hidden`` (0: none), for what only the combination of
    modalities tells (Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016,
    arXiv:1606.07792). The features of a modality that a sample lacks, or that modality dropout
    hides, are multiplied by zero.

    ``trunks`` has per modality the arguments of its builder in :mod:`lstmfcn.networks`, but for
    `n_classes`, `occlusion`, `passes_gaps` and `seed`. The model takes [series and, if masked, mask
    of each modality, present (batch, n_modalities)] to probabilities (batch, n_classes). Layers of
    trunk k have the names of :mod:`lstmfcn.networks` with ``.k`` behind.
    """
    seeds = draw_seeds(seed, len(trunks) + 3).tolist()
    present = keras.Input((len(trunks),), dtype="float32", name="present")
    seen = ModalityDropout(modality_dropout, seed=seeds[0], name="modality_dropout")(present)
    inputs, answers = [], {"lstm": [], "pooled": [], "context": []}
    for place, architecture in enumerate(trunks.values()):
        trunk = NETWORKS[network](
            **architecture,
            n_classes=n_classes,
            occlusion=occlusion,
            passes_gaps=passes_gaps,
            seed=seeds[3 + place],
        )
        layers = {layer.name: layer for layer in trunk.layers}
        for name, layer in layers.items():
            layer.name = f"{name}.{place}"  # in one network no two layers may share a name
        inputs += trunk.inputs
        for name in answers:
            if name in layers:
                gated = keras.layers.Multiply(name=f"seen_{name}.{place}")
                answers[name].append(gated([layers[name].output, seen[:, place : place + 1]]))
    lstm, pooled, context = answers.values()
    evidence = _joined([*lstm, *pooled], "concatenated")
    if n_hidden:
        joint = keras.layers.Dense(
            n_hidden,
            activation="relu",
            kernel_initializer=keras.initializers.HeUniform(seeds[1]),
            name="joint",
        )(evidence)
        evidence = keras.layers.Concatenate(name="evidence")([joint, evidence])
    options = {"kernel_initializer": keras.initializers.GlorotUniform(seeds[2]), "name": "logits"}
    if context:  # as in ALSTM-FCN: what a trunk attends to is to suffice for the decision
        logits, *_ = SharedLogits(n_classes, **options)(evidence, _joined(context, "contexts"))
    else:
        logits = keras.layers.Dense(n_classes, **options)(evidence)
    outputs = keras.layers.Softmax(name="probabilities")(logits)
    return keras.Model([*inputs, present], outputs, name="branches")


def count_branch_weights(architecture):
    """Count the weights of a network from the arguments of :func:`build_branches`."""
    trunks, n_hidden = architecture["trunks"].values(), architecture["n_hidden"]
    widths = [count_features(trunk) + trunk.get("n_cells", 0) for trunk in trunks]
    n_direct = int(np.sum(widths))
    n_head = (n_direct + 1) * n_hidden + (n_hidden + n_direct + 1) * architecture["n_classes"]
    shared = {"n_classes": 0, "occlusion": architecture.get("occlusion", 0.0)}
    return n_head + sum(count_weights(architecture["network"], **shared, **t) for t in trunks)


def _joined(tensors, name):
    if len(tensors) == 1:
        return keras.layers.Identity(name=name)(tensors[0])
    return keras.layers.Concatenate(name=name)(tensors)
