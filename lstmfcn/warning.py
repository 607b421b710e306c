"""Whose line does a warning name? The one that called this package, however deep it arose."""

import os
import sys
import warnings
from pathlib import Path

PACKAGE = f"{Path(__file__).parent}{os.sep}"


def warn(message):
    """Warn the user, naming the line outside of this package that led here.

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
