"""Are these the features that earlier results are of? A short text tells."""

import hashlib
import json
import math
import os

from lstmfcn.features.manifest import read_manifest, read_sources
from lstmfcn.features.npy import Unusable

N_READ = 101  # clips whose values are read; of the others, the sizes of their files tell


def fingerprint(feature_set, clips):
    """Return a text that features of other recordings, or made in another way, would not have.

    It depends on the manifest's parameters and on the recordings that `extract` noted. It also
    depends on the sizes of all files, and on the values of at most 101 clips. A copy of the folder
    has the same text.

    Parameters
    ----------
    feature_set : FeatureSet
    clips : sequence of str
        Clips without features are allowed.

    Returns
    -------
    str
    """
    clips = tuple(dict.fromkeys(clips))
    parameters = (read_manifest(feature_set.folder) or {}).get("parameters")
    made_from = read_sources(feature_set.folder)
    digest = hashlib.sha256(json.dumps([parameters, [made_from.get(c) for c in clips]]).encode())
    step = max(1, math.ceil(len(clips) / N_READ))
    for place, clip in enumerate(clips):
        digest.update(f"\n{clip}\n".encode("utf-8", "surrogatepass"))
        try:
            for path in feature_set.paths(clip):
                digest.update(f"{os.path.getsize(path)} ".encode())
                if place % step == 0:
                    with open(path, "rb") as file:
                        digest.update(file.read())
        except (Unusable, OSError):
            continue  # absent or unreadable, which is told where it is read
    return digest.hexdigest()[:16]
