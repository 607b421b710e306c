"""Do curves measure their corruption, reproducibly, and does the display draw them?"""

from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import make_unequal
from sklearn.base import BaseEstimator, ClassifierMixin

from lstmfcn.evaluation import mean_interval, paired_interval, robustness_curve
from lstmfcn.plots.robustness import RobustnessDisplay


class ByMean(ClassifierMixin, BaseEstimator):
    """Class 1 where the mean over everything is above 0.5; counts None as nothing."""

    def __init__(self):
        self.classes_ = np.array([0, 1])

    def predict_proba(self, X):
        if isinstance(X, dict):
            rows = zip(*X.values(), strict=True)
            means = [np.mean([np.mean(x) for x in row if x is not None]) for row in rows]
        else:
            means = [np.mean(x) for x in X]
        bright = np.clip(means, 0, 1)
        return np.column_stack([1 - bright, bright])

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]


def bright_and_dark(n=20, shape=(2, 30)):
    y = np.arange(n) % 2
    return y.reshape(-1, *[1] * len(shape)) * np.ones((n, *shape)), y


def test_lost_frames_take_their_fraction():
    X, y = bright_and_dark()
    curve = robustness_curve(ByMean(), X, y, "frames", [0.0, 0.2, 1.0], metric="accuracy")
    assert curve.scores.shape == (5, 3) and curve.corruption == "fraction of frames lost"
    assert curve.mean().tolist() == [1.0, 1.0, 0.5]  # 0 is dark
    assert curve.interval()[0].tolist() == [1.0, 1.0, 0.5]


def test_noise_is_in_units_of_the_standard_deviation():
    X, y = bright_and_dark(n=60, shape=(2, 4))
    levels = [0.0, 1.0, 2.0]
    small = robustness_curve(ByMean(), X, y, "noise", levels, deviation=np.full(2, 0.1))
    large = robustness_curve(ByMean(), X, y, "noise", levels, deviation=np.full(2, 10.0))
    assert small.mean().tolist() == [1.0, 1.0, 1.0]
    assert large.mean()[1] < 0.8
    assert large.metric == "weighted_f1"


def test_the_draws_are_those_of_the_seed_and_alike_at_every_level():
    X, y = bright_and_dark(n=60, shape=(1, 3))
    one, same, other = (
        robustness_curve(ByMean(), X, y, "noise", [1.0, 1.0 + 1e-12], random_state=seed)
        for seed in (0, 0, 1)
    )
    assert (one.scores == same.scores).all() and (one.scores != other.scores).any()
    assert (one.scores[:, 0] == one.scores[:, 1]).all()
    assert len(set(one.scores[:, 0])) > 1  # draws differ


def test_missing_modalities_are_zeros_or_none():
    X, y = bright_and_dark(n=40)
    seen = []

    class Watching(ByMean):
        def predict(self, X):
            seen.append(X)
            return super().predict(X)

    modalities = {"audio": X, "face": X[:, :1]}
    curve = robustness_curve(
        Watching(), modalities, y, "modalities", [0.0, 1.0], metric="accuracy", n_draws=2
    )
    assert curve.mean()[0] == 1.0 and curve.mean()[1] == 0.5
    lost = seen[-1]
    gone = np.array([[not x.any() for x in values] for values in lost.values()])
    assert gone[:, y == 1].sum(axis=0).tolist() == [1] * 20  # one stays
    curve = robustness_curve(
        Watching(), modalities, y, "modalities", [1.0], metric="accuracy", n_draws=1, absent="none"
    )
    assert curve.scores.tolist() == [[1.0]]
    assert sum(x is None for values in seen[-1].values() for x in values) == 40


def test_lists_flat_arrays_and_functions():
    X, y = make_unequal(n_samples=10)
    y = (y == "class 1").astype(int)
    assert robustness_curve(ByMean(), X, y, "frames", [0.5], n_draws=2).scores.shape == (2, 1)
    flat, y = bright_and_dark(shape=(30,))
    levels = []

    def invert(series, level, rng):
        levels.append((series.shape, level, float(rng.random())))
        return 1 - series if level else series

    curve = robustness_curve(ByMean(), flat, y, invert, [0, 1], metric="accuracy", n_draws=1)
    assert curve.scores.tolist() == [[1.0, 0.0]] and curve.corruption == "invert"
    assert {shape for shape, *_ in levels} == {(1, 30)} and len({draw for *_, draw in levels}) == 20


def test_other_metrics():
    X, y = bright_and_dark()
    losses = robustness_curve(ByMean(), X, y, "frames", [0.0, 0.9], metric="log_loss").mean()
    assert losses[0] == pytest.approx(0.0, abs=1e-6) and losses[1] > 0.5


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"corruption": "rain"}, "corruption='rain' is unknown; choose one of 'noise', 'frames', "),
        ({"levels": []}, "levels is not a sequence of finite numbers; pass at least one."),
        ({"levels": [np.nan]}, "levels is not a sequence of finite numbers; pass at least one."),
        ({"levels": [2.0]}, r"rate=2.0 must be a number in \[0, 1\]\."),
        ({"metric": "f1"}, "metric='f1' is unknown; choose one of 'accuracy', "),
        ({"random_state": None}, "random_state=None must be a whole number of at least 0."),
        (
            {"X": {"audio": np.zeros((20, 2, 30))}, "deviation": {"Audio": 1.0}},
            "deviation names Audio, but the modalities are audio.",
        ),
        ({"n_draws": 0}, "n_draws=0 must be a whole number of at least 1."),
        ({"absent": "nan"}, "absent='nan' is unknown; choose one of 'zeros', 'none'."),
        ({"corruption": "modalities"}, "corruption='modalities' needs several modalities to lose"),
        ({"y": [0, 1]}, "X has 20 series, but y has 2 labels; pass one label per series."),
        (
            {"corruption": lambda series, level, rng: series[:1]},
            r"the corruption returned an array of shape \(1, 30\) for a series of shape \(2, 30\)",
        ),
    ],
)
def test_refusals(arguments, message):
    X, y = bright_and_dark()
    settings = {"X": X, "y": y, "corruption": "frames", "levels": [0.5], **arguments}
    with pytest.raises(ValueError, match=message):
        robustness_curve(ByMean(), **settings)


# Intervals


def test_students_interval_worked_by_hand():
    # n = 4, mean 0.5, standard deviation 0.1 (n - 1); t of 3 degrees is 3.18245.
    scores = 0.5 + 0.1 * np.sqrt(3 / 4) * np.array([1, -1, 1, -1])
    low, high = mean_interval(scores)
    assert (low, high) == pytest.approx((0.5 - 0.159122, 0.5 + 0.159122), abs=1e-5)
    low, high = mean_interval(np.column_stack([scores, scores]))
    assert low.shape == high.shape == (2,)
    assert np.isnan(mean_interval([0.5])).all()
    assert paired_interval([0.5, 0.75], [0.25, 0.5]) == pytest.approx((0.25, 0.25, 0.25))


def test_intervals_refuse():
    with pytest.raises(ValueError, match="there are no scores; pass the score of at least one run"):
        mean_interval([])
    with pytest.raises(ValueError, match=r"confidence=95 must be a number in \(0, 1\)\."):
        mean_interval([0.1, 0.2], 95)
    with pytest.raises(ValueError, match="2 and 1 runs cannot be paired; pass one of each per see"):
        paired_interval([0.1, 0.2], [0.1])


# Display


def test_a_line_per_classifier_its_interval_and_references():
    scores = {"one": [[0.9, 0.5], [0.8, 0.4], [1.0, 0.6]], "other": [0.7, 0.6]}
    display = RobustnessDisplay([0, 1], scores, references={"majority": 0.3}).plot()
    one, other, reference = display.ax_.lines
    assert one.get_ydata().tolist() == pytest.approx([0.9, 0.5])
    assert other.get_ydata().tolist() == [0.7, 0.6] and reference.get_ydata()[0] == 0.3
    (shade,) = display.ax_.collections  # a single run has no interval
    low, high = mean_interval(scores["one"])
    heights = shade.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((low.min(), high.max()))
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["one (3 runs)", "other", "majority"]
    plt.close(display.figure_)


def test_displays_of_curves_and_estimators():
    X, y = bright_and_dark()
    curve = robustness_curve(ByMean(), X, y, "frames", [0.0, 0.9], n_draws=3)
    display = RobustnessDisplay.from_curves({"draws": curve, "runs": [curve, curve]})
    assert display.scores["draws"].shape == (3, 2) and display.scores["runs"].shape == (2, 2)
    assert (display.corruption, display.metric) == ("fraction of frames lost", "weighted F1")
    again = RobustnessDisplay.from_estimators(
        {"a": ByMean()}, X, y, "frames", [0.0, 0.9], n_draws=3
    )
    assert (again.scores["a"] == curve.scores).all()
    figure, ax = plt.subplots()
    assert display.plot(ax).ax_ is ax
    plt.close(figure)
    other = robustness_curve(ByMean(), X, y, "frames", [0.5], n_draws=1)
    with pytest.raises(ValueError, match="'b' was measured at other levels; measure it"):
        RobustnessDisplay.from_curves({"a": curve, "b": other})
    for changed, what in (({"metric": "log_loss"}, "metric"), ({"corruption": "noise"}, "corr")):
        with pytest.raises(ValueError, match=f"'b' has the {what}"):
            RobustnessDisplay.from_curves({"a": curve, "b": replace(curve, **changed)})


@pytest.mark.parametrize(
    "levels, scores, message",
    [
        ([1, 0], {"a": [0, 1]}, "levels must be one or more numbers in ascending order."),
        ([0, np.nan], {"a": [0, 1]}, "levels must be one or more numbers in ascending order."),
        ([0, 1], {}, "there are no scores to draw; pass those of at least one classifier."),
        ([0, 1], {"a": [0.5]}, r"the scores of 'a' have shape \(1, 1\); pass \(n_runs, 2\), one "),
        ([0, 1], {"a": [0.5, np.nan]}, "the scores of 'a' hold NaN or infinity; leave such runs"),
    ],
)
def test_the_display_refuses(levels, scores, message):
    with pytest.raises(ValueError, match=message):
        RobustnessDisplay(levels, scores)


def test_any_callable_and_scores_above_one():
    X, y = bright_and_dark()
    curve = robustness_curve(
        ByMean(),
        X,
        y,
        partial(lambda scale, x, *_: scale * x, 1.0),
        metric="log_loss",
        levels=[0, 1],
    )
    assert curve.corruption == "partial"
    axes = RobustnessDisplay([0, 1], {"a": [[0.5, 3.0]]}).plot().figure_.axes[0]
    assert axes.get_ylim()[1] > 3
