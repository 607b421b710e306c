"""Does what the README and the examples say run, and are the README's figures the records'?"""

import importlib
import re
import runpy
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from conftest import narrow_networks, real_data

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def narrow():
    with narrow_networks():
        yield


def test_readme_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 10
    pytest.importorskip("tf2onnx", reason="one block needs lstmfcn[onnx]")
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["classifier"].score(names["X_test"], names["y_test"]) > 0.9
    assert (tmp_path / "italy.lstmfcn").is_file()


def test_readme_figures_are_the_records(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("update_readme")
    assert module.updated(README) == README
    beside = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert module.updated(beside) == beside
    assert len(re.findall("generated -->", README + beside)) == len(module.TABLES)
    assert "| GunPoint | ALSTM-FCN |" in README


def test_readme_names_places_that_exist():
    table = README.split("## Where things are")[1].split("`make test`")[0]
    places = re.findall(r"`([^`]+)`", table)
    assert len(places) > 10
    assert [place for place in places if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_example_runs(script, tmp_path, monkeypatch, capsys):
    data = real_data()
    if "mosi" in script and (data is None or not (data / "mosi").is_dir()):
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds mosi/ and gpt4v/")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LSTMFCN_DATA", str(data))
    monkeypatch.setattr(sys, "argv", [script, "picture.png"])
    try:
        runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
    finally:
        plt.close("all")
    if "savefig" in (ROOT / "examples" / script).read_text():
        assert (tmp_path / "picture.png").stat().st_size > 10_000
    least = 0.7 if "mosi" in script or "stream" in script else 0.8
    printed = capsys.readouterr().out
    assert float(re.search(r"accuracy[^:]*: ([\d.]+)", printed).group(1)) > least
