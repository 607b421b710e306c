"""Where in a series did the evidence lie? A series coloured by its map."""

from lstmfcn.plots.drawing import Lanes, MapScale, new_figure
from lstmfcn.plots.reading import (
    METHODS,
    check_relevance,
    check_series,
    class_name,
    read_maps,
    take_one,
)

__all__ = ["MapDisplay"]


class MapDisplay:
    """One series, coloured by a map over its timepoints.

    Parameters
    ----------
    series : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
    relevance : array-like of shape (n_timepoints,)
        The map, for example a row of ``ALSTMFCNClassifier.attention_map``. Where values are
        negative the scale is a diverging one.
    title : str, default=""
    label : str, default="attention"
        What the colours mean, with their unit.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from lstmfcn.plots import MapDisplay
    >>> display = MapDisplay(np.sin(np.arange(50) / 8), np.full(50, 1 / 50)).plot()
    >>> display.ax_.get_xlabel()
    'timepoint'
    """

    def __init__(self, series, relevance, *, title="", label="attention"):
        self.series = check_series(series)
        self.relevance = check_relevance(relevance, self.series)
        self.title, self.label = title, label

    @classmethod
    def from_estimator(
        cls, estimator, X, index=0, *, method="attention_map", y=None, class_names=None
    ):
        """Compute the map of one series of ``X`` and the class predicted for it.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        index : int, default=0
            Which series to show.
        method : {"attention_map", "class_activation_map", "gradient_map"}, \
default="attention_map"
            Which of its methods makes the map; attention needs an ``ALSTMFCNClassifier``.
        y : label, optional
            The class that the map explains; by default the predicted one.
        class_names : mapping of label to str, optional

        Returns
        -------
        MapDisplay
        """
        one = take_one(X, index)
        (series,), (relevance,) = read_maps(estimator, one, method, y)
        proba = estimator.predict_proba(one)[0]
        predicted = class_name(estimator.classes_[proba.argmax()], class_names)
        title = f"predicted {predicted} (probability {proba.max():.2f})"
        if y is not None:
            title = f"map of {class_name(y, class_names)}, {title}"
        return cls(series, relevance, title=title, label=METHODS[method])

    def plot(self, ax=None):
        """Draw the series as a line whose colour and width follow the map.

        Parameters
        ----------
        ax : matplotlib axes, optional

        Returns
        -------
        self
        """
        if ax is None:
            ax = new_figure(7, 2.5 + 0.5 * len(self.series)).add_subplot()
        scale, lanes = MapScale([self.relevance]), Lanes([self.series])
        scale.draw(ax, lanes.place(self.series), self.relevance)
        scale.add_colorbar(ax.figure, ax, self.label)
        lanes.label(ax)
        ax.set_xlabel("timepoint")
        ax.set_title(self.title, fontsize="medium")
        self.ax_, self.figure_ = ax, ax.figure
        return self
