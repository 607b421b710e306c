"""Are timepoints hidden as the docstring says, found again, and filled in from around them?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lstmfcn.networks.builders import build_fcn
from lstmfcn.networks.occlusion import Denoiser, Occlusion, count_denoiser_weights
from lstmfcn.training.denoising import learn_to_denoise
from lstmfcn.training.loop import TrainingPlan, train

TINY = {"n_filters": (4, 5, 6), "kernel_sizes": (3, 3, 3)}


def normal(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(np.float32)


def waves(n_series, n_channels=1, seed=0):
    """Smooth series of 60 timepoints, each with its own phase and frequency."""
    random = np.random.RandomState(seed)
    phase, speed = random.uniform(0, 6, (2, n_series, 1, n_channels))
    time = np.linspace(0.0, 1.0, 60).reshape(1, 60, 1)
    return np.sin(phase + (2 + speed) * time).astype(np.float32)


def hide(series, rate=0.2, seed=0):
    """Replace timepoints by noise; return the series and which were hidden, (n, T)."""
    hides = np.random.RandomState(seed).uniform(size=series.shape[:2]) < rate
    noise = normal(*series.shape, seed=seed + 1)
    return np.where(hides[:, :, np.newaxis], noise, series), hides


def teach(repair, series, n_updates=400):
    """Train a repair by its own loss."""
    optimizer = keras.optimizers.Adam(1e-2)
    repair(series)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = repair.loss(series)
        weights = repair.trainable_variables
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss

    return [float(step()) for _ in range(n_updates)]


@pytest.fixture(scope="module")
def taught():
    repair = Denoiser(0.3, seed=1)
    teach(repair, waves(100))
    return repair


# Occlusion


def test_occlusion_leaves_half_of_the_series_whole_and_hides_up_to_the_rate_of_others():
    series = normal(4000, 100, 1)
    hidden = (np.asarray(Occlusion(0.4)(series, training=True)) != series).mean(axis=(1, 2))
    # Evenly between 0 and 0.4, where a share of 0.002 and less may well hide nothing at all.
    assert 0.5 < (hidden == 0).mean() < 0.54
    assert 0.18 < hidden[hidden > 0].mean() < 0.23
    assert (hidden <= 0.6).all()


def test_occlusion_puts_the_mean_or_noise_in_all_channels_at_once():
    series = 100.0 + 5.0 * normal(600, 80, 3)
    occluded = np.asarray(Occlusion(0.5)(series, training=True))
    hides = occluded != series
    assert (hides.all(axis=2) == hides.any(axis=2)).all()
    at_mean = np.array([np.ptp(one[h]) for one, h in zip(occluded, hides, strict=True) if h.any()])
    of_one_value = at_mean < 2.0  # the three channels' means
    assert 0.4 < of_one_value.mean() < 0.6
    assert abs(occluded[hides].mean() - 100.0) < 0.5
    assert 2.5 < occluded[hides].std() < 5.0


def test_occlusion_never_touches_padding_nor_an_answer():
    series, valid = normal(200, 40, 2), np.ones((200, 40, 1), np.float32)
    valid[:, 25:] = 0.0
    series *= valid
    layer = Occlusion(0.9)
    occluded = np.asarray(layer(series, valid=valid, training=True))
    np.testing.assert_array_equal(occluded[:, 25:], 0.0)
    assert (occluded[:, :25] != series[:, :25]).any()
    np.testing.assert_array_equal(np.asarray(layer(series, valid=valid)), series)


def test_occlusion_draws_anew_at_each_call_and_repeats_by_its_seed():
    series = normal(20, 50, 1)
    one, other = Occlusion(0.5, seed=3), Occlusion(0.5, seed=3)
    first, second = (np.asarray(one(series, training=True)) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(np.asarray(other(series, training=True)), first)


# Denoiser


def test_repair_finds_what_is_hidden_and_fills_it_in(taught):
    series = waves(50, seed=7)
    gapped, hides = hide(series)
    repaired = np.asarray(taught(gapped))
    before, after = (np.square(x - series).mean() for x in (gapped, repaired))
    assert after < 0.1 * before
    assert np.square(repaired - series)[hides].mean() < 0.15


def test_what_is_surely_seen_passes_exactly_as_it_is(taught):
    series = waves(50, seed=7)
    repaired = np.asarray(taught(series))
    assert (repaired == series).mean() > 0.9


def test_a_long_gap_is_not_filled_in(taught):
    series = waves(50, seed=7)
    gapped = series.copy()
    gapped[:, 15:45] = normal(50, 30, 1)
    error = np.square(np.asarray(taught(gapped)) - series)
    assert error[:, 25:35].mean() > 0.3


def test_repair_learns_by_itself_and_lets_no_gradient_through():
    repair, series = Denoiser(0.3, seed=2), waves(20)
    x = tf.constant(series)
    with tf.GradientTape() as tape:
        tape.watch(x)
        answer = repair(x, training=True)
    assert tape.gradient(answer, [x, *repair.trainable_variables]) == [None] * 13
    losses = teach(repair, series, n_updates=200)
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])


@pytest.mark.parametrize("passes_gaps", [True, False])
def test_what_follows_trains_on_gaps_until_they_are_switched_off(passes_gaps):
    series, repair = waves(40, 2), Denoiser(0.5, passes_gaps, seed=3)
    call = tf.function(lambda x: repair(x, training=True))

    def differs():
        return bool((np.abs(call(series).numpy() - repair(series).numpy()) > 1e-5).any())

    assert differs() is passes_gaps
    repair.switch(on=False)
    assert not differs()
    repair.switch(on=True)
    assert differs() is passes_gaps


@pytest.mark.parametrize("n_channels", [1, 4])
def test_repair_answers_for_a_padded_series_as_for_the_series_alone(n_channels):
    short = normal(6, 25, n_channels)
    padded = np.concatenate([short, np.full((6, 15, n_channels), 9.0, np.float32)], axis=1)
    valid = np.ones((6, 40, 1), np.float32)
    valid[:, 25:] = 0.0
    repair = Denoiser(0.3, seed=5)
    alone = np.asarray(repair(short))
    repair.set_weights([w + 0.1 for w in repair.get_weights()])  # biases, too
    alone = np.asarray(repair(short))
    together = np.asarray(repair(padded * valid, valid=valid))
    np.testing.assert_allclose(together[:, :25], alone, atol=1e-6)
    np.testing.assert_array_equal(together[:, 25:], 0.0)


def test_padding_does_not_count_in_the_loss():
    short = normal(8, 25, 2)
    padded = np.pad(short, ((0, 0), (0, 15), (0, 0)))
    valid = np.pad(np.ones((8, 25, 1), np.float32), ((0, 0), (0, 15), (0, 0)))
    repair = Denoiser(0.0, seed=6)  # hides nothing: the loss is of the same timepoints each time
    repair(short)
    alone = float(repair.loss(short))
    assert float(repair.loss(padded, valid)) == pytest.approx(alone, rel=1e-5)
    assert alone > 0


@pytest.mark.parametrize("n_channels", [1, 3, 40])
def test_counted_weights_are_those_of_the_built_layer(n_channels):
    repair = Denoiser(0.3)
    repair.build((None, 20, n_channels))
    assert repair.count_params() == count_denoiser_weights(n_channels)


def test_repair_is_rebuilt_from_its_configuration():
    repair = Denoiser(0.4, passes_gaps=False, seed=8, name="denoiser")
    again = Denoiser.from_config(repair.get_config())
    assert (again.rate, again.passes_gaps, again.seed) == (0.4, False, 8)
    series = normal(3, 20, 2)
    np.testing.assert_array_equal(repair(series), again(series))


def test_a_network_with_repair_differs_only_by_it():
    plain, occluded = (build_fcn(30, 2, 3, occlusion=rate, **TINY) for rate in (0.0, 0.4))
    assert occluded.count_params() == plain.count_params() + count_denoiser_weights(2)
    assert occluded.get_layer("denoiser").rate == 0.4
    for layer in plain.layers:
        layer.set_weights(occluded.get_layer(layer.name).get_weights())
    series = normal(5, 30, 2)
    repaired = occluded.get_layer("denoiser")(series)
    np.testing.assert_allclose(occluded(series), plain(repaired), atol=1e-6)


# Learning

PLAN = TrainingPlan(n_epochs=1000, batch_size=8)


def error_in_gaps(model, series, name="denoiser"):
    gapped, hides = hide(series)
    return np.square(np.asarray(model.get_layer(name)(gapped)) - series)[hides].mean()


def test_a_denoiser_learns_before_the_rest_and_the_rest_stays():
    model, series = build_fcn(60, 1, 2, occlusion=0.3, **TINY), waves(40)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    error = error_in_gaps(model, waves(20, seed=1))
    learn_to_denoise(model, (series,), PLAN, seed=0)
    assert error_in_gaps(model, waves(20, seed=1)) < 0.3 * error
    before.pop("denoiser")
    for name, weights in before.items():
        for old, new in zip(weights, model.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_a_frozen_denoiser_and_a_network_without_one_stay():
    for occlusion in (0.3, 0.0):
        model = build_fcn(60, 1, 2, occlusion=occlusion, **TINY)
        for layer in model.layers:
            layer.trainable = False
        before = model.get_weights()
        learn_to_denoise(model, (waves(8),), PLAN, seed=0)
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_a_denoiser_learns_from_padded_series_as_from_short_ones():
    series, mask = waves(40), np.ones((40, 60), np.float32)
    mask[:, 45:] = 0.0
    masked, short = (
        build_fcn(length, 1, 2, occlusion=0.3, masked=length == 60, **TINY) for length in (60, 45)
    )
    learn_to_denoise(masked, (series * mask[:, :, np.newaxis], mask), PLAN, seed=0)
    learn_to_denoise(short, (series[:, :45],), PLAN, seed=0)
    error = error_in_gaps(short, waves(20, seed=1)[:, :45])
    short.get_layer("denoiser").set_weights(masked.get_layer("denoiser").get_weights())
    assert error_in_gaps(short, waves(20, seed=1)[:, :45]) < 1.3 * error


@pytest.mark.parametrize("with_callback", [False, True])
def test_training_leaves_the_denoiser_as_it_is(with_callback):
    model, series = build_fcn(60, 1, 2, occlusion=0.3, **TINY), waves(20)
    learn_to_denoise(model, (series,), PLAN, seed=0)
    before = model.get_layer("denoiser").get_weights()
    kernel = model.get_layer("conv_1").get_weights()[0]
    labels, weights = np.arange(20, dtype=np.int32) % 2, np.ones(20, np.float32)
    callbacks = [keras.callbacks.Callback()] if with_callback else []
    plan = TrainingPlan(n_epochs=4, batch_size=6)
    train(model, (series,), labels, weights, plan, seed=0, callbacks=callbacks)
    after = model.get_layer("denoiser").get_weights()
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    assert (model.get_layer("conv_1").get_weights()[0] != kernel).any()


def test_a_callback_changes_nothing_of_a_training_with_gaps():
    series, labels = waves(20), np.arange(20, dtype=np.int32) % 2
    found = []
    for callbacks in ([], [keras.callbacks.Callback()]):
        model = build_fcn(60, 1, 2, occlusion=0.3, **TINY)
        plan = TrainingPlan(n_epochs=3, batch_size=6)
        train(
            model,
            (series,),
            labels,
            np.ones(20, np.float32),
            plan,
            seed=0,
            callbacks=callbacks,
        )
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_short_training_gives_its_denoiser_as_many_updates():
    found = []
    for plan in (TrainingPlan(2, 8), TrainingPlan(1, 4)):  # 10 updates for 40 series
        model = build_fcn(60, 1, 2, occlusion=0.3, **TINY)
        learn_to_denoise(model, (waves(40),), plan, seed=0)
        found.append(model.get_layer("denoiser").get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
