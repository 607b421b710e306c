"""The names of :mod:`lstmfcn.zero_shot`, for programs that import them from here."""

import sys

import lstmfcn.zero_shot as home
from lstmfcn.zero_shot.ask import client, fake_endpoint, prompts, runner, samples

__all__ = list(home.__all__)
__getattr__, __dir__ = home.__getattr__, home.__dir__

for module in (client, fake_endpoint, prompts, runner, samples):
    sys.modules[f"{__name__}.{module.__name__.rpartition('.')[2]}"] = module
