"""How are LSTM-FCN, ALSTM-FCN and FCN built? By pure functions to an uncompiled keras.Model.

Every network maps ``series`` (batch, n_timepoints, n_channels) to ``probabilities`` (batch,
n_classes). With ``n_classes=1`` it tells a number: its answer (batch, 1) are the logits. A masked
network takes a second input, ``mask`` (batch, n_timepoints), 1 on observed and 0 on padded
timepoints. Its output for a padded series equals its output for the series without padding.

Layers that other modules read have fixed names: ``features`` (the last convolution block after
ReLU, (batch, n_steps, n_filters)), ``pooled`` (its mean over time), ``lstm`` (the LSTM branch,
(batch, n_cells)), ``concatenated`` ([lstm, pooled]), ``logits``. A step of the features stands for
as many timepoints as the product of ``pool_sizes``. With fixed kernels, training uses ``logits``;
the layer ``decision`` is the mean of ``logits`` and the logits of the layer ``rocket``.
"""

import math

from lstmfcn.networks.backend import float32_layers, keras
from lstmfcn.networks.layers import (
    LSTM,
    Attention,
    AttentionLSTM,
    Convolution,
    Detached,
    Detrend,
    FusedBatchNormalization,
    MeanPooling,
    SharedLogits,
    hard_sigmoid,
)
from lstmfcn.networks.occlusion import Denoiser, count_denoiser_weights
from lstmfcn.networks.rocket import Rocket, count_rocket_weights

FILTERS, KERNELS = (128, 256, 128), (8, 5, 3)  # as published
ONES = (1, 1, 1)
VALUES = ("values",)
TREND = 8  # parts of a series, over one of which the trend is a mean
REDUCTION = 16  # of squeeze-and-excite, as in MLSTM-FCN
LAYOUT = "channels_last"  # whatever the user has set for images
LONGEST_UNROLLED_LSTM = 16  # steps; beyond it a loop in the graph is cheaper to build


def uses_dimension_shuffle(dimension_shuffle, n_channels, n_timepoints):
    """Resolve ``dimension_shuffle="auto"``: shuffle when that means fewer LSTM steps.

    Steps behind the shuffle are channels of ``n_timepoints`` values (Karim et al.,
    arXiv:1801.04503).

    >>> uses_dimension_shuffle("auto", 1, 100), uses_dimension_shuffle("auto", 100, 10)
    (True, False)
    """
    if dimension_shuffle == "auto":
        return n_channels < n_timepoints
    return bool(dimension_shuffle)


@float32_layers()
def build_fcn(
    n_timepoints,
    n_channels,
    n_classes,
    *,
    n_filters=FILTERS,
    kernel_sizes=KERNELS,
    pool_sizes=ONES,
    dilation_rates=ONES,
    views=VALUES,
    rocket=0,
    squeeze_excite=False,
    occlusion=0.0,
    passes_gaps=True,
    masked=False,
    seed=0,
):
    """Build the fully convolutional network of Wang et al.: LSTM-FCN without the LSTM branch.

    Parameters
    ----------
    n_timepoints, n_channels, n_classes : int
        ``n_classes=1``: the network tells a number, without a softmax.
    n_filters, kernel_sizes : sequences of int of equal length
        Width and kernel size of each convolution block.
    pool_sizes : sequence of int, default=(1, 1, 1)
        Of how many steps each block reads the means; the steps of the first are timepoints.
    dilation_rates : sequence of int, default=(1, 1, 1)
        How many steps the values that a kernel reads are apart.
    views : sequence of {"values", "detrended"}, default=("values",)
        What the convolutions read. Each view has convolutions of its own, so that there are
        ``len(views)`` times as many filters, one view's behind the other's. ``"detrended"`` is the
        series without its trend, the mean over an eighth of it around each timepoint. With several
        views ``logits`` has further outputs for the training: what each view decides alone.
    rocket : int, default=0
        Above 0 fixed kernels decide, too, by a layer :class:`lstmfcn.networks.rocket.Rocket`, with
        dilation rates for series of so many timepoints.
    squeeze_excite : bool, default=False
        Squeeze-and-excite (reduction 16) after every block but the last.
    occlusion : float in [0, 1), default=0.0
        Largest fraction of a series' timepoints hidden while training. Above 0 a layer ``denoiser``
        comes first; see :class:`lstmfcn.networks.occlusion.Denoiser`.
    passes_gaps : bool, default=True
        Whether the network trains on series with (denoised) gaps.
    masked : bool, default=False
        Take a mask for series of unequal length.
    seed : int, default=0
        Of the initial weights.

    Returns
    -------
    keras.Model
        Uncompiled; (batch, n_timepoints, n_channels) to probabilities (batch, n_classes).

    References
    ----------
    Wang, Yan, Oates, "Time Series Classification from Scratch with Deep Neural Networks: A Strong
    Baseline", 2017, arXiv:1611.06455.

    Examples
    --------
    >>> from lstmfcn.networks import build_fcn
    >>> build_fcn(128, 1, 3).count_params()
    266115
    """
    inputs, series, valid = _inputs(n_timepoints, n_channels, masked, occlusion, passes_gaps, seed)
    _, pooled, _ = _fcn_branch(
        _read(series, valid, views),
        valid,
        len(views),
        zip(n_filters, kernel_sizes, pool_sizes, dilation_rates, strict=True),
        squeeze_excite,
        _Seeds(seed),
    )
    logits = _logits([pooled], n_classes, len(views), n_filters[-1], _Seeds(seed + 50))
    outputs = _answer(logits, series, valid, rocket)
    return keras.Model(inputs, outputs, name="fcn")


@float32_layers()
def build_lstmfcn(
    n_timepoints,
    n_channels,
    n_classes,
    *,
    n_cells=8,
    n_filters=FILTERS,
    kernel_sizes=KERNELS,
    pool_sizes=ONES,
    dilation_rates=ONES,
    dropout=0.8,
    dimension_shuffle="auto",
    views=VALUES,
    rocket=0,
    squeeze_excite=False,
    recurrent_activation="sigmoid",
    occlusion=0.0,
    passes_gaps=True,
    masked=False,
    seed=0,
):
    """Build LSTM-FCN (with ``squeeze_excite=True``, MLSTM-FCN).

    Parameters and result are as for :func:`build_fcn`, and these:

    Parameters
    ----------
    n_cells : int, default=8
        Width of the LSTM.
    dropout : float in [0, 1), default=0.8
        Dropout after the LSTM.
    dimension_shuffle : bool or "auto", default="auto"
        Whether the LSTM sees n_channels steps of n_timepoints values (the paper's choice for
        univariate series: one step) instead of n_timepoints steps of n_channels values.
    recurrent_activation : {"sigmoid", "hard_sigmoid"}, default="sigmoid"
        LSTM gates; ``"hard_sigmoid"`` is Keras 2's, as published.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", 2018, arXiv:1709.05206.

    Examples
    --------
    >>> from lstmfcn.networks import build_lstmfcn
    >>> build_lstmfcn(128, 1, 3, n_cells=8).count_params()
    270523
    """
    inputs, series, valid = _inputs(n_timepoints, n_channels, masked, occlusion, passes_gaps, seed)
    _, pooled, _ = _fcn_branch(
        _read(series, valid, views),
        valid,
        len(views),
        zip(n_filters, kernel_sizes, pool_sizes, dilation_rates, strict=True),
        squeeze_excite,
        _Seeds(seed),
    )
    seeds = _Seeds(seed + 100)
    shuffle = uses_dimension_shuffle(dimension_shuffle, n_channels, n_timepoints)
    steps = keras.layers.Permute((2, 1), name="dimension_shuffle")(series) if shuffle else series
    hidden = _lstm(n_cells, recurrent_activation, steps.shape[1], seeds)(
        steps, mask=None if shuffle else _mask(valid)
    )
    hidden = keras.layers.Dropout(dropout, seed=seeds.next(), name="lstm")(hidden)
    merged = keras.layers.Concatenate(name="concatenated")([hidden, pooled])
    logits = _logits([merged], n_classes, len(views), n_filters[-1], _Seeds(seed + 50))
    outputs = _answer(logits, series, valid, rocket)
    return keras.Model(inputs, outputs, name="lstmfcn")


@float32_layers()
def build_alstmfcn(
    n_timepoints,
    n_channels,
    n_classes,
    *,
    n_cells=8,
    n_filters=FILTERS,
    kernel_sizes=KERNELS,
    pool_sizes=ONES,
    dilation_rates=ONES,
    dropout=0.8,
    attention="features",
    dimension_shuffle="auto",
    views=VALUES,
    rocket=0,
    squeeze_excite=False,
    recurrent_activation="sigmoid",
    occlusion=0.0,
    passes_gaps=True,
    masked=False,
    seed=0,
):
    """Build ALSTM-FCN: LSTM-FCN with an attention LSTM.

    Parameters and result are as for :func:`build_lstmfcn`, and:

    Parameters
    ----------
    attention : {"features", "paper"}, default="features"
        ``"features"``: the annotations are the last convolution features, one per step. The LSTM
        reads the series through the attention. Each timepoint is multiplied by the mean of 1 and
        the attention to its step, scaled so that uniform attention is 1. This is a residual
        attention: a timepoint with little attention counts less, but is not lost. The output of the
        layer ``attention`` is the attention. ``logits`` has a second output for training, the
        logits of the attended features alone. ``"paper"``: the annotations are the LSTM's input
        steps, as published. A univariate series is one step after the dimension shuffle, so its
        attention is the constant 1. The layer ``attention_lstm`` returns (hidden, attention).

    References
    ----------
    Karim, Majumdar, Darabi, Chen, 2018, arXiv:1709.05206. Bahdanau, Cho, Bengio, 2015,
    arXiv:1409.0473. Residual attention: Wang et al., 2017, arXiv:1704.06904.

    Examples
    --------
    >>> from lstmfcn.networks import build_alstmfcn
    >>> [output.shape for output in build_alstmfcn(128, 1, 3).outputs]
    [(None, 3)]
    """
    inputs, series, valid = _inputs(n_timepoints, n_channels, masked, occlusion, passes_gaps, seed)
    features, pooled, valid_steps = _fcn_branch(
        _read(series, valid, views),
        valid,
        len(views),
        zip(n_filters, kernel_sizes, pool_sizes, dilation_rates, strict=True),
        squeeze_excite,
        _Seeds(seed),
    )
    seeds, whole = _Seeds(seed + 100), series
    shuffle = uses_dimension_shuffle(dimension_shuffle, n_channels, n_timepoints)
    if attention == "features":
        # The attention reads what the convolutions learn and does not change it.
        annotations = Detached(name="annotations")(features)
        attend = Attention(n_cells, seed=seeds.next(2), name="attention")
        attended = attend(annotations, valid=valid_steps)
        read = Detached(name="attention_read")(attended)
        series = _weighted(series, read, valid_steps, math.prod(pool_sizes))
    steps = keras.layers.Permute((2, 1), name="dimension_shuffle")(series) if shuffle else series
    if attention == "features":
        answer = _lstm(n_cells, recurrent_activation, steps.shape[1], seeds)(
            steps, mask=None if shuffle else _mask(valid)
        )
    else:
        seen = None if shuffle else valid  # behind the shuffle every step is there
        answer, _ = AttentionLSTM(
            n_cells, recurrent_activation, seed=seeds.next(6), name="attention_lstm"
        )(steps, sequence=steps, valid=seen, valid_steps=seen)
    hidden = keras.layers.Dropout(dropout, seed=seeds.next(), name="lstm")(answer)
    evidence = [keras.layers.Concatenate(name="concatenated")([hidden, pooled])]
    if attention == "features":
        # This teaches the attention: the attended context must suffice for the decision.
        evidence += [keras.layers.Dot(axes=(1, 1), name="context")([attended, annotations])]
    logits = _logits(evidence, n_classes, len(views), n_filters[-1], _Seeds(seed + 50))
    outputs = _answer(logits, whole, valid, rocket)
    return keras.Model(inputs, outputs, name="alstmfcn")


NETWORKS = {"fcn": build_fcn, "lstmfcn": build_lstmfcn, "alstmfcn": build_alstmfcn}


def count_weights(
    network,
    n_timepoints,
    n_channels,
    n_classes,
    *,
    n_filters=FILTERS,
    kernel_sizes=KERNELS,
    pool_sizes=ONES,
    dilation_rates=ONES,
    squeeze_excite=False,
    n_cells=0,
    attention=None,
    dimension_shuffle="auto",
    views=VALUES,
    rocket=0,
    occlusion=0.0,
    **_,
):
    """Count a network's weights, moving statistics included, without building it.

    ``network`` is a key of NETWORKS; the rest are the builder's arguments.

    >>> count_weights("lstmfcn", 128, 1, 3, n_cells=8)
    270523
    """
    total, width = count_denoiser_weights(n_channels) if occlusion else 0, n_channels
    total += n_channels * list(views).count("detrended")
    total += count_rocket_weights(n_channels, n_classes) if rocket else 0
    for block, (of_view, size) in enumerate(zip(n_filters, kernel_sizes, strict=True), 1):
        filters = len(views) * of_view
        total += size * width * filters + filters + 4 * filters  # convolution, normalisation
        if squeeze_excite and block < len(n_filters):
            total += 2 * filters * max(1, filters // REDUCTION)
        width = of_view
    width *= len(views)
    total += (width + n_cells + 1) * n_classes
    if network == "fcn":
        return total
    shuffle = uses_dimension_shuffle(dimension_shuffle, n_channels, n_timepoints)
    step_width = n_timepoints if shuffle else n_channels
    lstm = 4 * n_cells * (step_width + n_cells + 1)
    if network == "lstmfcn":
        return total + lstm
    if attention == "features":
        return total + lstm + n_cells * (width + 1)
    return total + lstm + n_cells * (step_width + 1 + 4 * step_width + n_cells)


def is_convolutional(layer, *, along_time=False):
    """Whether a layer belongs to the convolution branch.

    With ``along_time``, only layers whose output has a time axis count, from the first convolution
    to the last: the gates of squeeze-and-excite and the denoiser are left out.
    """
    names = ("conv_", "norm_", "block_", "means_", "features", "rescale_", "mean_over_time")
    beside = ("squeeze_", "reduce_", "excite_", "gate_", "denoiser", "detrend", "views")
    return layer.name.startswith(names if along_time else names + beside)


def depends_on_length(model):
    """Whether a network has weights whose shape depends on the number of timepoints.

    >>> depends_on_length(build_lstmfcn(20, 1, 3)), depends_on_length(build_fcn(20, 1, 3))
    (True, False)
    """
    names = (layer.name.partition(".")[0] for layer in model.layers)  # of a trunk: NAME.k
    return "dimension_shuffle" in names


def transfer_weights(source, target, *, heads=True, places=None):
    """Copy the weights of each layer of ``source`` to the layer of that name in ``target``.

    Layers whose weights have other shapes keep their own; without ``heads`` so does the last layer.
    If the target has more classes, ``places`` says which of them each of the source's is.
    """
    for layer in target.layers:
        decides = layer.name.endswith("logits") or layer.name == "rocket"
        if decides and not heads:
            continue
        old, new = source.get_layer(layer.name).get_weights(), layer.get_weights()
        if decides and places is not None:
            for k, (before, after) in enumerate(zip(old, new, strict=True)):
                if before.shape != after.shape:
                    after[..., places] = before
                    old[k] = after
        if [w.shape for w in old] == [w.shape for w in new]:
            layer.set_weights(old)


def set_weights(model, weights):
    """Put weights that may come from a checkpoint into a model; refuse those of other shapes."""
    if [array.shape for array in weights] != [tuple(w.shape) for w in model.weights]:
        raise ValueError("the checkpoint does not fit this network; delete it to start again.")
    model.set_weights(weights)


def measure_units(model, inputs, rows):
    """Let each layer ``detrend`` find its unit in what it reads of the inputs."""
    for layer in model.layers:
        if isinstance(layer, Detrend):
            part = keras.Model(model.inputs, layer.input)
            batches = (
                part([array[start : start + rows] for array in inputs], training=False)
                for start in range(0, len(inputs[0]), rows)
            )
            layer.measure(keras.tree.flatten(batch) for batch in batches)


class _Seeds:
    """Consecutive seeds, so that no layer draws from a global generator."""

    def __init__(self, start):
        self._seed = int(start)

    def next(self, n=1):
        first = self._seed
        self._seed += n
        return first


def _inputs(n_timepoints, n_channels, masked, occlusion, passes_gaps, seed):
    """Return model inputs, series, and the mask as numbers (batch, n_timepoints, 1) or None."""
    inputs = series = keras.Input((n_timepoints, n_channels), dtype="float32", name="series")
    valid = None
    if masked:
        mask = keras.Input((n_timepoints,), dtype="float32", name="mask")
        inputs = [series, mask]
        valid = keras.layers.Reshape((n_timepoints, 1), name="valid")(mask)
    if occlusion:
        denoiser = Denoiser(
            occlusion, passes_gaps, seed=_Seeds(seed + 200).next(7), name="denoiser"
        )
        series = denoiser(series, valid=valid)
    return inputs, series, valid


def _weighted(series, attention, valid_steps, n_timepoints):
    """Multiply timepoints by the mean of 1 and the attention (batch, n_steps) to their step.

    Even attention is 1; each step holds ``n_timepoints``.
    """
    count = attention.shape[1] if valid_steps is None else keras.ops.sum(valid_steps, axis=1)
    weights = 0.5 + 0.5 * count * attention
    weights = keras.layers.Reshape((-1, 1), name="attention_weights")(weights)
    if n_timepoints > 1:
        weights = keras.layers.UpSampling1D(n_timepoints, name="attention_per_timepoint")(weights)
        weights = weights[:, : series.shape[1]]
    return keras.layers.Multiply(name="attended_series")([series, weights])


def _read(series, valid, views):
    """Return what the convolutions read of the series, the channels of one view after another's."""
    window = max(3, series.shape[1] // TREND)
    read = [
        Detrend(window, name="detrend")(series, valid=valid) if view == "detrended" else series
        for view in views
    ]
    return read[0] if len(read) == 1 else keras.layers.Concatenate(name="views")(read)


def _fcn_branch(series, valid, n_views, blocks, squeeze_excite, seeds):
    """Means, convolution, batch normalisation and ReLU per block, then the mean over time.

    ``blocks`` yields width of each view, kernel size, pool size and dilation rate. Returns the
    features, their mean and which steps are valid, (batch, n_steps, 1), or None.
    """
    features, blocks = series, list(blocks)
    for block, (width, kernel_size, pool_size, dilation_rate) in enumerate(blocks, 1):
        if pool_size > 1:
            features = MeanPooling(pool_size, name=f"means_{block}")(features, valid=valid)
            if valid is not None:
                valid = keras.ops.sign(MeanPooling(pool_size, name=f"valid_{block}")(valid))
        features = Convolution(
            n_views * width,
            kernel_size,
            groups=n_views,
            dilation_rate=dilation_rate,
            padding="same",
            data_format=LAYOUT,
            kernel_initializer=keras.initializers.HeUniform(seeds.next()),
            name=f"conv_{block}",
        )(features)
        last = block == len(blocks)
        features = FusedBatchNormalization(name=f"norm_{block}")(features, valid=valid)
        if valid is not None:  # the next kernel must see zeros beyond the end, as without padding
            name = "features" if last else f"block_{block}"
            features = keras.layers.Multiply(name=name)([features, valid])
        elif last:
            features = keras.layers.Identity(name="features")(features)
        if squeeze_excite and not last:
            features = _squeeze_excite(features, _mask(valid), block, seeds)
    if valid is not None:
        pooled = keras.layers.GlobalAveragePooling1D(LAYOUT, name="pooled")(
            features, mask=_mask(valid)
        )
        return features, pooled, valid
    # On a CPU this kernel is twice as fast, forth and back, as the mean.
    mean = keras.layers.AveragePooling1D(
        features.shape[1], data_format=LAYOUT, name="mean_over_time"
    )(features)
    return features, keras.layers.Reshape((features.shape[2],), name="pooled")(mean), None


def _mask(valid):
    """Return what is valid, (batch, n_steps, 1) numbers or None, as (batch, n_steps) bool."""
    return None if valid is None else keras.ops.greater(valid[:, :, 0], 0)


def _squeeze_excite(features, mask, block, seeds):
    """Rescale each filter by a gate computed from all filters' means (arXiv:1709.01507)."""
    width = features.shape[-1]
    squeezed = keras.layers.GlobalAveragePooling1D(LAYOUT, name=f"squeeze_{block}")(
        features, mask=mask
    )
    for units, activation, name in (
        (max(1, width // REDUCTION), "relu", f"reduce_{block}"),
        (width, "sigmoid", f"excite_{block}"),
    ):
        squeezed = keras.layers.Dense(
            units,
            activation=activation,
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(seeds.next()),
            name=name,
        )(squeezed)
    gate = keras.layers.Reshape((1, width), name=f"gate_{block}")(squeezed)
    return keras.layers.Multiply(name=f"rescale_{block}")([features, gate])


def _lstm(n_cells, recurrent_activation, n_steps, seeds):
    return LSTM(
        n_cells,
        recurrent_activation=(
            hard_sigmoid if recurrent_activation == "hard_sigmoid" else recurrent_activation
        ),
        kernel_initializer=keras.initializers.GlorotUniform(seeds.next()),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seeds.next()),
        unroll=n_steps <= LONGEST_UNROLLED_LSTM,
        seed=seeds.next(),
        name="lstm_cell",
    )


def _logits(evidence, n_classes, n_views, view_width, seeds):
    """Return the logits; the layer's other outputs are for the training.

    ``evidence`` is what it reads, and perhaps what is attended to.
    """
    options = {"kernel_initializer": keras.initializers.GlorotUniform(seeds.next())}
    layer = keras.layers.Dense(n_classes, name="logits", **options)
    if n_views > 1 or len(evidence) > 1:
        layer = SharedLogits(n_classes, n_views, view_width, name="logits", **options)
    return keras.tree.flatten(layer(*evidence))[0]


def _answer(logits, series, valid, rocket):
    """Return probabilities, or a number, by logits or by their mean with those of fixed kernels."""
    if rocket:
        of_rocket = Rocket(logits.shape[-1], rocket, name="rocket")(series, valid=valid)
        logits = keras.layers.Average(name="decision")([logits, of_rocket])
    if logits.shape[-1] == 1:
        return logits
    return keras.layers.Softmax(name="probabilities")(logits)
