"""Which classifiers differ over many datasets? The critical-difference diagram."""

import math

from lstmfcn.evaluation.ranking import compare
from lstmfcn.plots.display import LETTER, AxesDisplay, plain

BAR_STEP = 0.24  # from bar to bar; a label takes 1
STUB = 0.12  # of the axis' length, between its end and the names


class CriticalDifferenceDisplay(AxesDisplay):
    """Mean ranks on a line; a bar joins classifiers without a significant difference.

    The best classifier is at the left.

    Parameters
    ----------
    comparison : lstmfcn.evaluation.ranking.Comparison

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    ComparisonMatrixDisplay : Each pair on its own.
    lstmfcn.evaluation.ranking.compare : The numbers.

    References
    ----------
    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006.

    Examples
    --------
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
        """Compare classifiers by :func:`lstmfcn.evaluation.ranking.compare`.

        Parameters
        ----------
        scores : array-like of shape (n_datasets, n_classifiers)
            More is better.
        names : sequence of str
        test : {"wilcoxon-holm", "nemenyi"}, default="wilcoxon-holm"
        alpha : float in (0, 1), default=0.05
        """
        return cls(compare(scores, names, test=test, alpha=alpha))

    def _size(self):
        _, lowest, top = self._rows()
        return max(8, 4.5 + 2 * self._name_inches()), 0.27 * (lowest + top) + 0.3

    def _rows(self):
        """Return how far below the axis names begin and end, and the height above the axis."""
        first = 0.7 + BAR_STEP * (1 + max(_levels(self.comparison.cliques), default=0))
        lowest = first + math.ceil(len(self.comparison.names) / 2) - 0.5
        return first, lowest, 1.2 if self.comparison.critical_difference is None else 1.9

    def _name_inches(self):
        """Return the width of the longest name and its rank."""
        return LETTER * (6 + max(len(plain(name)) for name in self.comparison.names))

    def _draw(self, ax):
        found = self.comparison
        names, n = [plain(name) for name in found.names], len(found.names)
        first_row, lowest, top = self._rows()
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
            text = f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}"
            x = end + (-0.1 if left else 0.1) * stub
            ax.text(x, y, text, ha="right" if left else "left", va="center")
        for (first, last), level in zip(found.cliques, _levels(found.cliques), strict=True):
            y, over = -0.35 - BAR_STEP * level, 0.006 * (high - low)
            ends = found.mean_ranks[first] - over, found.mean_ranks[last] + over
            ax.plot(ends, [y, y], color="black", linewidth=4, solid_capstyle="butt")
        self._draw_axis(ax, low, high)
        ax.set_ylim(-lowest, top)
        # Names stand beside the axis: room for the longest on either side.
        part = self._name_inches() / self._size()[0]  # of the width of the picture
        room = stub + part * (high - low + 2 * stub) / (1 - 2 * part)
        ax.set_xlim(low - room, high + room)
        ax.axis("off")

    def _draw_axis(self, ax, low, high):
        ax.plot([low, high], [0, 0], color="black", linewidth=1.2)
        for tick in range(low, high + 1):
            ax.plot([tick, tick], [0, 0.2], color="black", linewidth=1.2)
            ax.annotate(str(tick), (tick, 0.3), ha="center", va="bottom", fontsize="small")
        style = {"textcoords": "offset points", "fontsize": "small"}  # offsets are in points
        distance = self.comparison.critical_difference
        if distance is not None:
            end = low + distance
            ax.plot([low, end], [1.35, 1.35], "|-", color="black", markersize=6)
            text = f"critical difference {distance:.2f}"
            ax.annotate(text, (end, 1.35), xytext=(6, 0), va="center", **style)
        ax.annotate("mean rank", (high, 0.3), xytext=(14, 0), va="bottom", **style)


def _levels(cliques):
    """Return the height of each bar: bars that overlap lie below each other."""
    ends, levels = [], []  # of the bars at each height, where the last one ends
    for first, last in cliques:
        level = next((i for i, end in enumerate(ends) if end < first), len(ends))
        ends[level : level + 1] = [last]
        levels.append(level)
    return levels
