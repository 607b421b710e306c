"""Which feature sequence belongs to a clip? Folders of .npy files, each read at first use."""

import functools
import itertools
import math
import os
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lstmfcn.features.npy import Unusable, read_array
from lstmfcn.untrusted import as_path, listed, shown
from lstmfcn.validation import check_choice, check_counts

LEVELS = {"UTT": "utterance", "FRA": "frame"}
SUFFIX = re.compile(r"(?P<stem>.+)[_-](?P<suffix>UTT|FRA)")
N_PEEKED = 101  # headers that tell the usual number of features: odd, and quick to read


class FeatureError(ValueError):
    """Some clips have no features, or features that cannot be used.

    Attributes
    ----------
    problems : dict of str to str
        The problem of each clip; the message lists the first 50.

    See Also
    --------
    FeatureStore : Finds and reads features.
    """

    def __init__(self, message, problems):
        super().__init__(message, problems)
        self.problems = problems

    def __str__(self):
        return self.args[0]


def join_errors(errors):
    """Return one FeatureError in the place of several, of several feature sets."""
    problems = {}
    for error in errors:
        for clip, problem in error.problems.items():
            problems[clip] = f"{problems[clip]}; {problem}" if clip in problems else problem
    return FeatureError("\n".join(map(str, errors)), problems)


class FeatureStore:
    """The feature sets of a data set, in the layout of MER2024.

    Each feature set is a folder: `NAME_UTT` or `NAME-UTT` has one vector per utterance, `NAME_FRA`
    or `NAME-FRA` one vector per frame. It holds one file `CLIP.npy` per clip, or one folder `CLIP`
    per clip with one .npy per frame.

    Parameters
    ----------
    root : str or path
        The folder that holds the feature sets, or that holds them in a folder `features`.
    n_threads : int, default=8
        Files read at a time. More than the number of cores may help, as reading is mostly waiting.

    Attributes
    ----------
    root : Path
        Files outside it are refused, behind a name with `..` as behind a symbolic link.

    See Also
    --------
    FeatureSet : One feature set alone.
    select_features : The sequences of labelled clips.

    References
    ----------
    The layout is that of MER2024's baseline, MERTools: https://github.com/zeroQiaoba/MERTools.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from lstmfcn.emotion import FeatureStore
    >>> with tempfile.TemporaryDirectory() as root:
    ...     os.mkdir(f"{root}/hubert-FRA")
    ...     np.save(f"{root}/hubert-FRA/a.npy", np.ones((3, 2), np.float16))
    ...     store = FeatureStore(root)
    ...     print(store.describe())
    ...     (frames,) = store.feature_set("hubert").sequences(["a"]).load()
    feature set  level  clips  D  dtype    T (min, median, max)  unusable
    hubert-FRA   frame      1  2  float16  3, 3, 3                      0
    >>> frames.shape, frames.dtype.name
    ((3, 2), 'float32')
    """

    def __init__(self, root, *, n_threads=8):
        check_counts(n_threads=n_threads)
        root = as_path(root).expanduser()
        if not os.path.isdir(root):
            kind, what = FileNotFoundError, "does not exist"
            if os.path.exists(root):
                kind, what = NotADirectoryError, "is a file"
            raise kind(f"{shown(root)} {what}; expected a folder of feature sets.")
        inner = root / "features"
        self.root = (inner if inner.is_dir() else root).resolve()
        self.n_threads = n_threads

    def __repr__(self):
        return f"FeatureStore({str(self.root)!r})"

    @property
    def feature_sets(self):
        """Names of the folders that hold the feature sets, sorted."""
        folders = (path for path in self.root.iterdir() if os.path.isdir(path))
        return sorted(path.name for path in folders if not path.name.startswith("."))

    def feature_set(self, name, level=None):
        """Find a feature set.

        Parameters
        ----------
        name : str
            The folder's name, or the name without its ending: `hubert` finds `hubert_UTT`,
            `hubert-UTT`, `hubert_FRA` and `hubert-FRA`, the underscore first.
        level : {"utterance", "frame", None}, default=None
            Needed where there are feature sets of this name at both levels.

        Returns
        -------
        FeatureSet

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such feature set, or the name fits both levels or escapes `root`.
        """
        check_choice(level, "level", ("utterance", "frame", None))
        if problem := name_problem(name):
            raise ValueError(f"the feature set {name!r} {problem}; pass a folder's name.")
        found = [folder for folder in _candidates(name, level) if (self.root / folder).is_dir()]
        if not found:
            known, of_level = self.feature_sets, f" of level {level!r}" if level else ""
            known = f"one of {listed(known)}" if known else f"folders such as {name}_FRA"
            raise FileNotFoundError(
                f"there is no feature set {name!r}{of_level} in {self.root}; expected {known}."
            )
        if len(set(map(_level, found))) > 1 and found[0] != name:
            raise ValueError(
                f"{name!r} is there as {' and '.join(found)}; pass one of these names."
            )
        folder = self.root / found[0]
        target = Path(os.path.realpath(folder))  # Path.resolve trips over a link to itself
        if not target.is_relative_to(self.root):
            raise ValueError(
                f"{found[0]} is a link to {target}, outside {self.root}; pass the "
                "target's folder as the root, or copy it."
            )
        return FeatureSet(folder, n_threads=self.n_threads)

    def functionals(self, name):
        """Return the folder with one vector per clip beside a set of frames, or the set's own.

        Of "eGeMAPS_FRA" it is "eGeMAPS_UTT", where that is there.
        """
        own = self.feature_set(name).name
        match = SUFFIX.fullmatch(own)
        found = _candidates(match["stem"], "utterance") if match else []
        return next((folder for folder in found if (self.root / folder).is_dir()), own)

    def describe(self):
        """Return a tuple of FeatureSummary that prints as a table; only headers are read."""
        return _StoreSummary(self.feature_set(name).describe() for name in self.feature_sets)


class FeatureSet:
    """One feature set: the sequences of many clips, listed at first use, read on demand.

    Parameters
    ----------
    folder : str or path
    n_threads : int, default=8
        Files read at a time.

    Attributes
    ----------
    folder : Path
    name : str
        The folder's name.
    level : {"utterance", "frame", None}
        None where the name does not tell.

    See Also
    --------
    FeatureStore : Finds the feature sets of a data set.
    ClipSequences : The sequences of some clips.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from lstmfcn.emotion import FeatureSet
    >>> with tempfile.TemporaryDirectory() as root:
    ...     np.save(f"{root}/a.npy", np.arange(4.0).reshape(2, 2))
    ...     features = FeatureSet(root)
    ...     print(features.clips, features.n_features, "b" in features)
    ...     features.read("a").tolist()
    ('a',) 2 False
    [[0.0, 1.0], [2.0, 3.0]]
    """

    def __init__(self, folder, *, n_threads=8):
        check_counts(n_threads=n_threads)
        self.folder = Path(os.path.realpath(folder))
        self.name = Path(folder).name or self.folder.name
        self.level = _level(self.name)
        self.n_threads = n_threads

    def __repr__(self):
        return f"FeatureSet({str(self.folder)!r})"

    @functools.cached_property
    def _is_folder(self):
        """Whether each clip is a folder of frames (True) or a file (False), in sorted order."""
        found = {}
        for name in os.listdir(self.folder):
            if name.startswith("."):
                continue
            if name.endswith(".npy"):
                found[name[:-4]] = False  # a file wins over a folder of that name
            elif os.path.isdir(os.path.join(self.folder, name)):
                found.setdefault(name, True)
        return dict(sorted(found.items()))

    @functools.cached_property
    def clips(self):
        """Names of the clips, sorted; listing opens none of their files."""
        return tuple(self._is_folder)

    def __len__(self):
        return len(self._is_folder)

    def __contains__(self, clip):
        return clip in self._is_folder

    @functools.cached_property
    def n_features(self):
        """D, the number of features of most clips, from at most 101 headers, or None."""
        return self._usual_width(self.clips)

    @functools.cached_property
    def holds_vectors(self):
        """Whether the set has one vector per clip, as its name or at most 101 headers tell."""
        if self.level is not None:
            return self.level == "utterance"
        step = max(1, math.ceil(len(self.clips) / N_PEEKED))
        headers = [h for _, h in _in_order(self._peek, self.clips[::step], self.n_threads)]
        return all(header[0] == 1 for header in headers if not isinstance(header, Unusable))

    def read(self, clip):
        """Read the sequence of one clip, or raise FeatureError.

        Parameters
        ----------
        clip : str

        Returns
        -------
        float32 ndarray of shape (T, D)
            (1, D) where the file holds a vector.
        """
        return self._read(clip, self.n_features)

    def sequences(self, clips=None, *, on_missing="error"):
        """Select the sequences of some clips; they are read when indexed or iterated over.

        Parameters
        ----------
        clips : sequence of str, default=None
            In this order; None takes all clips, sorted.
        on_missing : {"error", "drop", "zeros"}, default="error"
            For clips without features: refuse them all in one error, which lists the problems of
            the other clips, too; leave them out, and those whose header shows that the file is
            damaged; or put one frame of zeros in their place.

        Returns
        -------
        ClipSequences

        Raises
        ------
        FeatureError, ValueError
            If clips are missing, and on_missing="error", names escape the folder, or none is left.
        """
        check_choice(on_missing, "on_missing", ("error", "drop", "zeros"))
        if isinstance(clips, str):
            raise TypeError(f"clips is the text {clips!r}; pass a sequence of names.")
        clips = self.clips if clips is None else tuple(clips)
        missing = self._absences(clips)
        if any(map(name_problem, clips)) or (missing and on_missing == "error"):
            present = ClipSequences(self, [clip for clip in clips if clip not in missing])
            raise self._error({**present.problems(), **missing}, len(clips))
        if on_missing == "drop":
            clips = tuple(clip for clip in clips if clip not in missing)
            headers, missing = _in_order(self._peek, clips, self.n_threads), {}
            damaged = {clip for clip, header in headers if isinstance(header, Unusable)}
            clips = tuple(clip for clip in clips if clip not in damaged)
        if not clips:
            raise ValueError(
                f"no clip is left to read from {self.name}, which has {len(self)} clips; check "
                "that the names in the labels are the names of the files."
            )
        if self.n_features is None and len(missing) == len(set(clips)):
            raise ValueError(
                f"{self.name} has no clip to tell the number of features from, so that "
                "on_missing='zeros' cannot fill it in; pass on_missing='drop', or add features."
            )
        return ClipSequences(self, clips, missing)

    def describe(self):
        """Return the FeatureSummary; only the headers of the files are read."""
        headers = dict(_in_order(self._peek, self.clips, self.n_threads))
        n_features = _most_common_width(headers.values())
        lengths, dtypes, problems = [], set(), {}
        for clip, header in headers.items():
            if isinstance(header, Unusable):
                problems[clip] = str(header)
            elif header[1] != n_features:
                problems[clip] = _wrong_width(clip, header[1], n_features)
            else:
                lengths.append(header[0])
                dtypes.add(header[2])
        return FeatureSummary(
            name=self.name,
            level=self.level,
            n_clips=len(self),
            n_features=n_features,
            dtype=", ".join(sorted(dtypes)) or None,
            n_frames=(min(lengths), statistics.median(lengths), max(lengths)) if lengths else None,
            problems=problems,
        )

    def _usual_width(self, clips):
        """Return the most common D in the headers of at most 101 clips, spread evenly."""
        step = max(1, math.ceil(len(clips) / N_PEEKED))
        found = _in_order(self._peek, clips[::step], self.n_threads)
        return _most_common_width(header for _, header in found)

    def _absences(self, clips):
        """Return the problem of each clip without features; other problems show in reading."""
        found = {}
        for clip in clips:
            try:
                self._files(clip)
            except _Absent as absent:
                found[clip] = absent
            except Unusable:
                continue
        return found

    def paths(self, clip):
        """Return the paths of a clip's file, or of its frames in order of time."""
        return [self._path(source) for source in self._files(clip)]

    def _path(self, source):
        """Return a path below the folder, refusing a link that leaves the folder's parent."""
        path = os.path.join(self.folder, source)
        if os.path.islink(path):
            target = Path(os.path.realpath(path))
            if not target.is_relative_to(self.folder.parent):
                raise Unusable(f"{source} is a link to {target}, outside the root")
        return path

    def _files(self, clip):
        """Return a clip's file, or the files of its frames in order of time, below the folder."""
        if problem := name_problem(clip):
            raise Unusable(f"the name {problem}")
        if clip not in self:
            raise _Absent(f"there is neither a file {clip}.npy nor a folder {clip}")
        if not self._is_folder[clip]:
            return [f"{clip}.npy"]
        try:
            names = os.listdir(self._path(clip))
        except OSError as error:
            raise Unusable(f"the folder {clip} cannot be read ({error.strerror})") from error
        frames = [name for name in names if name.endswith(".npy") and not name.startswith(".")]
        if not frames:
            raise _Absent(f"the folder {clip} holds no .npy file")
        return [f"{clip}/{name}" for name in sorted(frames, key=_in_time)]

    def _peek(self, clip):
        """Return (T, D, name of the dtype) from the header of a clip's file or first frame."""
        files = self._files(clip)
        n_frames, *width_and_dtype = read_array(self._path(files[0]), files[0], header_only=True)
        return len(files) if self._is_folder[clip] else n_frames, *width_and_dtype

    def _load(self, clip, n_features):
        """Return a clip as float32 of shape (T, D), or raise Unusable."""
        parts = []
        for source in self._files(clip):
            part = read_array(self._path(source), source)
            if self._is_folder[clip] and len(part) != 1:
                raise Unusable(f"{source} holds {len(part)} frames; expected one, of shape (D,)")
            n_features = n_features or part.shape[1]
            if part.shape[1] != n_features:
                raise Unusable(_wrong_width(source, part.shape[1], n_features))
            parts.append(part)
        return np.concatenate(parts) if self._is_folder[clip] else parts[0]

    def _read(self, clip, n_features):
        """Return a clip as `_load` does, or raise FeatureError."""
        try:
            return self._load(clip, n_features)
        except Unusable as problem:
            raise self._error({clip: problem}, 1) from problem

    def _error(self, problems, n_clips):
        """Return the one error about all clips with problems, each a text or an Unusable."""
        n_absent = sum(isinstance(problem, _Absent) for problem in problems.values())
        remedies = []
        if n_absent < len(problems):
            remedies.append("replace these files or leave the clips out")
        if n_absent:
            remedies.append("pass on_missing='drop' to leave out clips without features")
        return FeatureError(
            f"{len(problems)} of {n_clips} clips of {self.name} cannot be used; "
            f"{', and '.join(remedies)}:{listed(problems.values(), lines=True)}",
            {clip: str(problem) for clip, problem in problems.items()},
        )


class ClipSequences(Sequence):
    """The feature sequences of some clips in order, read when indexed or iterated over.

    :meth:`FeatureSet.sequences` and :func:`select_features` make it. Iterating reads ahead with
    several threads and holds few sequences at a time. One FeatureError lists all unusable clips.

    Attributes
    ----------
    names : tuple of str
    feature_set : FeatureSet

    See Also
    --------
    SequencePreprocessor : Makes series for a classifier of them.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from lstmfcn.emotion import FeatureSet
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for clip, n_frames in {"a": 3, "b": 5}.items():
    ...         np.save(f"{root}/{clip}.npy", np.ones((n_frames, 2)))
    ...     sequences = FeatureSet(root).sequences()
    ...     print(sequences[1].shape, sequences[[1, 0]].names, list(map(len, sequences)))
    (5, 2) ('b', 'a') [3, 5]
    """

    def __init__(self, feature_set, names, missing=()):
        self.feature_set = feature_set
        self.names = tuple(names)
        self._missing = frozenset(missing)

    def __repr__(self):
        return f"<{len(self)} sequences of {self.feature_set.name}>"

    def __len__(self):
        return len(self.names)

    def __getitem__(self, rows):
        """Read the sequence of one row; several rows (slice, indices or mask) stay unread."""
        if isinstance(rows, int | np.integer):
            clip = self.names[rows]
            is_missing = clip in self._missing
            return self._load(clip) if is_missing else self.feature_set._read(clip, self.n_features)
        names = [self.names[row] for row in np.arange(len(self))[rows]]
        return ClipSequences(self.feature_set, names, self._missing)

    def __iter__(self):
        problems = {}
        for clip, frames in _in_order(self._load, self.names, self.feature_set.n_threads):
            if isinstance(frames, Unusable):
                problems[clip] = str(frames)
            elif not problems:  # afterwards only to find the other problems
                yield frames
        if problems:
            raise self.feature_set._error(problems, len(self))

    @functools.cached_property
    def n_features(self):
        """D, the number of features of most of these clips, from at most 101 headers, or None."""
        present = tuple(clip for clip in self.names if clip not in self._missing)
        return self.feature_set._usual_width(present) or self.feature_set.n_features

    def load(self):
        """Read all sequences into memory: a list of float32 arrays of shape (T_i, D)."""
        return list(self)

    def problems(self):
        """Read all sequences, keep none, and return a dict of each unusable clip to its problem."""
        try:
            for _ in self:
                pass
        except FeatureError as error:
            return error.problems
        return {}

    def _load(self, clip):
        if clip in self._missing:
            return np.zeros((1, self.n_features), np.float32)
        return self.feature_set._load(clip, self.n_features)


@dataclass(frozen=True)
class FeatureSummary:
    """What a feature set holds, from the headers of its files.

    Attributes
    ----------
    name : str
    level : {"utterance", "frame", None}
    n_clips : int
    n_features, dtype : int and str, or None
        D of most clips, and what is stored: "float16", or "float16, float32".
    n_frames : tuple of (min, median, max) or None
        T over the usable clips; None where no clip can be used.
    problems : dict of str to str
        Clip to the problem of its header.

    See Also
    --------
    FeatureStore.describe, FeatureSet.describe : Make it.
    """

    name: str
    level: str | None
    n_clips: int
    n_features: int | None
    dtype: str | None
    n_frames: tuple | None
    problems: dict = field(default_factory=dict)

    def __str__(self):
        return str(_StoreSummary([self]))


class _StoreSummary(tuple):
    """Summaries of feature sets, printed as a table."""

    def __str__(self):
        rows = [("feature set", "level", "clips", "D", "dtype", "T (min, median, max)", "unusable")]
        for one in self:
            *cells, n_frames, problems = vars(one).values()
            cells += [n_frames and ", ".join(f"{n:g}" for n in n_frames), len(problems)]
            rows.append(["-" if cell is None else str(cell) for cell in cells])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        formats = [f"{{:{side}{width}}}" for side, width in zip("<<>><<>", widths, strict=True)]
        return "\n".join("  ".join(formats).format(*row).rstrip() for row in rows)

    __repr__ = __str__


class _Absent(Unusable):
    """A clause about a clip without features."""


def name_problem(name):
    """Return a clause if a name could not be that of a clip or feature set, else None."""
    if not isinstance(name, str):
        return f"is of type {type(name).__name__}, not text"
    if not name.strip():
        return "is empty"
    if name in (".", "..") or any(character in name for character in "/\\\0"):
        return "would leave the folder of the features"
    return None


def _level(folder):
    match = SUFFIX.fullmatch(folder)
    return LEVELS[match["suffix"]] if match else None


def _candidates(name, level):
    """Return the folders that a feature set's name may mean, the likeliest first."""
    match = SUFFIX.fullmatch(name)
    stem, suffixes = (match["stem"], [match["suffix"]]) if match else (name, list(LEVELS))
    names = [name, *(f"{stem}{joint}{suffix}" for suffix in suffixes for joint in "_-")]
    return [n for n in dict.fromkeys(names) if level in (None, _level(n))]


def _most_common_width(headers):
    """Return the D that most of the readable headers have, or None."""
    widths = Counter(header[1] for header in headers if not isinstance(header, Unusable))
    return widths.most_common(1)[0][0] if widths else None


def _wrong_width(source, width, expected):
    return f"{source} has {width} features per frame; most clips have {expected}"


def _in_time(name):
    """Sort key of frame files: numbers by their value, as zero-padded names sort anyway."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _in_order(function, items, n_threads):
    """Yield (item, function(item) or the Unusable it raised), computed by threads, some ahead."""

    def outcome(item):
        try:
            return function(item)
        except Unusable as problem:
            return problem

    items = iter(items)
    with ThreadPoolExecutor(n_threads) as pool:
        while batch := list(itertools.islice(items, 2 * n_threads)):
            yield from zip(batch, pool.map(outcome, batch), strict=True)
