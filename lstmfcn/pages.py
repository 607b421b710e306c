"""How is a memory-mapped file read without holding it? Pages that were read are given back."""

import mmap

MOST_HELD = 2**26  # bytes of a file that are read before its pages are given back
AROUND = 2**16  # bytes that the system maps around a place


def is_memory_mapped(array):
    """Whether an array lies in a memory-mapped file, directly or through views."""
    return isinstance(_source(array)[0], mmap.mmap)


class Pages:
    """What a process holds of a memory-mapped array: as few pages as it reads now.

    The system may keep the pages that are given back, and they are read again at their next use. An
    array in memory is left alone, and so is a mapping of mode "c", whose changes no file has.

    >>> import numpy as np
    >>> Pages(np.zeros(3)).read(24)
    """

    def __init__(self, array):
        source, mode = _source(array)
        is_file = isinstance(source, mmap.mmap) and mode in ("r", "r+", "w+")
        self._mapping = source if is_file and hasattr(mmap, "MADV_DONTNEED") else None
        self._n_bytes = 0

    def read(self, n_bytes, n_places=1):
        """Count bytes that were read or written; give pages back if these are many."""
        self._n_bytes += n_bytes + n_places * AROUND
        if self._n_bytes > MOST_HELD:
            self._n_bytes = 0
            if self._mapping is not None:
                self._mapping.madvise(mmap.MADV_DONTNEED)


def _source(array):
    """Return what an array is a view of in the end, and the mode of numpy.memmap on the way."""
    mode = None
    while (base := getattr(array, "base", None)) is not None:
        array, mode = base, getattr(array, "mode", None) or mode
    return array, mode
