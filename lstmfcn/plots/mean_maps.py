"""Where does the evidence for a class usually lie? The mean map of all series given to it."""

from textwrap import fill

import numpy as np

from lstmfcn.plots.drawing import COLOURS, GREY, Lanes, class_panels
from lstmfcn.plots.reading import METHODS, check_panel, class_name, read_maps, stack

__all__ = ["MeanMapDisplay"]


class MeanMapDisplay:
    """For each class the mean series, and beneath it the mean map with its quartiles.

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
        What the maps' values are, with their unit.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur.
    mean_series : list of ndarray of shape (n_channels, T_c)
        One per class. Where lengths are unequal, each timepoint's mean is over the series that
        reach it, and the last timepoint is one that half of the class's series reach; the same
        holds for the maps.
    mean, lower_quartile, upper_quartile : list of ndarray of shape (T_c,)
        One per class, of its maps.
    axes_ : object ndarray of shape (n_classes, 2)
        Matplotlib axes of mean series and mean map, after :meth:`plot`.
    figure_ : matplotlib figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from lstmfcn.plots import MeanMapDisplay
    >>> maps = np.array([[0.2, 0.8], [0.4, 0.6], [0.5, 0.5]])
    >>> display = MeanMapDisplay(np.zeros((3, 2)), maps, [0, 0, 1]).plot()
    >>> display.mean[0].round(2).tolist(), display.axes_[0, 0].get_title()
    ([0.3, 0.7], 'class 0 (2 series)')
    """

    def __init__(self, series, maps, labels, *, class_names=None, label="attention"):
        series, maps, self.labels = check_panel(series, maps, labels)
        self.class_names, self.label = class_names, label
        self.classes = np.unique(self.labels)
        self.mean_series, self.mean, self.lower_quartile, self.upper_quartile = [], [], [], []
        for name in self.classes:
            members = np.flatnonzero(self.labels == name)
            self.mean_series.append(np.nanmean(stack([series[i] for i in members]), axis=0))
            its_maps = stack([maps[i] for i in members])
            self.mean.append(np.nanmean(its_maps, axis=0))
            low, high = np.nanquantile(its_maps, [0.25, 0.75], axis=0)
            self.lower_quartile.append(low)
            self.upper_quartile.append(high)

    @classmethod
    def from_estimator(cls, estimator, X, *, method="attention_map", class_names=None):
        """Compute the maps of all series, each of the class predicted for it.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        method : {"attention_map", "class_activation_map", "gradient_map"}, \
default="attention_map"
            Which of its methods makes the maps; attention needs an ``ALSTMFCNClassifier``.
        class_names : mapping of label to str, optional

        Returns
        -------
        MeanMapDisplay
        """
        series, maps = read_maps(estimator, X, method)
        predicted = estimator.classes_[estimator.predict_proba(X).argmax(axis=1)]
        names = {
            label: f"predicted {class_name(label, class_names)}"
            for label in estimator.classes_.tolist()
        }
        return cls(series, maps, predicted, class_names=names, label=METHODS[method])

    def plot(self, figure=None):
        """Draw a pair of panels per class.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional

        Returns
        -------
        self
        """
        figure, axes = class_panels(figure, len(self.classes))
        lanes = Lanes(self.mean_series)
        for i, (name, (upper, lower)) in enumerate(zip(self.classes, axes, strict=True)):
            upper.plot(lanes.place(self.mean_series[i]).T, color="#404040", linewidth=1.5)
            lower.axhline(0.0, color=GREY, linewidth=0.8)
            lower.fill_between(
                np.arange(len(self.mean[i])),
                self.lower_quartile[i],
                self.upper_quartile[i],
                color=COLOURS[0],
                alpha=0.3,
                linewidth=0,
            )
            lower.plot(self.mean[i], color=COLOURS[0], linewidth=1.5)
            n_series = np.sum(self.labels == name)
            title = f"{class_name(name, self.class_names)} ({n_series} series)"
            upper.set_title(title, fontsize="medium")
        lanes.label(axes[0, 0], "mean value")
        axes[0, 1].set_ylabel(fill(self.label, 16) + "\n(mean, quartiles)")
        self.axes_, self.figure_ = axes, figure
        return self
