"""Where does an archive keep its datasets, and what are the bytes of one file?"""

import functools
import importlib.util
import itertools
import os
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from lstmfcn.untrusted import SMALL, BoundedZip, as_path, damage, open_file, shown

_SPLIT_FILE = re.compile(r"(?P<name>.+)_(?P<split>TRAIN|TEST)\.(?P<suffix>tsv|ts)", re.IGNORECASE)
_MAX_DEPTH = 2  # folders above a file: <archive>/UCRArchive_2018/<Name>/<Name>_TRAIN.tsv
_HEAD_BYTES = 2**16
_MAX_DIRECTORY = 2**24  # bytes of the list of members; the 2018 archive's takes 50,000
_MAX_RATIO = 100  # times that a file of series is smaller in a zip; 2 to 10 are usual
_PIECE = 2**12  # bytes


class Dataset(NamedTuple):
    """The paths of one dataset's two files, relative to the archive."""

    name: str
    train: str
    test: str


class Folder:
    """An archive unpacked on disk."""

    def __init__(self, path):
        self.path = path

    def paths(self):
        """Return the posix paths of the files at most two folders deep."""
        levels = [self.path.glob("*/" * depth + "*") for depth in range(_MAX_DEPTH + 1)]
        found = [path for level in levels for path in level if not path.is_dir()]
        return [path.relative_to(self.path).as_posix() for path in found]

    def read(self, path):
        """Return the bytes of one file."""
        remedy = "expected a file in the layout of UCRArchive_2018"
        with open_file(self.path / path, remedy=remedy) as file:
            return file.read()

    def head(self, path):
        """Return the first bytes of one file, none if it does not open."""
        try:
            with open_file(self.path / path) as file:
                return file.read(_HEAD_BYTES)
        except (OSError, ValueError):
            return b""

    def close(self):
        """Do nothing: a folder holds nothing open."""


class Zip:
    """An archive still zipped; members are read in memory and never written to disk."""

    def __init__(self, path, password=None):
        if not isinstance(password, str | bytes | None):
            raise TypeError(
                f"password must be a str or bytes, but it is {type(password).__name__}; "
                "pass password=None for an archive that is not encrypted."
            )
        self.path = path
        self.password = password.encode() if isinstance(password, str) else password
        remedy = (
            "expected a folder or a zip in the layout of UCRArchive_2018; download it again or "
            "unpack it and pass the folder"
        )
        self._file = open_file(path, remedy=remedy)
        try:
            self._zip = BoundedZip(self._file, _MAX_DIRECTORY)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            self._file.close()
            raise ValueError(
                f"{shown(path)} is not a readable zip file ({damage(error)}); {remedy}."
            ) from error

    def paths(self):
        """Return the posix paths of the members."""
        return [path for path in self._zip.namelist() if not path.endswith("/")]

    def read(self, path):
        """Return the bytes of one member."""
        member = self._zip.getinfo(path)
        encrypted = member.flag_bits & 0x1
        if encrypted and self.password is None:
            raise ValueError(
                f"{path} in {self.path} is encrypted, and no password came; "
                "pass password=... (the archive's authors publish it in their briefing document)."
            )
        n_packed = min(member.compress_size, os.fstat(self._file.fileno()).st_size)
        if member.file_size > max(SMALL, _MAX_RATIO * n_packed):
            raise ValueError(
                f"{path} in {self.path} would unpack to {member.file_size:,} bytes, more than "
                f"{_MAX_RATIO} times what it has in the zip, which no file of series does; "
                "download the archive again, or unpack it and pass the folder."
            )
        try:
            return self._unpacked(path)
        except MemoryError as error:
            sentence = f"the memory does not suffice to unpack {path} in {self.path}."
            raise MemoryError(sentence) from error
        except NotImplementedError as error:
            raise ValueError(
                f"{path} in {self.path} is packed or encrypted by a method that Python's zipfile "
                f"cannot read ({error}); unpack the archive and pass the folder."
            ) from error
        # Wrong bytes come out of zipfile as whatever its decompressors raise.
        except Exception as error:
            problem = (
                f"is damaged ({str(error) or 'it ends too early'}); download the archive again"
            )
            if encrypted:
                problem = (
                    "does not open with this password; check the password, and download the "
                    "archive again if it is right"
                )
            raise ValueError(f"{path} in {self.path} {problem}.") from error

    def head(self, path):
        """Return the first bytes of one member, none if it does not open."""
        try:
            return self._unpacked(path, _HEAD_BYTES // _PIECE)
        except Exception:
            return b""

    def _unpacked(self, path, n_pieces=None):
        """Unpack in small pieces: some methods unpack all that they get, whatever is asked for."""
        with self._zip.open(path, pwd=self.password) as member:
            pieces = iter(functools.partial(member.read, _PIECE), b"")
            return b"".join(itertools.islice(pieces, n_pieces))

    def close(self):
        """Close the zip file."""
        self._zip.close()
        self._file.close()


def open_archive(archive=None, password=None):
    """Return a `Folder` or `Zip` for a path, or sktime's bundled data for None."""
    if archive is None:
        return Folder(_bundled_folder())
    path = as_path(archive).expanduser()
    if os.path.isdir(path):
        return Folder(path)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"The archive {shown(path)} does not exist; pass the folder or the zip of "
            "UCRArchive_2018, or archive=None for the datasets that come with sktime. Nothing "
            "downloads by itself."
        )
    return Zip(path, password)


def find_datasets(paths):
    """Return name -> `Dataset`, and name -> path where TRAIN or TEST is missing.

    Of several copies the one under fewer folders is taken, because UCRArchive_2018 also has an
    interpolated copy of its unequal sets one folder deeper; among equals, .tsv before .ts.
    """
    pairs = {}
    for path in paths:
        *folders, file = path.split("/")
        match = _SPLIT_FILE.fullmatch(file)
        hidden = any(part.startswith((".", "__MACOSX")) for part in (*folders, file))
        if match is None or hidden or len(folders) > _MAX_DEPTH:
            continue
        suffix = match["suffix"].lower()
        key = (len(folders), suffix != "tsv", "/".join(folders), suffix, match["name"])
        pairs.setdefault(key, {})[match["split"].upper()] = path

    datasets, halves = {}, {}
    for key in sorted(pairs):
        name, pair = key[-1], pairs[key]
        if len(pair) == 2:
            datasets.setdefault(name, Dataset(name, pair["TRAIN"], pair["TEST"]))
        else:
            halves.setdefault(name, next(iter(pair.values())))
    return datasets, {name: path for name, path in halves.items() if name not in datasets}


def _bundled_folder():
    # find_spec locates sktime without importing it, which would take seconds.
    spec = importlib.util.find_spec("sktime")
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / "datasets" / "data"
        if folder.is_dir():
            return folder
    raise ImportError(
        "archive=None means the datasets that come with sktime, and no sktime with its datasets "
        "is installed; pip install sktime, or pass archive=... with the folder or the zip of "
        "UCRArchive_2018. Nothing downloads by itself."
    )
