"""What has the first layer learned? Kernels, each with the series of its highest activation."""

from textwrap import fill

import numpy as np

from lstmfcn.plots.coloured_series import Lanes
from lstmfcn.plots.display import COLOURS, GREY, TIME, FigureDisplay, floats, grid_shape
from lstmfcn.plots.explanations import class_name
from lstmfcn.validation import as_series, check_counts

MAX_COLUMNS = 2  # of filters
TITLE_LETTERS = 56  # that fit above a series


class FilterDisplay(FigureDisplay):
    """First-layer kernels, each with the series and the place of its highest activation.

    Parameters
    ----------
    kernels : array-like of shape (n_filters, n_channels, kernel_size)
        As applied to the normalised series.
    series : ndarray of shape (n_filters, n_timepoints) or (n_filters, n_channels, n_timepoints), \
or list of ndarray of shape (n_channels, T_i)
        One per filter.
    places : array-like of shape (n_filters, 2)
        First and last timepoint that the kernel covers at its highest activation.
    titles : sequence of str of length n_filters, optional

    Attributes
    ----------
    axes_ : object ndarray of shape (n_filters, 2)
        Matplotlib axes of kernel and series, after :meth:`plot`.
    figure_ : matplotlib figure

    See Also
    --------
    ActivationMapDisplay : What the last convolutions contribute to a decision.

    Examples
    --------
    >>> from lstmfcn.plots import FilterDisplay
    >>> kernel = [[[-1, 2, -1]]]
    >>> display = FilterDisplay(kernel, [[0, 0, 1, 0, 0]], [[1, 3]], titles=["spike"]).plot()
    >>> display.axes_[0, 1].get_title()
    'spike'
    """

    def __init__(self, kernels, series, places, *, titles=None):
        self.kernels, self.series = floats(kernels, "kernels"), list(as_series(series))
        self.places = floats(places, "places")
        n_filters = len(self.kernels)
        self.titles = [""] * n_filters if titles is None else list(titles)
        if self.kernels.ndim != 3 or self.kernels.shape[1] != len(self.series[0]):
            raise ValueError(
                f"kernels have shape {self.kernels.shape}; pass (n_filters, n_channels, "
                f"kernel_size) with the {len(self.series[0])} channels of the series."
            )
        counts = {n_filters, len(self.series), len(self.titles)}
        if len(counts) > 1 or self.places.shape != (n_filters, 2):
            raise ValueError(
                f"{n_filters} kernels came with {len(self.series)} series, {len(self.titles)} "
                f"titles and places of shape {self.places.shape}; pass one series, one title and "
                "one (first, last) per kernel."
            )

    @classmethod
    def from_estimator(cls, estimator, X, n_filters=8, *, class_names=None):
        """Find the filters with the highest activations.

        Each filter shows a series that no earlier filter shows, as long as there are such series.
        So one outlier with high activations everywhere does not fill the picture.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        n_filters : int, default=8
            Largest number of filters to show, chosen by their highest activation.
        class_names : mapping of label to str, optional
        """
        check_counts(n_filters=n_filters)
        kernels = estimator.filter_kernels()
        series = as_series(X)
        candidates = estimator.strongest_series(X, n_series=min(n_filters, len(series)))
        filters = np.argsort(-candidates[2][:, 0], kind="stable")[:n_filters]
        size, resampled = kernels.shape[2], getattr(estimator, "unequal_length_in_", None)
        names = [class_name(label, class_names) for label in np.asarray(estimator.predict(X))]
        views = getattr(estimator, "views", ("values",))
        of_view = len(kernels) // len(views)
        shown, places, titles = [], [], []
        for k in filters:
            left = [rank for rank, i in enumerate(candidates[0][k]) if i not in shown]
            i, timepoint, activation = (values[k, (left or [0])[0]] for values in candidates)
            place = np.array([0.0, size - 1.0]) - (size - 1) // 2
            last = series[i].shape[1] - 1
            if resampled == "resample":  # the network's timepoints are not those of the series
                place *= last / max(1, estimator.n_timepoints_in_ - 1)
            shown.append(i)
            places.append((timepoint + place).clip(0, last))
            read = f" on {views[k // of_view]}" if len(views) > 1 else ""
            titles.append(f"filter {k}{read}: activation {activation:.1f}, series {i} ({names[i]})")
        return cls(kernels[filters], [series[i] for i in shown], places, titles=titles)

    def _size(self):
        n_rows, n_columns = grid_shape(len(self.kernels), MAX_COLUMNS)
        return 5.5 * n_columns, 0.5 + n_rows * (1.4 + 0.3 * self.kernels.shape[1])

    def _draw(self, figure):
        n_filters, n_channels, _ = self.kernels.shape
        n_rows, n_columns = grid_shape(n_filters, MAX_COLUMNS)
        grid = figure.add_gridspec(n_rows, 2 * n_columns, width_ratios=[1, 3] * n_columns)
        axes = np.empty((n_filters, 2), object)
        of_kernels, of_series = Lanes(self.kernels, common=True), Lanes(self.series)
        is_even = len({series.shape[1] for series in self.series}) == 1
        zero = of_kernels.place(np.zeros((n_channels, 1)))[:, 0]
        for i in range(n_filters):
            row, column = divmod(i, n_columns)
            left, right = axes[i] = [
                figure.add_subplot(grid[row, 2 * column + part], sharey=axes[0, part])
                for part in (0, 1)
            ]
            for height in zero:
                left.axhline(height, color=GREY, linewidth=0.8)
            left.plot(of_kernels.place(self.kernels[i]).T, ".-", color=COLOURS[0], linewidth=1.5)
            first, last = self.places[i]
            right.axvspan(first - 0.5, last + 0.5, color=GREY, alpha=0.4, linewidth=0)
            for line in of_series.place(self.series[i]):
                t = np.arange(len(line))
                inside = (t >= np.floor(first)) & (t <= np.ceil(last))
                right.plot(t, line, color="#606060", linewidth=0.8)
                right.plot(t[inside], line[inside], color=COLOURS[1], linewidth=2.5)
            right.margins(x=0.01)
            right.set_title(fill(self.titles[i], TITLE_LETTERS), fontsize="small")
            is_lowest = i + n_columns >= n_filters
            if is_lowest:
                left.set_xlabel("kernel step")
            if is_lowest or not is_even:
                right.set_xlabel(TIME)
            else:
                right.tick_params(labelbottom=False)
            if column == 0:
                of_kernels.label(left, "weight")
            if n_channels == 1:
                of_series.label(right)
            else:  # the lanes lie beside those of the kernels, whose axes name them
                right.tick_params(labelleft=False)
                left.tick_params(labelleft=column == 0)
        return axes
