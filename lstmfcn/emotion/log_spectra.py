"""What would a log spectrum be with the voices of other speakers in it?

Powers of unrelated sounds add up, so noise can be mixed into log-mel frames without the recording.
"""

import math
from numbers import Real

import numpy as np

from lstmfcn.meta.corruption import MER_NOISE_SNR_DB, generator
from lstmfcn.validation import check_counts

HIGHEST = 80.0  # log power; larger values are no logarithms, and their exponential overflows


def add_noise_to_log_spectrum(clean, noise, snr_db):
    """Mix noise into a spectrogram, at a ratio of their mean powers.

    Parameters
    ----------
    clean, noise : arrays of shape (T, D)
        Natural logarithms of power.
    snr_db : float
        Signal-to-noise ratio in dB.

    Returns
    -------
    float64 array of shape (T, D)

    Raises
    ------
    ValueError
        If shapes differ, or values cannot be logarithms of power.

    See Also
    --------
    with_babble : Noise of other speakers.
    add_noise_at_snr : The same ratio, for recordings.

    References
    ----------
    Moreno, Raj & Stern, "A vector Taylor series approach for environment-independent speech
    recognition", ICASSP 1996: the usual model of noise in log-mel features, without the phase.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import add_noise_to_log_spectrum
    >>> mixed = add_noise_to_log_spectrum(np.zeros((1, 2)), np.full((1, 2), 7.0), 10)
    >>> np.exp(mixed).round(6).tolist()
    [[1.1, 1.1]]
    """
    clean, noise = _log_power(clean, "clean"), _log_power(noise, "noise")
    if clean.shape != noise.shape:
        raise ValueError(f"clean has shape {clean.shape}, but noise has {noise.shape}.")
    if not isinstance(snr_db, Real) or not math.isfinite(snr_db):
        raise ValueError(f"snr_db={snr_db!r} must be a finite number, in dB.")
    gain = _level(clean) - _level(noise) - math.log(10) * snr_db / 10
    return np.logaddexp(clean, noise + gain)


def babble(clips, n_frames, rng, *, n_voices=3):
    """Mix several voices, equally loud, each one from a random frame on.

    Parameters
    ----------
    clips : sequence of arrays of shape (T_i, D)
        Natural logarithms of power.
    n_frames : int
    rng : int, Generator or RandomState
    n_voices : int, default=3
        Clips that are chosen at random, no clip twice. There must be as many.

    Returns
    -------
    float64 array of shape (n_frames, D)

    See Also
    --------
    with_babble : Mixes it into clips.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import babble
    >>> babble([np.ones((n, 2)) for n in (3, 5, 9, 4)], 7, rng=0).shape
    (7, 2)
    """
    check_counts(n_frames=n_frames, n_voices=n_voices)
    if len(clips) < n_voices:
        raise ValueError(
            f"babble of {n_voices} voices needs as many other clips, but there are {len(clips)}."
        )
    rng = generator(rng)
    voices = []
    for i in rng.choice(len(clips), n_voices, replace=False):
        voice = _log_power(clips[int(i)], f"clip {i}")
        start = rng.choice(len(voice))  # a voice that ends starts again
        frames = (start + np.arange(n_frames)) % len(voice)
        voices.append(voice[frames] - _level(voice))
    return np.logaddexp.reduce(voices)


def with_babble(clips, rng, *, voices=None, snr_db=MER_NOISE_SNR_DB, n_voices=3):
    """Mix babble into each clip.

    Parameters
    ----------
    clips : sequence of arrays of shape (T_i, D), or ClipSequences
        Natural logarithms of power.
    rng : int, Generator or RandomState
    voices : sequence of arrays of shape (T_i, D), default=None
        Clips to choose the voices from; None takes the other ones of `clips`.
    snr_db : sequence of float, default=(5, 6, 7, 8, 9, 10)
        Signal-to-noise ratios in dB, each as likely.
    n_voices : int, default=3

    Returns
    -------
    list of float32 arrays of shape (T_i, D)

    See Also
    --------
    babble, add_noise_to_log_spectrum : The two steps.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import with_babble
    >>> [x.shape for x in with_babble([np.ones((n, 2)) for n in (3, 5, 9, 4)], rng=0)]
    [(3, 2), (5, 2), (9, 2), (4, 2)]
    """
    rng = generator(rng)
    clips = [_log_power(x, f"clip {i}") for i, x in enumerate(clips)]
    if voices is not None:
        voices = [_log_power(x, f"voice {i}") for i, x in enumerate(voices)]
    noisy = []
    for i, clean in enumerate(clips):
        others = clips[:i] + clips[i + 1 :] if voices is None else voices
        noise = babble(others, len(clean), rng, n_voices=n_voices)
        mixed = add_noise_to_log_spectrum(clean, noise, float(rng.choice(snr_db)))
        noisy.append(mixed.astype(np.float32))
    return noisy


def _log_power(x, name):
    x = np.asarray(x)
    if x.ndim != 2 or 0 in x.shape or x.dtype.kind != "f" or not np.isfinite(x).all():
        raise ValueError(
            f"{name} is an array of shape {x.shape} and type {x.dtype}; expected finite natural "
            "logarithms of power, floating point, of shape (T, D)."
        )
    if x.max() > HIGHEST:
        raise ValueError(
            f"{name} reaches {x.max():.3g}, which is no natural logarithm of a power; babble can "
            "be mixed into log spectra only, such as log-mel frames."
        )
    return x.astype(np.float64)


def _level(x):
    """Return the logarithm of the mean power."""
    return float(np.logaddexp.reduce(x, axis=None)) - math.log(x.size)
