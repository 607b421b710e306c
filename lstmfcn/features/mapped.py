"""Where do arrays lie that are larger than memory should hold? In a file that nobody sees."""

import math
import os
import shutil
import tempfile

import numpy as np

LARGEST_IN_MEMORY = 2**29  # bytes of one array


def empty_float32(shape):
    """Return an uninitialised float32 array; a large one is mapped to a temporary file.

    The file lies in the folder for temporary files (the environment variable TMPDIR). Its room is
    free again when the array is gone or the process ends, even if the process is killed.

    >>> empty_float32((2, 3)).shape
    (2, 3)
    """
    n_bytes = 4 * math.prod(shape)
    if n_bytes <= LARGEST_IN_MEMORY:
        return np.empty(shape, np.float32)
    folder = tempfile.gettempdir()
    with tempfile.TemporaryFile(prefix=".lstmfcn-", dir=folder) as file:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)  # a hole could not be filled later
            else:
                file.truncate(n_bytes)
        except OSError as error:
            free = shutil.disk_usage(folder).free
            raise OSError(
                f"the clips take {n_bytes / 1e9:.1f} GB as series, but the folder for temporary "
                f"files, {folder}, has {free / 1e9:.1f} GB; name another one by the environment "
                "variable TMPDIR."
            ) from error
        return np.memmap(file, np.float32, "r+", shape=tuple(shape))
