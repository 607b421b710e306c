"""Which numbers describe the sound of a voice? Log-mel frames, and openSMILE's feature sets."""

import contextlib
import ctypes
import functools
import importlib.util
import math
import os
import re
import sys
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lstmfcn.extraction.waveforms import SAMPLE_RATE
from lstmfcn.features.npy import Unusable
from lstmfcn.validation import check_counts

WINDOW, HOP = 0.025, 0.02  # seconds
FLOOR = 1e-6  # of power, so that silence has a logarithm
BEND = 15.0  # mels: below it Slaney's scale is linear, 200 / 3 Hz each
OPENSMILE_LICENCE = (
    "openSMILE by audEERING: free for research, teaching and private use; commercial use needs "
    "their licence"
)
OPENSMILE = {  # stem of the folder -> what opensmile calls the feature set
    "eGeMAPS": "eGeMAPSv02",
    "ComParE": "ComParE_2016",
}


def log_mel(waveform, sample_rate=SAMPLE_RATE, *, n_bands=40):
    """Return the logarithm of a waveform's power in mel bands, frame by frame.

    Hann windows of 25 ms every 20 ms, the first around the first sample; an FFT of the next power
    of two; triangles of equal area, evenly spaced from 0 Hz to half the sample rate on Slaney's
    mel scale; natural logarithm of power + 1e-6.

    Parameters
    ----------
    waveform : array of shape (n_values,)
    sample_rate : int, default=16000
        Hz.
    n_bands : int, default=40

    Returns
    -------
    float32 array of shape (T, n_bands)
        T is 1 + n_values // (sample_rate / 50).

    Raises
    ------
    ValueError
        If the waveform is no row of finite numbers, or a band is narrower than the FFT can tell.

    See Also
    --------
    extract : Writes them for a folder of recordings.
    with_babble : Mixes voices into them.

    References
    ----------
    Slaney, "Auditory Toolbox", Interval Research Corporation, Technical Report 1998-010: the mel
    scale and the triangles, which librosa has as its default.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion import log_mel
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    >>> frames = log_mel(tone)
    >>> frames.shape, np.unique(frames[1:-1].argmax(axis=1)).tolist()
    ((51, 40), [13])
    """
    check_counts(sample_rate=sample_rate, n_bands=n_bands)
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or not len(waveform) or waveform.dtype.kind not in "iuf":
        raise ValueError(
            f"waveform is an array of shape {waveform.shape} and type {waveform.dtype}; expected "
            "one channel, numbers of shape (n_values,)."
        )
    if not np.isfinite(waveform).all():
        raise ValueError("waveform contains NaN or infinity; pass a recording without.")
    width, hop = round(WINDOW * sample_rate), round(HOP * sample_rate)
    n_fft = 1 << max(1, width - 1).bit_length()
    window = np.zeros(n_fft)
    first = (n_fft - width) // 2
    window[first : first + width] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    bank = _mel_bank(sample_rate, n_fft, n_bands)
    padded = np.pad(waveform.astype(np.float64), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]  # (T, n_fft)
    out = np.empty((len(frames), n_bands), np.float32)
    for at in range(0, len(frames), 4096):  # an hour at once would need gigabytes
        power = np.abs(np.fft.rfft(frames[at : at + 4096] * window)) ** 2  # (4096, n_fft / 2 + 1)
        out[at : at + 4096] = np.log(power @ bank.T + FLOOR)
    return out


@functools.lru_cache(maxsize=8)
def _mel_bank(sample_rate, n_fft, n_bands):
    """Return triangles of area 1 over the frequencies of an FFT, (n_bands, n_fft / 2 + 1)."""
    edges = _hertz(np.linspace(0, _mels(sample_rate / 2), n_bands + 2))
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    hertz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    bank = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    if (is_empty := ~bank.any(axis=1)).any():
        raise ValueError(
            f"{n_bands} mel bands are too narrow for {sample_rate} Hz: band {is_empty.argmax()} "
            "holds no frequency; ask for fewer."
        )
    return bank


def _mels(hertz):
    if hertz < BEND * 200 / 3:
        return hertz * 3 / 200
    return BEND + 27 * math.log(hertz / 1000) / math.log(6.4)


def _hertz(mels):
    return np.where(mels < BEND, mels * 200 / 3, 1000 * 6.4 ** ((mels - BEND) / 27))


@dataclass(frozen=True)
class LogMel:
    """The recipe of log-mel frames: `logmel`, or `logmel80` with another number of bands."""

    stem: str = "logmel"
    n_bands: int = 40
    kind = "sound"
    joint = "_"
    levels = ("frame",)
    sample_rate = SAMPLE_RATE
    frame_rate = 1 / HOP
    n_at_a_time = None  # any number of processes

    @classmethod
    def named(cls, name):
        """Return the recipe that a name means, or None."""
        match = re.fullmatch(r"logmel(\d{0,3})", name, re.IGNORECASE)
        return match and cls(name.lower(), int(match[1] or cls.n_bands))

    def manifest(self, level):
        """Return what a manifest says about the features."""
        _mel_bank(self.sample_rate, 512, self.n_bands)  # refuses what cannot be
        return {
            "parameters": {
                "kind": "log-mel",
                "n_bands": self.n_bands,
                "window_seconds": WINDOW,
                "hop_seconds": HOP,
                "floor": FLOOR,
                "sample_rate": self.sample_rate,
            },
            "versions": {"numpy": np.__version__, "soundfile": version("soundfile")},
        }

    def load(self):
        """Need nothing."""

    def compute(self, waveform, name, levels):
        """Return {level: array} of a waveform."""
        return {"frame": log_mel(waveform, self.sample_rate, n_bands=self.n_bands)}


@dataclass(frozen=True)
class OpenSmile:
    """The recipe of one of openSMILE's feature sets: `egemaps` or `compare`."""

    stem: str
    kind = "sound"
    joint = "_"
    levels = ("frame", "utterance")
    sample_rate = SAMPLE_RATE
    frame_rate = 100.0
    n_at_a_time = None

    @classmethod
    def named(cls, name):
        """Return the recipe that a name means, or None."""
        stems = {stem.lower(): stem for stem in OPENSMILE}
        if name.lower() not in stems:
            return None
        import_opensmile()
        return cls(stems[name.lower()])

    def manifest(self, level):
        """Return what a manifest says about the features."""
        return {
            "parameters": {
                "kind": "openSMILE",
                "feature_set": OPENSMILE[self.stem],
                "values": "functionals" if level == "utterance" else "low-level descriptors",
                "sample_rate": self.sample_rate,
            },
            "versions": {"opensmile": version("opensmile"), "soundfile": version("soundfile")},
            "licence": OPENSMILE_LICENCE,
            "feature_names": list(_smile(self.stem, level).feature_names),
        }

    def load(self):
        """Need nothing more than the manifest did."""

    def compute(self, waveform, name, levels):
        """Return {level: array} of a waveform: (T, D) of frames, (D,) of the utterance."""
        found = {}
        for level in levels:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # a segment too short gives NaN
                values = _smile(self.stem, level)(waveform, self.sample_rate)[0].T  # (T, D)
            if np.isnan(values).all():
                raise Unusable(f"{name} is too short for {self.stem}")
            found[level] = values[0] if level == "utterance" else values
        return found


@functools.lru_cache(maxsize=4)
def _smile(stem, level):
    """Return opensmile's extractor, one for each process."""
    opensmile = import_opensmile()
    levels = opensmile.FeatureLevel
    name = levels.Functionals if level == "utterance" else levels.LowLevelDescriptors
    return opensmile.Smile(opensmile.FeatureSet[OPENSMILE[stem]], name)


def import_opensmile():
    """Return the module, or say how it is installed.

    Its library has functions rdft and cdft, and TensorFlow has others of these names, which it
    gives to all libraries of the process: openSMILE would call them, and end the process.
    """
    try:
        if "opensmile" not in sys.modules and hasattr(os, "RTLD_DEEPBIND"):
            found = importlib.util.find_spec("opensmile")
            for path in Path(found.origin).parent.rglob("libSMILEapi.so") if found else ():
                with contextlib.suppress(OSError):  # of another kind of machine
                    ctypes.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND)
        import opensmile
    except (ImportError, OSError) as error:
        raise ImportError(
            f"eGeMAPS and ComParE need opensmile ({error}); pip install 'lstmfcn[audio]'. Its "
            f"licence: {OPENSMILE_LICENCE}."
        ) from error
    return opensmile
