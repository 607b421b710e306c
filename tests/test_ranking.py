"""Do the statistics give the numbers that were published, and those worked by hand?"""

import csv
from importlib.resources import files

import numpy as np
import pytest
import scipy.stats

from lstmfcn.datasets import canonical_name, ucr_summary
from lstmfcn.evaluation import ranking

# Table 6 of Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006:
# areas under the curve of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 datasets.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],  # printed alike, with the ranks 2 and 3
        [0.957, 0.978, 0.946, 0.970],
    ]
)
NAMES = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]


@pytest.fixture(scope="module")
def karim():
    """Return (methods, accuracies of 85 datasets by 14 methods, numbers of classes)."""
    path = files("lstmfcn.evaluation").joinpath("published/karim2018-training-loss.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    methods = [name for name in rows[0] if name != "Dataset"]
    n_classes = [ucr_summary()[canonical_name(row["Dataset"])].n_classes for row in rows]
    return methods, np.array([[float(row[m]) for m in methods] for row in rows]), n_classes


# Demsar's example


def test_demsars_ranks_and_friedman_statistics():
    np.testing.assert_allclose(ranking.mean_ranks(DEMSAR), [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    statistic, f_statistic, p_value = ranking.friedman(DEMSAR)
    assert round(statistic, 2) == 9.28 and round(f_statistic, 2) == 3.69
    assert p_value == pytest.approx(scipy.stats.f.sf(f_statistic, 3, 39)) and p_value < 0.05


def test_demsars_critical_differences():
    assert round(ranking.critical_difference(4, 14, 0.05), 2) == 1.25
    assert round(ranking.critical_difference(4, 14, 0.10), 2) == 1.12


def test_demsars_diagram_at_a_tenth():
    """C4.5 differs from the two with m, C4.5+cf from none: two overlapping groups."""
    result = ranking.compare(DEMSAR, NAMES, test="nemenyi", alpha=0.10)
    assert result.names == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert result.cliques == [(0, 2), (2, 3)]
    assert result.critical_difference == pytest.approx(1.12, abs=0.005)
    far = np.abs(result.mean_ranks[:, None] - result.mean_ranks) > result.critical_difference
    np.testing.assert_array_equal(result.differs, far)


# The table of LSTM-FCN's authors


@pytest.mark.parametrize(
    "method, accuracy, arithmetic, geometric, error",
    [
        ("LSTM-FCN", 0.8427, 4.318, 3.427, 0.0408),
        ("CNN", 0.8440, 4.635, 3.257, 0.0392),
        ("ALSTM-FCN", 0.8280, 5.388, 4.180, 0.0427),
        ("ResNet", 0.8385, 5.482, 4.154, 0.0416),
        ("COTE (ensemble)", 0.8381, 5.024, 4.019, 0.0449),
    ],
)
def test_the_published_table_gives_its_means(karim, method, accuracy, arithmetic, geometric, error):
    methods, accuracies, n_classes = karim
    i = methods.index(method)
    assert round(accuracies[:, i].mean(), 4) == accuracy
    assert round(ranking.mean_per_class_error(accuracies[:, i], n_classes), 4) == error
    for mean, expected in (("arithmetic", arithmetic), ("geometric", geometric)):
        found = ranking.mean_ranks(accuracies, mean=mean, ties="min")[i]
        assert round(found, 3) == expected


@pytest.mark.parametrize(
    "a, b, p, counts",
    [
        ("LSTM-FCN", "CNN", "0.57", (40, 4, 41)),
        ("ALSTM-FCN", "CNN", "0.036", None),
        ("LSTM-FCN", "ALSTM-FCN", "0.011", None),
    ],
)
def test_the_published_table_gives_its_p_values(karim, a, b, p, counts):
    methods, accuracies, _ = karim
    one, other = (accuracies[:, methods.index(name)] for name in (a, b))
    assert f"{ranking.wilcoxon(one, other):.2g}" == p
    if counts is not None:
        assert ranking.wins_ties_losses(one, other) == counts


# By hand


def test_ranks_of_ties():
    scores = [[0.5, 0.7, 0.7, 0.9], [0.1, 0.1, 0.1, 0.1]]
    assert ranking.rank(scores).tolist() == [[4, 2.5, 2.5, 1], [2.5] * 4]
    assert ranking.rank(scores, ties="min").tolist() == [[4, 2, 2, 1], [1] * 4]
    assert ranking.rank([[0.3, 0.1 + 0.2]]).tolist() == [[1.5, 1.5]]  # but for rounding


def test_the_mean_per_class_error_of_several_classifiers():
    found = ranking.mean_per_class_error([[0.9, 0.8], [0.6, 1.0]], [2, 4])
    np.testing.assert_allclose(found, [(0.05 + 0.1) / 2, (0.1 + 0.0) / 2])
    with pytest.raises(ValueError, match=r"n_classes has shape \(1,\), but there are 2 datasets"):
        ranking.mean_per_class_error([0.9, 0.8], [2])


def test_rounding_neither_wins_nor_breaks_a_tie():
    a, b = np.array([0.3, 0.9]), np.array([0.1 + 0.2, 0.8])
    assert ranking.wins_ties_losses(a, b) == (1, 1, 0)
    one, other = np.array([0.9, 0.3, 0.5]), np.array([0.8, 0.2, 0.6])  # all differ by 0.1
    assert ranking.rank_biserial(one, other) == pytest.approx(1 / 3)


def test_wilcoxon_is_scipys_and_knows_what_no_difference_means():
    generator = np.random.RandomState(0)
    a, b = generator.uniform(size=(2, 30))
    assert ranking.wilcoxon(a, b) == pytest.approx(scipy.stats.wilcoxon(a, b).pvalue)
    assert ranking.wilcoxon(a, a) == 1.0 and ranking.rank_biserial(a, a) == 0.0
    assert ranking.rank_biserial(a + 1, b) == 1.0 and ranking.rank_biserial(a, b + 1) == -1.0


def test_holm_steps_down_and_keeps_the_order():
    np.testing.assert_allclose(
        ranking.holm([0.04, 0.01, 0.5, 0.011]), [0.08, 0.04, 0.5, 0.04], atol=1e-12
    )
    assert ranking.holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert len(ranking.holm([])) == 0


def test_friedman_when_all_datasets_agree_and_when_it_does_not_apply():
    statistic, f_statistic, p_value = ranking.friedman([[1, 2, 3]] * 5)
    assert statistic == pytest.approx(10.0) and np.isinf(f_statistic) and p_value == 0.0
    with pytest.raises(ValueError, match="needs three classifiers on two datasets, not 2 on 9"):
        ranking.friedman(np.ones((9, 2)))


def test_pairwise_tests_do_not_depend_on_who_else_is_there():
    generator = np.random.RandomState(1)
    scores = generator.uniform(size=(25, 3)) + np.array([0.0, 0.1, 0.6])
    pair = ranking.compare(scores[:, :2], ["A", "B"])
    assert pair.p_values[0, 1] == pytest.approx(ranking.wilcoxon(scores[:, 0], scores[:, 1]))
    every = ranking.compare(scores, ["A", "B", "C"])
    assert every.names[0] == "C" and every.differs[0, 1:].all()
    assert not every.differs.diagonal().any()
    np.testing.assert_array_equal(every.p_values, every.p_values.T)


def test_cliques_are_the_longest_stretches_without_a_difference():
    differs = np.zeros((5, 5), bool)
    for i, j in ((0, 2), (0, 3), (0, 4), (1, 4)):
        differs[i, j] = differs[j, i] = True
    assert ranking._cliques(differs) == [(0, 1), (1, 3), (2, 4)]
    assert ranking._cliques(np.ones((3, 3), bool)) == []
    assert ranking._cliques(np.zeros((3, 3), bool)) == [(0, 2)]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ranking.rank([1.0, 2.0]), r"scores has shape \(2,\)"),
        (lambda: ranking.rank([[1.0, np.nan]]), "scores has a missing value"),
        (lambda: ranking.rank([[1.0, 2.0]], ties="max"), "ties='max' is unknown"),
        (lambda: ranking.compare([[1.0, 2.0]], ["A", "B"], alpha=5.0), r"alpha=5.0 must be a num"),
        (lambda: ranking.mean_ranks([[1.0]], mean="median"), "mean='median' is unknown"),
        (lambda: ranking.wilcoxon([1.0], [1.0, 2.0]), "pass two equal rows"),
        (lambda: ranking.wilcoxon([1.0], [np.nan]), "compare where both have one"),
        (lambda: ranking.compare(DEMSAR, ["A", "B", "B", "C"]), "name each one differently"),
        (lambda: ranking.compare(DEMSAR, NAMES, test="t"), "test='t' is unknown"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_ties_do_not_change_wilcoxons_p():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 14))
    more = np.append(a, [0.5, 0.7]), np.append(b, [0.5, 0.7])
    assert ranking.wilcoxon(*more) == ranking.wilcoxon(a, b)
