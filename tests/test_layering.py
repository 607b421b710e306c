"""Do imports point down, and does importing the package leave Keras alone?"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lstmfcn"
# From the ground up: a room imports rooms of lines above its own, and of its own line none.
FLOORS = [
    ["__init__", "all_or_nothing", "doc_link", "lazy", "pages", "progress", "warning"],
    ["untrusted"],
    ["files"],
    ["validation"],
    ["lengths", "moments"],
    ["preprocessing", "datasets", "features", "presets"],
    ["model_file", "networks"],
    ["training", "tasks"],
    ["fitting", "explain", "onnx_model"],
    ["fine_tuning", "raw_graph"],
    ["export", "estimator"],
    ["base", "regressor"],
    ["classifiers"],
    ["ensemble"],
    ["restoring", "sktime"],
    ["meta"],
    ["multimodal", "extraction"],
    ["loading"],
    ["evaluation"],
    ["zero_shot"],
    ["plots"],
    ["report"],
    ["emotion"],
    ["cli"],
]
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
# These import no Keras and know nothing of the classifiers: what they need, they are given by name.
BESIDE = {"datasets", "evaluation", "plots", "report", "zero_shot"}
ALLOWED = BESIDE | {"__init__", "files", "lazy", "lengths", "moments", "progress"}
ALLOWED |= {"pages", "untrusted", "validation", "warning"}
ALLOWED |= {"meta"}  # the robustness curve corrupts series: plain NumPy, no Keras


@cache
def imports(path):
    """Return the full names that a file imports, at its top or later."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def rooms(path):
    """Return the rooms of the package that a file imports from, but for its own."""
    import lstmfcn

    found = set()
    for name in imports(path):
        if not name.startswith("lstmfcn."):
            continue
        there = name.split(".")[1]
        if there not in FLOOR and there in lstmfcn.__all__:
            there = "loading" if there == "load" else "classifiers"
        if there != "__version__":
            found.add(there)
    return found - {room(path)}


FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"
)


def room(path):
    """Return the first name below the package: 'base' or 'datasets'."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def offenders(wrong):
    """Return {file: what is wrong there} of all files where ``wrong(path)`` finds something."""
    found = {str(path.relative_to(PACKAGE)): sorted(wrong(path)) for path in FILES}
    return {name: faults for name, faults in found.items() if faults}


def test_imports_point_down():
    def up(path):
        return {there for there in rooms(path) if FLOOR[there] >= FLOOR[room(path)]}

    assert offenders(up) == {}


def test_what_stands_beside_the_classifiers_knows_nothing_of_them():
    def too_much(path):
        return rooms(path) - ALLOWED if room(path) in BESIDE else set()

    assert offenders(too_much) == {}


def test_only_the_shell_prints():
    def prints(path):
        return [
            f"line {node.lineno}"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
            and room(path) != "cli"
        ]

    assert offenders(prints) == {}


def test_no_circle_of_files():
    modules = {
        ".".join(("lstmfcn", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in FILES
    }
    left = {name: {n for n in modules if n != name and _uses(modules[name], n)} for name in modules}
    while free := [name for name, uses in left.items() if not uses & left.keys()]:
        for name in free:
            del left[name]
    assert not left


def _uses(path, module):
    return any(name == module or name.startswith(f"{module}.") for name in imports(path))


def test_no_room_is_larger_than_a_sixth_of_the_house():
    lines = {}
    for path in PACKAGE.rglob("*.py"):
        lines[room(path)] = lines.get(room(path), 0) + len(path.read_text().splitlines())
    largest = max(lines, key=lines.get)
    assert lines[largest] <= sum(lines.values()) / 6, (largest, lines[largest], sum(lines.values()))


def test_only_validation_touches_scikit_learns_privates():
    def private(path):
        names = [name for name in imports(path) if name.startswith("sklearn") and "._" in name]
        return names if room(path) != "validation" else []

    assert offenders(private) == {}


def test_only_backend_imports_keras():
    def libraries(path):
        found = {name.split(".")[0] for name in imports(path)} & {"keras", "tensorflow"}
        return found if path.name != "backend.py" else set()

    assert offenders(libraries) == {}


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


@pytest.mark.parametrize(
    "line",
    [
        "from lstmfcn.emotion.zero_shot.client import ChatClient as found",
        "from lstmfcn.emotion.zero_shot.fake_endpoint import FakeEndpoint as found",
        "from lstmfcn.emotion.zero_shot.prompts import Question as found",
        "from lstmfcn.emotion.zero_shot.runner import ZeroShotRunner as found",
        "from lstmfcn.emotion.zero_shot.samples import Sample as found",
        "from lstmfcn.emotion.fusion import FusionClassifier as found",
        "from lstmfcn.emotion import AugmentedClassifier as found",
    ],
)
def test_names_are_found_where_they_were(line):
    import lstmfcn.meta
    import lstmfcn.multimodal
    import lstmfcn.zero_shot

    names = {}
    exec(line, names)
    homes = (lstmfcn.meta, lstmfcn.multimodal, lstmfcn.zero_shot)
    name = names["found"].__name__
    assert names["found"] in [getattr(home, name) for home in homes if name in home.__all__]
