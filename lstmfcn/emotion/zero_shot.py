"""The names of :mod:`lstmfcn.zero_shot`, for programs that import them from here."""

import lstmfcn.zero_shot as home

__all__ = list(home.__all__)
__getattr__, __dir__ = home.__getattr__, home.__dir__
