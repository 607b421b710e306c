"""Do the displays draw the numbers they hold, for any shape of series, and refuse the rest?"""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, fitted_once, make_series, make_unequal
from matplotlib.text import Text
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from lstmfcn import FCNClassifier, plots
from lstmfcn.evaluation import Faithfulness
from lstmfcn.explain import Explanation
from lstmfcn.plots import (
    ActivationMapDisplay,
    ContextDisplay,
    DecompositionDisplay,
    FaithfulnessDisplay,
    FilterDisplay,
    GalleryDisplay,
    HistoryDisplay,
    MapDisplay,
    MeanMapDisplay,
    RobustnessDisplay,
)
from lstmfcn.plots.coloured_series import Lanes
from lstmfcn.plots.display import plain
from lstmfcn.plots.explanations import fit_lengths
from lstmfcn.plots.overview import explain_to_folder

NAMES = {"right": "east"}
N_TIMEPOINTS = 6  # of the stand-in's network
ATTENTION = np.array([0.1, 0.2, 0.3, 0.4, 0.0, 0.0])
ACTIVATION = np.array([1.0, -2.0, 0.5, 0.0, 0.25, 0.0])


class FittedFCN:
    """Stands for a fitted classifier: displays take anything with these methods.

    Says "right" with the probability that is the first value of a series.
    """

    classes_ = np.array(["left", "right"])
    n_timepoints_in_ = N_TIMEPOINTS
    unequal_length_in_ = "pad"

    def predict_proba(self, X):
        right = np.array([np.ravel(one)[0] for one in getattr(X, "values", X)])
        return np.column_stack([1 - right, right])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def class_activation_map(self, X, y="right"):
        return np.tile(ACTIVATION if y == "right" else -ACTIVATION / 2, (len(X), 1))

    def gradient_map(self, X, y="right"):
        return 2 * self.class_activation_map(X, y)

    def explain(self, X, y=None):
        over_time = self.class_activation_map(X)
        return Explanation(
            classes=self.classes_,
            target=np.ones(len(X), int),
            bias=np.array([0.5, -0.5]),
            lstm=np.zeros((len(X), 2)),
            convolutions=np.tile([1.0, over_time[0].sum()], (len(X), 1)),
            over_time=over_time,
        )

    def filter_kernels(self):
        return np.arange(3 * 4.0).reshape(3, 1, 4)

    def strongest_series(self, X, n_series):
        series, timepoints = [[0, 1], [1, 0], [1, 0]], [[2, 4], [0, 3], [5, 5]]
        activations = [[0.5, 0.1], [2.0, 0.3], [1.0, 0.9]]
        return tuple(np.array(a)[:, :n_series] for a in (series, timepoints, activations))


class Fitted(FittedFCN):
    """Stands for a fitted ALSTM-FCN."""

    def attention_map(self, X):
        return np.tile(ATTENTION, (len(X), 1))


def make_sure(right, lengths=None, n_channels=1):
    """Return series that the stand-in calls right with these probabilities."""
    lengths = [N_TIMEPOINTS] * len(right) if lengths is None else lengths
    X = [np.arange(n_channels * n, dtype=float).reshape(n_channels, n) for n in lengths]
    for one, probability in zip(X, right, strict=True):
        one[0, 0] = probability
    return X if len(set(lengths)) > 1 else np.stack(X)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


# One map


def test_map_colours_each_timepoint_by_its_value():
    relevance = np.array([0.1, 0.2, 0.6, 0.1])
    display = MapDisplay([1.0, 3.0, 2.0, 0.0], relevance, title="a title").plot()
    (line,) = display.ax_.collections
    np.testing.assert_array_equal(line.get_array(), relevance)
    middles = [stroke[1].tolist() for stroke in line.get_segments()]
    assert middles == [[0, 1], [1, 3], [2, 2], [3, 0]]
    assert (line.norm.vmin, line.norm.vmax) == (0.0, 0.6)
    np.testing.assert_allclose(line.get_linewidth(), 1.5 + 3.5 * relevance / 0.6)
    assert display.ax_.get_title() == "a title"
    assert display.figure_.axes[1].get_ylabel() == "attention"


def test_signed_map_has_a_scale_about_zero_and_hollow_negative_parts():
    display = MapDisplay(np.zeros(3), [0.5, -2.0, 0.0], label="gradient x input").plot()
    coloured, hollow = display.ax_.collections
    assert (coloured.norm.vmin, coloured.norm.vmax) == (-2.0, 2.0)
    assert (np.array(hollow.get_linewidth()) > 0).tolist() == [False, True, False]
    assert display.figure_.axes[1].get_ylabel() == "gradient x input\n(hollow line: negative)"


def test_scales_darken_steadily_from_zero_to_either_end():
    for relevance in ([0.0, 1.0], [-1.0, 1.0]):
        (line, *_) = MapDisplay(np.zeros(2), relevance).plot().ax_.collections
        rgb = line.cmap(np.linspace(0, 1, 101))[:, :3]
        lightness = rgb @ [0.2126, 0.7152, 0.0722]
        if min(relevance) < 0:
            assert (np.diff(lightness[:51]) > 0).all()
            lightness = lightness[50:]
        assert (np.diff(lightness) < 0).all()


def test_channels_lie_above_each_other():
    series = np.array([[0.0, 100.0], [1.0, 3.0]])
    display = MapDisplay(series, [0.2, 0.8]).plot()
    assert [line.get_ydata()[1] for line in display.ax_.lines] == pytest.approx([2.2, 1.0])
    (ground,) = display.ax_.images  # one map for all channels
    np.testing.assert_array_equal(ground.get_array(), [[0.2, 0.8]])
    assert ground.get_extent()[:2] == [-0.5, 1.5]
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["0", "1"]
    assert display.ax_.get_ylabel() == "channel"


def test_constant_channel_is_drawn():
    assert Lanes([np.full((2, 3), 7.0)]).place(np.full((2, 3), 7.0))[:, 0].tolist() == [1.2, 0.0]


@pytest.mark.parametrize("shape", [(3, 6), (3, 1, 6), (3, 2, 6)])
def test_map_from_estimator(shape):
    X = np.arange(np.prod(shape), dtype=float).reshape(shape)
    X[1].flat[0] = 0.9
    display = MapDisplay.from_estimator(Fitted(), X, 1, class_names=NAMES)
    assert display.title == "predicted east (probability 0.90)"
    np.testing.assert_array_equal(display.series, X[1].reshape(-1, 6))
    np.testing.assert_array_equal(display.relevance, ATTENTION)
    ax, several = display.plot().ax_, len(display.series) > 1
    assert (len(ax.collections), len(ax.images)) == (not several, several)


@pytest.mark.parametrize(
    ("method", "label", "values"),
    [
        ("attention_map", "attention", ATTENTION),
        ("class_activation_map", "contribution to the logit", ACTIVATION),
        ("gradient_map", "gradient x input", 2 * ACTIVATION),
    ],
)
def test_map_from_estimator_takes_the_method(method, label, values):
    display = MapDisplay.from_estimator(Fitted(), make_sure([0.8]), method=method)
    np.testing.assert_array_equal(display.relevance, values)
    assert display.label == label


def test_map_of_a_class():
    display = MapDisplay.from_estimator(
        Fitted(), make_sure([0.8]), method="class_activation_map", y="left", class_names=NAMES
    )
    np.testing.assert_array_equal(display.relevance, -ACTIVATION / 2)
    assert display.title == "map of left, predicted east (probability 0.80)"


def test_data_frame_is_read():
    frame = pytest.importorskip("pandas").DataFrame(make_sure([0.8, 0.3])[:, 0])
    display = MapDisplay.from_estimator(Fitted(), frame, 1)
    np.testing.assert_array_equal(display.series[0], [0.3, 1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("length", "resampled", "expected"),
    [
        (3, False, [1.0, 1.0, 2.0]),
        (2, False, [1.0, 1.0]),
        (5, False, [1.0, 1.0, 2.0, 0.0, 0.0]),
        (6, True, [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]),
        (2, True, [1.5, 2.5]),
    ],
)
def test_maps_come_to_the_length_of_their_series(length, resampled, expected):
    estimator = Fitted()
    estimator.unequal_length_in_ = "resample" if resampled else "pad"
    (fitted,) = fit_lengths(estimator, np.array([[1.0, 1.0, 2.0]]), [np.zeros((1, length))])
    np.testing.assert_allclose(fitted, expected)


# Maps of all classes


def test_activation_maps_share_a_scale():
    display = ActivationMapDisplay.from_estimator(Fitted(), make_sure([0.8]), class_names=NAMES)
    display.plot()
    for ax, values in zip(display.axes_, (-ACTIVATION / 2, ACTIVATION), strict=True):
        np.testing.assert_array_equal(ax.collections[0].get_array(), values)
        assert (ax.collections[0].norm.vmin, ax.collections[0].norm.vmax) == (-2.0, 2.0)
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["left: probability 0.20", "east: probability 0.80"]


# Gallery


def make_gallery(**options):
    X = make_sure([0.1, 0.4, 0.9, 0.8, 0.3, 0.95, 0.55])
    y = ["left"] * 3 + ["right"] * 4
    return GalleryDisplay.from_estimator(Fitted(), X, y, class_names=NAMES, **options)


def test_gallery_shows_the_surest_and_the_most_confused():
    display = make_gallery(n_typical=1, n_confused=2).plot()
    assert display.typical == {"left": [0], "right": [5]}
    assert display.confused == {"left": [2, 1], "right": [4, 6]}
    titles = [[ax.get_title() for ax in row] for row in display.axes_]
    assert titles == [
        [
            "most typical\nseries 0: right (0.90)",
            "most confused\nseries 2: taken for\neast (0.90)",
            "series 1: right (0.60)",
        ],
        [
            "series 5: right (0.95)",
            "series 4: taken for\nleft (0.70)",
            "series 6: right (0.55)",
        ],
    ]
    assert [row[0].get_ylabel() for row in display.axes_] == ["left\nvalue", "east\nvalue"]
    for ax in display.axes_.flat:
        np.testing.assert_array_equal(ax.collections[0].get_array(), ATTENTION)


def test_gallery_of_a_small_class_repeats_nothing():
    display = make_gallery(n_typical=2, n_confused=2).plot()
    assert display.typical["left"] == [0, 1] and display.confused["left"] == [2]
    assert [ax.axison for ax in display.axes_[0]] == [True, True, True, False]


def test_gallery_scale_ends_at_the_typical_peak():
    maps = [[0.0, 0.1], [0.0, 0.2], [1.0, 0.0]]
    proba = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    display = GalleryDisplay(np.zeros((3, 2)), maps, [0, 0, 0], proba, [0, 1]).plot()
    assert display.axes_[0, 0].collections[0].norm.vmax == 0.2
    assert max(display.axes_[0, 2].collections[0].get_linewidth()) == 5.0
    assert len(display.axes_) == 1  # class 1 has no series


# Mean maps


def test_mean_map_draws_means_and_quartiles():
    series = np.arange(12.0).reshape(4, 3)
    maps = np.array([[0, 1, 2], [2, 1, 0], [1, 1, 4], [0, 0, 9]], float)
    display = MeanMapDisplay(series, maps, [0, 0, 0, 1], class_names={0: "A"}, label="attention")
    display.plot()
    upper, lower = display.axes_[0]
    np.testing.assert_allclose(upper.lines[0].get_ydata(), series[:3].mean(axis=0))
    np.testing.assert_allclose(lower.lines[-1].get_ydata(), [1, 1, 2])
    low, high = np.quantile(maps[:3], [0.25, 0.75], axis=0)
    corners = lower.collections[0].get_paths()[0].vertices.tolist()
    for t in range(3):
        assert [t, low[t]] in corners and [t, high[t]] in corners
    assert upper.get_title() == "A (3 series)" and display.axes_[1, 0].get_title().endswith(
        "(1 series)"
    )
    assert lower.get_ylabel() == "attention\n(mean, quartiles)"


def test_mean_map_goes_as_far_as_half_of_the_series():
    X = make_sure([0.9, 0.8, 0.7], lengths=[3, 5, 6])
    display = MeanMapDisplay.from_estimator(Fitted(), X, class_names=NAMES).plot()
    assert display.axes_[0, 0].get_title() == "predicted east (3 series)"
    np.testing.assert_allclose(display.mean_series[0][0], [0.8, 1, 2, 3, 4])
    np.testing.assert_allclose(display.mean[0], ATTENTION[:5])


def test_mean_map_of_several_channels():
    display = MeanMapDisplay.from_estimator(
        Fitted(), make_sure([0.9, 0.2], n_channels=2), method="gradient_map"
    ).plot()
    assert [len(ax.lines) for ax in display.axes_[:, 0]] == [2, 2]
    assert display.axes_[0, 0].get_ylabel() == "channel"


def test_many_classes_wrap():
    n_classes = 5
    X = np.zeros((n_classes, 4))
    display = MeanMapDisplay(X, np.ones((n_classes, 4)), range(n_classes)).plot()
    rows = [ax.get_subplotspec().rowspan.start for ax in display.axes_[:, 0]]
    assert rows == [0, 0, 0, 2, 2]


# Context


def test_context_is_the_series_times_attention_relative_to_uniform():
    X = make_sure([0.5, 0.9], lengths=[4, 6])
    X[0][0], X[1][0] = [0.5, 1, 2, 3], [0.9, 1, 2, 3, 4, 5]
    attention = [np.full(4, 0.25), ATTENTION]
    display = ContextDisplay(X, attention, ["a", "b"]).plot()
    np.testing.assert_allclose(display.context[0], X[0])
    np.testing.assert_allclose(display.context[1], 6 * ATTENTION * X[1])
    (upper, lower), (other, below) = display.axes_
    for ax, i in ((upper, 0), (other, 1)):
        grey, coloured = ax.collections
        np.testing.assert_allclose(grey.get_segments()[0][:, 1], X[i][0])
        np.testing.assert_allclose(coloured.get_segments()[0][:, 1], display.context[i][0])
        np.testing.assert_allclose(ax.lines[0].get_ydata(), display.context[i][0])
    np.testing.assert_allclose(lower.lines[-1].get_ydata(), np.ones(4))
    np.testing.assert_allclose(below.lines[-1].get_ydata(), 6 * ATTENTION)
    assert below.get_ylim()[1] > 2.4  # the classes share an axis that holds all of them
    assert upper.get_yscale() == "symlog"


def test_context_of_several_channels_is_logarithmic_beyond_the_series():
    X = np.array([[[1.0, 1.0], [0.0, 2.0]]])
    attention = np.array([[0.0, 1.0]])
    display = ContextDisplay(X, attention, [0]).plot()
    (upper, _) = display.axes_[0]
    # Twice the limit is drawn at limit * (1 + log10(2) / 2); lanes span all that is drawn.
    top = 1 + np.log10(2) / 2
    _, coloured = upper.collections
    first, second = (segment[:, 1] for segment in coloured.get_segments())
    np.testing.assert_allclose(first, [1.2, 2.2])
    np.testing.assert_allclose(second, [0.0, 1.0])
    grey = upper.collections[0].get_segments()
    np.testing.assert_allclose(grey[0][:, 1], 1.2 + np.array([1, 1]) / top)


def test_context_from_estimator_groups_by_prediction_or_truth():
    X = make_sure([0.9, 0.8, 0.1])
    display = ContextDisplay.from_estimator(Fitted(), X, class_names=NAMES).plot()
    titles = [ax.get_title() for ax in display.axes_[:, 0]]
    assert titles == ["left (1 series)", "east (2 series)"]
    display = ContextDisplay.from_estimator(Fitted(), X, ["left", "left", "right"]).plot()
    assert display.axes_[0, 0].get_title() == "left (2 series)"


# Filters


def test_filters_are_the_strongest_and_mark_what_the_kernel_covers():
    X = make_sure([0.9, 0.2])
    display = FilterDisplay.from_estimator(Fitted(), X, n_filters=2, class_names=NAMES).plot()
    titles = [ax.get_title() for ax in display.axes_[:, 1]]
    assert titles == [
        "filter 1: activation 2.0, series 1 (left)",
        "filter 2: activation 0.9, series 0 (east)",  # series 1 excites it more: it is shown
    ]
    np.testing.assert_array_equal(display.axes_[0, 0].lines[-1].get_ydata(), [4, 5, 6, 7])
    # A kernel of 4 covers t - 1 to t + 2; at timepoints 0 and 5 the series ends before it.
    marked = [ax.lines[-1].get_xdata().tolist() for ax in display.axes_[:, 1]]
    assert marked == [[0, 1, 2], [4, 5]]


def test_a_first_layer_of_few_filters_has_few_axes():
    display = FilterDisplay.from_estimator(Fitted(), make_sure([0.9, 0.2])).plot()
    assert len(display.axes_) == len(Fitted().filter_kernels()) == 3


def test_filters_of_resampled_series_mark_their_own_timepoints():
    estimator = Fitted()
    estimator.unequal_length_in_ = "resample"
    X = make_sure([0.9, 0.2], lengths=[11, 6])
    display = FilterDisplay.from_estimator(estimator, X, n_filters=3)
    assert display.places.tolist() == [[0, 2], [3, 9], [0, 6]]  # around timepoints of the series


def test_filters_of_several_channels():
    kernels = np.arange(12.0).reshape(2, 2, 3)
    display = FilterDisplay(kernels, np.ones((2, 2, 9)), [[0, 2], [1, 3]]).plot()
    lower = display.axes_[0, 0].lines[-1].get_ydata()
    np.testing.assert_allclose(lower, np.array([3, 4, 5]) / 11)  # one range for all kernels
    assert display.axes_[0, 0].get_ylabel() == "channel"


# Decomposition


def test_bars_add_up_to_the_logits():
    bias, lstm, convolutions = [0.5, -0.5, 0.1], [1.0, -2.0, 3.0], [-4.0, -1.0, 2.0]
    display = DecompositionDisplay(
        bias, lstm, convolutions, [-3.0, -1.0], [0, 1], ["a", "b", "c"], title="a title"
    ).plot()
    bars, below = display.axes_
    heights = np.array([[bar.get_height() for bar in part] for part in bars.containers])
    np.testing.assert_allclose(heights, [bias, lstm, convolutions])
    np.testing.assert_allclose(heights.sum(axis=0), display.logits)
    np.testing.assert_allclose(bars.lines[-1].get_ydata(), display.logits)
    bottoms = [[bar.get_y() for bar in part] for part in bars.containers]
    np.testing.assert_allclose(bottoms, [[0, 0, 0], [0.5, -0.5, 0.1], [0, -2.5, 3.1]])
    np.testing.assert_array_equal(below.collections[0].get_array(), [-3.0, -1.0])
    assert below.get_title() == "convolutions for a over time (sum -4.00)"
    assert [text.get_text() for text in bars.texts] == ["-2.50", "-3.50", "5.10"]


def test_decomposition_from_estimator_drops_padding_and_what_is_not_there():
    X = make_sure([0.9, 0.2], lengths=[4, 6])
    display = DecompositionDisplay.from_estimator(FittedFCN(), X, class_names=NAMES).plot()
    np.testing.assert_array_equal(display.over_time, ACTIVATION[:4])
    legend = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert legend == ["sum: the logit", "bias", "convolutions"]
    assert [text.get_text() for text in display.axes_[0].get_xticklabels()] == ["left", "east"]
    assert display.figure_.get_suptitle() == "predicted east (probability 0.90)"


# Faithfulness


def make_faithfulness(name="attention"):
    rng = np.random.RandomState(0)
    keys = [
        (name, baseline)
        for name in (name, "random", f"{name}, shifted")
        for baseline in ("zero", "noise")
    ]
    fractions = np.array([0.1, 0.5])
    deletion, insertion = ({key: rng.uniform(size=(20, 2)) for key in keys} for _ in range(2))
    return Faithfulness(fractions, rng.uniform(size=20), deletion, insertion)


@pytest.mark.parametrize("baseline", [None, "noise"])
def test_faithfulness_curves(baseline):
    result = make_faithfulness()
    display = FaithfulnessDisplay(result, baseline=baseline).plot()
    whole = result.probability.mean()
    deletion, insertion = display.axes_
    for ax in display.axes_:
        assert [line.get_label() for line in ax.lines] == ["attention", "random"]
        assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    for i, name in enumerate(("attention", "random")):
        fall, low, high = result.curve(name, "deletion", baseline)
        rise, _, _ = result.curve(name, "insertion", baseline)
        np.testing.assert_allclose(deletion.lines[i].get_xdata(), [0, 10, 50])
        np.testing.assert_allclose(deletion.lines[i].get_ydata(), [whole, *fall])
        np.testing.assert_allclose(insertion.lines[i].get_xdata(), [10, 50, 100])
        np.testing.assert_allclose(insertion.lines[i].get_ydata(), [*rise, whole])
        corners = deletion.collections[i].get_paths()[0].vertices.tolist()
        assert [10.0, low[0]] in corners and [50.0, high[1]] in corners


def test_faithfulness_draws_shifted_maps_when_asked():
    display = FaithfulnessDisplay(make_faithfulness(), shifted=True).plot()
    (plain, shifted, random) = display.axes_[0].lines
    assert (plain.get_color(), plain.get_linestyle()) == (shifted.get_color(), "-")
    assert shifted.get_label() == "attention, shifted" and shifted.get_linestyle() == ":"
    assert random.get_label() == "random"
    draw_into(display)


# Learning curves


def test_history_display_draws_what_is_there():
    history = {"loss": [1.0, 0.1], "accuracy": [0.5, 0.9], "val_loss": [1.1, 0.3]}
    display = HistoryDisplay(history, title="run").plot()
    upper, lower = display.axes_
    assert [line.get_label() for line in upper.lines] == ["training", "validation"]
    np.testing.assert_array_equal(upper.lines[0].get_ydata(), history["loss"])
    np.testing.assert_array_equal(lower.lines[0].get_ydata(), history["accuracy"])
    assert upper.get_yscale() == "log" and lower.get_xlabel() == "epoch"
    assert all(tick == round(tick) for tick in lower.get_xticks())


def test_history_display_draws_a_validation_that_ends_before_fine_tuning():
    display = HistoryDisplay({"loss": [1.0, 0.5, 0.2], "val_loss": [1.0, 0.6]}).plot()
    assert [len(line.get_xdata()) for line in display.axes_[0].lines] == [3, 2]


def test_history_display_refuses_an_empty_history():
    with pytest.raises(ValueError, match="history has no 'loss'; pass history_ of a fitted"):
        HistoryDisplay({})


# What all share


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: MapDisplay(np.zeros(4), np.zeros(3)),
            "relevance has shape (3,), but its series has 4 timepoints; pass one value per "
            "timepoint.",
        ),
        (
            lambda: MapDisplay(np.zeros(2), [0.0, np.nan]),
            "relevance contains NaN or infinity; pass finite numbers.",
        ),
        (
            lambda: MapDisplay([[1.0, np.inf]], [0.0, 1.0]),
            "series has shape (1, 2); pass finite numbers of shape (n_timepoints,) or "
            "(n_channels, n_timepoints).",
        ),
        (
            lambda: MapDisplay.from_estimator(Fitted(), make_sure([0.5]), 1),
            "index=1 must be a whole number from 0 to 0.",
        ),
        (
            lambda: MapDisplay.from_estimator(Fitted(), make_sure([0.5]), method="saliency"),
            "method='saliency' is unknown; choose one of 'attention_map', 'class_activation_map', "
            "'gradient_map'.",
        ),
        (
            lambda: MapDisplay.from_estimator(FittedFCN(), make_sure([0.5])),
            "FittedFCN has no attention_map; choose one of class_activation_map, gradient_map.",
        ),
        (
            lambda: MapDisplay.from_estimator(Fitted(), make_sure([0.5]), y="left"),
            "y='left' chooses a class, but attention is the same for all classes; leave y out.",
        ),
        (
            lambda: ActivationMapDisplay(np.zeros(2), np.zeros((2, 2)), [1.0], ["a"]),
            "2 maps came with 1 probabilities and 1 names; pass one of each per class.",
        ),
        (
            lambda: ActivationMapDisplay(np.zeros(2), np.zeros((1, 3)), [1.0], ["a"]),
            "map 0 has shape (3,), but its series has 2 timepoints; pass one value per timepoint.",
        ),
        (
            lambda: MeanMapDisplay(np.zeros((2, 3)), np.zeros((1, 3)), [0, 0]),
            "1 maps came with 2 series; pass one per series.",
        ),
        (
            lambda: MeanMapDisplay(np.zeros((2, 3)), np.zeros((2, 3)), [0]),
            "X has 2 series, but y has 1 labels; pass one label per series.",
        ),
        (
            lambda: GalleryDisplay(
                np.zeros((2, 3)), np.zeros((2, 3)), [0, 1], [[1.0, 0.0]], [0, 1]
            ),
            "probabilities have shape (1, 2); pass one row for each of the 2 series and one column "
            "for each of the 2 classes.",
        ),
        (
            lambda: make_gallery(n_typical=0),
            "n_typical=0 must be a whole number of at least 1.",
        ),
        (
            lambda: GalleryDisplay.from_estimator(Fitted(), make_sure([0.5]), ["up"]),
            "labels hold 'up', which is not one of the classes; pass the labels that the "
            "classifier was fitted on.",
        ),
        (
            lambda: ContextDisplay(np.zeros((1, 2)), [[0.5, 0.7]], [0]),
            "attention 0 is not a distribution over time (it sums to 1.2); pass weights of at "
            "least 0 that sum to 1.",
        ),
        (
            lambda: FilterDisplay(np.zeros((1, 2, 3)), np.zeros((1, 1, 9)), [[0, 2]]),
            "kernels have shape (1, 2, 3); pass (n_filters, n_channels, kernel_size) with the 1 "
            "channels of the series.",
        ),
        (
            lambda: FilterDisplay(np.zeros((1, 1, 3)), np.zeros((2, 9)), [[0, 2]]),
            "1 kernels came with 2 series, 1 titles and places of shape (1, 2); pass one series, "
            "one title and one (first, last) per kernel.",
        ),
        (
            lambda: FilterDisplay.from_estimator(Fitted(), make_sure([0.5, 0.1]), 0),
            "n_filters=0 must be a whole number of at least 1.",
        ),
        (
            lambda: DecompositionDisplay([0], [0, 1], [0, 1], [0], [0], ["a", "b"]),
            "bias has shape (1,), but there are 2 names; pass one contribution and one name per "
            "class.",
        ),
        (
            lambda: DecompositionDisplay([0], [0], [0], [0], [0], ["a"], target=1),
            "target=1 must be a whole number from 0 to 0.",
        ),
        (
            lambda: MapDisplay(["a", "b"], [0.0, 1.0]),
            "series holds values of type <U1, not numbers; pass numbers.",
        ),
        (
            lambda: FaithfulnessDisplay(make_faithfulness(), baseline="mean"),
            "baseline='mean' was not measured; choose one of zero, noise.",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_names_of_classes_are_a_dict():
    with pytest.raises(TypeError) as error:
        MeanMapDisplay.from_estimator(Fitted(), make_sure([0.5]), class_names=["east"])
    assert str(error.value) == "class_names is of type list; pass a dict of label to name."


# To matplotlib: mathematics that is wrong, an empty formula, what a legend leaves out, half of a
# character, and more than a figure is wide.
ODD_NAMES = ["$\\frac$", "$$", "_hidden", "\udc80", "x" * 9000]


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize(
    "make",
    [
        lambda clf, X, names: MapDisplay.from_estimator(clf, X, class_names=names),
        lambda clf, X, names: ActivationMapDisplay.from_estimator(clf, X, class_names=names),
        lambda clf, X, names: GalleryDisplay.from_estimator(
            clf, X, ["left", "right"], class_names=names
        ),
        lambda clf, X, names: MeanMapDisplay.from_estimator(clf, X, class_names=names),
        lambda clf, X, names: ContextDisplay.from_estimator(clf, X, class_names=names),
        lambda clf, X, names: FilterDisplay.from_estimator(clf, X, class_names=names),
        lambda clf, X, names: DecompositionDisplay.from_estimator(clf, X, class_names=names),
        lambda clf, X, names: DecompositionDisplay([0], [0], [0], [0], [0], [names["left"]]),
        lambda clf, X, names: ActivationMapDisplay([0], [[0]], [1.0], [names["left"]]),
        lambda clf, X, names: FaithfulnessDisplay(make_faithfulness(names["left"])),
        lambda clf, X, names: RobustnessDisplay([0, 1], {names["left"]: [[1, 0]]}),
    ],
)
def test_any_name_is_drawn(make, name):
    display = make(Fitted(), make_sure([0.8, 0.1]), {"left": name, "right": name}).plot()
    display.figure_.canvas.draw()
    texts = [text.get_text() for text in display.figure_.findobj(Text)]
    assert any(plain(name).strip()[:20] in text for text in texts)


def draw_into(display):
    """Plot into a part of a figure, and check that the display stays there."""
    figure = plt.figure(figsize=(16, 8), layout="constrained")
    part, _ = figure.subfigures(1, 2)
    if "ax" in inspect.signature(display.plot).parameters:
        ax = part.subplots()
        assert display.plot(ax) is display and display.ax_ is ax
    else:
        assert display.plot(part) is display and display.figure_ is part
    figure.canvas.draw()


@pytest.fixture(scope="module")
def fitted():
    """A real ALSTM-FCN on unequal series of two channels, and these."""
    from lstmfcn import ALSTMFCNClassifier

    X, y = make_unequal(n_channels=2)
    return ALSTMFCNClassifier(**SMALL).fit(X, y), X, y


@pytest.mark.parametrize(
    "make",
    [
        lambda clf, X, y: MapDisplay.from_estimator(clf, X, 2),
        lambda clf, X, y: MapDisplay.from_estimator(clf, X, 2, method="gradient_map", y=y[0]),
        lambda clf, X, y: ActivationMapDisplay.from_estimator(clf, X, 2),
        lambda clf, X, y: GalleryDisplay.from_estimator(clf, X, y),
        lambda clf, X, y: MeanMapDisplay.from_estimator(clf, X, method="class_activation_map"),
        lambda clf, X, y: ContextDisplay.from_estimator(clf, X, y),
        lambda clf, X, y: FilterDisplay.from_estimator(clf, X),
        lambda clf, X, y: DecompositionDisplay.from_estimator(clf, X, 2, y=y[0]),
        lambda clf, X, y: HistoryDisplay.from_estimator(clf),
    ],
)
def test_displays_take_a_real_classifier(make, fitted):
    display = make(*fitted)
    draw_into(display)
    assert type(display).__name__ in plots.__all__


def test_decomposition_of_a_real_classifier_is_its_decision(fitted):
    classifier, X, _ = fitted
    display = DecompositionDisplay.from_estimator(classifier, X, 3)
    exponentials = np.exp(display.logits)
    np.testing.assert_allclose(
        exponentials / exponentials.sum(), classifier.predict_proba(X)[3], atol=1e-5
    )
    assert display.over_time.sum() == pytest.approx(display.parts[2][display.target], abs=1e-5)


# A folder


@pytest.fixture(scope="module")
def few_filters():
    """A network of three filters, its series and labels that are mathematics to matplotlib."""
    from lstmfcn import FCNClassifier

    X, y = make_series(n_samples=12)
    y = np.where(y == "class 0", "$$", "$\\frac$")
    small = {**SMALL, "n_filters": (3,), "kernel_sizes": (2,)}
    return FCNClassifier(**small).fit(X, y), X, y


def test_any_fitted_classifier_is_explained(few_filters, tmp_path):
    explain_to_folder(*few_filters, tmp_path / "all")
    names = {path.name for path in (tmp_path / "all").iterdir()}
    assert names >= {"explanations.npz", "filters.png", "confusion.png", "faithfulness.png"}


def test_an_explanation_that_cannot_be_drawn_leaves_no_file(few_filters, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("lstmfcn.plots.faithfulness.FaithfulnessDisplay", fails)  # the last picture
    monkeypatch.setattr("lstmfcn.plots.overview.image_bytes", lambda *_, **__: b"")
    with pytest.raises(RuntimeError, match="no ink"):
        explain_to_folder(*few_filters, tmp_path)
    classifier, X, y = few_filters
    for labels, sentence in (
        (y[:3], "X has 12 series, but y has 3 labels; pass one label per series."),
        (["another"] * 12, "the series have the label 'another', which the model does not know"),
    ):
        with pytest.raises(ValueError, match=sentence):
            explain_to_folder(classifier, X, labels, tmp_path)
    with pytest.raises(ValueError, match="random_state='a' is no seed"):
        explain_to_folder(classifier, X, y, tmp_path, random_state="a")
    assert list(tmp_path.iterdir()) == []


def test_a_data_frame_is_explained(few_filters, tmp_path, monkeypatch):
    classifier, X, y = few_filters
    monkeypatch.setattr("lstmfcn.plots.overview.image_bytes", lambda *_, **__: b"")
    explain_to_folder(classifier, pd.DataFrame(X[:, 0]), pd.Series(y), tmp_path)
    assert (tmp_path / "faithfulness.png").exists()


def test_a_display_draws_itself_in_a_notebook_once():
    display = HistoryDisplay({"loss": [1.0, 0.5], "accuracy": [0.5, 1.0]})
    assert repr(display) == "<HistoryDisplay, drawn by plot()>"
    assert display._repr_png_().startswith(b"\x89PNG")
    assert not plt.get_fignums() and display._repr_png_() is not None
    display.plot()
    assert display._repr_png_() is None  # the figure is there
    plt.close("all")


def test_faithfulness_is_short_to_read_and_a_data_frame():
    result = make_faithfulness()
    assert repr(result) == (
        "<Faithfulness of 3 maps (attention; random; attention, shifted) on 20 series>"
    )
    frame = result.to_pandas(0.5)
    assert set(frame["map"]) == set(result.maps) and "ratio" in frame.columns


CHANNELS = ["acceleration x", "acceleration y", "gyroscope"]


@pytest.mark.parametrize(
    "make",
    [
        lambda clf, X, y: MapDisplay.from_estimator(clf, X, method="class_activation_map"),
        lambda clf, X, y: ActivationMapDisplay.from_estimator(clf, X),
        lambda clf, X, y: GalleryDisplay.from_estimator(clf, X, y, method="gradient_map"),
        lambda clf, X, y: MeanMapDisplay.from_estimator(clf, X, method="gradient_map"),
        lambda clf, X, y: DecompositionDisplay.from_estimator(clf, X),
        lambda clf, X, y: FilterDisplay.from_estimator(clf, X, n_filters=3),
    ],
    ids=["map", "activation", "gallery", "mean", "decision", "filters"],
)
def test_channels_have_names_and_time_is_in_seconds(make):
    X, y = make_series(n_channels=3)
    clf = fitted_once(FCNClassifier, X, y, **SMALL)
    display = make(clf, X, y).plot(channel_names=CHANNELS, sampling_rate=12)
    axes = np.ravel(display.axes_ if hasattr(display, "axes_") else display.ax_)
    assert "timepoint" not in {ax.get_xlabel() for ax in axes}
    of_time = [ax for ax in axes if ax.get_xlabel() == "seconds"]
    labels = [text.get_text() for text in of_time[-1].get_xticklabels()]
    ticks = of_time[-1].get_xticks()
    assert [float(label) for label in labels] == pytest.approx((ticks / 12).tolist())
    named = [[text.get_text() for text in ax.get_yticklabels()] for ax in axes]
    assert CHANNELS in named
    plt.close("all")


def test_names_that_do_not_fit_are_refused():
    X, y = make_series(n_channels=3)
    clf = fitted_once(FCNClassifier, X, y, **SMALL)
    display = ActivationMapDisplay.from_estimator(clf, X)
    with pytest.raises(ValueError, match="there are 3 channels, but 1 channel_names; pass one"):
        display.plot(channel_names=["a"])
    with pytest.raises(ValueError, match="sampling_rate=0 must be a number above 0"):
        display.plot(sampling_rate=0)
    history = HistoryDisplay({"loss": [1.0, 0.5], "accuracy": [0.5, 1.0]})
    with pytest.raises(ValueError, match="this picture has no axis of time"):
        history.plot(sampling_rate=50)
    with pytest.raises(ValueError, match="this picture has no axis of channels"):
        history.plot(channel_names=["a"])
    one = MapDisplay(np.arange(5.0), np.full(5, 0.2)).plot(channel_names=["ECG lead II"])
    assert one.ax_.get_ylabel() == "ECG lead II"
    plt.close("all")


def test_a_channels_name_replaces_no_word_of_the_user():
    X, labels = np.random.default_rng(0).normal(size=(4, 8)), ["high value", "low value"]
    proba = np.full((4, 2), 0.5)
    gallery = GalleryDisplay(X, np.abs(X), np.repeat(labels, 2), proba, labels, n_typical=1)
    gallery.plot(channel_names=["pressure"])
    found = [ax.get_ylabel() for ax in gallery.axes_[:, 0]]
    assert found == ["high value\npressure", "low value\npressure"]
    means = MeanMapDisplay(X, np.abs(X), np.repeat(labels, 2), label="Shapley value")
    means.plot(channel_names=["pressure"])
    upper, lower = (ax.get_ylabel() for ax in means.axes_[0])
    assert upper == "mean pressure" and lower.startswith("Shapley value")
    plt.close("all")


def test_axes_may_lie_in_no_grid():
    figure = plt.figure()
    display = MapDisplay(np.arange(5.0), np.full(5, 0.2)).plot(
        figure.add_axes([0.1, 0.1, 0.7, 0.8])
    )
    assert len(figure.axes) == 2 and display.figure_ is figure  # with the colour bar
    plt.close(figure)


def test_what_is_no_fitted_classifier_is_refused():
    X, y = make_series()
    with pytest.raises(NotFittedError):
        HistoryDisplay.from_estimator(FCNClassifier())
    model = LinearRegression().fit(X[:, 0], y == y[0])
    with pytest.raises(ValueError, match="has no class_activation_map; pass a classifier"):
        MapDisplay.from_estimator(model, X, method="class_activation_map")
    with pytest.raises(TypeError, match="has no explain; pass a classifier"):
        DecompositionDisplay.from_estimator(model, X)
