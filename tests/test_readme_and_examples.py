"""Does what the README and the examples say run, and are the README's figures the records'?"""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import real_data

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 7
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
def test_example_runs(script, tmp_path):
    data = real_data()
    if "mosi" in script and (data is None or not (data / "mosi").is_dir()):
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds mosi/ and gpt4v/")
    picture = tmp_path / "picture.png"
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / script, picture],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "MPLBACKEND": "Agg",
            "PYTHONPATH": str(ROOT),
            "LSTMFCN_DATA": str(data),
        },
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert picture.stat().st_size > 10_000
    least = 0.7 if "mosi" in script else 0.8
    assert float(re.search(r"accuracy[^:]*: ([\d.]+)", done.stdout).group(1)) > least
