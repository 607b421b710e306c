"""How does something change wholly or not at all: a file, an estimator?"""

import contextlib
import functools
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path

import numpy as np

from lstmfcn.outside import as_path, path_error, shown

__all__ = ["atomic_path", "changed_at_once", "check_writable", "of_one_fit"]


@contextlib.contextmanager
def atomic_path(path):
    """Give a temporary name; what was written there becomes ``path`` at the end.

    If the body raises, the temporary file is removed and an existing ``path`` stays as it was. A
    link stays a link: its target is replaced. A file that was there keeps its mode and, where the
    system permits, its owner. A device or a pipe cannot be replaced: it gets the bytes at the end.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    pathlib.Path
        With the same ending as ``path``, beside the file that it becomes.

    Raises
    ------
    OSError, ValueError
        As :func:`check_writable`; and if the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.atomic import atomic_path
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

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
        If it is a folder, or nobody may write there.
    ValueError
        If it cannot be the name of a file.
    """
    _destination(path)


def _destination(path):
    """Return the file to write, behind all links, and what is there (None: nothing)."""
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
        raise OSError(f"{path} is {what}, no file; give a file name to write to.")
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
    """Whether a file is no regular one, or is where this process prints to."""
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
    """Give a file the owner and the mode of the one that it replaces."""
    for ids in ((found.st_uid, -1), (-1, found.st_gid)):
        with contextlib.suppress(OSError):  # only root gives files away
            os.chown(temporary, *ids)
    os.chmod(temporary, stat.S_IMODE(found.st_mode))


def _is_about(error, temporary, target):
    return error.filename is None or os.fspath(error.filename) in (str(temporary), str(target))


def _may_write(path):
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


@contextlib.contextmanager
def changed_at_once(estimator):
    """Give a copy to work on; at the end, and only then, the estimator becomes what the copy is.

    Other threads that predict meanwhile see the estimator before or after, never between; what they
    set by ``set_params`` stays. If the body raises, also on Ctrl-C, the estimator stays as it was.

    Parameters
    ----------
    estimator : object with a ``random_state``
        A generator given as ``random_state`` is put back if the body raises.

    Yields
    ------
    object of the same class
        A shallow copy.

    See Also
    --------
    of_one_fit : The readers' side.
    """
    generator = estimator.random_state
    drawn_from = isinstance(generator, np.random.RandomState)
    numbers = generator.get_state() if drawn_from else None
    before = dict(vars(estimator))
    changed = _twin(estimator, dict(before))
    try:
        yield changed
    except BaseException:
        if drawn_from:
            generator.set_state(numbers)
        raise
    meanwhile = {
        name: value
        for name, value in dict(vars(estimator)).items()
        if not name.startswith("_")
        and not name.endswith("_")
        and (name not in before or before[name] is not value)
    }
    estimator.__dict__ = {**vars(changed), **meanwhile}


def of_one_fit(method):
    """Let a method of an estimator see one fit, although another thread may fit it meanwhile.

    Parameters
    ----------
    method : function
        Reads fitted attributes, and changes none.

    Returns
    -------
    function
        With the same name, signature and docstring.
    """

    @functools.wraps(method)
    def of_this_fit(self, *args, **kwargs):
        return method(_twin(self, vars(self)), *args, **kwargs)

    return of_this_fit


def _twin(estimator, attributes):
    twin = object.__new__(type(estimator))
    twin.__dict__ = attributes
    return twin


def _flush(path):
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
