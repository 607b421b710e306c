"""Is Keras set up as the networks need it? On TensorFlow, eager, in float32, in this process.

All modules take ``keras`` and ``tf`` from here. So TensorFlow's start-up remarks are left out, and
another backend is refused, wherever an import begins.
"""

import collections
import contextlib
import gc
import os
import re
import sys
import tempfile
import threading

BUILT_BETWEEN = 16  # networks; those among them that were dropped wait in memory
COUNTS = "object_name_uids"  # of Keras, for names such as "add_2"
LEVELS = {"1": b"I", "2": b"IW", "3": b"IWE"}  # of TF_CPP_MIN_LOG_LEVEL: what is left out


@contextlib.contextmanager
def _without_remarks():
    """Leave out what TensorFlow remarks on the standard error while it is imported.

    Its libraries write before the level can reach them. Every other line is passed on. A level
    that the user has set is obeyed.
    """
    letters = LEVELS.get(os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3"))
    if letters is None or "tensorflow" in sys.modules or not _has_stderr():
        yield
        return
    remark = re.compile(
        rb"WARNING: All log messages before absl|([\d:. -]+: )?[%s]\d* [\w:. /-]+\.cc:\d+\]"
        % letters
    )
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not remark.match(line):
                    os.write(2, line)


def _has_stderr():
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


def _import():
    _check_backend(os.environ.get("KERAS_BACKEND", "tensorflow"))
    with _without_remarks():
        import keras
        import tensorflow
    _check_backend(keras.backend.backend())
    return keras, tensorflow


def _check_backend(name):
    if name != "tensorflow":
        raise ImportError(
            f"lstmfcn needs Keras on 'tensorflow', not on {name!r}; set KERAS_BACKEND=tensorflow "
            "(or 'backend' in keras.json) before Keras is imported."
        )


keras, tf = _import()
ops = keras.ops

from keras.src.backend.common import global_state  # noqa: E402 (there is no public way)

_FLOATX = threading.Lock()  # a setting of the whole process
_process = {"is_used": False, "is_lost": False, "n_built": 0}


def _after_fork():
    _process["is_lost"] = _process["is_used"]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def check_usable():
    """Refuse, with a RuntimeError, to compute where TensorFlow would hang, or has no eager mode."""
    if _process["is_lost"]:
        raise RuntimeError(
            "this process was forked from one that has used TensorFlow, whose threads do not "
            "survive a fork; start processes with multiprocessing.get_context('spawn'), or use "
            "joblib's default backend."
        )
    if not tf.executing_eagerly():
        raise RuntimeError(
            "lstmfcn needs TensorFlow's eager mode; call it outside of tf.function and without "
            "tf.compat.v1.disable_eager_execution()."
        )
    _process["is_used"] = True


@contextlib.contextmanager
def float32_layers():
    """Build layers in float32, whatever dtype policy the user has set for other models.

    Raises RuntimeError as :func:`check_usable`, and in the scope of a distribution strategy.

    >>> with float32_layers():
    ...     keras.layers.Dense(3).compute_dtype
    'float32'
    """
    check_usable()
    if tf.distribute.has_strategy() or keras.distribution.distribution() is not None:
        raise RuntimeError(
            "networks cannot be built within the scope of a distribution strategy; call fit, "
            "fine_tune and load outside of it."
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        with _names_from_the_start():
            yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def _names_from_the_start():
    """Let Keras number what it names as in the first network of the process.

    TensorFlow keeps some 35 kB for ever for each name that a variable ever had. Keras counts per
    thread; the user's own numbers go on behind those given here.
    """
    before = global_state.get_global_attribute(COUNTS)
    if before is not None and before.get(COUNTS):  # within another network
        yield
        return
    _process["n_built"] += 1
    if _process["n_built"] % BUILT_BETWEEN == 0:
        gc.collect()  # networks are cycles of objects, which Python would free much later
    counts = collections.defaultdict(int, {COUNTS: 1})
    global_state.set_global_attribute(COUNTS, counts)
    try:
        yield
    finally:
        del counts[COUNTS]
        for name, count in (before or {}).items():
            counts[name] = max(count, counts[name])
        global_state.set_global_attribute(COUNTS, counts)


@contextlib.contextmanager
def float32_numbers():
    """Let Keras make variables from Python's numbers in float32, whatever its ``floatx`` is."""
    with _FLOATX:
        before = keras.config.floatx()
        keras.config.set_floatx("float32")
        try:
            yield
        finally:
            keras.config.set_floatx(before)


@contextlib.contextmanager
def with_attribute(layers, name, value):
    """Let an attribute of layers have a value in what the body traces."""
    layers = list(layers)
    before = [getattr(layer, name) for layer in layers]
    try:
        for layer in layers:
            setattr(layer, name, value)
        yield
    finally:
        for layer, old in zip(layers, before, strict=True):
            setattr(layer, name, old)
