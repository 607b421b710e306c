"""What in a series speaks for each class? One row per class, coloured by its activation map."""

import numpy as np

from lstmfcn.plots.drawing import Lanes, MapScale, floats, new_figure, plain
from lstmfcn.plots.reading import (
    METHODS,
    check_relevance,
    check_series,
    class_name,
    read_maps,
    take_one,
)

__all__ = ["ActivationMapDisplay"]


class ActivationMapDisplay:
    """One series, once per class, coloured by what it contributes to that class's logit.

    Parameters
    ----------
    series : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
    maps : array-like of shape (n_classes, n_timepoints)
        One class activation map per class, in units of the logit.
    probabilities : array-like of shape (n_classes,)
    names : sequence of str of length n_classes

    Attributes
    ----------
    axes_ : object ndarray of shape (n_classes,)
        Matplotlib axes, after :meth:`plot`.
    figure_ : matplotlib figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from lstmfcn.plots import ActivationMapDisplay
    >>> maps = [[0.0, 2.0, 0.5], [0.1, -1.0, 0.0]]
    >>> display = ActivationMapDisplay([0, 1, 0], maps, [0.9, 0.1], ["gun", "point"]).plot()
    >>> [ax.get_title() for ax in display.axes_]
    ['gun: probability 0.90', 'point: probability 0.10']
    """

    def __init__(self, series, maps, probabilities, names):
        self.series = check_series(series)
        self.probabilities = floats(probabilities, "probabilities")
        self.names = list(names)
        if not len(self.names) == len(maps) == len(self.probabilities):
            raise ValueError(
                f"{len(maps)} maps came with {len(self.probabilities)} probabilities and "
                f"{len(self.names)} names; pass one of each per class."
            )
        self.maps = np.array(
            [check_relevance(values, self.series, f"map {i}") for i, values in enumerate(maps)]
        )

    @classmethod
    def from_estimator(cls, estimator, X, index=0, *, class_names=None):
        """Compute the class activation maps of one series of ``X``, for all classes.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        index : int, default=0
            Which series to show.
        class_names : mapping of label to str, optional

        Returns
        -------
        ActivationMapDisplay
        """
        one, maps = take_one(X, index), []
        for label in estimator.classes_:
            (series,), (relevance,) = read_maps(estimator, one, "class_activation_map", label)
            maps.append(relevance)
        names = [class_name(label, class_names) for label in estimator.classes_]
        return cls(series, maps, estimator.predict_proba(one)[0], names)

    def plot(self, figure=None):
        """Draw one row per class, all on one colour scale.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional

        Returns
        -------
        self
        """
        n_classes = len(self.names)
        if figure is None:
            figure = new_figure(7, 0.7 + n_classes * (1.3 + 0.3 * len(self.series)))
        axes = figure.subplots(n_classes, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        scale, lanes = MapScale(self.maps), Lanes([self.series])
        rows = zip(axes, self.maps, self.probabilities, self.names, strict=True)
        for ax, relevance, probability, name in rows:
            scale.draw(ax, lanes.place(self.series), relevance)
            lanes.label(ax)
            ax.set_title(f"{plain(name)}: probability {probability:.2f}", fontsize="medium")
        axes[-1].set_xlabel("timepoint")
        scale.add_colorbar(figure, axes, METHODS["class_activation_map"])
        self.axes_, self.figure_ = axes, figure
        return self
