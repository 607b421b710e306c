"""What did a fitted network decide on? Contributions to its logits, maps, attention, filters."""

from dataclasses import dataclass

import numpy as np

from lstmfcn import validation


@dataclass(frozen=True)
class Explanation:
    """The logits of some series, taken apart: bias + LSTM branch + convolutions over time.

    The last layer is linear on [LSTM state h, mean over time of the features F], so that each
    logit is a sum, without remainder::

        logit_c = b_c + sum_j V_jc h_j + sum_t (1/T) sum_k W_kc F_k(t)

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
        ``convolutions`` of the target, timepoint by timepoint; zero on padding.

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
        """Part of the LSTM branch in each decision, (n_samples,), in [0, 1].

        Its contribution to the target's logit beside that of the convolutions, in magnitudes,
        after what all classes get alike (and softmax ignores) is taken away.
        """
        parts = []
        for contribution in (self.lstm, self.convolutions):
            of_target = contribution[np.arange(len(self.target)), self.target]
            parts.append(np.abs(of_target - contribution.mean(axis=1)))
        lstm, convolutions = parts
        total = lstm + convolutions
        return np.divide(lstm, total, out=np.zeros_like(total), where=total > 0)

    def summary(self):
        """Say how much the LSTM branch decided over all these series.

        Returns
        -------
        dict of str to float
            ``lstm_share``: the mean over the series; ``lstm_agrees``, ``convolutions_agree``:
            fraction of series for which that branch alone (with the bias) names the class that
            both name.
        """
        decided = self.logits.argmax(axis=1)
        alone = {
            "lstm_agrees": (self.bias + self.lstm).argmax(axis=1),
            "convolutions_agree": (self.bias + self.convolutions).argmax(axis=1),
        }
        agreement = {key: float(np.mean(answer == decided)) for key, answer in alone.items()}
        return {"lstm_share": float(self.lstm_share.mean()), **agreement}


def decision_parts(network, inputs):
    """Take a FittedNetwork's logits apart, for inputs as a SeriesReader makes them.

    Returns bias (n_classes,), and the LSTM's and convolutions' parts (n_samples, n_classes).
    """
    kernel, bias, n_cells = _last_layer(network)
    lstm = np.zeros((len(inputs[0]), len(bias)))
    if n_cells:
        lstm = network.output("lstm", inputs) @ kernel[:n_cells]
    return bias, lstm, network.output("pooled", inputs) @ kernel[n_cells:]


def evidence_over_time(network, inputs, target, *, contrast=False):
    """Return what the convolutions contribute to a logit, (n_samples, n_timepoints).

    ``target``, int (n_samples,), says which logit; with ``contrast`` the mean over the other
    classes is taken away. Padding gets 0.
    """
    kernel, _, n_cells = _last_layer(network)
    rows_of_target = kernel[n_cells:].T  # (n_classes, n_filters)
    if contrast:
        n_classes = len(rows_of_target)
        rows_of_target = (rows_of_target - rows_of_target.mean(axis=0)) * (
            n_classes / (n_classes - 1)
        )
    over_time = np.empty(inputs[0].shape[:2])
    for rows, features in network.batches("features", inputs):
        weights = rows_of_target[target[rows]]
        over_time[rows] = np.matmul(features, weights[:, :, np.newaxis])[:, :, 0]
    if len(inputs) > 1:
        return over_time * (inputs[1] / inputs[1].sum(axis=1, keepdims=True))
    return over_time / over_time.shape[1]


def _last_layer(network):
    """Return kernel (LSTM states first), bias and the number of LSTM states."""
    weights = network.model.get_layer("logits").get_weights()
    kernel, bias = (np.asarray(weight, np.float64) for weight in weights)
    return kernel, bias, network.architecture.get("n_cells", 0)


def gradient_times_input(network, inputs, target):
    """Return (n_samples, n_channels, n_timepoints) for a logit of each sample, ``target``."""
    product = network.gradient(inputs, target) * inputs[0][:]
    return product.transpose(0, 2, 1).astype(np.float64)


def effective_kernels(network):
    """Return the first kernels times the scale behind them, (n_filters, n_channels, size)."""
    convolution, norm = (network.model.get_layer(name) for name in ("conv_1", "norm_1"))
    kernel = np.asarray(convolution.kernel, np.float64)  # (kernel_size, n_channels, n_filters)
    gamma, variance = (np.asarray(w, np.float64) for w in (norm.gamma, norm.moving_variance))
    return (kernel * gamma / np.sqrt(variance + norm.epsilon)).transpose(2, 1, 0)


def block_output(architecture, layer):
    """Return the name of the layer that ends a convolution block, counted from 1."""
    n_blocks = len(architecture["n_filters"])
    validation.check_counts(most=n_blocks, layer=layer)
    if layer == n_blocks:
        return "features"
    return f"block_{layer}" if architecture["masked"] else f"norm_{layer}"


def strongest_samples(network, inputs, layer, n_samples):
    """Return samples, timepoints and activations where each filter of a layer is most active.

    Each is of shape (n_filters, n_samples), the most exciting sample first.
    """
    best, where = [], []
    for _, activations in network.batches(layer, inputs):
        where.append(activations.argmax(axis=1))
        best.append(activations.max(axis=1))
    best, where = np.concatenate(best), np.concatenate(where)  # (n_samples, n_filters)
    order = np.argsort(-best, axis=0, kind="stable")[:n_samples]
    found = order, *(np.take_along_axis(values, order, axis=0) for values in (where, best))
    return tuple(values.T for values in found)


NOT_OVER_TIME = (
    "attention='paper' attends over channels, not time, behind the dimension shuffle; the map is "
    "uniform. Use attention='features' for a map over time."
)


def attention_steps(network, architecture, ending=""):
    """Return what the attention chooses among, "timepoints" or "channels".

    Arguments are as for :func:`attention_weights`.
    """
    shuffled = f"dimension_shuffle{ending}" in {layer.name for layer in network.model.layers}
    return "channels" if shuffled and architecture["attention"] == "paper" else "timepoints"


def uniform_attention(series, mask):
    """Return even attention to all observed timepoints of series (n_samples, n_timepoints, C)."""
    observed = np.ones(series.shape[:2]) if mask is None else mask
    return observed / observed.sum(axis=1, keepdims=True)


def attention_weights(network, inputs, mask, architecture, *, over="timepoints", ending=""):
    """Return the attention to timepoints, features or, as published, the LSTM's steps.

    ``mask`` (n_samples, n_timepoints), or None, is that of an ALSTM-FCN, and ``architecture`` its
    own. If it is one of several in the network, ``ending`` ends the names of its layers. Rows of
    the result, (n_samples, n_steps), sum to 1.
    """
    if architecture["attention"] == "paper":
        attention = network.output(f"attention_lstm{ending}", inputs, 1).astype(np.float64)
    else:
        attention = network.output(f"attention{ending}", inputs).astype(np.float64)
        if over == "timepoints":
            attention = spread_over_field(attention, architecture["kernel_sizes"])
            attention *= 1.0 if mask is None else mask
    return attention / attention.sum(axis=1, keepdims=True)


def spread_over_field(weights, kernel_sizes):
    """Hand weights of features, (n_samples, n_timepoints), to the timepoints that they see.

    ``kernel_sizes`` are those of the convolutions on the way to the features, each padded to the
    same length. Rows keep their sums. A timepoint's part grows with the number of paths to it; at
    the ends of the series the part beyond is divided among the others.

    >>> spread_over_field(np.array([[0.0, 0.0, 9.0, 0.0, 0.0]]), [3, 3])
    array([[1., 2., 3., 2., 1.]])
    """
    ways = np.ones((1, weights.shape[1]))
    for size in kernel_sizes:  # Keras pads the end by one more than the start
        ways = _sums_around(ways, (size - 1) // 2, size // 2)
    spread = weights / ways
    for size in reversed(kernel_sizes):
        spread = _sums_around(spread, size // 2, (size - 1) // 2)
    return spread


def _sums_around(rows, before, after):
    """Return at each place the sum from ``before`` places earlier to ``after`` places later."""
    n = rows.shape[1]
    so_far = np.pad(np.cumsum(rows, axis=1), ((0, 0), (1, 0)))
    place = np.arange(n)
    ends = np.minimum(place + after + 1, n), np.maximum(place - before, 0)
    return np.maximum(so_far[:, ends[0]] - so_far[:, ends[1]], 0.0)  # no -1e-17
