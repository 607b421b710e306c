"""What did a fitted network decide on? Exact contributions to its logits, maps, filters."""

import copy
from collections.abc import Sized
from dataclasses import dataclass

import numpy as np

from lstmfcn import validation
from lstmfcn.atomic import of_one_fit

__all__ = ["Explanation", "ExplanationMixin", "spread_over_field"]


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

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.explain import Explanation
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
            ``lstm_share``: its mean share; ``lstm_agrees``, ``convolutions_agree``: fraction of
            series for which that branch alone (with the bias) names the class that both name.
        """
        decided = self.logits.argmax(axis=1)
        alone = {
            "lstm_agrees": (self.bias + self.lstm).argmax(axis=1),
            "convolutions_agree": (self.bias + self.convolutions).argmax(axis=1),
        }
        agreement = {key: float(np.mean(answer == decided)) for key, answer in alone.items()}
        return {"lstm_share": float(self.lstm_share.mean()), **agreement}


class ExplanationMixin:
    """The methods of :class:`lstmfcn.base.TimeSeriesClassifier` that explain its decisions."""

    @of_one_fit
    def explain(self, X, y=None):
        """Take the logits apart, exactly: bias, LSTM branch, convolutions at each timepoint.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            The class explained over time; by default the predicted one.

        Returns
        -------
        lstmfcn.explain.Explanation
            Its parts add up to the logits. Timepoints are those of ``fit``: of the padded or
            resampled series, where lengths are unequal.
        """
        inputs = self._read_test_data(X)
        return self._explain(inputs, y)

    @of_one_fit
    def class_activation_map(self, X, y=None, *, contrast=False):
        """Return what the convolutions contribute to a class's logit at each timepoint.

        Computed from the features after the last ReLU and the rows of the last layer that
        belong to them; each map sums to the convolutions' part of the logit.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            The class; by default the predicted one.
        contrast : bool, default=False
            Take away the mean map of the other classes. Evidence that speaks for every class
            alike moves no probability; without it, what remains tells the class apart.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints)
            In units of the logit; zero on padding.

        References
        ----------
        Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning Deep Features for Discriminative
        Localization", 2016, arXiv:1512.04150; for series: Wang, Yan, Oates, 2017,
        arXiv:1611.06455, section III.
        """
        inputs = self._read_test_data(X)
        validation.check_choice(contrast, "contrast", (False, True))
        return self._explain(inputs, y, contrast=contrast).over_time

    @of_one_fit
    def gradient_map(self, X, y=None, *, per_channel=False):
        """Return gradient times input: a plain map to hold the others against.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            Whose logit; by default that of the predicted class.
        per_channel : bool, default=False
            Return each channel's map; otherwise their sum.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Of the normalised series; zero on padding.

        References
        ----------
        Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box: Learning Important
        Features Through Propagating Activation Differences", 2016, arXiv:1605.01713.
        """
        inputs = self._read_test_data(X)
        validation.check_choice(per_channel, "per_channel", (False, True))
        target = self._targets(self._forwards("logits", inputs).argmax(axis=1), y)
        product = self._forwards.logit_gradient(inputs, target) * inputs[0][:]
        product = product.transpose(0, 2, 1).astype(np.float64)
        return product if per_channel else product.sum(axis=1)

    @of_one_fit
    def filter_kernels(self):
        """Return the first layer's kernels as they meet the normalised (and repaired) series.

        Returns
        -------
        ndarray of shape (n_filters, n_channels, kernel_size)
            Multiplied by the scale of the batch normalisation behind them, so that signs and
            sizes compare between filters. At timepoint t a kernel covers the timepoints from
            t - (kernel_size - 1) // 2 on.
        """
        validation.check_is_fitted(self)
        convolution, norm = (self.model_.get_layer(name) for name in ("conv_1", "norm_1"))
        kernel = np.asarray(convolution.kernel, np.float64)  # (kernel_size, n_channels, n_filters)
        gamma, variance = (np.asarray(w, np.float64) for w in (norm.gamma, norm.moving_variance))
        return (kernel * gamma / np.sqrt(variance + norm.epsilon)).transpose(2, 1, 0)

    @of_one_fit
    def filter_activations(self, X, layer=1):
        """Return a convolution block's activations, after batch normalisation and ReLU.

        Parameters
        ----------
        X : as in :meth:`predict`
        layer : int, default=1
            Which block, counted from 1.

        Returns
        -------
        float32 ndarray of shape (n_samples, n_timepoints, n_filters)
            Zero on padding.
        """
        inputs = self._read_test_data(X)
        return self._forwards(self._block(layer), inputs)

    @of_one_fit
    def strongest_series(self, X, layer=1, n_series=1):
        """Find for each filter of a block the series that excite it most.

        Parameters
        ----------
        X : as in :meth:`predict`
        layer : int, default=1
            Which block, counted from 1.
        n_series : int, default=1
            How many series per filter.

        Returns
        -------
        series : int ndarray of shape (n_filters, n_series)
            Indices into ``X``, the most exciting first.
        timepoints : int ndarray of shape (n_filters, n_series)
            Where in the series the filter is most active.
        activations : ndarray of shape (n_filters, n_series)
            How active it is there.
        """
        inputs = self._read_test_data(X)
        validation.check_counts(most=len(inputs[0]), n_series=n_series)
        best, where = [], []
        for _, activations in self._forwards.batches(self._block(layer), inputs):
            where.append(activations.argmax(axis=1))
            best.append(activations.max(axis=1))
        best, where = np.concatenate(best), np.concatenate(where)  # (n_samples, n_filters)
        order = np.argsort(-best, axis=0, kind="stable")[:n_series]
        return tuple(
            values.T
            for values in (
                order,
                np.take_along_axis(where, order, axis=0),
                np.take_along_axis(best, order, axis=0),
            )
        )

    @of_one_fit
    def with_random_weights(self, random_state=None):
        """Return a copy whose network has never learned, for sanity checks of maps.

        Parameters
        ----------
        random_state : int, RandomState or None, default=None
            Seed of its weights.

        Returns
        -------
        fitted classifier of the same class
        """
        validation.check_is_fitted(self)
        (seed,) = validation.draw_seeds(random_state, 1)
        other = copy.copy(self)
        other._adopt(self._build({**self._architecture, "seed": seed}), self._architecture)
        return other

    def _explain(self, inputs, y, contrast=False):
        n_samples, n_timepoints = len(inputs[0]), self.n_timepoints_in_
        kernel, bias = (
            np.asarray(weight, np.float64)
            for weight in self.model_.get_layer("logits").get_weights()
        )
        n_cells = self._architecture.get("n_cells", 0)  # the LSTM's rows come first
        lstm = np.zeros((n_samples, len(self.classes_)))
        if n_cells:
            lstm = self._forwards("lstm", inputs) @ kernel[:n_cells]
        convolutions = self._forwards("pooled", inputs) @ kernel[n_cells:]
        target = self._targets((bias + lstm + convolutions).argmax(axis=1), y)
        rows_of_target = kernel[n_cells:].T  # (n_classes, n_filters)
        if contrast:
            n_classes = len(rows_of_target)
            rows_of_target = (rows_of_target - rows_of_target.mean(axis=0)) * (
                n_classes / (n_classes - 1)
            )
        over_time = np.empty((n_samples, n_timepoints))
        for rows, features in self._forwards.batches("features", inputs):
            weights = rows_of_target[target[rows]]
            over_time[rows] = np.matmul(features, weights[:, :, np.newaxis])[:, :, 0]
        if len(inputs) > 1:
            over_time *= inputs[1] / inputs[1].sum(axis=1, keepdims=True)
        else:
            over_time /= n_timepoints
        return Explanation(self.classes_, target, bias, lstm, convolutions, over_time)

    def _targets(self, predicted, y):
        """Return the class to explain for each series, as an index into ``classes_``."""
        if y is None:
            return predicted
        name = type(self).__name__
        if isinstance(y, str) or not isinstance(y, Sized) or getattr(y, "ndim", 1) == 0:
            y = np.full(len(predicted), y, np.asarray(y).dtype)
        y = validation.check_labels(y, len(predicted), name)
        return validation.encode_labels(y, self.classes_, name)

    def _block(self, layer):
        """Return the name of the layer that ends a convolution block."""
        n_blocks = len(self._architecture["n_filters"])
        validation.check_counts(most=n_blocks, layer=layer)
        if layer == n_blocks:
            return "features"
        return f"block_{layer}" if self._architecture["masked"] else f"norm_{layer}"


def spread_over_field(weights, kernel_sizes):
    """Hand weights of features to the timepoints that the features see.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_timepoints)
    kernel_sizes : sequence of int
        Of the convolutions on the way to the features, each padded to the same length.

    Returns
    -------
    ndarray of shape (n_samples, n_timepoints)
        Rows keep their sums. A timepoint's part grows with the number of paths to it; at the
        ends of the series what would lie beyond is shared among the others.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.explain import spread_over_field
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
