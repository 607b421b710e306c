"""Does fine-tuning carry over what it promises: to other data, classes and lengths?"""

import copy

import numpy as np
import pytest
from conftest import PLAIN, fitted_once, make_series, make_unequal, refusal

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.validation import axes_are_known

SMALL = {**PLAIN, "n_filters": (4, 6, 4), "n_epochs": 2, "batch_size": 8, "random_state": 0}
SHORT = {"n_iterations": 1, "n_epochs": 1}


def weights_of(classifier, *prefixes):
    return [
        weight
        for layer in classifier.model_.layers
        if layer.name.startswith(prefixes)
        for weight in layer.get_weights()
    ]


def fitted(cls=LSTMFCNClassifier, **kwargs):
    X, y = make_series()
    return copy.deepcopy(fitted_once(cls, X, y, **{**SMALL, **kwargs})), X, y


def same(a, b):
    return len(a) == len(b) > 0 and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_frozen_convolution_branch_keeps_weights_and_statistics():
    clf, X, y = fitted(squeeze_excite=True)
    frozen = ("conv_", "norm_", "reduce_", "excite_")
    before, lstm = weights_of(clf, *frozen), weights_of(clf, "lstm_cell")
    head = weights_of(clf, "logits")
    pooled = clf.transform(X, "pooled")
    clf.fine_tune(X + 5.0, y, freeze="convolutions", **SHORT)
    assert same(weights_of(clf, *frozen), before)
    assert not same(weights_of(clf, "lstm_cell"), lstm)
    assert not same(weights_of(clf, "logits"), head)
    np.testing.assert_array_equal(clf.transform(X, "pooled"), pooled)
    clf.fine_tune(X, y, **SHORT)  # and nothing stays frozen
    assert not same(weights_of(clf, "conv_"), before[: len(weights_of(clf, "conv_"))])


def test_a_frozen_fcn_learns_its_last_layer_only():
    clf, X, y = fitted(FCNClassifier)
    before, head = weights_of(clf, "conv_", "norm_"), weights_of(clf, "logits")
    clf.fine_tune(X, y, freeze="convolutions", **SHORT)
    assert same(weights_of(clf, "conv_", "norm_"), before)
    assert not same(weights_of(clf, "logits"), head)


def test_new_data_of_the_same_classes_keep_normalisation_and_classes():
    clf, _, _ = fitted()
    X, y = make_series(n_samples=12, seed=9)
    normalizer, classes = clf.normalizer_, clf.classes_
    some = y != classes[-1]
    clf.fine_tune(10.0 * X[some], y[some], **SHORT)
    assert clf.normalizer_ == normalizer
    assert clf.classes_ is classes


def test_new_classes_need_a_new_head():
    clf, X, _ = fitted()
    y = np.array(["left", "right"])[np.arange(len(X)) % 2]
    before = clf.predict_proba(X)
    with pytest.raises(ValueError) as caught:
        clf.fine_tune(X, y, **SHORT)
    assert str(caught.value) == (
        "y has labels that LSTMFCNClassifier was not fitted on: 'left', 'right'; its classes are "
        "'class 0', 'class 1'. Pass new_classes='add' to learn them beside these, reset_head=True "
        "to learn them instead, or fit again."
    )
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    lstm = weights_of(clf, "lstm_cell", "conv_")
    clf.fine_tune(10.0 * X, y, reset_head=True, learning_rate=1e-9, **SHORT)
    assert clf.classes_.tolist() == ["left", "right"]
    assert clf.predict_proba(X).shape == (len(X), 2)
    assert set(clf.predict(X)) <= {"left", "right"}
    assert len(clf.history_["loss"]) == 2 + 1
    for old, new in zip(lstm, weights_of(clf, "lstm_cell", "conv_"), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)  # transferred, hardly moved
    assert clf.normalizer_.scale[0] == pytest.approx(10 * fitted()[0].normalizer_.scale[0])


@pytest.mark.parametrize(
    "cls, parameters",
    [
        (FCNClassifier, {"views": ("values", "detrended"), "rocket": True}),
        (ALSTMFCNClassifier, {"dimension_shuffle": False}),
        (LSTMFCNClassifier, {"dimension_shuffle": False}),
        (ALSTMFCNClassifier, {"attention": "paper", "dimension_shuffle": False}),
    ],
)
def test_what_is_free_of_the_length_goes_on_with_another(cls, parameters):
    clf, X, y = fitted(cls, **parameters)
    learned = ("conv_", "norm_", "lstm_cell", "attention", "logits", "denoiser", "detrend")
    before = weights_of(clf, *learned)
    shorter = X[:, :, :17]
    clf.fine_tune(shorter, y, learning_rate=1e-9, **SHORT)
    assert (clf.n_timepoints_in_, clf.n_features_in_) == (17, 17)
    assert clf.predict_proba(shorter).shape == (len(X), 2)
    kernels = [w for w in before if w.ndim > 1]
    now = [w for w in weights_of(clf, *learned) if w.ndim > 1]
    for old, new in zip(kernels, now, strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)
    with pytest.raises(ValueError, match=f"{cls.__name__} is expecting 17 features"):
        clf.predict(X)


def test_a_denoiser_learns_series_of_another_kind_and_no_others():
    clf, X, y = fitted(ALSTMFCNClassifier)
    before = weights_of(clf, "denoiser")
    for options, stays in (({}, True), ({"reset_head": True}, False)):
        tuned = copy.deepcopy(clf).fine_tune(X, y, **options, **SHORT)
        assert same(weights_of(tuned, "denoiser"), before) is stays


def test_an_lstm_that_reads_whole_series_starts_anew_at_another_length():
    clf, X, y = fitted()
    shorter, before = X[:, :, :17], clf.predict_proba(X)
    with pytest.raises(ValueError, match="X has 17 features, but LSTMFCNClassifier is expecting"):
        clf.fine_tune(shorter, y, **SHORT)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    convolutions = weights_of(clf, "conv_")
    clf.fine_tune(shorter, y, reset_head=True, learning_rate=1e-9, **SHORT)
    for old, new in zip(convolutions, weights_of(clf, "conv_"), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)
    assert weights_of(clf, "lstm_cell")[0].shape[0] == 17
    assert clf.predict(shorter).shape == (len(X),)


def test_what_cannot_be_carried_over_is_refused_and_changes_nothing():
    clf, X, y = fitted()
    state, before = dict(vars(clf)), clf.predict_proba(X)
    channels = np.concatenate([X, X], axis=1)
    for arguments, sentence in [
        ((channels, y), "X has 2 channels, but this LSTMFCNClassifier was fitted on 1"),
        (
            (X[:, :, :5], y),
            r"X has 5 timepoints, but the network's kernel_sizes=\(8, 5, 3\) has a kernel of 8",
        ),
        ((X, y[:1].repeat(len(y))), "y has only one class"),
        ((make_unequal()[0], y), "X has series of"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            clf.fine_tune(*arguments, reset_head=True, **SHORT)
    for wrong, sentence in [
        ({"freeze": "fcn"}, "freeze='fcn' is unknown; choose one of None, 'convolutions'."),
        ({"reset_head": "yes"}, "reset_head='yes' is unknown; choose one of False, True."),
    ]:
        with pytest.raises(ValueError) as caught:
            clf.fine_tune(X, y, **wrong)
        assert str(caught.value) == sentence
    assert vars(clf).keys() == state.keys()
    assert all(vars(clf)[key] is value for key, value in state.items())
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_a_masked_network_goes_on_with_other_lengths():
    X, y = make_unequal()
    clf = copy.deepcopy(fitted_once(LSTMFCNClassifier, X, y, **SMALL))
    clf.fine_tune([x[:, :-2] for x in X], y, **SHORT)
    assert clf.predict(X).shape == (len(X),)


def test_a_new_problem_of_unequal_lengths_sets_the_length():
    X, y = make_unequal()
    clf = copy.deepcopy(fitted_once(LSTMFCNClassifier, X, y, **SMALL))
    longer = [np.concatenate([x, x], axis=1) for x in X]
    clf.fine_tune(longer, y, reset_head=True, **SHORT)
    assert clf.n_timepoints_in_ == max(x.shape[1] for x in longer)
    assert clf.predict(longer).shape == (len(X),)


def test_the_dimension_shuffle_chosen_in_fit_stays():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(20, 5, 4)), np.arange(20) % 2  # more channels than timepoints
    for cls, parameters in ((LSTMFCNClassifier, {}), (ALSTMFCNClassifier, {"attention": "paper"})):
        with axes_are_known():
            clf = cls(**SMALL, **parameters).fit(X, y)
        before = weights_of(clf, "lstm_cell", "attention_lstm")
        clf.fine_tune(rng.normal(size=(20, 5, 12)), y, learning_rate=1e-9, **SHORT)
        for old, new in zip(before, weights_of(clf, "lstm_cell", "attention_lstm"), strict=True):
            np.testing.assert_allclose(new, old, atol=1e-6)


def test_feature_names_follow_the_data():
    pd = pytest.importorskip("pandas")
    X, y = make_series()
    frame = pd.DataFrame(X[:, 0]).rename(columns=lambda k: f"a{k}")
    other = frame.rename(columns=lambda k: k.replace("a", "b"))
    clf = FCNClassifier(**SMALL).fit(frame, y)
    with pytest.raises(ValueError, match="feature names"):
        clf.fine_tune(other, y, **SHORT)
    clf.fine_tune(other, y, reset_head=True, **SHORT)
    assert clf.predict(other).shape == (len(y),)
    clf.fine_tune(other.iloc[:, :17], y, **SHORT)  # FCN takes another length
    assert clf.feature_names_in_.tolist() == list(other.columns[:17])


def test_a_class_weight_of_old_classes_says_how_to_change_it():
    X, y = make_series()
    clf = FCNClassifier(**SMALL, class_weight={"class 0": 2.0}).fit(X, y)
    with pytest.raises(ValueError, match=r"change it with set_params\(class_weight=...\)"):
        clf.fine_tune(X, np.arange(len(y)) % 2, reset_head=True, **SHORT)


def test_a_fine_tuned_classifier_survives_its_file(tmp_path):
    import lstmfcn

    clf, X, y = fitted()
    clf.fine_tune(X[:, :, :17], np.arange(len(y)) % 4, reset_head=True, **SHORT)
    clf.save(tmp_path / "model.lstmfcn")
    again = lstmfcn.load(tmp_path / "model.lstmfcn")
    np.testing.assert_array_equal(
        again.predict_proba(X[:, :, :17]), clf.predict_proba(X[:, :, :17])
    )
    assert again.precision_ == clf.precision_


def three_places(n_samples=60):
    """Return series whose bump is at one of three places, and labels."""
    return make_series(n_samples=n_samples, n_classes=3, n_timepoints=24)


@pytest.mark.parametrize("classifier", [LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier])
def test_classes_are_added_and_the_old_ones_stay(classifier):
    X, y = three_places()
    old = y != "class 1"
    clf = classifier(n_filters=(8, 8, 8), n_epochs=15, random_state=0).fit(X[old], y[old])
    before = clf.decision_function(X[old])
    kernel = clf.model_.get_layer("logits").get_weights()[0]
    refused = refusal(lambda: clf.fine_tune(X, y))
    assert "Pass new_classes='add' to learn them beside these" in refused
    assert (clf.decision_function(X[old]) == before).all()
    tuned = copy.deepcopy(clf).fine_tune(
        X, y, n_iterations=1, n_epochs=1, learning_rate=1e-9, new_classes="add"
    )
    assert tuned.classes_.tolist() == ["class 0", "class 1", "class 2"]
    np.testing.assert_allclose(
        tuned.model_.get_layer("logits").get_weights()[0][:, [0, 2]], kernel, atol=1e-6
    )
    clf.fine_tune(X, y, n_iterations=2, n_epochs=30, new_classes="add")
    assert clf.score(X, y) > 0.95


def test_what_a_network_no_longer_sees_keeps_its_weights_in_the_fixed_kernels():
    X, y = three_places()
    old = y != "class 1"
    clf = FCNClassifier(n_filters=(8, 8, 8), n_epochs=5, random_state=0).fit(X[old], y[old])
    before = clf.network_.output("rocket", clf._inputs(X))
    few = (y != "class 2").nonzero()[0]
    clf.fine_tune(X[few], y[few], n_iterations=1, n_epochs=1, new_classes="add")
    after = clf.network_.output("rocket", clf._inputs(X))
    np.testing.assert_allclose(after[:, 2], before[:, 1], rtol=1e-3, atol=1e-4)
    assert np.abs(after[:, 0] - before[:, 0]).max() > 0.01


@pytest.mark.parametrize("few", [slice(0, 30, 2), slice(0, 1)])  # one class, one series
def test_the_fixed_kernels_learn_nothing_from_one_class(few):
    clf, X, y = fitted(FCNClassifier, rocket=True)
    before = clf.network_.output("rocket", clf._inputs(X))
    assert len(set(y[few])) == 1
    clf.fine_tune(X[few], y[few], **SHORT)
    np.testing.assert_array_equal(clf.network_.output("rocket", clf._inputs(X)), before)


def test_labels_of_another_type_are_no_new_classes():
    X, y = make_series()
    clf = fitted_once(FCNClassifier, X, y, **SMALL)
    wrong = refusal(lambda: clf.fine_tune(X, np.arange(len(y)) % 2, new_classes="add"))
    assert "y holds numbers, but the classes of this FCNClassifier are strings" in wrong


def test_validation_data_and_patience_end_an_iteration():
    X, y = make_series(n_samples=40)
    clf = FCNClassifier(**SMALL).fit(X[:30], y[:30])
    swapped = np.where(y[30:] == "class 0", "class 1", "class 0")  # gets worse from the start
    clf.fine_tune(
        X[:30],
        y[:30],
        n_iterations=1,
        n_epochs=50,
        validation_data=(X[30:], swapped),
        patience=2,
    )
    losses = clf.history_["val_loss"]
    assert len(losses) == len(clf.history_["loss"]) and np.isnan(losses[:2]).all()  # of fit
    losses = losses[2:]
    assert len(losses) < 50 and len(losses) == int(np.argmin(losses)) + 3
    assert "patience=0 must be a whole number" in refusal(lambda: clf.fine_tune(X, y, patience=0))


def test_a_finished_checkpoint_serves_the_same_validation_data_alone(tmp_path):
    X, y = make_series(n_samples=40)
    clf = FCNClassifier(**SMALL, checkpoint=tmp_path).fit(X[:30], y[:30])

    def losses(first):
        other = copy.copy(clf)
        held_out = X[first:], y[first:]
        other.fine_tune(X[:30], y[:30], validation_data=held_out, **SHORT)
        return other.history_["val_loss"][2:]

    assert losses(30) == losses(30) != losses(31)


def test_it_says_beforehand_how_long_it_will_be(capsys):
    clf, X, y = fitted(FCNClassifier)
    clf.set_params(verbose=2).fine_tune(X, y, n_epochs=3, n_iterations=3, batch_size=8)
    first, *_, last = capsys.readouterr().err.strip().split("\r")
    n_series, n_updates = len(y), 9 * -(-len(y) // 8)
    assert first.startswith(
        f"fine-tune FCNClassifier ({n_series} series x {X.shape[1]} x {X.shape[2]}, "
    )
    assert "): 3 x 3 epochs:   0%|" in first and f"| 0/{n_updates} [" in first
    assert "update/s" in last and f"| {n_updates}/{n_updates} [" in last


def test_epochs_that_are_left_out_count_as_done(capsys):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    clf, X, y = fitted(FCNClassifier)
    n_fitted = len(clf.history_["loss"])
    clf.set_params(verbose=2, callbacks=[Stop()]).fine_tune(X, y, n_epochs=40, n_iterations=2)
    assert len(clf.history_["loss"]) == n_fitted + 2
    assert "| 80/80 [" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--reset-head", "true"], ["--new-classes", "add"]])
def test_from_a_shell(tmp_path, capsys, options):
    import lstmfcn
    from lstmfcn.cli import main

    X, y = make_series()
    X = X[:, 0]
    clf = FCNClassifier(**SMALL).fit(X, y)
    clf.save(tmp_path / "old.lstmfcn")
    rows = [f"{label}," + ",".join(map(str, series)) for label, series in zip(y, X, strict=True)]
    if options:
        rows += [f"new,{row.partition(',')[2]}" for row in rows[:4]]
    names = ",".join(["label", *(f"t{i}" for i in range(X.shape[1]))])
    (tmp_path / "x.csv").write_text("\n".join([names, *rows]))
    command = ["fine-tune", str(tmp_path / "old.lstmfcn"), str(tmp_path / "x.csv")]
    command += ["--out", str(tmp_path / "new.lstmfcn"), "--iterations", "2", "--epochs", "1"]
    assert main([*command, *options]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"{len(rows)} series, 1 channel x {X.shape[1]} timepoints")
    assert "2 x 1 epochs:   0%" in told.err
    tuned = lstmfcn.load(tmp_path / "new.lstmfcn")
    assert len(tuned.history_["loss"]) == len(clf.history_["loss"]) + 2
    assert set(tuned.classes_) == set(clf.classes_) | ({"new"} if options else set())
    if options:
        assert main(command) == 1
        assert "Pass --new-classes add to learn them beside these" in capsys.readouterr().err
    assert main([*command[:4], str(tmp_path / "old.lstmfcn")]) == 1
    assert "is also what is read; name another file with --out" in capsys.readouterr().err


def test_a_new_head_measures_what_is_left_without_the_trend_anew():
    X, y = make_series(n_samples=24)
    clf = FCNClassifier(**{**SMALL, "views": ("values", "detrended"), "rocket": False}).fit(X, y)
    before = clf.model_.get_layer("detrend").unit.numpy()
    smooth = np.cumsum(np.cumsum(X, axis=2), axis=2)
    clf.fine_tune(smooth, y, **SHORT, reset_head=True, freeze="convolutions")
    fresh = FCNClassifier(**clf.get_params()).fit(smooth, y)
    now, expected = (one.model_.get_layer("detrend").unit.numpy() for one in (clf, fresh))
    np.testing.assert_allclose(now, expected, rtol=1e-5)
    assert now[0] < before[0] / 2
