"""How does a folder in MER2024's layout become a dataset of a sweep, by its name alone?"""

from lstmfcn.emotion.mer2024 import TRACKS, load_track, select_features
from lstmfcn.emotion.sequences import fitted_preprocessor
from lstmfcn.features.store import FeatureStore


def parse_mer(name):
    """Return ROOT, FEATURE and TRACK of "mer:ROOT:FEATURE[:TRACK]"; the default track is "full"."""
    prefix, *parts = name.split(":")
    track = parts.pop() if len(parts) > 2 and parts[-1] in TRACKS else "full"
    root, feature = ":".join(parts[:-1]), parts[-1] if parts else ""  # a root may hold colons
    if prefix != "mer" or not root or not feature:
        raise ValueError(
            f"the dataset {name!r} is not of the form mer:ROOT:FEATURE or mer:ROOT:FEATURE:TRACK, "
            "such as mer:/data/emodb:eGeMAPS_FRA:noise."
        )
    return root, feature, track


def load_mer(name):
    """Return X_train, y_train, X_test and y_test of a name that :func:`parse_mer` takes.

    X is float32 of shape (n_clips, D, n_timepoints), y str of shape (n_clips,). All clips have the
    length of `fitted_preprocessor`. Of track "semi" only the labelled clips are read.
    """
    root, feature, track_name = parse_mer(name)
    track = load_track(root, track_name, classes=None)
    if track.test is None:
        raise ValueError(
            f"{root} has no labelled test clips of track {track_name!r}; expected "
            f"{' or '.join(TRACKS[track_name]['test']) or 'another track'}."
        )
    store, split, preprocessor = FeatureStore(root), [], None
    for table in (track.train, track.test):
        _, found = select_features(table, store, feature)
        (sequences,) = found.values()
        preprocessor = preprocessor or fitted_preprocessor(sequences)
        split += [preprocessor.transform(sequences), table.y]
    return tuple(split)
