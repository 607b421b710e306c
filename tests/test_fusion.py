"""Do several modalities decide together as they should, with all of them and without some?"""

import copy
import json
import pickle
import warnings
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import Killed, refusal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import lstmfcn
from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.emotion import FeatureError, FeatureSet
from lstmfcn.meta import FoldEnsemble
from lstmfcn.meta.rows import take_rows
from lstmfcn.multimodal import AttentionFusionClassifier, FusionClassifier
from lstmfcn.multimodal.branch_network import ModalityDropout, build_branches, count_branch_weights
from lstmfcn.multimodal.modalities import read_modalities
from lstmfcn.networks.builders import NETWORKS

FROZEN = ("conv_", "norm_", "denoiser", "detrend")
TINY = {"n_filters": (4, 4), "kernel_sizes": (3, 3), "n_epochs": 1, "batch_size": 8}
SMALL = {"n_filters": (8, 8, 8), "batch_size": 8, "learning_rate": 0.01}

FUSIONS = {
    "branch": FusionClassifier(ALSTMFCNClassifier(2, **TINY), n_hidden=4, random_state=0),
    "early": FusionClassifier(ALSTMFCNClassifier(2, **TINY), "early", random_state=0),
    "late": FusionClassifier(ALSTMFCNClassifier(2, **TINY), "late", random_state=0),
}
GROUPS = np.arange(24) // 3
WEIGHTS = "0/weights.f32"


def make_samples(n_samples=24, seed=0, rule="a"):
    """Return (X, y): a bump in modality "A" is bit a, one in "B" bit b; the rule makes a class."""
    rng = np.random.RandomState(seed)
    a, b = (rng.permutation(np.arange(n_samples) % 2) for _ in range(2))
    if rule == "same":
        b = a
    X = {"A": rng.normal(size=(n_samples, 2, 16)), "B": rng.normal(size=(n_samples, 3, 8))}
    X["A"][a == 1, :, 4:12] += 1.5
    X["B"][b == 1, :, 2:6] += 1.5
    code = {"a": a, "same": a, "xor": a ^ b}[rule]
    return X, np.array(["calm", "moved"])[code]


def ragged(X, seed=0):
    """Return X with unequal lengths in modality "A"."""
    rng = np.random.RandomState(seed)
    return {**X, "A": [x[:, : rng.randint(12, 17)] for x in X["A"]]}


def missing_and_ragged():
    X, y = make_samples(40)
    X = ragged({**X, "B": without(X["B"], *range(0, 40, 3))})
    return {**X, "A": without(X["A"], 1, 2)}, y


def without(series, *rows):
    """Return a list of series with None in some rows."""
    return [None if i in rows else x for i, x in enumerate(series)]


@pytest.fixture(scope="module")
def samples():
    return make_samples()


@pytest.fixture(scope="module")
def all_fitted(samples):
    return {name: clone(clf).fit(*samples) for name, clf in FUSIONS.items()}


@pytest.fixture(params=list(FUSIONS))
def fitted(request, all_fitted):
    return all_fitted[request.param]


@pytest.fixture
def branch(all_fitted):
    return all_fitted["branch"]


@pytest.fixture(scope="module")
def ragged_branch():
    """A branch network of modalities that are missing and ragged in training, and its samples."""
    X, y = missing_and_ragged()
    estimator = FCNClassifier(**SMALL, n_epochs=15)
    return FusionClassifier(estimator, random_state=0).fit(X, y), X


@pytest.fixture(scope="module")
def redundant():
    """Classifiers that learned a class which both modalities tell."""
    return {
        fusion: FusionClassifier(FCNClassifier(**SMALL, n_epochs=15), fusion, random_state=0).fit(
            *make_samples(60, rule="same")
        )
        for fusion in ("branch", "early", "late")
    }


# Contract


def test_parameters_are_stored_and_cloned():
    estimator = FCNClassifier()
    clf = FusionClassifier(estimator, "early", align_to="A", n_hidden=3)
    assert clf.estimator is estimator
    again = clone(clf)
    assert again.estimator is not estimator
    assert again.get_params(deep=False).keys() == clf.get_params(deep=False).keys()
    assert (again.fusion, again.align_to, again.n_hidden) == ("early", "A", 3)
    assert clf.set_params(estimator__n_epochs=7).estimator.n_epochs == 7


def test_answers_agree_with_each_other(fitted, samples):
    X, _ = samples
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (24, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.classes_.tolist() == ["calm", "moved"] and fitted.modalities_ == ("A", "B")


@pytest.mark.parametrize("fusion", ["branch", "early"])  # late: test_an_ensemble_of_fusions
def test_a_seed_repeats(fusion, all_fitted, samples):
    X, y = samples
    again = clone(all_fitted[fusion]).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(again, all_fitted[fusion].predict_proba(X))


def test_another_seed_gives_another_network(all_fitted, samples):
    X, y = samples
    other = clone(all_fitted["early"]).set_params(random_state=1).fit(X, y).predict_proba(X)
    assert (other != all_fitted["early"].predict_proba(X)).any()


def test_batch_mates_do_not_matter(fitted, samples):
    X, _ = samples
    X = {"A": without(X["A"], 3, 5), "B": without(X["B"], 4)}
    together = fitted.predict_proba(X)
    for i in (0, 3, 4):
        alone = {name: series[i : i + 1] for name, series in X.items()}
        np.testing.assert_allclose(fitted.predict_proba(alone)[0], together[i], atol=1e-6)


def test_the_order_of_the_keys_does_not_matter(fitted, samples):
    X, _ = samples
    turned = dict(reversed(X.items()))
    np.testing.assert_array_equal(fitted.predict_proba(turned), fitted.predict_proba(X))


def members(path):
    """Return the bytes of each member of a file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_save_and_pickle_give_equal_classifiers(fitted, samples, tmp_path):
    X, _ = samples
    fitted.save(tmp_path / "once")
    loaded = lstmfcn.load(tmp_path / "once")
    loaded.save(tmp_path / "twice")
    assert members(tmp_path / "once") == members(tmp_path / "twice")
    for again in (loaded, pickle.loads(pickle.dumps(fitted))):
        for seen in (X, {"A": X["A"]}):
            np.testing.assert_array_equal(again.predict_proba(seen), fitted.predict_proba(seen))
        np.testing.assert_array_equal(again.classes_, fitted.classes_, strict=True)
        assert str(again.get_params()) == str(fitted.get_params())
        assert again.history_ == fitted.history_ and again.modalities_ == fitted.modalities_


def test_other_parameters_after_fit_do_not_change_what_was_fitted(branch, samples, tmp_path):
    X, _ = samples
    before = branch.predict_proba(X)
    other = clone(branch).set_params(fusion="early", estimator=None, n_hidden=7)
    for name in ("classes_", "modalities_", "column_names_", "history_", "fusion_"):
        setattr(other, name, getattr(branch, name))
    other.save(tmp_path / "file")
    again = lstmfcn.load(tmp_path / "file")
    np.testing.assert_array_equal(again.predict_proba(X), before)
    assert (again.fusion, again.n_hidden) == ("early", 7)


@pytest.mark.parametrize("fusion", ["branch", "early"])
def test_fine_tune_goes_on_from_a_file_as_from_memory(fusion, all_fitted, samples, tmp_path):
    X, y = samples
    fitted = all_fitted[fusion]
    fitted.save(tmp_path / "file")
    before = fitted.predict_proba(X)
    twins = lstmfcn.load(tmp_path / "file"), pickle.loads(pickle.dumps(fitted))
    for twin in twins:
        twin.fine_tune(X, y, n_iterations=1, n_epochs=1, freeze="convolutions")
        old, new = (
            {
                layer.name: layer.get_weights()
                for layer in clf.fusion_.estimator.model_.layers
                if layer.weights
            }
            for clf in (fitted, twin)
        )
        same = {name for name in old if all(map(np.array_equal, old[name], new[name]))}
        assert same == {name for name in old if name.startswith(FROZEN)}
    first, second = (twin.predict_proba(X) for twin in twins)
    np.testing.assert_array_equal(first, second)
    assert (first != before).any()
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_attention_belongs_to_the_modalities(fitted, samples):
    X, _ = samples
    maps = fitted.attention_maps({**X, "B": without(X["B"], 2)})
    lengths = {"A": 16, "B": 16 if fitted.fusion == "early" else 8}
    assert {name: attention.shape for name, attention in maps.items()} == {
        name: (24, length) for name, length in lengths.items()
    }
    assert np.isnan(maps["B"][2]).all() and np.isfinite(maps["A"]).all()
    there = np.delete(maps["B"], 2, axis=0)
    np.testing.assert_allclose(there.sum(axis=1), 1.0, atol=1e-6)
    assert (there >= 0).all()


def inputs_of(clf, X):
    """Return what the network of a branch fusion gets."""
    return clf.fusion_.estimator.reader_.to_inputs(read_modalities(X))


def test_a_network_without_attention_says_so(redundant):
    X, _ = make_samples(10)
    for clf in redundant.values():
        with pytest.raises(AttributeError, match="this network has no attention; fit with esti"):
            clf.attention_maps(X)


def test_the_attention_of_a_branch_is_that_of_its_layer(branch, samples):
    X, _ = samples
    estimator = branch.fusion_.estimator
    inside = estimator.network_.output("attention.1", inputs_of(branch, X)).astype(np.float64)
    features = estimator.network_.output("features.1", inputs_of(branch, X)).astype(np.float64)
    expected = inside * features.sum(axis=2)  # so short a series has its features' timepoints
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(branch.attention_maps(X)["B"], expected, atol=1e-6)


# What is learned


@pytest.mark.parametrize("fusion", ["branch", "early"])
def test_what_only_the_combination_tells(fusion):
    estimator = FCNClassifier(n_filters=(8, 8, 8), n_epochs=20, batch_size=16, learning_rate=0.01)
    clf = FusionClassifier(estimator, fusion, random_state=0).fit(*make_samples(300, rule="xor"))
    X, y = make_samples(200, seed=1, rule="xor")
    assert clf.score(X, y) >= 0.9
    assert 0.3 <= clf.score({"A": X["A"]}, y) <= 0.7  # one of them says nothing


def test_without_a_hidden_layer_logits_are_sums_over_modalities(samples):
    X, y = samples
    estimator = LSTMFCNClassifier(2, **TINY)
    clf = FusionClassifier(estimator, n_hidden=0, random_state=0).fit(X, y)
    reader, network = clf.fusion_.estimator.reader_, clf.fusion_.estimator.network_
    both, a, b = (
        network.logits(reader.to_inputs(read_modalities(seen, ("A", "B"))))
        for seen in (X, {"A": X["A"]}, {"B": X["B"]})
    )
    bias = network.model.get_layer("logits").get_weights()[1]
    np.testing.assert_allclose(a + b - both, np.tile(bias, (24, 1)), atol=1e-5)


# Missing modalities


def test_a_missing_modality_costs_little_where_the_other_knows(redundant):
    X, y = make_samples(100, seed=1, rule="same")
    for clf in redundant.values():
        assert clf.score(X, y) >= 0.95
        for name in ("A", "B"):
            assert clf.score({name: X[name]}, y) >= 0.75


def test_a_missing_row_is_a_missing_key_for_one_sample(fitted, samples):
    X, _ = samples
    some = fitted.predict_proba({**X, "B": without(X["B"], 1, 7)})
    none = fitted.predict_proba({"A": X["A"], "B": None})
    whole = fitted.predict_proba(X)
    np.testing.assert_allclose(some[[1, 7]], none[[1, 7]], atol=1e-6)
    rest = np.delete(np.arange(24), [1, 7])
    np.testing.assert_allclose(some[rest], whole[rest], atol=1e-6)
    assert (none != whole).any()


def test_late_fusion_averages_over_those_present(redundant):
    clf, (X, _) = redundant["late"], make_samples(10, seed=2, rule="same")
    alone = {name: e.predict_proba(X[name]) for name, e in clf.fusion_.estimators.items()}
    np.testing.assert_array_equal(clf.predict_proba({"B": X["B"]}), alone["B"])
    np.testing.assert_allclose(clf.predict_proba(X), (alone["A"] + alone["B"]) / 2, atol=1e-12)


def test_early_fusion_fills_in_the_mean_of_training(redundant):
    clf = redundant["early"]
    X, _ = make_samples(10, seed=2, rule="same")
    mean = make_samples(60, rule="same")[0]["B"].mean(axis=(0, 2))
    filled = np.tile(mean[:, np.newaxis], (10, 1, 8))
    np.testing.assert_allclose(
        clf.predict_proba({"A": X["A"]}), clf.predict_proba({"A": X["A"], "B": filled}), atol=1e-6
    )


def test_modalities_may_be_missing_and_ragged_in_training(ragged_branch):
    estimator = FCNClassifier(**SMALL, n_epochs=15)
    early = FusionClassifier(estimator, "early", random_state=0).fit(*missing_and_ragged())
    X, y = make_samples(60, seed=1)
    for clf in (early, ragged_branch[0]):
        assert clf.score(ragged(X, 1), y) >= 0.85


def test_normalisation_of_a_branch_is_that_of_what_it_sees(ragged_branch):
    clf, X = ragged_branch
    inputs, network = inputs_of(clf, X), clf.fusion_.estimator.network_
    for place, mask in ((0, inputs[1].astype(bool)), (1, np.ones((40, 8), bool))):
        seen = network.output(f"conv_1.{place}", inputs)[mask].astype(np.float64)
        norm = network.model.get_layer(f"norm_1.{place}")
        np.testing.assert_allclose(norm.moving_mean, seen.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, seen.var(axis=0), rtol=1e-4)


def test_stand_ins_are_other_samples_in_turn_and_are_not_read(branch, samples):
    X, _ = samples
    X = {"A": X["A"], "B": without(X["B"], 0, 1, 23)}
    filled = read_modalities(X).filled("B", 3, 8)
    np.testing.assert_array_equal(filled[[0, 1, 23]], X["B"][2:5])
    *inputs, present = inputs_of(branch, X)
    other = [array.copy() for array in inputs]
    other[1][[0, 1, 23]] = 100.0
    network = branch.fusion_.estimator.network_
    first, second = (network.logits((*i, present)) for i in (inputs, other))
    np.testing.assert_array_equal(first, second)


# Early: alignment in time


def test_modalities_are_brought_to_one_length(samples):
    X, y = samples
    X = {**X, "A": without(X["A"], 0)}
    clf = FusionClassifier(FCNClassifier(**TINY), "early", align_to="A", random_state=0).fit(X, y)
    early = clf.fusion_
    assert (early.estimator.n_channels_in_, early.estimator.n_timepoints_in_) == (5, 16)
    assert early.estimator.unequal_length_in_ is None  # also of the sample without "A"
    assert clf.predict_proba({"B": X["B"]}).shape == (24, 2)
    for early.align_to, length in (("longest", 16), ("shortest", 8), ("B", 8)):
        stacked = early._stacked(read_modalities(X), early._common_length())
        assert {series.shape for series in stacked} == {(5, length)}
    series = stacked[1]
    np.testing.assert_allclose(series[:2], X["A"][1].reshape(2, 8, 2).mean(axis=2))
    np.testing.assert_array_equal(series[2:], X["B"][1])


# Branches: the network and its training


@pytest.mark.parametrize("network", list(NETWORKS))
def test_the_network_is_its_trunks_and_a_head(network):
    cells = {} if network == "fcn" else {"n_cells": 2}
    sizes = {"n_filters": (4, 4, 6), "kernel_sizes": (3, 3, 3), "views": ("values",), **cells}
    if network == "alstmfcn":
        sizes["attention"] = "features"
    trunks = {
        "A": {"n_timepoints": 20, "n_channels": 3, "masked": True, **sizes},
        "B": {"n_timepoints": 7, "n_channels": 2, **sizes, "views": ("values", "detrended")},
    }
    model = build_branches(trunks, 4, network=network, n_hidden=5)
    counted = {"trunks": trunks, "n_classes": 4, "n_hidden": 5, "network": network}
    assert model.count_params() == count_branch_weights(counted)
    assert [tuple(x.shape[1:]) for x in model.inputs] == [(20, 3), (20,), (7, 2), (2,)]


def test_modality_dropout_hides_at_its_rate_and_never_all():
    present = np.tile(np.float32([[1, 1, 1], [1, 0, 1], [0, 1, 0]]), (2000, 1))
    layer = ModalityDropout(0.4)
    seen = np.asarray(layer(present, training=True))
    assert set(np.unique(seen)) == {0.0, 1.0} and (seen <= present).all()
    assert (seen.max(axis=1) == 1).all()
    # One of three is hidden with 0.4, unless all were (0.4^3) and it was drawn (1 in 3) to stay.
    assert np.mean(seen[::3] == 0) == pytest.approx(0.4 - 0.4**3 / 3, abs=0.02)
    np.testing.assert_array_equal(layer(present), present)


def test_a_checkpoint_is_of_its_data_and_dropout(samples, tmp_path):
    X, y = samples
    clf = FusionClassifier(FCNClassifier(**TINY, checkpoint=tmp_path), random_state=0).fit(X, y)
    again = clone(clf).fit(X, y)  # from the finished file
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    with np.load(tmp_path / "fit.npz") as file:
        job = json.loads(str(file["content"]))["job"]
    assert (job["modality_dropout"], job["n_hidden"]) == (0.2, 32)


def test_validation_and_weights_work_as_in_the_estimator(samples):
    X, y = samples
    estimator = FCNClassifier(**TINY, validation_fraction=0.25, class_weight="balanced", patience=1)
    clf = FusionClassifier(estimator, random_state=0).fit(X, y, sample_weight=np.arange(24.0))
    assert set(clf.history_) >= {"val_loss", "val_accuracy"}


# Bad input


def test_every_refusal_is_a_sentence(branch, samples):
    X, y = samples
    nan = X["A"].copy()
    nan[3, 1, 2] = np.nan
    new = clone(branch)
    cases = {
        "X is of type ndarray; pass a dict of modality to series, such as {'audio': ..., 'text': "
        "...}.": lambda: new.fit(X["A"], y),
        "X has no keys; pass a dict of modality to series, such as {'audio': ..., 'text': ...}.": (
            lambda: new.fit({}, y)
        ),
        "no sample has the modality 'B'; pass series of it, or leave it out of X.": (
            lambda: new.fit({**X, "B": None}, y)
        ),
        "the modalities of X differ in their number of samples (24 of 'A', 23 of 'B'); pass one "
        "series per sample in each. FusionClassifier takes None in a list for a sample without the "
        "modality.": (lambda: new.fit({**X, "B": X["B"][1:]}, y)),
        "1 of 24 samples have none of the modalities A, B: 5; pass at least one of each sample, or "
        "leave the sample out.": (
            lambda: branch.predict({"A": without(X["A"], 5), "B": without(X["B"], 5)})
        ),
        "X has none of the modalities A, B; pass at least one.": (
            lambda: branch.predict({"A": None})
        ),
        "X has the modality 'C', but was fitted on A, B; leave it out, or fit again.": (
            lambda: branch.predict({**X, "C": X["A"]})
        ),
        "modality 'A': X contains NaN in 1 of 24 series, first in series 3 at channel 1, timepoint "
        "2; fill missing values first (for example by interpolation), and pass series of unequal "
        "length as a list of arrays without padding.": lambda: branch.predict({**X, "A": nan}),
        "modality 'B': X has 2 channels, but this ALSTMFCNClassifier was fitted on 3; pass the "
        "same channels, as (n_samples, n_channels, n_timepoints), or fit again.": (
            lambda: branch.predict({**X, "B": X["B"][:, 1:]})
        ),
        "modality 'B': X has 7 timepoints, but this ALSTMFCNClassifier was fitted on 8; resample "
        "it or fit again.": lambda: branch.predict({**X, "B": X["B"][:, :, 1:]}),
        "X has 24 series, but y has 23 labels; pass one label per series.": (
            lambda: new.fit(X, y[1:])
        ),
        "y has only one class, 'calm'; FusionClassifier needs at least two classes.": (
            lambda: new.fit(X, ["calm"] * 24)
        ),
        "no sample has the modality 'B'; fine_tune needs some of each that fit has seen.": (
            lambda: branch.fine_tune({"A": X["A"]}, y)
        ),
        "estimator is a LogisticRegression; pass an instance of LSTMFCNClassifier, "
        "ALSTMFCNClassifier, FCNClassifier, or None.": (
            lambda: FusionClassifier(LogisticRegression()).fit(X, y)
        ),
        "align_to='C' is unknown; choose one of 'longest', 'shortest', 'A', 'B'.": (
            lambda: FusionClassifier(None, "early", align_to="C").fit(X, y)
        ),
        "checkpoint='here' is for one training, but fusion='late' has one per modality; pass an "
        "estimator without.": (
            lambda: FusionClassifier(FCNClassifier(checkpoint="here"), "late").fit(X, y)
        ),
        "modality 'B': kernel_sizes=(9, 9, 9) has a kernel of 9 timepoints, but the series have 8; "
        "use shorter kernels or kernel_sizes='auto'.": (
            lambda: FusionClassifier(FCNClassifier(kernel_sizes=(9, 9, 9))).fit(X, y)
        ),
    }
    for expected, call in cases.items():
        assert refusal(call) == expected


def test_a_refused_call_leaves_a_fitted_classifier_as_it_was(fitted, samples):
    X, y = samples
    before, state = fitted.predict_proba(X), dict(vars(fitted))
    inner = dict(vars(fitted.fusion_))
    refusal(lambda: fitted.fit({**X, "B": X["B"] * np.inf}, y))
    refusal(lambda: fitted.fine_tune(X, ["calm", "other"] * 12))
    refusal(lambda: fitted.fine_tune({**X, "B": X["B"][:, 1:]}, y, n_epochs=1, n_iterations=1))
    assert vars(fitted) == state and vars(fitted.fusion_) == inner
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def rewritten(path, change):
    """Write a file of several classifiers anew after a change to its members."""
    parts = members(path)
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def edited(key, value):
    def change(parts):
        parts["fusion.json"] = json.dumps({**json.loads(parts["fusion.json"]), key: value})

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update({WEIGHTS: m[WEIGHTS][:-4]}), "its network has"),
        (lambda m: m.update({WEIGHTS: b"\xff" * len(m[WEIGHTS])}), "NaN or infinity"),
        (
            lambda m: m.update({WEIGHTS: np.full(len(m[WEIGHTS]) // 4, 3e38, "<f4").tobytes()}),
            "the answer to a plausible series is NaN",
        ),
        (lambda m: m.update({"more.f32": b""}), "it holds"),
        (lambda m: m.pop(WEIGHTS), "it holds"),
        (edited("modalities", ["A", "A"]), "are not a list of different names"),
        (edited("modalities", ["A"]), "its readers are not those of its modalities"),
        (edited("format", 99), "use the version of lstmfcn that wrote it"),
        (edited("estimator", {"class": "os", "parameters": {}}), "its class 'os' is none of"),
        (
            edited("fitted", {"fusion": "branch", "n_hidden": 5, "modality_dropout": 0.2}),
            "its network is not that of its parameters",
        ),
        (edited("fitted", {"fusion": "late"}), "it holds"),
        (
            edited("classes", {"dtype": "<U5", "values": ["calm", "other"]}),
            "other classes than it has",
        ),
    ],
)
def test_a_crafted_file_is_refused(change, says, branch, tmp_path):
    branch.save(tmp_path / "file")
    rewritten(tmp_path / "file", change)
    with pytest.raises(ValueError, match="does not describe a classifier of lstmfcn") as caught:
        lstmfcn.load(tmp_path / "file")
    assert says in str(caught.value)


def test_who_predicts_during_a_fit_sees_the_networks_before_it(fitted, samples, monkeypatch):
    X, y = samples
    clf = copy.copy(fitted)
    before, seen = clf.predict(X).tolist(), []
    new_fusion = FusionClassifier._new_fusion

    def watched(self, names):
        seen.append(clf.predict(X).tolist())
        return new_fusion(self, names)

    monkeypatch.setattr(FusionClassifier, "_new_fusion", watched)
    clf.fit(X, np.where(y == "calm", "one", "two"))
    assert seen == [before]
    assert clf.classes_.tolist() == ["one", "two"] and set(clf.predict(X)) <= {"one", "two"}


def test_sequences_of_a_feature_store_are_read_frame_by_frame(samples, tmp_path):
    X, _ = samples
    for i, x in enumerate(X["A"]):
        np.save(tmp_path / f"clip{i:02}.npy", x.T.astype(np.float32))  # (T, D)
    found = FeatureSet(tmp_path).sequences()
    modalities = read_modalities({"A": found, "B": X["B"]})
    np.testing.assert_array_equal(modalities.series["A"], X["A"].astype(np.float32))
    assert take_rows({"A": found}, np.array([2, 0]))["A"].names == ("clip02", "clip00")  # unread
    (tmp_path / "clip01.npy").write_bytes(b"nothing")
    with pytest.raises(FeatureError) as caught:  # as it is: it names the clips itself
        read_modalities({"A": found, "B": X["B"]})
    assert list(caught.value.problems) == ["clip01"]


def test_an_ensemble_of_fusions(samples):
    X, y = samples
    X = {"A": ragged(X)["A"], "B": without(X["B"], 4)}
    clf = FusionClassifier(FCNClassifier(**TINY), "late")
    ensemble = FoldEnsemble(clf, 2, random_state=0).fit(X, y, groups=GROUPS)
    assert ensemble.predict_proba({"A": X["A"]}).shape == (24, 2)
    assert len({e.random_state for e in ensemble.estimators_}) == 2
    first, second = ensemble.folds_
    assert not set(GROUPS[first]) & set(GROUPS[second])
    rest = {name: [series[i] for i in second] for name, series in X.items()}
    expected = clone(ensemble.estimators_[0]).fit(rest, y[second])
    there = {name: [series[i] for i in first] for name, series in X.items()}
    np.testing.assert_array_equal(expected.predict_proba(there), ensemble.out_of_fold_[first])


@pytest.mark.parametrize("classifier", [FusionClassifier(), AttentionFusionClassifier("frame")])
def test_every_method_of_an_unfitted_fusion_says_so(classifier, tmp_path):
    X, y = {"a": np.ones((4, 1, 9))}, [0, 1, 0, 1]
    asked = {
        "predict": (X,),
        "predict_proba": (X,),
        "score": (X, y),
        "fine_tune": (X, y),
        "attention_maps": (X,),
        "attention_weights": (X,),
        "save": (tmp_path / "file",),
    }
    for name in asked.keys() & set(dir(classifier)):
        with pytest.raises(NotFittedError, match="instance is not fitted yet"):
            getattr(classifier, name)(*asked[name])


def test_a_fusion_without_a_seed_goes_on_from_its_checkpoint(samples, tmp_path, kill_after):
    X, y = samples
    estimator = FCNClassifier(**{**TINY, "n_epochs": 4}, checkpoint=tmp_path)
    kill_after(2)
    with pytest.raises(Killed):
        FusionClassifier(estimator).fit(X, y)
    kill_after(99)
    clf = FusionClassifier(estimator).fit(X, y)
    again = FusionClassifier(estimator).fit(X, y)  # of the finished work
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


@pytest.mark.parametrize("name", list(FUSIONS))
def test_weights_must_leave_samples_of_each_modality(samples, all_fitted, name):
    X, y = samples
    X = {**X, "B": without(X["B"], *range(2, len(y)))}
    weights = np.ones(len(y))
    weights[:2] = 0.0
    sentence = "all samples of modality 'B' have the weight 0; give some of them a weight, or"
    assert sentence in refusal(lambda: clone(FUSIONS[name]).fit(X, y, weights))
    assert sentence in refusal(lambda: all_fitted[name].fine_tune(X, y, weights))


def test_a_class_that_a_modality_lacks_may_have_a_weight_and_be_validated():
    X, y = make_samples(36)
    y = y.astype("<U6")
    y[::3] = "third"
    X = {**X, "B": without(X["B"], *range(0, 36, 3))}
    estimator = FCNClassifier(**TINY, class_weight={"calm": 1.0, "moved": 2.0, "third": 3.0})
    clf = FusionClassifier(estimator, "late", random_state=0)
    clf.fit(X, y, validation_data=(X, y))
    assert clf.predict_proba(X).shape == (36, 3)
    assert len(clf.history_["B"]["val_loss"]) == 1


def test_late_fusion_refuses_the_weight_of_an_unknown_class(samples):
    X, y = samples
    estimator = FCNClassifier(**TINY, class_weight={"clam": 100.0, "moved": 1.0})
    for fusion in ("early", "late"):
        assert refusal(partial(FusionClassifier(estimator, fusion).fit, X, y)) == (
            "class_weight names 'clam', but the classes in y are 'calm', 'moved'; change it with "
            "set_params(class_weight=...)."
        )


@pytest.mark.parametrize("network", ["late", "early", "attention"])
def test_columns_in_another_order_are_refused_also_by_a_loaded_model(network, samples, tmp_path):
    X, y = samples
    frames = {"A": pd.DataFrame(X["A"][:, 0]).add_prefix("t"), "B": X["B"]}
    turned = {**frames, "A": frames["A"][frames["A"].columns[::-1]]}
    clf = FusionClassifier(FCNClassifier(**TINY), network, random_state=0)
    if network == "attention":
        clf = AttentionFusionClassifier(n_hidden=4, n_epochs=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = clf.fit(frames, y).predict_proba(frames)
    clf.save(tmp_path / "model.lstmfcn")
    again = lstmfcn.load(tmp_path / "model.lstmfcn")
    for one in (clf, again):
        np.testing.assert_array_equal(one.predict_proba(frames), expected)
        assert one.column_names_["A"].tolist() == list(frames["A"]) and "B" not in one.column_names_
        found = refusal(partial(one.predict, turned))
        assert found.startswith("modality 'A': The feature names should match those that were")
