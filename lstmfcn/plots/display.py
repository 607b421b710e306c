"""What do all displays have in common? Their ``plot`` method, colours, names and checks."""

import math
import re
from io import BytesIO

import numpy as np

from lstmfcn.validation import as_numbers

# Okabe and Ito's colours, told apart by colour-blind readers, the darker ones first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY, DARK_GREY = "#b8b8b8", "#404040"
LETTER = 0.085  # inches
TIME, CHANNEL = "timepoint", "channel"  # what the axes of series are called
VALUE = "value"  # what the one channel's axis is called, and marked with
MARKERS = "os^DvPX"  # they tell lines and dots apart in grey print


class Display:
    """A picture that ``plot`` draws; a notebook that shows the object calls ``plot`` itself."""

    def __repr__(self):
        return f"<{type(self).__name__}, drawn by plot()>"

    def _repr_png_(self):
        if hasattr(self, "figure_"):  # the notebook has shown the figure
            return None
        figure = self.plot().figure_
        del self.figure_
        return image_bytes(figure, format="png", dpi=100)


class AxesDisplay(Display):
    """A picture in one axes. Subclasses have ``_size`` (inches) and ``_draw``."""

    def plot(self, ax=None, *, channel_names=None, sampling_rate=None):
        """Draw the picture into matplotlib axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default the axes of a new figure.
        channel_names : sequence of str, optional
            Names of the channels, in their order, in place of 0, 1, ...
        sampling_rate : float, optional
            Timepoints per second. If given, the axis of time is in seconds.

        Returns
        -------
        self
            With ``ax_`` and ``figure_``.
        """
        if ax is None:
            ax = new_figure(*self._size()).subplots()
        self._draw(ax)
        _name_axes([ax], channel_names, sampling_rate)
        self.ax_, self.figure_ = ax, ax.figure
        return self


class FigureDisplay(Display):
    """A picture of several axes. Subclasses have ``_size`` (inches) and ``_draw``."""

    def plot(self, figure=None, *, channel_names=None, sampling_rate=None):
        """Draw the picture into a matplotlib figure.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional
            By default a new figure.
        channel_names : sequence of str, optional
            Names of the channels, in their order, in place of 0, 1, ...
        sampling_rate : float, optional
            Timepoints per second. If given, axes of time are in seconds.

        Returns
        -------
        self
            With ``axes_`` and ``figure_``.
        """
        if figure is None:
            figure = new_figure(*self._size())
        axes = self._draw(figure)
        _name_axes(np.ravel(axes), channel_names, sampling_rate)
        self.axes_, self.figure_ = axes, figure
        return self


def _name_axes(axes, channel_names, sampling_rate):
    """Replace timepoints by seconds, and the channels' numbers by their names."""
    from matplotlib.ticker import MaxNLocator

    if sampling_rate is not None:
        rate = _check_rate(sampling_rate)
        of_time = [ax for ax in axes if ax.get_xlabel() == TIME]
        if not of_time:
            raise ValueError("this picture has no axis of time; leave sampling_rate out.")
        for ax in of_time:
            low, high = ax.get_xlim()
            seconds = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low / rate, high / rate)
            seconds = seconds[(seconds * rate >= low) & (seconds * rate <= high)]
            ax.set_xticks(seconds * rate, [f"{second:g}" for second in seconds])
            ax.set_xlabel("seconds")
    if channel_names is not None:
        names = [plain(name, 20) for name in channel_names]
        of_channels = [ax for ax in axes if ax.get_ylabel().endswith(CHANNEL)]
        # Where there is one channel.
        of_values = [ax for ax in axes if ax.yaxis.label.get_gid() == VALUE]
        if not of_channels and (len(names) != 1 or not of_values):
            raise ValueError("this picture has no axis of channels; leave channel_names out.")
        for ax in of_channels:
            places = ax.get_yticks()
            check_axis_names(len(places), names)
            ax.set_yticks(places, names)
            ax.set_ylabel(ax.get_ylabel().removesuffix(CHANNEL).rstrip())
        for ax in of_values if not of_channels else ():
            before, _, after = ax.get_ylabel().rpartition(VALUE)
            ax.set_ylabel(f"{before}{names[0]}{after}")


def check_axis_names(n_channels, channel_names=None, sampling_rate=None):
    """Refuse names that are not one for each channel, and a rate that is none."""
    if channel_names is not None and len(channel_names) != n_channels:
        raise ValueError(
            f"there are {n_channels} channels, but {len(channel_names)} channel_names; pass one "
            "for each."
        )
    if sampling_rate is not None:
        _check_rate(sampling_rate)


def _check_rate(sampling_rate):
    rate = floats(sampling_rate, "sampling_rate")
    if rate.ndim or not (np.isfinite(rate) and rate > 0):
        raise ValueError(f"sampling_rate={sampling_rate!r} must be a number above 0.")
    return rate


def new_figure(width, height):
    """Return an empty figure of a size in inches, with a layout that keeps labels apart."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def image_bytes(figure, **options):
    """Return the bytes of a figure's file and close the figure; ``options`` go to ``savefig``."""
    import matplotlib.pyplot as plt

    file = BytesIO()
    try:
        figure.savefig(file, **options)
    finally:
        plt.close(figure)
    return file.getvalue()


def name_ticks(ax, names, inches):
    """Put names at 0, 1, ... on the x axis, tilted if wider than their distance in ``inches``."""
    names = [plain(name) for name in names]
    ax.set_xticks(range(len(names)), names)
    if max(map(len, names)) * LETTER > inches:
        ax.tick_params("x", labelrotation=30)
        for text in ax.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")


def grid_shape(n, most_columns):
    """Return the numbers of rows and columns of a grid of ``n`` cells."""
    n_columns = min(most_columns, n)
    return math.ceil(n / n_columns), n_columns


def style_of(i):
    """Return the colour and the marker of the i-th line."""
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}


def plain(text, longest=40):
    r"""Return a user's name, shortened and escaped so that matplotlib draws it literally.

    ``$`` would begin mathematics, a leading ``_`` would hide the name from a legend, and a lone
    surrogate cannot be drawn.

    >>> [plain(name) for name in ("walk", "$5", "_a", "x" * 100)]
    ['walk', '\\$5', ' _a', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…']
    """
    text = str(text)
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    text = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    text = re.sub(r"(?<!\\)\$", r"\$", text)  # a second call changes nothing
    return f" {text}" if text.startswith("_") or not text else text


def floats(values, name):
    """Return numbers of any shape as float64; refuse anything else, with its name in the error."""
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
