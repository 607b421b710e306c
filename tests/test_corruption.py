"""Is noise added at the ratio asked for, by the published rule, and from the generator given?"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstmfcn.emotion import add_feature_noise, add_noise_at_snr, drop_frames, drop_modalities
from lstmfcn.meta.corruption import MER_NOISE_SNR_DB

CLEAN = np.sin(np.arange(4000) * 0.05)
NOISE = np.random.RandomState(0).normal(size=9000)


def draws(*places):
    """Return a generator that draws these places, to work a case by hand."""
    queue = list(places)

    class Scripted(np.random.RandomState):
        def choice(self, n):
            assert 0 <= queue[0] < n
            return queue.pop(0)

    return Scripted(0)


def snr_db(clean, mixed):
    return 10 * np.log10(np.mean(np.square(clean)) / np.mean(np.square(mixed - clean)))


@pytest.mark.parametrize("ratio", [-5, 0, 5, 10, 30.5])
@pytest.mark.parametrize("n_noise", [100, 3999, 4000, 4001, 9000])
def test_the_ratio_is_the_one_asked_for(ratio, n_noise):
    mixed = add_noise_at_snr(CLEAN, NOISE[:n_noise], ratio, 3)
    assert mixed.dtype == np.float64 and mixed.shape == CLEAN.shape
    assert_allclose(snr_db(CLEAN, mixed), ratio, atol=1e-9)
    several = add_noise_at_snr(CLEAN, [NOISE[:n_noise], NOISE[:700]], ratio, 3)
    assert_allclose(snr_db(CLEAN, several), ratio, atol=1e-9)


def test_the_rule_by_hand():
    clean = np.array([3.0, -4.0])  # RMS sqrt(12.5)
    noise = np.array([9.0, 1.0, -1.0, 9.0])
    mixed = add_noise_at_snr(clean, noise, 20, draws(1))  # the crop (1, -1), RMS 1
    gain = np.sqrt(12.5) / 10
    assert_allclose(mixed, [3 + gain, -4 - gain])
    # Of several recordings, some are joined until longer than the clean one: 2 + 1 > 2.
    mixed = add_noise_at_snr(clean, [np.array([1.0, 1.0]), np.array([-1.0])], 20, draws(0, 1, 1))
    assert_allclose(mixed, [3 + gain, -4 - gain])


def test_every_place_of_the_noise_can_be_drawn():
    noise = np.array([1.0, 2.0, 3.0, 4.0])
    generator, found = np.random.default_rng(0), set()
    for _ in range(200):
        mixed = add_noise_at_snr(np.array([1.0, 1.0, 1.0]), noise, 0, generator)
        added = mixed - 1
        found.add(round(added[1] / added[0], 6))
    assert found == {2.0, 1.5}


@pytest.mark.parametrize("sign, limit", [(1, 32767), (-1, -32768)])
def test_int16_is_scaled_to_its_limit(sign, limit):
    clean = (sign * np.array([20_000, 10_000, -10_000])).astype(np.int16)
    noise = sign * np.array([1.0, 1.0, -1.0])
    mixed = add_noise_at_snr(clean, noise, 0, 0)
    assert mixed.dtype == np.int16 and mixed[0] == limit
    # RMS of the clean one is 10,000 sqrt 2, so that the mixture is 34,142 : 24,142 : -24,142.
    expected = np.array([1, 1, -1]) * (limit * (1 + np.sqrt(2)) / (2 + np.sqrt(2)))
    assert_array_equal(mixed[1:], np.trunc(expected[1:]).astype(np.int16))


def test_int16_that_fits_is_only_cut_towards_zero():
    clean = np.array([100, -100, 100, -100], np.int16)
    mixed = add_noise_at_snr(clean, np.array([1.0, -1.0, -1.0, 1.0]), 6, 0)
    gain = 100 / 10 ** (6 / 20)
    assert_array_equal(mixed, np.trunc(clean + gain * np.array([1, -1, -1, 1])))


@pytest.mark.parametrize("unit", [2.0**-600, 2.0**-50, 2.0**50, 2.0**600])
def test_noise_is_the_same_in_any_unit(unit):
    mixed = add_noise_at_snr(CLEAN, NOISE, 5, 0)
    np.testing.assert_allclose(add_noise_at_snr(CLEAN * unit, NOISE / 7, 5, 0), mixed * unit)


def test_a_silent_recording_stays_silent_and_silent_noise_is_refused():
    assert_array_equal(add_noise_at_snr(np.zeros(10), NOISE, 5, 0), np.zeros(10))
    with pytest.raises(ValueError) as raised:
        add_noise_at_snr(CLEAN, np.zeros(9000), 5, 0)
    assert str(raised.value) == (
        "the noise is silent over the 4000 values drawn; pass a recording without silence."
    )


def test_the_ratios_of_mer_noise():
    assert MER_NOISE_SNR_DB == (5, 6, 7, 8, 9, 10)


FEATURES = np.random.RandomState(1).normal(size=(400, 3)).astype(np.float32)
CLIP = {"audio": FEATURES, "text": FEATURES[:9], "video": FEATURES[:50]}


def as_bytes(result):
    if isinstance(result, dict):
        return b"".join(x.tobytes() for x in result.values())
    return result.tobytes()


CALLS = {
    "waveform": lambda rng: add_noise_at_snr(CLEAN, [NOISE, NOISE[:300]], 5, rng),
    "frames": lambda rng: drop_frames(FEATURES, 0.4, rng, span=3),
    "noise": lambda rng: add_feature_noise(FEATURES, 0.5, np.array([1, 2, 3]), rng),
    "modality": lambda rng: drop_modalities(CLIP, 0.5, rng),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_seed_repeats_and_the_input_is_left_alone(call):
    arrays = (CLEAN, NOISE, FEATURES)
    before = [array.copy() for array in arrays]
    assert as_bytes(call(7)) == as_bytes(call(7)) == as_bytes(call(np.random.default_rng(7)))
    legacy = as_bytes(call(np.random.RandomState(7)))
    assert legacy == as_bytes(call(np.random.RandomState(7)))
    results = {as_bytes(call(seed)) for seed in range(20)}
    assert len(results) > 4
    generator = np.random.default_rng(0)
    assert len({as_bytes(call(generator)) for _ in range(20)}) > 4
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (must stay untouched)
    call(0)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    for array, copy in zip(arrays, before, strict=True):
        assert_array_equal(array, copy)
    for rng in (None, "seed", -1, 1.5, True):
        with pytest.raises(TypeError, match=f"rng is {rng!r}; pass a seed, a numpy"):
            call(rng)


def test_drop_frames():
    assert_array_equal(drop_frames(FEATURES, 0, 0), FEATURES)
    assert not drop_frames(FEATURES, 1.0, 0).any()
    out = drop_frames(FEATURES, 0.25, 0)
    lost = (out == 0).all(axis=1)
    assert out.dtype == np.float32 and 60 <= lost.sum() <= 140
    assert_array_equal(out[~lost], FEATURES[~lost])


def test_frames_are_lost_in_spans():
    out = drop_frames(FEATURES[:398], 0.5, 0, span=4, fill=np.array([1, 2, 3]))
    lost = (out == [1, 2, 3]).all(axis=1)
    spans = [lost[start : start + 4] for start in range(0, 398, 4)]
    assert {span.all() == span.any() for span in spans} == {True}
    assert 30 <= sum(span.all() for span in spans) <= 70


def test_feature_noise_is_relative_to_the_training_deviation():
    deviation = np.array([0.0, 1.0, 100.0])
    added = add_feature_noise(np.zeros((20_000, 3)), 0.5, deviation, 0)
    assert_allclose(added.std(axis=0), 0.5 * deviation, rtol=0.03)
    assert_allclose(added.mean(axis=0), 0, atol=1)
    assert_array_equal(add_feature_noise(FEATURES, 0, 1.0, 0), FEATURES)
    assert add_feature_noise(FEATURES, 1, 1.0, 0).dtype == np.float32


def test_modalities_go_missing_but_never_all():
    rng = np.random.default_rng(0)
    gone = np.zeros(3)
    for _ in range(600):
        out = drop_modalities(CLIP, 0.5, rng)
        assert list(out) == list(CLIP)
        assert [x.shape for x in out.values()] == [x.shape for x in CLIP.values()]
        present = [x is CLIP[name] for name, x in out.items()]
        assert any(present)
        assert all(kept or not x.any() for kept, x in zip(present, out.values(), strict=True))
        gone += ~np.array(present)
    # 1/2, less the third of the 1/8 in which all would have gone.
    assert_allclose(gone / 600, 0.5 - 0.125 / 3, atol=0.06)
    assert all(x is CLIP[name] for name, x in drop_modalities(CLIP, 0, 0).items())
    kept = {
        name
        for seed in range(50)
        for name, x in drop_modalities(CLIP, 1.0, seed).items()
        if x is CLIP[name]
    }
    assert kept == set(CLIP)


@pytest.mark.parametrize(
    "call, error, sentence",
    [
        (lambda: add_noise_at_snr(np.ones((2, 8)), NOISE, 5, 0), ValueError,
         r"clean is an array of shape \(2, 8\) and type float64; expected a mono recording"),
        (lambda: add_noise_at_snr(CLEAN, np.ones(0), 5, 0), ValueError,
         r"noise is an array of shape \(0,\)"),
        (lambda: add_noise_at_snr(CLEAN, [NOISE, np.ones(3, int)], 5, 0), ValueError,
         r"noise 1 is an array of shape \(3,\) and type int64"),
        (lambda: add_noise_at_snr(CLEAN, [], 5, 0), ValueError, "noise is an empty list"),
        (lambda: add_noise_at_snr(CLEAN * np.nan, NOISE, 5, 0), ValueError,
         "clean contains NaN or infinity; pass a recording without"),
        (lambda: add_noise_at_snr(CLEAN, NOISE, np.inf, 0), ValueError,
         "snr_db=inf must be a finite number, in dB"),
        (lambda: add_noise_at_snr(CLEAN, NOISE, "5", 0), ValueError, "snr_db='5' must be"),
        (lambda: drop_frames(np.ones(3), 0.5, 0), ValueError,
         r"x is an array of shape \(3,\) and type float64; expected features of shape \(T, D\)"),
        (lambda: drop_frames(FEATURES, 1.1, 0), ValueError, r"rate=1.1 must be a number in \[0, 1"),
        (lambda: drop_frames(FEATURES, 0.5, 0, span=0), ValueError, "span=0 must be a whole"),
        (lambda: drop_frames(FEATURES, 0.5, 0, fill=[1, 2]), ValueError,
         r"fill has the shape \(2,\); pass one number, or one for each of 3 features"),
        (lambda: add_feature_noise(FEATURES, -1, 1, 0), ValueError, "level=-1 must be a finite"),
        (lambda: add_feature_noise(FEATURES, 1, [1, 2], 0), ValueError,
         r"deviation has the shape \(2,\) or values that are no finite numbers of at least 0"),
        (lambda: add_feature_noise(FEATURES, 1, np.nan, 0), ValueError, "deviation has the shape"),
        (lambda: add_feature_noise(FEATURES, 1, np.inf, 0), ValueError, "deviation has the shape"),
        (lambda: drop_modalities({}, 0.5, 0), TypeError, "modalities must be a dict of name to"),
        (lambda: drop_modalities({"a": np.ones((2, 2), int)}, 0.5, 0), ValueError, "type int64"),
    ],
)  # fmt: skip
def test_sentences(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
