"""Where does the evidence for a class usually lie? Mean maps and attention per class."""

from textwrap import fill

import numpy as np

from lstmfcn.plots.coloured_series import Lanes
from lstmfcn.plots.display import COLOURS, DARK_GREY, GREY, TIME, FigureDisplay, grid_shape
from lstmfcn.plots.explanations import METHODS, check_maps, class_name, read_maps

MAX_COLUMNS = 3
LINEAR_DECADES = 2.0  # length of the axis from 0 to the largest value, in decades beyond it


class _ClassDisplay(FigureDisplay):
    """An upper and a lower axes for each class, at most three classes side by side."""

    def _size(self):
        n_rows, n_columns = grid_shape(len(self.classes), MAX_COLUMNS)
        return 1.0 + 4.0 * n_columns, 0.5 + 4.0 * n_rows

    def _members(self):
        """Return for each class the indices of its series."""
        return [np.flatnonzero(self.labels == name) for name in self.classes]

    def _subplots(self, figure):
        """Return axes (n_classes, 2); the upper ones share their vertical axis, as do the lower."""
        n_rows, n_columns = grid_shape(len(self.classes), MAX_COLUMNS)
        grid = figure.add_gridspec(2 * n_rows, n_columns, height_ratios=[3, 2] * n_rows)
        axes = np.empty((len(self.classes), 2), object)
        for i, (name, members) in enumerate(zip(self.classes, self._members(), strict=True)):
            row, column = divmod(i, n_columns)
            for part in (0, 1):
                place = grid[2 * row + part, column]
                axes[i, part] = figure.add_subplot(place, sharex=axes[i, 0], sharey=axes[0, part])
                axes[i, part].tick_params(labelleft=column == 0)
            axes[i, 0].tick_params(labelbottom=False)
            axes[i, 1].set_xlabel(TIME)
            title = f"{class_name(name, self.class_names)} ({len(members)} series)"
            axes[i, 0].set_title(title, fontsize="medium")
        return axes


class MeanMapDisplay(_ClassDisplay):
    """For each class the mean series and, below it, the mean map with its quartiles.

    Parameters
    ----------
    series : ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints), \
or list of ndarray of shape (n_channels, T_i)
    maps : sequence of array-like of shape (T_i,)
        One map per series.
    labels : array-like of shape (n_samples,)
        The class of each series, usually the predicted one.
    class_names : mapping of label to str, optional
    label : str, default="attention"
        Name of the maps' values, with their unit.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur.
    mean_series : list of ndarray of shape (n_channels, T_c)
        One per class. If lengths are unequal, the mean of a timepoint is over the series that reach
        it. The last timepoint is one that half of the series reach. The same holds for maps.
    mean, lower_quartile, upper_quartile : list of ndarray of shape (T_c,)
        One per class, of its maps.
    axes_ : object ndarray of shape (n_classes, 2)
        Matplotlib axes of mean series and mean map, after :meth:`plot`.
    figure_ : matplotlib figure

    See Also
    --------
    GalleryDisplay : Single series and their maps.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.plots import MeanMapDisplay
    >>> maps = np.array([[0.2, 0.8], [0.4, 0.6], [0.5, 0.5]])
    >>> display = MeanMapDisplay(np.zeros((3, 2)), maps, [0, 0, 1]).plot()
    >>> display.mean[0].round(2).tolist(), display.axes_[0, 0].get_title()
    ([0.3, 0.7], 'class 0 (2 series)')
    """

    def __init__(self, series, maps, labels, *, class_names=None, label="attention"):
        series, maps, self.labels = check_maps(series, maps, labels)
        self.class_names, self.label = class_names, label
        self.classes = np.unique(self.labels)
        self.mean_series, self.mean, self.lower_quartile, self.upper_quartile = [], [], [], []
        for members in self._members():
            self.mean_series.append(np.nanmean(_stack(series, members), axis=0))
            its_maps = _stack(maps, members)
            self.mean.append(np.nanmean(its_maps, axis=0))
            low, high = np.nanquantile(its_maps, [0.25, 0.75], axis=0)
            self.lower_quartile.append(low)
            self.upper_quartile.append(high)

    @classmethod
    def from_estimator(cls, estimator, X, *, method="attention_map", class_names=None):
        """Compute the maps of all series, each for its predicted class.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        method : str, default="attention_map"
            Or "class_activation_map" or "gradient_map"; attention needs an ALSTMFCNClassifier.
        class_names : mapping of label to str, optional
        """
        series, maps = read_maps(estimator, X, method)
        classes = estimator.classes_.tolist()
        names = {label: f"predicted {class_name(label, class_names)}" for label in classes}
        return cls(series, maps, estimator.predict(X), class_names=names, label=METHODS[method])

    def _draw(self, figure):
        axes, lanes = self._subplots(figure), Lanes(self.mean_series)
        for i, (upper, lower) in enumerate(axes):
            upper.plot(lanes.place(self.mean_series[i]).T, color=DARK_GREY, linewidth=1.5)
            lower.axhline(0.0, color=GREY, linewidth=0.8)
            t, low, high = range(len(self.mean[i])), self.lower_quartile[i], self.upper_quartile[i]
            lower.fill_between(t, low, high, color=COLOURS[0], alpha=0.3, linewidth=0)
            lower.plot(self.mean[i], color=COLOURS[0], linewidth=1.5)
        lanes.label(axes[0, 0], "mean value")
        axes[0, 1].set_ylabel(fill(self.label, 16) + "\n(mean, quartiles)")
        return axes


class ContextDisplay(_ClassDisplay):
    """For each class its series, their context and, below them, the mean attention.

    The context of a series is ``n_timepoints * attention_t * x_t``. It equals the series where
    attention is uniform. It is larger where the LSTM branch attends, and flat where the branch does
    not. Its mean over time is the attention-weighted mean of the series. The branch reads the mean
    of the normalised series and the series weighted by attention per step. The picture spreads this
    attention over timepoints, and is an approximation of it.

    The vertical axis is linear within the range of the series and logarithmic beyond it, because
    sharp attention can magnify values a hundredfold.

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
        One per class: the mean of ``n_timepoints * attention_t`` over its series. A value of 1
        stands for uniform attention.
    axes_ : object ndarray of shape (n_classes, 2)
        Matplotlib axes of series and attention, after :meth:`plot`.
    figure_ : matplotlib figure

    See Also
    --------
    MeanMapDisplay : Mean maps of any method.

    Notes
    -----
    The papers' figure of context vectors is another picture: it multiplies each test series by the
    mean training series of its class, and uses no learned weights.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", IEEE Access, 2018, arXiv:1709.05206.

    Examples
    --------
    >>> from lstmfcn.plots import ContextDisplay
    >>> display = ContextDisplay([[1, 2, 4]], [[0.0, 0.5, 0.5]], [1]).plot()
    >>> display.context[0].tolist(), display.relative_attention[0].tolist()
    ([[0.0, 3.0, 6.0]], [0.0, 1.5, 1.5])
    """

    def __init__(self, series, attention, labels, *, class_names=None):
        self.series, attention, self.labels = check_maps(series, attention, labels)
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
            np.nanmean(_stack(relative, members), axis=0) for members in self._members()
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
        """
        series, attention = read_maps(estimator, X, "attention_map")
        y = estimator.predict(X) if y is None else y
        return cls(series, attention, y, class_names=class_names)

    def _draw(self, figure):
        from matplotlib.collections import LineCollection

        axes = self._subplots(figure)
        limit = np.max([np.abs(one).max(axis=1) for one in self.series], axis=0)[:, np.newaxis]
        if len(limit) == 1 and limit[0, 0] > 0:
            axes[0, 0].set_yscale("symlog", linthresh=limit[0, 0], linscale=LINEAR_DECADES)
        # Lanes have no scale of their own that could be logarithmic.
        as_drawn = _compressed if len(limit) > 1 else (lambda values, _: values)
        context = [as_drawn(one, limit) for one in self.context]
        lanes = Lanes([*self.series, *context])
        for (upper, lower), members, relative in zip(
            axes, self._members(), self.relative_attention, strict=True
        ):
            for values, style in (
                (self.series, {"colors": GREY, "label": "series"}),
                (context, {"colors": COLOURS[1], "alpha": 0.3, "label": "context"}),
            ):
                lines = [[*enumerate(line)] for i in members for line in lanes.place(values[i])]
                upper.add_collection(LineCollection(lines, linewidths=0.5, **style))
            mean = as_drawn(np.nanmean(_stack(self.context, members), axis=0), limit)
            upper.plot(lanes.place(mean).T, color="black", linewidth=1.0, label="mean context")
            upper.autoscale_view()
            upper.margins(x=0.01)
            lower.axhline(1.0, color=DARK_GREY, linestyle="--", linewidth=0.8)
            lower.plot(relative, color=COLOURS[1], linewidth=1.5)
        highest = max(relative.max() for relative in self.relative_attention)
        axes[0, 1].set_ylim(0.0, 1.08 * max(1.0, highest))
        lanes.label(axes[0, 0], "value (symlog)")
        axes[0, 1].set_ylabel("mean attention\n(1: uniform)")
        first = axes[0, 0]
        handles, place = [*first.collections, first.lines[0]], "outside upper center"
        legend = figure.legend(handles=handles, fontsize="small", loc=place, ncols=3, frameon=False)
        for handle in legend.legend_handles:  # hair lines would not show there
            handle.set(linewidth=1.5, alpha=1.0)
        return axes


def _stack(arrays, members):
    """Stack the arrays (..., T_i) of the members, with NaN after the end of an array.

    The stack ends at a timepoint that half of the arrays reach, as later means would be of a few.
    """
    arrays = [arrays[i] for i in members]
    end = int(np.median([values.shape[-1] for values in arrays]))
    stacked = np.full((len(arrays), *arrays[0].shape[:-1], end), np.nan)
    for row, values in zip(stacked, arrays, strict=True):
        row[..., : values.shape[-1]] = values[..., :end]
    return stacked


def _compressed(values, limit):
    """Make values beyond ``limit`` logarithmic, as matplotlib's "symlog" does."""
    beyond = np.log10(np.maximum(np.abs(values), limit) / np.where(limit > 0, limit, 1.0))
    return np.clip(values, -limit, limit) * (1.0 + beyond / LINEAR_DECADES)
