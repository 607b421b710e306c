"""Which class is taken for which? Counts in a matrix that has room for long names."""

from sklearn.metrics import ConfusionMatrixDisplay

from lstmfcn.plots.display import LETTER, name_ticks, new_figure


class Confusion(ConfusionMatrixDisplay):
    """scikit-learn's display, as large as its names need."""

    def plot(self):
        """Draw the counts."""
        names, cell = self.display_labels, 0.6  # inches
        longest = LETTER * max(map(len, names))
        side = max(2.5, cell * len(names))
        ax = new_figure(1.5 + longest + side, 1 + longest / 2 + side).subplots()
        super().plot(cmap="Greys", colorbar=False, ax=ax)
        name_ticks(ax, names, side / len(names))
        return self
