"""Does the site say what the package does? Its code, commands, links, tables and lists of names."""

import configparser
import contextlib
import doctest
import importlib
import io
import re
import shlex
import sys
from pathlib import Path

import pytest
from conftest import narrow_networks

import lstmfcn
from lstmfcn.cli.entry import _parser

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = {
    str(path.relative_to(DOCS)): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.glob("**/*.md"))
    if not {"_build", "gallery", "generated"} & set(path.parts)
}
BLOCK = re.compile(r"^```(\{testcode\}|\{testoutput\}|shell)\n(.*?)^```", re.DOTALL | re.MULTILINE)
OPTIONAL = {
    "aeon": "aeon",
    "ai_edge_litert": "ai_edge_litert",
    "onnxruntime": "onnxruntime",
    "optuna": "optuna",
    "skops": "skops",
    "TensorBoard": "tensorboard",
}
# `make docs` runs them all, and these, which train for longer, only `make docs`.
LONGER = {"index.md", "guide/imbalance.md", "guide/normalization.md", "howto/calibration.md"}
LONGER |= {"tutorials/human_activity.md", "tutorials/new_classes.md"}
CODE = [page for page, text in PAGES.items() if "{testcode}" in text and page not in LONGER]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def narrow(monkeypatch):
    """Let the networks of a page have few filters."""
    monkeypatch.setitem(lstmfcn.FCNClassifier.__init__.__kwdefaults__, "rocket", False)
    with narrow_networks():
        yield


@pytest.fixture
def extension(monkeypatch):
    """Return a function that imports a module of the site's own extensions."""
    monkeypatch.syspath_prepend(DOCS / "extensions")
    return importlib.import_module


def commands_of(block):
    """Return the words of each command of this package in a block for the shell."""
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("lstmfcn ")]


@pytest.mark.parametrize("page", CODE)
def test_code_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch, narrow):
    blocks = BLOCK.findall(PAGES[page])
    code = "\n".join(block for kind, block in blocks if kind == "{testcode}")
    for word, module in OPTIONAL.items():
        if re.search(rf"\b{word}\b", code):
            pytest.importorskip(module, reason=f"the page needs {module}")
    monkeypatch.chdir(tmp_path)
    names, printed = {}, ""
    for kind, block in blocks:
        block = re.sub(r"\A(:.*\n)+\n", "", block)  # the directive's options
        if kind == "{testcode}":
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(compile(block, page, "exec"), names)
            printed = stream.getvalue()
        elif kind == "{testoutput}":
            assert doctest.OutputChecker().check_output(block, printed, FLAGS), printed


def test_commands_on_pages_have_options_that_exist():
    found = 0
    for page, text in PAGES.items():
        for kind, block in BLOCK.findall(text):
            for words in commands_of(block) if kind == "shell" else ():
                try:
                    _parser().parse_args(words)
                except SystemExit:
                    pytest.fail(f"{page}: lstmfcn {shlex.join(words)}")
                found += 1
    assert found > 20


def test_links_between_pages_lead_somewhere():
    broken = []
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r":link: (\S+)", text):
            path = link.partition("#")[0]
            if "://" in link or not path or "generated/" in path:
                continue
            goal = (DOCS / page).parent / path
            if "gallery/plot_" in path:
                goal = ROOT / "examples" / f"{goal.name}.py"
            if not goal.exists() and not goal.with_name(f"{goal.name}.md").exists():
                broken += [(page, link)] if not path.endswith("gallery/index") else []
    assert broken == []


def test_every_page_is_in_a_table_of_contents():
    listed = {"index.md"}
    for page, text in PAGES.items():
        for block in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
            entries = [line for line in block.split() if not line.startswith(":")]
            listed |= {str(Path(page).parent / entry) + ".md" for entry in entries}
    assert set(PAGES) <= {str(Path(page)) for page in listed}


def test_every_example_has_its_place_in_the_gallery(extension):
    order = extension("gallery_order").POSITION
    assert set(order) == {path.name for path in (ROOT / "examples").glob("*.py")}


def test_every_public_name_has_a_page(extension):
    pages = extension("api_pages")
    written = {name for name, _ in pages.pages()}
    for package in {"lstmfcn", *(f"lstmfcn.{name}" for name in packages_with_names())}:
        for name in pages.names_of(package):
            assert f"{pages.home(package, name)}.rst" in written
    assert "lstmfcn.LSTMFCNClassifier.rst" in written
    index = PAGES["api/index.md"]
    assert {f"generated/{package}" in index for package in pages.PACKAGES} == {True}


def packages_with_names():
    """Return the packages and modules that `lstmfcn` offers as its attributes."""
    text = Path(lstmfcn.__file__).read_text(encoding="utf-8")
    return re.findall(r'"lstmfcn\.(\w+)": \(\)', text)


def test_every_command_has_a_page_with_its_options(extension):
    pages = dict(extension("command_line").pages())
    assert {"fit.md", "benchmark-run.md", "emotion-run.md", "emotion-zero-shot-run.md"} <= set(
        pages
    )
    assert "```{option} --class-weight" in pages["fit.md"]
    assert "```{option} --scheduler" in pages["benchmark-run.md"]


def test_every_table_of_figures_is_shown_and_each_shown_one_exists(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    tables = set(importlib.import_module("update_readme").TABLES)
    on_pages = set(re.findall(r"```\{record\} (\w+)", "".join(PAGES.values())))
    readmes = [ROOT / "README.md", ROOT / "benchmarks" / "README.md"]
    texts = "".join(path.read_text(encoding="utf-8") for path in readmes)
    marked = set(re.findall(r"<!-- (\w+): generated -->", texts))
    assert on_pages <= tables
    assert on_pages | marked == tables


def test_the_versions_promised_are_tried():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    promised = dict(
        re.findall(r"^([\w-]+) >=([\d.]+)", config["options"]["install_requires"], re.MULTILINE)
    )
    pinned = dict(
        re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / "tests/oldest.txt").read_text(), re.MULTILINE)
    )
    assert set(pinned) == set(promised)
    assert [
        name for name in promised if not f"{pinned[name]}.".startswith(f"{promised[name]}.")
    ] == []
    workflow = (ROOT / ".github/workflows/tests.yml").read_text()
    versions = re.findall(r"Python :: (3\.\d+)", config["metadata"]["classifiers"])
    assert config["options"]["python_requires"] == f">={versions[0]}"
    assert f'"{versions[0]}"' in workflow and f'"{versions[-1]}"' in workflow


def test_displays_of_estimators_link_to_their_pages(extension, monkeypatch):
    from sklearn.base import BaseEstimator

    from lstmfcn import doc_link

    pages = extension("api_pages")
    written = {name.removesuffix(".rst") for name, _ in pages.pages()}
    estimators = [
        getattr(importlib.import_module(package), name)
        for package, names in pages.public_names().items()
        for name, kind in names
        if kind == "class"
    ]
    estimators = [cls for cls in estimators if issubclass(cls, BaseEstimator)]
    estimators = [cls for cls in estimators if cls.__name__ != "SktimeClassifier"]
    monkeypatch.setattr(doc_link, "site", lambda: "https://example.org")
    for cls in estimators:
        link = object.__new__(cls)._get_doc_link()
        assert link.removeprefix("https://example.org/api/generated/")[:-5] in written, cls
    assert len(estimators) >= 8
    assert "https://example.org/api" in lstmfcn.FCNClassifier()._repr_html_()
    monkeypatch.setattr(doc_link, "site", lambda: "")
    assert lstmfcn.FCNClassifier()._get_doc_link() == ""


def test_site_is_the_address_in_the_metadata(monkeypatch):
    from lstmfcn import doc_link

    urls = {"Project-URL": ["Source, https://example.org/code", "Documentation, https://e.org/d/"]}
    found = type("Metadata", (), {"get_all": staticmethod(urls.get)})
    monkeypatch.setattr(doc_link.importlib.metadata, "metadata", lambda name: found)
    assert doc_link.site.__wrapped__() == "https://e.org/d"


def test_citation_names_the_last_release():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {re.search(r'^## ([0-9.]+) ', changes, re.MULTILINE)[1]}\n" in text


@pytest.mark.skipif(sys.platform == "win32", reason="paths of the made pages have slashes")
def test_links_of_a_built_site_are_checked(extension, tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#there">x</a> <a href="https://c.d">y</a>')
    (tmp_path / "b.html").write_text('<p id="there"><a href="a.html">z</a> <img src="no.png">')
    broken = extension("inside_links").broken
    assert [link for _, link in broken(tmp_path)] == ["no.png"]
    (tmp_path / "b.html").write_text("<p>")
    assert [link for _, link in broken(tmp_path)] == ["b.html#there"]
