"""How did the training go? Loss and accuracy over epochs."""

from collections.abc import Mapping

import numpy as np

__all__ = ["HistoryDisplay"]


class HistoryDisplay:
    """Learning curves of one training run.

    Parameters
    ----------
    history : dict of str to list of float
        ``history_`` of a fitted classifier.
    title : str, default=""

    Attributes
    ----------
    ax_, figure_ : matplotlib axes (loss) and figure, after :meth:`plot`

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
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
        """Draw losses on a logarithmic axis, and accuracies on a second one from 0 to 1.

        Parameters
        ----------
        ax : matplotlib axes, optional
        legend : bool, default=True

        Returns
        -------
        self
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
        right = ax.twinx()
        lines = []
        for key, name, axes, style in (
            ("loss", "training loss", ax, {"color": "#0072B2"}),
            ("val_loss", "validation loss", ax, {"color": "#0072B2", "linestyle": "--"}),
            ("accuracy", "training accuracy", right, {"color": "#D55E00"}),
            ("val_accuracy", "validation accuracy", right, {"color": "#D55E00", "linestyle": "--"}),
        ):
            if key in self.history:
                values = self.history[key]  # fine-tuning has no validation: lengths may differ
                epochs = np.arange(1, len(values) + 1)
                lines += axes.plot(epochs, values, label=name, linewidth=1.3, **style)
        ax.set_yscale("log")
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        right.set_ylabel("accuracy")
        right.set_ylim(0, 1.02)
        ax.set_title(self.title, fontsize="medium")
        if legend:
            ax.legend(handles=lines, loc="center right", fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self
