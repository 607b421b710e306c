"""What can be done from a shell? (The only room that prints.)"""

from lstmfcn.cli.entry import main

__all__ = ["main"]
