"""Several threads may use one classifier: the first to ask it, and while it is fitted anew."""

import functools
import pickle
import threading

import keras
import numpy as np
import pytest
from conftest import SOAK, fitted_once, make_series, make_unequal

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.multimodal import AttentionFusionClassifier, FusionClassifier
from lstmfcn.networks.layers import FusedBatchNormalization

SMALL = {"n_filters": (4, 6, 4), "n_epochs": 2, "random_state": 0}
CASES = [(LSTMFCNClassifier, make_series), (ALSTMFCNClassifier, make_unequal)]
CLASSIFIERS = [FCNClassifier]
if SOAK > 1:
    CASES += [(FCNClassifier, make_unequal), (ALSTMFCNClassifier, make_series)]
    CLASSIFIERS += [LSTMFCNClassifier, ALSTMFCNClassifier]


def in_threads(*calls):
    """Call all at once; return their results in order, raising what one of them raised."""
    results, start = [None] * len(calls), threading.Barrier(len(calls))

    def run(place, call):
        start.wait()
        try:
            results[place] = call()
        except BaseException as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def methods(clf, X):
    """Return what can be asked of a classifier, as functions without arguments."""
    asked = [
        lambda: clf.predict_proba(X),
        lambda: clf.gradient_map(X),
        lambda: clf.class_activation_map(X),
        lambda: clf.predict(X),
        lambda: clf.transform(X),
        lambda: clf.filter_activations(X, layer=1),
        lambda: clf.explain(X).lstm,
        lambda: clf.filter_activations(X, layer=2),
    ]
    return asked + ([lambda: clf.attention_map(X)] if hasattr(clf, "attention_map") else [])


@pytest.mark.parametrize("held_while", ["building", "tracing"])
def test_a_network_that_another_thread_overtakes_is_the_right_one(held_while, monkeypatch):
    X, y = make_series()
    fitted = fitted_once(LSTMFCNClassifier, X, y, **SMALL)
    right, fresh = fitted.predict_proba(X), pickle.loads(pickle.dumps(fitted))
    if held_while == "tracing":
        assert fresh.model_ is not None  # built at first use
    traces, other_is_done = threading.Event(), threading.Event()
    call = FusedBatchNormalization.call

    @functools.wraps(call)
    def held(self, *args, **kwargs):
        if threading.current_thread().name == "held" and not traces.is_set():
            traces.set()
            other_is_done.wait()
        return call(self, *args, **kwargs)

    monkeypatch.setattr(FusedBatchNormalization, "call", held)
    monkeypatch.setattr("lstmfcn.networks.fitted.LONGEST_WAIT", 0.01)
    answers = {}
    thread = threading.Thread(
        target=lambda: answers.update(held=fresh.predict_proba(X)), name="held"
    )
    thread.start()
    assert traces.wait(600.0)  # only a thread that has died takes so long
    answers["other"] = fresh.predict_proba(X)
    other_is_done.set()
    thread.join()
    for answer in (answers["other"], answers["held"], fresh.predict_proba(X)):
        np.testing.assert_array_equal(answer, right)


@pytest.mark.soak
@pytest.mark.parametrize(("cls", "make"), CASES)
def test_all_methods_at_once_on_fresh_models_answer_as_one_after_the_other(cls, make):
    X, y = make()
    fitted = fitted_once(cls, X, y, **SMALL)
    stored = pickle.dumps(fitted)
    expected = [call() for call in methods(fitted, X)]
    for k in range(SOAK):
        order = slice(None, None, -1 if k % 2 else 1)
        fresh = pickle.loads(stored)
        found = in_threads(*methods(fresh, X)[order])
        for one, other in zip(expected[order], found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.soak
@pytest.mark.parametrize(
    "make",
    [
        lambda: FusionClassifier(LSTMFCNClassifier(**SMALL), random_state=0),
        lambda: AttentionFusionClassifier("frame", n_epochs=2, n_hidden=8, random_state=0),
    ],
)
def test_fresh_fusions_answer_many_threads_as_one(make):
    X, y = make_series()
    both = {"first": X, "second": X[:, :, ::-1].copy()}
    fitted = make().fit(both, y)
    expected, stored = fitted.predict_proba(both), pickle.dumps(fitted)
    for _ in range(SOAK):
        fresh = pickle.loads(stored)
        for found in in_threads(*[lambda fresh=fresh: fresh.predict_proba(both)] * 6):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.soak
@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_who_predicts_during_a_fit_gets_one_fit_or_the_other(cls):
    """Labels, scale, network and number of classes change; none is ever seen beside another's."""
    X, y = make_series(n_classes=2)
    X_other, y_other = make_series(n_classes=3, seed=1)
    y_other, X_other = np.char.add("other ", y_other), 1000.0 * X_other
    clf = cls(**SMALL)
    answers = {}
    for series, labels in ((X_other, y_other), (X, y)):
        clf.fit(series, labels)
        answers[clf.predict(X).tobytes()] = clf.predict_proba(X)
    assert len(answers) == 2
    is_done, seen = threading.Event(), []

    def ask():
        while not is_done.is_set():
            seen.append((clf.predict(X).tobytes(), clf.predict_proba(X)))

    def fit():
        try:
            clf.fit(X_other, y_other)
            clf.fit(X, y)
        finally:
            is_done.set()

    in_threads(fit, ask, ask)
    for labels, probabilities in seen:
        assert labels in answers
        assert any(np.array_equal(probabilities, right) for right in answers.values())
    assert len(seen) > 2


def test_what_is_set_during_a_fit_stays():
    class Sets(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            clf.set_params(batch_size=7)

    clf = FCNClassifier(**SMALL, callbacks=[Sets()])
    clf.fit(*make_series())
    assert clf.batch_size == 7 and clf.n_epochs_ == 2
