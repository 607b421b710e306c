"""What is a clip made from? A recording or a part of one, a transcript, a folder of pictures."""

import functools
import math
import os
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from lstmfcn.extraction.waveforms import SUFFIXES, decoded, resampled
from lstmfcn.features.npy import Unusable
from lstmfcn.features.store import _in_time, name_problem
from lstmfcn.untrusted import as_path, listed, open_file, shown
from lstmfcn.warning import warn

VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".mpg", ".m4a", ".aac", ".wma")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
ENDING = re.compile("|".join(re.escape(s) for s in (*SUFFIXES, *VIDEOS)) + "$", re.IGNORECASE)


@dataclass(frozen=True)
class Recording:
    """A recording, or a part of one.

    Attributes
    ----------
    path : Path
    name : str
        What messages call it.
    start, end : float
        Seconds; `end` None is the end of the recording.

    See Also
    --------
    find_recordings, recordings_of : Make them.
    """

    path: Path
    name: str
    start: float = 0.0
    end: float | None = None

    def fingerprint(self):
        """Return a text that changes with the sound."""
        of_file = fingerprint(self.path, self.name)
        return of_file if self.is_whole else f"{of_file} from {self.start:g} to {self.end} s"

    @property
    def is_whole(self):
        """Whether it is no part."""
        return self.start == 0 and self.end is None

    def overlaps(self, other):
        """Whether it shares time with another part of the same file."""
        ends = (math.inf if one.end is None else one.end for one in (self, other))
        return max(self.start, other.start) < min(ends)

    def check(self):
        """Raise Unusable if it cannot be used."""
        decoded(self.path, self.name, self.start, self.end)

    def value(self, sample_rate):
        """Return its waveform, of shape (n_values,), or raise Unusable."""
        waveform, rate = decoded(self.path, self.name, self.start, self.end)
        return resampled(waveform, rate, sample_rate)


@dataclass(frozen=True)
class Transcript:
    """What is said in a clip."""

    text: str
    name: str

    def fingerprint(self):
        """Return a text that changes with the transcript."""
        data = self.text.encode(errors="surrogatepass")
        return f"{len(data)} bytes {zlib.crc32(data):08x}"

    def check(self):
        """Raise Unusable if nothing is said."""
        if not self.text.strip():
            raise Unusable(f"{self.name} has an empty transcript")

    def value(self, sample_rate):
        """Return the text."""
        self.check()
        return self.text


@dataclass(frozen=True)
class Frames:
    """The pictures of a clip, in order of time."""

    folder: Path
    name: str

    def fingerprint(self):
        """Return a text that changes when pictures come, go or change in size."""
        sizes = [(path.name, path.stat().st_size) for path in self.value(None)]
        return f"{len(sizes)} pictures {zlib.crc32(ascii(sizes).encode()):08x}"

    def check(self):
        """Raise Unusable if there are none."""
        self.value(None)

    def value(self, sample_rate):
        """Return the paths of the pictures."""
        try:
            names = [name for name in os.listdir(self.folder) if name.lower().endswith(PICTURES)]
        except OSError as error:
            raise Unusable(f"the folder {self.name} cannot be read ({error.strerror})") from error
        if not names:
            raise Unusable(f"the folder {self.name} holds no pictures ({', '.join(PICTURES)})")
        visible = [name for name in names if not name.startswith(".")]
        return [self.folder / name for name in sorted(visible, key=_in_time)]


def fingerprint(path, name):
    """Return the size and the CRC-32 of a file in words, or raise Unusable."""
    try:
        with open_file(path, name) as file:
            found = os.fstat(file.fileno())
        return _crc(path, name, found.st_size, found.st_mtime_ns)
    except (OSError, ValueError) as error:
        raise Unusable(str(error).rstrip(".")) from error


@functools.lru_cache(maxsize=64)  # parts of a recording come one after the other
def _crc(path, name, n_bytes, changed_at):
    crc = 0
    with open_file(path, name) as file:
        while block := file.read(2**20):
            crc = zlib.crc32(block, crc)
    return f"{n_bytes} bytes {crc:08x}"


def find_recordings(folder):
    """Find the recordings in a folder and the folders in it.

    Parameters
    ----------
    folder : str or path

    Returns
    -------
    dict of str to Recording
        By clip, sorted. A clip is named by its file, without the ending; where files in several
        folders have the same name, all clips are named by folder and file, with underscores.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, ValueError
        If there is no such folder, or no recording in it, or two would have the same name.

    See Also
    --------
    recordings_of : The recordings that a label file names.
    extract : Takes them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import find_recordings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "anna").mkdir()
    ...     for name in ("ben.1.WAV", "anna/a 2.flac", "labels.csv"):
    ...         Path(folder, name).touch()
    ...     print(list(find_recordings(folder)))
    ['a 2', 'ben.1']
    """
    paths, others = _walk(folder)
    if n_films := sum(others[suffix] for suffix in VIDEOS):
        films = f"{shown(folder)} holds {n_films} films or recordings of kinds that are not read"
        films += "; take their sound out first, as `ffmpeg -i a.mp4 a.wav` does."
        if not paths:
            raise ValueError(films)
        warn(films)
    if not paths:
        raise ValueError(f"{shown(folder)} holds no recordings; expected {', '.join(SUFFIXES)}.")
    stems = {relative: _normal(Path(relative).stem) for relative in paths}
    if len(set(stems.values())) < len(stems):
        stems = {one: "_".join(Path(_normal(one)).with_suffix("").parts) for one in paths}
    of_clip = defaultdict(list)
    for relative, clip in stems.items():
        of_clip[clip].append(relative)
    problems = [
        f"{' and '.join(map(shown, files))}: they would have the same name, {shown(clip)}"
        for clip, files in sorted(of_clip.items())
        if len(files) > 1
    ]
    blank = [relative for relative, clip in stems.items() if not clip.strip()]
    problems += [f"{shown(relative)}: its name is empty" for relative in blank]
    if problems:
        raise ValueError(
            f"{shown(folder)} has files that cannot be told apart; rename or remove them:"
            f"{listed(problems, lines=True)}"
        )
    return {
        clip: Recording(paths[files[0]], shown(files[0])) for clip, files in sorted(of_clip.items())
    }


def recordings_of(table, folder):
    """Find the recordings that a table of clips names.

    Parameters
    ----------
    table : ClipTable
        Of `load_labels` or `load_unlabelled`. Its columns `file`, `start` and `end` (seconds) are
        used where they are there.
    folder : str or path
        Where the recordings are. A file may be named with more or fewer of its folders, and with
        another ending or none. Of a single recording, the table's other clips are left out.

    Returns
    -------
    dict of str to Recording
        By clip, in the order of the table. That a file is not there shows when it is read.

    Raises
    ------
    ValueError
        If there are no recordings, or about all rows that mean several files.

    See Also
    --------
    find_recordings : All recordings of a folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_unlabelled, recordings_of
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "a1.wav").touch()
    ...     _ = Path(folder, "labels.csv").write_text("file,start,end\\nwavs/a1.wav,0,1.5\\n")
    ...     table = load_unlabelled(Path(folder, "labels.csv"))
    ...     found = recordings_of(table, folder)
    >>> {clip: (part.name, part.start, part.end) for clip, part in found.items()}
    {'a1_0-1500': ('a1.wav', 0.0, 1.5)}
    """
    folder = as_path(folder).expanduser()
    paths = {folder.name: folder} if folder.is_file() else _walk(folder)[0]
    if not paths:
        raise ValueError(f"{shown(folder)} holds no recordings; expected {', '.join(SUFFIXES)}.")
    by_tail = defaultdict(set)  # every end of every path, with and without the file's ending
    for relative in paths:
        for text in {_normal(relative), ENDING.sub("", _normal(relative))}:
            for tail in _tails(text):
                by_tail[tail].add(relative)
    whole = {ENDING.sub("", _normal(relative)): relative for relative in paths}
    found, problems, n_there = {}, [], 0
    columns = {name: table.columns.get(name) for name in ("file", "start", "end")}
    for row, clip in enumerate(table.names):
        file, start, end = (values is not None and values[row] for values in columns.values())
        file = _normal(file or clip).replace("\\", "/").removeprefix("./")
        bare = ENDING.sub("", file)
        matches = by_tail.get(file) or by_tail.get(bare) or set()
        if not matches:  # the table may name more folders than there are
            matches = {whole[tail] for tail in _tails(bare) if tail in whole}
        if len(matches) > 1:
            problems.append(f"{shown(file)} may be {' or '.join(sorted(map(shown, matches)))}")
        n_there += bool(matches)
        relative = min(matches) if matches else file
        path = paths.get(relative, Path(folder) / relative)
        part = (float(start or 0), float(end) if end else None)
        found[clip] = Recording(path, shown(relative), *part)
    if problems:
        raise ValueError(
            f"{table.source} names files of which there are several; add their folders:"
            f"{listed(problems, lines=True)}"
        )
    if folder.is_file():
        found = {clip: one for clip, one in found.items() if one.path == folder}
        if not found:
            raise ValueError(
                f"{table.source} does not name {shown(folder.name)}; pass a table of its clips."
            )
    elif found and not n_there:
        raise ValueError(
            f"{shown(folder)} has none of the {len(found)} recordings of {table.source}, such as "
            f"{next(iter(found.values())).name}; it has others, such as {shown(min(paths))}. Name "
            "the folder that the files of the table are in."
        )
    return found


def as_recordings(wavs):
    """Return {clip: Recording} of a folder, or of a dict of clip to path or Recording."""
    if not isinstance(wavs, dict):
        return find_recordings(wavs)
    check_names(wavs)
    return {
        clip: one if isinstance(one, Recording) else Recording(as_path(one), shown(Path(one).name))
        for clip, one in wavs.items()
    }


def check_names(clips):
    """Refuse clips whose names are no names of files."""
    for clip in clips:
        if problem := name_problem(clip):
            raise ValueError(f"the name {shown(repr(clip))} {problem}; rename the clip.")


def fingerprint_of(source):
    """Return the fingerprint of any source."""
    return source.fingerprint()


def check(source):
    """Raise Unusable if any source cannot be used."""
    source.check()


def find_frames(folder):
    """Return {clip: Frames} of a folder that holds one folder of pictures for each clip."""
    root = _folder(folder)
    names = sorted(name for name in os.listdir(root) if not name.startswith("."))
    found = {n: Frames(root / n, shown(n)) for n in names if (root / n).is_dir()}
    if not found:
        raise ValueError(
            f"{shown(folder)} holds no folders; expected one with the pictures of each clip."
        )
    return found


def _walk(folder):
    """Return {relative path: path} of the recordings below a folder, and how many others end how.

    Links are followed, no folder twice.
    """
    root = _folder(folder)
    found, others, seen = {}, Counter(), {os.path.realpath(root)}

    def fail(error):
        raise type(error)(f"the folder {error.filename} cannot be read ({error.strerror}).")

    for at, folders, files in os.walk(root, followlinks=True, onerror=fail):
        kept = []
        for name in sorted(folders):
            target = os.path.realpath(os.path.join(at, name))
            if not name.startswith(".") and target not in seen:
                seen.add(target)
                kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in SUFFIXES and not name.startswith("."):
                path = Path(at, name)
                found[path.relative_to(root).as_posix()] = path
            else:
                others[suffix] += 1
    return found, others


def _folder(folder):
    path = as_path(folder).expanduser()
    if not path.is_dir():
        kind, what = FileNotFoundError, "does not exist"
        if os.path.exists(path):
            kind, what = NotADirectoryError, "is a file"
        raise kind(f"{shown(path)} {what}; expected a folder.")
    return path


def _normal(text):
    """Return a text with one code for each letter: macOS writes an umlaut as two."""
    return unicodedata.normalize("NFC", str(text))


def _tails(path):
    """Return "a/b/c", "b/c" and "c" of "a/b/c"."""
    parts = path.split("/")
    return ["/".join(parts[i:]) for i in range(len(parts))]
