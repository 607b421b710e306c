"""How does a folder in MER2024's layout become a dataset of a sweep? Its name says all of it."""

import math
from dataclasses import dataclass

from lstmfcn.emotion.feature_store import FeatureStore
from lstmfcn.emotion.lengths import SequencePreprocessor
from lstmfcn.emotion.mer2024 import TRACKS, load_track, select_features

__all__ = ["PREFIX", "MerName", "fit_to_length", "load_mer", "parse_mer"]

PREFIX = "mer:"
LONGEST = 150  # timepoints, where no length is asked for: 3 s at 20 ms


@dataclass(frozen=True)
class MerName:
    """What the name of such a dataset says.

    Attributes
    ----------
    root : str
        The data set's folder.
    feature : str
        The feature set.
    track : str
        One of :data:`lstmfcn.emotion.TRACKS`.
    """

    root: str
    feature: str
    track: str


def parse_mer(name):
    """Take the name of a dataset apart.

    Parameters
    ----------
    name : str
        ``"mer:ROOT:FEATURE"`` or ``"mer:ROOT:FEATURE:TRACK"``. It is read from its end: ROOT
        may hold colons.

    Returns
    -------
    MerName
        Of track "full" if none is named.

    Raises
    ------
    ValueError
        If the name has not these parts.

    Examples
    --------
    >>> from lstmfcn.emotion.mer_dataset import parse_mer
    >>> parse_mer("mer:/data/emodb:eGeMAPS_FRA")
    MerName(root='/data/emodb', feature='eGeMAPS_FRA', track='full')
    >>> parse_mer("mer:C:\\\\emodb:eGeMAPS_FRA:noise").track
    'noise'
    """
    parts = name.removeprefix(PREFIX).split(":")
    track = parts.pop() if len(parts) > 2 and parts[-1] in TRACKS else "full"
    *root, feature = parts
    root = ":".join(root)
    if not name.startswith(PREFIX) or not root or not feature:
        raise ValueError(
            f"the dataset {name!r} is not of the form mer:ROOT:FEATURE or mer:ROOT:FEATURE:TRACK, "
            "such as mer:/data/emodb:eGeMAPS_FRA:noise."
        )
    return MerName(root, feature, track)


def load_mer(name):
    """Read the training and test split of a folder in MER2024's layout.

    Sequences are standardised on the training frames and resampled to the median length of the
    training clips, at most 150 timepoints; longer ones are averaged before, so that no frame is
    skipped.

    Parameters
    ----------
    name : str
        As :func:`parse_mer` takes it. Of track "semi" only the labelled clips are trained on.

    Returns
    -------
    X_train : float32 ndarray of shape (n_train, D, n_timepoints)
    y_train : ndarray of str of shape (n_train,)
    X_test : float32 ndarray of shape (n_test, D, n_timepoints)
    y_test : ndarray of str of shape (n_test,)

    Raises
    ------
    ValueError, OSError
        If the name is none, or files are not there or cannot be used; clips without features are
        all named in one sentence.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion.mer_dataset import load_mer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     root = Path(folder)
    ...     (root / "features" / "hubert_FRA").mkdir(parents=True)
    ...     for part, clips in {"train": "ab", "test": "c"}.items():
    ...         rows = "".join(f"{clip},{label}\\n" for clip, label in zip(clips, ["sad", "happy"]))
    ...         _ = (root / f"label-{part}.csv").write_text(f"name,discrete\\n{rows}")
    ...         for clip in clips:
    ...             np.save(root / "features" / "hubert_FRA" / clip, np.eye(7, 3))
    ...     X_train, y_train, X_test, y_test = load_mer(f"mer:{root}:hubert")
    >>> X_train.shape, y_train.tolist(), X_test.shape
    ((2, 3, 7), ['sad', 'happy'], (1, 3, 7))
    """
    asked = parse_mer(name)
    track = load_track(asked.root, asked.track, classes=None)
    if track.test is None:
        raise ValueError(
            f"{asked.root} has no labelled test clips of track {asked.track!r}; expected "
            f"{' or '.join(TRACKS[asked.track]['test']) or 'another track'}."
        )
    store, split, preprocessor = FeatureStore(asked.root), [], None
    for table in (track.train, track.test):
        _, found = select_features(table, store, asked.feature)
        (sequences,) = found.values()
        preprocessor = preprocessor or fit_to_length(sequences)
        split += [preprocessor.transform(sequences), table.y]
    return tuple(split)


def fit_to_length(sequences, n_timepoints=None, mode="resample"):
    """Learn from training sequences how to standardise and bring sequences to one length.

    Parameters
    ----------
    sequences : sequence of arrays of shape (T_i, D), or ClipSequences
    n_timepoints : int, default=None
        None takes the median length, in other modes than "resample" that of the longest; at most
        150.
    mode : {"resample", "mertools", "mean_pool", "pad"}, default="resample"
        As for :class:`lstmfcn.emotion.SequencePreprocessor`. In mode "pad" all sequences are
        averaged over as many frames as bring the longest to `n_timepoints`, so that none loses its
        end.

    Returns
    -------
    SequencePreprocessor
        Fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn.emotion.mer_dataset import fit_to_length
    >>> sequences = [np.ones((400, 2)), np.ones((500, 2))]
    >>> preprocessor = fit_to_length(sequences)
    >>> preprocessor.n_timepoints_, preprocessor.compress
    (150, 3)
    >>> [series.shape for series in fit_to_length(sequences, 10, "pad").transform(sequences)]
    [(2, 8), (2, 10)]
    """
    preprocessor = SequencePreprocessor(mode=mode).fit(sequences)
    usual = preprocessor.n_timepoints_
    length = n_timepoints or min(usual, LONGEST)
    compress = 1
    if mode == "resample":
        # Interpolation below half the length would skip frames; their means skip none.
        compress = max(1, usual // length)
    elif mode == "pad":
        compress, length = math.ceil(usual / length), None
    if (length or usual, compress) == (usual, 1):
        return preprocessor
    return preprocessor.set_params(n_timepoints=length, compress=compress).fit(sequences)
