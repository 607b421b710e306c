"""Is noise that is mixed into a spectrogram what noise in the recording would have been?"""

from dataclasses import replace

import numpy as np
import pytest
from mer_folder import write_mer_folder

from lstmfcn.cli import main
from lstmfcn.emotion import (
    EmotionRecipe,
    add_noise_at_snr,
    add_noise_to_log_spectrum,
    babble,
    load_labels,
    with_babble,
)
from lstmfcn.emotion.track_data import load_track_data


def log_spectrum(recording, n_values=256):
    """Return log powers in eight bands of windows of n_values: (T, 8)."""
    windows = recording[: len(recording) // n_values * n_values].reshape(-1, n_values)
    power = np.abs(np.fft.rfft(windows * np.hanning(n_values)))[:, 1:] ** 2
    return np.log(power.reshape(len(windows), 8, -1).sum(axis=2))


def mean_power(x):
    return np.exp(x).mean()


@pytest.mark.parametrize("snr_db", [-3.0, 5.0, 10.0])
def test_the_ratio_of_mean_powers_is_what_was_asked_for(snr_db):
    rng = np.random.default_rng(0)
    clean, noise = rng.normal(size=(50, 4)), rng.normal(3.0, 2.0, (50, 4))
    mixed = add_noise_to_log_spectrum(clean, noise, snr_db)
    added = np.exp(mixed) - np.exp(clean)
    assert 10 * np.log10(mean_power(clean) / added.mean()) == pytest.approx(snr_db)
    np.testing.assert_allclose(added / np.exp(noise), (added / np.exp(noise))[0, 0])


def test_it_is_close_to_the_spectrum_of_the_noisy_recording():
    rng = np.random.default_rng(0)
    times = np.arange(64_000)
    clean = np.sin(times * 0.2) * (1 + np.sin(times / 5000)) + 0.01 * rng.normal(size=64_000)
    noise = rng.normal(size=64_000)
    truth = log_spectrum(add_noise_at_snr(clean, noise, 6, rng=0))
    mixed = add_noise_to_log_spectrum(log_spectrum(clean), log_spectrum(noise), 6)
    assert np.abs(log_spectrum(clean) - truth).mean() > 2.0
    assert np.abs(mixed - truth).mean() < 0.3


def test_babble_is_loops_of_equally_loud_voices():
    clips = [np.full((n, 2), level) for n, level in ((3, -5.0), (7, 0.0), (2, 9.0))]
    np.testing.assert_allclose(babble(clips, 11, 0), np.log(3.0))
    one = np.arange(5.0)[:, np.newaxis]
    (heard,) = babble([one], 12, 1, n_voices=1).T
    assert np.allclose(np.diff(heard)[np.diff(heard) > 0], 1.0)  # frame by frame
    assert np.allclose(heard[5:], heard[:-5])  # and round again
    assert mean_power(babble([one], 5, 1, n_voices=1)) == pytest.approx(1.0)


def test_a_clip_does_not_talk_behind_itself():
    # Each clip has a feature of its own; with one voice, it gets louder in another one only.
    clips = [np.where(np.eye(4)[i] > 0, 5.0, -20.0) * np.ones((6, 1)) for i in range(4)]
    for i, noisy in enumerate(with_babble(clips, 0, n_voices=1)):
        (louder,) = np.flatnonzero(noisy.mean(axis=0) - clips[i].mean(axis=0) > 5.0)
        assert louder != i and noisy.dtype == np.float32
    for clean in clips[:2]:
        (noisy,) = with_babble([clean], 0, voices=clips[3:], n_voices=1)
        assert np.argmax(noisy[0] - clean[0]) == 3
    again = with_babble(clips, 0)
    np.testing.assert_array_equal(with_babble(clips, 0), again)
    assert not np.array_equal(with_babble(clips, 1), again)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: babble([np.eye(2)], 4, 0),
            "babble of 3 voices needs as many other clips, but there are 1.",
        ),
        (lambda: with_babble([376 * np.eye(2)] * 4, 0), "clip 0 reaches 376, which is no natural"),
        (lambda: with_babble([np.full((2, 2), np.nan)], 0), "expected finite natural logarithms"),
        (lambda: add_noise_to_log_spectrum(np.eye(2), np.eye(3), 5), "noise has \\(3, 3\\)"),
        (lambda: add_noise_to_log_spectrum(np.eye(2), np.eye(2), np.inf), "snr_db=inf must be"),
        (lambda: babble([np.eye(2)] * 3, 0, 0), "n_frames=0 must be a whole number of at least 1"),
        (lambda: with_babble([np.eye(2)] * 4, None), "rng is None; pass a seed"),
    ],
)
def test_what_is_no_spectrum_is_refused(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()


# In tracks


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_mer_folder(tmp_path_factory.mktemp("mer") / "toy")


def test_training_clips_get_copies_with_babble_and_no_other_clip_does(root):
    recipe = EmotionRecipe(["tone"], "fcn", n_timepoints=9, standardize_by="speaker")
    plain = load_track_data(root, "noise", recipe, group="speaker")
    data = load_track_data(root, "noise", replace(recipe, n_babble=2), group="speaker")
    assert data.train.names == plain.train.names * 3 and len(data.train.X) == 72
    assert data.train.y.tolist() == plain.train.y.tolist() * 3
    assert len(np.unique(data.train.X, axis=0)) == 72
    # Each speaker's clips of each copy are standardised by themselves, so what is clean stays.
    np.testing.assert_allclose(data.train.X[:24], plain.train.X, atol=0.05)
    for test, clips in plain.tests.items():
        np.testing.assert_allclose(data.tests[test].X, clips.X, atol=0.05)
    assert data.n_train == plain.n_train == 24


def test_of_several_feature_sets_one_gets_babble(root):
    recipe = EmotionRecipe(["tone", "face"], n_babble=1, babble_features="tone_FRA")
    train = load_track_data(root, "full", recipe).train
    assert len(train) == 48
    assert np.array_equal(train.X["face-FRA"][:24], train.X["face-FRA"][24:])
    assert not np.array_equal(train.X["tone_FRA"][:24], train.X["tone_FRA"][24:])


def test_the_command_says_how_many_clips_and_copies_there_are(root, capsys, tmp_path):
    call = ["emotion", "run", "--data", str(root), "--features", "tone", "--model", "fcn"]
    call += ["--babble", "2", "--standardize-by", "speaker", "--epochs", "1"]
    assert main([*call, "--out", str(tmp_path / "out")]) == 0
    n_train = len(load_labels(root / "label-train.csv"))
    printed = capsys.readouterr().out
    assert f"{n_train} training clips (and 2 copies of each in babble)" in printed
    assert "standardised by speaker" in printed
