"""Which classifiers differ over many datasets? The critical-difference diagram."""

import math

from lstmfcn.evaluation.ranking import compare
from lstmfcn.plots.drawing import new_figure, plain

__all__ = ["CriticalDifferenceDisplay"]

BAR_STEP = 0.24  # from bar to bar; a label takes 1
STUB = 0.12  # of the axis' length, between its end and the names


class CriticalDifferenceDisplay:
    """Mean ranks on a line; a bar joins classifiers between which no difference was found.

    Parameters
    ----------
    comparison : lstmfcn.evaluation.ranking.Comparison

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    References
    ----------
    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from lstmfcn.plots import CriticalDifferenceDisplay
    >>> worse = np.random.RandomState(0).uniform(0.5, 0.8, 20)
    >>> scores = np.column_stack([worse, worse + 0.1, worse + 0.11])
    >>> display = CriticalDifferenceDisplay.from_scores(scores, ["A", "B", "C"]).plot()
    >>> [text.get_text() for text in display.ax_.texts][:2]
    ['C  1.00', 'B  2.00']
    """

    def __init__(self, comparison):
        self.comparison = comparison

    @classmethod
    def from_scores(cls, scores, names, *, test="wilcoxon-holm", alpha=0.05):
        """Compare classifiers; see :func:`lstmfcn.evaluation.ranking.compare`.

        Parameters
        ----------
        scores : array-like of shape (n_datasets, n_classifiers)
            More is better.
        names : sequence of str
        test : {"wilcoxon-holm", "nemenyi"}, default="wilcoxon-holm"
        alpha : float in (0, 1), default=0.05
        """
        return cls(compare(scores, names, test=test, alpha=alpha))

    def plot(self, ax=None):
        """Draw the diagram, the best classifier at the left.

        Parameters
        ----------
        ax : matplotlib axes, optional

        Returns
        -------
        self
        """
        found = self.comparison
        names, n = [plain(name) for name in found.names], len(found.names)
        levels = _levels(found.cliques)
        first_row = 0.7 + BAR_STEP * (1 + max(levels, default=0))
        lowest = first_row + math.ceil(n / 2) - 0.5
        top = 1.9 if found.critical_difference is not None else 1.2
        if ax is None:
            figure = new_figure(8, 0.27 * (lowest + top) + 0.3)
            ax = figure.subplots()
        low, high = math.floor(found.mean_ranks[0]), math.ceil(found.mean_ranks[-1])
        high = max(high, low + 1)
        stub = STUB * (high - low)
        black = {"color": "black", "linewidth": 1.0, "solid_capstyle": "projecting"}
        for i, (name, rank) in enumerate(zip(names, found.mean_ranks, strict=True)):
            left = i < math.ceil(n / 2)
            # The outer ones lie highest, so that no line crosses another.
            y = -first_row - (i if left else n - 1 - i)
            end = low - stub if left else high + stub
            ax.plot([rank, rank, end], [0, y, y], **black)
            ax.text(
                end + (-0.1 if left else 0.1) * stub,
                y,
                f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}",
                ha="right" if left else "left",
                va="center",
            )
        for (first, last), level in zip(found.cliques, levels, strict=True):
            y, over = -0.35 - BAR_STEP * level, 0.006 * (high - low)
            ends = found.mean_ranks[first] - over, found.mean_ranks[last] + over
            ax.plot(ends, [y, y], color="black", linewidth=4, solid_capstyle="butt")
        self._draw_axis(ax, low, high)
        ax.set_ylim(-lowest, top)
        # Names stand outside of the axis: room for the longest of either side.
        longest = max(len(name) for name in names) + 6
        room = stub + 0.021 * longest * (high - low)
        ax.set_xlim(low - room, high + room)
        ax.axis("off")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_axis(self, ax, low, high):
        ax.plot([low, high], [0, 0], color="black", linewidth=1.2)
        for tick in range(low, high + 1):
            ax.plot([tick, tick], [0, 0.2], color="black", linewidth=1.2)
            ax.annotate(str(tick), (tick, 0.3), ha="center", va="bottom", fontsize="small")
        distance = self.comparison.critical_difference
        if distance is not None:
            ax.plot([low, low + distance], [1.35, 1.35], "|-", color="black", markersize=6)
            ax.annotate(
                f"critical difference {distance:.2f}",
                (low + distance, 1.35),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
            )
        ax.annotate(
            "mean rank",
            (high, 0.3),
            xytext=(14, 0),
            textcoords="offset points",
            va="bottom",
            fontsize="small",
        )


def _levels(cliques):
    """Return the height of each bar: bars that overlap lie below each other."""
    ends, levels = [], []  # of the bars at each height, where the last one ends
    for first, last in cliques:
        free = [level for level, end in enumerate(ends) if end < first]
        level = free[0] if free else len(ends)
        ends[level:] = [last, *ends[level + 1 :]]
        levels.append(level)
    return levels
