"""Which commands are there? ``{command-line}`` makes a section for each of the shell's parsers."""

import argparse
import re

from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

from lstmfcn.cli.entry import _parser


class CommandLine(Directive):
    """Put the usage, arguments and options of one command here, or of all that are below it.

    The argument is a command, such as ``fit`` or ``benchmark run``.
    """

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """Return the nodes of the commands."""
        from docutils import nodes

        parser = _parser()
        for word in self.arguments[0].split():
            parser = subparsers(parser)[word]
        container = nodes.container()
        lines = [line for line in told(parser, self.arguments[0]) if line is not None]
        self.state.nested_parse(StringList(lines, self.arguments[0]), 0, container)
        return container.children


def subparsers(parser):
    """Return name -> parser of a parser's commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def told(parser, command):
    """Yield the lines of Markdown that describe a command."""
    if getattr(parser, "add_more", None) is not None:  # options that need Keras
        add_more, parser.add_more = parser.add_more, None
        add_more(parser)
    if parser.description:
        yield from (plain(parser.description), "")
    yield from ("```{program} lstmfcn " + command, "```", "")
    positional = [a for a in parser._get_positional_actions()]
    names = " ".join(str(action.metavar or action.dest) for action in positional)
    required = [a for a in parser._get_optional_actions() if a.required]
    needed = "".join(f" {a.option_strings[-1]} {a.metavar or a.dest.upper()}" for a in required)
    yield from ("```text", f"lstmfcn {command} {names}{needed} [options]", "```", "")
    for group in parser._action_groups:
        actions = [a for a in group._group_actions if a.dest != "help"]
        if not actions:
            continue
        if group.title not in ("positional arguments", "options"):
            told_of = f" ({plain(group.description)})" if group.description else ""
            yield from (f"**{group.title.capitalize()}**{told_of}", "")
        for action in actions:
            yield from entry(action)


def entry(action):
    """Yield the lines of one argument or option."""
    metavar = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    name = ", ".join(action.option_strings) or metavar
    if action.option_strings and action.nargs != 0:
        name = f"{name} {metavar}"
    kind = "option" if action.option_strings else "describe"
    text = plain((action.help or "") % {**vars(action), "prog": "lstmfcn"})
    has_default = action.default not in (None, False, "default", argparse.SUPPRESS)
    if has_default and "default" not in text and action.option_strings:
        text = f"{text}; default: {action.default}".removeprefix("; ")
    if action.required and action.option_strings:
        text = f"{text} (required)".strip()
    yield from ("```{" + kind + "} " + name, text, "```", "")


def plain(text):
    """Return a help text as Markdown: names in code, no accidental markup."""
    text = re.sub(r"`([^`]+)`|(?<![\w-])(--[a-z][a-z-]*)", lambda m: f"`{m[1] or m[2]}`", text)
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*_<>\[\]{}])", r"\\\1", p) for p in parts)


def setup(app):
    """Register the directive."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True}
