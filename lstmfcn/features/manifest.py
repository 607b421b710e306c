"""How was a feature set made? Its manifest, and the recording behind each of its files."""

import contextlib
import json
import math
import os
from numbers import Real

from lstmfcn.features.store import FeatureStore
from lstmfcn.files import atomic_path, locked
from lstmfcn.untrusted import MISFITS, decode_json, listed, read_text, shown

MANIFEST, SOURCES = "manifest.json", "sources.jsonl"


def frame_rate(root, feature_set):
    """Return the frames per second of a feature set that `extract` made.

    Parameters
    ----------
    root : str or path
        As for `FeatureStore`.
    feature_set : str
        Its name, as for `FeatureStore.feature_set`.

    Returns
    -------
    float or None
        None for vectors of utterances, for text, and for features without a manifest.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such feature set, or its manifest is damaged.

    See Also
    --------
    extract : Writes features and their manifest.

    Examples
    --------
    >>> import os, tempfile
    >>> from lstmfcn.emotion import frame_rate
    >>> with tempfile.TemporaryDirectory() as root:
    ...     os.mkdir(f"{root}/hubert-FRA")
    ...     print(frame_rate(root, "hubert"))
    None
    """
    folder = FeatureStore(root).feature_set(feature_set).folder
    rate = (read_manifest(folder) or {}).get("frame_rate")
    if rate is None:
        return None
    if not isinstance(rate, Real) or isinstance(rate, bool) or not 0 < rate < math.inf:
        raise ValueError(
            f"{MANIFEST} of {folder.name} is damaged: its frame_rate is {shown(rate)}, not a "
            "positive number."
        )
    return float(rate)


def read_manifest(folder):
    """Return the manifest of a feature set's folder as a dict, or None where there is none."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = decode_json(read_text(path))
        if not isinstance(manifest, dict) or not isinstance(manifest.get("parameters"), dict):
            raise ValueError("it is no dict with parameters")
    except MISFITS as error:
        raise ValueError(
            f"{MANIFEST} of {folder.name} is damaged ({error}); restore it, or delete the folder "
            f"{folder}."
        ) from error
    return manifest


def begin(folder, manifest, pattern="*.npy"):
    """Make the folder of a feature set with its manifest, unless it is there already."""
    check(folder, manifest, pattern)
    if read_manifest(folder) is None:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder / MANIFEST) as temporary:
            text = json.dumps(manifest, indent=2, ensure_ascii=False)
            temporary.write_text(f"{text}\n", encoding="utf-8")


def check(folder, manifest, pattern="*.npy"):
    """Refuse a feature set that was made in another way, or has files without a manifest.

    `manifest` is a dict with the dict "parameters", which must not differ; `pattern` fits the
    files.
    """
    found = read_manifest(folder)
    if found is None:
        if folder.is_dir() and any(folder.glob(pattern)):
            raise ValueError(
                f"{folder} holds files without {MANIFEST}, made elsewhere; use another folder."
            )
        return
    old, new = found["parameters"], json.loads(json.dumps(manifest["parameters"]))
    differences = [
        f"{key} was {shown(old.get(key))} and is now {shown(new.get(key))}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]
    if differences:
        raise ValueError(
            f"{folder.name} was made with other parameters: {listed(differences)}. Pass the same "
            f"again, delete {folder}, or use another folder."
        )


@contextlib.contextmanager
def claimed(folder, manifest, pattern="*.npy"):
    """Make a folder with its manifest, and keep other processes from it meanwhile.

    What killed processes left behind is removed.
    """
    begin(folder, manifest, pattern)
    with locked(folder / ".lock") as is_ours:
        if not is_ours:
            raise ValueError(f"another process is writing to {folder}; wait until it is done.")
        for torn in folder.glob(f".{pattern}"):
            torn.unlink()
        yield


def undone(folder, suffix, fingerprints):
    """Return the clips without a finished file, and those whose file is of another source.

    `fingerprints` is a dict of clip to fingerprint.
    """
    there = set(os.listdir(folder)) if folder.is_dir() else set()
    made_from = read_sources(folder)
    missing = [c for c in fingerprints if c + suffix not in there or c not in made_from]
    known = fingerprints.keys() - missing
    return missing, sorted(clip for clip in known if made_from[clip] != fingerprints[clip])


def read_sources(folder):
    """Return {clip: fingerprint of what its file was made from}; a torn line is no clip."""
    path, found = folder / SOURCES, {}
    if path.is_file():
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError, TypeError):
                clip, fingerprint = json.loads(line)
                found[clip] = fingerprint
    return found


def add_source(folder, clip, fingerprint):
    """Note that the file of a clip is finished."""
    with open(folder / SOURCES, "a", encoding="ascii") as file:
        file.write(f"{json.dumps([clip, fingerprint])}\n")
