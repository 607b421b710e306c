"""How does each classifier do: on each dataset, and for the seconds that its training takes?"""

import numpy as np

from lstmfcn.plots.display import (
    COLOURS,
    GREY,
    LETTER,
    MARKERS,
    AxesDisplay,
    check_scores,
    plain,
    style_of,
)

WIDE = 3  # longest by shortest training, from which on the seconds are logarithmic


class ScoresDisplay(AxesDisplay):
    """One row per dataset, a mark per classifier, a line from the worst to the best.

    The dataset with the highest mean score is at the top.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
        More is better.
    datasets, names : sequence of str
        ``names`` are those of the classifiers.
    metric : str, default="accuracy"

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    CostDisplay : Means over the datasets, and what they cost.

    Examples
    --------
    >>> from lstmfcn.plots import ScoresDisplay
    >>> scores = [[0.8, 0.7], [0.9, 0.95]]
    >>> display = ScoresDisplay(scores, ["Wine", "Coffee"], ["A", "B"]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['Coffee', 'Wine']
    """

    def __init__(self, scores, datasets, names, *, metric="accuracy"):
        self.scores, self.names = check_scores(scores, names)
        if len(datasets) != len(self.scores):
            raise ValueError(
                f"{len(datasets)} datasets came with scores of {len(self.scores)}; pass one name "
                "for each."
            )
        self.datasets, self.metric = list(datasets), metric

    def _size(self):
        return 8, 1.3 + 0.22 * len(self.datasets)

    def _draw(self, ax):
        n = len(self.datasets)
        order = np.argsort(-self.scores.mean(axis=1), kind="stable")
        scores, rows = self.scores[order], np.arange(n)
        ax.hlines(rows, scores.min(axis=1), scores.max(axis=1), color=GREY, linewidth=1.5, zorder=1)
        marks = {"s": 34, "alpha": 0.85, "linewidths": 0, "zorder": 2}
        for i, name in enumerate(self.names):
            ax.scatter(scores[:, i], rows, label=plain(name), **style_of(i), **marks)
        ax.set_yticks(rows, [plain(self.datasets[i]) for i in order], fontsize="small")
        ax.set_ylim(n - 0.5, -0.5)
        ax.grid(axis="x", color="#e4e4e4")
        ax.set_axisbelow(True)
        ax.set_xlabel(plain(self.metric))
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
        longest = max(len(plain(name)) for name in self.names)
        n_columns = max(1, min(4, len(self.names), int(6 / (LETTER * (longest + 4)))))
        ax.legend(ncols=n_columns, fontsize="small", frameon=False, **above)


class CostDisplay(AxesDisplay):
    """A mark per classifier: its mean score and the mean seconds of a fit.

    A line joins the classifiers that no other one beats in both.

    Parameters
    ----------
    scores, seconds : array-like of shape (n_datasets, n_classifiers)
        More is better. Seconds are those of a fit, positive.
    names : sequence of str
    metric : str, default="accuracy"

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    ScoresDisplay : The score on each dataset.

    Examples
    --------
    >>> from lstmfcn.plots import CostDisplay
    >>> display = CostDisplay([[0.8, 0.9]], [[1.0, 20.0]], ["quick", "slow"]).plot()
    >>> display.ax_.get_xscale(), [text.get_text() for text in display.ax_.get_legend().texts]
    ('log', ['quick', 'slow', 'none is better and cheaper'])
    """

    def __init__(self, scores, seconds, names, *, metric="accuracy"):
        self.scores, self.names = check_scores(scores, names)
        self.seconds, _ = check_scores(seconds, names)
        if self.seconds.shape != self.scores.shape or (self.seconds <= 0).any():
            raise ValueError(
                f"seconds has shape {self.seconds.shape}; pass positive numbers of the shape of "
                f"scores, {self.scores.shape}."
            )
        self.metric = metric

    def _size(self):
        return 6.5, 4

    def _draw(self, ax):
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        score, cost = self.scores.mean(axis=0), self.seconds.mean(axis=0)
        for i, name in enumerate(self.names):
            # Beyond seven, colours come again with other marks.
            marker = MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]
            style = {"color": COLOURS[i % len(COLOURS)], "markersize": 8, "linestyle": ""}
            ax.plot(cost[i], score[i], marker, label=plain(name), **style)
        best = [i for i in np.argsort(cost, kind="stable") if _unbeaten(i, score, cost)]
        label = "none is better and cheaper"
        ax.plot(cost[best], score[best], ":", color="#808080", zorder=1, label=label)
        if cost.max() > WIDE * cost.min():
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(0.12)
        ax.set_xlabel("mean seconds of a fit")
        ax.set_ylabel(f"mean {plain(self.metric)}")
        ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize="small")


def _unbeaten(i, score, cost):
    """Whether no other classifier is at least as good and as cheap, and better in one of them."""
    as_good = (score >= score[i]) & (cost <= cost[i])
    return not (as_good & ((score > score[i]) | (cost < cost[i]))).any()
