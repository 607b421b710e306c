"""Does what the README and the examples say run, and are the README's figures the records'?"""

import importlib
import re
import runpy
import shlex
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from conftest import narrow_networks

from lstmfcn.cli.entry import _parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def narrow():
    with narrow_networks():
        yield


def test_readme_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lstmfcn.training.candidates.N_UPDATES", 800)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 2
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    plt.close("all")
    assert names["classifier"].score(names["X_test"], names["y_test"]) > 0.9
    assert names["model"].score(names["X"][1::2], names["y"][1::2]) > 0.8
    assert (tmp_path / "model.lstmfcn").is_file()
    assert (tmp_path / "attention.png").stat().st_size > 10_000


def test_readme_figures_are_the_records(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("update_readme")
    assert module.updated(README) == README
    beside = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert module.updated(beside) == beside
    assert "| LSTM-FCN |" in README


def test_readme_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 180 and len(README.split()) <= 1400
    links = re.findall(r"\]\(([^)]+)\)", README)
    places = {link.partition("#")[0] for link in links if "://" not in link}
    assert len(places) > 20
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_commands_of_the_readme_have_options_that_exist():
    commands = re.findall(r"^lstmfcn (.*)$", README, flags=re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        _parser().parse_args(shlex.split(command))


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_example_runs_and_draws(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script])
    plt.close("all")
    try:
        runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
        assert plt.get_fignums(), "an example of the gallery draws a picture"
    finally:
        plt.close("all")
    assert not list(tmp_path.iterdir()), "an example leaves nothing in the working directory"
    least = 0.6 if script in ("plot_serve_stream.py", "plot_grid_search.py") else 0.7
    scores = re.findall(r"accuracy(?:[^:\n]*:)? ([\d.]+)", capsys.readouterr().out)
    assert float(scores[-1]) > least


def test_examples_are_titled_and_bare():
    for path in (ROOT / "examples").glob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert path.name.startswith("plot_") and lines[0] == '"""'
        assert lines[2] == "=" * len(lines[1]), path.name
        assert not re.search("sys.argv|savefig|plt.show", "\n".join(lines)), path.name
