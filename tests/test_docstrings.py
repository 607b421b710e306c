"""Do the classifiers' docstrings, each written out in full, say the same of what they share?"""

import ast
import inspect
import re
from pathlib import Path

import pytest

import lstmfcn

CLASSES = [lstmfcn.LSTMFCNClassifier, lstmfcn.ALSTMFCNClassifier, lstmfcn.FCNClassifier]


def entries(cls, section):
    """Return a dict of name to (type and default, text) of a section of a class's docstring."""
    text = re.search(rf"    {section}\n    -+\n(.*?)\n\n", cls.__doc__, re.DOTALL)[1]
    found = re.findall(r"^    (\S.*?) : (.*)\n((?:        .*(?:\n|$))+)", text, re.MULTILINE)
    return {name: (kind, body.strip()) for name, kind, body in found}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_parameter_is_documented_with_its_default(cls):
    documented = entries(cls, "Parameters")
    signature = inspect.signature(cls).parameters
    assert set(documented) == set(signature)
    for name, parameter in signature.items():
        assert ast.literal_eval(documented[name][0].partition("default=")[2]) == parameter.default


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
@pytest.mark.parametrize("cls", CLASSES[1:])
def test_what_classifiers_share_is_documented_in_the_same_words(cls, section):
    first, other = entries(CLASSES[0], section), entries(cls, section)
    shared = first.keys() & other.keys()
    assert len(shared) >= 6
    for name in shared:
        assert other[name][1] == first[name][1], name
        if name != "occlusion":  # attention is trained to be put to the test
            assert other[name][0] == first[name][0], name


def test_headings_in_docstrings_stand_alone():
    folder = Path(lstmfcn.__file__).parent
    joined = re.compile(r"^.*\S +-{4,}( .*)?$", re.MULTILINE)
    found = {
        path.name: node.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and joined.search(ast.get_docstring(node) or "")
    }
    assert found == {}
