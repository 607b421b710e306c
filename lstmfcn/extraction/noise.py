"""How would recordings sound in noise? Copies at a signal-to-noise ratio, as in MER-NOISE."""

import functools
import os
import zlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from lstmfcn import __version__
from lstmfcn.extraction import sources, work
from lstmfcn.extraction.waveforms import SAMPLE_RATE, import_soundfile
from lstmfcn.features import manifest
from lstmfcn.features.npy import Unusable
from lstmfcn.files import atomic_path, write_csv
from lstmfcn.meta.corruption import MER_NOISE_SNR_DB, add_noise_at_snr
from lstmfcn.untrusted import as_path, shown
from lstmfcn.validation import check_choice, check_counts

TABLE = "noise.csv"


def add_noise(
    wavs,
    out,
    *,
    noise=None,
    voices=None,
    groups=None,
    n_voices=3,
    snr_db=MER_NOISE_SNR_DB,
    suffix="_noise",
    random_state=0,
    on_missing="error",
    n_jobs=1,
    verbose=0,
):
    """Write noisy copies of recordings, by the rule of MER-NOISE.

    Each copy has a signal-to-noise ratio of its own. Its noise is a random crop of recordings that
    are drawn, with replacement, and joined until they are longer than the clip; or babble: several
    voices, equally loud, each from a random place on. Copies are wav files of 16 bits and 16 kHz,
    one channel. A copy that is there is not made again. A clip's noise depends on the seed and on
    the clip's name, not on the other clips.

    Parameters
    ----------
    wavs : str, path or dict
        As for `extract`.
    out : str or path
        The folder for the copies, not within that of a recording. It gets a table too, `noise.csv`,
        with `name`, `clean`, `snr_db` and, of babble, `voices`.
    noise : str or path, default=None
        A folder with recordings of noise, such as the speech of MUSAN.
    voices : dict of str to path or Recording, default=None
        In place of `noise`: recordings that babble is made of, such as those of the training
        speakers. A clip is never in its own babble, nor is a part of the same recording that
        overlaps it.
    groups : dict of str to str, default=None
        The speaker of each clip and voice; no voice of a clip's own speaker is in its babble.
    n_voices : int, default=3
        Of babble.
    snr_db : sequence of float, default=(5, 6, 7, 8, 9, 10)
        Signal-to-noise ratios in dB, each as likely.
    suffix : str, default="_noise"
        What the name of a copy has more than the clip's.
    random_state : int, default=0
    on_missing : {"error", "drop"}, default="error"
        For recordings that cannot be used: refuse them all in one error, or leave them out with a
        warning.
    n_jobs, verbose
        As for `extract`.

    Returns
    -------
    dict of str to str
        Clip to the name of its copy.

    Raises
    ------
    FeatureError, ValueError, OSError
        As `extract`; or if neither or both of `noise` and `voices` are given, or there are too few
        voices of others.

    See Also
    --------
    add_noise_at_snr : The rule for one waveform.
    with_babble : Babble in log-mel frames, without recordings.

    References
    ----------
    Lian et al., "MER 2024: Semi-Supervised Learning, Noise Robustness, and Open-Vocabulary
    Multimodal Emotion Recognition", 2024, arXiv:2404.17113.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import soundfile
    >>> from lstmfcn.emotion import add_noise, find_recordings, read_waveform
    >>> with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as out:
    ...     for i in range(4):
    ...         tone = 0.1 * np.sin(np.arange(16_000) * 0.1 * (i + 1))
    ...         soundfile.write(f"{folder}/{i}.wav", tone, 16_000, subtype="FLOAT")
    ...     tones = find_recordings(folder)
    ...     names = add_noise(tones, out, voices=tones, snr_db=(10,))
    ...     added = read_waveform(f"{out}/0_noise.wav") - read_waveform(f"{folder}/0.wav")
    >>> names["0"], round(float(10 * np.log10(0.1**2 / 2 / np.mean(added**2))), 1)
    ('0_noise', 10.0)
    """
    check_choice(on_missing, "on_missing", ("error", "drop"))
    check_counts(n_voices=n_voices)
    work.check_jobs(n_jobs)
    if (noise is None) == (voices is None):
        raise ValueError("pass either noise=... or voices=..., where the noise is to come from.")
    clips, out = sources.as_recordings(wavs), as_path(out).expanduser()
    sources.check_names(f"{clip}{suffix}" for clip in clips)
    pool = sources.as_recordings(noise if voices is None else voices)
    for folder in {one.path.resolve().parent for one in clips.values()}:
        if out.resolve().is_relative_to(folder):
            raise ValueError(f"{shown(out)} lies within {shown(folder)}; use another folder.")
    draws = _Draws(pool, groups, n_voices if voices is not None else 0, tuple(snr_db), random_state)
    said = {
        "parameters": {"kind": "noise", "suffix": suffix, **draws.said()},
        "versions": {"lstmfcn": __version__},
    }
    manifest.check(out, said, "*.wav")
    threads = {"n_jobs": n_jobs, "prefer": "threads", "verbose": verbose}
    fingerprints, _ = work.sorted_out(sources.fingerprint_of, clips, title="reading", **threads)
    missing, changed = manifest.undone(out, f"{suffix}.wav", fingerprints)
    if changed:
        raise ValueError(
            f"{shown(out)} has copies of {len(changed)} other recordings of the same names, such "
            f"as {shown(changed[0])}; use another folder."
        )
    unread = [one for clip, one in clips.items() if clip in missing or clip not in fingerprints]
    heard = {one: one for one in [*unread, *(pool.values() if unread or voices else ())]}
    _, bad = work.sorted_out(sources.check, heard, title="checking", **threads)
    plans, problems = draws.plans(clips, bad)
    work.refuse(problems, len({*clips.values(), *pool.values()}), "recordings", on_missing)
    with manifest.claimed(out, said, "*.wav"):
        jobs = {
            clip: (clips[clip], plans[clip], out / f"{clip}{suffix}.wav")
            for clip in missing
            if clip in plans
        }
        late = {}
        for clip, found in work.outcomes(
            _write_copy, jobs, n_jobs=n_jobs, title="noise", verbose=verbose
        ):
            if isinstance(found, Unusable):
                late[clip] = str(found)
            else:
                manifest.add_source(out, clip, fingerprints[clip])
        work.refuse(late, len(clips), "recordings", on_missing)
        names = {clip: f"{clip}{suffix}" for clip in plans if clip not in late}
        rows = [
            (name, clip, plans[clip].snr_db, " ".join(plans[clip].voices))
            for clip, name in names.items()
        ]
        write_csv(out / TABLE, ("name", "clean", "snr_db", "voices"), rows)
    return names


@dataclass(frozen=True)
class _Plan:
    """What is drawn for a copy: recordings to draw noise from, or the voices of its babble."""

    snr_db: float
    voices: tuple  # names; empty for noise
    recordings: tuple
    seed: tuple


@dataclass
class _Draws:
    """How noise is drawn; `n_voices` 0 joins whole recordings."""

    pool: dict
    groups: dict | None
    n_voices: int
    snr_db: tuple
    random_state: int

    def said(self):
        """Return the parameters for a manifest."""
        sizes = [
            (name, os.path.getsize(one.path) if one.path.is_file() else 0, self._group(name))
            for name, one in sorted(self.pool.items())
        ]
        return {
            "snr_db": list(self.snr_db),
            "random_state": self.random_state,
            "n_voices": self.n_voices,
            "noise": f"{len(sizes)} recordings {zlib.crc32(ascii(sizes).encode()):08x}",
        }

    def plans(self, clips, bad):
        """Return what is drawn for each clip, and the problems of recordings, by name.

        `bad` is a dict of Recording to problem.
        """
        self.pool = {name: one for name, one in self.pool.items() if one not in bad}
        of_path = defaultdict(list)
        for name, one in self.pool.items():
            of_path[os.path.realpath(one.path)].append(name)
        plans, problems = {}, {one.name: problem for one, problem in bad.items()}
        for clip, one in clips.items():
            if one not in bad:
                try:
                    of_file = of_path.get(os.path.realpath(one.path), ())
                    own = {name for name in of_file if self.pool[name].overlaps(one)}
                    plans[clip] = self._plan(clip, {clip, *own})
                except Unusable as problem:
                    problems[one.name] = str(problem)
        return plans, problems

    def _plan(self, clip, own):
        """Return what is drawn for a clip, or raise Unusable; ``own`` are names of its sound."""
        seed = (self.random_state, zlib.crc32(clip.encode(errors="surrogatepass")))
        rng = np.random.default_rng(seed)
        snr_db = float(rng.choice(self.snr_db))
        if not self.n_voices:
            return _Plan(snr_db, (), tuple(self.pool.values()), seed)
        if self.groups is not None and self._group(clip) is None:
            raise Unusable(f"{shown(clip)} has no group, so that its own voice cannot be left out")
        names = [name for name in self.pool if name not in own and not self._is_own(name, clip)]
        if len(names) < self.n_voices:
            raise Unusable(
                f"{shown(clip)} has {len(names)} voices of others; expected {self.n_voices}"
            )
        voices = tuple(names[i] for i in rng.choice(len(names), self.n_voices, replace=False))
        return _Plan(snr_db, voices, tuple(self.pool[name] for name in voices), seed)

    def _group(self, name):
        return (self.groups or {}).get(name)

    def _is_own(self, name, clip):
        return self.groups is not None and self._group(name) in (None, self._group(clip))


def _write_copy(job):
    """Write the noisy copy of a recording."""
    recording, plan, path = job
    soundfile = import_soundfile()
    clean = _in_16_bits(recording.value(SAMPLE_RATE))
    rng = np.random.default_rng((*plan.seed, 1))
    make = _babble if plan.voices else _joined
    try:
        mixed = add_noise_at_snr(clean, make(plan.recordings, len(clean), rng), plan.snr_db, rng)
    except ValueError as error:  # the crop is silent
        raise Unusable(f"{recording.name}: {error}".rstrip(".")) from error
    with atomic_path(path) as temporary:
        soundfile.write(temporary, mixed, SAMPLE_RATE, subtype="PCM_16", format="WAV")


def _joined(recordings, n_values, rng):
    """Return recordings, drawn with replacement, joined until they are longer than a clip."""
    drawn, n_drawn = [], 0
    while n_drawn <= n_values:  # until longer, as published: equal would not do
        drawn.append(_heard(recordings[rng.integers(len(recordings))]))
        n_drawn += len(drawn[-1])
    return np.concatenate(drawn)


def _babble(recordings, n_values, rng):
    """Return voices, each of RMS 1 and from a random place on, added up."""
    voices = np.zeros(n_values)
    for recording in recordings:
        voice = _heard(recording).astype(np.float64)
        places = (rng.integers(len(voice)) + np.arange(n_values)) % len(voice)  # it starts again
        voices += voice[places] / np.sqrt(np.mean(voice**2))
    return voices


@functools.lru_cache(maxsize=16)
def _heard(recording):
    return _in_16_bits(recording.value(SAMPLE_RATE))


def _in_16_bits(waveform):
    """Return a waveform as int16: of a file of 16 bits and 16 kHz, the values in it."""
    values = np.rint(waveform.astype(np.float64) * 2**15)
    return np.clip(values, -(2**15), 2**15 - 1).astype(np.int16)
