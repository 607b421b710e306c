"""What does a better score cost? Means over datasets against seconds of training."""

import numpy as np

from lstmfcn.plots.drawing import COLOURS, MARKERS, check_scores, new_figure, plain

__all__ = ["CostDisplay"]

WIDE = 3  # dearest by cheapest, from which on the seconds are logarithmic


class CostDisplay:
    """A mark per classifier: its mean score and the mean seconds of a fit.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
        More is better.
    seconds : array-like of shape (n_datasets, n_classifiers)
        Of a fit, positive.
    names : sequence of str
    metric : str, default="accuracy"

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from lstmfcn.plots import CostDisplay
    >>> display = CostDisplay([[0.8, 0.9]], [[1.0, 20.0]], ["quick", "slow"]).plot()
    >>> display.ax_.get_xscale(), [text.get_text() for text in display.ax_.get_legend().texts]
    ('log', ['slow', 'quick', 'none is better and cheaper'])
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

    def plot(self, ax=None):
        """Draw the classifiers; a line joins those that no other one beats in both.

        Parameters
        ----------
        ax : matplotlib axes, optional

        Returns
        -------
        self
        """
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        if ax is None:
            ax = new_figure(6.5, 4).subplots()
        score, cost = self.scores.mean(axis=0), self.seconds.mean(axis=0)
        for place, i in enumerate(np.argsort(-score, kind="stable")):
            ax.plot(
                cost[i],
                score[i],
                # Beyond seven, colours come again with other marks.
                MARKERS[(place + place // len(COLOURS)) % len(MARKERS)],
                color=COLOURS[place % len(COLOURS)],
                label=plain(self.names[i]),
                markersize=8,
                linestyle="",
            )
        best = [i for i in np.argsort(cost, kind="stable") if _unbeaten(i, score, cost)]
        ax.plot(
            cost[best],
            score[best],
            color="#808080",
            linestyle=":",
            zorder=1,
            label="none is better and cheaper",
        )
        if cost.max() > WIDE * cost.min():
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(0.12)
        ax.set_xlabel("mean seconds of a fit")
        ax.set_ylabel(f"mean {plain(self.metric)}")
        ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _unbeaten(i, score, cost):
    """Whether no other classifier is at least as good and as cheap, and better in one of them."""
    as_good = (score >= score[i]) & (cost <= cost[i])
    return not (as_good & ((score > score[i]) | (cost < cost[i]))).any()
