"""Which commands are there? A page for each of the shell's parsers, written from the parser."""

import argparse
import re
from pathlib import Path

from generated_pages import write_pages

from lstmfcn.cli.entry import _parser


def pages():
    """Yield name and Markdown of the page of each command."""
    for command, help_text, parser in commands(_parser(), ""):
        lines = [f"# lstmfcn {command}", "", *told(parser, command, help_text)]
        yield f"{command.replace(' ', '-')}.md", "\n".join(lines) + "\n"


def commands(parser, prefix):
    """Yield name, one line of help and parser of each command that has no commands below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            for name, below in action.choices.items():
                full = f"{prefix} {name}".strip()
                deeper = list(commands(below, full))
                yield from deeper or [(full, helps[name], below)]


def told(parser, command, help_text):
    """Yield the lines of Markdown that describe a command."""
    if getattr(parser, "add_more", None) is not None:  # options that need Keras
        add_more, parser.add_more = parser.add_more, None
        add_more(parser)
    text = parser.description or f"{help_text[0].upper()}{help_text[1:]}."
    yield from (plain(text), "")
    positional = [str(a.metavar or a.dest) for a in parser._get_positional_actions()]
    required = [
        f"{a.option_strings[-1]} {value_of(a)}"
        for a in parser._get_optional_actions()
        if a.required
    ]
    words = " ".join([*positional, *required])
    yield from ("```text", f"lstmfcn {command} {words} [options]", "```", "")
    yield from ("```{program} lstmfcn " + command, "```", "")
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.dest != "help"]
        if actions:
            title = group.title.removeprefix("positional ")
            yield from (f"## {title[0].upper()}{title[1:]}", "")
            if group.description:
                yield from (f"{plain(group.description[0].upper() + group.description[1:])}.", "")
        for action in actions:
            yield from entry(action)


def entry(action):
    """Yield the lines of one argument or option."""
    text = plain((action.help or "") % {**vars(action), "prog": "lstmfcn"})
    if action.option_strings:
        name = ", ".join(action.option_strings)
        name += f" {value_of(action)}" if action.nargs != 0 else ""
        shown = action.default not in (None, False, "default", argparse.SUPPRESS)
        if shown and "default" not in text:
            text = f"{text}; default: {action.default}".removeprefix("; ")
        text = f"{text} (required)".strip() if action.required else text
        yield from ("```{option} " + name, text, "```", "")
    else:
        yield from (f"`{value_of(action)}`", f": {text}", "")


def value_of(action):
    """Return what stands for the value of an argument."""
    choices = "{" + ",".join(map(str, action.choices or ())) + "}"
    return str(action.metavar or (choices if action.choices else action.dest.upper()))


def plain(text):
    """Return a help text as Markdown: names in code, and nothing that Markdown would change."""
    parts = re.split(r"(`[^`]*`|(?<![\w-])--[a-z][a-z-]*)", text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f"`{part.strip('`')}`"
        else:
            parts[i] = re.sub(r"([\\*_<>\[\]{}#|$])", r"\\\1", part)
    return "".join(parts)


def setup(app):
    """Write the pages before Sphinx reads them."""
    app.connect(
        "builder-inited", lambda app: write_pages(Path(app.srcdir) / "cli/generated", pages())
    )
    return {"parallel_read_safe": True}
