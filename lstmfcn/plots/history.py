"""How did the training go? Loss and accuracy over epochs."""

from collections.abc import Mapping

import numpy as np

from lstmfcn.plots.display import COLOURS, AxesDisplay


class HistoryDisplay(AxesDisplay):
    """Learning curves of one training run: losses on a logarithmic axis, accuracies from 0 to 1.

    Parameters
    ----------
    history : dict of str to list of float
        ``history_`` of a fitted classifier.
    title : str, default=""

    Attributes
    ----------
    ax_, figure_ : matplotlib axes (loss) and figure, after :meth:`plot`

    See Also
    --------
    RobustnessDisplay : Scores of a trained classifier under noise.

    Examples
    --------
    >>> from lstmfcn.plots import HistoryDisplay
    >>> display = HistoryDisplay({"loss": [0.7, 0.4, 0.2], "accuracy": [0.5, 0.8, 1.0]}).plot()
    >>> display.ax_.get_ylabel()
    'loss'
    """

    def __init__(self, history, *, title=""):
        losses = history.get("loss") if isinstance(history, Mapping) else None
        if not isinstance(losses, (list, tuple, np.ndarray)) or not len(losses):
            raise ValueError("history has no 'loss'; pass history_ of a fitted classifier.")
        self.history, self.title = history, title

    @classmethod
    def from_estimator(cls, estimator):
        """Take ``history_`` of a fitted classifier."""
        return cls(estimator.history_, title=type(estimator).__name__)

    def plot(self, ax=None, *, legend=True):
        """Draw the curves into axes, by default of a new figure, with or without a legend."""
        super().plot(ax)
        if legend:
            self.ax_.legend(handles=self._lines, loc="center right", fontsize="small")
        return self

    def _size(self):
        return 6, 3.5

    def _draw(self, ax):
        right = ax.twinx()
        self._lines = []
        for key, name, axes, colour, style in (
            ("loss", "training loss", ax, COLOURS[0], "-"),
            ("val_loss", "validation loss", ax, COLOURS[0], "--"),
            ("accuracy", "training accuracy", right, COLOURS[1], "-"),
            ("val_accuracy", "validation accuracy", right, COLOURS[1], "--"),
        ):
            if key in self.history:
                values = self.history[key]  # fine-tuning has no validation: lengths may differ
                line = {"color": colour, "label": name, "linewidth": 1.3}
                self._lines += axes.plot(np.arange(1, len(values) + 1), values, style, **line)
        ax.set_yscale("log")
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        right.set_ylabel("accuracy")
        right.set_ylim(0, 1.02)
        ax.set_title(self.title, fontsize="medium")
