"""What is in a .npy file of features? Headers and frames, read without trust.

Nothing is unpickled; a damaged file is a clause about it, for an error that may list many.
"""

import functools
import math
import os
from io import BytesIO

import numpy as np

from lstmfcn.outside import open_file

__all__ = ["Unusable", "read_array", "read_header"]

MAGIC = b"\x93NUMPY"
LARGEST_HEADER = 10_000  # bytes; numpy itself parses no longer one, for safety
EXPECTED = "expected float16, float32 or float64 numbers of shape (T, D) or (D,)"


class Unusable(Exception):
    """A clause about one clip: which file, what came, what was expected."""


def read_header(source, file):
    """Read the header of a .npy file.

    Parameters
    ----------
    source : str
        The file's name, for the error.
    file : binary file at its start
        Left where the values begin.

    Returns
    -------
    shape : tuple of int
    fortran_order : bool
    dtype : dtype

    Raises
    ------
    ValueError
        If it is no such header.
    """
    start = file.read(12)
    if not start.startswith(MAGIC):
        what = "empty" if not start else "no .npy file"
        raise ValueError(f"{source} is {what}; expected an array that numpy.save wrote")
    n_counting = 2 if start[6:7] == b"\x01" else 4  # bytes that count the header's
    n_bytes = int.from_bytes(start[8 : 8 + n_counting], "little")
    if n_bytes > LARGEST_HEADER:
        raise ValueError(f"{source} is damaged: its header claims to be {n_bytes} bytes long")
    n_read = len(start) - 8 - n_counting
    header = start + file.read(max(0, n_bytes - n_read))
    file.seek(8 + n_counting + n_bytes)
    return _parsed_header(source, header)


@functools.lru_cache(maxsize=4096)  # clips of the same length have the same header
def _header_fields(header):
    file = BytesIO(header)
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:  # (3, 0) is for field names that no feature has
        raise ValueError(f"format {version[0]}.{version[1]} is not known")
    return readers[version](file, max_header_size=LARGEST_HEADER)


def _parsed_header(source, header):
    try:
        shape, fortran_order, dtype = _header_fields(header)
        return tuple(int(n) for n in shape), fortran_order, dtype
    except Exception as error:  # numpy evaluates the header as Python text: anything may happen
        raise ValueError(
            f"{source} is damaged: its header is none that numpy.save writes"
        ) from error


def read_array(path, source, header_only=False):
    """Read the frames in one .npy file, or only their shape.

    Parameters
    ----------
    path : str
    source : str
        What to call it in an error.
    header_only : bool, default=False

    Returns
    -------
    float32 ndarray of shape (T, D), or ((T, D), name of the dtype)
    """
    try:
        with open_file(path, source) as file:
            shape, fortran_order, dtype = read_header(source, file)
            n_frames, n_features = _frames_shape(source, shape, dtype)
            n_there = os.fstat(file.fileno()).st_size - file.tell()
            n_bytes = n_frames * n_features * dtype.itemsize
            if n_there != n_bytes:
                cut = "is cut off" if n_there < n_bytes else "is damaged"
                raise Unusable(
                    f"{source} {cut}: it has {n_there} bytes of values where its header promises "
                    f"{n_bytes}"
                )
            if header_only:
                return (n_frames, n_features), dtype.name
            data = file.read(n_bytes)
        stored = np.frombuffer(data, dtype)  # raises if the file shrank meanwhile
        stored = stored.reshape(shape, order="F" if fortran_order else "C")
        stored = stored.reshape(n_frames, n_features)
        with np.errstate(over="ignore"):  # found below
            frames = stored.astype(np.float32)
        is_finite = np.isfinite(frames).all()
    except (OSError, ValueError) as error:
        raise Unusable(str(error)) from error
    except MemoryError as error:
        raise Unusable(f"{source} does not fit into memory, with {n_bytes:,} bytes") from error
    if not is_finite:
        row, column = (int(k) for k in np.argwhere(~np.isfinite(frames))[0])
        value = float(stored[row, column])
        what = "NaN" if math.isnan(value) else f"the value {value:g}, too large for float32,"
        what = "infinity" if math.isinf(value) else what
        raise Unusable(f"{source} holds {what} in frame {row}, feature {column}")
    return frames


def _frames_shape(source, shape, dtype):
    """Return (T, D) for the shape of a file, or refuse it."""
    if dtype.hasobject:
        raise Unusable(f"{source} holds Python objects, which are never unpickled; {EXPECTED}")
    if dtype.kind != "f" or dtype.itemsize > 8:
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
