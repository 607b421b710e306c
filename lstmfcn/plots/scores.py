"""How does each classifier do on each dataset? A row of dots per dataset."""

import numpy as np

from lstmfcn.plots.drawing import COLOURS, GREY, MARKERS, check_scores, new_figure, plain

__all__ = ["ScoresDisplay"]


class ScoresDisplay:
    """One row per dataset, a mark per classifier, a line from the worst to the best.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
        More is better.
    datasets : sequence of str
    names : sequence of str
        Of the classifiers.
    metric : str, default="accuracy"

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
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

    def plot(self, ax=None):
        """Draw the rows, the dataset with the highest mean score at the top.

        Parameters
        ----------
        ax : matplotlib axes, optional

        Returns
        -------
        self
        """
        n = len(self.datasets)
        if ax is None:
            ax = new_figure(8, 1.3 + 0.22 * n).subplots()
        order = np.argsort(-self.scores.mean(axis=1), kind="stable")
        scores, rows = self.scores[order], np.arange(n)
        ax.hlines(rows, scores.min(axis=1), scores.max(axis=1), color=GREY, linewidth=1.5, zorder=1)
        for i, name in enumerate(self.names):
            ax.scatter(
                scores[:, i],
                rows,
                marker=MARKERS[i % len(MARKERS)],
                color=COLOURS[i % len(COLOURS)],
                label=plain(name),
                s=34,
                alpha=0.85,
                linewidths=0,
                zorder=2,
            )
        ax.set_yticks(rows, [plain(self.datasets[i]) for i in order], fontsize="small")
        ax.set_ylim(n - 0.5, -0.5)
        ax.grid(axis="x", color="#e4e4e4")
        ax.set_axisbelow(True)
        ax.set_xlabel(plain(self.metric))
        ax.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=min(4, len(self.names)),
            fontsize="small",
            frameon=False,
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self
