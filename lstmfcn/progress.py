"""How far is a long job? A progress bar on the standard error says so."""

import contextlib
import sys
import warnings
from contextvars import ContextVar

import tqdm as _tqdm

with warnings.catch_warnings():
    # In a notebook without widgets it would warn at import, and print a plain bar.
    warnings.simplefilter("ignore", _tqdm.TqdmWarning)
    from tqdm.auto import tqdm as _bar

_WHOLE = ContextVar("whole", default=None)  # the bar, and the sign to stop, of a job in parts


def tqdm(*args, disable=False, **kwargs):
    """Return a bar of tqdm; it is silent in a process without standard error.

    Within :func:`parts_of` the bar advances the bar of the whole job instead.

    Parameters
    ----------
    *args, disable, **kwargs
        Of :class:`tqdm.tqdm`.
    """
    if _WHOLE.get() is not None:
        return _Part(*_WHOLE.get(), kwargs["total"])
    return _bar(*args, disable=disable or sys.stderr is None, **kwargs)


@contextlib.contextmanager
def parts_of(bar, stop):
    """Let each bar made in the body, also in threads with its context, advance ``bar`` by one.

    When the threading.Event ``stop`` is set, these bars raise KeyboardInterrupt at their next step.
    """
    token = _WHOLE.set((bar, stop))
    try:
        yield
    finally:
        _WHOLE.reset(token)


class _Part:
    """A bar whose whole length is one step of another bar."""

    def __init__(self, bar, stop, total):
        self._bar, self._stop, self.total, self._shown = bar, stop, total, 0.0

    def update(self, n=1):
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._advance(n / max(1, self.total))

    def set_postfix(self, ordered_dict=None, **kwargs):
        self._bar.set_postfix(ordered_dict, **kwargs)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is None:
            self._advance(1.0)

    def _advance(self, by):
        by = min(by, 1.0 - self._shown)  # the total may have grown meanwhile
        self._shown += by
        self._bar.update(by)
