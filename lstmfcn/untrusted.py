"""How is a file of unknown origin read safely? Without more memory or time than its size needs."""

import contextlib
import errno
import json
import math
import os
import stat
import zipfile
import zlib
from pathlib import Path

SMALL = 2**24  # bytes; whatever such a file claims costs little
MOST_HOLLOW = 16  # times what a file's data are: with as much in holes, it was made to deceive
LARGEST_DIRECTORY = 2**20  # bytes of the list of a zip's members, 46 and its name for each
MISFITS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
DAMAGED = (*MISFITS, EOFError, OSError, RuntimeError, zipfile.BadZipFile)  # what reading raises
MOST_VALUES = 2**20  # of JSON; each may take a hundred bytes in memory
REASONS = {
    errno.ELOOP: "is a link that leads back to itself",
    errno.ENAMETOOLONG: "is too long for the name of a file",
}


def shown(text):
    """Return text, such as a path, for a message: shortened, and without unprintable characters.

    >>> len(shown("a" * 1000)), shown("zero" + chr(0))
    (303, "'zero\\\\x00'")
    """
    text = str(text)
    text = text if len(text) <= 300 else f"{text[:150]}...{text[-150:]}"
    return text if text.isprintable() else ascii(text)


def listed(items, most=50, *, lines=False):
    """Return the first of some items for a message, in one line or each in its own line.

    >>> listed("abc", most=2), listed(["line 3: the name is empty"], lines=True)
    ('a, b and 1 more', '\\n  line 3: the name is empty')
    """
    items = list(items)
    first, more = items[:most], len(items) - most
    if lines:
        text = "".join(f"\n  {item}" for item in first)
        return f"{text}\n  ... and {more} more" if more > 0 else text
    text = ", ".join(map(shown, first))
    return f"{text} and {more} more" if more > 0 else text


def damage(error):
    """Return a clause about an error in reading a file, in this package's words.

    >>> damage(KeyError("name")), damage(TypeError("'int' object is not iterable"))
    ("it has no 'name'", 'one of its entries is of another kind than expected')
    """
    if isinstance(error, KeyError):
        return f"it has no {shown(error)}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, (ArithmeticError, AttributeError, LookupError, TypeError)):
        if not isinstance(error, ValueError):  # scikit-learn's are both
            return "one of its entries is of another kind than expected"
    return shown(error)


def as_path(path):
    """Return a Path; refuse anything but text and paths, as a number would mean an open file."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"a file's name is a str or a path, not {type(path).__name__}.")
    return Path(path)


def path_error(error, name, remedy=None):
    """Return a system's error about a path as an error of the same type with a plain sentence.

    Without ``remedy`` the text is a clause about ``name``, not a sentence.
    """
    if not isinstance(error, OSError):
        return ValueError(_sentence(f"{name} holds a character that no file name can hold", remedy))
    clause = f"{name} {REASONS.get(error.errno, f'cannot be read ({error.strerror})')}"
    if isinstance(error, FileNotFoundError):
        clause = f"there is no file {name}"
    return type(error)(_sentence(clause, remedy))


def open_file(path, name=None, remedy=None):
    """Open a regular file for reading; refuse pipes, devices and files that consist of holes.

    ``name`` stands for the file in errors, by default its path. For ``remedy`` see
    :func:`path_error`.

    >>> open_file("/dev/zero", remedy="pass a file")
    Traceback (most recent call last):
    ValueError: /dev/zero is not a file; pass a file.
    """
    path = as_path(path)
    name = name or shown(path)
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
        file = open(path, "rb") if is_file else None  # opening a pipe would wait for ever
    except (OSError, ValueError) as error:
        raise path_error(error, name, remedy) from error
    if file is None:
        raise ValueError(_sentence(f"{name} is not a file", remedy))
    if _is_hollow(file):
        file.close()
        clause = f"{name} is damaged: it claims to be long and holds next to nothing"
        raise ValueError(_sentence(clause, remedy))
    return file


def read_text(path):
    """Return the text of a file in UTF-8, with its line ends unchanged.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    str

    Raises
    ------
    OSError
        With a sentence, if there is no such file.
    ValueError
        With a clause about the file, if it cannot be used.
    """
    try:
        with open_file(path) as file:
            return file.read().decode()
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    except OSError as error:
        raise type(error)(f"{error}.") from error


def _sentence(clause, remedy):
    return f"{clause}; {remedy}." if remedy else clause


def _is_hollow(file):
    """Whether a long file consists of holes, which cost nothing on a disk but much in memory."""
    size = os.fstat(file.fileno()).st_size
    if size < SMALL or not hasattr(os, "SEEK_DATA"):
        return False
    at = n_data = 0
    try:
        while at < size and n_data * MOST_HOLLOW < size:
            start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            n_data += at - start
    except OSError as error:
        if error.errno != errno.ENXIO:  # which means: no data behind this place
            return False
    finally:
        os.lseek(file.fileno(), 0, os.SEEK_SET)
    return n_data * MOST_HOLLOW < size


class BoundedZip(zipfile.ZipFile):
    """A zip to read, whose list of members may take at most ``largest_directory`` bytes."""

    def __init__(self, file, largest_directory=LARGEST_DIRECTORY):
        limited = _Limited(file, largest_directory)
        super().__init__(limited)
        limited.most = math.inf  # members are bounded by the size of the file


@contextlib.contextmanager
def open_zip(path, kind, remedy, largest_directory=LARGEST_DIRECTORY):
    """Open a zip to read; any error within the ``with`` block becomes a ValueError about the file.

    `path` is a Path. `kind` names the expected type of file ("zip", "npz"). `remedy` is the last
    clause of the error.
    """
    file = open_file(path, path.name, remedy)
    try:
        with file, BoundedZip(file, largest_directory) as archive:
            yield archive
    except (EOFError, OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path.name} is no {kind} or is damaged ({damage(error)}); {remedy}."
        ) from error


class _Limited:
    """A file of which only so many bytes are read at a time."""

    def __init__(self, file, most):
        self._file, self.most = file, most

    def read(self, n_bytes=-1):
        if n_bytes > self.most:
            raise ValueError("its list of members is too long")
        return self._file.read(n_bytes)

    def __getattr__(self, name):
        return getattr(self._file, name)


def check_stored(archive):
    """Raise ValueError for a zip whose members could take more memory than their bytes on disk."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("its members are compressed")
    if sum(member.file_size for member in members) > os.fstat(archive.fp.fileno()).st_size:
        raise ValueError("its members claim to be larger than they can be")


def decode_json(data):
    """Return the value of JSON in bytes or text, unless it has more than a million values.

    Raises ValueError with a clause about the text.

    >>> decode_json(b'{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> decode_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: its JSON is nested too deeply
    """
    check_json_size(data)
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError("its JSON is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, " if error.lineno > 1 else ""
        place += f"column {error.colno}"
        raise ValueError(f"it is no JSON from {place} on") from error
    except ValueError as error:  # Python limits the digits of an integer
        raise ValueError("its JSON holds an integer of thousands of digits") from error


def check_json_size(*texts):
    """Refuse JSON of more than a million values, counted without decoding them."""
    marks = (",", "[", "{")
    n_values = sum(
        text.count(mark if isinstance(text, str) else mark.encode())
        for text in texts
        for mark in marks
    )
    if n_values > MOST_VALUES:
        raise ValueError(f"its JSON holds more than {MOST_VALUES:,} values")
