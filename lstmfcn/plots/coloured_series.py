"""How is a series drawn in the colours of its map, and where is each channel drawn?"""

import numpy as np

from lstmfcn.plots.display import CHANNEL, TIME, VALUE

# Lightness falls steadily from zero to either end, so sizes read in grey print.
NEGATIVE = ("#08306b", "#3f8fd2")  # lowest first
POSITIVE = ("#c4c4c4", "#e8960c", "#8f0a1f")  # zero first


HEIGHT = 5.0  # inches of a scale, at most


class MapScale:
    """One colour scale for several maps, from zero to ``limit``, the largest magnitude.

    Negative values are blue, and their line is hollow, so that they differ in grey print. With
    ``typical`` the scale ends at the median of the maps' peaks. Otherwise a single spike would
    leave all other series grey.
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
        """Draw lines (n_lines, n_timepoints) and, in colours, the ``relevance`` of timepoints.

        A single line has the colours itself, and its width follows the relevance. Several lines are
        black on a coloured ground, because coloured lines would suggest that every channel matters.
        """
        from matplotlib.collections import LineCollection

        scale = self.mappable()
        if len(lines) > 1:
            ax.plot(np.transpose(lines), color="black", linewidth=0.8)
            ax.margins(x=0.01, y=0.08)
            extent = -0.5, len(relevance) - 0.5, *ax.get_ylim()
            ground = {"cmap": scale.cmap, "norm": scale.norm, "extent": extent, "alpha": 0.7}
            ax.imshow(relevance[np.newaxis], aspect="auto", zorder=0, **ground)
            return
        widths = 1.5 + 3.5 * np.minimum(1.0, np.abs(relevance) / self.limit)  # points
        # The core is white where a negative line is wide enough to have one.
        cores = np.where(relevance < 0, np.maximum(0.0, 0.45 * (widths - 1.5)), 0.0)
        coloured = {"array": relevance, "cmap": scale.cmap, "norm": scale.norm}
        hollow = {"colors": "white", "capstyle": "butt"}
        for line in lines:
            strokes = _strokes(line)
            ax.add_collection(
                LineCollection(strokes, linewidths=widths, capstyle="round", **coloured)
            )
            if cores.any():
                ax.add_collection(LineCollection(strokes, linewidths=cores, **hollow))
        ax.autoscale_view()
        ax.margins(x=0.01, y=0.08)

    def add_colorbar(self, figure, axes, label):
        """Draw the scale beside axes, with the name of its values."""
        note = "\n(hollow line: negative)" if self.signed else ""
        extend = ("both" if self.signed else "max") if self.exceeded else "neither"
        places = [ax.get_subplotspec() for ax in np.ravel(axes)]
        if None in places:  # axes that lie in no grid
            height = np.ravel(axes)[0].get_window_extent().height / figure.dpi  # inches
        else:
            part = len({place.rowspan.start for place in places}) / places[0].get_gridspec().nrows
            height = figure.bbox.height / figure.dpi * part
        bar = {"shrink": min(1.0, HEIGHT / height), "aspect": 20 * min(1.0, height / HEIGHT)}
        bar |= {"anchor": (0.0, 1.0), "extendfrac": "auto", "extend": extend, "pad": 0.01}
        figure.colorbar(self.mappable(), ax=axes, label=label + note, **bar)


def _strokes(line):
    """Cut a line into one piece per timepoint, from midpoint to midpoint: (n_timepoints, 3, 2)."""
    points = np.column_stack([np.arange(len(line)), line])
    middles = (points[:-1] + points[1:]) / 2
    starts, ends = np.vstack([points[:1], middles]), np.vstack([middles, points[-1:]])
    return np.stack([starts, points, ends], axis=1)


class Lanes:
    """The heights of channels: one channel has its own values, several lie above each other.

    ``series`` holds all arrays of shape (n_channels, T_i) of one picture. A channel has the same
    range in all of them. With ``common`` all channels share one range, so that they can be
    compared.
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
        """Return the heights at which the values (n_channels, T) are drawn."""
        if len(self._low) == 1:
            return series
        return (series - self._low) / self._span + self._offsets

    def label(self, ax, name="value"):
        """Name the vertical axis: by its values, or by the channels."""
        if len(self._low) == 1:
            ax.set_ylabel(name)
            ax.yaxis.label.set_gid(VALUE)
            return
        ax.set_yticks(self._offsets[:, 0] + 0.5, map(str, range(len(self._low))))
        ax.set_ylabel(CHANNEL)


def draw_maps(figure, axes, series, maps, label):
    """Draw one series (n_channels, T) once per map, below each other, and a colour bar."""
    scale, lanes = MapScale(maps), Lanes([series])
    for ax, relevance in zip(axes, maps, strict=True):
        scale.draw(ax, lanes.place(series), relevance)
        lanes.label(ax)
    axes[-1].set_xlabel(TIME)
    scale.add_colorbar(figure, axes, label)
