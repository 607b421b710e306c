"""What does a network of several modalities look like? A trunk for each, and one head."""

import numpy as np

from lstmfcn.backend import float32_layers, keras, ops
from lstmfcn.layers import SharedLogits
from lstmfcn.networks import NETWORKS
from lstmfcn.validation import draw_seeds

__all__ = [
    "ModalityDropout",
    "build_branches",
    "count_head_weights",
    "head_weights",
    "trunk_layers",
]

HEAD = ("joint", "logits")  # layers with weights behind the trunks


@keras.saving.register_keras_serializable(package="lstmfcn")
class ModalityDropout(keras.layers.Layer):
    """Hide modalities of a sample while training, never the last one.

    Each modality that a sample has is hidden with probability `rate`; where all would be, one of
    them, drawn at random, stays. So the decision learns to do with what is there.

    Parameters
    ----------
    rate : float in [0, 1)
    seed : int, default=0
        Where the layer's own random numbers start.

    References
    ----------
    Neverova, Wolf, Taylor, Nebout, "ModDrop: Adaptive Multi-modal Gesture Recognition", 2016,
    arXiv:1501.00102.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.fusion.networks import ModalityDropout
    >>> present = np.tile(np.float32([[1, 1, 0]]), (1000, 1))
    >>> seen = np.asarray(ModalityDropout(0.5)(present, training=True))
    >>> bool((seen.sum(axis=1) >= 1).all()), bool(0.55 < seen[:, 0].mean() < 0.7)
    (True, True)
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

    The head is linear on [LSTM states, averaged features] of all modalities, as that of the
    networks themselves, and beside this direct way has a hidden layer, for what only the
    combination of modalities tells. What a trunk says of a sample without the modality is
    multiplied by zero, and so is what modality dropout hides.

    Parameters
    ----------
    trunks : dict of str to dict
        Per modality the arguments of its builder in :mod:`lstmfcn.networks`, but for `n_classes`,
        `occlusion`, `passes_gaps` and `seed`.
    n_classes : int
    network : {"fcn", "lstmfcn", "alstmfcn"}
    n_hidden : int, default=32
        Width of the hidden layer; with 0 there is none, and each logit is a sum over modalities.
    modality_dropout : float in [0, 1), default=0.0
    occlusion : float in [0, 1), default=0.0
    passes_gaps : bool, default=True
    seed : int, default=0

    Returns
    -------
    keras.Model
        Uncompiled; [series and, if masked, mask of each modality, present (batch, n_modalities)]
        to probabilities (batch, n_classes). Layers of trunk k have the names of
        :mod:`lstmfcn.networks` with ``.k`` behind.

    References
    ----------
    The two ways of the head: Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016,
    arXiv:1606.07792.

    Examples
    --------
    >>> from lstmfcn.emotion.fusion.networks import build_branches
    >>> sizes = {"n_filters": (4, 4, 4), "kernel_sizes": (3, 3, 3), "n_cells": 2}
    >>> trunks = {
    ...     "audio": {"n_timepoints": 50, "n_channels": 3, **sizes},
    ...     "text": {"n_timepoints": 9, "n_channels": 5, **sizes},
    ... }
    >>> model = build_branches(trunks, 4, network="lstmfcn")
    >>> [tensor.shape for tensor in model.inputs], model.output.shape
    ([(None, 50, 3), (None, 9, 5), (None, 2)], (None, 4))
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
    # As in ALSTM-FCN: what a trunk attends to is to suffice for the decision.
    kind, attended = (
        (SharedLogits, [_joined(context, "contexts")])
        if context
        else (
            keras.layers.Dense,
            [],
        )
    )
    initializer = keras.initializers.GlorotUniform(seeds[2])
    logits = kind(n_classes, kernel_initializer=initializer, name="logits")(evidence, *attended)
    logits = keras.tree.flatten(logits)[0]
    outputs = keras.layers.Softmax(name="probabilities")(logits)
    return keras.Model([*inputs, present], outputs, name="branches")


def trunk_layers(model, place):
    """Return the layers with weights of one trunk, by their names in :mod:`lstmfcn.networks`.

    Parameters
    ----------
    model : keras.Model
        Of :func:`build_branches`.
    place : int
        Of the trunk, counted from 0.

    Returns
    -------
    dict of str to keras.layers.Layer
    """
    ending = f".{place}"
    return {
        layer.name.removesuffix(ending): layer
        for layer in model.layers
        if layer.name.endswith(ending) and layer.weights
    }


def head_weights(model):
    """Return the variables of the head: hidden layer, if there is one, and last layer."""
    layers = [layer for layer in model.layers if layer.name in HEAD]
    return [variable for layer in layers for variable in layer.weights]


def count_head_weights(trunks, n_classes, n_hidden):
    """Count the weights of the head without building it.

    Examples
    --------
    >>> from lstmfcn.emotion.fusion.networks import count_head_weights
    >>> trunk = {"n_filters": (4, 4, 6), "n_cells": 2}
    >>> count_head_weights({"audio": trunk, "text": trunk}, n_classes=3, n_hidden=5)
    151
    """
    widths = [trunk["n_filters"][-1] + trunk.get("n_cells", 0) for trunk in trunks.values()]
    n_direct = int(np.sum(widths))
    n_joint = (n_direct + 1) * n_hidden
    return n_joint + (n_hidden + n_direct + 1) * n_classes


def _joined(tensors, name):
    if len(tensors) == 1:
        return keras.layers.Identity(name=name)(tensors[0])
    return keras.layers.Concatenate(name=name)(tensors)
