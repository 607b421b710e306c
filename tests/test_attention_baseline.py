"""Is the attention fusion the baseline's: its layers, its decay, its padding?"""

import copy
import pickle
from types import MappingProxyType

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import refusal
from sklearn.base import clone

import lstmfcn
from lstmfcn.multimodal import AttentionFusionClassifier
from lstmfcn.multimodal.attention_baseline import TwoBiasLSTMCell, build_attention_fusion
from lstmfcn.multimodal.modalities import read_modalities
from lstmfcn.training.loop import TrainingPlan, train


def make_samples(n_samples=60):
    """Return (X, y): a bump in modality "A" is the class; "B" has none."""
    rng = np.random.RandomState(0)
    y = np.arange(n_samples) % 2
    X = {"A": rng.normal(size=(n_samples, 2, 16)), "B": rng.normal(size=(n_samples, 3, 8))}
    X["A"][y == 1, :, 4:12] += 1.5
    return X, np.array(["calm", "moved"])[y]


def ragged(X):
    return {**X, "A": [x[:, : 16 - i % 4] for i, x in enumerate(X["A"])]}


@pytest.mark.parametrize(
    ("level", "shape", "n_weights"),
    [
        ("utterance", 1024, 576_137),
        ("frame", (5, 1024), 1_905_545),
    ],
)
def test_the_baseline_has_its_published_number_of_weights(level, shape, n_weights):
    assert build_attention_fusion([shape] * 3, 6, level=level).count_params() == n_weights


def test_the_lstm_of_two_biases_is_one_of_their_sum():
    rng = np.random.RandomState(0)
    K, R, b, d = (rng.normal(size=shape) for shape in ((3, 16), (4, 16), (16,), (16,)))
    x = rng.normal(size=(5, 7, 3)).astype("float32")
    ours, theirs = keras.layers.RNN(TwoBiasLSTMCell(4)), keras.layers.LSTM(4)
    ours.build(x.shape)
    theirs.build(x.shape)
    ours.set_weights([K, R, b, d])
    theirs.set_weights([K, R, b + d])
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


def test_the_fused_vector_is_the_weighted_sum():
    model = build_attention_fusion([3, 2], 4, n_hidden=5, dropout=0.0)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    ends = [layer for layer in dense if layer.name not in ("attention", "logits")]
    rng = np.random.RandomState(0)
    x = [rng.normal(size=(6, 3)), rng.normal(size=(6, 2))]
    names = ("attention", "fused")
    outputs = [model.get_layer(name).output for name in names]
    joined = next(layer for layer in model.layers if isinstance(layer, keras.layers.Concatenate))
    w, fused, h = (np.asarray(a) for a in keras.Model(model.inputs, [*outputs, joined.output])(x))
    np.testing.assert_allclose(fused, w[:, :1] * h[:, :5] + w[:, 1:] * h[:, 5:], atol=1e-6)
    assert len(ends) == 9  # three for each modality, three for the attention


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_decay_is_coupled_and_of_all_weights(l2):
    model = build_attention_fusion([3, 2], 2, n_hidden=4, dropout=0.0, l2=l2)
    before = np.concatenate([w.ravel() for w in model.get_weights()])
    expected = l2 / 2 * np.sum(np.square(before))
    np.testing.assert_allclose(float(sum(model.losses, 0.0)), expected, rtol=1e-5)
    inputs = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    labels, nothing = np.zeros(4, np.int32), np.zeros(4, np.float32)  # no loss but the decay
    train(model, inputs, labels, nothing, TrainingPlan(1, 4, 1e-3, "constant"), seed=0)
    moved = np.concatenate([w.ravel() for w in model.get_weights()]) - before
    big = np.abs(before) > 0.05  # Adam moves by its rate wherever there is a gradient
    assert big.sum() > 20
    expected = -1e-3 * np.sign(before[big]) if l2 else np.zeros(big.sum())
    np.testing.assert_allclose(moved[big], expected, atol=1e-5)


@pytest.fixture(scope="module", params=["utterance", "frame"])
def baseline(request):
    X, y = make_samples()
    clf = AttentionFusionClassifier(
        request.param, n_hidden=16, learning_rate=0.01, n_epochs=15, random_state=0
    )
    return clf.fit(ragged(X), y)


def test_the_baseline_learns_repeats_and_pickles(baseline):
    X, y = make_samples()
    X = ragged(X)
    assert baseline.score(X, y) >= 0.9
    probabilities = baseline.predict_proba(X)
    np.testing.assert_array_equal(clone(baseline).fit(X, y).predict_proba(X), probabilities)
    again = pickle.loads(pickle.dumps(baseline))
    np.testing.assert_array_equal(again.predict_proba(X), probabilities)
    alone = baseline.predict_proba({name: series[:1] for name, series in X.items()})
    np.testing.assert_allclose(alone[0], probabilities[0], atol=1e-6)
    assert baseline.attention_weights(X).shape == (60, 2)


def test_the_baseline_pads_in_front_and_pools_what_is_longer(baseline):
    n_timepoints = baseline.shapes_["A"][0]
    x = np.arange(1.0, 7.0)[np.newaxis].repeat(2, axis=0)  # (2, 6)
    (values, *_) = baseline._to_inputs(read_modalities({"A": x[np.newaxis]}, ("A", "B")))
    if baseline.level == "utterance":
        np.testing.assert_array_equal(values, [[3.5, 3.5]])
    else:
        np.testing.assert_array_equal(values[0, :, 0], [0.0] * (n_timepoints - 6) + [*range(1, 7)])


def test_the_baseline_takes_vectors_and_missing_modalities():
    X, y = make_samples(24)
    vectors = {name: series.mean(axis=2) for name, series in X.items()}
    clf = AttentionFusionClassifier(n_hidden=4, n_epochs=1, random_state=0)
    np.testing.assert_allclose(
        clone(clf).fit(vectors, y).predict_proba(vectors), clf.fit(X, y).predict_proba(X), atol=1e-5
    )
    zeros = {**X, "B": np.zeros_like(X["B"])}
    np.testing.assert_array_equal(clf.predict_proba({"A": X["A"]}), clf.predict_proba(zeros))
    assert refusal(lambda: clf.predict({**X, "B": X["B"][:, 1:]})) == (
        "modality 'B': X has 2 channels, but this AttentionFusionClassifier was fitted on 3; pass "
        "the same channels, or fit again."
    )
    before = dict(vars(clf))
    refusal(lambda: clf.fit(X, y[1:]))
    assert vars(clf) == before


def test_who_predicts_during_a_fit_sees_the_network_before_it(baseline, monkeypatch):
    X, y = make_samples()
    X = ragged(X)
    clf = copy.copy(baseline).set_params(n_epochs=1)
    before, seen = clf.predict(X).tolist(), []

    def watched(*args, **options):
        seen.append(clf.predict(X).tolist())
        return train(*args, **options)

    monkeypatch.setattr("lstmfcn.multimodal.attention_baseline.train", watched)
    clf.fit(X, np.where(y == "calm", "one", "two"))
    assert seen == [before] and clf.classes_.tolist() == ["one", "two"]


def test_vectors_are_not_averaged_whatever_holds_them():
    X, y = make_samples()
    vectors = X["A"].mean(axis=2)  # (60, 2)
    settings = {"n_hidden": 4, "n_epochs": 1, "random_state": 0}
    found = []
    for samples in (vectors, list(vectors), vectors.tolist(), pd.DataFrame(vectors)):
        clf = AttentionFusionClassifier(**settings).fit({"A": samples}, y)
        assert clf.shapes_ == {"A": (1, 2)}
        found.append(clf.predict_proba({"A": samples}))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-6)
    some = {"A": [None, *vectors[1:]], "B": vectors}
    assert AttentionFusionClassifier(**settings).fit(some, y).shapes_["A"] == (1, 2)


@pytest.mark.parametrize("other", ["frame", "utterance"])
def test_another_level_after_fit_does_not_change_what_was_fitted(other, tmp_path):
    X, y = make_samples(12)
    level = {"frame": "utterance", "utterance": "frame"}[other]
    clf = AttentionFusionClassifier(level, n_hidden=4, n_epochs=1, random_state=0).fit(X, y)
    expected = clf.predict_proba(X)
    clf.set_params(level=other)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    clf.save(tmp_path / "model.lstmfcn")
    again = lstmfcn.load(tmp_path / "model.lstmfcn")
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert again.level == other and again.level_ == level


def test_any_mapping_holds_vectors():
    X, y = make_samples(12)
    vectors = MappingProxyType({"A": X["A"].mean(axis=2)})
    clf = AttentionFusionClassifier(n_hidden=4, n_epochs=1, random_state=0).fit(vectors, y)
    assert clf.shapes_ == {"A": (1, 2)}
