"""Does a class's probability fall when a map's evidence is deleted? Faithfulness curves."""

import numpy as np

from lstmfcn.plots.display import FigureDisplay, plain, style_of


class FaithfulnessDisplay(FigureDisplay):
    """How the probability falls as evidence is deleted, and rises as evidence is inserted.

    Curves are means over the series, with 95 % bootstrap intervals.

    Parameters
    ----------
    result : lstmfcn.evaluation.Faithfulness
    baseline : str, optional
        The values that replaced deleted ones; by default curves are means over all baselines.
    shifted : bool, default=False
        Also draw the curve of each map after a random shift in time, dotted.

    Attributes
    ----------
    axes_ : object ndarray of shape (2,)
        Matplotlib axes of deletion and insertion, after :meth:`plot`.
    figure_ : matplotlib figure

    See Also
    --------
    lstmfcn.evaluation.faithfulness : Measures the curves.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.evaluation import Faithfulness
    >>> from lstmfcn.plots import FaithfulnessDisplay
    >>> fall, rise = {("map", "zero"): [[0.4, 0.1]]}, {("map", "zero"): [[0.5, 0.8]]}
    >>> result = Faithfulness(np.array([0.1, 0.5]), np.array([0.9]), fall, rise)
    >>> display = FaithfulnessDisplay(result).plot()
    >>> display.axes_[0].lines[0].get_xdata().tolist()
    [0.0, 10.0, 50.0]
    """

    def __init__(self, result, *, baseline=None, shifted=False):
        if baseline is not None and baseline not in result.baselines:
            raise ValueError(
                f"baseline={baseline!r} was not measured; choose one of "
                f"{', '.join(result.baselines)}."
            )
        self.result, self.baseline, self.shifted = result, baseline, shifted

    def _size(self):
        return 10, 4

    def _draw(self, figure):
        axes = figure.subplots(1, 2, sharey=True)
        per_cent = 100 * self.result.fractions
        whole = self.result.probability.mean()
        for ax, kind, what in (
            (axes[0], "deletion", "most relevant timepoints deleted (%)"),
            (axes[1], "insertion", "most relevant timepoints kept (%)"),
        ):
            for name, style in self._styles().items():
                mean, low, high = self.result.curve(name, kind, self.baseline)
                ax.fill_between(per_cent, low, high, color=style["color"], alpha=0.2, linewidth=0)
                # Nothing deleted, and everything kept, is the series as it came.
                if kind == "deletion":
                    x, curve = np.append(0.0, per_cent), np.append(whole, mean)
                else:
                    x, curve = np.append(per_cent, 100.0), np.append(mean, whole)
                ax.plot(x, curve, label=plain(name), markersize=4, linewidth=1.5, **style)
            ax.set_xlim(0, 100)
            ax.set_xlabel(what)
            ax.set_title(kind, fontsize="medium")
        axes[0].set_ylim(0, 1.02)
        axes[0].set_ylabel("mean probability of the class")
        axes[1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
        return axes

    def _styles(self):
        """Return how each curve is drawn, in the order of the legend."""
        maps, styles = self.result.maps, {}
        plain_maps = (n for n in maps if n != "random" and not n.endswith(", shifted"))
        for i, name in enumerate(plain_maps):
            styles[name] = {**style_of(i), "linestyle": "-"}
            if self.shifted and f"{name}, shifted" in maps:
                styles[f"{name}, shifted"] = {"color": styles[name]["color"], "linestyle": ":"}
        if "random" in maps:
            styles["random"] = {"color": "#808080", "linestyle": "--"}
        return styles
