"""Which samples does an audio file hold? One channel, at one rate; damage is told in words."""

import functools
import re
import struct
from fractions import Fraction

import numpy as np

from lstmfcn.features.npy import Unusable
from lstmfcn.untrusted import open_file
from lstmfcn.validation import check_counts

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64")
SAMPLE_RATE = 16_000  # Hz; what speech models are trained at
SHORTEST = 0.1  # seconds; no vowel is shorter, and the widest analysis window has 0.06
QUIETEST = 2.0**-14  # of full scale: two steps of 16 bits, as dither has
MOST_SAMPLES = 2**28  # of one channel: 4.6 hours at 16 kHz, 1 GiB in memory
RATES = (1_000, 768_000)  # Hz; a header outside is damaged
OPEN_END = 0x7FFF0000  # bytes; a length from here on means that the writer knew none
CUT_OFF = re.compile(r"(?:data|SSND) : (\d+) \(should be (\d+)\)")  # in libsndfile's log


def read_waveform(path, sample_rate=SAMPLE_RATE, *, start=0.0, end=None):
    """Read a recording as one channel of a given sample rate.

    Parameters
    ----------
    path : str or path
        A file that libsndfile reads: wav, flac, ogg, opus, mp3, aiff, au or w64, whatever its name.
        Several channels are averaged.
    sample_rate : int, default=16000
        Hz. Other rates are resampled; frequencies up to 0.46 of the lower rate are kept.
    start : float, default=0.0
        Seconds; where the part that is read begins.
    end : float, default=None
        Seconds; None reads to the end.

    Returns
    -------
    float32 array of shape (n_values,)
        In units of full scale, mostly in [-1, 1].

    Raises
    ------
    ImportError
        Without soundfile.
    OSError, ValueError
        If there is no such file, or it is empty, no recording, cut off, silent, shorter than 0.1 s,
        holds NaN, or ends before `end`.

    See Also
    --------
    log_mel : Log-mel frames of a waveform.
    add_noise : Noisy copies of a folder of recordings.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import soundfile
    >>> from lstmfcn.emotion import read_waveform
    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "tone.wav")
    ...     soundfile.write(path, np.stack([tone, tone], axis=1), 44_100)
    ...     waveform = read_waveform(path)
    >>> waveform.shape, waveform.dtype.name, round(float(abs(waveform).max()), 3)
    ((16000,), 'float32', 0.5)
    """
    check_counts(sample_rate=sample_rate)
    try:
        waveform, rate = decoded(path, str(path), start, end)
    except Unusable as problem:
        raise ValueError(f"{problem}.") from problem
    return resampled(waveform, rate, sample_rate)


def decoded(path, name, start=0.0, end=None):
    """Return (float32 samples of one channel, Hz), or raise Unusable; `name` is what it says."""
    soundfile = import_soundfile()
    try:
        with open_file(path, name) as file:
            if not file.read(1):
                raise Unusable(f"{name} is empty")
            _check_pages(file, name)
            file.seek(0)
            with soundfile.SoundFile(file) as sound:
                return _samples(sound, name, start, end), sound.samplerate
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(". ").removeprefix("Error : ")
        raise Unusable(f"{name} is damaged or no recording ({reason})") from error
    except (OSError, ValueError) as error:
        raise Unusable(str(error).rstrip(".")) from error


def resampled(waveform, rate, sample_rate):
    """Return float32 samples at another rate, without what the lower rate cannot hold."""
    if rate == sample_rate:
        return waveform
    from scipy.signal import resample_poly

    # 44,101 Hz would need seven million values of a filter; a pitch off by 1e-7 is no loss.
    up, down = Fraction(sample_rate, rate).limit_denominator(4000).as_integer_ratio()
    taps = _low_pass(max(up, down))
    return resample_poly(waveform.astype(np.float64), up, down, window=taps).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _low_pass(factor):
    """Return a filter that keeps all below .92 of the lower Nyquist frequency, nothing above it.

    What is left above is 80 dB less.
    """
    from scipy.signal import firwin

    return firwin(2 * 80 * factor + 1, 0.96 / factor, window=("kaiser", 8.0))


def import_soundfile():
    """Return the module, or say how it is installed."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the wheel without its library
        raise ImportError(
            f"reading recordings needs soundfile ({error}); pip install 'lstmfcn[audio]'."
        ) from error
    return soundfile


def _samples(sound, name, start, end):
    """Return the samples of an open SoundFile from `start` to `end`, checked."""
    rate = sound.samplerate
    if not RATES[0] <= rate <= RATES[1]:
        raise Unusable(f"{name} is damaged: its header says {rate} samples per second")
    if match := CUT_OFF.search(sound.extra_info):
        promised, there = map(int, match.groups())
        if there < promised < OPEN_END:
            raise Unusable(
                f"{name} is cut off: it has {there} bytes of sound where its header promises "
                f"{promised}"
            )
    if not sound.frames:
        raise Unusable(f"{name} holds a header and no sound")
    first = round(start * rate)
    last = sound.frames if end is None else round(end * rate)
    if not 0 <= first < last <= sound.frames + SHORTEST * rate:
        raise Unusable(
            f"{name} has no part from {start:g} to {last / rate:g} s: it ends at "
            f"{sound.frames / rate:.2f} s"
        )
    last = min(last, sound.frames)
    if last - first < SHORTEST * rate:
        raise Unusable(
            f"{name} lasts {1000 * (last - first) / rate:.0f} ms; expected at least "
            f"{1000 * SHORTEST:.0f}"
        )
    if last - first > MOST_SAMPLES:
        hours = (last - first) / rate / 3600
        raise Unusable(f"{name} lasts {hours:.1f} hours; cut it into clips")
    sound.seek(first)
    parts = []  # sound.blocks would yield old values where a file is cut off
    for at in range(first, last, 2**18):
        parts.append(sound.read(min(2**18, last - at), "float32", always_2d=True).mean(axis=1))
    waveform = np.concatenate(parts)  # (n_values,)
    if len(waveform) < last - first:
        raise Unusable(
            f"{name} is cut off: it has {len(waveform) / rate:.2f} s of sound where its header "
            f"promises {(last - first) / rate:.2f}"
        )
    if not np.isfinite(waveform).all():
        at = int(np.argmin(np.isfinite(waveform)))
        raise Unusable(f"{name} holds NaN or infinity, first at {(first + at) / rate:.2f} s")
    if np.ptp(waveform) < 2 * QUIETEST:
        raise Unusable(f"{name} is silent")
    return waveform


def _check_pages(file, name):
    """Refuse an Ogg file whose last page is not whole or not marked as the last (RFC 3533)."""
    file.seek(0)
    if file.read(4) != b"OggS":
        return
    n_bytes = file.seek(0, 2)
    file.seek(max(0, n_bytes - 2**17))  # the largest page has 65,307 bytes
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    header = tail[at : at + 27]
    if at >= 0 and len(header) == 27:
        flags, n_segments = struct.unpack_from("B", header, 5)[0], header[26]
        sizes = tail[at + 27 : at + 27 + n_segments]
        is_whole = at + 27 + n_segments + sum(sizes) <= len(tail) and len(sizes) == n_segments
        if is_whole and flags & 4:
            return
    raise Unusable(f"{name} is cut off: its last Ogg page is not there")
