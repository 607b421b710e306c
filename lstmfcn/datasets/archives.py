"""Where does an archive keep its datasets, and what are the bytes of one file?"""

import importlib.util
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

_SPLIT_FILE = re.compile(r"(?P<name>.+)_(?P<split>TRAIN|TEST)\.(?P<suffix>tsv|ts)", re.IGNORECASE)
_DEEPEST = 2  # folders above a file: <archive>/UCRArchive_2018/<Name>/<Name>_TRAIN.tsv
_HEAD_BYTES = 2**16


@dataclass(frozen=True)
class Dataset:
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
        found = []
        for folder, subfolders, files in os.walk(self.path, followlinks=True):
            relative = Path(folder).relative_to(self.path)
            found += [(relative / file).as_posix() for file in files]
            if len(relative.parts) == _DEEPEST:
                subfolders.clear()
        return found

    def read(self, path):
        """Return the bytes of one file."""
        return (self.path / path).read_bytes()

    def head(self, path):
        """Return the first bytes of one file, none if it does not open."""
        try:
            with open(self.path / path, "rb") as file:
                return file.read(_HEAD_BYTES)
        except OSError:
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
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ValueError(
                f"{path} is not a readable zip file ({error}); expected a folder or a zip in the "
                "layout of UCRArchive_2018; download it again or unpack it and pass the folder."
            ) from error

    def paths(self):
        """Return the posix paths of the members."""
        return [path for path in self._zip.namelist() if not path.endswith("/")]

    def read(self, path):
        """Return the bytes of one member."""
        encrypted = self._zip.getinfo(path).flag_bits & 0x1
        if encrypted and self.password is None:
            raise ValueError(
                f"{path} in {self.path} is encrypted, and no password came; "
                "pass password=... (the archive's authors publish it in their briefing document)."
            )
        try:
            return self._zip.read(path, pwd=self.password)
        except NotImplementedError as error:
            raise ValueError(
                f"{path} in {self.path} is packed or encrypted by a method that Python's zipfile "
                f"cannot read ({error}); unpack the archive and pass the folder."
            ) from error
        # Wrong bytes come out of zipfile as whatever its decompressors raise.
        except Exception as error:
            if encrypted:
                message = (
                    f"{path} in {self.path} does not open with this password; check the "
                    "password, and download the archive again if it is right."
                )
            else:
                message = (
                    f"{path} in {self.path} is damaged ({str(error) or 'it ends too early'}); "
                    "download the archive again."
                )
            raise ValueError(message) from error

    def head(self, path):
        """Return the first bytes of one member, none if it does not open."""
        try:
            with self._zip.open(path, pwd=self.password) as member:
                return member.read(_HEAD_BYTES)
        except Exception:
            return b""

    def close(self):
        """Close the zip file."""
        self._zip.close()


def open_archive(archive=None, password=None):
    """Return a `Folder` or `Zip` for a path, or sktime's bundled data for None."""
    if archive is None:
        return Folder(_bundled_folder())
    path = Path(archive).expanduser()
    if path.is_dir():
        return Folder(path)
    if not path.exists():
        raise FileNotFoundError(
            f"The archive {path} does not exist; pass the folder or the zip of UCRArchive_2018, "
            "or archive=None for the datasets that come with sktime. Nothing downloads by itself."
        )
    return Zip(path, password)


def find_datasets(paths):
    """Sort an archive's files into datasets.

    A dataset is a TRAIN and a TEST file of one name and ending in one folder. Where a name occurs
    more than once, the copy under fewer folders is taken, because UCRArchive_2018 also has an
    interpolated copy of its unequal sets one folder deeper; among equals, .tsv before .ts.

    Returns
    -------
    datasets : dict of str to Dataset
    halves : dict of str to str
        For names with one of the two files only, the path of that file.
    """
    pairs = {}
    for path in paths:
        *folders, file = path.split("/")
        match = _SPLIT_FILE.fullmatch(file)
        hidden = any(part.startswith((".", "__MACOSX")) for part in (*folders, file))
        if match is None or hidden or len(folders) > _DEEPEST:
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
