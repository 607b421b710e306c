"""How do colours carry a map, and how do several channels or classes share a figure?"""

import math
import re

import numpy as np

from lstmfcn.validation import as_numbers

# Okabe and Ito's colours, told apart by colour-blind readers, the darker ones first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#b8b8b8"
MARKERS = "os^DvPX"  # they tell lines and dots apart in grey print
# Lightness falls steadily from zero to either end, so sizes read in grey print.
NEGATIVE = ("#08306b", "#3f8fd2")  # lowest first
POSITIVE = ("#c4c4c4", "#e8960c", "#8f0a1f")  # zero first
MOST_COLUMNS = 3
LONGEST_NAME = 40


class MapScale:
    """One colour scale for one or several maps, from zero to a largest magnitude.

    Maps that are nowhere negative go from light grey through orange to dark red. Signed maps add
    blue below zero, where the line is hollow as well: in grey print the sign would be lost.

    Parameters
    ----------
    maps : sequence of ndarray
    typical : bool, default=False
        End the scale at the median of the maps' peaks: one needle would leave all others grey.

    Attributes
    ----------
    limit : float
        Where the scale ends.
    signed, exceeded : bool
        Whether maps have negative values, and values beyond the limit.
    """

    def __init__(self, maps, typical=False):
        peaks = [np.abs(values).max() for values in maps]
        self.limit = float(max(np.median(peaks) if typical else max(peaks), 1e-12))
        self.signed = any((values < 0).any() for values in maps)
        self.exceeded = max(peaks) > self.limit

    def mappable(self):
        """Return matplotlib's pair of colours and norm."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        colours = (*NEGATIVE, *POSITIVE) if self.signed else POSITIVE
        return ScalarMappable(
            Normalize(-self.limit if self.signed else 0.0, self.limit),
            LinearSegmentedColormap.from_list("evidence", colours),
        )

    def draw(self, ax, lines, relevance):
        """Draw lines (n_lines, n_timepoints) whose colour and width follow ``relevance``."""
        from matplotlib.collections import LineCollection

        scale = self.mappable()
        widths = 1.5 + 3.5 * np.minimum(1.0, np.abs(relevance) / self.limit)  # points
        # The core is white where a negative line is wide enough to have one.
        cores = np.where(relevance < 0, np.maximum(0.0, 0.45 * (widths - 1.5)), 0.0)
        for line in lines:
            strokes = _strokes(line)
            coloured = LineCollection(strokes, cmap=scale.cmap, norm=scale.norm, capstyle="round")
            coloured.set_array(relevance)
            coloured.set_linewidth(widths)
            ax.add_collection(coloured)
            if cores.any():
                hollow = LineCollection(strokes, colors="white", capstyle="butt")
                hollow.set_linewidth(cores)
                ax.add_collection(hollow)
        ax.autoscale_view()
        ax.margins(x=0.01, y=0.08)

    def add_colorbar(self, figure, axes, label):
        """Draw the scale beside axes and say what its values are."""
        note = "\n(hollow line: negative)" if self.signed else ""
        extend = ("both" if self.signed else "max") if self.exceeded else "neither"
        figure.colorbar(self.mappable(), ax=axes, label=label + note, pad=0.01, extend=extend)


def _strokes(line):
    """Cut a line so that each timepoint owns it from middle to middle: (n_timepoints, 3, 2)."""
    points = np.column_stack([np.arange(len(line)), line])
    middles = (points[:-1] + points[1:]) / 2
    starts, ends = np.vstack([points[:1], middles]), np.vstack([middles, points[-1:]])
    return np.stack([starts, points, ends], axis=1)


class Lanes:
    """Where channels are drawn: one channel at its own values, several above each other.

    Parameters
    ----------
    series : sequence of ndarray of shape (n_channels, T_i)
        All that share the panels: a channel's range is the same in each.
    common : bool, default=False
        One range for all channels, so that their sizes compare.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.plots.drawing import Lanes
    >>> Lanes([np.array([[3.0, 7.0]])]).place(np.array([[3.0, 7.0]])).tolist()
    [[3.0, 7.0]]
    >>> two = np.array([[0.0, 10.0], [1.0, 2.0]])
    >>> Lanes([two]).place(two).tolist()
    [[1.2, 2.2], [0.0, 1.0]]
    """

    STEP = 1.2  # from lane to lane; a channel's range is 1

    def __init__(self, series, common=False):
        self._low = np.min([one.min(axis=1) for one in series], axis=0)[:, np.newaxis]
        high = np.max([one.max(axis=1) for one in series], axis=0)[:, np.newaxis]
        if common:
            self._low, high = np.full_like(self._low, self._low.min()), high.max()
        span = high - self._low
        self._span = np.where(span > 0, span, 1.0)
        # Channel 0 lies highest: one reads from the top.
        self._offsets = self.STEP * np.arange(len(self._low))[::-1, np.newaxis]

    def place(self, series):
        """Return the heights at which (n_channels, T) values are drawn."""
        if len(self._low) == 1:
            return series
        return (series - self._low) / self._span + self._offsets

    def label(self, ax, name="value"):
        """Name the vertical axis: by its values, or by the channels."""
        if len(self._low) == 1:
            ax.set_ylabel(name)
            return
        channels = range(len(self._low))
        ax.set_yticks(self._offsets[:, 0] + 0.5, [str(channel) for channel in channels])
        ax.set_ylabel("channel")


def plain(text):
    r"""Return a name that came from outside as matplotlib draws it as it is, and not too long.

    ``$`` would begin mathematics, a leading ``_`` would hide the name from a legend, and half a
    character (a lone surrogate) cannot be drawn.

    Examples
    --------
    >>> from lstmfcn.plots.drawing import plain
    >>> [plain(name) for name in ("walk", "$5", "_a", "x" * 100)]
    ['walk', '\\$5', ' _a', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…']
    """
    text = str(text)
    text = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
    text = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    text = re.sub(r"(?<!\\)\$", r"\$", text)  # a second call changes nothing
    return f" {text}" if text.startswith("_") or not text else text


def new_figure(width, height):
    """Return an empty figure of a size in inches that keeps its labels apart."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def class_panels(figure, n_classes):
    """Return an upper and a lower axes for each class, at most three classes side by side.

    Parameters
    ----------
    figure : matplotlib Figure or SubFigure, or None for a new one
    n_classes : int

    Returns
    -------
    figure
    axes : object ndarray of shape (n_classes, 2)
        All upper ones share their vertical axis, and so do all lower ones.
    """
    n_columns = min(MOST_COLUMNS, n_classes)
    n_rows = math.ceil(n_classes / n_columns)
    if figure is None:
        figure = new_figure(1.0 + 4.0 * n_columns, 0.5 + 4.0 * n_rows)
    grid = figure.add_gridspec(2 * n_rows, n_columns, height_ratios=[3, 2] * n_rows)
    axes = np.empty((n_classes, 2), object)
    for i in range(n_classes):
        row, column = divmod(i, n_columns)
        for part in (0, 1):
            first = axes[0, part] if i else None
            axes[i, part] = figure.add_subplot(
                grid[2 * row + part, column], sharex=axes[i, 0], sharey=first
            )
            axes[i, part].tick_params(labelleft=column == 0)
        axes[i, 0].tick_params(labelbottom=False)
        axes[i, 1].set_xlabel("timepoint")
    return figure, axes


def floats(values, name):
    """Return numbers of any shape as float64, or refuse by name what are none."""
    return as_numbers(values, name, "pass numbers").astype(float)


def check_scores(scores, names):
    """Return scores as (n_datasets, n_classifiers) finite floats, and names as a list."""
    scores, names = floats(scores, "scores"), [str(name) for name in names]
    if scores.ndim != 2 or not scores.size or scores.shape[1] != len(names):
        raise ValueError(
            f"scores has shape {scores.shape}, but there are {len(names)} names; pass "
            "(n_datasets, n_classifiers), one name for each column."
        )
    if not np.isfinite(scores).all():
        raise ValueError("scores has a missing value; draw the datasets that all classifiers have.")
    return scores, names
