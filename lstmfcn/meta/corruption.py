"""How do noise, lost frames and lost modalities change a recording or its features?"""

import math
from collections.abc import Mapping
from numbers import Real

import numpy as np

from lstmfcn.validation import check_counts

MER_NOISE_SNR_DB = (5, 6, 7, 8, 9, 10)
"""Signal-to-noise ratios in dB, each as likely, of the test clips of MER-NOISE."""


def add_noise_at_snr(clean, noise, snr_db, rng):
    """Mix noise into a recording as for the track MER-NOISE.

    A random crop of the noise is scaled by RMS(clean) / (10^(snr_db / 20) RMS(crop)) and added.

    Parameters
    ----------
    clean : array of shape (n_values,)
        A mono recording: floating point or int16.
    noise : array of shape (n_values_of_noise,), or list of such arrays
        One recording of noise, repeated if it is shorter than `clean`; or several, of which some
        are drawn, with replacement, and joined until they are longer. Of the same sample rate.
    snr_db : float
        Signal-to-noise ratio in dB; MER-NOISE draws it from 5 to 10.
    rng : int, Generator or RandomState

    Returns
    -------
    array of shape (n_values,)
        int16 for int16: where the mixture exceeds its range, all of it is scaled down so that the
        larger excursion is at the limit. Otherwise float64, not limited. A silent recording stays
        silent; silent noise is refused.

    See Also
    --------
    add_feature_noise : Noise in features.
    lstmfcn.emotion.add_noise_to_log_spectrum : The same ratio, of log-mel frames.

    References
    ----------
    Lian et al., "MER 2024: Semi-Supervised Learning, Noise Robustness, and Open-Vocabulary
    Multimodal Emotion Recognition", 2024, arXiv:2404.17113 (the rule of MERTools' main-noise.py).
    Snyder, Chen & Povey, "MUSAN: A Music, Speech, and Noise Corpus", 2015, arXiv:1510.08484.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.meta import add_noise_at_snr
    >>> clean = np.sin(np.arange(16_000) * 0.1)
    >>> babble = np.random.default_rng(1).normal(size=40_000)
    >>> added = add_noise_at_snr(clean, babble, 10, rng=0) - clean
    >>> round(10 * float(np.log10(np.mean(clean**2) / np.mean(added**2))), 6)
    10.0
    """
    clean = _waveform(clean, "clean")
    if not isinstance(snr_db, Real) or not math.isfinite(snr_db):
        raise ValueError(f"snr_db={snr_db!r} must be a finite number, in dB.")
    signal = clean.astype(np.float64)
    crop = _noise_crop(noise, len(clean), generator(rng))
    if (rms_noise := _rms(crop)) == 0:
        raise ValueError(
            f"the noise is silent over the {len(crop)} values drawn; pass a recording without "
            "silence."
        )
    gain = _rms(signal) / 10 ** (snr_db / 20) / rms_noise
    mixed = signal + gain * crop
    if clean.dtype != np.int16:
        return mixed
    limits, highest, lowest = np.iinfo(np.int16), mixed.max(), mixed.min()
    if highest > limits.max or lowest < limits.min:
        mixed *= limits.max / highest if highest >= -lowest else limits.min / lowest
    return np.clip(mixed, limits.min, limits.max).astype(np.int16)  # cut towards zero, as there


def drop_frames(x, rate, rng, *, span=1, fill=0.0):
    """Replace random frames, as where a face is out of sight or packets are lost.

    Parameters
    ----------
    x : array of shape (T, D)
    rate : float
        Probability of each span, in [0, 1].
    rng : int, Generator or RandomState
    span : int, default=1
        Frames that are lost together.
    fill : float or array of shape (D,), default=0.0
        Value of lost frames: 0 is the mean of standardised features.

    Returns
    -------
    array of shape (T, D)

    See Also
    --------
    drop_modalities, add_feature_noise
    lstmfcn.emotion.robustness_curve : Scores at several rates.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.meta import drop_frames
    >>> drop_frames(np.ones((6, 1)), 0.5, rng=0, span=2).ravel().tolist()
    [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    x = _features(x)
    _check_rate(rate)
    check_counts(span=span)
    lost = generator(rng).random(math.ceil(len(x) / span)) < rate
    if np.shape(fill) not in ((), x.shape[1:]):
        raise ValueError(
            f"fill has the shape {np.shape(fill)}; pass one number, or one for each of "
            f"{x.shape[1]} features."
        )
    is_lost = np.repeat(lost, span)[: len(x), np.newaxis]  # (T, 1)
    return np.where(is_lost, fill, x).astype(x.dtype)


def add_feature_noise(x, level, deviation, rng):
    """Add Gaussian noise in units of each feature's standard deviation in training.

    Parameters
    ----------
    x : array of shape (T, D)
    level : float
        Standard deviation of the noise in units of `deviation`, at least 0.
    deviation : float or array of shape (D,)
        Standard deviation of the features over training frames, such as
        `SequencePreprocessor.scale_`; 1 for standardised features.
    rng : int, Generator or RandomState

    Returns
    -------
    array of shape (T, D)

    See Also
    --------
    add_noise_at_snr : Noise in a recording.
    drop_frames, drop_modalities

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.meta import add_feature_noise
    >>> noisy = add_feature_noise(np.zeros((10_000, 2)), 0.5, np.array([1.0, 10.0]), rng=0)
    >>> noisy.std(axis=0).round(1).tolist()
    [0.5, 5.0]
    """
    x = _features(x)
    if not isinstance(level, Real) or not 0 <= level < math.inf:
        raise ValueError(f"level={level!r} must be a finite number of at least 0.")
    deviation = np.asarray(deviation, dtype=np.float64)
    is_possible = np.isfinite(deviation) & (deviation >= 0)
    if deviation.shape not in ((), x.shape[1:]) or not is_possible.all():
        raise ValueError(
            f"deviation has the shape {deviation.shape} or values that are no finite numbers of at "
            f"least 0; pass one for each of {x.shape[1]} features."
        )
    return (x + level * deviation * generator(rng).standard_normal(x.shape)).astype(x.dtype)


def drop_modalities(modalities, rate, rng, *, fill=0.0):
    """Blank out whole modalities of a sample, as a broken camera or microphone does.

    Parameters
    ----------
    modalities : dict of str to array of shape (T_m, D_m)
    rate : float
        Probability of each modality, in [0, 1]. If all were lost, a random one stays.
    rng : int, Generator or RandomState
    fill : float, default=0.0
        Value of a lost modality.

    Returns
    -------
    dict of str to array of shape (T_m, D_m)
        Those that stay are the arrays that were passed.

    See Also
    --------
    drop_frames, add_feature_noise

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.meta import drop_modalities
    >>> clip = {"audio": np.ones((2, 1)), "text": np.ones((3, 1))}
    >>> {name: bool(x.any()) for name, x in drop_modalities(clip, 1.0, rng=1).items()}
    {'audio': True, 'text': False}
    """
    if not isinstance(modalities, Mapping) or not modalities:
        raise TypeError("modalities must be a dict of name to an array of shape (T, D).")
    arrays = {name: _features(x) for name, x in modalities.items()}
    _check_rate(rate)
    rng = generator(rng)
    lost = rng.random(len(arrays)) < rate
    kept = rng.choice(len(arrays))  # drawn in any case: the same draws for every rate
    if lost.all():
        lost[kept] = False
    return {
        name: np.full_like(x, fill) if gone else x
        for (name, x), gone in zip(arrays.items(), lost, strict=True)
    }


def generator(rng):
    """Return the generator that `rng` is, or that it seeds."""
    if isinstance(rng, np.random.Generator | np.random.RandomState):
        return rng
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(rng)
    raise TypeError(
        f"rng is {rng!r}; pass a seed, a numpy.random.Generator or a numpy.random.RandomState."
    )


def _noise_crop(noise, n_values, rng):
    """Return float64 noise of shape (n_values,) from a random place."""
    if isinstance(noise, list | tuple):
        recordings = [_waveform(x, f"noise {i}") for i, x in enumerate(noise)]
        if not recordings:
            raise ValueError("noise is an empty list; pass at least one recording.")
        drawn, n_drawn = [], 0
        while n_drawn <= n_values:  # until longer, as published: equal would not do
            drawn.append(recordings[rng.choice(len(recordings))])
            n_drawn += len(drawn[-1])
        joined = np.concatenate(drawn)
    else:
        joined = _waveform(noise, "noise")
        joined = np.tile(joined, math.ceil(n_values / len(joined)))
    start = rng.choice(len(joined) - n_values + 1)
    return joined[start : start + n_values].astype(np.float64)


def _rms(x):
    peak = float(np.abs(x).max())  # squares of very small and very large values leave float64
    return peak * math.sqrt(np.mean(np.square(x / peak))) if peak else 0.0


def _waveform(x, name):
    x = np.asarray(x)
    if x.ndim != 1 or not len(x) or not (x.dtype.kind == "f" or x.dtype == np.int16):
        raise ValueError(
            f"{name} is an array of shape {x.shape} and type {x.dtype}; expected a mono recording "
            "of shape (n_values,), floating point or int16."
        )
    if not np.isfinite(x).all():
        raise ValueError(f"{name} contains NaN or infinity; pass a recording without.")
    return x


def _features(x):
    x = np.asarray(x)
    if x.ndim != 2 or 0 in x.shape or x.dtype.kind != "f":
        raise ValueError(
            f"x is an array of shape {x.shape} and type {x.dtype}; expected features of shape "
            "(T, D), floating point."
        )
    return x


def _check_rate(rate):
    if not isinstance(rate, Real) or not 0 <= rate <= 1:
        raise ValueError(f"rate={rate!r} must be a number in [0, 1].")
