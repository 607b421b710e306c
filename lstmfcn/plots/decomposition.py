"""Which parts sum to a decision's logits? Bias, LSTM branch and convolutions over time."""

import numpy as np

from lstmfcn.plots.coloured_series import draw_maps
from lstmfcn.plots.display import COLOURS, DARK_GREY, GREY, FigureDisplay, floats, name_ticks, plain
from lstmfcn.plots.explanations import (
    METHODS,
    check_relevance,
    check_series,
    class_name,
    fit_lengths,
    prediction_title,
    take_one,
)
from lstmfcn.validation import as_series, check_counts

PARTS = (  # name, colour, hatch: both tell them apart, for grey print
    ("bias", GREY, ""),
    ("LSTM branch", COLOURS[5], "///"),
    ("convolutions", COLOURS[4], "..."),
)


class DecompositionDisplay(FigureDisplay):
    """The logits of one series as sums of their parts, and the convolutions' part over time.

    Parameters
    ----------
    bias, lstm, convolutions : array-like of shape (n_classes,)
        Contributions to each class's logit, as in :class:`lstmfcn.explain.Explanation`.
    over_time : array-like of shape (n_timepoints,)
        The part of each timepoint in ``convolutions`` of the explained class.
    series : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
    names : sequence of str of length n_classes
    target : int, default=0
        Which class ``over_time`` explains.
    title : str, default=""

    Attributes
    ----------
    logits : ndarray of shape (n_classes,)
        The sums.
    axes_ : object ndarray of shape (2,)
        Matplotlib axes of the bars and of the series, after :meth:`plot`.
    figure_ : matplotlib figure

    See Also
    --------
    ActivationMapDisplay : The convolutions' part over time, for each class.

    Examples
    --------
    >>> from lstmfcn.plots import DecompositionDisplay
    >>> parts, names = ([0.5, 0.0], [1.0, -1.0], [3.0, -3.0]), ["gun", "point"]
    >>> display = DecompositionDisplay(*parts, [0.0, 2.0, 1.0], [0, 1, 0], names).plot()
    >>> display.logits.tolist()
    [4.5, -4.0]
    """

    def __init__(self, bias, lstm, convolutions, over_time, series, names, *, target=0, title=""):
        self.names, self.target, self.title = list(names), target, title
        self.parts = []
        for (name, *_), values in zip(PARTS, (bias, lstm, convolutions), strict=True):
            self.parts.append(part := floats(values, name))
            if part.shape != (len(self.names),):
                raise ValueError(
                    f"{name} has shape {part.shape}, but there are {len(self.names)} names; pass "
                    "one contribution and one name per class."
                )
        check_counts(least=0, most=len(self.names) - 1, target=target)
        self.logits = np.sum(self.parts, axis=0)
        self.series = check_series(series)
        self.over_time = check_relevance(over_time, self.series, "over_time")

    @classmethod
    def from_estimator(cls, estimator, X, index=0, *, y=None, class_names=None):
        """Split the logits of the series ``X[index]`` into their parts.

        Parameters
        ----------
        estimator : fitted classifier
        X : as in its ``predict``
        index : int, default=0
        y : label, optional
            The class explained over time; by default the predicted one.
        class_names : mapping of label to str, optional
        """
        if not hasattr(estimator, "explain"):
            raise TypeError(f"{type(estimator).__name__} has no explain; pass a classifier.")
        one = take_one(X, index)
        explanation = estimator.explain(one, y)
        series = list(as_series(one))
        (over_time,) = fit_lengths(estimator, explanation.over_time, series)
        names = [class_name(label, class_names) for label in explanation.classes]
        parts = explanation.bias, explanation.lstm[0], explanation.convolutions[0]
        title, target = prediction_title(estimator, one, class_names), explanation.target[0]
        return cls(*parts, over_time, series[0], names, target=target, title=title)

    def _size(self):
        return max(7, 1.5 + 0.8 * len(self.names)), 5.5 + 0.3 * len(self.series)

    def _draw(self, figure):
        bars, below = figure.subplots(2, 1, height_ratios=[3, 2])
        self._draw_bars(bars)
        figure.suptitle(self.title, fontsize="medium")
        draw_maps(figure, [below], self.series, [self.over_time], METHODS["class_activation_map"])
        total, name = self.over_time.sum(), plain(self.names[self.target])
        below.set_title(f"convolutions for {name} over time (sum {total:.2f})", fontsize="medium")
        return np.array([bars, below])

    def _draw_bars(self, bars):
        x = np.arange(len(self.names))
        above, beneath = np.zeros(len(x)), np.zeros(len(x))  # where the next part begins
        for (name, colour, hatch), part in zip(PARTS, self.parts, strict=True):
            if not part.any():  # FCN has no LSTM branch
                continue
            bottom = np.where(part >= 0, above, beneath)
            style = {"color": colour, "hatch": hatch, "edgecolor": DARK_GREY, "linewidth": 0.6}
            bars.bar(x, part, 0.5, bottom=bottom, label=name, **style)
            above, beneath = above + np.maximum(part, 0), beneath + np.minimum(part, 0)
        bars.axhline(0.0, color=DARK_GREY, linewidth=0.8)
        bars.plot(x, self.logits, "kD", markersize=6, label="sum: the logit")
        for place, logit in zip(x, self.logits, strict=True):
            style = {"va": "center", "fontsize": "small", "clip_on": False}
            bars.annotate(f"{logit:.2f}", (place + 0.29, logit), **style)
        name_ticks(bars, self.names, 0.85 * self._size()[0] / len(self.names))
        bars.set_xlim(-0.6, len(x) - 0.3)
        bars.set_ylabel("contribution to the logit")
        place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
        bars.legend(fontsize="small", ncols=4, frameon=False, **place)
