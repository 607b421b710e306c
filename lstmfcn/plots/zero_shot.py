"""Where is a trained classifier better than a zero-shot model, and how sure is it?"""

import numpy as np

from lstmfcn.plots.display import COLOURS, AxesDisplay, floats, plain


class ZeroShotDisplay(AxesDisplay):
    """Two systems on the same samples: over all of them, and in each class.

    A row for each value, the first on top, both systems with their intervals.

    Parameters
    ----------
    labels : sequence of str of length n_rows
        What each row is about: a metric over all samples, then the classes.
    ours, zero_shot : array-like of shape (n_rows,)
        In [0, 1]; NaN where there are no samples.
    ours_interval, zero_shot_interval : array-like of shape (n_rows, 2)
        Lower and upper bounds.
    majority : float in [0, 1], optional
        The first row's value of always predicting the most frequent class.
    title : str, default=""
    names : (str, str), default=("classifier", "zero-shot")

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    lstmfcn.zero_shot.ZeroShotComparison : The numbers.

    Examples
    --------
    >>> from lstmfcn.plots import ZeroShotDisplay
    >>> bounds, wide = [[0.7, 0.9], [0.8, 1.0]], [[0.5, 0.7], [0.2, 0.4]]
    >>> display = ZeroShotDisplay(["accuracy", "sad"], [0.8, 0.9], [0.6, 0.3], bounds, wide).plot()
    >>> [text.get_text() for text in display.ax_.get_yticklabels()]
    ['accuracy', 'sad']
    """

    def __init__(
        self,
        labels,
        ours,
        zero_shot,
        ours_interval,
        zero_shot_interval,
        *,
        majority=None,
        title="",
        names=("classifier", "zero-shot"),
    ):
        self.labels, n_rows = list(labels), len(labels)
        self.ours, self.zero_shot = floats(ours, "ours"), floats(zero_shot, "zero_shot")
        self.ours_interval = floats(ours_interval, "ours_interval")
        self.zero_shot_interval = floats(zero_shot_interval, "zero_shot_interval")
        parts = (self.ours, self.zero_shot, self.ours_interval, self.zero_shot_interval)
        shapes = [values.shape for values in parts]
        if shapes != [(n_rows,)] * 2 + [(n_rows, 2)] * 2 or not n_rows:
            raise ValueError(
                f"the values and intervals have shapes {', '.join(map(str, shapes))}; for "
                f"{n_rows} labels pass ({n_rows},) twice and ({n_rows}, 2) twice, none empty."
            )
        self.majority, self.title, self.names = majority, title, tuple(names)

    @classmethod
    def from_comparison(cls, comparison, *, metric=None, names=("classifier", "zero-shot")):
        """Take the numbers of a comparison.

        Parameters
        ----------
        comparison : lstmfcn.zero_shot.ZeroShotComparison
        metric : {"accuracy", "uar", "waf"}, optional
            Of the first row; by default the one published for the dataset.
        names : (str, str), default=("classifier", "zero-shot")
        """
        metric = comparison.metric if metric is None else metric
        if metric not in comparison.scores:
            raise ValueError(
                f"metric={metric!r} is unknown; choose one of {', '.join(comparison.scores)}."
            )
        score, majority = comparison.scores[metric], comparison.majority[metric]
        metric = {"uar": "UAR", "waf": "weighted F1"}.get(metric, metric)
        rows = [score, *(row for row in comparison.per_class if row["n"])]
        what = f"{comparison.dataset} {comparison.variant}".strip()
        classes = [f"{row['class']}, n = {row['n']}" for row in rows[1:]]
        columns = ("ours", "zero_shot", "ours_interval", "zero_shot_interval")
        return cls(
            [f"{metric}, n = {comparison.n}", *classes],
            *([row[column] for row in rows] for column in columns),
            majority=majority,
            title=f"{what}: {names[0]} against {names[1]} on the same samples\n{metric} differs by "
            f"{score['difference']:+.3f} (95 % interval {score['low']:+.3f} to "
            f"{score['high']:+.3f})\nMcNemar's exact p = {comparison.p_value:.2g}",
            names=names,
        )

    def plot(self, ax=None, *, legend=True):
        """Draw the rows into axes, by default of a new figure, with or without a legend."""
        from matplotlib.transforms import ScaledTranslation

        super().plot(ax)
        if legend:
            # Below the axis by a length, not by a fraction of the height.
            below = ScaledTranslation(0.0, -0.5, self.figure_.dpi_scale_trans)
            place = {"bbox_to_anchor": (0.5, 0.0), "bbox_transform": self.ax_.transAxes + below}
            self.ax_.legend(loc="upper center", ncols=3, fontsize="small", **place)
        return self

    def _size(self):
        return 7, 1.9 + 0.45 * len(self.labels)

    def _draw(self, ax):
        n_rows = len(self.labels)
        rows = np.arange(n_rows)
        for name, values, bounds, shift, marker, colour in (
            (self.names[0], self.ours, self.ours_interval, -0.14, "o", COLOURS[0]),
            (self.names[1], self.zero_shot, self.zero_shot_interval, 0.14, "s", COLOURS[1]),
        ):
            # Between bounds that do not hold it, a value has an arm of length zero.
            arms = np.maximum(0.0, [values - bounds[:, 0], bounds[:, 1] - values])
            style = {"fmt": marker, "color": colour, "markersize": 6, "elinewidth": 1.5}
            ax.errorbar(values, rows + shift, xerr=arms, label=plain(name), capsize=3, **style)
        if self.majority is not None:
            label = "always the most frequent class"
            ax.plot([self.majority] * 2, [-0.35, 0.35], "--", color="#808080", label=label)
        ax.axhline(0.5, color="#d0d0d0", linewidth=0.8)
        ax.set_yticks(rows, [plain(label) for label in self.labels])
        ax.set_ylim(n_rows - 0.5, -0.5)
        ax.set_xlim(-0.02, 1.02)
        ax.grid(axis="x", color="#e6e6e6")
        ax.set_axisbelow(True)
        ax.set_xlabel("over all samples (top), recall of each class (below)")
        ax.set_title(self.title, fontsize="medium", loc="left")
