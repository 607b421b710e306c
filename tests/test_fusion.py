"""Do several modalities decide together as they should, with all of them and without some?"""

import json
import pickle
import zipfile

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import lstmfcn
from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.emotion import FeatureSet
from lstmfcn.emotion.augmentation import AugmentedClassifier
from lstmfcn.emotion.folds import FoldEnsemble, make_folds, read_folds, write_folds
from lstmfcn.emotion.fusion import FusionClassifier
from lstmfcn.emotion.fusion.attention import (
    AttentionFusionClassifier,
    TwoBiasLSTMCell,
    build_attention_fusion,
)
from lstmfcn.emotion.fusion.late import Stack
from lstmfcn.emotion.fusion.modalities import read_modalities
from lstmfcn.emotion.fusion.networks import ModalityDropout, build_branches, count_head_weights
from lstmfcn.emotion.semi_supervised import PseudoLabelClassifier
from lstmfcn.networks import NETWORKS, count_weights
from lstmfcn.training import Recipe, train

TINY = {"n_filters": (4, 4), "kernel_sizes": (3, 3), "n_epochs": 1, "batch_size": 8}
SMALL = {"n_filters": (8, 8, 8), "batch_size": 8, "learning_rate": 0.01}

FUSIONS = {
    "branch": FusionClassifier(ALSTMFCNClassifier(2, **TINY), n_hidden=4, random_state=0),
    "early": FusionClassifier(ALSTMFCNClassifier(2, **TINY), "early", random_state=0),
    "late": FusionClassifier(ALSTMFCNClassifier(2, **TINY), "late", random_state=0),
    "stack": FusionClassifier(
        FCNClassifier(**TINY), "late", stacking=True, n_folds=2, random_state=0
    ),
}


GROUPS = np.arange(24) // 3


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
    return {name: clone(clf).fit(*samples, groups=GROUPS) for name, clf in FUSIONS.items()}


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
    clf = FusionClassifier(estimator, "early", align_to="A", n_folds=3)
    assert clf.estimator is estimator
    again = clone(clf)
    assert again.estimator is not estimator
    assert again.get_params(deep=False).keys() == clf.get_params(deep=False).keys()
    assert (again.fusion, again.align_to, again.n_folds) == ("early", "A", 3)
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


def model_of(clf):
    """Return the network of a classifier that has one."""
    return getattr(clf.fusion_, "estimator", clf.fusion_).model_


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
    for name in ("classes_", "modalities_", "history_", "fusion_"):
        setattr(other, name, getattr(branch, name))
    other.save(tmp_path / "file")
    again = lstmfcn.load(tmp_path / "file")
    np.testing.assert_array_equal(again.predict_proba(X), before)
    assert (again.fusion, again.fusion_.n_hidden, again.n_hidden) == ("early", 4, 7)


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
            {layer.name: layer.get_weights() for layer in model_of(clf).layers if layer.weights}
            for clf in (fitted, twin)
        )
        same = {name for name in old if all(map(np.array_equal, old[name], new[name]))}
        assert same == {name for name in old if name.startswith(("conv_", "norm_", "repair"))}
    first, second = (twin.predict_proba(X) for twin in twins)
    np.testing.assert_array_equal(first, second)
    assert (first != before).any()
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_attention_belongs_to_the_modalities(fitted, samples):
    X, _ = samples
    if isinstance(fitted.estimator, FCNClassifier):
        with pytest.raises(AttributeError, match="this network has no attention; fit with esti"):
            fitted.attention_maps(X)
        return
    maps = fitted.attention_maps({**X, "B": without(X["B"], 2)})
    lengths = {"A": 16, "B": 16 if fitted.fusion == "early" else 8}
    assert {name: attention.shape for name, attention in maps.items()} == {
        name: (24, length) for name, length in lengths.items()
    }
    assert np.isnan(maps["B"][2]).all() and np.isfinite(maps["A"]).all()
    there = np.delete(maps["B"], 2, axis=0)
    np.testing.assert_allclose(there.sum(axis=1), 1.0, atol=1e-6)
    assert (there >= 0).all()


def test_the_attention_of_a_branch_is_that_of_its_layer(branch, samples):
    X, _ = samples
    inputs = branch.fusion_._to_inputs(read_modalities(X))
    trunk = branch.fusion_.classifiers()["B"]
    inside = branch.fusion_._forwards("attention.1", inputs)
    alone = trunk.attention_map(X["B"], over="features")
    np.testing.assert_allclose(inside / inside.sum(axis=1, keepdims=True), alone, atol=1e-6)


# What is learned


@pytest.mark.parametrize("fusion", ["branch", "early"])
def test_one_modality_alone_decides(fusion):
    estimator = LSTMFCNClassifier(4, **SMALL, n_epochs=15)
    clf = FusionClassifier(estimator, fusion, random_state=0).fit(*make_samples(60))
    assert clf.score(*make_samples(100, seed=1)) >= 0.9


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
    branches = FusionClassifier(estimator, n_hidden=0, random_state=0).fit(X, y).fusion_
    both, a, b = (
        branches._logits(read_modalities(seen, ("A", "B")))
        for seen in (X, {"A": X["A"]}, {"B": X["B"]})
    )
    bias = branches.model_.get_layer("logits").get_weights()[1]
    np.testing.assert_allclose(a + b - both, np.tile(bias, (24, 1)), atol=1e-5)


# Missing modalities


def test_a_missing_modality_costs_little_where_the_other_knows(redundant):
    X, y = make_samples(100, seed=1, rule="same")
    for clf in redundant.values():
        assert clf.score(X, y) >= 0.95
        for name in ("A", "B"):
            assert clf.score({name: X[name]}, y) >= 0.85


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
    inputs = clf.fusion_._to_inputs(read_modalities(X))
    for place, mask in ((0, inputs[1].astype(bool)), (1, np.ones((40, 8), bool))):
        seen = clf.fusion_._forwards(f"conv_1.{place}", inputs)[mask].astype(np.float64)
        norm = clf.fusion_.model_.get_layer(f"norm_1.{place}")
        np.testing.assert_allclose(norm.moving_mean, seen.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, seen.var(axis=0), rtol=1e-4)


def test_stand_ins_are_other_samples_in_turn_and_are_not_read(branch, samples):
    X, _ = samples
    modalities = read_modalities({"A": X["A"], "B": without(X["B"], 0, 1, 23)})
    filled = modalities.filled("B", 3, 8)
    np.testing.assert_array_equal(filled[[0, 1, 23]], X["B"][[2, 3, 4]])
    *inputs, present = branch.fusion_._to_inputs(modalities)
    other = [array.copy() for array in inputs]
    other[1][[0, 1, 23]] = 100.0
    first, second = (branch.fusion_._forwards("logits", (*i, present)) for i in (inputs, other))
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


# Late: stacking


def test_the_stack_trusts_the_modality_that_is_right():
    labels = np.arange(60) % 3
    probabilities = np.full((60, 2, 3), 0.1)
    probabilities[np.arange(60), 0, labels] = 0.8  # the first is right
    probabilities[np.arange(60), 1, np.random.RandomState(0).permutation(labels)] = 0.8
    stack = Stack.fit(probabilities, labels)
    together = stack(probabilities)
    np.testing.assert_array_equal(together.argmax(axis=1), labels)
    np.testing.assert_allclose(together.sum(axis=1), 1.0, atol=1e-12)
    without_it = probabilities.copy()
    without_it[:, 0] = np.nan
    assert (stack(without_it).max(axis=1) < 0.6).all()  # and knows that the second is not


def test_the_stack_is_that_of_scikit_learn():
    rng = np.random.RandomState(0)
    labels, probabilities = rng.randint(2, size=50), rng.dirichlet([1, 1], size=(50, 2))
    evidence = np.log(probabilities)
    evidence = ((evidence - evidence.mean(axis=0)) / evidence.std(axis=0)).reshape(50, -1)
    expected = LogisticRegression(max_iter=1000).fit(evidence, labels).predict_proba(evidence)
    np.testing.assert_allclose(Stack.fit(probabilities, labels)(probabilities), expected)


def test_the_folds_of_the_stack_keep_groups_together(all_fitted):
    first, second = all_fitted["stack"].fusion_.folds
    assert len(first) + len(second) == 24
    assert not set(GROUPS[first]) & set(GROUPS[second])


# Branches: the network and its training


@pytest.mark.parametrize("network", list(NETWORKS))
def test_the_network_is_its_trunks_and_a_head(network):
    cells = {} if network == "fcn" else {"n_cells": 2}
    sizes = {"n_filters": (4, 4, 6), "kernel_sizes": (3, 3, 3), **cells}
    if network == "alstmfcn":
        sizes["attention"] = "features"
    trunks = {
        "A": {"n_timepoints": 20, "n_channels": 3, "masked": True, **sizes},
        "B": {"n_timepoints": 7, "n_channels": 2, **sizes},
    }
    model = build_branches(trunks, 4, network=network, n_hidden=5)
    alone = [count_weights(network, n_classes=0, **trunk) for trunk in trunks.values()]
    assert sum(np.size(w) for w in model.get_weights()) == sum(alone) + count_head_weights(
        trunks, 4, 5
    )
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


def message(call):
    """Return what a call is refused with."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    return str(caught.value)


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
        "series per sample in each, None in a list for a sample without the modality.": (
            lambda: new.fit({**X, "B": X["B"][1:]}, y)
        ),
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
        assert message(call) == expected


def test_a_refused_call_leaves_a_fitted_classifier_as_it_was(fitted, samples):
    X, y = samples
    before, state = fitted.predict_proba(X), dict(vars(fitted))
    inner = dict(vars(fitted.fusion_))
    message(lambda: fitted.fit({**X, "B": X["B"] * np.inf}, y))
    message(lambda: fitted.fine_tune(X, ["calm", "other"] * 12))
    message(lambda: fitted.fine_tune({**X, "B": X["B"][:, 1:]}, y, n_epochs=1, n_iterations=1))
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
        (lambda m: m.update({"head.f32": m["head.f32"][:-4]}), "its head has"),
        (lambda m: m.update({"head.f32": b"\xff" * len(m["head.f32"])}), "NaN or infinity"),
        (
            lambda m: m.update(
                {"head.f32": np.full(len(m["head.f32"]) // 4, 3e38, "<f4").tobytes()}
            ),
            "the answer to a plausible series is NaN",
        ),
        (lambda m: m.update({"more.f32": b""}), "it holds"),
        (lambda m: m.pop("1/weights.f32"), "it holds"),
        (edited("modalities", ["A", "A"]), "two of its modalities have one name"),
        (edited("modalities", ["A"]), "it holds"),
        (edited("format", 9), "is not format 1; use the version of lstmfcn that wrote it"),
        (edited("estimator", {"class": "os", "parameters": {}}), "its class 'os' is none of"),
        (edited("fitted", {"fusion": "branch", "n_hidden": 5}), "its head has"),
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


class Watched(LogisticRegression):
    """Asks the classifier around it while it is trained, as another thread would."""

    outer, X, seen = None, None, []  # shared by all clones

    def fit(self, X, y, sample_weight=None):
        if self.outer is not None:
            self.seen.append(self.outer.predict(self.X).tolist())
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    "outer",
    [
        FoldEnsemble(Watched(), 2, random_state=0),
        AugmentedClassifier(Watched(), random_state=0),
        PseudoLabelClassifier(Watched(), n_rounds=1, n_members=2, random_state=0),
    ],
    ids=lambda outer: type(outer).__name__,
)
@pytest.mark.filterwarnings("ignore:y has no unlabelled series:UserWarning")
def test_who_predicts_during_a_fit_sees_the_classifier_before_it(outer, monkeypatch):
    X, y = np.repeat([[0.0], [5.0]], 8, axis=0), np.repeat(["high", "low"], 8)
    outer = clone(outer).fit(X, y)
    monkeypatch.setattr(Watched, "outer", outer)
    monkeypatch.setattr(Watched, "X", X)
    monkeypatch.setattr(Watched, "seen", [])
    outer.fit(X, np.repeat(["left", "right"], 8))
    assert len(Watched.seen) and all(seen == y.tolist() for seen in Watched.seen)
    assert outer.predict(X[[0, -1]]).tolist() == ["left", "right"]


@pytest.mark.parametrize("kind", [*FUSIONS, "baseline"])
def test_who_predicts_during_a_fit_of_networks_sees_those_before_it(kind, samples, monkeypatch):
    X, y = samples
    clf = clone(
        FUSIONS.get(kind, AttentionFusionClassifier(n_hidden=4, n_epochs=1, random_state=0))
    )
    clf.fit(X, y)
    before, seen = clf.predict(X).tolist(), []

    def watch(where, name):
        original = getattr(where, name)

        def watched(*args, **kwargs):
            result = original(*args, **kwargs)
            seen.append(clf.predict(X).tolist())
            return result

        monkeypatch.setattr(where, name, watched)

    watch(type(clf), "_adopt" if kind == "baseline" else "_new_fusion")
    clf.fit(X, np.where(y == "calm", "one", "two"))
    assert seen == [before]
    assert clf.classes_.tolist() == ["one", "two"] and set(clf.predict(X)) <= {"one", "two"}


def test_an_impossible_stack_is_refused(samples, tmp_path):
    clone(FUSIONS["stack"]).fit(*samples).save(tmp_path / "file")
    sound = json.loads(members(tmp_path / "file")["fusion.json"])["stack"]
    n_classes = len(sound["bias"])
    for key, value, says in (
        ("bias", ["a"] * n_classes, "its stack does not consist of numbers"),
        ("bias", [10**400] * n_classes, "its stack does not consist of numbers"),
        ("bias", [[0], [0, 0]], "its stack does not consist of numbers"),
        ("bias", [0], "its stack does not fit its modalities and classes"),
        ("scale", np.zeros_like(sound["scale"]).tolist(), "holds numbers that are not possible"),
        (
            "weights",
            np.full_like(sound["weights"], 1e308).tolist(),
            "its stack answers plausible probabilities with NaN",
        ),
    ):
        rewritten(tmp_path / "file", edited("stack", {**sound, key: value}))
        with pytest.raises(ValueError, match=says):
            lstmfcn.load(tmp_path / "file")


def test_sequences_of_a_feature_store_are_read_frame_by_frame(samples, tmp_path):
    X, _ = samples
    for i, x in enumerate(X["A"]):
        np.save(tmp_path / f"clip{i:02}.npy", x.T.astype(np.float32))  # (T, D)
    found = FeatureSet(tmp_path).sequences()
    modalities = read_modalities({"A": found, "B": X["B"]})
    np.testing.assert_array_equal(modalities.series["A"], X["A"].astype(np.float32))


# The comparator: attention fusion


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
    train(model, inputs, labels, nothing, Recipe(1, 4, 1e-3, "constant"), seed=0)
    moved = np.concatenate([w.ravel() for w in model.get_weights()]) - before
    big = np.abs(before) > 0.05  # Adam moves by its rate wherever there is a gradient
    assert big.sum() > 20
    expected = -1e-3 * np.sign(before[big]) if l2 else np.zeros(big.sum())
    np.testing.assert_allclose(moved[big], expected, atol=1e-5)


@pytest.fixture(scope="module", params=["utterance", "frame"])
def baseline(request):
    X, y = make_samples(60)
    clf = AttentionFusionClassifier(
        request.param, n_hidden=16, learning_rate=0.01, n_epochs=15, random_state=0
    )
    return clf.fit(ragged(X), y)


def test_the_baseline_learns_repeats_and_pickles(baseline):
    X, y = make_samples(60)
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
    assert message(lambda: clf.predict({**X, "B": X["B"][:, 1:]})) == (
        "modality 'B': X has 2 channels, but this AttentionFusionClassifier was fitted on 3; pass "
        "the same channels, or fit again."
    )
    before = dict(vars(clf))
    message(lambda: clf.fit(X, y[1:]))
    assert vars(clf) == before


# Folds


def test_plain_folds_follow_the_rule_of_mertools():
    folds = make_folds(5030, random_state=0)
    assert [len(fold) for fold in folds] == [1006] * 5
    assert [len(fold) for fold in make_folds(23, 4, random_state=0)] == [5, 5, 5, 8]
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(5030))
    assert folds[0].tolist() != list(range(1006))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"y": [0, 1] * 20},
        {"groups": np.arange(40) // 4},
        {"y": [0, 1] * 20, "groups": np.arange(40) // 4},
    ],
)
def test_folds_repeat_with_their_seed(options):
    first, again, other = (make_folds(40, random_state=seed, **options) for seed in (0, 0, 1))
    assert [f.tolist() for f in first] == [f.tolist() for f in again]
    assert [f.tolist() for f in first] != [f.tolist() for f in other]
    np.testing.assert_array_equal(np.sort(np.concatenate(first)), np.arange(40))
    if "groups" in options:
        of_fold = [set(options["groups"][fold]) for fold in first]
        assert sum(map(len, of_fold)) == 10  # no group in two
    if "y" in options:
        shares = [np.mean(np.array(options["y"])[fold]) for fold in first]
        np.testing.assert_allclose(shares, 0.5)


def test_folds_that_cannot_be_are_refused():
    cases = {
        "n_folds=5 is not possible with 4 samples; choose 2 to 4.": lambda: make_folds(4),
        "class b has 1 samples, fewer than n_folds=2; lower n_folds, or pass more samples of it.": (
            lambda: make_folds(4, 2, y=["a", "a", "a", "b"])
        ),
        "groups has 2 groups, fewer than n_folds=3; lower n_folds.": (
            lambda: make_folds(4, 3, groups=[0, 0, 1, 1])
        ),
        "y has shape (3,); pass one entry for each of 4 samples.": (
            lambda: make_folds(4, 2, y=[0, 1, 0])
        ),
    }
    for expected, call in cases.items():
        assert message(call) == expected


def test_stored_folds_come_back_by_name(tmp_path):
    path, names = tmp_path / "folds.csv", [f"clip,{i}" for i in range(11)]
    folds = make_folds(11, 3, random_state=0)
    write_folds(path, folds, names)
    assert [f.tolist() for f in read_folds(path, names)] == [f.tolist() for f in folds]
    turned = read_folds(path, names[::-1])
    assert [sorted(10 - f) for f in turned] == [f.tolist() for f in folds]
    assert message(lambda: read_folds(path, names[1:])) == (
        "folds.csv and names differ in 1 samples, first 'clip,0'; pass the samples that the folds "
        "were made for."
    )
    assert "exactly one fold" in message(
        lambda: write_folds(path, [[0, 1], [1, 2]], ["a", "b", "c"])
    )


def points(n=40):
    rng = np.random.RandomState(0)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 3)) + y[:, np.newaxis], np.array(["no", "yes"])[y]


def test_each_fold_is_predicted_by_the_estimator_that_has_not_seen_it():
    X, y = points()
    names = [f"clip {i}" for i in range(40)]
    ensemble = FoldEnsemble(LogisticRegression(), 4, random_state=0).fit(X, y, names=names)
    fold = ensemble.folds_[2]
    rest = np.setdiff1d(np.arange(40), fold)
    expected = LogisticRegression().fit(X[rest], y[rest]).predict_proba(X[fold])
    np.testing.assert_array_equal(ensemble.out_of_fold_[fold], expected)
    assert set(ensemble.fold_of_[fold]) == {2}
    predicted = ensemble.out_of_fold()
    assert list(predicted) == names
    assert predicted[names[fold[0]]] == ensemble.classes_[expected[0].argmax()]


def test_the_ensemble_is_the_mean_of_probabilities_or_of_logits():
    X, y = points()
    ensemble = FoldEnsemble(LogisticRegression(), random_state=0).fit(X, y)
    each = [estimator.predict_proba(X) for estimator in ensemble.estimators_]
    np.testing.assert_allclose(ensemble.predict_proba(X), np.mean(each, axis=0), atol=1e-12)
    logits = np.mean([e.decision_function(X) for e in ensemble.estimators_], axis=0)
    ensemble.set_params(average="logits")
    np.testing.assert_allclose(ensemble.predict_proba(X)[:, 1], 1 / (1 + np.exp(-logits)))


def test_given_folds_are_used_and_checked():
    X, y = points()
    folds = make_folds(40, 4, random_state=3)
    ensemble = FoldEnsemble(LogisticRegression(), folds).fit(X, y)
    assert [f.tolist() for f in ensemble.folds_] == [f.tolist() for f in folds]
    before = dict(vars(ensemble))
    assert message(lambda: ensemble.fit(X, y, groups=np.zeros(40))).startswith("group 0.0 is in")
    assert message(lambda: ensemble.set_params(folds=folds[1:]).fit(X, y)) == (
        "the folds hold 30 samples, 30 different ones; expected each of 40 samples in exactly one "
        "fold, and no fold empty."
    )
    assert vars(ensemble) == {**before, "folds": ensemble.folds}


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
