"""How far is a long job? A bar on the standard error, where there is one."""

import sys
import warnings

import tqdm as _tqdm

with warnings.catch_warnings():
    # In a notebook without widgets it would warn at import, and print a plain bar.
    warnings.simplefilter("ignore", _tqdm.TqdmWarning)
    from tqdm.auto import tqdm as _bar


def tqdm(*args, disable=False, **kwargs):
    """Return tqdm's bar, a silent one in a process without standard error.

    Parameters
    ----------
    *args, disable, **kwargs
        Of :class:`tqdm.tqdm`.
    """
    return _bar(*args, disable=disable or sys.stderr is None, **kwargs)
