"""Which line does a warning point to? The user's line that called this package."""

import os
import sys
import warnings
from pathlib import Path

PACKAGE = f"{Path(__file__).parent}{os.sep}"


def warn(message):
    """Warn the user, pointing to the line outside this package that made the call.

    Parameters
    ----------
    message : str

    Warns
    -----
    UserWarning
    """
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
