"""What does MERTools' label-6way.npz say? Read without running anything that is in it.

Each entry is a 0-d object array, which numpy writes as a pickle, of ``{name: {"emo": str, "val":
float}}``.
"""

import io
import pickle
import pickletools
import zipfile
import zlib

from lstmfcn.emotion.npy import read_header

__all__ = ["read_corpus"]

LARGEST_CORPUS = 2**28  # bytes of one member of an npz; MER2024's 120,000 clips take 8 MB

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
    try:
        shape, _, dtype = read_header(source, member)
    except ValueError as error:
        raise ValueError(f"{error}.") from error
    if not dtype.hasobject or shape != ():
        raise ValueError(f"{source} is an array of type {dtype} and shape {shape}; {expected}.")
    try:
        corpus = _inert(member.read())
    except _Refused as error:
        raise ValueError(f"{source} {error}; {expected}, and nothing in it was run.") from error
    sound = isinstance(corpus, dict) and all(
        isinstance(name, str) and isinstance(entry, dict) for name, entry in corpus.items()
    )
    if not sound:
        raise ValueError(f"{source} holds something else; {expected}.")
    if not corpus:
        raise ValueError(f"{source} holds no clips; {expected}.")
    return corpus


def _member(path, name):
    """Return the bytes of one member of an npz."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if name not in names:
                splits = [n.removesuffix("_corpus.npy") for n in names if n.endswith("_corpus.npy")]
                raise ValueError(
                    f"{path.name} has no {name.removesuffix('.npy')}; its splits are "
                    f"{', '.join(splits) or 'none'}."
                )
            with archive.open(name) as file:
                data = file.read(LARGEST_CORPUS + 1)  # what it claims to be long proves nothing
    except (
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{path.name} is no npz or is damaged ({error}); expected MERTools' label-6way.npz, or "
            "a CSV file with the columns name and discrete."
        ) from error
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
        for opcode, argument, _ in pickletools.genops(pickled):
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
        raise _Refused(f"is damaged ({type(error).__name__}: {error})") from error
    return content
