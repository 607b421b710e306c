"""How do loss and accuracy develop over the epochs of a training?"""

from collections.abc import Mapping

import numpy as np

from lstmfcn.plots.display import COLOURS, FigureDisplay
from lstmfcn.validation import check_is_fitted

PANELS = (("loss", "log"), ("accuracy", "linear"))


class HistoryDisplay(FigureDisplay):
    """Learning curves of one training run: losses on a logarithmic axis, accuracies below.

    Parameters
    ----------
    history : dict of str to list of float
        ``history_`` of a fitted classifier.
    title : str, default=""

    Attributes
    ----------
    axes_ : object ndarray
        Matplotlib axes of loss and, if recorded, accuracy, after :meth:`plot`.
    figure_ : matplotlib figure

    See Also
    --------
    RobustnessDisplay : Scores of a trained classifier under noise.

    Examples
    --------
    >>> from lstmfcn.plots import HistoryDisplay
    >>> display = HistoryDisplay({"loss": [0.7, 0.4, 0.2], "accuracy": [0.5, 0.8, 1.0]}).plot()
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['loss', 'accuracy']
    """

    def __init__(self, history, *, title=""):
        losses = history.get("loss") if isinstance(history, Mapping) else None
        if not isinstance(losses, (list, tuple, np.ndarray)) or not len(losses):
            raise ValueError("history has no 'loss'; pass history_ of a fitted classifier.")
        self.history, self.title = history, title

    @classmethod
    def from_estimator(cls, estimator):
        """Take ``history_`` of a fitted classifier."""
        check_is_fitted(estimator, "history_")
        return cls(estimator.history_, title=type(estimator).__name__)

    def _size(self):
        return 6, 4

    def _draw(self, figure):
        from matplotlib.ticker import MaxNLocator

        panels = [(key, scale) for key, scale in PANELS if key in self.history]
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for ax, (key, scale) in zip(axes, panels, strict=True):
            for name, label, style in ((key, "training", "-"), (f"val_{key}", "validation", "--")):
                if name in self.history:
                    values = self.history[name]
                    epochs = np.arange(1, len(values) + 1)
                    colour = COLOURS[style == "--"]
                    ax.plot(epochs, values, style, color=colour, label=label, linewidth=1.3)
            ax.set(ylabel=key, yscale=scale)
        axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(axes[0].lines) > 1:
            axes[0].legend(fontsize="small")
        axes[-1].set_xlabel("epoch")
        axes[0].set_title(self.title, fontsize="medium")
        return axes
