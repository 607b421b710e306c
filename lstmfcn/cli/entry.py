"""Which commands does the shell have? `lstmfcn demo | fit | predict | explain | benchmark | ...`.

Exit codes: 0 done, 1 refused with one sentence, 2 wrong usage, 130 interrupted.
With LSTMFCN_DEBUG=1 in the environment, an error shows its traceback.
"""

import argparse
import os
import sys
import warnings

from lstmfcn import __version__
from lstmfcn.cli.arguments import Parser, in_shell_words
from lstmfcn.cli.benchmark import add_benchmark
from lstmfcn.cli.demo import add_demo
from lstmfcn.cli.download import add_download
from lstmfcn.cli.emotion import add_emotion
from lstmfcn.cli.models import add_models

TOLD = (ValueError, TypeError, ArithmeticError, OSError, ImportError, MemoryError)  # by ourselves


def main(argv=None):
    """Run one command, by default of the process's own arguments, and return its exit code.

    >>> main(["predict", "missing.lstmfcn", "missing.tsv", "--out", "out.csv"])
    1
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the locale cannot show ends no command
            stream.reconfigure(errors="backslashreplace")
    # Waking a second thread for each kernel of a small network costs more than it brings.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    arguments = argparse.Namespace()
    try:
        _parser().parse_args(argv, arguments)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: _say("warning", str(message), arguments)
            arguments.command(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        kept = "finished files are kept. Repeat the command to go on."
        if getattr(arguments, "checkpoint", "") is None:
            kept = "nothing was kept. With --checkpoint FOLDER the command could go on."
        print(f"lstmfcn: interrupted; {kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # who reads our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("LSTMFCN_DEBUG"):
            raise
        _say("error", _reason(error), arguments)
        return 1
    return 0


def _say(kind, text, arguments):
    print(f"lstmfcn: {kind}: {in_shell_words(text, arguments)}", file=sys.stderr)


def _reason(error):
    """Return an error's own sentence if it has one; else a sentence about the error."""
    text = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        name = str(error.filename or "a file")
        name = name if len(name) <= 200 else f"{name[:200]}..."
        return f"{name} cannot be read or written ({error.strerror})."
    if isinstance(error, MemoryError) and (type(error) is not MemoryError or not text):
        return "the memory does not suffice; use fewer or shorter series at a time."
    if isinstance(error, RecursionError):
        return "the input is nested too deeply, like brackets within brackets."
    if isinstance(error, TOLD) and not isinstance(error, UnicodeError):
        return text
    return (
        f"an unexpected {type(error).__name__} ended the command; repeat the command with "
        "LSTMFCN_DEBUG=1 in the environment to see where."
    )


def _parser():
    parser = argparse.ArgumentParser(
        prog="lstmfcn", description="LSTM-FCN and ALSTM-FCN for time series classification."
    )
    parser.add_argument("--version", action="version", version=f"lstmfcn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    add_demo(commands)
    add_models(commands)
    add_benchmark(commands)
    add_download(commands)
    add_emotion(commands)
    return parser
