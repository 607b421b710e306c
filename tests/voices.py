"""Made-up voices: harmonics of a moving pitch, and a little breath."""

from pathlib import Path

import numpy as np
import soundfile


def voice(pitch=120.0, seconds=1.0, sample_rate=16_000, seed=0, level=0.2):
    """Return a made-up voice, float64 of shape (n_values,), of peak about `level`."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 2 * times))) / sample_rate
    tones = sum(np.sin(k * phase) / k for k in range(1, 12))
    breath = np.random.default_rng(seed).normal(size=len(times))
    sound = tones * (1.2 + np.sin(2 * np.pi * 3 * times)) + 0.05 * breath
    return level * sound / np.abs(sound).max()


def write_voices(folder, pitches, seconds=0.5, **options):
    """Write one wav for each {name: pitch}, with folders in the names if need be."""
    for seed, (name, pitch) in enumerate(pitches.items()):
        path = Path(folder, f"{name}.wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, voice(pitch, seconds, seed=seed), 16_000, **options)
    return Path(folder)
