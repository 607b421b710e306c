"""What is in a .npy file of features? Headers and frames, read without trust.

Nothing is unpickled; a damaged file is a clause about it, for an error that may list many.
"""

import functools
import math
import os
from io import BytesIO

import numpy as np

from lstmfcn.untrusted import open_file

MAGIC = b"\x93NUMPY"
LARGEST_HEADER = 10_000  # bytes; numpy parses no longer one, for safety
EXPECTED = "expected whole or floating-point numbers of shape (T, D) or (D,)"


class Unusable(Exception):
    """A clause about one clip: which file, what came, what was expected."""


def read_header(source, file):
    """Return (shape, fortran_order, dtype) of a .npy file, and stop where its values begin.

    `file` is at its start; `source` names it in the ValueError that a damaged header ends in.
    """
    start = file.read(12)
    if not start.startswith(MAGIC):
        what = "empty" if not start else "no .npy file"
        raise ValueError(f"{source} is {what}; expected an array that numpy.save wrote.")
    n_counting = 2 if start[6:7] == b"\x01" else 4  # bytes that count the header's
    n_bytes = 8 + n_counting + int.from_bytes(start[8 : 8 + n_counting], "little")
    header = start + file.read(min(n_bytes, LARGEST_HEADER))
    file.seek(n_bytes)
    try:
        return _parsed(header[:n_bytes])
    except Exception as error:  # numpy evaluates the header as Python text: anything may happen
        raise ValueError(
            f"{source} is damaged: its header is none that numpy.save writes."
        ) from error


@functools.lru_cache(maxsize=4096)  # clips of the same length have the same header
def _parsed(header):
    file, form = BytesIO(header), np.lib.format
    # Format (3, 0) is for field names that no feature has.
    readers = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
    read = readers[form.read_magic(file)]
    shape, fortran_order, dtype = read(file, max_header_size=LARGEST_HEADER)
    return tuple(map(int, shape)), fortran_order, dtype


def read_array(path, source, header_only=False):
    """Return the frames in one .npy file as float32 (T, D), or raise Unusable.

    With `header_only`, return (T, D, name of the dtype) instead. `source` is the name in an error.
    Values are read, not mapped: a mapped file that shrinks would end the process.
    """
    try:
        with open_file(path, source) as file:
            shape, fortran_order, dtype = read_header(source, file)
            n_frames, n_features = _frames_shape(source, shape, dtype)
            n_there = os.fstat(file.fileno()).st_size - file.tell()
            n_bytes = n_frames * n_features * dtype.itemsize
            if n_there != n_bytes:
                what = "cut off" if n_there < n_bytes else "damaged"
                raise Unusable(
                    f"{source} is {what}: it has {n_there} bytes of values where its header "
                    f"promises {n_bytes}"
                )
            if header_only:
                return n_frames, n_features, dtype.name
            stored = np.frombuffer(file.read(n_bytes), dtype)  # raises if the file shrank meanwhile
        stored = stored.reshape(shape, order="F" if fortran_order else "C")
        stored = stored.reshape(n_frames, n_features)
        with np.errstate(over="ignore"):  # found below
            frames = stored.astype(np.float32)
        is_finite = np.isfinite(frames).all()
    except (OSError, ValueError) as error:
        raise Unusable(str(error).rstrip(".")) from error
    except MemoryError as error:
        raise Unusable(f"{source} does not fit into memory, with {n_bytes:,} bytes") from error
    if not is_finite:
        row, column = np.argwhere(~np.isfinite(frames))[0].tolist()
        value = float(stored[row, column])
        what = "NaN" if math.isnan(value) else f"the value {value:g}, too large for float32,"
        what = "infinity" if math.isinf(value) else what
        raise Unusable(f"{source} holds {what} in frame {row}, feature {column}")
    return frames


def _frames_shape(source, shape, dtype):
    """Return (T, D) for the shape of a file, or refuse it."""
    if dtype.hasobject:
        raise Unusable(f"{source} holds Python objects, which are never unpickled; {EXPECTED}")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise Unusable(f"{source} holds values of type {dtype}; {EXPECTED}")
    axes = list(shape)
    while len(axes) > 2 and 1 in axes:
        axes.remove(1)  # (1, T, D) is one clip; (T, 1) stays T frames of one feature
    if len(axes) == 1:
        axes = [1, *axes]
    if len(axes) != 2:
        raise Unusable(f"{source} has the shape {shape}; {EXPECTED}")
    if min(axes) < 1:
        raise Unusable(f"{source} is an empty array, of shape {shape}; {EXPECTED}, T and D >= 1")
    return tuple(axes)
