"""Do the explanations add up, point to the right place, and survive padding and saving?"""

import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import PLAIN, SMALL, fitted_once, make_series, make_unequal, refusal
from sklearn import config_context
from sklearn.exceptions import NotFittedError

import lstmfcn
from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier, LSTMFCNEnsemble
from lstmfcn.explain import Explanation, block_output, evidence_block
from lstmfcn.networks.rocket import KERNELS, row_rates

PUBLISHED_SHAPE = {"n_steps": None, "dilation_rates": None}
CLASSIFIERS = [LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier]
with_each_classifier = pytest.mark.parametrize("classifier", CLASSIFIERS)


@pytest.fixture(scope="module")
def series():
    return make_series(n_channels=2, n_classes=3)


@pytest.fixture(scope="module", params=CLASSIFIERS, ids=lambda c: c.__name__)
def fitted(request, series):
    return fitted_once(request.param, *series, squeeze_excite=True, **SMALL)


def logits_of(classifier, X):
    """The logits that decide, all classes."""
    return classifier.network_.logits(classifier._inputs(X))


def adds_up(classifier, X):
    """Check the parts of every class against the network's logits; return them."""
    logits = logits_of(classifier, X)
    for label in classifier.classes_:
        explanation = classifier.explain(X, label)
        np.testing.assert_allclose(explanation.logits, logits, rtol=1e-6, atol=1e-4)
        of_target = explanation.convolutions[np.arange(len(X)), explanation.target]
        np.testing.assert_allclose(
            explanation.over_time.sum(axis=1), of_target, rtol=1e-6, atol=1e-4
        )
        assert (classifier.classes_[explanation.target] == label).all()
    return explanation


def test_the_parts_add_up_to_every_logit(fitted, series):
    X, _ = series
    explanation = adds_up(fitted, X)
    adds_up(fitted, np.random.RandomState(5).normal(scale=10.0, size=X.shape))
    has_lstm = not isinstance(fitted, FCNClassifier)
    assert (np.abs(explanation.lstm).max() > 0) == has_lstm
    assert np.abs(explanation.over_time).max() > 0


@pytest.mark.parametrize(
    ("classifier", "unequal_length"),
    [*((classifier, "pad") for classifier in CLASSIFIERS), (FCNClassifier, "resample")],
)
def test_unequal_lengths_add_up_and_padding_gets_nothing(classifier, unequal_length):
    X, y = make_unequal()
    clf = classifier(unequal_length=unequal_length, **SMALL).fit(X, y)
    adds_up(clf, X)
    observed = np.arange(clf.n_timepoints_in_) < np.array([[x.shape[1]] for x in X])
    if unequal_length == "resample":
        observed[:] = True
    for method in ("class_activation_map", "gradient_map"):
        values = getattr(clf, method)(X)
        assert values.shape == observed.shape
        assert (values[~observed] == 0.0).all() and np.abs(values[observed]).max() > 0
    for layer in (1, 2, 3):
        activations = clf.filter_activations(X, layer)
        assert activations.shape == (*observed.shape, 16)
        assert (activations[~observed] == 0.0).all() and activations.max() > 0


def test_the_activation_map_by_hand():
    """One filter of size 1 and unit scale: F = relu(x), so the map is W relu(x) / T."""
    X, y = make_series(n_timepoints=6)
    options = {"views": ("values",), "normalization": None, "n_epochs": 1, "random_state": 0}
    clf = FCNClassifier((1,), kernel_sizes=(1,), rocket=False, **options)
    clf.fit(X, y)
    convolution, norm = clf.model_.get_layer("conv_1"), clf.model_.get_layer("norm_1")
    convolution.set_weights([np.ones((1, 1, 1)), np.zeros(1)])
    norm.set_weights([np.ones(1), np.zeros(1), np.zeros(1), np.full(1, 1.0 - norm.epsilon)])
    clf.model_.get_layer("logits").set_weights([np.array([[3.0, -1.0]]), np.array([0.5, 0.0])])
    one = np.array([[1.0, -2.0, 0.0, 4.0, -1.0, 2.0]])
    expected = np.array([[3.0, 0.0, 0.0, 12.0, 0.0, 6.0]]) / 6
    assert clf.predict(one) == ["class 0"]
    np.testing.assert_allclose(clf.class_activation_map(one), expected, atol=1e-6)
    np.testing.assert_allclose(clf.class_activation_map(one, "class 1"), -expected / 3, atol=1e-6)
    contrast = clf.class_activation_map(one, contrast=True)
    np.testing.assert_allclose(contrast, expected * 4 / 3, atol=1e-6)
    explanation = clf.explain(one)
    np.testing.assert_allclose(explanation.logits, [[4.0, -7 / 6]], atol=1e-6)
    np.testing.assert_allclose(clf.gradient_map(one), expected, atol=1e-6)
    np.testing.assert_allclose(clf.filter_kernels(), np.ones((1, 1, 1)), atol=1e-6)


def test_the_activation_map_of_fixed_kernels_by_hand():
    """What exceeds a threshold counts for the nine timepoints that the kernel has read."""
    X, y = make_series(n_timepoints=80)
    clf = FCNClassifier((1,), kernel_sizes=(1,), n_epochs=1, random_state=0).fit(X, y)
    alone = clf.model_.get_layer("logits")
    alone.set_weights([np.zeros_like(weights) for weights in alone.get_weights()])
    layer = clf.model_.get_layer("rocket")
    inputs = clf.reader_.to_inputs(X[:3])
    means, scale = layer.means.numpy(), float(layer.scale.numpy()[0])
    rates, series = row_rates(80), inputs[0][:, :, 0].astype(float)
    for rate in (1, 9):
        row = int(np.flatnonzero(rates == rate)[0])
        place = sorted(set(rates)).index(rate)
        k = place % 2  # a kernel that also answers at the ends
        kernel = np.zeros(layer.kernel.shape)
        kernel[84 * row + k] = 1.0, -1.0
        layer.kernel.assign(kernel)
        padded = np.pad(series, ((0, 0), (4 * rate, 4 * rate)))
        answer = sum(KERNELS[j, k] * padded[:, j * rate : j * rate + 80] for j in range(9))
        rise = layer.slopes.numpy()[place, k] * answer - layer.thresholds.numpy()[row, k]
        exceeds = np.clip(rise / 6, 0, 1)
        expected = np.full((3, 80), -means[84 * row + k] / 80)
        for t in range(80):
            for tap in range(9):
                met = t + (tap - 4) * rate
                expected[:, met if 0 <= met < 80 else t] += exceeds[:, t] / 80 / 9
        found = clf.class_activation_map(X[:3], "class 0")
        np.testing.assert_allclose(found, scale / 2 * expected, atol=1e-5)


def test_the_rows_of_the_lstm_come_first(series):
    X, y = series
    clf = LSTMFCNClassifier(5, n_filters=(8,), kernel_sizes=(3,), n_epochs=1).fit(X, y)
    kernel, bias = clf.model_.get_layer("logits").get_weights()
    kernel[:5] = 0.0
    clf.model_.get_layer("logits").set_weights([kernel, bias])
    explanation = adds_up(clf, X)
    assert np.abs(explanation.lstm).max() == 0.0
    assert explanation.summary()["lstm_share"] == 0.0


def test_the_contrast_is_the_map_minus_the_mean_of_the_others(fitted, series):
    X, _ = series
    maps = {label: fitted.class_activation_map(X, label) for label in fitted.classes_}
    first, *others = fitted.classes_
    expected = maps[first] - np.mean([maps[label] for label in others], axis=0)
    found = fitted.class_activation_map(X, first, contrast=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_by_default_the_predicted_class_is_explained(fitted, series):
    X, _ = series
    predicted = fitted.predict(X)
    assert (fitted.classes_[fitted.explain(X).target] == predicted).all()
    for method in ("class_activation_map", "gradient_map"):
        of_predicted = getattr(fitted, method)(X)
        np.testing.assert_array_equal(of_predicted, getattr(fitted, method)(X, predicted))
        one_class = getattr(fitted, method)(X, "class 2")
        np.testing.assert_array_equal(one_class, getattr(fitted, method)(X, ["class 2"] * len(X)))


def test_the_gradient_map_is_the_slope_of_the_logit(fitted, series):
    X, _ = series
    X = X[:3]
    found = fitted.gradient_map(X, "class 1", per_channel=True)
    assert found.shape == X.shape
    np.testing.assert_allclose(found.sum(axis=1), fitted.gradient_map(X, "class 1"), atol=1e-9)
    mean, scale = np.array(fitted.normalizer_.mean), np.array(fitted.normalizer_.scale)
    step, errors = 1e-2, []
    for channel, t in ((0, 3), (1, 17)):
        shifted = np.stack([X, X])
        shifted[0, :, channel, t] += step
        shifted[1, :, channel, t] -= step
        up, down = (
            fitted.network_.output("logits", fitted._inputs(values))[:, 1].astype(float)
            for values in shifted
        )
        slope = (up - down) / (2 * step) / 2  # fixed kernels decide half, and have no slope
        product = slope * (X[:, channel, t] - mean[channel])
        errors.append(np.abs(product - found[:, channel, t]) / np.abs(found).max())
    # A ReLU may switch within the step: most differences are tiny, none is large.
    assert np.median(errors) < 1e-2 and np.max(errors) < 0.2
    assert (scale > 0).all()


def test_first_layer_kernels_reproduce_the_activations(fitted, series):
    X, _ = series
    kernels = fitted.filter_kernels()  # (n_filters, n_channels, kernel_size)
    assert kernels.shape == (16, 2, 8)
    read = fitted._inputs(X)[0][:1]  # normalised, (1, n_timepoints, n_channels)
    if fitted.occlusion:
        read = np.asarray(fitted.model_.get_layer("denoiser")(read))
    activations = fitted.filter_activations(X)[0]  # (n_timepoints, n_filters)
    detrended = np.asarray(fitted.model_.get_layer("detrend")(read))
    values, left = (np.pad(x[0], ((3, 4), (0, 0))) for x in (read, detrended))
    response = np.array(
        [
            [np.sum(kernel * x[t : t + 8].T) for x, of_view in pairs for kernel in of_view]
            for t in range(24)
            for pairs in [((values, kernels[:8]), (left, kernels[8:]))]
        ]
    )
    active = activations > 1e-3
    for k in range(16):  # behind the ReLU only the offset of the normalisation is missing
        rest = (activations - response)[:, k][active[:, k]]
        assert rest.std() < 1e-4 if len(rest) else True
    assert active.any(axis=0).sum() >= 4


def test_strongest_series_are_those_of_highest_activation(fitted, series):
    X, _ = series
    found, timepoints, values = fitted.strongest_series(X, layer=2, n_series=4)
    activations = fitted.filter_activations(X, layer=2)  # (n_samples, n_timepoints, n_filters)
    assert found.shape == timepoints.shape == values.shape == (16, 4)
    highest = activations.max(axis=1)
    for k in range(16):
        order = sorted(range(len(X)), key=lambda i: -highest[i, k])[:4]
        assert found[k].tolist() == order
        for i, t, value in zip(found[k], timepoints[k], values[k], strict=True):
            assert activations[i, t, k] == value == highest[i, k]


def test_maps_are_the_same_after_pickling_saving_and_in_other_batches(fitted, series, tmp_path):
    X, _ = series
    fitted.save(tmp_path / "model")
    for other in (pickle.loads(pickle.dumps(fitted)), lstmfcn.load(tmp_path / "model")):
        for method in ("class_activation_map", "gradient_map", "filter_activations"):
            expected = getattr(fitted, method)(X)
            np.testing.assert_array_equal(getattr(other, method)(X), expected)
            single = np.concatenate([getattr(other, method)(one[None]) for one in X])
            np.testing.assert_allclose(single, expected, atol=1e-5)
        np.testing.assert_array_equal(other.filter_kernels(), fitted.filter_kernels())


def test_long_series_are_explained_in_batches(monkeypatch):
    X, y = make_series(n_samples=20, n_timepoints=40)
    clf = ALSTMFCNClassifier(**SMALL).fit(X, y)
    whole = clf.explain(X).over_time, clf.gradient_map(X)
    monkeypatch.setattr("lstmfcn.networks.fitted.rows_per_batch", lambda *_: 3)
    parts = clf.explain(X).over_time, clf.gradient_map(X)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_random_weights_leave_the_original_alone(fitted, series):
    X, _ = series
    before = fitted.predict_proba(X)
    one, again, two = (fitted.with_random_weights(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.predict_proba(X), again.predict_proba(X))
    assert np.abs(one.predict_proba(X) - two.predict_proba(X)).max() > 1e-3
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_shares_by_hand():
    explanation = Explanation(
        classes=np.array(["a", "b"]),
        target=np.array([0, 1, 0]),
        bias=np.array([0.0, 0.5]),
        lstm=np.array([[2.0, 0.0], [3.0, 3.0], [-1.0, 1.0]]),
        convolutions=np.array([[6.0, 0.0], [0.0, 1.0], [3.0, -3.0]]),
        over_time=np.zeros((3, 4)),
    )
    # Centred over the classes: 1 of 1 + 3, nothing of .5, 1 of 1 + 3 (against the decision).
    np.testing.assert_allclose(explanation.lstm_share, [0.25, 0.0, 0.25])
    assert explanation.logits.tolist() == [[8.0, 0.5], [3.0, 4.5], [2.0, -1.5]]
    summary = explanation.summary()
    assert summary["lstm_share"] == pytest.approx(1 / 6)
    assert summary["lstm_agrees"] == pytest.approx(2 / 3)
    assert summary["convolutions_agree"] == 1.0


@pytest.mark.parametrize(
    ("method", "arguments", "sentence"),
    [
        (
            "explain",
            ("class 9",),
            r"y has labels that \w+ was not fitted on: 'class 9'; its classes are 'class 0', "
            r"'class 1', 'class 2'\. Fit again to add classes\.",
        ),
        (
            "class_activation_map",
            (["class 1", "class 2"],),
            r"X has 30 series, but y has 2 labels; pass one label per series\.",
        ),
        (
            "filter_activations",
            (4,),
            r"layer=4 must be a whole number from 1 to 3\.",
        ),
        (
            "strongest_series",
            (1, 31),
            r"n_series=31 must be a whole number from 1 to 30\.",
        ),
    ],
)
def test_refusals(fitted, series, method, arguments, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        getattr(fitted, method)(series[0], *arguments)


@with_each_classifier
@pytest.mark.parametrize(
    "method",
    ["explain", "class_activation_map", "gradient_map", "filter_activations", "strongest_series"],
)
def test_not_fitted(classifier, method, series):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(classifier(), method)(series[0])
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        classifier().filter_kernels()


def test_foreign_series_are_refused(fitted):
    with pytest.raises(ValueError, match="timepoints"):
        fitted.explain(np.zeros((3, 2, 30)))


# Attention over the series


@pytest.mark.parametrize("n_steps", [None, 6])
def test_a_timepoint_gets_attention_for_what_it_adds_to_the_attended_features(n_steps):
    X, y = make_unequal()
    clf = fitted_once(ALSTMFCNClassifier, X, y, n_steps=n_steps, **SMALL)
    of_features, of_timepoints = (clf.attention_map(X, over=o) for o in ("features", "timepoints"))
    observed = np.arange(clf.n_timepoints_in_) < np.array([[x.shape[1]] for x in X])
    np.testing.assert_allclose(of_timepoints.sum(axis=1), 1.0)
    np.testing.assert_allclose(of_features.sum(axis=1), 1.0)
    assert (of_timepoints >= 0).all() and (of_timepoints[~observed] == 0).all()

    network, inputs = clf.network_, clf._inputs(X)
    block = evidence_block(network.architecture)
    names = block_output(network.architecture, block), "features"
    part = keras.Model(network.model.inputs, [network.model.get_layer(n).output for n in names])
    with tf.GradientTape() as tape:
        activations, features = part(list(inputs), training=False)
        attended = tf.reduce_sum(features * of_features[:, :, np.newaxis].astype(np.float32))
    slope = tape.gradient(attended, activations)
    added = np.maximum((activations * slope).numpy().sum(axis=2), 0.0)  # of each of its steps
    size = int(np.prod(network.architecture["pool_sizes"][:block]))
    starts = np.arange(0, observed.shape[1], size)
    found = np.add.reduceat(of_timepoints, starts, axis=1)
    np.testing.assert_allclose(found, added / added.sum(axis=1, keepdims=True), atol=1e-6)


def test_the_published_network_gives_its_features_attention_to_their_own_timepoints():
    X, y = make_series()
    clf = fitted_once(ALSTMFCNClassifier, X, y, **PUBLISHED_SHAPE, **SMALL)
    expected = clf.attention_map(X, over="features") * clf.filter_activations(X, 3).sum(axis=2)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clf.attention_map(X), expected, atol=1e-6)


def test_attention_to_features_is_for_attention_over_features():
    X, y = make_unequal()
    published = ALSTMFCNClassifier(attention="paper", **SMALL).fit(X, y)
    with pytest.raises(ValueError, match="over='features' needs attention='features'"):
        published.attention_map(X, over="features")


def test_an_explanation_is_short_to_read_and_a_data_frame(fitted, series):
    X, _ = series
    explanation = fitted.explain(X)
    assert repr(explanation) == f"<Explanation of {len(X)} series, 3 classes, 24 timepoints>"
    frame = explanation.to_pandas()
    assert len(frame) == len(X) and (frame["class"] == fitted.predict(X)).all()
    np.testing.assert_allclose(frame["logit class 1"], explanation.logits[:, 1])


@pytest.mark.parametrize("unequal_length", ["pad", "resample"])
def test_strongest_timepoints_lie_within_the_series(unequal_length):
    X, y = make_unequal()
    clf = FCNClassifier(**{**SMALL, "n_steps": 6}, unequal_length=unequal_length).fit(X, y)
    lengths = np.array([x.shape[1] for x in X])
    for layer in (1, 2, 3):
        found, timepoints, _ = clf.strongest_series(X, layer, n_series=len(X))
        assert (timepoints >= 0).all() and (timepoints < lengths[found]).all()
        assert (timepoints >= lengths[found] // 2).any()


@pytest.mark.parametrize("is_ensemble", [False, True])
def test_a_data_frame_of_features_has_their_names(is_ensemble):
    X, y = make_series()
    one = LSTMFCNClassifier(2, **{**SMALL, **PLAIN, "n_epochs": 1})
    clf = (LSTMFCNEnsemble(one, 2, random_state=0) if is_ensemble else one).fit(X, y)
    pooled = clf.transform(X, "pooled")
    framed = copy.copy(clf).set_output(transform="pandas")
    frame = framed.transform(X)
    assert frame.columns.tolist() == clf.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame, clf.transform(X))
    sentence = (
        "transform is set to return 'pandas', which has names for all features, not for those of "
        "layer='pooled'; call set_output(transform='default') first."
    )
    assert refusal(lambda: framed.transform(X, "pooled")) == sentence
    with config_context(transform_output="pandas"):
        assert refusal(lambda: clf.transform(X, "pooled")) == sentence
        default = copy.copy(clf).set_output(transform="default")
        np.testing.assert_array_equal(default.transform(X, "pooled"), pooled)
