"""Which feature sequence belongs to a clip? Folders of .npy files, read only when asked for."""

import functools
import math
import os
import re
import statistics
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lstmfcn.emotion.npy import Unusable, read_array
from lstmfcn.outside import as_path, shown
from lstmfcn.validation import check_choice, check_counts

__all__ = ["ClipSequences", "FeatureError", "FeatureSet", "FeatureStore", "FeatureSummary"]

LEVELS = {"UTT": "utterance", "FRA": "frame"}
SUFFIX = re.compile(r"(?P<stem>.+)[_-](?P<suffix>UTT|FRA)")
N_PEEKED = 101  # clips whose headers tell the usual number of features: odd, and quick to open
MOST_LISTED = 50  # problems in one message; FeatureError.problems has them all


class FeatureError(ValueError):
    """Some clips have no features, or features that cannot be used.

    Parameters
    ----------
    message : str
    problems : dict of str to str
        What is wrong with each clip, all of them; the message lists the first ones.
    """

    def __init__(self, message, problems):
        super().__init__(message, problems)
        self.problems = problems

    def __str__(self):
        return self.args[0]


def join_errors(errors):
    """Return one FeatureError that tells what several do, of several feature sets."""
    problems = {}
    for error in errors:
        for clip, problem in error.problems.items():
            problems[clip] = f"{problems[clip]}; {problem}" if clip in problems else problem
    return FeatureError("\n".join(str(error) for error in errors), problems)


class FeatureStore:
    """The feature sets of a data set, in the layout of MER2024.

    Each feature set is a folder, `NAME_UTT` or `NAME-UTT` (one vector per utterance), `NAME_FRA` or
    `NAME-FRA` (one vector per frame), with one file `CLIP.npy` per clip, or one folder `CLIP` per
    clip with one .npy per frame.

    Parameters
    ----------
    root : str or path
        The folder that holds the feature sets, or that holds them in a folder `features`.
    n_threads : int, default=8
        Files read at a time. Waiting for a disk or a network is what costs, so more than the
        number of cores may help.

    Attributes
    ----------
    root : Path
        The folder that holds the feature sets. Nothing outside it is read, not through a name
        with `..` in it and not through a symbolic link.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `root` is not a folder.

    References
    ----------
    Lian et al., "MER 2024: Semi-Supervised Learning, Noise Robustness, and Open-Vocabulary
    Multimodal Emotion Recognition", 2024, arXiv:2404.17113; the layout is that of its baseline,
    https://github.com/zeroQiaoba/MERTools.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion import FeatureStore
    >>> with tempfile.TemporaryDirectory() as root:
    ...     (Path(root) / "hubert-FRA").mkdir()
    ...     for clip, n_frames in {"a": 3, "b": 5, "c": 4}.items():
    ...         frames = np.ones((n_frames, 2), np.float16)
    ...         np.save(Path(root) / "hubert-FRA" / f"{clip}.npy", frames)
    ...     store = FeatureStore(root)
    ...     print(store.describe())
    ...     sequences = store.feature_set("hubert").sequences(["c", "a"]).load()
    feature set  level  clips  D  dtype    T (min, median, max)  unusable
    hubert-FRA   frame      3  2  float16  3, 4, 5                      0
    >>> [(frames.shape, frames.dtype.name) for frames in sequences]
    [((4, 2), 'float32'), ((3, 2), 'float32')]
    """

    def __init__(self, root, *, n_threads=8):
        check_counts(n_threads=n_threads)
        root = as_path(root).expanduser()
        if not os.path.exists(root):
            raise FileNotFoundError(
                f"{shown(root)} does not exist; expected a folder of feature sets."
            )
        if not os.path.isdir(root):
            raise NotADirectoryError(f"{shown(root)} is a file; expected a folder of feature sets.")
        inner = root / "features"
        self.root = (inner if inner.is_dir() else root).resolve()
        self.n_threads = n_threads

    def __repr__(self):
        return f"FeatureStore({str(self.root)!r})"

    @property
    def feature_sets(self):
        """Names of the folders that hold the feature sets, sorted."""
        with os.scandir(self.root) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
        return sorted(name for name in names if os.path.isdir(self.root / name))

    def feature_set(self, name, level=None):
        """Find a feature set.

        Parameters
        ----------
        name : str
            The folder's name, or that without its ending: `hubert` finds `hubert_UTT`,
            `hubert-UTT`, `hubert_FRA` and `hubert-FRA`, the underscore first.
        level : {"utterance", "frame", None}, default=None
            Needed where `name` is there at both levels.

        Returns
        -------
        FeatureSet

        Raises
        ------
        FileNotFoundError
            If there is no such feature set; the sentence lists those that are there.
        ValueError
            If the name fits both levels or escapes `root`.
        """
        if level is not None:
            check_choice(level, "level", ("utterance", "frame"))
        problem = name_problem(name)
        if problem:
            raise ValueError(f"the feature set {name!r} {problem}; pass a folder's name.")
        found = [folder for folder in _candidates(name, level) if (self.root / folder).is_dir()]
        levels = {_level(folder) for folder in found}
        if len(levels) > 1 and found[0] != name:
            raise ValueError(
                f"{name!r} is there as {' and '.join(found)}; pass one of these names."
            )
        if not found:
            known = self.feature_sets
            raise FileNotFoundError(
                f"there is no feature set {name!r}{f' of level {level!r}' if level else ''} in "
                f"{self.root}; expected one of {', '.join(known)}."
                if known
                else f"there is no feature set in {self.root}; expected folders such as {name}_FRA."
            )
        folder = self.root / found[0]
        target = Path(os.path.realpath(folder))  # Path.resolve trips over a link to itself
        if not target.is_relative_to(self.root):
            raise ValueError(
                f"{found[0]} is a link to {target}, outside {self.root}; pass the folder "
                "that it lies in as the root, or copy it."
            )
        return FeatureSet(folder, n_threads=self.n_threads)

    def describe(self):
        """Summarise every feature set; only the headers of the files are read.

        Returns
        -------
        StoreSummary
            A tuple of FeatureSummary that prints as a table.
        """
        return StoreSummary(self.feature_set(name).describe() for name in self.feature_sets)


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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion import FeatureSet
    >>> with tempfile.TemporaryDirectory() as root:
    ...     np.save(Path(root) / "a.npy", np.arange(6.0).reshape(3, 2))
    ...     features = FeatureSet(root)
    ...     print(features.clips, features.n_features, "a" in features, "b" in features)
    ...     features.read("a")
    ('a',) 2 True False
    array([[0., 1.],
           [2., 3.],
           [4., 5.]], dtype=float32)
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
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.name.endswith(".npy"):
                    found[entry.name[:-4]] = False  # a file wins over a folder of that name
                elif os.path.isdir(entry.path):  # entry.is_dir trips over a link to itself
                    found.setdefault(entry.name, True)
        return {clip: found[clip] for clip in sorted(found)}

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
        """D, the number of features of most clips (of 101 looked at), or None."""
        return self._usual_width(self.clips)

    def read(self, clip):
        """Read the sequence of one clip.

        Parameters
        ----------
        clip : str

        Returns
        -------
        float32 ndarray of shape (T, D)
            (1, D) where the file holds a vector.

        Raises
        ------
        FeatureError
            If the clip is not there, or cannot be used.
        """
        if name_problem(clip) or clip not in self:
            raise self._error({}, {clip: self._absence(clip)}, 1)
        try:
            return self._load(clip, self.n_features)
        except Unusable as problem:
            raise self._error({clip: str(problem)}, {}, 1) from problem

    def sequences(self, clips=None, *, on_missing="error"):
        """Select the sequences of some clips, to be read when they are asked for.

        Parameters
        ----------
        clips : sequence of str, default=None
            In this order; None takes all clips, sorted.
        on_missing : {"error", "drop", "zeros"}, default="error"
            What to do with clips without features, and clips whose folder holds no frame: refuse
            them all in one error (which then also says what is wrong with the other clips), leave
            them out, or put one frame of zeros in their place.

        Returns
        -------
        ClipSequences

        Raises
        ------
        FeatureError
            If clips are missing, and on_missing="error", or names escape the folder.
        ValueError
            If no clip is left.
        """
        check_choice(on_missing, "on_missing", ("error", "drop", "zeros"))
        if isinstance(clips, str):
            raise TypeError(f"clips is the text {clips!r}; pass a sequence of names.")
        clips = self.clips if clips is None else tuple(clips)
        escaping = {clip: f"the name {name_problem(clip)}" for clip in clips if name_problem(clip)}
        missing = {clip for clip in clips if clip not in escaping and self._is_missing(clip)}
        if escaping or (missing and on_missing == "error"):
            present = [clip for clip in clips if clip not in missing and clip not in escaping]
            unusable = ClipSequences(self, present).problems() if present else {}
            absent = {clip: self._absence(clip) for clip in clips if clip in missing}
            raise self._error({**escaping, **unusable}, absent, len(clips))
        if on_missing == "drop":
            clips, missing = tuple(clip for clip in clips if clip not in missing), set()
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
        return ClipSequences(self, clips, frozenset(missing))

    def describe(self):
        """Summarise the feature set; only the headers of the files are read.

        Returns
        -------
        FeatureSummary
        """
        shapes, problems = {}, {}
        for clip, found in _in_order(self._peek, self.clips, self.n_threads):
            if isinstance(found, Unusable):
                problems[clip] = str(found)
            else:
                shapes[clip] = found
        widths = Counter(shape[1] for shape, _ in shapes.values())
        n_features = widths.most_common(1)[0][0] if widths else None
        for clip, ((_, width), _) in list(shapes.items()):
            if width != n_features:
                problems[clip] = _wrong_width(clip, width, n_features)
                del shapes[clip]
        lengths = [shape[0] for shape, _ in shapes.values()]
        return FeatureSummary(
            name=self.name,
            level=self.level,
            n_clips=len(self),
            n_features=n_features,
            dtype=", ".join(sorted({dtype for _, dtype in shapes.values()})) or None,
            n_frames=(min(lengths), statistics.median(lengths), max(lengths)) if lengths else None,
            problems={clip: problems[clip] for clip in sorted(problems)},
        )

    def _usual_width(self, clips):
        """Return the commonest D in the headers of clips spread evenly over those given."""
        step = max(1, math.ceil(len(clips) / N_PEEKED))
        found = _in_order(self._peek, clips[::step], self.n_threads)
        widths = Counter(peek[0][1] for _, peek in found if not isinstance(peek, Unusable))
        return widths.most_common(1)[0][0] if widths else None

    def _is_missing(self, clip):
        is_folder = self._is_folder.get(clip)
        if is_folder:
            try:
                return not self._frame_files(clip)
            except Unusable:
                return False  # it is there, and reading it tells what is wrong
        return is_folder is None

    def _absence(self, clip):
        if name_problem(clip):
            return f"the name {name_problem(clip)}"
        if clip in self:
            return f"the folder {clip} holds no .npy file"
        return f"there is neither a file {clip}.npy nor a folder {clip}"

    def _path(self, *parts):
        """Return a path below the folder, refusing a link that leaves the folder's parent."""
        path = os.path.join(self.folder, *parts)
        if os.path.islink(path):
            target = Path(os.path.realpath(path))
            if not target.is_relative_to(self.folder.parent):
                raise Unusable(f"{'/'.join(parts)} is a link to {target}, outside the root")
        return path

    def _frame_files(self, clip):
        """Return the names of a clip's frame files in the order of time."""
        try:
            with os.scandir(self._path(clip)) as entries:
                files = [entry.name for entry in entries if entry.name.endswith(".npy")]
        except OSError as error:
            raise Unusable(f"the folder {clip} cannot be read ({error.strerror})") from error
        return sorted((name for name in files if not name.startswith(".")), key=_in_time)

    def _peek(self, clip):
        """Return ((T, D), name of the dtype) from the header of a clip's file or first frame."""
        if not self._is_folder[clip]:
            return read_array(self._path(f"{clip}.npy"), f"{clip}.npy", header_only=True)
        files = self._frame_files(clip)
        if not files:
            raise Unusable(self._absence(clip))
        first = f"{clip}/{files[0]}"
        (_, width), dtype = read_array(self._path(clip, files[0]), first, header_only=True)
        return (len(files), width), dtype

    def _load(self, clip, n_features):
        """Return a clip as float32 of shape (T, D), or raise Unusable."""
        if not self._is_folder[clip]:
            frames = read_array(self._path(f"{clip}.npy"), f"{clip}.npy")
            if n_features not in (None, frames.shape[1]):
                raise Unusable(_wrong_width(f"{clip}.npy", frames.shape[1], n_features))
            return frames
        rows = []
        for name in self._frame_files(clip):
            source = f"{clip}/{name}"
            frame = read_array(self._path(clip, name), source)
            if len(frame) != 1:
                raise Unusable(f"{source} holds {len(frame)} frames; expected one, of shape (D,)")
            n_features = n_features or frame.shape[1]
            if frame.shape[1] != n_features:
                raise Unusable(_wrong_width(source, frame.shape[1], n_features))
            rows.append(frame)
        if not rows:
            raise Unusable(self._absence(clip))
        return np.concatenate(rows)

    def _error(self, unusable, absent, n_asked):
        """Return the one error about all clips that are unusable or absent."""
        problems = {**unusable, **absent}
        shown = list(problems.values())[:MOST_LISTED]
        lines = "".join(f"\n  {problem}" for problem in shown)
        if len(problems) > len(shown):
            lines += f"\n  ... and {len(problems) - len(shown)} more (all in .problems)"
        remedies = ["repair these files or leave the clips out"] if unusable else []
        if absent:
            remedies.append("pass on_missing='drop' or 'zeros' for clips without features")
        return FeatureError(
            f"{len(problems)} of {n_asked} clips of {self.name} cannot be used; "
            f"{', and '.join(remedies)}:{lines}",
            problems,
        )


class ClipSequences(Sequence):
    """The feature sequences of some clips in order, each read when it is asked for.

    Iterating reads ahead with several threads but holds only a few sequences at a time. If a clip
    cannot be used, the others are still looked at, and one FeatureError tells about all of them.

    Attributes
    ----------
    names : tuple of str
        The clips.
    feature_set : FeatureSet

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion import FeatureSet
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for clip, n_frames in {"a": 3, "b": 5, "c": 4}.items():
    ...         np.save(Path(root) / f"{clip}.npy", np.ones((n_frames, 2)))
    ...     sequences = FeatureSet(root).sequences()
    ...     print(len(sequences), sequences[1].shape, sequences[[2, 0]].names)
    ...     print([len(frames) for frames in sequences])
    3 (5, 2) ('c', 'a')
    [3, 5, 4]
    """

    def __init__(self, feature_set, names, missing=frozenset()):
        self.feature_set = feature_set
        self.names = tuple(names)
        self._missing = missing

    def __repr__(self):
        return f"<{len(self)} sequences of {self.feature_set.name}>"

    def __len__(self):
        return len(self.names)

    def __getitem__(self, rows):
        """Read the sequence of one row; several rows (slice, indices or mask) stay unread."""
        if isinstance(rows, int | np.integer):
            return self._checked(self.names[rows])
        picked = np.arange(len(self))[rows]
        names = tuple(self.names[row] for row in picked)
        return ClipSequences(self.feature_set, names, self._missing)

    def __iter__(self):
        problems = {}
        for clip, frames in _in_order(self._load, self.names, self.feature_set.n_threads):
            if isinstance(frames, Unusable):
                problems[clip] = str(frames)
            elif not problems:  # afterwards only to find the other problems
                yield frames
        if problems:
            raise self.feature_set._error(problems, {}, len(self))

    @functools.cached_property
    def n_features(self):
        """D, the number of features of most of these clips (of 101 looked at), or None."""
        present = tuple(clip for clip in self.names if clip not in self._missing)
        return self.feature_set._usual_width(present) or self.feature_set.n_features

    def load(self):
        """Read all sequences into memory.

        Returns
        -------
        list of float32 ndarrays of shape (T_i, D)

        Raises
        ------
        FeatureError
            About all clips that cannot be used.
        """
        return list(self)

    def problems(self):
        """Read everything, keep nothing, and tell what is wrong.

        Returns
        -------
        dict of str to str
            Clip to problem; empty if all clips can be used.
        """
        try:
            deque(self, maxlen=0)
        except FeatureError as error:
            return error.problems
        return {}

    def _load(self, clip):
        if clip in self._missing:
            return np.zeros((1, self.n_features), np.float32)
        return self.feature_set._load(clip, self.n_features)

    def _checked(self, clip):
        try:
            return self._load(clip)
        except Unusable as problem:
            raise self.feature_set._error({clip: str(problem)}, {}, 1) from problem


@dataclass(frozen=True)
class FeatureSummary:
    """What a feature set holds, as its files' headers tell.

    Attributes
    ----------
    name : str
    level : {"utterance", "frame", None}
    n_clips : int
    n_features : int or None
        D of most clips; None where no clip can be read.
    dtype : str or None
        As stored: "float16", or "float16, float32".
    n_frames : tuple of (min, median, max) or None
        T over the usable clips.
    problems : dict of str to str
        Clip to what is wrong with its header.
    """

    name: str
    level: str | None
    n_clips: int
    n_features: int | None
    dtype: str | None
    n_frames: tuple | None
    problems: dict = field(default_factory=dict)

    def __str__(self):
        return str(StoreSummary([self]))


class StoreSummary(tuple):
    """Summaries of feature sets, printed as a table."""

    def __str__(self):
        rows = [("feature set", "level", "clips", "D", "dtype", "T (min, median, max)", "unusable")]
        for summary in self:
            frames = summary.n_frames
            cells = (
                summary.name,
                summary.level,
                summary.n_clips,
                summary.n_features,
                summary.dtype,
                None if frames is None else ", ".join(f"{n:g}" for n in frames),
                len(summary.problems),
            )
            rows.append(tuple("-" if cell is None else str(cell) for cell in cells))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        align = (str.ljust, str.ljust, str.rjust, str.rjust, str.ljust, str.ljust, str.rjust)
        return "\n".join(
            "  ".join(put(c, w) for put, c, w in zip(align, row, widths, strict=True)).rstrip()
            for row in rows
        )

    __repr__ = __str__


def name_problem(name):
    """Return a clause if a name could not be that of a clip or feature set, else None.

    Examples
    --------
    >>> from lstmfcn.emotion.feature_store import name_problem
    >>> name_problem("sample_00000000") is None
    True
    >>> name_problem("../secret")
    'would leave the folder of the features'
    """
    if not isinstance(name, str):
        return f"is of type {type(name).__name__}, not text"
    if not name.strip():
        return "is empty"
    if name in (".", "..") or any(character in name for character in "/\\\0"):
        return "would leave the folder of the features"
    return None


def _wrong_width(source, width, expected):
    return f"{source} has {width} features per frame; most clips have {expected}"


def _level(folder):
    match = SUFFIX.fullmatch(folder)
    return LEVELS[match["suffix"]] if match else None


def _candidates(name, level):
    """Return the folders that a feature set's name may mean, the likeliest first."""
    match = SUFFIX.fullmatch(name)
    stem, suffixes = (match["stem"], [match["suffix"]]) if match else (name, list(LEVELS))
    names = [name, *(f"{stem}{joint}{suffix}" for suffix in suffixes for joint in "_-")]
    return [n for n in dict.fromkeys(names) if level in (None, _level(n))]


def _in_time(name):
    """Sort key of frame files: numbers by their value, as zero-padded names sort anyway."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _in_order(function, items, n_threads):
    """Yield (item, function(item) or the Unusable it raised), with few items under way."""

    def outcome(item):
        try:
            return function(item)
        except Unusable as problem:
            return problem

    items = iter(items)
    with ThreadPoolExecutor(n_threads) as pool:
        under_way = deque()
        try:
            for item in items:
                under_way.append((item, pool.submit(outcome, item)))
                if len(under_way) > 2 * n_threads:
                    item, future = under_way.popleft()
                    yield item, future.result()
            while under_way:
                item, future = under_way.popleft()
                yield item, future.result()
        finally:
            for _, future in under_way:
                future.cancel()
