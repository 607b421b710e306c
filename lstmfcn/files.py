"""How are files written? Completely or not at all, and by one process at a time."""

import contextlib
import csv
import errno
import importlib.resources
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path

import filelock

from lstmfcn.untrusted import as_path, path_error, shown


@contextlib.contextmanager
def atomic_path(path):
    """Give a temporary name beside ``path``, with its ending; the file is renamed at the end.

    If the body raises, the temporary file is removed and an existing ``path`` stays as it was. A
    link stays a link: its target is replaced. The mode of a replaced file is kept and, where the
    system permits, its owner. A device or a pipe cannot be replaced: it gets the bytes at the end.
    Errors are those of :func:`check_writable`, and OSError if the disk is full.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     [file.name for file in Path(folder).iterdir()]
    ['a.txt']
    """
    target, found = _destination(path)
    in_place = found is not None and _is_written_in_place(found)
    folder = Path(tempfile.gettempdir()) if in_place else target.parent
    # Short, because ``path`` may be as long as a name can be.
    name = f".{target.stem[:32]}-{secrets.token_hex(8)}{target.suffix[:16]}"
    temporary = folder / name
    try:
        # The kernel applies the umask to a new file; what replaces another is private until then.
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        os.close(os.open(temporary, flags, 0o666 if found is None else 0o600))
        yield temporary
        if in_place:
            _pour(temporary, target, found)
            temporary.unlink()
            return
        _flush(temporary)  # or a power failure might leave the new name on an empty file
        if found is not None:
            _inherit(temporary, found)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        # A disk that is full names no file, others name the temporary one.
        if isinstance(error, OSError) and error.errno and _is_about(error, temporary, target):
            kept = "" if in_place else "; an old file of that name is as it was"
            raise type(error)(
                f"{shown(path)} cannot be written ({error.strerror}){kept}."
            ) from error
        raise


def check_writable(path):
    """Refuse an output path that cannot be written, before hours of work are spent on it.

    Raises OSError for a folder or without the permission to write, ValueError for an impossible
    name.
    """
    _destination(path)


def write_csv(path, columns, rows, *, make_folder=False):
    """Write a table as CSV, atomically: UTF-8, commas, ``\\n``.

    Rows are sequences or dicts. A column that a dict lacks is an empty cell, and so is None; a key
    that is no column is left out. ``make_folder`` makes the folder. Errors are those of
    :func:`check_writable`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(Path(folder) / "a.csv", ["name", "n"], [{"name": "x, y", "n": 1}, "z"])
    ...     print((Path(folder) / "a.csv").read_text(), end="")
    name,n
    "x, y",1
    z
    """
    if make_folder:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([row.get(key) for key in columns] if isinstance(row, dict) else row)


def packaged_rows(package, name):
    """Return the rows of a CSV file that belongs to this package, as dicts of text."""
    text = importlib.resources.files(package).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@contextlib.contextmanager
def locked(path):
    """Hold a lock file that no other process can hold meanwhile; the system frees it.

    On a file system without locks every process gets the lock.

    Parameters
    ----------
    path : str or path-like
        The empty lock file; it is never removed.

    Yields
    ------
    bool
        True if this process has the lock, False if another process has it.
    """
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield False
        return
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
            raise
    try:
        yield True
    finally:
        lock.release()


def _destination(path):
    """Return the file to write, with links resolved, and the stat of an existing file or None."""
    path = as_path(path)
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        found = None
    except (OSError, ValueError) as error:
        raise path_error(error, shown(path), "give another name") from error
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{path} is a folder; give a file name to write to.")
    if found is not None and (stat.S_ISBLK(found.st_mode) or stat.S_ISSOCK(found.st_mode)):
        what = "a disk" if stat.S_ISBLK(found.st_mode) else "a socket"
        raise OSError(f"{path} is {what}, not a file; give a file name to write to.")
    if found is not None and _standard_stream(found) is None and not _may_write(path):
        raise PermissionError(f"{path} is write-protected; give another name.")
    if found is not None and _is_written_in_place(found):
        return path, found
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        if path.parent.exists():
            raise NotADirectoryError(f"{path.parent} is a file, not a folder; give another name.")
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it first.")
    if not _may_write(path.parent):
        raise PermissionError(f"the folder {path.parent} cannot be written to.")
    return path, found


def _is_written_in_place(found):
    """Whether a file is not a regular file, or is the output of this process."""
    return not stat.S_ISREG(found.st_mode) or _standard_stream(found) is not None


def _standard_stream(found):
    """Return the number of the standard stream, output or error, that leads to this file."""
    for number in (1, 2):
        with contextlib.suppress(OSError):  # it may be closed
            if os.path.samestat(os.fstat(number), found):
                return number
    return None


def _pour(temporary, target, found):
    """Write the bytes of a file to a device, a pipe or a standard stream."""
    number = _standard_stream(found)  # opened by its name, it would start at its first byte
    sink = os.open(target, os.O_WRONLY) if number is None else os.dup(number)
    with open(temporary, "rb") as source, open(sink, "wb") as file:
        shutil.copyfileobj(source, file)


def _inherit(temporary, found):
    """Give a file the owner and the mode of the file that it replaces."""
    for ids in ((found.st_uid, -1), (-1, found.st_gid)):
        with contextlib.suppress(OSError):  # only root gives files away
            os.chown(temporary, *ids)
    os.chmod(temporary, stat.S_IMODE(found.st_mode))


def _is_about(error, temporary, target):
    return error.filename is None or os.fspath(error.filename) in (str(temporary), str(target))


def _may_write(path):
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _flush(path):
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
