"""Do sequences get the lengths and scales of the training clips, or of their group?"""

import warnings

import numpy as np
import pytest
from conftest import real_data
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from lstmfcn.emotion import (
    FeatureSet,
    FeatureStore,
    SequencePreprocessor,
    load_labels,
    pad_sequences,
    pool_or_pad,
    resample,
    select_features,
    standardize_by_group,
)
from lstmfcn.emotion.sequences import fitted_preprocessor
from lstmfcn.validation import as_series


def column(*values):
    """Return frames of one feature, (T, 1)."""
    return np.array(values, dtype=np.float64)[:, np.newaxis]


def counting(n_frames):
    return column(*range(1, n_frames + 1))


def make(lengths=(4, 9, 6), n_features=3, seed=0):
    generator = np.random.RandomState(seed)
    return [generator.normal(5, 2, size=(n, n_features)).astype(np.float32) for n in lengths]


# Padding


@pytest.mark.parametrize("padding", ["post", "pre"])
def test_pad_sequences(padding):
    a, b = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[7.0], [8]])
    X, mask = pad_sequences([a, b], padding=padding)
    zeros = np.zeros((2, 2))
    assert_array_equal(X[0], a)
    assert_array_equal(X[1], np.hstack([b, zeros] if padding == "post" else [zeros, b]))
    assert X.dtype == np.float32 and mask.dtype == bool
    assert mask.sum(axis=1).tolist() == [3, 1]
    assert not X.transpose(0, 2, 1)[~mask].any()
    X, mask = pad_sequences([a, b], 5, padding=padding)
    assert X.shape == (2, 2, 5) and mask.sum(axis=1).tolist() == [3, 1]
    with pytest.warns(UserWarning, match="1 of 2 sequences are longer than 2 timepoints; their"):
        X, mask = pad_sequences([a, b], 2, padding=padding)
    assert_array_equal(X[0], a[:, :2])
    assert mask.sum(axis=1).tolist() == [2, 1]


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: pad_sequences([]), "pass at least one series, one channel"),
        (lambda: pad_sequences([np.ones((2, 3)), np.ones((3, 1))]), "channels"),
        (lambda: pad_sequences([np.ones((2, 3))], padding="both"), "padding='both' is unknown"),
    ],
)
def test_sentences_about_padding(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


# The transformer


@pytest.mark.parametrize(
    "n_frames, factor, n_compressed",
    [(7, 6, 2), (13, 6, 3), (25, 12, 3), (100, 6, 17), (100, 12, 9), (499, 6, 84), (499, 12, 42)],
)
def test_the_compression_of_mertools(n_frames, factor, n_compressed):
    preprocessor = SequencePreprocessor("mertools", compress=factor, standardize=False)
    found = preprocessor.fit_transform([counting(n_frames)])
    assert preprocessor.n_timepoints_ == n_compressed
    assert_allclose(found[0, 0], pool_or_pad(counting(n_frames), n_compressed).ravel(), rtol=1e-6)


def test_lengths_are_fitted_on_train_and_reused():
    train, test = make((4, 9, 6)), make((2, 20), seed=1)
    for mode, n_timepoints in {"mertools": 9, "resample": 6, "pad": 9}.items():
        preprocessor = SequencePreprocessor(mode).fit(train)
        assert preprocessor.n_timepoints_ == n_timepoints
        if mode == "pad":
            with pytest.warns(UserWarning, match="1 of 2 sequences are longer than 9 timepoints"):
                out = preprocessor.transform(test)
        else:
            out = preprocessor.transform(test)
        if mode in ("mertools", "resample"):
            assert out.shape == (2, 3, n_timepoints) and out.dtype == np.float32
        else:
            assert [x.shape for x in out] == [(3, 2), (3, 9)]
            assert {x.dtype for x in out} == {np.dtype(np.float32)}


@pytest.mark.parametrize("mode, by_hand", [("mertools", pool_or_pad), ("resample", resample)])
def test_the_transformer_is_the_functions(mode, by_hand):
    train = make()
    out = SequencePreprocessor(mode, n_timepoints=5, standardize=False).fit_transform(train)
    for frames, series in zip(train, out, strict=True):
        assert_allclose(series, by_hand(frames, 5).T, rtol=1e-6)


def test_padding_keeps_every_frame():
    train = make()
    out = SequencePreprocessor(standardize=False).fit_transform(train)
    for frames, series in zip(train, out, strict=True):
        assert_array_equal(series, frames.T)
    # A length that was asked for cuts without a warning.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = SequencePreprocessor(n_timepoints=5, standardize=False).fit_transform(train)
    assert [series.shape[1] for series in out] == [4, 5, 5]
    assert_array_equal(out[1], train[1][:5].T)


def test_compression_of_the_other_modes_averages_real_frames_only():
    for mode in ("pad", "resample"):
        out = SequencePreprocessor(mode, compress=3, standardize=False).fit_transform([counting(7)])
        assert_allclose(out[0], [[2, 5, 7]])


@pytest.mark.parametrize("mode", ["pad", "resample", "mertools", "pool"])
def test_what_leaves_is_what_classifiers_take(mode):
    series = as_series(SequencePreprocessor(mode).fit_transform(make()))
    assert series[0].shape[0] == (6 if mode == "pool" else 3) and len(series) == 3


def test_pooled_are_mean_and_deviation_of_frames():
    clips = make((4, 9))
    preprocessor = SequencePreprocessor("pool", standardize=False).fit(clips)
    out = preprocessor.transform(clips)
    expected = [np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in clips]
    assert out.shape == (2, 6, 1) and out.dtype == np.float32
    assert_allclose(out[:, :, 0], expected, rtol=1e-5)
    assert preprocessor.transform([*clips[:1], clips[0][:1]]).shape == (2, 6, 1)
    vectors = [np.arange(3.0)[np.newaxis], np.ones((1, 3))]
    out = SequencePreprocessor("pool", standardize=False).fit_transform(vectors)
    assert out[:, :, 0].tolist() == [[0, 1, 2], [1, 1, 1]]


def test_standardisation_is_scikit_learns_over_train_frames():
    train, test = make((4, 9, 6), seed=2), make((5,), seed=3)
    expected = StandardScaler().fit(np.concatenate(train).astype(np.float64))
    preprocessor = SequencePreprocessor().fit(train)
    assert_allclose(preprocessor.mean_, expected.mean_, rtol=1e-12)
    assert_allclose(preprocessor.scale_, expected.scale_, rtol=1e-12)
    assert preprocessor.n_frames_seen_ == 19 and preprocessor.n_features_in_ == 3
    (out,) = preprocessor.transform(test)
    assert_allclose(out, expected.transform(test[0].astype(np.float64)).T, atol=1e-6)


def test_deviations_survive_large_means():
    """The sum of squares would lose a deviation of 0.01 beside a mean of 376."""
    generator = np.random.RandomState(0)
    frames = 376 + 0.01 * generator.normal(size=(5000, 1))
    preprocessor = SequencePreprocessor().fit(np.array_split(frames, 50))
    assert_allclose(preprocessor.scale_, frames.std(axis=0), rtol=1e-9)


def test_a_constant_feature_is_not_blown_up():
    train = [np.c_[np.full(5, 0.1), np.arange(5.0)].astype(np.float32) for _ in range(3)]
    preprocessor = SequencePreprocessor().fit(train)
    assert preprocessor.scale_[0] == pytest.approx(0.1)
    (out,) = preprocessor.transform([np.array([[0.1, 2.0]], np.float32)])
    assert_allclose(out, [[0], [0]], atol=1e-6)


UNITS = [2.0**-50, 2.0**50, 2.0**-400, 2.0**400]  # about 1e-15, 1e15, 1e-120, 1e120


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_of_a_feature_does_not_count(unit):
    train = [np.c_[frames, np.full(len(frames), 0.1)].astype(np.float64) for frames in make()]
    test = [frames + 1.0 for frames in train]
    inside = [frames * unit for frames in train], [frames * unit for frames in test]
    expected = SequencePreprocessor().fit(train).transform(test)
    found = SequencePreprocessor().fit(inside[0]).transform(inside[1])
    for one, other in zip(expected, found, strict=True):
        assert_array_equal(one, other)
    groups = np.arange(len(train)) % 2
    for one, other in zip(
        standardize_by_group(train, groups), standardize_by_group(inside[0], groups), strict=True
    ):
        assert_array_equal(one, other)


@pytest.mark.parametrize("value", [1.7e308, 1e-200])
def test_a_deviation_that_is_no_finite_number_is_refused(value):
    train = [np.c_[np.arange(4.0), np.array([0.0, 0.0, value, 0.0])]]
    sentence = (
        f"feature 1 has values of up to {value:.3g}, whose standard deviation cannot be "
        "computed in float64; rescale it, or leave out values that stand for a missing one."
    )
    preprocessor = SequencePreprocessor()
    for call in (lambda: preprocessor.fit(train), lambda: standardize_by_group(train, ["a"])):
        with pytest.raises(ValueError) as raised:
            call()
        assert str(raised.value) == sentence
    assert not hasattr(preprocessor, "n_features_in_")


def test_zeros_that_are_padded_mean_as_usual():
    preprocessor = SequencePreprocessor("mertools").fit([column(300, 302, 304)])
    out = preprocessor.transform([column(304)])
    assert_allclose(out[0, 0], [0, 0, 2 / np.sqrt(8 / 3)], rtol=1e-6)


def test_test_clips_change_nothing():
    train, test = make(), make((30,), seed=9)
    preprocessor = SequencePreprocessor("mertools").fit(train)
    before = {name: np.copy(value) for name, value in vars(preprocessor).items() if name[-1] == "_"}
    alone = preprocessor.transform(test[:1])
    together = preprocessor.transform([*train, *test])
    assert_array_equal(alone[0], together[-1])
    for name, value in before.items():
        assert_array_equal(getattr(preprocessor, name), value)


def test_input_is_left_alone():
    train = make()
    copies = [frames.copy() for frames in train]
    for mode in ("pad", "resample", "mertools", "pool"):
        out = SequencePreprocessor(mode, standardize=False).fit_transform(train)
        out[0][:] = 99
        for frames, copy in zip(train, copies, strict=True):
            assert_array_equal(frames, copy)


def test_it_is_a_scikit_learn_transformer():
    preprocessor = SequencePreprocessor("resample", n_timepoints=4, compress=2, standardize=False)
    again = clone(preprocessor)
    assert again.get_params() == preprocessor.get_params()
    assert set(again.get_params()) == {"mode", "n_timepoints", "compress", "standardize"}
    with pytest.raises(NotFittedError):
        preprocessor.transform(make())
    block = np.stack(make((5, 5)))  # (n_samples, T, D)
    assert preprocessor.fit_transform(block).shape == (2, 3, 4)


def test_a_refused_fit_leaves_a_fitted_one_as_it_was():
    preprocessor = SequencePreprocessor().fit(make())
    mean = preprocessor.mean_.copy()
    with pytest.raises(ValueError):
        preprocessor.fit([*make(), np.ones((2, 7))])
    assert_array_equal(preprocessor.mean_, mean)


@pytest.mark.parametrize(
    "X, error, sentence",
    [
        ([], ValueError, "X has no sequences; pass at least one array of shape (T, D)."),
        ("abc", TypeError, "X is of type str; pass a list of arrays of shape (T, D), or "
                           "ClipSequences."),
        ({"a": 1}, TypeError, "X is of type dict; pass a list of arrays of shape (T, D), or "
                              "ClipSequences."),
        (
            [np.ones(88)],
            ValueError,
            "sequence 0 is an array of shape (88,) and type float64; expected numbers of shape (T, "
            "D), with T and D of at least 1.",
        ),
        (
            [np.ones((2, 3)), np.ones((0, 3))],
            ValueError,
            "sequence 1 is an array of shape (0, 3) and type float64; expected numbers of shape "
            "(T, D), with T and D of at least 1.",
        ),
        (
            [np.ones((2, 3)), np.ones((2, 4))],
            ValueError,
            "sequence 1 has 4 features per frame, but sequence 0 had 3; pass frames of one feature "
            "set, as (T, D).",
        ),
        (
            [np.array([[1.0, np.nan]])],
            ValueError,
            "sequence 0 contains NaN or infinity; correct or leave it out.",
        ),
    ],
)  # fmt: skip
def test_sentences_about_sequences(X, error, sentence):
    with pytest.raises(error) as raised:
        SequencePreprocessor().fit(X)
    assert str(raised.value) == sentence


def test_sentences_of_a_fitted_transformer():
    preprocessor = SequencePreprocessor().fit(make())
    with pytest.raises(ValueError, match="but the training sequences had 3; pass frames of one"):
        preprocessor.transform([np.ones((2, 4))])
    for mode in ("pad", "mertools"):
        with pytest.raises(TypeError, match="X is of type generator; pass a list of arrays"):
            SequencePreprocessor(mode).fit(make()).transform(frames for frames in make())
    small = SequencePreprocessor().fit([column(0, 1e-30)])
    with pytest.raises(ValueError, match=r"feature 0 reaches 1e.30, which is too large beside its"):
        small.transform([column(1e30)])


@pytest.mark.parametrize(
    "parameters, sentence",
    [
        ({"mode": "truncate"}, "mode='truncate' is unknown; choose one of 'pad', 'resample', "),
        ({"n_timepoints": 0}, "n_timepoints=0 must be a whole number of at least 1"),
        ({"compress": 0.5}, "compress=0.5 must be a whole number of at least 1"),
        ({"standardize": "yes"}, "standardize='yes' is unknown; choose one of True, False"),
    ],
)
def test_sentences_about_parameters(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        SequencePreprocessor(**parameters).fit(make())


def test_lazy_sequences(tmp_path):
    train = make((3, 8, 5))
    for i, frames in enumerate(train):
        np.save(tmp_path / f"c{i}.npy", frames)
    lazy = FeatureSet(tmp_path).sequences()
    for mode in ("pad", "mertools"):
        expected = SequencePreprocessor(mode).fit(train)
        found = SequencePreprocessor(mode).fit(lazy)
        assert_array_equal(found.mean_, expected.mean_)
        for a, b in zip(found.transform(lazy), expected.transform(train), strict=True):
            assert_array_equal(a, b)


def test_the_audio_of_mosi():
    root = real_data()
    if root is None or not (root / "mosi").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds mosi/")
    labels = load_labels(root / "mosi" / "label-train.csv", classes=("negative", "positive"))
    labels, found = select_features(labels[:300], FeatureStore(root / "mosi"), "audio")
    sequences = found["audio_FRA"]
    raw = np.concatenate(sequences.load())
    assert np.abs(raw).max() > 100
    preprocessor = SequencePreprocessor("mertools").fit(sequences)
    X = preprocessor.transform(sequences)
    assert X.shape == (300, 73, 10)
    assert_allclose(preprocessor.mean_, raw.astype(np.float64).mean(axis=0), rtol=1e-9, atol=1e-9)
    padded = SequencePreprocessor().fit(sequences).transform(sequences)
    frames = np.concatenate(padded, axis=1)
    varying = preprocessor.scale_ != 1
    assert varying.sum() > 60
    assert_allclose(frames.mean(axis=1), 0, atol=1e-4)
    assert_allclose(frames.std(axis=1)[varying], 1, rtol=1e-4)


# Groups


def test_each_group_is_standardised_by_its_own_frames():
    rng = np.random.default_rng(0)
    X = [rng.normal(level, 1 + level, (n, 3)) for level, n in ((0, 40), (9, 30), (0, 20), (9, 50))]
    found = standardize_by_group(X, ["a", "b", "a", "b"])
    assert [x.shape for x in found] == [x.shape for x in X]
    assert {x.dtype for x in found} == {np.dtype(np.float32)}
    for group in (0, 1):
        frames = np.concatenate(found[group::2])
        np.testing.assert_allclose(frames.mean(axis=0), 0.0, atol=1e-6)
        np.testing.assert_allclose(frames.std(axis=0), 1.0, atol=1e-6)
    expected = (X[1] - np.concatenate(X[1::2]).mean(axis=0)) / np.concatenate(X[1::2]).std(axis=0)
    np.testing.assert_allclose(found[1], expected, atol=1e-5)


def test_a_group_of_one_constant_frame_is_zero():
    found = standardize_by_group([np.full((1, 2), 7.0), np.eye(2)], [1, 2])
    assert found[0].tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        (["a"], "groups has 1 entries, but X has 2 sequences; pass the group of each."),
        ("ab", "groups has 1 entries, but X has 2 sequences; pass the group of each."),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, sentence):
    with pytest.raises(ValueError, match=sentence):
        standardize_by_group([np.eye(2), np.eye(2)], groups)


def test_long_sequences_are_averaged_before_they_are_resampled():
    ramp = np.arange(900.0)[:, np.newaxis]
    preprocessor = fitted_preprocessor([ramp], 100)
    assert (preprocessor.n_timepoints_, preprocessor.compress) == (100, 9)
    needle = np.zeros((900, 1))
    needle[455] = 900.0  # interpolation alone would step over it
    assert np.abs(preprocessor.transform([needle]) - preprocessor.transform([0 * ramp])).max() > 0.1
    assert fitted_preprocessor([ramp[:100]]).compress == 1


def test_other_modes_have_the_length_of_the_longest():
    clips = [np.ones((n, 2)) for n in (40, 60, 90)]
    for mode in ("mertools", "pad"):
        preprocessor = fitted_preprocessor(clips, mode=mode)
        assert (preprocessor.n_timepoints_, preprocessor.compress) == (90, 1)
        assert fitted_preprocessor([np.ones((400, 2))], mode=mode).n_timepoints_ <= 150
    preprocessor = fitted_preprocessor(clips, 40, "pad")
    assert [series.shape[1] for series in preprocessor.transform(clips)] == [14, 20, 30]
    assert preprocessor.compress == 3  # 90 frames would not fit as pairs
    with pytest.warns(UserWarning, match="1 of 1 sequences are longer than 30 timepoints; their"):
        preprocessor.transform([np.ones((100, 2))])
