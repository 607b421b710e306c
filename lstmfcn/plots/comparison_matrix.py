"""Which of two classifiers is better, for every pair? The multi-comparison matrix."""

import numpy as np

from lstmfcn.evaluation.ranking import wilcoxon, wins_ties_losses
from lstmfcn.plots.display import LETTER, AxesDisplay, check_scores, plain

CELL = 1.25  # inches, the width of a cell
SHADES = ("#5aa9dd", "#ffffff", "#f0a818")  # row worse, equal, better: black text reads on each


class ComparisonMatrixDisplay(AxesDisplay):
    """The mean difference, wins, ties and losses, and a p-value of each pair of classifiers.

    A cell depends on its two classifiers alone, not on the further classifiers compared.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_classifiers)
        More is better.
    names : sequence of str
    metric : str, default="accuracy"
    alpha : float in (0, 1), default=0.05
        P-values up to it are set in bold.
    sort : bool, default=True
        Put the best mean first; otherwise the order of ``names`` stays.

    Attributes
    ----------
    names : list of str
        As drawn. All arrays below are in this order, row against column.
    means : ndarray of shape (n_classifiers,)
    differences, p_values : ndarray of shape (n_classifiers, n_classifiers)
        Mean score of the row minus the mean score of the column; p-values of Wilcoxon's signed-rank
        test, uncorrected.
    counts : int ndarray of shape (n_classifiers, n_classifiers, 3)
        Datasets on which the row wins, ties and loses.
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    PairwiseDisplay : One pair, dataset by dataset.

    References
    ----------
    Ismail-Fawaz, Dempster, Tan, Herrmann, Miller, Schmidt, Berretti, Weber, Devanne, Forestier,
    Webb, "An Approach to Multiple Comparison Benchmark Evaluations that is Stable Under
    Manipulation of the Comparate Set", 2023, arXiv:2305.11921.

    Examples
    --------
    >>> from lstmfcn.plots import ComparisonMatrixDisplay
    >>> scores = [[0.8, 0.9], [0.7, 0.9], [0.6, 0.6]]
    >>> display = ComparisonMatrixDisplay(scores, ["A", "B"]).plot()
    >>> display.names, display.counts[0, 1].tolist(), display.differences[0, 1].round(3).item()
    (['B', 'A'], [2, 1, 0], 0.1)
    """

    def __init__(self, scores, names, *, metric="accuracy", alpha=0.05, sort=True):
        scores, names = check_scores(scores, names)
        order = np.argsort(-scores.mean(axis=0), kind="stable") if sort else range(len(names))
        scores = scores[:, order]
        self.names, self.means = [names[i] for i in order], scores.mean(axis=0)
        self.metric, self.alpha, self.n_datasets = metric, alpha, len(scores)
        self.differences = self.means[:, np.newaxis] - self.means
        n = len(names)
        self.counts = np.zeros((n, n, 3), dtype=int)
        self.p_values = np.ones((n, n))
        for i, j in np.ndindex(n, n):
            self.counts[i, j] = wins_ties_losses(scores[:, i], scores[:, j])
            if i < j:
                p = wilcoxon(scores[:, i], scores[:, j])
                self.p_values[i, j] = self.p_values[j, i] = p

    def _size(self):
        longest, n = max(len(plain(name)) for name in self.names), len(self.names)
        return 1.6 + 0.07 * longest + CELL * n, 1.2 + 0.75 * n

    def _draw(self, ax):
        from matplotlib.colors import LinearSegmentedColormap

        names, n = [plain(name) for name in self.names], len(self.names)
        limit = max(float(np.abs(self.differences).max()), 1e-12)
        colours = LinearSegmentedColormap.from_list("difference", SHADES)
        image = ax.imshow(self.differences, cmap=colours, vmin=-limit, vmax=limit, aspect="auto")
        centred = {"ha": "center", "va": "center", "fontsize": "small"}
        for i, j in np.ndindex(n, n):
            if i == j:
                ax.text(j, i, "\N{EN DASH}", ha="center", va="center", color="#606060")
                continue
            wins, ties, losses = self.counts[i, j]
            lines = f"{self.differences[i, j]:+.4f}\n{wins} / {ties} / {losses}"
            # Invisible lines keep the two texts on the same grid.
            ax.text(j, i, f"{lines}\n ", **centred)
            p = self.p_values[i, j]
            weight = "bold" if p <= self.alpha else "normal"
            ax.text(j, i, f" \n \np = {p:.2g}", fontweight=weight, **centred)
        rows = [f"{name}\n{mean:.4f}" for name, mean in zip(names, self.means, strict=True)]
        is_tilted = n >= 6 or max(map(len, names)) * LETTER > CELL
        ax.set_xticks(range(n), names, rotation=30 * is_tilted, ha="center")
        ax.set_yticks(range(n), rows)
        ax.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False)
        for label in ax.get_xticklabels() if is_tilted else []:
            label.set_horizontalalignment("left")
        ax.spines[:].set_visible(False)
        note = f"row against column over {self.n_datasets} datasets: "
        ax.set_xlabel(note + "difference, wins / ties / losses, p", fontsize="small")
        bar = ax.figure.colorbar(image, ax=ax, pad=0.02)
        bar.set_label(f"difference of the mean {plain(self.metric)}", fontsize="small")
