"""How does the shell read its arguments, and how do its errors name them?"""

import argparse
import os
import re
from pathlib import Path

LARGEST = 2**32 - 1  # the largest seed
OPTIONS = {  # whose names differ from Python's by more than the dashes
    "group_column": "group",
    "id_column": "id",
    "n_babble": "babble",
    "n_cells": "cells",
    "n_copies": "copies",
    "n_epochs": "epochs",
    "n_estimators": "members",
    "n_folds": "folds",
    "n_iterations": "iterations",
    "n_jobs": "jobs",
    "n_seeds": "seeds",
    "n_timepoints": "length",
    "random_state": "seed",
}
OF_FIT = {"unequal_length"}  # which predict and explain recommend


def to_path(text):
    """Return a path; ``~`` is expanded, as the shell does not expand it after ``=``.

    >>> to_path("~/model.lstmfcn").is_absolute()
    True
    """
    if not text:
        raise argparse.ArgumentTypeError("an empty text is not a path")
    return Path(os.path.expanduser(text))


def to_names(text):
    """Return the names in "A,B,C"."""
    return [name for name in text.split(",") if name]


def to_counts(text):
    """Return the whole numbers in "3,0,12", without repetitions.

    >>> to_counts("3,0,3")
    [3, 0]
    """
    return list(dict.fromkeys(map(at_least(0), text.split(","))))


def to_number(text):
    """Return a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{cut(text)!r} is not a number") from None


def at_least(least, *words):
    """Return a function that reads a whole number of at least ``least``, or one of some words.

    >>> at_least(1)("30"), at_least(1, "auto")("auto")
    (30, 'auto')
    """

    def whole(text):
        if text in words:
            return text
        if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= LARGEST:
            raise argparse.ArgumentTypeError(
                f"{cut(text)!r} is not {' or '.join([*words, 'a whole number'])} from {least} to "
                f"{LARGEST}"
            )
        return int(text)

    return whole


def in_shell_words(text, arguments):
    """Return a sentence of the library with the shell's options in place of Python's arguments.

    Parameters
    ----------
    text : str
    arguments : argparse.Namespace
        The parsed options of the command. If the command reads series, ``X`` becomes their file.

    Returns
    -------
    str

    >>> from argparse import Namespace
    >>> arguments = Namespace(missing="error", epochs=3, archive=None)
    >>> in_shell_words("pass missing='interpolate', or archive=None and more n_epochs", arguments)
    'pass --missing interpolate, or no --archive and more --epochs'
    """
    known = set(vars(arguments)) - {"command", "series"} | OF_FIT

    def option(match):
        name, value = match["name"], match["quoted"] or match["bare"] or ""
        value = ",".join(re.findall(r"[\w.'-]+", match["tuple"] or "")) or value
        shell_name = OPTIONS.get(name, name)
        is_argument = "_" in name or match["equals"]  # "missing" alone is an English word
        if shell_name not in known or not is_argument:
            return match[0].removesuffix("=?")
        if value == "None":
            return f"no --{shell_name.replace('_', '-')}"
        return f"--{shell_name.replace('_', '-')} {value}".rstrip()

    text = text.replace("classifier.save(path)", "lstmfcn fit")
    text = text.replace("use another folder.", "use another folder (--out).")
    if "name" in known:
        text = text.replace("the model another name,", "the model another name (--name),")
    # scikit-learn's wording; "=..." makes it an argument, whose option takes its place below.
    text = re.sub(r"The '(\w+)' parameter of \w+", r"\1=?", text)
    text = re.sub(
        r"(?<![\w/.'-])(?P<name>[a-z]+(_[a-z]+)*)\b(?![/.]\w)"
        r"(?P<equals>=('(?P<quoted>[^']*)'|(?P<bare>\.\.\.|-?\w+(\.\d+)?)|"
        r"(?P<tuple>\([\w., '-]*\))|\?))?",
        option,
        text,
    )
    if "series" in vars(arguments):
        text = re.sub(r"(?<!\S)X(?=[\s,;])", lambda _: Path(arguments.series).name, text)
        text = re.sub(r"(?<!\S)y(?=[\s,;])", "the label column", text)
    return text


class Parser(argparse.ArgumentParser):
    """A parser that gets some options only when it is used, because their imports are slow."""

    add_more = None

    def parse_known_args(self, args=None, namespace=None):
        """Parse as argparse does."""
        if self.add_more is not None:
            add_more, self.add_more = self.add_more, None
            add_more(self)
        return super().parse_known_args(args, namespace)


def cut(text):
    """Return a text, or only its beginning if it is long."""
    return text if len(text) <= 40 else f"{text[:40]}..."
