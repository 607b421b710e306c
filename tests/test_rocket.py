"""Do fixed kernels answer as they should, and does their linear layer generalise as it claims?"""

import itertools

import numpy as np
import pytest
import scipy.special
from conftest import fitted_once, make_series, make_unequal
from sklearn.linear_model import Ridge

from lstmfcn import FCNClassifier, LSTMFCNClassifier
from lstmfcn.networks import rocket
from lstmfcn.networks.builders import build_fcn
from lstmfcn.networks.ridge import PENALTIES, fit_linear
from lstmfcn.networks.rocket import Rocket, fit_rocket, row_rates

SMALL = {"n_filters": (4, 4, 4), "n_epochs": 1, "random_state": 0}


def plain_features(series, layer, channels=None, longest=None):
    """Compute the features of one series (n_timepoints, n_channels) by loops, from the paper."""
    longest = longest or len(series)  # the length that dilation rates are for
    slopes, thresholds = layer.slopes.numpy(), layer.thresholds.numpy()
    n_timepoints, features = len(series), []
    rates = row_rates(longest)
    for row, rate in enumerate(rates):
        place = sorted(set(rates)).index(rate)
        for k, taps in enumerate(itertools.combinations(range(9), 3)):
            weights = [2.0 if tap in taps else -1.0 for tap in range(9)]
            read = series[:, 0] if channels is None else series @ channels[:, k]
            exceed = []
            for t in range(n_timepoints):
                where = [t + (tap - 4) * rate for tap in range(9)]
                is_within = where[0] >= 0 and where[-1] < n_timepoints
                if (k + place) % 2 and not is_within and 8 * rate < longest:
                    continue
                values = [read[i] if 0 <= i < n_timepoints else 0.0 for i in where]
                rise = slopes[place, k] * np.dot(weights, values) - thresholds[row, k]
                exceed.append(np.clip(rise / 6, 0, 1))
            features.append(np.mean(exceed) if exceed else 0.0)
    return features + plain_wins(series, layer, channels, longest)


def plain_wins(series, layer, channels, longest):
    """Compute how often each random kernel answers least in its group of eight, by loops."""
    found = []
    changes = np.diff(series, axis=0, append=series[-1:])
    kernels, floors = layer.rivals.numpy(), layer.floors.numpy()
    for place, rate in enumerate(rocket.dilation_rates(longest)):
        for half, read in enumerate((series, changes)):
            wins = np.zeros((8, 16))
            for group in range(16):
                column = 16 * half + group
                one = read[:, 0] if channels is None else read @ channels[:, 84 + column]
                own = kernels[place][:, 128 * half + group : 128 * half + 128 : 16]
                for t in range(len(series)):
                    where = [t + (tap - 4) * rate for tap in range(9)]
                    answers = [one[i] if 0 <= i < len(series) else 0.0 for i in where] @ own
                    close = np.maximum(0.9 * answers.min() - answers, 0) / 0.1
                    wins[:, group] += close / (abs(answers.min()) + floors[column])
            found += (wins / len(series)).ravel().tolist()
    return found


@pytest.mark.parametrize(("n_timepoints", "n_channels"), [(30, 1), (25, 3), (5, 1)])
def test_features_are_those_of_plain_loops(n_timepoints, n_channels):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(3, n_timepoints, n_channels)).astype(np.float32)
    layer = Rocket(2, series.shape[1])
    layer.build(series.shape)
    layer.measure(series, seed=0)
    channels = None if n_channels == 1 else layer.channels.numpy()
    for one, found in zip(series, layer.features(series).numpy(), strict=True):
        np.testing.assert_allclose(found, plain_features(one, layer, channels), atol=1e-4)


def test_thresholds_spread_over_what_the_kernels_answer():
    series = np.random.default_rng(0).normal(size=(40, 100, 1)).astype(np.float32)
    layer = Rocket(2, series.shape[1])
    layer.build(series.shape)
    layer.measure(series, seed=0)
    features = layer.features(series).numpy()[:, : rocket.N_EXCEEDED]
    assert np.quantile(features.mean(axis=0), [0.1, 0.5, 0.9]) == pytest.approx(
        [0.1, 0.5, 0.9], abs=0.05
    )


def test_wins_are_shares_of_time_that_no_amplitude_changes():
    series = np.random.default_rng(0).normal(size=(40, 100, 1)).astype(np.float32)
    layer = Rocket(2, series.shape[1])
    layer.build(series.shape)
    layer.measure(series, seed=0)
    once, louder = (layer.features(x).numpy()[:, rocket.N_EXCEEDED :] for x in (series, 2 * series))
    shares = once.reshape(40, -1, 8, 16).sum(axis=2)
    assert 0.7 < shares.min() and shares.max() < 1.5  # close rivals win, too
    assert np.abs(louder - once).max() < 0.1 and np.corrcoef(once.flat, louder.flat)[0, 1] > 0.99
    flat = layer.features(1e-4 * series).numpy()[:, rocket.N_EXCEEDED :]
    assert flat.max() < 0.1  # rounding errors win nothing
    kernels = layer.rivals.numpy()
    np.testing.assert_allclose(kernels.sum(axis=1), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.abs(kernels).sum(axis=1), 1.0, atol=1e-5)


def test_kernels_span_at_most_the_series():
    for n_timepoints in (1, 8, *range(9, 6000, 8), 100, 2000):
        rates = row_rates(n_timepoints)
        assert len(rates) == rocket.N_ROWS and rates.min() == 1
        assert rates.max() == max(1, (n_timepoints - 1) // 8)


@pytest.mark.parametrize("length", [40, 100])  # of the series, where most are padded to 100
def test_answers_rise_within_a_tenth_of_their_deviation(length):
    series = np.random.default_rng(0).normal(size=(64, 100, 1)).astype(np.float32)
    valid = (np.arange(100) < length).astype(np.float32).reshape(1, -1, 1).repeat(64, axis=0)
    layer = Rocket(2, 100)
    layer.build(series.shape)
    layer.measure(series * valid, valid, seed=0)
    deviations = 6 / (0.1 * layer.slopes.numpy()[:2])  # of kernels much shorter than the series
    np.testing.assert_allclose(np.median(deviations, axis=1), 18**0.5, rtol=0.15)


def test_each_kernel_reads_few_channels():
    series = np.random.default_rng(0).normal(size=(4, 12, 40)).astype(np.float32)
    layer = Rocket(2, series.shape[1])
    layer.build(series.shape)
    layer.measure(series, seed=0)
    n_read = layer.channels.numpy().sum(axis=0)
    assert len(n_read) == 84 + 32
    assert n_read.min() >= 1 and 5 < n_read.max() <= 9 and np.mean(n_read < 4) > 0.4


def test_the_loss_of_the_linear_layer_is_that_of_leaving_each_series_out():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20, 50))
    labels = (features[:, 0] + 0.5 * rng.normal(size=20) > 0).astype(int)
    features -= features.mean(axis=0)
    weights = rng.uniform(0.5, 2.0, 20)
    *_, scale, loss = fit_linear(features, labels, weights, 2)

    deviation = features.std(axis=0)
    unit = np.hypot(deviation, 0.1 * np.median(deviation)) * np.sqrt(50)
    targets = 2.0 * np.eye(2)[labels] - 1.0
    counts = np.bincount(labels)[labels] + 2.0
    losses = []
    for penalty in PENALTIES:
        logits = np.empty((20, 2))
        for i in range(20):
            kept = np.arange(20) != i
            model = Ridge(penalty).fit((features / unit)[kept], targets[kept], weights[kept])
            logits[i] = model.predict((features / unit)[[i]])[0]
        of_truth, of_other = scipy.special.log_softmax(scale * logits, axis=1)[
            np.arange(20)[:, np.newaxis], np.stack([labels, 1 - labels], axis=1)
        ].T
        expected = (counts - 1) / counts * of_truth + 1 / counts * of_other
        losses.append(-np.average(expected, weights=weights))
    assert loss == pytest.approx(min(losses), abs=1e-6)


@pytest.mark.parametrize("starts", [(), (40,)])
def test_a_feature_that_varies_in_one_series_decides_little(starts):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = rng.normal(size=(60, 50)) + labels[:, np.newaxis]
    features[:, 40:] *= 0.01  # of another kind
    features[:, 45] = 0.0
    features[1, 45] = 1e-4
    features -= features.mean(axis=0)
    kernel, bias, scale, _ = fit_linear(features, labels, np.ones(60), 2, starts)
    new = features[0].copy()
    new[45] = 0.02  # as other features of this kind
    (before, _), (after, _) = scale * (np.stack([features[0], new]) @ kernel + bias)
    assert before > 1 and abs(after - before) < 0.5


def test_labels_of_chance_make_the_linear_layer_unsure():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 500))
    features -= features.mean(axis=0)
    labels = rng.integers(3, size=60)
    kernel, bias, scale, loss = fit_linear(features, labels, np.ones(60), 3)
    new = rng.normal(size=(200, 500))
    probabilities = scipy.special.softmax(scale * (new @ kernel + bias), axis=1)
    assert loss > 1.0 and probabilities.max() < 0.6


def test_the_decision_is_the_mean_of_the_network_and_the_fixed_kernels():
    X, y = make_series(n_classes=3, n_channels=2)
    fitted = fitted_once(FCNClassifier, X, y, **SMALL)
    inputs = fitted.reader_.to_inputs(X)
    parts = [fitted.network_.output(name, inputs) for name in ("logits", "rocket")]
    np.testing.assert_allclose(fitted.decision_function(X), np.mean(parts, axis=0), atol=1e-6)
    alone = FCNClassifier(**SMALL, rocket=False).fit(X, y)
    np.testing.assert_array_equal(alone.decision_function(X), parts[0])


def test_padding_changes_no_feature():
    X, y = make_unequal(n_timepoints=40)
    fitted = fitted_once(FCNClassifier, X, y, **SMALL)
    layer = fitted.model_.get_layer("rocket")
    shortest = min(X, key=lambda x: x.shape[1])
    values = fitted.reader_.normalizer(shortest).T.astype(np.float32)
    n_timepoints = fitted.n_timepoints_in_
    assert len(values) < n_timepoints
    padded = np.pad(values, ((0, n_timepoints - len(values)), (0, 0)))[np.newaxis]
    valid = (np.arange(n_timepoints) < len(values)).astype(np.float32).reshape(1, -1, 1)
    expected = plain_features(values, layer, longest=n_timepoints)
    np.testing.assert_allclose(layer.features(padded, valid).numpy()[0], expected, atol=1e-4)


def test_a_series_of_weight_zero_and_its_absence_are_the_same():
    X, y = make_series()
    weights = np.ones(len(y))
    weights[:5] = 0.0
    weighed = FCNClassifier(**SMALL).fit(X, y, weights)
    absent = FCNClassifier(**SMALL).fit(X[5:], y[5:])
    np.testing.assert_array_equal(weighed.predict_proba(X), absent.predict_proba(X))


def test_fine_tuning_on_the_same_series_keeps_the_linear_layer():
    X, y = make_series()
    clf = FCNClassifier(**SMALL).fit(X, y)
    before = clf.model_.get_layer("rocket").get_weights()
    clf.fine_tune(X, y, n_iterations=1, n_epochs=1)
    for old, new in zip(before, clf.model_.get_layer("rocket").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_fine_tuning_on_other_truths_replaces_the_linear_layer_alone():
    X, y = make_series(n_samples=40)
    clf = FCNClassifier(**SMALL).fit(X, y)
    layer = clf.model_.get_layer("rocket")
    thresholds, kernel = layer.thresholds.numpy(), layer.kernel.numpy()
    swapped = y[::-1].copy()
    assert (swapped != y).all()
    clf.fine_tune(X, swapped, n_iterations=1, n_epochs=1)
    layer = clf.model_.get_layer("rocket")
    np.testing.assert_array_equal(layer.thresholds.numpy(), thresholds)
    assert not np.array_equal(layer.kernel.numpy(), kernel)
    inputs = clf.reader_.to_inputs(X)
    answer = clf.network_.output("rocket", inputs).argmax(axis=1)
    assert np.mean(clf.classes_[answer] == swapped) > 0.9


def test_a_new_head_starts_anew_and_another_length_does_not():
    X, y = make_series()
    other, labels = make_series(n_classes=3, n_timepoints=31)
    clf = LSTMFCNClassifier(**SMALL).fit(X, y)
    before = clf.model_.get_layer("rocket").thresholds.numpy()
    clf.fine_tune(other, labels, n_iterations=1, n_epochs=1, reset_head=True)
    layer = clf.model_.get_layer("rocket")
    assert layer.n_classes == 3 and not np.array_equal(layer.thresholds.numpy(), before)
    longer = FCNClassifier(**SMALL).fit(X, y)
    before = longer.model_.get_layer("rocket").thresholds.numpy()
    longer.fine_tune(*make_series(n_timepoints=50), n_iterations=1, n_epochs=1)
    layer = longer.model_.get_layer("rocket")
    np.testing.assert_array_equal(layer.thresholds.numpy(), before)
    assert layer.n_timepoints == 24 and longer.score(*make_series(n_timepoints=50)) > 0.9


def test_another_length_and_one_class_spoil_no_fixed_kernels():
    X, y = make_series()
    clf = FCNClassifier(**SMALL).fit(X, y)
    before = clf.model_.get_layer("rocket").get_weights()
    longer = np.pad(X[::2], ((0, 0), (0, 0), (0, 30)), mode="edge")
    clf.fine_tune(longer, y[::2], n_iterations=1, n_epochs=1)
    for old, new in zip(before, clf.model_.get_layer("rocket").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    parts = clf.explain(longer[:2])
    np.testing.assert_allclose(
        clf.class_activation_map(longer[:2], y[:4:2]).sum(axis=1),
        parts.convolutions[[0, 1], [0, 0]],
        atol=1e-4,
    )


def test_of_many_series_some_are_enough(monkeypatch):
    monkeypatch.setattr(rocket, "MOST_SERIES", 50)
    X, y = make_series(n_samples=200)
    fitted = []
    monkeypatch.setattr(
        rocket, "fit_linear", lambda x, *a, **k: fitted.append(len(x)) or fit_linear(x, *a, **k)
    )
    clf = FCNClassifier(**SMALL).fit(X, y)
    assert fitted == [50]
    answer = clf.network_.output("rocket", clf.reader_.to_inputs(X)).argmax(axis=1)
    assert np.mean(clf.classes_[answer] == y) > 0.95


def test_of_many_series_those_of_rare_classes_are_all_in(monkeypatch):
    monkeypatch.setattr(rocket, "MOST_SERIES", 60)
    labels = np.repeat([0, 1, 2], [400, 100, 4])
    weights = np.linspace(0.5, 1.5, len(labels)).astype(np.float32)
    rng = np.random.default_rng(0)
    rows, new = rocket._some_of_each(labels, weights, rng, is_class=True)
    assert len(set(rows.tolist())) == 60 and set(range(500, 504)) <= set(rows.tolist())
    factors = new[rows] / weights[rows]
    of_class = [factors[labels[rows] == k].sum() for k in range(3)]
    np.testing.assert_allclose(np.divide(of_class, 60), np.divide([400, 100, 4], 504), rtol=1e-5)
    rows, same = rocket._some_of_each(labels, weights, rng, is_class=False)
    assert len(set(rows.tolist())) == 60 and same is weights


@pytest.mark.parametrize("masked", [False, True])
def test_long_series_are_measured_in_parts(monkeypatch, masked):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(20, 40, 2)).astype(np.float32)
    valid = [(np.arange(40) < rng.integers(20, 41, (20, 1)))[:, :, None].astype(np.float32)]
    arguments = (series * valid[0], *valid) if masked else (series,)
    found = []
    for most in (2**17, 40 * 7):
        monkeypatch.setattr(rocket, "MEASURED_TIMEPOINTS", most)
        layer = Rocket(2, series.shape[1])
        layer.build(series.shape)
        layer.measure(*arguments, seed=0)
        found.append([layer.thresholds.numpy(), layer.slopes.numpy(), layer.floors.numpy()])
    for whole, parts in zip(*found, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_many_series_are_read_by_compiled_functions(monkeypatch, n_channels):
    X, y = make_unequal(n_samples=20, n_channels=n_channels)
    found = []
    for most in (2**15, 0):
        monkeypatch.setattr(rocket, "EAGER_TIMEPOINTS", most)
        clf = FCNClassifier(**SMALL).fit(X, y)
        layer = clf.model_.get_layer("rocket")
        found.append([layer.means.numpy(), clf.class_activation_map(X, y)])
    for eager, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-3, atol=1e-3)


def test_a_network_without_fixed_kernels_is_left_alone():
    model = build_fcn(20, 1, 2)
    before = model.get_weights()
    inputs = (np.zeros((4, 20, 1), np.float32),)
    fit_rocket(model, inputs, np.array([0, 1, 0, 1]), np.ones(4), 0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
