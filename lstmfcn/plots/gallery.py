"""Which series are typical of a class, and which confuse the classifier? Series with maps."""

from itertools import chain

import numpy as np

from lstmfcn.plots.coloured_series import Lanes, MapScale
from lstmfcn.plots.display import COLOURS, TIME, FigureDisplay, floats, plain
from lstmfcn.plots.explanations import METHODS, check_maps, class_name, read_maps
from lstmfcn.validation import check_counts


class GalleryDisplay(FigureDisplay):
    """For each class its most typical and its most confused series, coloured by their maps.

    The true class has a high probability for a typical series and a low one for a confused series.
    Typical series are on the left, confused series on the right.

    Parameters
    ----------
    series : ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints), \
or list of ndarray of shape (n_channels, T_i)
    maps : sequence of array-like of shape (T_i,)
        One map per series.
    labels : array-like of shape (n_samples,)
        The true classes. A class without series gets no row.
    probabilities : array-like of shape (n_samples, n_classes)
    classes : array-like of shape (n_classes,)
        The labels that the columns of ``probabilities`` belong to.
    n_typical, n_confused : int, default=2
        Numbers of series to show; a small class shows fewer confused series.
    class_names : mapping of label to str, optional
    label : str, default="attention"
        Name of the maps' values, with their unit.

    Attributes
    ----------
    typical, confused : dict of label to list of int
        Indices of the series shown, the most typical or the most confused first.
    axes_ : object ndarray of shape (n_rows, n_typical + n_confused)
        Matplotlib axes, after :meth:`plot`.
    figure_ : matplotlib figure

    See Also
    --------
    MeanMapDisplay : Mean series and mean map of each class.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.plots import GalleryDisplay
    >>> X = np.random.RandomState(0).normal(size=(4, 30))
    >>> proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    >>> display = GalleryDisplay(X, np.abs(X), [0, 0, 1, 1], proba, [0, 1], n_typical=1).plot()
    >>> display.typical, display.confused
    ({0: [0], 1: [2]}, {0: [1], 1: [3]})
    """

    def __init__(
        self,
        series,
        maps,
        labels,
        probabilities,
        classes,
        *,
        n_typical=2,
        n_confused=2,
        class_names=None,
        label="attention",
    ):
        self.series, self.maps, self.labels = check_maps(series, maps, labels)
        self.probabilities = floats(probabilities, "probabilities")
        self.classes = np.asarray(classes)
        if self.probabilities.shape != (len(self.series), len(self.classes)):
            raise ValueError(
                f"probabilities have shape {self.probabilities.shape}; pass one row for each of "
                f"the {len(self.series)} series and one column for each of the "
                f"{len(self.classes)} classes."
            )
        unknown = np.setdiff1d(self.labels, self.classes)
        if len(unknown):
            raise ValueError(
                f"labels hold {unknown.tolist()[0]!r}, which is not one of the classes; pass the "
                "labels that the classifier was fitted on."
            )
        check_counts(n_typical=n_typical)
        check_counts(least=0, n_confused=n_confused)
        self.n_typical, self.n_confused = n_typical, n_confused
        self.class_names, self.label = class_names, label
        self.typical, self.confused = {}, {}
        for column, name in enumerate(self.classes.tolist()):
            members = np.flatnonzero(self.labels == self.classes[column])
            if not len(members):
                continue
            order = members[np.argsort(-self.probabilities[members, column], kind="stable")]
            self.typical[name] = order[:n_typical].tolist()
            self.confused[name] = order[n_typical:][::-1][:n_confused].tolist()

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, method="attention_map", n_typical=2, n_confused=2, class_names=None
    ):
        """Compute probabilities and maps of all series, each map for the predicted class.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        y : array-like of shape (n_samples,)
            The true classes.
        method : str, default="attention_map"
            Or "class_activation_map" or "gradient_map"; attention needs an ALSTMFCNClassifier.
        n_typical, n_confused : int, default=2
        class_names : mapping of label to str, optional
        """
        series, maps = read_maps(estimator, X, method)
        columns = estimator.predict_proba(X), estimator.classes_
        options = {"n_typical": n_typical, "n_confused": n_confused, "class_names": class_names}
        return cls(series, maps, y, *columns, label=METHODS[method], **options)

    def _size(self):
        n_columns, n_channels = self.n_typical + self.n_confused, len(self.series[0])
        return 1.2 + 2.7 * n_columns, 0.8 + len(self.typical) * (1.5 + 0.3 * n_channels)

    def _draw(self, figure):
        n_rows, n_columns = len(self.typical), self.n_typical + self.n_confused
        shown = [*chain(*self.typical.values(), *self.confused.values())]
        axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        scale = MapScale([self.maps[i] for i in shown], typical=True)
        lanes = Lanes([self.series[i] for i in shown])
        for row, name in zip(axes, self.typical, strict=True):
            halves = (row[: self.n_typical], self.typical), (row[self.n_typical :], self.confused)
            for places, chosen in halves:
                for ax in places[len(chosen[name]) :]:
                    ax.set_axis_off()
                for ax, i in zip(places, chosen[name], strict=False):
                    scale.draw(ax, lanes.place(self.series[i]), self.maps[i])
                    right, verdict = self._verdict(i)
                    ax.set_title(verdict, fontsize="small", color="black" if right else COLOURS[1])
            lanes.label(row[0])
            row[0].set_ylabel(f"{class_name(name, self.class_names)}\n{row[0].get_ylabel()}")
        for ax in axes[-1]:
            ax.set_xlabel(TIME)
        scale.add_colorbar(figure, axes, self.label)
        for column, heading in ((0, "most typical"), (self.n_typical, "most confused")):
            if column < n_columns:
                title = axes[0, column].title
                title.set_text(f"{heading}\n{title.get_text()}")
        return axes

    def _verdict(self, i):
        """Return whether a series was classified correctly, and a title that says so.

        The true class is written beside the row.
        """
        best = self.probabilities[i].argmax()
        right = self.classes[best] == self.labels[i]
        name = class_name(self.classes[best], self.class_names)
        taken = "right" if right else f"taken for\n{plain(name, 28)}"
        return right, f"series {i}: {taken} ({self.probabilities[i, best]:.2f})"
