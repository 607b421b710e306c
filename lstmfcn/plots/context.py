"""Where does the LSTM branch look? Series weighted by the attention that was learned."""

import numpy as np

from lstmfcn.plots.drawing import COLOURS, GREY, Lanes, class_panels
from lstmfcn.plots.reading import check_panel, class_name, read_maps, stack

__all__ = ["ContextDisplay"]

LINEAR_DECADES = 2.0  # length of the axis from 0 to the largest value, in decades beyond it


class ContextDisplay:
    """For each class its series, their context, and beneath them the mean attention.

    The context of a series is ``n_timepoints * attention_t * x_t``: the series itself where
    attention is uniform, magnified where the LSTM branch looks and flat where it does not. Its
    mean over time is the attention-weighted mean of the series. The branch reads the mean of
    series and context.

    Parameters
    ----------
    series : ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints), \
or list of ndarray of shape (n_channels, T_i)
    attention : sequence of array-like of shape (T_i,)
        One attention map per series; each sums to 1.
    labels : array-like of shape (n_samples,)
        The class of each series.
    class_names : mapping of label to str, optional

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur.
    context : list of ndarray of shape (n_channels, T_i)
        One per series.
    relative_attention : list of ndarray of shape (T_c,)
        One per class: the mean over its series of ``n_timepoints * attention_t``; 1 is uniform.
    axes_ : object ndarray of shape (n_classes, 2)
        Matplotlib axes of series and attention, after :meth:`plot`.
    figure_ : matplotlib figure

    Notes
    -----
    The papers' figure of context vectors multiplies each test series by the mean training series
    of its class; no learned quantity enters it.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", IEEE Access, 2018, arXiv:1709.05206.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from lstmfcn.plots import ContextDisplay
    >>> display = ContextDisplay([[1, 2, 4]], [[0.0, 0.5, 0.5]], [1]).plot()
    >>> display.context[0].tolist(), display.relative_attention[0].tolist()
    ([[0.0, 3.0, 6.0]], [0.0, 1.5, 1.5])
    """

    def __init__(self, series, attention, labels, *, class_names=None):
        self.series, attention, self.labels = check_panel(series, attention, labels)
        for i, weights in enumerate(attention):
            if weights.min() < 0 or not np.isclose(weights.sum(), 1.0, atol=1e-3):
                raise ValueError(
                    f"attention {i} is not a distribution over time (it sums to "
                    f"{weights.sum():.3g}); pass weights of at least 0 that sum to 1."
                )
        relative = [len(weights) * weights for weights in attention]
        self.context = [a * x for a, x in zip(relative, self.series, strict=True)]
        self.class_names, self.classes = class_names, np.unique(self.labels)
        self.relative_attention = [
            np.nanmean(stack([relative[i] for i in np.flatnonzero(self.labels == name)]), axis=0)
            for name in self.classes
        ]

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, class_names=None):
        """Compute the attention of all series.

        Parameters
        ----------
        estimator : fitted ALSTMFCNClassifier
        X : as in its ``predict``
        y : array-like of shape (n_samples,), optional
            The classes to group by; by default the predicted ones.
        class_names : mapping of label to str, optional

        Returns
        -------
        ContextDisplay
        """
        series, attention = read_maps(estimator, X, "attention_map")
        if y is None:
            y = estimator.classes_[estimator.predict_proba(X).argmax(axis=1)]
        return cls(series, attention, y, class_names=class_names)

    def plot(self, figure=None):
        """Draw a pair of panels per class.

        Within the range of the series the vertical axis is linear, beyond it logarithmic: sharp
        attention magnifies a hundredfold.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional

        Returns
        -------
        self
        """
        from matplotlib.collections import LineCollection

        figure, axes = class_panels(figure, len(self.classes))
        limit = np.max([np.abs(one).max(axis=1) for one in self.series], axis=0)[:, np.newaxis]
        if len(limit) == 1 and limit[0, 0] > 0:
            axes[0, 0].set_yscale("symlog", linthresh=limit[0, 0], linscale=LINEAR_DECADES)
        context = self.context
        if len(limit) > 1:  # lanes have no scale of their own that could be logarithmic
            context = [_compressed(one, limit) for one in context]
        lanes = Lanes([*self.series, *context])
        colour = COLOURS[1]
        for (upper, lower), name, relative in zip(
            axes, self.classes, self.relative_attention, strict=True
        ):
            members = np.flatnonzero(self.labels == name)
            for values, style in (
                (self.series, {"colors": GREY, "linewidths": 0.5, "label": "series"}),
                (context, {"colors": colour, "linewidths": 0.5, "alpha": 0.3, "label": "context"}),
            ):
                lines = [
                    np.column_stack([np.arange(len(line)), line])
                    for i in members
                    for line in lanes.place(values[i])
                ]
                upper.add_collection(LineCollection(lines, **style))
            mean = np.nanmean(stack([self.context[i] for i in members]), axis=0)
            if len(limit) > 1:
                mean = _compressed(mean, limit)
            upper.plot(lanes.place(mean).T, color="black", linewidth=1.0, label="mean context")
            upper.autoscale_view()
            upper.margins(x=0.01)
            lower.axhline(1.0, color="#404040", linestyle="--", linewidth=0.8)
            lower.plot(relative, color=colour, linewidth=1.5)
            title = f"{class_name(name, self.class_names)} ({len(members)} series)"
            upper.set_title(title, fontsize="medium")
        highest = max(relative.max() for relative in self.relative_attention)
        axes[0, 1].set_ylim(0.0, 1.08 * max(1.0, highest))
        lanes.label(axes[0, 0], "value (symlog)")
        axes[0, 1].set_ylabel("mean attention\n(1: uniform)")
        first = axes[0, 0]
        legend = first.legend(handles=[*first.collections, first.lines[0]], fontsize="small")
        for handle in legend.legend_handles:  # hair lines would not show there
            handle.set(linewidth=1.5, alpha=1.0)
        self.axes_, self.figure_ = axes, figure
        return self


def _compressed(values, limit):
    """Make values beyond ``limit`` logarithmic, as matplotlib's "symlog" does."""
    beyond = np.log10(np.maximum(np.abs(values), limit) / np.where(limit > 0, limit, 1.0))
    return np.clip(values, -limit, limit) * (1.0 + beyond / LINEAR_DECADES)
