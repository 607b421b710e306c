"""Which clips does MERTools' label-6way.npz hold? Read without running anything in it.

Each entry is a pickled 0-d object array of ``{name: {"emo": str, "val": float}}``.
"""

import io
import pickle
import pickletools
import zipfile

from lstmfcn.features.npy import read_header
from lstmfcn.untrusted import listed, open_zip

LARGEST_CORPUS = 2**25  # bytes of one member of an npz; MER2024's 120,000 clips take 8 MB
MOST_INSTRUCTIONS = 2**23  # of a pickle; each may make an object of hundreds of bytes

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack any amount in one step

GLOBALS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),  # since numpy 2
}
# What pickling a dict of texts and numbers in an array needs, in protocols 2 to 5.
OPCODES = set(
    "PROTO FRAME STOP MARK GLOBAL STACK_GLOBAL REDUCE BUILD MEMOIZE BINPUT LONG_BINPUT BINGET "
    "LONG_BINGET SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES EMPTY_DICT "
    "SETITEM SETITEMS EMPTY_LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 BININT "
    "BININT1 BININT2 LONG1 BINFLOAT NONE NEWTRUE NEWFALSE".split()
)


def read_corpus(path, split):
    """Return the dict of one split: name to {"emo": str, "val": float}."""
    source = f"{path.name}: {split}_corpus"
    expected = "expected MERTools' dict of clip to {'emo': text, 'val': number}"
    member = io.BytesIO(_member(path, f"{split}_corpus.npy"))
    shape, _, dtype = read_header(source, member)
    if not dtype.hasobject or shape != ():
        raise ValueError(f"{source} is an array of type {dtype} and shape {shape}; {expected}.")
    try:
        corpus = _inert(member.read())
    except _Refused as error:
        raise ValueError(f"{source} {error}; {expected}, and nothing in it was run.") from error
    if not isinstance(corpus, dict) or not all(
        isinstance(name, str) and isinstance(entry, dict) for name, entry in corpus.items()
    ):
        raise ValueError(f"{source} holds something else; {expected}.")
    if not corpus:
        raise ValueError(f"{source} holds no clips; {expected}.")
    return corpus


def _member(path, name):
    """Return the bytes of one member of an npz."""
    remedy = "expected MERTools' label-6way.npz, or a CSV file with the columns name and discrete"
    with open_zip(path, "npz", remedy) as archive:
        names, data = archive.namelist(), b""
        if name in names:
            if archive.getinfo(name).compress_type not in METHODS:
                raise ValueError("it is compressed by a method that numpy does not use")
            with archive.open(name) as member:
                data = member.read(LARGEST_CORPUS + 1)  # the length it claims proves nothing
    if name not in names:
        splits = [n.removesuffix("_corpus.npy") for n in names if n.endswith("_corpus.npy")]
        raise ValueError(
            f"{path.name} has no {name.removesuffix('.npy')}; its splits are "
            f"{listed(splits) or 'none'}."
        )
    if len(data) > LARGEST_CORPUS:
        raise ValueError(f"{path.name}: {name} is larger than {LARGEST_CORPUS:,} bytes.")
    return data


class _Refused(Exception):
    """A clause about a pickle."""


class _Inert:
    """Stands for every global: takes arguments and a state, and does nothing with them."""

    __slots__ = ("state",)

    def __call__(self, *arguments):
        return _Inert()

    def __setstate__(self, state):
        self.state = state


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in GLOBALS:
            raise _Refused(f"asks for {module}.{name}")
        # Not even numpy's own: ndarray and dtype could be told to take any amount of memory.
        return _Inert()


def _inert(pickled):
    """Return the object in a pickled 0-d object array; raise _Refused for all else."""
    try:
        for n_before, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
            if n_before >= MOST_INSTRUCTIONS:
                raise _Refused(f"has more than {MOST_INSTRUCTIONS:,} instructions")
            if opcode.name not in OPCODES:
                raise _Refused(f"holds the instruction {opcode.name}")
            # The unpickler makes room for as many objects as the largest place it is told.
            if opcode.name == "LONG_BINPUT" and argument > len(pickled):
                raise _Refused("is damaged")
        array = _InertUnpickler(io.BytesIO(pickled)).load()
        _, _, _, _, (content,) = array.state  # version, shape, dtype, order, values
    except _Refused:
        raise
    except Exception as error:  # a hostile pickle may raise anything
        raise _Refused("is damaged") from error
    return content
