"""Does the training loop do what Keras' own would, and keep the weights that it promises?"""

import math
import threading

import keras
import numpy as np
import pytest
from conftest import make_series
from sklearn.model_selection import cross_val_score

from lstmfcn import FCNClassifier, LSTMFCNClassifier
from lstmfcn.networks.builders import build_alstmfcn, build_fcn, build_lstmfcn
from lstmfcn.networks.fitted import Forward, cross_entropy, rows_per_batch
from lstmfcn.networks.occlusion import Denoiser
from lstmfcn.training import optimizers
from lstmfcn.training.calibration import recalibrate
from lstmfcn.training.loop import TrainingPlan, fine_tune_schedule, train
from lstmfcn.validation import draw_seeds

N_TIMEPOINTS, N_CLASSES = 20, 3
TINY = {"n_filters": (6, 8, 4), "kernel_sizes": (5, 5, 3)}


def data(n_samples=24, seed=0):
    """Return training inputs (a tuple of one array), int32 labels and float32 weights."""
    X, _ = make_series(n_samples, 1, N_TIMEPOINTS, N_CLASSES, seed=seed)
    labels = (np.arange(n_samples) % N_CLASSES).astype(np.int32)
    series = X.transpose(0, 2, 1).astype(np.float32)  # (n_samples, n_timepoints, 1)
    return (series,), labels, np.ones(n_samples, np.float32)


def padded_data(n_samples=24):
    """Return inputs with a mask: series of 12 to 20 timepoints, zeros behind their ends."""
    (series,), labels, weights = data(n_samples)
    lengths = np.random.RandomState(1).randint(12, N_TIMEPOINTS + 1, size=n_samples)
    mask = (np.arange(N_TIMEPOINTS) < lengths[:, np.newaxis]).astype(np.float32)
    return (series * mask[:, :, np.newaxis], mask), labels, weights


def fcn(**kwargs):
    return build_fcn(N_TIMEPOINTS, 1, N_CLASSES, **TINY, **kwargs)


def lstmfcn(**kwargs):
    return build_lstmfcn(N_TIMEPOINTS, 1, N_CLASSES, **TINY, **kwargs)


def run(recipe, model=None, **kwargs):
    """Train a tiny FCN on the data above; return (model, history)."""
    model = fcn() if model is None else model
    inputs, labels, weights = data()
    return model, train(model, inputs, labels, weights, recipe, seed=0, **kwargs)


class Recorder(keras.callbacks.Callback):
    """Keeps the weights and the logs of every epoch."""

    def __init__(self):
        super().__init__()
        self.weights, self.logs = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append([np.array(w) for w in self.model.get_weights()])
        self.logs.append(logs)


def test_the_last_quarter_of_the_epochs_trains_on_whole_series(monkeypatch):
    hides = []
    monkeypatch.setattr(Denoiser, "switch", lambda layer, on: hides.append(on))
    run(TrainingPlan(n_epochs=6, batch_size=12), fcn(occlusion=0.3))
    assert hides == [True] * 5 + [False]
    hides.clear()
    run(TrainingPlan(n_epochs=1, batch_size=12), fcn(occlusion=0.3))
    assert hides == [True]


# Against Keras


def plain_keras(weights_of):
    """The same network from the layers of Keras alone, with the weights of one of ours."""
    series = features = keras.Input((N_TIMEPOINTS, 1))
    sizes = zip(TINY["n_filters"], TINY["kernel_sizes"], strict=True)
    for k, (width, size) in enumerate(sizes, 1):
        features = keras.layers.Conv1D(width, size, padding="same", name=f"conv_{k}")(features)
        features = keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{k}")(features)
        features = keras.layers.ReLU()(features)
    last = keras.layers.GlobalAveragePooling1D()(features)
    if weights_of.name == "lstmfcn":
        steps = keras.layers.Permute((2, 1))(series)
        hidden = keras.layers.LSTM(3, name="lstm_cell")(steps)
        last = keras.layers.Concatenate()([hidden, last])
    logits = keras.layers.Dense(N_CLASSES, name="logits")(last)
    model = keras.Model(series, logits)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(weights_of.get_layer(layer.name).get_weights())
    return model


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("network", ["fcn", "lstmfcn"])
def test_ten_steps_equal_those_of_keras_compile_and_fit(network, weighted):
    inputs, labels, weights = data()
    if weighted:
        weights = np.random.RandomState(2).uniform(0.1, 4.0, len(labels)).astype(np.float32)
    # Dropout draws other numbers in another network; everything else is comparable.
    ours = fcn() if network == "fcn" else lstmfcn(n_cells=3, dropout=0.0)
    plain = plain_keras(ours)
    plain.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    expected = plain.fit(
        inputs[0], labels, batch_size=24, epochs=10, sample_weight=weights, verbose=0
    ).history["loss"]
    recipe = TrainingPlan(10, 24, learning_rate=1e-2, schedule="constant")
    history = train(ours, inputs, labels, weights, recipe, seed=0)
    np.testing.assert_allclose(history["loss"], expected, atol=1e-4)
    assert expected[-1] < expected[0] - 0.1  # ten steps that went somewhere
    for name in ("conv_1", "conv_3", "logits"):
        np.testing.assert_allclose(
            ours.get_layer(name).get_weights()[0], plain.get_layer(name).get_weights()[0], atol=2e-3
        )


class Bias(keras.layers.Layer):
    """One bias for several tensors."""

    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros")

    def call(self, logits):
        return logits + self.bias


def test_ten_steps_of_two_views_equal_those_of_keras_with_a_loss_for_each():
    inputs, labels, weights = data()
    ours = fcn(views=("values", "detrended"))
    series = keras.Input((N_TIMEPOINTS, 1))
    window = keras.layers.AveragePooling1D(3, 1, padding="same")
    read, outputs, bias = (series, series - window(series)), [], Bias()
    for place, features in enumerate(read):
        for k, (width, size) in enumerate(zip(*TINY.values(), strict=True), 1):
            convolution = keras.layers.Conv1D(width, size, padding="same", name=f"c{place}_{k}")
            features = convolution(features)
            features = keras.layers.ReLU()(keras.layers.BatchNormalization()(features))
            kernel, _ = ours.get_layer(f"conv_{k}").get_weights()
            kernel = kernel[:, :, place * width : (place + 1) * width]
            convolution.set_weights([kernel, np.zeros(width)])
        head = keras.layers.Dense(N_CLASSES, use_bias=False)
        outputs.append(bias(head(2 * keras.layers.GlobalAveragePooling1D()(features))))
        rows = ours.get_layer("logits").get_weights()[0][4 * place : 4 * place + 4]
        head.set_weights([rows])
    plain = keras.Model(series, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    plain.compile(keras.optimizers.Adam(1e-2), loss=[loss, loss], loss_weights=[0.5, 0.5])
    plain.fit(inputs[0], [labels, labels], batch_size=24, epochs=10, verbose=0)
    recipe = TrainingPlan(10, 24, learning_rate=1e-2, schedule="constant")
    history = train(ours, inputs, labels, weights, recipe, seed=0)
    assert history["loss"][-1] < history["loss"][0] - 0.1
    for place, k in ((0, 1), (1, 1), (0, 3), (1, 3)):
        width = TINY["n_filters"][k - 1]
        kernel = ours.get_layer(f"conv_{k}").get_weights()[0]
        expected = plain.get_layer(f"c{place}_{k}").get_weights()[0]
        found = kernel[:, :, place * width : (place + 1) * width]
        np.testing.assert_allclose(found, expected, atol=2e-3)
    # The decision is the mean of what the views decide.
    inputs = (inputs[0][:5],)
    read = keras.Model(ours.inputs, ours.get_layer("logits").output)
    logits, *of_views = read(list(inputs), training=False)
    np.testing.assert_allclose(logits, np.mean(of_views, axis=0), atol=1e-6)


def test_validation_and_early_stopping_equal_those_of_keras():
    """The last normalisation has no statistics to differ in: every layer is frozen but the head."""
    inputs, labels, weights = data()
    ours = fcn()
    plain = plain_keras(ours)
    for model in (ours, plain):
        for layer in model.layers:
            layer.trainable = layer.name == "logits"
    stopping = {"monitor": "val_loss", "min_delta": 0.02, "patience": 2}
    held_inputs, held_labels = held_out()
    plain.compile(
        keras.optimizers.Adam(3e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    expected = plain.fit(
        inputs[0],
        labels,
        batch_size=24,
        epochs=30,
        validation_data=(held_inputs[0], held_labels),
        callbacks=[keras.callbacks.EarlyStopping(**stopping)],
        verbose=0,
    ).history
    history = train(
        ours,
        inputs,
        labels,
        weights,
        TrainingPlan(30, 24, learning_rate=3e-2, schedule="constant"),
        seed=0,
        validation=(held_inputs, held_labels),
        callbacks=[keras.callbacks.EarlyStopping(**stopping)],
    )
    assert 2 < len(expected["loss"]) < 30
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(history[key], expected[key], atol=1e-4)


def test_the_loss_is_the_decisions_and_the_attention_learns_where_its_evidence_is():
    inputs, labels, weights = data()
    model = build_alstmfcn(N_TIMEPOINTS, 1, N_CLASSES, n_cells=3, dropout=0.0, **TINY)
    layers = [model.get_layer(name).output for name in ("logits", "pooled")]
    read = keras.Model(model.inputs, layers)
    (logits, _), _ = read(list(inputs), training=True)
    history = train(model, inputs, labels, weights, TrainingPlan(1, 24), seed=0)
    expected = cross_entropy(np.asarray(logits), labels).mean()
    assert history["loss"][0] == pytest.approx(expected, abs=1e-5)
    assert history["accuracy"][0] == (np.argmax(logits, axis=1) == labels).mean()

    train(model, inputs, labels, weights, TrainingPlan(300, 24, learning_rate=1e-2), seed=0)
    (_, attended), pooled = read(list(inputs))
    W, b = model.get_layer("logits").get_weights()
    even = 0.1 * np.asarray(pooled) @ W[3:] + b  # what even attention would say
    attended, even = (cross_entropy(np.asarray(x), labels).mean() for x in (attended, even))
    assert attended < even - 0.05


def test_an_epoch_visits_every_sample_once_in_even_batches():
    sizes = []

    class Sizes(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            sizes.append(batch)

    _, history = run(TrainingPlan(2, 10), callbacks=[Sizes()])
    assert sizes == [0, 1, 2] * 2  # 24 samples, at most 10 each: three batches of 8
    assert len(history["loss"]) == 2
    assert {key: len(values) for key, values in history.items()} == {
        "loss": 2,
        "accuracy": 2,
        "learning_rate": 2,
        "epoch_seconds": 2,
    }


# Batch normalisation


@pytest.mark.parametrize("batch_size", [1, 7, 100])
@pytest.mark.parametrize("masked", [False, True])
def test_recalibration_gives_population_statistics_whatever_the_batch_size(batch_size, masked):
    model = fcn(masked=masked)
    inputs, *_ = padded_data() if masked else data()
    observed = inputs[1] > 0 if masked else np.ones(inputs[0].shape[:2], bool)
    recalibrate(model, inputs, batch_size)
    for k in (1, 2, 3):
        outputs = Forward(model, f"conv_{k}")(inputs)[observed].astype(np.float64)  # (n, filters)
        norm = model.get_layer(f"norm_{k}")
        np.testing.assert_allclose(norm.moving_mean, outputs.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, outputs.var(axis=0), rtol=1e-4)


def test_training_ends_with_population_statistics():
    model, _ = run(TrainingPlan(2, 8))
    inputs, *_ = data()
    outputs = Forward(model, "conv_3")(inputs).reshape(-1, TINY["n_filters"][-1])
    norm = model.get_layer("norm_3")
    np.testing.assert_allclose(norm.moving_mean, outputs.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, outputs.var(axis=0), rtol=1e-4)


# Schedules


def test_one_cycle_warms_up_linearly_and_falls_like_a_cosine_to_zero():
    _, history = run(TrainingPlan(10, 8, learning_rate=2e-3, schedule="one_cycle"))
    n_updates, warm_up = 30, 9  # three per epoch; three tenths
    expected = []
    for done in range(2, n_updates, 3):  # updates before the last one of each epoch
        if done < warm_up:
            rate = 2e-3 / 25 + (2e-3 - 2e-3 / 25) * done / warm_up
        else:
            rate = 2e-3 * (1 + math.cos(math.pi * (done - warm_up) / (n_updates - warm_up))) / 2
        expected.append(rate)
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-5, atol=1e-9)


def test_constant_stays_constant():
    _, history = run(TrainingPlan(3, 8, learning_rate=2e-3, schedule="constant"))
    assert history["learning_rate"] == pytest.approx([2e-3] * 3)


def test_plateau_lowers_the_rate_by_cube_roots_of_two_down_to_its_minimum(monkeypatch):
    monkeypatch.setattr(optimizers, "PLATEAU_PATIENCE", 2)
    inputs, labels, weights = data()
    recipe = TrainingPlan(12, 24, learning_rate=2e-4, schedule="plateau")
    # Weights this small make the loss so small that nothing after the first epoch is progress.
    history = train(fcn(), inputs, labels, 1e-6 * weights, recipe, seed=0)
    f = 2 ** (-1 / 3)
    expected = [2e-4] * 3 + [2e-4 * f] * 2 + [2e-4 * f * f] * 2 + [1e-4] * 5
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-5)


def test_fine_tune_schedule_is_that_of_algorithm_1():
    assert fine_tune_schedule(5) == [
        (1e-3, 128),
        (5e-4, 128),
        (2.5e-4, 64),
        (1.25e-4, 64),
        (1e-4, 32),
    ]
    assert fine_tune_schedule(7)[5:] == [(1e-4, 32), (1e-4, 32)]
    assert fine_tune_schedule(3, learning_rate=5e-5, batch_size=16) == [(5e-5, 16)] * 3


def test_fine_tuning_starts_each_iteration_where_the_one_before_ended():
    X, y = make_series()
    clf = FCNClassifier((6, 8, 4), n_epochs=2, random_state=3, precision="float32").fit(X, y)
    model, n_before = clf.network_.build(**clf.network_.architecture), len(clf.history_["loss"])
    model.set_weights(clf.model_.get_weights())
    clf.fine_tune(X, y, n_iterations=2, n_epochs=3, learning_rate=4e-3, batch_size=24)

    seed = int(draw_seeds(3, 2)[1])
    inputs, labels = clf.reader_.to_inputs(X), np.searchsorted(clf.classes_, y).astype(np.int32)
    losses = []
    for k, rate in enumerate([4e-3, 2e-3]):
        recipe = TrainingPlan(3, 24, rate, schedule="plateau", keep_weights="best")
        weights = np.ones(len(y), np.float32)
        losses += train(model, inputs, labels, weights, recipe, seed=seed + k)["loss"]
    assert clf.history_["learning_rate"][n_before:] == pytest.approx([4e-3] * 3 + [2e-3] * 3)
    assert clf.history_["loss"][n_before:] == losses
    for ours, theirs in zip(clf.model_.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Which weights are kept, and when training stops


def kept_epoch(model, recorder):
    """Return the epochs whose trained weights the model has now."""
    final = model.get_layer("conv_2").get_weights()[0]
    index = next(i for i, w in enumerate(model.weights) if w.path.endswith("conv_2/kernel"))
    return [k for k, w in enumerate(recorder.weights) if (w[index] == final).all()]


@pytest.mark.parametrize("keep_weights", ["last", "best"])
def test_the_weights_of_the_promised_epoch_are_kept(keep_weights):
    recorder = Recorder()
    # A rate at which the loss jumps about, so that the best epoch is not the last.
    recipe = TrainingPlan(8, 8, learning_rate=1.0, schedule="constant", keep_weights=keep_weights)
    model, history = run(recipe, callbacks=[recorder])
    best = int(np.argmin(history["loss"]))
    assert best < 7
    assert kept_epoch(model, recorder) == [best if keep_weights == "best" else 7]


def held_out():
    """Return validation inputs and labels that contradict the training labels."""
    inputs, labels, _ = data(seed=5)
    return inputs, np.roll(labels, 1)


def test_best_goes_by_the_validation_loss_when_there_is_one():
    recorder = Recorder()
    recipe = TrainingPlan(6, 8, learning_rate=1e-2, schedule="constant", keep_weights="best")
    model, history = run(recipe, callbacks=[recorder], validation=held_out())
    best = int(np.argmin(history["val_loss"]))
    assert best != int(np.argmin(history["loss"]))
    assert kept_epoch(model, recorder) == [best]


def test_patience_stops_and_returns_to_the_best_epoch():
    recorder = Recorder()
    recipe = TrainingPlan(50, 8, learning_rate=1e-2, schedule="constant", patience=2)
    model, history = run(recipe, callbacks=[recorder], validation=held_out())
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_loss"]) == best + 1 + 2 < 50
    assert kept_epoch(model, recorder) == [best]


@pytest.mark.parametrize("weight, loss", [(np.nan, "nan"), (np.inf, "inf")])
def test_a_loss_that_is_no_number_stops_with_a_remedy(weight, loss):
    inputs, labels, weights = data()
    weights[0] = weight
    with pytest.raises(FloatingPointError) as caught:
        train(fcn(), inputs, labels, weights, TrainingPlan(5, 24), seed=0)
    assert str(caught.value) == (
        f"the training loss became {loss} in epoch 1; lower learning_rate (now 0.001), rescale X "
        "or lower extreme sample weights."
    )


# Validation data


def test_the_validation_loss_is_that_of_the_model_one_would_keep():
    inputs, labels = data(seed=5)[:2]
    model, history = run(TrainingPlan(3, 8), validation=(inputs, labels))
    assert set(history) == {
        "loss",
        "accuracy",
        "learning_rate",
        "val_loss",
        "val_accuracy",
        "epoch_seconds",
    }
    assert {len(values) for values in history.values()} == {3}
    probabilities = np.asarray(model(inputs[0], training=False))
    losses = -np.log(probabilities[np.arange(len(labels)), labels])
    assert history["val_loss"][-1] == pytest.approx(losses.mean(), abs=1e-5)
    assert history["val_accuracy"][-1] == (probabilities.argmax(axis=1) == labels).mean()


def test_measuring_validation_data_does_not_change_the_training():
    _, without = run(TrainingPlan(3, 8))
    _, history = run(TrainingPlan(3, 8), validation=data(seed=5)[:2])
    assert history["loss"] == without["loss"]


@pytest.mark.parametrize("given", ["validation_data", "validation_fraction"])
def test_a_classifier_reports_the_loss_of_its_held_out_series(given):
    X, y = make_series()
    X_held, y_held = make_series(n_samples=10, seed=7)
    fraction = None if given == "validation_data" else 0.3
    clf = FCNClassifier(
        (4, 4, 4),
        rocket=False,
        n_epochs=3,
        validation_fraction=fraction,
        schedule="constant",
        random_state=0,
    )
    clf.fit(X, y, validation_data=None if fraction else (X_held, y_held))
    assert set(clf.history_) >= {"val_loss", "val_accuracy"}
    assert len(clf.history_["val_loss"]) == 3
    if given == "validation_data":
        columns = np.searchsorted(clf.classes_, y_held)
        losses = -np.log(clf.predict_proba(X_held)[np.arange(10), columns])
        assert clf.history_["val_loss"][-1] == pytest.approx(losses.mean(), abs=1e-6)
        assert clf.history_["val_accuracy"][-1] == clf.score(X_held, y_held)
    else:  # 9 of 30 series: accuracies are ninths of those held out, 21sts of those trained on
        assert (9 * clf.history_["val_accuracy"][-1]) == pytest.approx(
            round(9 * clf.history_["val_accuracy"][-1])
        )
        assert (21 * clf.history_["accuracy"][-1]) == pytest.approx(
            round(21 * clf.history_["accuracy"][-1])
        )


# Callbacks


def test_callbacks_see_the_logs_of_every_epoch():
    recorder = Recorder()
    _, history = run(TrainingPlan(3, 8), callbacks=[recorder], validation=data(seed=5)[:2])
    for key in ("loss", "accuracy", "learning_rate", "val_loss", "val_accuracy"):
        assert [logs[key] for logs in recorder.logs] == history[key]


@pytest.mark.parametrize("classifier", [FCNClassifier, LSTMFCNClassifier])
def test_early_stopping_stops_and_the_given_callback_tells_so(classifier):
    X, y = make_series()
    stopping = keras.callbacks.EarlyStopping(monitor="loss", min_delta=100.0, patience=1)
    clf = classifier(n_filters=(4, 4, 4), n_epochs=20, callbacks=[stopping], random_state=0)
    clf.fit(X, y)
    assert len(clf.history_["loss"]) == 2
    assert clf.callbacks == [stopping]
    assert (stopping.stopped_epoch, stopping.mode, stopping.model) == (1, "auto", None)
    again = clf.fit(X, y).history_["loss"]  # one list serves many fits
    assert len(again) == 2


def test_callbacks_may_hold_a_file_or_a_lock_and_keep_what_they_collect(tmp_path):
    class Losses(keras.callbacks.Callback):
        def __init__(self, file):
            super().__init__()
            self.file, self.lock, self.losses = file, threading.Lock(), []

        def on_epoch_end(self, epoch, logs=None):
            with self.lock:
                self.losses.append(logs["loss"])
                print(epoch, file=self.file)

    X, y = make_series()
    with open(tmp_path / "log.txt", "w+") as file:
        losses = Losses(file)
        clf = FCNClassifier(n_filters=(4, 4, 4), n_epochs=3, callbacks=[losses], random_state=0)
        clf.fit(X, y)
        file.seek(0)
        assert file.read().split() == ["0", "1", "2"]
        assert losses.losses == clf.history_["loss"]
        clf.fine_tune(X, y, n_epochs=1, n_iterations=2)
        assert losses.losses == clf.history_["loss"]
        n_before = len(losses.losses)
        cross_val_score(clf, X, y, cv=2)
        assert len(losses.losses) == n_before + 2 * 3


def test_a_training_that_fails_gives_callbacks_back_as_they_were():
    class Fails(keras.callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1
            if self.seen == 2:
                raise RuntimeError("no more")

    fails = Fails()
    before = dict(vars(fails))
    with pytest.raises(RuntimeError, match="no more"):
        run(TrainingPlan(3, 8), callbacks=[fails])
    assert vars(fails) == before


def test_hooks_get_their_logs():
    seen = []
    hooks = {
        f"on_{name}": lambda *arguments, name=name: seen.append((name, arguments[-1]))
        for name in ("train_begin", "epoch_begin", "train_batch_end", "epoch_end", "train_end")
    }
    run(TrainingPlan(1, 8), callbacks=[keras.callbacks.LambdaCallback(**hooks)])
    assert [name for name, _ in seen] == [
        "train_begin", "epoch_begin", *["train_batch_end"] * 3, "epoch_end", "train_end"
    ]  # fmt: skip
    assert all(isinstance(logs, dict) for _, logs in seen)
    # Within an epoch the mean so far, as Keras reports it.
    assert seen[4][1] == {key: seen[5][1][key] for key in ("loss", "accuracy")}


def test_early_stopping_on_accuracy_waits_for_it_to_rise():
    stopping = keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=1, min_delta=0.5)
    _, history = run(TrainingPlan(10, 8), callbacks=[stopping], validation=data(seed=5)[:2])
    assert len(history["loss"]) == 2


def test_a_callback_cannot_set_the_rate_of_the_one_cycle():
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e-3)
    with pytest.raises(ValueError) as caught:
        run(TrainingPlan(3, 8), callbacks=[scheduler])
    assert str(caught.value) == (
        "LearningRateScheduler sets the learning rate, which schedule='one_cycle' does itself; use "
        "schedule='constant'."
    )


def test_a_learning_rate_scheduler_works_with_the_constant_schedule():
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e-3 / (epoch + 1))
    recipe = TrainingPlan(3, 8, learning_rate=1e-2, schedule="constant")
    _, history = run(recipe, callbacks=[scheduler])
    assert history["learning_rate"] == pytest.approx([1e-3, 1e-3 / 2, 1e-3 / 3])


# Forward passes


def test_forward_passes_in_batches_equal_one_pass():
    model = fcn()
    series = np.random.RandomState(0).normal(size=(600, N_TIMEPOINTS, 1)).astype(np.float32)
    assert rows_per_batch(N_TIMEPOINTS) == 256
    expected = np.asarray(model(series, training=False))
    np.testing.assert_allclose(Forward(model, "probabilities")((series,)), expected, atol=1e-6)


def test_batches_of_long_series_are_small():
    assert [rows_per_batch(n) for n in (1, 256, 1024, 2**16, 2**20)] == [256, 256, 64, 1, 1]


def test_cross_entropy_of_large_logits_is_exact():
    logits = np.array([[0.0, math.log(3.0)], [1e4, 0.0], [1e4, 0.0]])
    expected = [math.log(4.0), 0.0, 1e4]
    np.testing.assert_allclose(cross_entropy(logits, np.array([0, 0, 1])), expected, rtol=1e-12)
