"""On which datasets is one classifier better than another, and by how much?"""

import numpy as np

from lstmfcn.evaluation.ranking import wins_ties_losses
from lstmfcn.plots.display import COLOURS, AxesDisplay, check_scores, floats, plain

SIDES = ((1, COLOURS[0], "^"), (0, "#606060", "o"), (-1, COLOURS[1], "v"))  # of the diagonal
N_NAMED = 5  # datasets that are named: those that differ most
NAMED_FROM = 0.02  # a difference that is worth a name, as a fraction of the axis
ROOM = 0.7  # from where on a name does not fit into the rest of the axis


class PairwiseDisplay(AxesDisplay):
    """A dot per dataset: the score of one classifier against the score of another.

    Parameters
    ----------
    first, second : array-like of shape (n_datasets,)
        More is better.
    names : (str, str)
    datasets : sequence of str, optional
        The datasets with the largest differences are named in the picture.
    metric : str, default="accuracy"

    Attributes
    ----------
    counts : (int, int, int)
        Datasets on which the first wins, ties and loses.
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    ComparisonMatrixDisplay : All pairs of several classifiers.

    Examples
    --------
    >>> from lstmfcn.plots import PairwiseDisplay
    >>> display = PairwiseDisplay([0.9, 0.8, 0.7], [0.9, 0.7, 0.6], ("new", "old")).plot()
    >>> display.counts, display.ax_.get_xlabel()
    ((2, 1, 0), 'accuracy of old')
    """

    def __init__(self, first, second, names, *, datasets=None, metric="accuracy"):
        first, second = floats(first, "first"), floats(second, "second")
        if first.shape != second.shape or first.ndim != 1:
            raise ValueError(
                f"first has the shape {first.shape} and second {second.shape}; pass the scores of "
                "two classifiers on the same datasets."
            )
        scores = np.column_stack([first, second])
        scores, self.names = check_scores(scores, names)
        self.first, self.second = scores.T
        if datasets is not None and len(datasets) != len(scores):
            raise ValueError(
                f"{len(datasets)} datasets came with {len(scores)} scores; pass one name per score."
            )
        self.datasets, self.metric = None if datasets is None else list(datasets), metric
        self.counts = wins_ties_losses(self.first, self.second)

    def _size(self):
        return 5.2, 5.2

    def _draw(self, ax):
        both = np.concatenate([self.first, self.second])
        margin = 0.06 * (both.max() - both.min()) or 0.05
        low, high = both.min() - margin, both.max() + margin
        ax.plot([low, high], [low, high], color="#808080", linewidth=1)
        difference = np.round(self.first - self.second, 12)
        for sign, colour, marker in SIDES:
            of_sign = np.sign(difference) == sign
            style = {"color": colour, "marker": marker, "s": 30, "alpha": 0.8, "linewidths": 0}
            ax.scatter(self.second[of_sign], self.first[of_sign], **style)
        wins, ties, losses = self.counts
        tied = f"\n(equal on {ties})" if ties else ""
        upper = {"ha": "left", "va": "top", "color": COLOURS[0], "fontweight": "bold"}
        lower = {"ha": "right", "va": "bottom", "color": COLOURS[1], "fontweight": "bold"}
        place = {"transform": ax.transAxes}
        names, metric = [plain(name) for name in self.names], plain(self.metric)
        brief = [plain(name, longest=24) for name in self.names]
        ax.text(0.03, 0.97, f"{brief[0]} better on {wins}{tied}", **upper, **place)
        ax.text(0.97, 0.03, f"{brief[1]} better on {losses}", **lower, **place)
        if self.datasets is not None:
            self._name_datasets(ax, difference, low, high)
        ax.set_xlim(low, high)
        ax.set_ylim(low, high)
        ax.set_aspect("equal")
        ax.set_xlabel(f"{metric} of {names[1]}")
        ax.set_ylabel(f"{metric} of {names[0]}")

    def _name_datasets(self, ax, difference, low, high):
        span = high - low
        for i in np.argsort(-np.abs(difference), kind="stable")[:N_NAMED]:
            if abs(difference[i]) < NAMED_FROM * span:
                continue
            x, y = (self.second[i] - low) / span, (self.first[i] - low) / span
            # Away from the diagonal, unless the axes end there.
            right = x < ROOM if difference[i] < 0 else x < 1.0 - ROOM
            up = difference[i] > 0
            side = {"ha": "left" if right else "right", "va": "bottom" if up else "top"}
            place = {"xycoords": "axes fraction", "textcoords": "offset points"}
            offset = (5 if right else -5, 4 if up else -4)
            name = plain(self.datasets[i], longest=24)
            ax.annotate(name, (x, y), offset, fontsize="x-small", **place, **side)
