"""Do the displays that compare classifiers draw the numbers they hold, and refuse the rest?"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from test_ranking import DEMSAR

from lstmfcn.evaluation.ranking import compare, wilcoxon
from lstmfcn.plots import (
    ComparisonMatrixDisplay,
    CostDisplay,
    CriticalDifferenceDisplay,
    PairwiseDisplay,
    ScoresDisplay,
)
from lstmfcn.plots.display import plain

NAMES = ["A", "B", "C", "D"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def bars(ax):
    """Return the ends of the thick lines, which join what does not differ."""
    return [line.get_xdata() for line in ax.lines if line.get_linewidth() == 4]


def test_the_diagram_of_a_published_example():
    display = CriticalDifferenceDisplay.from_scores(DEMSAR, NAMES, test="nemenyi", alpha=0.1)
    ax = display.plot().ax_
    texts = [text.get_text() for text in ax.texts]
    # The ranks printed by Demsar: 3.143, 2.000, 2.893, 1.964.
    assert texts[:4] == ["D  1.96", "B  2.00", "2.89  C", "3.14  A"]
    assert "critical difference 1.12" in texts
    # Groups at a tenth: {D, B, C} and {C, A}.
    joined = [[1.964, 2.893], [2.893, 3.143]]
    np.testing.assert_allclose(bars(ax), joined, atol=0.02)


def test_each_classifier_is_drawn_at_its_rank():
    scores = np.random.RandomState(0).uniform(size=(30, 5)) + 0.2 * np.arange(5)
    found = compare(scores, list("VWXYZ"))
    ax = CriticalDifferenceDisplay(found).plot().ax_
    elbows = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(elbows, found.mean_ranks)
    assert [text.get_text()[0] for text in ax.texts[:3]] == found.names[:3]
    assert [text.get_text()[-1] for text in ax.texts[3:5]] == found.names[3:]
    assert len(bars(ax)) == len(found.cliques)


def test_bars_that_overlap_lie_below_each_other():
    from lstmfcn.plots.critical_difference import _levels

    assert _levels([(0, 2), (1, 4), (3, 5), (5, 6)]) == [0, 1, 0, 1]
    assert _levels([]) == []


def test_lines_to_the_names_do_not_cross():
    scores = np.random.RandomState(1).uniform(size=(9, 8))
    ax = CriticalDifferenceDisplay.from_scores(scores, [f"model {i}" for i in range(8)]).plot().ax_
    lines = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 3]
    for i, one in enumerate(lines):
        for j, other in enumerate(lines):
            (x, _), (_, y), (end, _) = one
            depth = other[1, 1]  # how far the other one goes down, at its rank
            between = min(x, end) < other[0, 0] < max(x, end)
            assert i == j or not (between and depth < y)


def test_a_cell_of_the_matrix_is_its_pair():
    display = ComparisonMatrixDisplay(DEMSAR, NAMES, metric="AUC").plot()
    order = np.argsort(-DEMSAR.mean(axis=0))
    assert display.names == [NAMES[i] for i in order]
    i, j = display.names.index("D"), display.names.index("C")
    d, c = DEMSAR[:, 3], DEMSAR[:, 2]
    assert display.differences[i, j] == pytest.approx(d.mean() - c.mean())
    assert display.counts[i, j].tolist() == [(d > c).sum(), (d == c).sum(), (d < c).sum()]
    assert display.counts[j, i].tolist() == [(d < c).sum(), (d == c).sum(), (d > c).sum()]
    assert display.p_values[i, j] == display.p_values[j, i] == wilcoxon(d, c)
    texts = [(text.get_text(), text.get_fontweight()) for text in display.ax_.texts]
    for row, column in np.ndindex(4, 4):
        if row != column:
            p = display.p_values[row, column]
            weights = {weight for text, weight in texts if text.strip() == f"p = {p:.2g}"}
            assert ("bold" in weights) == (p <= 0.05)
    assert sum("/" in text for text, _ in texts) == 12


def test_a_pair_does_not_depend_on_who_else_is_there():
    whole = ComparisonMatrixDisplay(DEMSAR, NAMES)
    pair = ComparisonMatrixDisplay(DEMSAR[:, [0, 3]], ["A", "D"])
    i, j = whole.names.index("D"), whole.names.index("A")
    assert pair.names == ["D", "A"]
    assert pair.p_values[0, 1] == whole.p_values[i, j]
    assert pair.counts[0, 1].tolist() == whole.counts[i, j].tolist()


def test_a_dot_per_dataset_on_the_side_of_the_better_one():
    datasets = [f"set {i}" for i in range(14)]
    display = PairwiseDisplay(DEMSAR[:, 3], DEMSAR[:, 0], ("D", "A"), datasets=datasets)
    ax = display.plot().ax_
    dots = [np.asarray(collection.get_offsets()) for collection in ax.collections]
    assert tuple(map(len, dots)) == display.counts == (11, 1, 2)
    above, on, below = dots
    assert (above[:, 1] > above[:, 0]).all() and (on[:, 1] == on[:, 0]).all()
    assert (below[:, 1] < below[:, 0]).all()
    texts = [text.get_text() for text in ax.texts]
    assert "D better on 11\n(equal on 1)" in texts and "A better on 2" in texts
    widest = datasets[np.argmax(np.abs(DEMSAR[:, 3] - DEMSAR[:, 0]))]
    assert texts[2] == widest
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("accuracy of A", "accuracy of D")


def test_equal_scores_can_be_drawn():
    names = pd.Series(["x", "y"], index=[7, 8])
    PairwiseDisplay([1.0, 0.5], [1.0, 1.0], ("A", "B"), datasets=names).plot()
    display = PairwiseDisplay([1.0, 1.0], [1.0, 1.0], ("A", "B"), datasets=["x", "y"]).plot()
    assert display.counts == (0, 2, 0)
    ComparisonMatrixDisplay([[1.0, 1.0]], ["A", "B"]).plot().figure_.canvas.draw()
    ScoresDisplay([[1.0, 1.0]], ["x"], ["A", "B"]).plot().figure_.canvas.draw()
    CriticalDifferenceDisplay.from_scores([[1.0, 1.0]], ["A", "B"]).plot()


def test_what_none_beats_is_joined():
    scores = [[0.7, 0.8, 0.75, 0.9]]
    seconds = [[1.0, 10.0, 20.0, 100.0]]  # C is beaten by B in both
    ax = CostDisplay(scores, seconds, NAMES).plot().ax_
    joined = ax.lines[-1]
    assert joined.get_xdata().tolist() == [1.0, 10.0, 100.0]
    assert joined.get_ydata().tolist() == [0.7, 0.8, 0.9]
    assert ax.get_xscale() == "log"


def test_similar_seconds_are_not_logarithmic():
    assert CostDisplay([[0.7, 0.8]], [[10.0, 12.0]], ["A", "B"]).plot().ax_.get_xscale() == "linear"


def test_more_classifiers_than_colours_differ_by_their_marks():
    n = 14
    ax = CostDisplay([np.linspace(0.5, 0.9, n)], [np.arange(1.0, n + 1)], [*"abcdefghijklmn"])
    looks = {(line.get_marker(), line.get_color()) for line in ax.plot().ax_.lines[:-1]}
    assert len(looks) == n


def test_rows_are_datasets_from_the_easiest_to_the_hardest():
    datasets = [f"set {i}" for i in range(14)]
    ax = ScoresDisplay(DEMSAR, datasets, NAMES).plot().ax_
    order = np.argsort(-DEMSAR.mean(axis=1), kind="stable")
    assert [label.get_text() for label in ax.get_yticklabels()] == [datasets[i] for i in order]
    spans = [segment[:, 0] for segment in ax.collections[0].get_segments()]
    np.testing.assert_allclose(spans, [[DEMSAR[i].min(), DEMSAR[i].max()] for i in order])
    for model in range(4):
        dots = np.asarray(ax.collections[1 + model].get_offsets())
        np.testing.assert_allclose(dots[:, 0], DEMSAR[order, model])
    top, bottom = ax.get_ylim()[::-1]
    assert top < bottom  # the first row is the highest


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ComparisonMatrixDisplay([[0.1, 0.2]], ["A"]),
            "scores has shape (1, 2), but there are 1 names; pass (n_datasets, n_classifiers), "
            "one name for each column.",
        ),
        (
            lambda: ScoresDisplay([[0.1, np.nan]], ["x"], ["A", "B"]),
            "scores has a missing value; draw the datasets that all classifiers have.",
        ),
        (
            lambda: ScoresDisplay([[0.1, 0.2]], ["x", "y"], ["A", "B"]),
            "2 datasets came with scores of 1; pass one name for each.",
        ),
        (
            lambda: PairwiseDisplay([0.1, 0.2], [0.2], ("A", "B")),
            "first has the shape (2,) and second (1,); pass the scores of two classifiers on the "
            "same datasets.",
        ),
        (
            lambda: PairwiseDisplay([0.1], [0.2], ("A", "B"), datasets=[]),
            "0 datasets came with 1 scores; pass one name per score.",
        ),
        (
            lambda: CostDisplay([[0.1, 0.2]], [[0.0, 1.0]], ["A", "B"]),
            "seconds has shape (1, 2); pass positive numbers of the shape of scores, (1, 2).",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["$\\frac$", "$$", "_hidden", "\udc80", "x" * 9000])
@pytest.mark.parametrize(
    "make",
    [
        lambda names: CriticalDifferenceDisplay.from_scores(DEMSAR, names),
        lambda names: ComparisonMatrixDisplay(DEMSAR, names),
        lambda names: PairwiseDisplay(
            DEMSAR[:, 0], DEMSAR[:, 1], names[:2], datasets=[names[0]] * 14
        ),
        lambda names: CostDisplay(DEMSAR, DEMSAR, names),
        lambda names: ScoresDisplay(DEMSAR, [names[0]] * 14, names),
    ],
)
def test_any_name_is_drawn(make, name):
    display = make([name, "B", "C", "D"]).plot()
    display.figure_.canvas.draw()
    texts = [text.get_text() for text in display.figure_.findobj(Text)]
    assert any(plain(name).strip()[:20] in text for text in texts)


@pytest.mark.parametrize(
    "display",
    [
        CriticalDifferenceDisplay.from_scores(DEMSAR, NAMES),
        ComparisonMatrixDisplay(DEMSAR, NAMES),
        PairwiseDisplay(DEMSAR[:, 0], DEMSAR[:, 1], NAMES[:2]),
        CostDisplay(DEMSAR, DEMSAR, NAMES),
        ScoresDisplay(DEMSAR, [str(i) for i in range(14)], NAMES),
    ],
    ids=lambda display: type(display).__name__,
)
def test_each_draws_into_given_axes(display):
    figure, (ax, other) = plt.subplots(1, 2)
    assert display.plot(ax) is display and display.ax_ is ax and display.figure_ is figure
    assert not other.lines and not other.texts
    figure.canvas.draw()
