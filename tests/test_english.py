"""Are sentences short, and words plain, in all docstrings and messages of the package?"""

import ast
import re
from pathlib import Path

import lstmfcn

LONGEST = 25  # words from one of . ; : ! ? to the next
STIFF = re.compile(r"\b(at hand|by heart|lest|thereof|wherein|whoever)\b", re.IGNORECASE)
# Types, examples, headings, tables and equations, which have two spaces within a line.
NO_PROSE = re.compile(r"\s*(>>>|\.\.\.|-{3,}|\S.* : |[\w., ]*Error$|\S.* {2}|$)")


def nodes():
    """Yield (name of a file, node of its syntax tree) for the whole package."""
    for path in sorted(Path(lstmfcn.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path.name, node


def clauses(docstring):
    """Return the prose of a docstring, cut at . ; : ! ? and between the items of a list."""
    lines = [". " if NO_PROSE.match(line) else line.strip() for line in docstring.splitlines()]
    text = " ".join(re.sub("^- ", ". ", line) for line in lines)
    parts = re.split(r"[.;:!?]+\s", text)
    return [part for part in parts if not re.search(r"\b(19|20)\d\d\b", part)]  # no references


def test_clauses_are_cut_at_stops_lists_and_types():
    docstring = (
        "Do it: at once.\n\n- one\n- two\n\nx : int\n    The value.\n>>> f(1, 2)\nNo, A, 1999."
    )
    found = [part.strip() for part in clauses(docstring)]
    assert [part for part in found if part] == ["Do it", "at once", "one", "two", "The value"]


def test_no_sentence_of_a_docstring_is_long():
    owners = ast.Module, ast.ClassDef, ast.FunctionDef
    docstrings = ((name, ast.get_docstring(n)) for name, n in nodes() if isinstance(n, owners))
    found = [(name, part) for name, text in docstrings for part in clauses(text or "")]
    assert len(found) > 5000
    assert [one for one in found if len(one[1].split()) > LONGEST] == []


def test_no_text_has_stiff_words():
    texts = [(name, n.value) for name, n in nodes() if isinstance(n, ast.Constant)]
    found = [(name, text) for name, text in texts if isinstance(text, str) and STIFF.search(text)]
    assert found == []
