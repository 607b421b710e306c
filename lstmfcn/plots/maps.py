"""Where in a series did the evidence lie? One series coloured by its map, or by a map per class."""

import numpy as np

from lstmfcn.plots.coloured_series import draw_maps
from lstmfcn.plots.display import AxesDisplay, FigureDisplay, floats, plain
from lstmfcn.plots.explanations import (
    METHODS,
    check_relevance,
    check_series,
    class_name,
    prediction_title,
    read_maps,
    take_one,
)


class MapDisplay(AxesDisplay):
    """One series as a line whose colour and width follow a map over its timepoints.

    Parameters
    ----------
    series : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
    relevance : array-like of shape (n_timepoints,)
        The map, such as a row of an ``attention_map``. Negative values get a diverging scale.
    title : str, default=""
    label : str, default="attention"
        Name of the map's values, with their unit.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    ActivationMapDisplay : One series, once per class.
    GalleryDisplay : Several series of each class.

    Examples
    --------
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
        """Compute the map of the series ``X[index]`` and its predicted class.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        index : int, default=0
        method : str, default="attention_map"
            Or "class_activation_map" or "gradient_map"; attention needs an ALSTMFCNClassifier.
        y : label, optional
            The class that the map explains; by default the predicted class.
        class_names : mapping of label to str, optional
        """
        one = take_one(X, index)
        (series,), (relevance,) = read_maps(estimator, one, method, y)
        title = prediction_title(estimator, one, class_names)
        if y is not None:
            title = f"map of {class_name(y, class_names)}, {title}"
        return cls(series, relevance, title=title, label=METHODS[method])

    def _size(self):
        return 7, 2.5 + 0.5 * len(self.series)

    def _draw(self, ax):
        draw_maps(ax.figure, [ax], self.series, [self.relevance], self.label)
        ax.set_title(self.title, fontsize="medium")


class ActivationMapDisplay(FigureDisplay):
    """One series, drawn once per class and coloured by its contribution to the class's logit.

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

    See Also
    --------
    DecompositionDisplay : All parts of the logits, not only those over time.

    Examples
    --------
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
        """Compute the class activation maps of the series ``X[index]``, for all classes.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        index : int, default=0
        class_names : mapping of label to str, optional
        """
        one, maps = take_one(X, index), []
        for label in estimator.classes_:
            (series,), (relevance,) = read_maps(estimator, one, "class_activation_map", label)
            maps.append(relevance)
        names = [class_name(label, class_names) for label in estimator.classes_]
        return cls(series, maps, estimator.predict_proba(one)[0], names)

    def _size(self):
        return 7, 0.7 + len(self.names) * (1.3 + 0.3 * len(self.series))

    def _draw(self, figure):
        axes = figure.subplots(len(self.names), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        draw_maps(figure, axes, self.series, self.maps, METHODS["class_activation_map"])
        for ax, probability, name in zip(axes, self.probabilities, self.names, strict=True):
            ax.set_title(f"{plain(name)}: probability {probability:.2f}", fontsize="medium")
        return axes
