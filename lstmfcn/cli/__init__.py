"""How does the command line work? This is the only part of the package that prints."""

from lstmfcn.cli.entry import main

__all__ = ["main"]
