"""Does an ensemble answer, explain, learn on and come back as its members together?"""

import copy
import json
import pickle
import threading
import time
import zipfile

import keras
import numpy as np
import pandas
import pytest
from conftest import PLAIN, fitted_once, make_series, make_unequal, refusal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import lstmfcn
from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier, LSTMFCNEnsemble
from lstmfcn.evaluation import Model, experiment
from lstmfcn.sktime import SktimeClassifier
from lstmfcn.training import batches
from lstmfcn.training.checkpoint import Checkpoint

TINY = {**PLAIN, "n_filters": (4, 6, 4), "n_epochs": 3, "batch_size": 8}
SMALL = {"estimator": LSTMFCNClassifier(**TINY), "n_estimators": 3, "random_state": 0}
STEPS = ({"n_steps": 12}, {"n_steps": 6}, {"n_steps": None})  # of series of 24 timepoints


def fitted(**changes):
    parameters = {**SMALL, "variants": STEPS, **changes}
    return fitted_once(LSTMFCNEnsemble, *make_series(n_classes=3), **parameters)


@pytest.fixture
def X():
    return make_series(n_classes=3)[0]


def test_logits_probabilities_and_features_are_those_of_the_members(X):
    clf = fitted()
    logits = np.mean([member.decision_function(X) for member in clf.estimators_], axis=0)
    np.testing.assert_array_equal(clf.decision_function(X), logits)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(X), shares)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[logits.argmax(axis=1)])
    features = np.hstack([member.transform(X) for member in clf.estimators_])
    np.testing.assert_array_equal(clf.transform(X), features)
    assert clf.get_feature_names_out().shape == (features.shape[1],)


def test_members_differ_by_seed_and_variant():
    clf = fitted()
    pools = [member.network_.architecture["pool_sizes"] for member in clf.estimators_]
    assert pools == [(1, 2, 1), (1, 2, 2), (1, 1, 1)]
    assert len({member.random_state for member in clf.estimators_}) == 3
    alike = fitted(variants=None)
    assert len({member.network_.architecture["pool_sizes"] for member in alike.estimators_}) == 1


def test_the_explanation_adds_up_to_the_mean_logits(X):
    clf = fitted()
    for y in (None, "class 1"):
        explanation = clf.explain(X, y)
        np.testing.assert_allclose(explanation.logits, clf.decision_function(X), atol=1e-5)
        of_target = explanation.convolutions[np.arange(len(X)), explanation.target]
        np.testing.assert_allclose(explanation.over_time.sum(axis=1), of_target, atol=1e-5)
        assert explanation.over_time.shape == (len(X), clf.n_timepoints_in_)


@pytest.mark.parametrize("method", ["class_activation_map", "gradient_map"])
def test_maps_explain_what_the_ensemble_predicts(X, method):
    clf = fitted()
    predicted = clf.predict(X)
    maps = [getattr(member, method)(X, predicted) for member in clf.estimators_]
    np.testing.assert_allclose(getattr(clf, method)(X), np.mean(maps, axis=0))
    of_one = getattr(clf, method)(X, "class 2")
    maps = [getattr(member, method)(X, "class 2") for member in clf.estimators_]
    np.testing.assert_allclose(of_one, np.mean(maps, axis=0))


def test_attention_is_the_mean_and_missing_without_attention(X):
    clf = fitted(estimator=ALSTMFCNClassifier(**TINY))
    maps = [member.attention_map(X) for member in clf.estimators_]
    np.testing.assert_allclose(clf.attention_map(X), np.mean(maps, axis=0))
    np.testing.assert_allclose(clf.attention_map(X).sum(axis=1), 1.0)
    assert not hasattr(fitted(), "attention_map")


def test_random_weights_are_others_in_all_members(X):
    clf = fitted()
    other = clf.with_random_weights(1)
    assert not np.allclose(other.predict_proba(X), clf.predict_proba(X))
    for one, two in zip(clf.estimators_, other.estimators_, strict=True):
        assert not np.allclose(one.predict_proba(X), two.predict_proba(X))


def test_saved_and_pickled_ensembles_answer_alike(X, tmp_path):
    clf = fitted(estimator=ALSTMFCNClassifier(**TINY))
    clf.save(tmp_path / "ensemble.lstmfcn")
    for again in (lstmfcn.load(tmp_path / "ensemble.lstmfcn"), pickle.loads(pickle.dumps(clf))):
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
        np.testing.assert_array_equal(again.attention_map(X), clf.attention_map(X))
        assert again.history_ == clf.history_ and repr(again) == repr(clf)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c, _: c.update(n_members=2), "it holds"),
        (lambda c, _: c["classes"].update(values=["a", "b", "c"]), "classes of its members are"),
        (lambda c, _: c["parameters"].update(n_estimators="many"), "n_estimators"),
        (lambda c, _: c["parameters"].update(spam=1), "no parameter 'spam'"),
        (lambda _, m: m.update({"2/classifier.json": m["1/classifier.json"]}), "weights"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, change, sentence):
    path = tmp_path / "ensemble.lstmfcn"
    fitted(variants=({}, {"n_filters": (4, 4, 4)})).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = json.loads(members["ensemble.json"])
    change(content, members)
    members["ensemble.json"] = json.dumps(content).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    assert sentence in refusal(lambda: lstmfcn.load(path))


class Killed(BaseException):
    """As if the process ended."""


def kill_at(monkeypatch, n):
    """Write each state, and end the training after the n-th."""
    count = [0]

    def write_if_due(self, make_state):
        if self.path is not None:
            count[0] += 1
            self.write(make_state())
            if count[0] == n:
                raise Killed

    monkeypatch.setattr(Checkpoint, "write_if_due", write_if_due)
    monkeypatch.setattr(batches, "MOST_TOGETHER", 1)


@pytest.mark.parametrize("random_state", [0, None])
def test_a_killed_fit_goes_on_bit_equal(random_state, tmp_path, monkeypatch):
    X, y = make_series()
    clf = LSTMFCNEnsemble(**{**SMALL, "checkpoint": tmp_path, "random_state": random_state})
    with monkeypatch.context() as patch:
        for n in (5, 20):  # in the first member, in a later one
            kill_at(patch, n)
            with pytest.raises(Killed):
                clf.fit(X, y)
            assert not hasattr(clf, "estimators_")
    clf.fit(X, y)
    seeds = [member.random_state for member in clf.estimators_]
    if random_state is not None:
        through = LSTMFCNEnsemble(**SMALL).fit(X, y)
        assert seeds == [member.random_state for member in through.estimators_]
        np.testing.assert_array_equal(clf.predict_proba(X), through.predict_proba(X))
    again = clone(clf).fit(X, y)  # finished: nothing is trained
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


def test_a_killed_fine_tune_goes_on_bit_equal(tmp_path, monkeypatch):
    X, y = make_series(n_classes=3)
    options = {"n_iterations": 2, "n_epochs": 2, "batch_size": 8}
    through = copy.deepcopy(fitted()).fine_tune(X, y, **options)
    clf = copy.deepcopy(fitted()).set_params(checkpoint=tmp_path)
    before = clf.predict_proba(X)
    with monkeypatch.context() as patch:
        kill_at(patch, 20)
        with pytest.raises(Killed):
            clf.fine_tune(X, y, **options)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    clf.fine_tune(X, y, **options)
    np.testing.assert_array_equal(clf.predict_proba(X), through.predict_proba(X))


def test_members_trained_at_once_are_bit_equal(X):
    clf = LSTMFCNEnsemble(**SMALL, variants=STEPS, n_jobs=2).fit(*make_series(n_classes=3))
    np.testing.assert_array_equal(clf.predict_proba(X), fitted().predict_proba(X))


def test_an_error_in_one_member_stops_the_others_and_changes_nothing():
    X, y = make_series()
    long = LSTMFCNClassifier(**{**TINY, "n_epochs": 100_000})
    clf = LSTMFCNEnsemble(long, n_estimators=2, n_jobs=2, random_state=0)
    clf.variants = ({}, {"kernel_sizes": (30, 5, 3)})
    started = time.perf_counter()
    assert "use shorter kernels" in refusal(lambda: clf.fit(X, y))
    assert not hasattr(clf, "estimators_") and time.perf_counter() - started < 60


def test_unequal_lengths_channels_and_weights():
    X, y = make_unequal(n_channels=2)
    clf = fitted_once(LSTMFCNEnsemble, X, y, **SMALL)
    assert clf.unequal_length_in_ == "pad" and clf.n_channels_in_ == 2
    assert clf.class_activation_map(X[:4]).shape == (4, clf.n_timepoints_in_)
    assert clf.gradient_map(X[:4], per_channel=True).shape == (4, 2, clf.n_timepoints_in_)
    weighted = LSTMFCNEnsemble(**SMALL).fit(X, y, np.where(y == y[0], 3.0, 1.0))
    assert not np.allclose(weighted.predict_proba(X), clf.predict_proba(X))


def test_fine_tuning_may_change_the_classes():
    clf = copy.deepcopy(fitted())
    X, y = make_series(n_samples=20, n_classes=2)
    clf.fine_tune(X, y, n_iterations=1, n_epochs=1, reset_head=True)
    assert clf.classes_.tolist() == ["class 0", "class 1"]
    assert clf.predict_proba(X).shape == (20, 2)


def test_history_is_the_mean_over_the_members_that_trained_so_long():
    clf = fitted(variants=({}, {"n_epochs": 5}, {}))
    losses = [member.history_["loss"] for member in clf.estimators_]
    assert [len(loss) for loss in losses] == [3, 5, 3]
    assert clf.history_["loss"][0] == pytest.approx(np.mean([loss[0] for loss in losses]))
    assert clf.history_["loss"][4] == losses[1][4]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"estimator": 3}, "estimator is a int; pass an instance of LSTMFCNClassifier, "),
        ({"estimator": LSTMFCNClassifier(checkpoint="x")}, "pass checkpoint to the ensemble"),
        ({"n_estimators": 0}, "n_estimators"),
        ({"variants": "some"}, "variants"),
        ({"variants": []}, "variants is empty"),
        ({"variants": [{"spam": 1}]}, "out of batch_size, "),
        ({"variants": [{"unequal_length": "pad"}]}, "dict of parameters of LSTMFCNClassifier"),
        ({"variants": [{"random_state": 1}]}, "dict of parameters of LSTMFCNClassifier"),
        ({"variants": [{"n_steps": 0}]}, "n_steps"),
        ({"checkpoint": ""}, "not the name of a folder"),
        ({"random_state": "x"}, "random_state"),
    ],
)
def test_refusals(parameters, sentence):
    X, y = make_series()
    clf = LSTMFCNEnsemble(**{**SMALL, **parameters})
    assert sentence in refusal(lambda: clf.fit(X, y))
    assert not hasattr(clf, "estimators_")


def test_without_a_seed_of_its_own_it_takes_that_of_the_estimator():
    ensemble = LSTMFCNEnsemble(LSTMFCNClassifier(random_state=0), 3)
    seeds, again = ([one.random_state for one in clone(ensemble)._new_members()] for _ in range(2))
    assert seeds == again and len(set(seeds)) == 3


@pytest.mark.parametrize("owner", ["estimator", "ensemble"])
def test_a_refused_fit_draws_no_numbers(owner):
    X, y = make_series()
    generator = np.random.RandomState(0)
    estimator = FCNClassifier(**TINY, random_state=generator if owner == "estimator" else None)
    ensemble = LSTMFCNEnsemble(
        estimator, 1, random_state=generator if owner == "ensemble" else None
    )
    assert "y has 5 labels" in refusal(lambda: ensemble.fit(X, y[:5]))
    ensemble.fit(X, y)
    through = LSTMFCNEnsemble(FCNClassifier(**TINY), 1, random_state=0).fit(X, y)
    np.testing.assert_array_equal(ensemble.predict_proba(X), through.predict_proba(X))


def test_parameters_of_its_own_are_checked_before_fine_tuning_and_saving(tmp_path):
    X, y = make_series(n_classes=3)
    clf = copy.deepcopy(fitted()).set_params(n_jobs="x")
    for call in (lambda: clf.fine_tune(X, y), lambda: clf.save(tmp_path / "m.lstmfcn")):
        assert "The 'n_jobs' parameter of LSTMFCNEnsemble must be" in refusal(call)
    clf = copy.deepcopy(fitted()).set_params(estimator__n_steps=-3)
    assert "The 'n_steps' parameter" in refusal(lambda: clf.save(tmp_path / "m.lstmfcn"))
    clf.set_params(estimator=3)
    assert "estimator is a int" in refusal(lambda: clf.save(tmp_path / "m.lstmfcn"))
    assert not list(tmp_path.iterdir())


def test_one_bar_for_all_members(capsys):
    LSTMFCNEnsemble(**SMALL, verbose=2).fit(*make_series())
    last = capsys.readouterr().err.split("\r")[-1]
    assert "100%" in last and "3.0/3 members" in last and "loss=" in last


def test_members_that_share_a_callback_train_in_turn():
    class Locked(keras.callbacks.Callback):
        """Cannot be copied; notes whose epochs it sees."""

        def __init__(self):
            super().__init__()
            self.lock, self.seen = threading.Lock(), []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(epoch)

    callback = Locked()
    estimator = FCNClassifier(**TINY, callbacks=[callback])
    LSTMFCNEnsemble(estimator, n_estimators=3, n_jobs=3).fit(*make_series())
    assert callback.seen == [0, 1, 2] * 3


def test_names_of_columns_come_from_the_last_training_and_the_file(tmp_path):
    X, y = make_series()
    first, second = (
        pandas.DataFrame(X[:, 0], columns=[f"{letter}{i}" for i in range(24)]) for letter in "ab"
    )
    clf = LSTMFCNEnsemble(FCNClassifier(**TINY), n_estimators=2, random_state=0).fit(first, y)
    clf.fine_tune(second, y, reset_head=True, n_iterations=1, n_epochs=1)
    assert clf.feature_names_in_.tolist() == list(second.columns)
    clf.save(tmp_path / "m.lstmfcn")
    again = lstmfcn.load(tmp_path / "m.lstmfcn")
    assert again.feature_names_in_.tolist() == list(second.columns)


def test_class_weights_of_variants_survive_a_file(tmp_path):
    X, y = make_series()
    y = np.unique(y, return_inverse=True)[1]
    variants = [{}, {"class_weight": {0: 1, np.int64(1): 5}}]
    clf = LSTMFCNEnsemble(FCNClassifier(**TINY), n_estimators=2, variants=variants).fit(X, y)
    clf.save(tmp_path / "m.lstmfcn")
    again = lstmfcn.load(tmp_path / "m.lstmfcn")
    assert again.variants == ({}, {"class_weight": {0: 1, 1: 5}})
    clone(again).fit(X, y)


@pytest.mark.parametrize("changes", [{"n_filters": ()}, {"n_filters": 64}, {"kernel_sizes": ()}])
def test_blocks_that_are_not_possible_are_refused_in_a_sentence(changes):
    ensemble = LSTMFCNEnsemble(FCNClassifier(**{**TINY, **changes}))
    assert "is not a sequence of 1 to 64 whole numbers" in refusal(
        lambda: ensemble.fit(*make_series())
    )


def test_in_a_pipeline_in_sktime_and_in_a_sweep(X):
    y = make_series(n_classes=3)[1]
    ensemble = LSTMFCNEnsemble(FCNClassifier(**TINY), n_estimators=2, random_state=0)
    expected = clone(ensemble).fit(X, y).predict_proba(X)
    pipeline = make_pipeline(FunctionTransformer(), clone(ensemble)).fit(X, y)
    np.testing.assert_array_equal(pipeline.predict_proba(X), expected)
    adapted = SktimeClassifier(ensemble).fit(X, y)
    np.testing.assert_array_equal(adapted.predict_proba(X), expected)
    tiny = {"n_epochs": 1, "n_filters": [4, 4, 4]}
    model = Model("ensemble", "LSTMFCNEnsemble", {"n_estimators": 2, "variants": [tiny]})
    one = experiment(Model("one", "LSTMFCNClassifier", tiny), (X[:9], y[:9], X[9:], y[9:]))[0]
    both = experiment(model, (X[:9], y[:9], X[9:], y[9:]))[0]
    assert both["n_parameters"] == 2 * one["n_parameters"]
