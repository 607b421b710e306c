"""How does something change wholly or not at all: a file, an estimator?"""

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["atomic_path", "check_writable", "unchanged_on_error"]


@contextlib.contextmanager
def atomic_path(path):
    """Give a temporary name beside ``path``; what was written there becomes ``path`` at the end.

    If the body raises, the temporary file is removed and an existing ``path`` stays as it was.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    pathlib.Path
        With the same ending as ``path``.

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
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes it private
        _flush(temporary)  # or a power failure might leave the new name on an empty file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path):
    """Refuse an output path that cannot be written, before hours of work are spent on it.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give a file name to write to.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it first.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"the folder {path.parent} cannot be written to.")


@contextlib.contextmanager
def unchanged_on_error(estimator):
    """Put the estimator back as it was if the body raises, also on Ctrl-C.

    Parameters
    ----------
    estimator : object with a ``random_state``
        A generator given as ``random_state`` is put back, too.
    """
    before, generator = dict(vars(estimator)), estimator.random_state
    drawn_from = isinstance(generator, np.random.RandomState)
    numbers = generator.get_state() if drawn_from else None
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        if drawn_from:
            generator.set_state(numbers)
        raise


def _flush(path):
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
