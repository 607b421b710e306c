"""Do the measures of a map tell a true one from a false one, by the numbers they promise?"""

import numpy as np
import pytest
from conftest import SMALL, fitted_once, make_series, make_unequal
from sklearn.linear_model import LinearRegression

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.datasets import planted_evidence
from lstmfcn.evaluation import (
    Faithfulness,
    faithfulness,
    mass_in_window,
    pointing_game,
    randomization_test,
)
from lstmfcn.networks.rocket import rocket_of

N_SAMPLES, N_TIMEPOINTS = 40, 20
HERE = slice(8, 10)  # the timepoints that DecidesHere depends on


class DecidesHere:
    """Decides on the mean of two timepoints alone."""

    classes_ = np.array(["down", "up"])

    def predict_proba(self, X):
        up = 1.0 / (
            1.0 + np.exp(-4.0 * X[..., HERE].mean(axis=-1).reshape(len(X), -1).mean(axis=1))
        )
        return np.column_stack([1.0 - up, up])


class DecidesHereByChannel(DecidesHere):
    """Depends on the second channel only."""

    def predict_proba(self, X):
        return super().predict_proba(X[:, 1])


@pytest.fixture
def signs():
    return np.sign(np.random.RandomState(0).normal(size=(N_SAMPLES, N_TIMEPOINTS)))


@pytest.fixture
def truth():
    relevance = np.zeros((N_SAMPLES, N_TIMEPOINTS))
    relevance[:, HERE] = 1.0
    return relevance


# Deletion and insertion


def test_deleting_the_evidence_leaves_nothing_and_keeping_it_is_enough(signs, truth):
    result = faithfulness(
        DecidesHere(), signs, {"truth": truth, "lie": -truth}, baselines=["zero"], random_state=0
    )
    whole = DecidesHere().predict_proba(signs).max(axis=1)
    np.testing.assert_allclose(result.probability, whole)
    np.testing.assert_allclose(result.drop("truth", 0.1), whole - 0.5)
    np.testing.assert_allclose(result.drop("lie", 0.75), 0.0)
    np.testing.assert_allclose(result.insertion["truth", "zero"][:, 1], whole)
    np.testing.assert_allclose(result.insertion["lie", "zero"][:, :-1], 0.5)
    assert result.maps == ["truth", "lie", "random", "truth, shifted", "lie, shifted"]


def test_random_deletion_hits_the_evidence_as_often_as_chance_says(signs, truth):
    result = faithfulness(
        DecidesHere(), signs, truth, baselines=["zero"], n_random=60, random_state=0
    )
    whole = result.probability
    sure = whole > 0.9  # both timepoints agree: without one of them a logit of 2 is left
    half = 1.0 / (1.0 + np.exp(-2.0))
    # Of 20 timepoints 4 go: both with 4/20 * 3/19, none with 16/20 * 15/19.
    both, none = 4 * 3 / 380, 16 * 15 / 380
    expected = both * 0.5 + none * whole[sure] + (1 - both - none) * half
    drop = result.drop("random", 0.2)[sure].mean()
    assert drop == pytest.approx((whole[sure] - expected).mean(), abs=0.01)
    ratio, low, high = result.ratio("map", "random", 0.2)
    assert ratio == pytest.approx(result.drop("map").mean() / result.drop("random").mean())
    assert 5.0 < low < ratio < high < 50.0


def test_the_map_at_other_places_is_a_null_that_ratio_knows(signs, truth):
    result = faithfulness(DecidesHere(), signs, truth, n_random=20, random_state=0)
    assert result.ratio("map", "shifted") == result.ratio("map", "map, shifted")
    assert result.drop("map, shifted").mean() < 0.5 * result.drop("map").mean()


def test_the_ratio_to_a_map_that_never_drops_is_infinite(signs, truth):
    result = faithfulness(DecidesHere(), signs, {"truth": truth, "lie": -truth}, random_state=0)
    ratio, _, high = result.ratio("truth", "lie", 0.2, "zero")
    assert ratio == high == np.inf


def test_a_ratio_without_a_drop_is_no_praise():
    ups, downs = np.full(50, 0.1), np.full(50, -0.1)
    few = np.where(np.arange(50) < 3, 1.0, -0.008)  # three series alone drop
    after = {"up": -ups, "down": -downs, "few": -few, "random": -downs, "random 2": -few}
    deletion = {(name, "zero"): values[:, np.newaxis] for name, values in after.items()}
    result = Faithfulness(np.array([0.2]), np.zeros(50), deletion, deletion)
    assert result.ratio("up") == (np.inf, np.inf, np.inf)
    assert np.isnan(result.ratio("down")).all()
    ratio, low, high = result.ratio("up", "random 2")
    assert ratio == pytest.approx(0.1 / few.mean()) and 0 < low < ratio < high == np.inf
    nearly = deletion | {("random 2", "zero"): -np.where(np.arange(50) < 5, 1.0, 0)[:, np.newaxis]}
    ratio, low, high = Faithfulness(np.array([0.2]), np.zeros(50), nearly, nearly).ratio(
        "up", "random 2"
    )
    assert ratio == pytest.approx(1.0) and high < 10  # few of the draws have none of the five


def test_the_class_can_be_chosen(signs, truth):
    result = faithfulness(
        DecidesHere(), signs, truth, y=["up"] * N_SAMPLES, baselines=["zero"], random_state=0
    )
    up = DecidesHere().predict_proba(signs)[:, 1]
    np.testing.assert_allclose(result.probability, up)
    np.testing.assert_allclose(result.drop("map", 0.1), up - 0.5)


def test_a_map_per_channel_deletes_in_that_channel_alone(signs):
    X = np.stack([signs, signs[::-1]], axis=1)
    relevance = np.zeros(X.shape)
    relevance[:, 1, HERE] = 1.0
    result = faithfulness(
        DecidesHereByChannel(),
        X,
        {"right": relevance, "wrong": relevance[:, ::-1]},
        baselines=["zero"],
        fractions=[0.05],
        random_state=0,
    )
    assert (result.drop("right", 0.05) == result.probability - 0.5).all()
    np.testing.assert_array_equal(result.drop("wrong", 0.05), 0.0)


def test_baselines_are_what_they_say(signs, truth):
    seen = []

    class Records(DecidesHere):
        def predict_proba(self, X):
            seen.append(np.array(X))
            return super().predict_proba(X)

    X = 3.0 + 2.0 * signs + np.arange(N_TIMEPOINTS)
    maps = {"map": truth}
    for baseline in ("zero", "mean", "local_mean", "noise"):
        seen.clear()
        faithfulness(Records(), X, maps, baselines=[baseline], fractions=[0.1], random_state=0)
        after = seen[1]  # seen[0] is the whole series
        np.testing.assert_array_equal(np.delete(after, HERE, axis=1), np.delete(X, HERE, axis=1))
        put = after[:, HERE]
        if baseline == "zero":
            assert (put == 0.0).all()
        elif baseline == "mean":
            np.testing.assert_allclose(put, X.mean())
        elif baseline == "local_mean":  # of 4 neighbouring timepoints, on the same ramp
            np.testing.assert_allclose(put[:, 0], X[:, 6:10].mean(axis=1))
        else:
            assert abs(put.mean() - X.mean()) < 2.0
            assert put.std() == pytest.approx(X.std(), rel=0.3)


def test_series_of_unequal_length_are_deleted_within_their_own_length():
    X, y = make_unequal()
    clf = ALSTMFCNClassifier(**SMALL).fit(X, y)
    maps = {"attention": clf.attention_map(X), "activation": clf.class_activation_map(X)}
    result = faithfulness(clf, X, maps, fractions=[0.2], n_random=1, random_state=0)
    assert result.maps[:3] == ["attention", "activation", "gradient x input"]
    assert all(np.isfinite(values).all() for values in result.deletion.values())


@pytest.mark.parametrize("unequal_length", ["pad", "resample"])
def test_a_map_on_the_classifiers_timepoints_meets_the_series_own(unequal_length):
    lengths = [12, 24]
    X = [np.zeros((1, length)) for length in lengths]

    class Marked:
        """Answers with the place of the only timepoint that was replaced."""

        classes_ = np.array([0, 1])
        unequal_length_in_ = unequal_length
        places = []

        def predict_proba(self, X):
            self.places.append([np.flatnonzero(one[0]) for one in X])
            return np.full((len(X), 2), 0.5)

    relevance = np.zeros((2, 24))
    relevance[:, 6] = 1.0
    X = [one + 1e-9 for one in X]
    estimator = Marked()
    faithfulness(
        estimator, X, relevance, baselines=["zero"], fractions=[0.05], n_random=1, random_state=0
    )
    whole, first = estimator.places[0], estimator.places[1]
    gone = [set(a) - set(b) for a, b in zip(whole, first, strict=True)]
    if unequal_length == "pad":
        assert gone == [{6}, {6}]
    else:
        assert gone == [{3}, {6}]


def test_the_same_random_state_gives_the_same_numbers(signs, truth):
    one, other = (faithfulness(DecidesHere(), signs, truth, random_state=3) for _ in range(2))
    for key, values in one.deletion.items():
        np.testing.assert_array_equal(values, other.deletion[key])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"maps": np.zeros((3, 20))}, r"the map 'map' has shape \(3, 20\); pass"),
        ({"maps": np.zeros((N_SAMPLES, 19))}, "has 19 timepoints and 1 channels, but the series"),
        ({"maps": np.full((N_SAMPLES, 20), np.nan)}, "contains NaN or infinity"),
        ({"maps": {}}, "maps is empty; pass at least one map"),
        ({"maps": {"random": np.zeros((N_SAMPLES, 20))}}, "a map is called 'random'"),
        (
            {"maps": dict.fromkeys(("m", "m, shifted"), np.zeros((N_SAMPLES, 20)))},
            "a map is called 'm, shifted', as one that is made here; rename it.",
        ),
        ({"maps": "a"}, "the map 'map' holds values of type <U1, not numbers; pass"),
        ({"baselines": ["black"]}, "one of baselines='black' is unknown; choose one of 'zero'"),
        ({"baselines": 5}, "baselines=5 must be a list of zero, mean, local_mean, noise"),
        ({"fractions": ["a"]}, "fractions holds values of type <U1, not numbers; pass numbers"),
        ({"fractions": [0.0, 0.5]}, "must be numbers between 0 and 1"),
        ({"fractions": []}, "must be numbers between 0 and 1"),
        ({"y": ["sideways"] * N_SAMPLES}, "y has labels that .* was not fitted on: 'sideways'"),
        ({"y": ["up"]}, "X has 40 series, but y has 1 labels"),
        ({"n_random": 0}, "n_random"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(signs, truth, arguments, message):
    arguments = {"maps": truth, **arguments}
    with pytest.raises(ValueError, match=message):
        faithfulness(DecidesHere(), signs, random_state=0, **arguments)


def test_a_fraction_that_was_not_measured_is_refused(signs, truth):
    result = faithfulness(DecidesHere(), signs, truth, fractions=[0.1, 0.2], random_state=0)
    with pytest.raises(ValueError, match=r"fraction=0.4 was not measured; choose one of 0.1, 0.2"):
        result.drop("map", 0.4)
    for call, sentence in {
        lambda: result.drop("other"): "name='other' is unknown; choose one of 'map', 'random', ",
        lambda: result.drop("map", "a"): "fraction='a' was not measured; choose one of 0.1, 0.2.",
        lambda: result.ratio("map", baseline=[1]): r"baseline=\[1\] is unknown; choose one of None",
        lambda: result.ratio("map", confidence=2): "confidence=2 must be a number between 0 and 1.",
        lambda: result.curve("map", "both"): "kind='both' is unknown; choose one of 'deletion', ",
    }.items():
        with pytest.raises(ValueError, match=sentence):
            call()


# What is reported


def test_curves_and_their_intervals_are_those_of_the_series():
    probability = np.linspace(0.6, 1.0, 50)
    deletion = {("map", "zero"): np.column_stack([probability - 0.2, probability - 0.4])}
    deletion |= {("random", "zero"): np.column_stack([probability - 0.1, probability - 0.1])}
    result = Faithfulness(np.array([0.1, 0.2]), probability, deletion, deletion)
    mean, low, high = result.curve("map")
    np.testing.assert_allclose(mean, [0.6, 0.4])
    standard_error = probability.std() / np.sqrt(50)
    np.testing.assert_allclose(high - low, 2 * 1.96 * standard_error, rtol=0.1)
    first = result.summary(0.2)[0]
    assert (first["map"], first["baseline"]) == ("map", "zero")
    assert first["drop"] == pytest.approx(0.4)
    assert first["ratio"] == pytest.approx(4.0)
    assert [row["baseline"] for row in result.summary()] == ["zero", "all"] * 2


# The truth


def test_pointing_game_and_mass_count_what_lies_in_the_window():
    windows = np.array([[0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0]], bool)
    relevance = np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.8, 0.0, 0.0], [-1.0, -0.5, -2.0, -3.0]])
    assert pointing_game(relevance, windows).tolist() == [True, False, True]
    np.testing.assert_allclose(mass_in_window(relevance, windows), [0.7, 0.2, 0.0])
    with pytest.raises(ValueError, match=r"relevance has shape \(3, 3\) and windows \(3, 4\)"):
        pointing_game(relevance[:, :3], windows)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_planted_evidence_is_all_that_tells_the_classes_apart(n_channels):
    planted = planted_evidence(60, n_channels=n_channels, noise=0.0, random_state=0)
    again = planted_evidence(60, n_channels=n_channels, noise=0.0, random_state=0)
    np.testing.assert_array_equal(planted.X, again.X)
    assert planted.X.shape == ((60, 200) if n_channels == 1 else (60, 3, 200))
    assert np.bincount(planted.y).tolist() == [20, 20, 20]
    X, evidence = (a.reshape(60, n_channels, 200) for a in (planted.X, planted.evidence))
    assert (planted.windows.sum(axis=1) == 20).all()
    patterns = np.stack([one[e] for one, e in zip(X, evidence, strict=True)])
    for label in range(3):  # the same pattern at different places
        of_class = patterns[planted.y == label]
        np.testing.assert_allclose(of_class, np.tile(of_class[0], (20, 1)))
        peak = np.abs(np.fft.rfft(of_class[0])).argmax()
        assert peak == label + 1
    starts = planted.windows.argmax(axis=1)
    assert len(set(starts)) > 30
    rest = np.where(evidence, 0.0, X).sum(axis=1)  # two distractors, alike for all classes
    energy = (rest**2).sum(axis=1)
    np.testing.assert_allclose(energy, 2 * (patterns[0] ** 2).sum(), rtol=0.02)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_classes": 1}, "n_classes=1 must be a whole number of at least 2"),
        ({"noise": -1.0}, "noise=-1.0 must be a number of at least 0"),
        ({"pattern_length": 10}, "does not hold the 4 periods of the fastest"),
        ({"n_timepoints": 50}, "3 patterns of 20 timepoints do not fit into n_timepoints=50"),
    ],
)
def test_planted_evidence_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        planted_evidence(**arguments)


def test_the_default_maps_find_planted_evidence():
    train, test = (planted_evidence(n, random_state=n) for n in (150, 151))
    clf = ALSTMFCNClassifier(n_epochs=40, random_state=0).fit(train.X, train.y)
    right = clf.predict(test.X) == test.y
    assert right.mean() > 0.9
    for relevance in (clf.attention_map(test.X), clf.class_activation_map(test.X)):
        assert pointing_game(relevance, test.windows)[right].mean() >= 0.95
        assert mass_in_window(relevance, test.windows)[right].mean() >= 0.45  # a tenth is theirs
    drop = faithfulness(
        clf, test.X, clf.attention_map(test.X), baselines=["zero"], fractions=[0.1], random_state=0
    ).ratio("map", "random", 0.1)[0]
    assert drop > 1.5


# Random weights


def test_what_random_weights_show_as_well_was_not_learned():
    X, y = make_series()
    clf = LSTMFCNClassifier(**SMALL).fit(X, y)
    correlations = randomization_test(clf, X, "class_activation_map", random_state=0)
    assert correlations.shape == (len(X),)
    assert np.abs(correlations).max() < 1.0

    class ShowsTheSeries(LSTMFCNClassifier):
        def class_activation_map(self, X, y=None):
            return np.abs(X[:, 0])

    naive = ShowsTheSeries(**SMALL).fit(X, y)
    same = randomization_test(naive, X, "class_activation_map", random_state=0)
    np.testing.assert_allclose(same, 1.0)


def test_fixed_kernels_are_read_at_random_too():
    X, y = make_series()
    clf = fitted_once(FCNClassifier, X, y, **SMALL)
    layer, other = (rocket_of(one.model_) for one in (clf, clf.with_random_weights(0)))
    np.testing.assert_array_equal(layer.thresholds, other.thresholds)
    kernel, drawn = layer.kernel.numpy(), other.kernel.numpy()
    assert drawn.std() == pytest.approx(kernel.std(), rel=0.1)
    assert abs(np.corrcoef(kernel.ravel(), drawn.ravel())[0, 1]) < 0.1


def test_padding_makes_no_map_of_random_weights_alike():
    X, y = make_series(n_samples=40, n_timepoints=60)
    shorter = [x[:, : (60, 25)[i % 2]] for i, x in enumerate(X)]

    class ShowsNoise(LSTMFCNClassifier):
        def class_activation_map(self, X, y=None):
            lengths = np.array([x.shape[1] for x in X])
            return next(noise) * (np.arange(60) < lengths[:, np.newaxis])

    noise = (np.random.default_rng(seed).random((40, 60)) for seed in range(99))
    noisy = ShowsNoise(**SMALL).fit(shorter, y)
    found = randomization_test(noisy, shorter, "class_activation_map", n_random=20, random_state=0)
    assert np.abs(found.mean()) < 0.1


@pytest.mark.parametrize("width", [3, 500])
def test_maps_of_unequal_series_are_as_long_as_the_longest(width):
    X, y = make_unequal()
    clf = fitted_once(FCNClassifier, X, y, **SMALL, unequal_length="pad")
    with pytest.raises(ValueError, match=f"the map 'map' has {width} timepoints, but the longest"):
        faithfulness(clf, X, np.ones((len(X), width)))


def test_maps_without_numbers_point_nowhere():
    for call in (pointing_game, mass_in_window):
        with pytest.raises(ValueError, match="relevance contains NaN or infinity"):
            call([[0.1, np.nan, 0.9]], [[0, 0, 1]])
        with pytest.raises(ValueError, match="pass two arrays"):
            call(np.empty((0, 3)), np.empty((0, 3)))


def test_a_regressor_has_no_probability():
    X, y = make_series()
    with pytest.raises(TypeError, match="LinearRegression has no predict_proba; pass a classifier"):
        faithfulness(LinearRegression().fit(X[:, 0], y == y[0]), X[:, 0], X[:, 0])


@pytest.mark.parametrize("n_timepoints", [9, 45])
def test_series_of_one_other_length_are_explained(n_timepoints):
    X, y = make_unequal()
    clf = FCNClassifier(**SMALL, unequal_length="pad").fit(X, y)
    rng = np.random.default_rng(0)
    alike = rng.normal(size=(6, X[0].shape[0], n_timepoints))
    maps = clf.class_activation_map(alike)
    results = [
        faithfulness(clf, some, maps, fractions=[0.2], random_state=0)
        for some in (alike, list(alike))
    ]
    for name in ("map", "gradient x input", "random"):
        np.testing.assert_allclose(*(one.drop(name, 0.2) for one in results), atol=1e-6)
    found = [
        randomization_test(clf, some, "class_activation_map", random_state=0)
        for some in (alike, list(alike), tuple(alike))
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    np.testing.assert_allclose(found[0], found[2], atol=1e-6)


def test_a_shifted_map_is_shifted():
    class Adds:
        classes_ = np.array([0, 1])

        def predict_proba(self, X):
            return np.stack([X[:, 0], 1 - X[:, 0]], axis=1)

    X = np.tile([0.9, 0.0, 0.0], (50, 1))
    truth = np.tile([1.0, 0.0, 0.0], (50, 1))
    result = faithfulness(Adds(), X, truth, baselines=["zero"], fractions=[0.3], random_state=0)
    assert result.drop("map", 0.3).min() == pytest.approx(0.9)
    assert result.drop("map, shifted", 0.3).max() == 0
