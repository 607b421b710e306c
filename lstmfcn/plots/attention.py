"""Where in a series did the evidence lie? A series coloured by its map."""

import numpy as np

__all__ = ["AttentionDisplay"]

COLOURS = ("#c4c4c4", "#e8960c", "#8f0a1f")  # low to high


class AttentionDisplay:
    """One series, coloured by a map over its timepoints.

    Parameters
    ----------
    series : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
    weights : array-like of shape (n_timepoints,)
        The map, for example a row of ``ALSTMFCNClassifier.attention_map``.
    title : str, default=""
    label : str, default="attention"
        What the colours mean.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from lstmfcn.plots import AttentionDisplay
    >>> display = AttentionDisplay(np.sin(np.arange(50) / 8), np.full(50, 1 / 50)).plot()
    >>> display.ax_.get_xlabel()
    'timepoint'
    """

    def __init__(self, series, weights, *, title="", label="attention"):
        self.series = np.atleast_2d(np.asarray(series, float))
        self.weights = np.asarray(weights, float)
        if self.weights.shape != self.series.shape[1:]:
            raise ValueError(
                f"weights have shape {self.weights.shape}, but the series has "
                f"{self.series.shape[1]} timepoints; pass one weight per timepoint."
            )
        self.title, self.label = title, label

    @classmethod
    def from_estimator(cls, estimator, X, index=0, *, class_names=None):
        """Compute the attention of one series of ``X`` and the class predicted for it.

        Parameters
        ----------
        estimator : fitted ALSTMFCNClassifier
        X : as in its ``predict``
        index : int, default=0
            Which series to show.
        class_names : mapping of label to str, optional
        """
        one = X[index : index + 1]
        weights = estimator.attention_map(one)[0]
        proba = estimator.predict_proba(one)[0]
        label = estimator.classes_[proba.argmax()]
        name = (class_names or {}).get(label, f"class {label}")
        series = np.atleast_2d(np.squeeze(np.asarray(one[0], float)))
        weights = weights[: series.shape[1]]
        return cls(series, weights, title=f"predicted {name} (probability {proba.max():.2f})")

    def plot(self, ax=None, *, cmap=None):
        """Draw the series as a line whose colour and width follow the weights.

        Parameters
        ----------
        ax : matplotlib axes, optional
        cmap : str or matplotlib colormap, optional
            By default from light grey through orange to dark red: it darkens steadily, so it
            reads in grey print and for colour-blind readers.

        Returns
        -------
        self
        """
        import matplotlib.pyplot as plt
        from matplotlib.collections import LineCollection
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        if ax is None:
            _, ax = plt.subplots(figsize=(7, 3), layout="constrained")
        if cmap is None:
            cmap = LinearSegmentedColormap.from_list("evidence", COLOURS)
        t = np.arange(self.series.shape[1])
        scale = Normalize(0.0, max(float(self.weights.max()), np.finfo(float).tiny))
        for channel in self.series:
            points = np.column_stack([t, channel])
            middles = (points[:-1] + points[1:]) / 2
            # Each timepoint owns the stretch from the middle before it to the middle after it.
            strokes = [
                np.array([start, point, end])
                for start, point, end in zip(
                    np.vstack([points[:1], middles]),
                    points,
                    np.vstack([middles, points[-1:]]),
                    strict=True,
                )
            ]
            lines = LineCollection(strokes, cmap=cmap, norm=scale, capstyle="round")
            lines.set_array(self.weights)
            lines.set_linewidth(1.5 + 3.5 * scale(self.weights))
            ax.add_collection(lines)
        ax.autoscale_view()
        ax.margins(x=0.01, y=0.08)
        ax.set_xlabel("timepoint")
        ax.set_ylabel("value")
        ax.set_title(self.title, fontsize="medium")
        ax.figure.colorbar(lines, ax=ax, label=self.label, pad=0.01)
        self.ax_, self.figure_ = ax, ax.figure
        return self
