"""What is a network's decision based on? Contributions to logits, maps, attention, filters."""

import math
from dataclasses import dataclass

import numpy as np

from lstmfcn import validation
from lstmfcn.networks.rocket import rocket_of, rocket_over_time

MOST_SEEN = 32  # timepoints, by an activation that tells where the evidence is


@dataclass(frozen=True)
class Explanation:
    """The logits of some series, split into bias + LSTM branch + convolutions over time.

    The last layer is linear in the LSTM state h and the mean over time of the features F. Each
    logit is therefore exactly a sum::

        logit_c = b_c + sum_j V_jc h_j + sum_k W_kc mean_t F_k(t)

    With ``rocket``, F includes the features of the fixed kernels. They are means over time, too,
    centred on their mean over the training series. :meth:`LSTMFCNClassifier.class_activation_map`
    describes how the last sum is split over time.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Class labels.
    target : int ndarray of shape (n_samples,)
        Which class ``over_time`` explains, as an index into ``classes``.
    bias : ndarray of shape (n_classes,)
    lstm : ndarray of shape (n_samples, n_classes)
        Contribution of the LSTM branch to each logit; zero for FCN.
    convolutions : ndarray of shape (n_samples, n_classes)
        Contribution of the averaged convolution features to each logit.
    over_time : ndarray of shape (n_samples, n_timepoints)
        The part of each timepoint in ``convolutions`` of the target; zero on padding.

    >>> explanation = Explanation(
    ...     classes=np.array(["gun", "point"]),
    ...     target=np.array([0]),
    ...     bias=np.array([0.5, 0.0]),
    ...     lstm=np.array([[1.0, -1.0]]),
    ...     convolutions=np.array([[3.0, -3.0]]),
    ...     over_time=np.array([[0.0, 2.0, 1.0]]),
    ... )
    >>> explanation.logits.tolist(), explanation.lstm_share.tolist()
    ([[4.5, -4.0]], [0.25])
    """

    classes: np.ndarray
    target: np.ndarray
    bias: np.ndarray
    lstm: np.ndarray
    convolutions: np.ndarray
    over_time: np.ndarray

    @property
    def logits(self):
        """The sum of the parts, (n_samples, n_classes)."""
        return self.bias + self.lstm + self.convolutions

    @property
    def lstm_share(self):
        """The LSTM branch's share in each decision, (n_samples,), in [0, 1].

        The magnitudes of the LSTM's and the convolutions' contribution to the target's logit are
        compared. From each contribution its mean over the classes is subtracted first: softmax
        ignores it.
        """
        parts = []
        for contribution in (self.lstm, self.convolutions):
            of_target = contribution[np.arange(len(self.target)), self.target]
            parts.append(np.abs(of_target - contribution.mean(axis=1)))
        lstm, convolutions = parts
        total = lstm + convolutions
        return np.divide(lstm, total, out=np.zeros_like(total), where=total > 0)

    def __repr__(self):
        n_samples, n_classes = self.convolutions.shape
        return (
            f"<Explanation of {n_samples} series, {n_classes} classes, "
            f"{self.over_time.shape[1]} timepoints>"
        )

    def to_pandas(self):
        """Return a data frame: a row per series with the explained class, logits and their parts.

        Columns are ``class``, ``lstm_share``, and ``logit``, ``lstm`` and ``convolutions`` of each
        class (as ``logit CLASS``).
        """
        import pandas as pd

        columns = {"class": self.classes[self.target], "lstm_share": self.lstm_share}
        parts = {"logit": self.logits, "lstm": self.lstm, "convolutions": self.convolutions}
        for name, values in parts.items():
            columns |= {f"{name} {label}": values[:, k] for k, label in enumerate(self.classes)}
        return pd.DataFrame(columns)

    def summary(self):
        """Summarise how much the LSTM branch contributes to the decisions on all series.

        Returns
        -------
        dict of str to float
            ``lstm_share``: the mean over the series. ``lstm_agrees``, ``convolutions_agree``:
            fraction of series for which this branch alone, with the bias, predicts the class that
            the whole network predicts.
        """
        decided = self.logits.argmax(axis=1)
        alone = {
            "lstm_agrees": (self.bias + self.lstm).argmax(axis=1),
            "convolutions_agree": (self.bias + self.convolutions).argmax(axis=1),
        }
        agreement = {key: float(np.mean(answer == decided)) for key, answer in alone.items()}
        return {"lstm_share": float(self.lstm_share.mean()), **agreement}


def decision_parts(network, inputs):
    """Split a FittedNetwork's logits into parts, for the inputs that a SeriesReader makes.

    Returns the bias (n_classes,), and the parts of the LSTM and of the convolutions, each
    (n_samples, n_classes).
    """
    kernel, bias, n_cells = _last_layer(network)
    lstm = np.zeros((len(inputs[0]), len(bias)))
    if n_cells:
        lstm = network.output("lstm", inputs) @ kernel[:n_cells]
    convolutions = network.output("pooled", inputs) @ kernel[n_cells:]
    rocket = rocket_of(network.model)
    if rocket is not None:
        of_bias = rocket.scale.numpy() * rocket.bias.numpy().astype(np.float64)
        convolutions = (convolutions + network.output(rocket.name, inputs) - of_bias) / 2
        bias, lstm = (bias + of_bias) / 2, lstm / 2
    return bias, lstm, convolutions


def evidence_over_time(network, inputs, target, *, contrast=False):
    """Return what the convolutions contribute to a logit, (n_samples, n_timepoints).

    ``target``, int (n_samples,), is the logit's class. With ``contrast`` the mean contribution to
    the other classes is subtracted. Padding gets 0. The map reads the activations of the
    :func:`evidence_block`. What later blocks add by themselves is spread evenly over all
    timepoints.
    """
    kernel, _, n_cells = _last_layer(network)
    filters, observed = _by_target(kernel[n_cells:], contrast)[target], _observed(inputs)
    seen = _sums_of(observed, math.prod(network.architecture["pool_sizes"])) > 0
    steps = seen / seen.sum(axis=1, keepdims=True)
    added = _added_by_timepoints(network, network.architecture, inputs, observed, steps, filters)
    whole = (network.output("pooled", inputs) * filters).sum(axis=1)
    rest = (whole - added.sum(axis=1)) / observed.sum(axis=1)
    found = added + rest[:, np.newaxis] * observed
    rocket = rocket_of(network.model)
    if rocket is None:
        return found
    kernel = rocket.scale.numpy() * rocket.kernel.numpy().astype(np.float64)
    weights = _by_target(kernel, contrast)
    return (found + rocket_over_time(network.model, inputs, weights, target)) / 2


def _by_target(kernel, contrast):
    """Return the weights (n_classes, n_features) of a kernel (n_features, n_classes)."""
    rows = kernel.T
    if contrast:
        n_classes = len(rows)
        rows = (rows - rows.mean(axis=0)) * (n_classes / (n_classes - 1))
    return rows


def _observed(inputs):
    """Return 1 on observed timepoints and 0 on padding, (n_samples, n_timepoints)."""
    return inputs[1][:] if len(inputs) > 1 else np.ones(inputs[0].shape[:2])


def evidence_block(architecture):
    """Return the number of the last block whose features can be located in the series.

    Such a feature sees at most 32 timepoints, or of a series longer than 512 at most a sixteenth.
    The first block always qualifies.

    >>> blocks = {"kernel_sizes": (8, 5, 3), "n_timepoints": 200}
    >>> evidence_block({**blocks, "pool_sizes": (1, 1, 1), "dilation_rates": (1, 1, 1)})
    3
    >>> evidence_block({**blocks, "pool_sizes": (1, 2, 2), "dilation_rates": (1, 2, 4)})
    2
    """
    names = "kernel_sizes", "pool_sizes", "dilation_rates"
    reach, step, found = 1, 1, 1
    blocks = zip(*(architecture[name] for name in names), strict=True)
    for block, (size, pool, rate) in enumerate(blocks, 1):
        reach += (pool - 1) * step
        step *= pool
        reach += (size - 1) * rate * step
        if reach <= max(MOST_SEEN, architecture["n_timepoints"] // 16):
            found = block
    return found


def _added_by_timepoints(network, architecture, inputs, observed, steps, filters, ending=""):
    """Return each timepoint's contribution to weighted features, through the evidence block."""
    block = evidence_block(architecture)
    name = block_output(architecture, block) + ending
    added = network.contributions(name, inputs, steps, filters, f"features{ending}")
    return _share_out(added, math.prod(architecture["pool_sizes"][:block]), observed)


def _sums_of(rows, size):
    """Return sums over ``size`` timepoints each; the last sum is over the rest."""
    return np.add.reduceat(rows, np.arange(0, rows.shape[-1], size), axis=-1)


def _share_out(steps, size, observed):
    """Spread the value of each step, (n_samples, n_steps), evenly over its observed timepoints.

    ``size`` is how many timepoints a step has, ``observed`` (..., n_timepoints) 1 or 0.

    >>> _share_out(np.array([[4.0, 6.0]]), 2, np.array([1.0, 1.0, 1.0]))
    array([[2., 2., 6.]])
    """
    shares = steps / np.maximum(_sums_of(observed, size), 1.0)
    return np.repeat(shares, size, axis=1)[:, : observed.shape[-1]] * observed


def _last_layer(network):
    """Return kernel (LSTM states first), bias and the number of LSTM states."""
    weights = network.model.get_layer("logits").get_weights()
    kernel, bias = (np.asarray(weight, np.float64) for weight in weights)
    return kernel, bias, network.architecture.get("n_cells", 0)


def gradient_times_input(network, inputs, target):
    """Return (n_samples, n_channels, n_timepoints) for the logit ``target`` of each sample."""
    product = network.gradient(inputs, target) * inputs[0][:]
    return product.transpose(0, 2, 1).astype(np.float64)


def effective_kernels(network):
    """Return the first kernels with their normalisation scale, (n_filters, n_channels, span)."""
    convolution, norm = (network.model.get_layer(name) for name in ("conv_1", "norm_1"))
    kernel = np.asarray(convolution.kernel, np.float64)  # (kernel_size, n_channels, n_filters)
    gamma, variance = (np.asarray(w, np.float64) for w in (norm.gamma, norm.moving_variance))
    kernel = (kernel * gamma / np.sqrt(variance + norm.epsilon)).transpose(2, 1, 0)
    rate = network.architecture["dilation_rates"][0]
    spread = np.zeros((*kernel.shape[:2], rate * (kernel.shape[2] - 1) + 1))
    spread[:, :, ::rate] = kernel
    return spread


def count_features(architecture):
    """Return the number of features of the last block, over all views."""
    return len(architecture["views"]) * architecture["n_filters"][-1]


def block_output(architecture, layer):
    """Return the name of the layer that ends a convolution block, counted from 1."""
    n_blocks = len(architecture["n_filters"])
    validation.check_counts(most=n_blocks, layer=layer)
    if layer == n_blocks:
        return "features"
    return f"block_{layer}" if architecture["masked"] else f"norm_{layer}"


def strongest_samples(network, inputs, layer, n_samples):
    """Return samples, timepoints and activations where each filter of a block is most active.

    Each is of shape (n_filters, n_samples), the sample with the highest activation first.
    """
    best, where = [], []
    size = math.prod(network.architecture["pool_sizes"][:layer])  # timepoints of a step
    layer = block_output(network.architecture, layer)
    for _, activations in network.batches(layer, inputs):
        where.append(activations.argmax(axis=1))
        best.append(activations.max(axis=1))
    best, where = np.concatenate(best), np.concatenate(where)  # (n_samples, n_filters)
    n_observed = inputs[1].sum(axis=1, keepdims=True) if len(inputs) > 1 else inputs[0].shape[1]
    where = np.minimum(where * size + (size - 1) // 2, np.int64(n_observed) - 1)
    order = np.argsort(-best, axis=0, kind="stable")[:n_samples]
    found = order, *(np.take_along_axis(values, order, axis=0) for values in (where, best))
    return tuple(values.T for values in found)


NOT_OVER_TIME = (
    "attention='paper' attends over channels, not time, after the dimension shuffle; the map is "
    "uniform. Use attention='features' for a map over time."
)


def attention_steps(network, architecture, ending=""):
    """Return what the attention weights belong to, "timepoints" or "channels".

    The arguments are those of :func:`attention_weights`.
    """
    shuffled = f"dimension_shuffle{ending}" in {layer.name for layer in network.model.layers}
    return "channels" if shuffled and architecture["attention"] == "paper" else "timepoints"


def uniform_attention(series, mask):
    """Return equal attention to all observed timepoints of series (n_samples, n_timepoints, C)."""
    observed = np.ones(series.shape[:2]) if mask is None else mask
    return observed / observed.sum(axis=1, keepdims=True)


def attention_weights(network, inputs, mask, architecture, *, over="timepoints", ending=""):
    """Return the attention to timepoints, features or, with "paper", the LSTM's steps.

    ``mask`` (n_samples, n_timepoints), or None, and ``architecture`` describe one ALSTM-FCN. If the
    network holds several, the names of its layers end with ``ending``. Rows of the result,
    (n_samples, n_steps), sum to 1.
    """
    if architecture["attention"] == "paper":
        attention = network.output(f"attention_lstm{ending}", inputs, 1).astype(np.float64)
        return attention / attention.sum(axis=1, keepdims=True)
    attention = network.output(f"attention{ending}", inputs).astype(np.float64)
    if over == "timepoints":
        shape = len(attention), architecture["n_timepoints"]
        observed = np.ones(shape) if mask is None else mask[:]
        attention = _over_time(network, architecture, inputs, observed, attention, ending)
    return attention / attention.sum(axis=1, keepdims=True)


def _over_time(network, architecture, inputs, observed, attention, ending):
    """Turn attention to features into attention to timepoints, (n_samples, n_timepoints).

    A timepoint gets what its activations contribute to the attended features. Where no timepoint
    contributes, the attention of a step is spread evenly over its timepoints.
    """
    ones = np.ones((len(attention), count_features(architecture)))
    added = _added_by_timepoints(
        network, architecture, inputs, observed, attention, ones, ending=ending
    )
    added = np.maximum(added, 0.0)
    alike = _share_out(attention, math.prod(architecture["pool_sizes"]), observed)
    return np.where(added.sum(axis=1, keepdims=True) > 0, added, alike)
