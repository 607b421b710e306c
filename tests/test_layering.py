"""Do imports point down, and does importing the package leave Keras alone?"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lstmfcn"
LINE = [
    "progress",
    "warning",
    "outside",
    "atomic",
    "preprocessing",
    "validation",
    "backend",
    "layers",
    "networks",
    "inference",
    "precision",
    "pickling",
    "optimizers",
    "calibration",
    "training_run",
    "training",
    "checkpoint",
    "fine_tuning",
    "explain",
    "base",
    "classifiers",
    "persistence",
]
KERAS_FREE = ["datasets", "evaluation", "plots", "presets", "validation", "preprocessing", "cli"]


def imports(path):
    """Return the modules a file imports, and those imported at module level alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node in tree.body) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(f"{node.module}.{alias.name}", node in tree.body) for alias in node.names]
            found.append((node.module, node in tree.body))
    return found


def files():
    return sorted(PACKAGE.rglob("*.py"))


def room(path):
    """Return the first name below the package: 'base' or 'datasets'."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    here = room(path)
    for module, top_level in imports(path):
        if not module.startswith("lstmfcn."):
            continue
        there = module.split(".")[1]
        if here in LINE and there in LINE and top_level:
            assert LINE.index(there) < LINE.index(here), f"{here} imports {there}"
        if here in LINE:
            assert there not in ("cli", "demo", "sktime", "plots", "evaluation", "datasets")
        if here in ("datasets", "evaluation", "plots"):
            assert there not in LINE[LINE.index("backend") :], f"{here} imports {there}"


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_validation_touches_scikit_learns_privates(path):
    private = [m for m, _ in imports(path) if m.startswith("sklearn") and "._" in m]
    assert room(path) == "validation" or not private


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_backend_imports_keras(path):
    libraries = {module.split(".")[0] for module, _ in imports(path) if module}
    assert room(path) == "backend" or not libraries & {"keras", "tensorflow"}


def test_importing_leaves_keras_out_and_is_quick():
    code = (
        "import sys, lstmfcn, lstmfcn.evaluation, lstmfcn.plots, lstmfcn.cli, lstmfcn.datasets, "
        "lstmfcn.emotion, "
        "lstmfcn.presets; print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_next_to_nothing():
    code = (
        "import sys\nfrom lstmfcn.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'sklearn', 'keras', 'tensorflow', 'sktime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["LSTMFCNClassifier", "load", "datasets", "presets"])
def test_public_names_are_found(name):
    import lstmfcn

    assert getattr(lstmfcn, name) is not None
    assert name in dir(lstmfcn) or name in ("datasets", "presets")


def test_unknown_public_name():
    import lstmfcn

    with pytest.raises(AttributeError, match="module 'lstmfcn' has no attribute 'LSTMFCN'"):
        _ = lstmfcn.LSTMFCN
