"""How does a folder of clips become folders of features? One file for each clip, once."""

import contextlib
import math
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

import numpy as np

from lstmfcn import __version__
from lstmfcn.extraction import sources, work
from lstmfcn.extraction.acoustic import OPENSMILE, LogMel, OpenSmile
from lstmfcn.extraction.pretrained import Pretrained
from lstmfcn.features import manifest
from lstmfcn.features.npy import Unusable
from lstmfcn.files import atomic_path
from lstmfcn.untrusted import as_path, listed, shown
from lstmfcn.validation import check_choice, check_counts

LEVELS = {"frame": "FRA", "utterance": "UTT"}
NEEDS = {  # what a kind of feature is made from -> the argument
    "sound": "wavs",
    "text": "transcripts",
    "pictures": "frames",
}


@dataclass(frozen=True)
class Extraction:
    """What `extract` did.

    Attributes
    ----------
    root : Path
        The folder that holds the feature sets.
    feature_sets : tuple of str
        Their names.
    clips : tuple of str
        The clips that have all of these features, sorted.
    n_made : int
        Files that were written; the others were there.
    problems : dict of str to str
        What is wrong with each clip that was left out.

    See Also
    --------
    extract : Returns it.
    """

    root: Path
    feature_sets: tuple
    clips: tuple
    n_made: int
    problems: dict = field(default_factory=dict)


def extract(
    wavs,
    out,
    features=("logmel",),
    *,
    transcripts=None,
    frames=None,
    frames_per_second=None,
    level=None,
    n_layers=4,
    dtype="float32",
    on_missing="error",
    n_jobs=1,
    verbose=0,
):
    """Make feature sets of clips, in the layout of MER2024: one .npy for each clip.

    A file that is there is not made again. Nothing is written before all recordings are checked.

    Parameters
    ----------
    wavs : str, path, dict or None
        A folder with recordings, or a dict of clip to path or `Recording`, as `find_recordings` and
        `recordings_of` return. None where no features of sound are asked for.
    out : str or path
        The folder for the feature sets, which become folders in `out/features`.
    features : sequence of str, default=("logmel",)
        - "logmel" or "logmel80": `log_mel` of 40 or so many bands, 50 frames a second;
        - "egemaps", "compare": eGeMAPS v02 (25 low-level descriptors, 100 frames a second, and 88
          functionals) and ComParE 2016 (65 and 6373) by openSMILE, which is free for research,
          teaching and private use only;
        - "hf:PATH": hidden states of a pretrained model in a folder of this disk. Sound: wav2vec
          2.0, HuBERT, WavLM, data2vec or Whisper's encoder, 50 vectors a second. Text: BERT and its
          kin, a vector for each token. Pictures: CLIP's image features. Nothing is downloaded, only
          safetensors are read, and no code of the folder runs.
    transcripts : dict of str to str, default=None
        Clip to text, for models of text.
    frames : str or path, default=None
        A folder with one folder of pictures for each clip, for models of pictures.
    frames_per_second : float, default=None
        Pictures per second, for the manifest.
    level : {"frame", "utterance", "both", None}, default=None
        Frames (`_FRA`), one vector for each clip (`_UTT`), or both. None makes both of openSMILE's,
        and frames of the others, whose vector is the mean of the frames.
    n_layers : int, default=4
        Hidden layers of pretrained models that are added up, from the last one, as in MERTools.
    dtype : {"float32", "float16"}, default="float32"
        What is stored.
    on_missing : {"error", "drop"}, default="error"
        For clips that cannot be used: refuse them all in one error, or leave them out with a
        warning.
    n_jobs : int, default=1
        Clips at a time, each in a process of its own; -1 takes all cores. Pretrained models take
        all cores for one clip, or the graphics processor.
    verbose : int, default=0
        1 shows how long it will take.

    Returns
    -------
    Extraction

    Raises
    ------
    FeatureError
        About all clips at once whose recordings are empty, damaged, cut off, silent, shorter than
        0.1 s, or not there.
    ValueError, OSError, ImportError
        If features are unknown, or there with other parameters or from other recordings, or another
        process makes them now; or a library is missing, with the name of the extra.

    See Also
    --------
    FeatureStore : Reads the features.
    frame_rate : The seconds of their frames.
    add_noise : Noisy copies of the recordings.

    References
    ----------
    Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and
    Affective Computing", IEEE Transactions on Affective Computing 7(2), 2016, 190-202.
    Schuller et al., "The INTERSPEECH 2016 Computational Paralinguistics Challenge", 2016 (ComParE).
    Layout and sum of layers: MERTools, https://github.com/zeroQiaoba/MERTools.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import soundfile
    >>> from lstmfcn.emotion import FeatureStore, extract, frame_rate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, hertz in {"low": 200, "high": 800}.items():
    ...         tone = np.sin(2 * np.pi * hertz * np.arange(8_000) / 16_000)
    ...         soundfile.write(f"{folder}/{name}.wav", tone, 16_000)
    ...     done = extract(folder, folder, ["logmel"])
    ...     print(FeatureStore(folder).describe())
    ...     print(done.clips, done.n_made, frame_rate(folder, "logmel"))
    feature set  level  clips   D  dtype    T (min, median, max)  unusable
    logmel_FRA   frame      2  40  float32  26, 26, 26                   0
    ('high', 'low') 2 50.0
    """
    check_choice(level, "level", (*LEVELS, "both", None))
    check_choice(dtype, "dtype", ("float32", "float16"))
    check_choice(on_missing, "on_missing", ("error", "drop"))
    check_counts(n_layers=n_layers)
    work.check_jobs(n_jobs)
    rate = frames_per_second
    if rate is not None and not (isinstance(rate, Real) and 0 < rate < math.inf):
        raise ValueError(f"frames_per_second={rate!r} must be a positive number.")
    recipes = _recipes(features, n_layers, frames_per_second)
    clips = _clips(recipes, wavs, transcripts, frames)
    root = _root(out)
    sets = [
        _FeatureSet(recipe, one, root, dtype)
        for recipe in recipes
        for one in _levels(recipe, level)
    ]
    for one in sets:
        manifest.check(one.folder, one.manifest)
    problems = _check(sets, clips, n_jobs, verbose)
    n_clips = len(set().union(*clips.values()))
    work.refuse(problems, n_clips, "clips", on_missing)
    for one in sets:
        if set(one.todo) - problems.keys():
            one.recipe.load()
    n_made, late = 0, {}  # what only the extractors see
    with contextlib.ExitStack() as stack:
        for one in sets:
            stack.enter_context(manifest.claimed(one.folder, one.manifest))
        for recipe in recipes:
            of_recipe = [one for one in sets if one.recipe is recipe]
            made, bad = _make(of_recipe, clips[recipe.kind], problems, n_jobs, verbose)
            n_made += made
            for clip, problem in bad.items():
                late[clip] = f"{late[clip]}; {problem}" if clip in late else problem
    work.refuse(late, n_clips, "clips", on_missing)
    problems |= late
    whole = set.intersection(*(set(found) for found in clips.values())) - problems.keys()
    names = tuple(one.folder.name for one in sets)
    return Extraction(root, names, tuple(sorted(whole)), n_made, problems)


class _FeatureSet:
    """A feature set that is made: a recipe at one level, and the folder for it."""

    def __init__(self, recipe, level, root, dtype):
        self.recipe, self.level, self.dtype = recipe, level, dtype
        self.folder = root / f"{recipe.stem}{recipe.joint}{LEVELS[level]}"
        said = recipe.manifest(level)
        said["parameters"] |= {"level": level, "dtype": dtype}
        if level == "utterance" and level not in recipe.levels:
            said["parameters"]["values"] = f"mean of frames: {said['parameters'].get('values')}"
        self.manifest = {
            "feature_set": self.folder.name,
            "frame_rate": recipe.frame_rate if level == "frame" else None,
            **said,
            "versions": {"lstmfcn": __version__, **said["versions"]},
        }


def _recipes(features, n_layers, frames_per_second):
    """Return the recipe that each name means."""
    if isinstance(features, str) or not features:
        raise ValueError(f"features={features!r} is no list of names, such as ['logmel'].")
    found = {}
    for name in features:
        recipe = (
            LogMel.named(name)
            or OpenSmile.named(name)
            or Pretrained.named(name, n_layers, frames_per_second)
        )
        if not recipe:
            known = ("logmel", *(stem.lower() for stem in OPENSMILE), "hf:PATH")
            raise ValueError(f"the features {shown(name)} are unknown; expected {listed(known)}.")
        if found.setdefault(recipe.stem, recipe) != recipe:
            raise ValueError(
                f"{shown(name)} would have the same folder as other features, {recipe.stem}; "
                "rename the model's folder."
            )
    return list(found.values())


def _clips(recipes, wavs, transcripts, frames):
    """Return {kind: {clip: source}} of the kinds of features that are asked for."""
    given = {"sound": wavs, "text": transcripts, "pictures": frames}
    found = {}
    for recipe in recipes:
        kind = recipe.kind
        if kind in found:
            continue
        if given[kind] is None:
            raise ValueError(f"{recipe.stem} is made from {kind}; pass {NEEDS[kind]}=...")
        if kind == "pictures":
            found[kind] = sources.find_frames(frames)
        elif kind == "text":
            sources.check_names(transcripts)
            texts = {n: t if isinstance(t, str) else "" for n, t in transcripts.items()}
            found[kind] = {n: sources.Transcript(t, shown(n)) for n, t in texts.items()}
        else:
            found[kind] = sources.as_recordings(wavs)
        if not found[kind]:
            raise ValueError(f"{NEEDS[kind]} has no clips; pass at least one.")
    return found


def _levels(recipe, level):
    if level is None:
        return recipe.levels
    return tuple(LEVELS) if level == "both" else (level,)


def _root(out):
    """Return the folder for feature sets, where FeatureStore will find them."""
    out = as_path(out).expanduser()
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{shown(out)} is a file; expected a folder for features.")
    inner = out / "features"
    return out if not inner.is_dir() and any(out.glob("*/*.npy")) else inner


def _check(sets, clips, n_jobs, verbose):
    """Return the problems of all clips that are not done yet; `sets` learn which these are.

    Features that are there and of other recordings are refused.
    """
    problems = {}
    threads = {"n_jobs": n_jobs, "prefer": "threads", "verbose": verbose}
    for kind, of_kind in clips.items():
        fingerprints, unreadable = work.sorted_out(
            sources.fingerprint_of, of_kind, title="reading", **threads
        )
        undone = set()
        for one in (one for one in sets if one.recipe.kind == kind):
            one.fingerprints = fingerprints
            one.todo, changed = manifest.undone(one.folder, ".npy", fingerprints)
            undone |= set(one.todo)
            if changed:
                raise ValueError(
                    f"{one.folder.name} has features of {len(changed)} clips from other recordings "
                    f"of the same names, such as {shown(changed[0])}; use another folder, or "
                    "delete these files."
                )
        jobs = {clip: of_kind[clip] for clip in sorted(undone)}
        unusable = work.sorted_out(sources.check, jobs, title="checking", **threads)[1]
        for clip, problem in {**unreadable, **unusable}.items():
            problems[clip] = f"{problems[clip]}; {problem}" if clip in problems else problem
    return problems


def _make(sets, clips, problems, n_jobs, verbose):
    """Make what is not there of one recipe; return the number of files and what went wrong."""
    recipe = sets[0].recipe
    jobs = {}
    for one in sets:
        for clip in one.todo:
            if clip not in problems:
                job = jobs.setdefault(clip, (recipe, clips[clip], {}, one.dtype))
                job[2][one.level] = one.folder / f"{clip}.npy"
    n_made, bad = 0, {}
    for clip, found in work.outcomes(
        _make_clip, jobs, n_jobs=recipe.n_at_a_time or n_jobs, title=recipe.stem, verbose=verbose
    ):
        if isinstance(found, Unusable):
            bad[clip] = str(found)
            continue
        n_made += len(found)
        for one in (one for one in sets if one.level in found):
            manifest.add_source(one.folder, clip, one.fingerprints[clip])
    return n_made, bad


def _make_clip(job):
    """Write the features of a clip, and return their levels."""
    recipe, source, paths, dtype = job
    value = source.value(recipe.sample_rate)
    levels = [level for level in recipe.levels if level in paths] or recipe.levels
    arrays = recipe.compute(value, source.name, levels)
    for level, path in paths.items():
        array = arrays[level] if level in arrays else arrays["frame"].mean(axis=0)
        with np.errstate(over="ignore"):
            stored = array.astype(dtype)
        if not np.isfinite(array).all():
            raise Unusable(f"{source.name} gives NaN or infinity in {recipe.stem}")
        if not np.isfinite(stored).all():
            raise Unusable(
                f"{source.name} reaches {np.abs(array).max():.3g} in {recipe.stem}, too large for "
                "float16; pass dtype='float32'"
            )
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, stored)
    return list(paths)
