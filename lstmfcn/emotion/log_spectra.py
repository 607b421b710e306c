"""What would a log spectrum be if others had spoken at the same time?

Powers of sounds that have nothing to do with each other add up. So noise can be mixed into a
spectrogram, without the recording, where features are natural logarithms of power: log-mel frames.
"""

import math
from numbers import Real

import numpy as np

from lstmfcn.emotion.noise import MER_NOISE_SNR_DB, generator
from lstmfcn.validation import check_counts

__all__ = ["add_noise_to_log_spectrum", "babble", "with_babble"]

N_VOICES = 3
HIGHEST = 80.0  # of a log power; the exponential of what is no logarithm overflows


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

    References
    ----------
    The ratio as in MER-NOISE, see :func:`lstmfcn.emotion.add_noise_at_snr`. That powers add is the
    usual model of noise in log-mel features: Moreno, Raj & Stern, "A vector Taylor series approach
    for environment-independent speech recognition", ICASSP 1996, without the phase.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import add_noise_to_log_spectrum
    >>> clean, noise = np.zeros((4, 2)), np.full((4, 2), 7.0)
    >>> mixed = add_noise_to_log_spectrum(clean, noise, 10)
    >>> np.exp(mixed[0]).round(6).tolist()
    [1.1, 1.1]
    """
    clean, noise = _log_power(clean, "clean"), _log_power(noise, "noise")
    if clean.shape != noise.shape:
        raise ValueError(f"clean has shape {clean.shape}, but noise has {noise.shape}.")
    if not isinstance(snr_db, Real) or not math.isfinite(snr_db):
        raise ValueError(f"snr_db={snr_db!r} must be a finite number, in dB.")
    gain = _level(clean) - _level(noise) - math.log(10) * snr_db / 10
    return np.logaddexp(clean, noise + gain)


def babble(clips, n_frames, rng, *, n_voices=N_VOICES):
    """Let several voices talk at once, equally loud, each one from a random place on.

    Parameters
    ----------
    clips : sequence of arrays of shape (T_i, D)
        Natural logarithms of power.
    n_frames : int
    rng : int, Generator or RandomState
    n_voices : int, default=3
        Clips that are drawn; no clip twice.

    Returns
    -------
    float64 array of shape (n_frames, D)

    Raises
    ------
    ValueError
        If there are fewer clips than voices, or values cannot be logarithms of power.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import babble
    >>> clips = [np.full((n, 2), float(n)) for n in (3, 5, 9, 4)]
    >>> babble(clips, 7, rng=0).shape
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
        start = rng.choice(len(voice))  # and round again where it ends
        frames = (start + np.arange(n_frames)) % len(voice)
        voices.append(voice[frames] - _level(voice))
    return np.logaddexp.reduce(voices)


def with_babble(clips, rng, *, voices=None, snr_db=MER_NOISE_SNR_DB, n_voices=N_VOICES):
    """Put babble behind each clip.

    Parameters
    ----------
    clips : sequence of arrays of shape (T_i, D), or ClipSequences
        Natural logarithms of power.
    rng : int, Generator or RandomState
    voices : sequence of arrays of shape (T_i, D), default=None
        Clips to draw the voices from; None takes the other ones of `clips`.
    snr_db : sequence of float, default=(5, 6, 7, 8, 9, 10)
        Signal-to-noise ratios in dB, each as likely.
    n_voices : int, default=3

    Returns
    -------
    list of float32 arrays of shape (T_i, D)

    Raises
    ------
    ValueError
        As :func:`babble`.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import with_babble
    >>> clips = [np.full((n, 2), float(n)) for n in (3, 5, 9, 4)]
    >>> [x.shape for x in with_babble(clips, rng=0)]
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
        noisy.append(add_noise_to_log_spectrum(clean, noise, float(rng.choice(snr_db))))
    return [x.astype(np.float32) for x in noisy]


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
