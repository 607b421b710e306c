"""What is on the API's pages? Every public name, read from the packages when the site is built."""

import importlib
import inspect
import re
from pathlib import Path

from generated_pages import write_pages

# Where a name stands in several packages, the first one has its page.
PACKAGES = {
    "lstmfcn": "Classifiers",
    "lstmfcn.explain": "Explanations",
    "lstmfcn.datasets": "Data",
    "lstmfcn.evaluation": "Sweeps, scores and tests of maps",
    "lstmfcn.evaluation.ranking": "Statistics of a sweep",
    "lstmfcn.plots": "Displays",
    "lstmfcn.meta": "Around any classifier",
    "lstmfcn.multimodal": "Several modalities",
    "lstmfcn.features": "Feature folders",
    "lstmfcn.emotion": "Emotion",
    "lstmfcn.zero_shot": "Zero-shot answers",
    "lstmfcn.presets": "Presets",
    "lstmfcn.sktime": "sktime",
}


def names_of(package):
    """Return the public names of a package or module, sorted."""
    module = importlib.import_module(package)
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (getattr(value, "__module__", None) == package or name.isupper())
    )


def public_names():
    """Return package -> list of (name, kind) for each public name, which stands once.

    Kinds are class, exception, function and data.
    """
    found, seen = {}, {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        found[package] = []
        for name in names_of(package):
            value = getattr(module, name)
            key = (name, getattr(value, "__module__", None), id(value))
            if seen.setdefault(key, package) == package:
                found[package].append((name, kind_of(value)))
    return found


def kind_of(value):
    """Return the word of Sphinx's domain for a public object."""
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) else "data"


def methods_of(cls):
    """Return the names of the public methods that this package defines, in the source's order."""
    names = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("lstmfcn"):
            for name, value in vars(base).items():
                bare = value.__func__ if isinstance(value, classmethod | staticmethod) else value
                if not name.startswith("_") and callable(bare) and not inspect.isclass(bare):
                    names[name] = None
    return [name for name in names if callable(getattr(cls, name, None))]


def pages():
    """Yield name and text of each page."""
    public = public_names()
    for package, names in public.items():
        yield f"{package}.rst", package_page(package, names)
        for name, kind in names:
            yield f"{package}.{name}.rst", name_page(package, name, kind)


def package_page(package, names):
    """Return the page of one package: a table of its names."""
    title = f"{PACKAGES[package]}: ``{package}``"
    first = (importlib.import_module(package).__doc__ or "").strip().splitlines()[0]
    lines = [title, "=" * len(title), "", first, "", f".. currentmodule:: {package}", ""]
    lines += [".. toctree::", "   :hidden:", ""]
    lines += [f"   {package}.{name}" for name, _ in names]
    lines += ["", ".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   {name}" for name, _ in names]
    elsewhere = [name for name in names_of(package) if name not in dict(names)]
    if elsewhere:
        lines += ["", "Also here, described with the package they come from: "]
        lines += [", ".join(f":obj:`~{home(package, name)}`" for name in elsewhere) + "."]
    return "\n".join(lines) + "\n"


def home(package, name):
    """Return the full public name under which an object has its page."""
    value = getattr(importlib.import_module(package), name)
    for other, names in public_names().items():
        if name in dict(names) and getattr(importlib.import_module(other), name) is value:
            return f"{other}.{name}"
    raise LookupError(f"{package}.{name} has no page")


def name_page(package, name, kind):
    """Return the page of one public name."""
    lines = [name, "=" * len(name), "", f".. currentmodule:: {package}", ""]
    lines += [f".. auto{kind}:: {name}", ""]
    if kind == "class":
        cls = getattr(importlib.import_module(package), name)
        methods = methods_of(cls)
        if methods:
            lines += [".. rubric:: Methods", ""]
            lines += [f".. automethod:: {name}.{method}" for method in methods]
            lines += [""]
    if kind in ("class", "function"):
        lines += [f".. minigallery:: {package}.{name}", "   :add-heading: Examples", ""]
    return "\n".join(lines) + "\n"


def resolve_short_name(app, environment, node, content):
    """Return a link for a docstring's short or older name of what has one page."""
    if node.get("refdomain") != "py":
        return None
    domain = environment.get_domain("py")
    name = node["reftarget"].rpartition(".")[2]
    owner = node["reftarget"].rpartition(".")[0].rpartition(".")[2]
    endings = [f".{owner}.{name}"] * owner[:1].isupper() + [f".{name}"] * (not owner[:1].isupper())
    found = [
        full
        for full, entry in domain.objects.items()
        if not entry.aliased and any(full.endswith(end) for end in endings)
    ]
    if len(found) != 1:
        return None
    return domain.resolve_xref(
        environment, node["refdoc"], app.builder, "obj", found[0], node, content
    )


def escape_marks(app, what, name, value, options, lines):
    """Let ``|x|`` and ``n_`` in a docstring's plain text be what they look like."""
    for i, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        parts = re.split(r"(`+[^`]*`+)", line)
        parts[::2] = [
            re.sub(r"(\w)_(?![\w`])", r"\1\\_", part.replace("|", r"\|")) for part in parts[::2]
        ]
        lines[i] = "".join(parts)


def setup(app):
    """Write the pages before Sphinx reads them."""
    app.connect(
        "builder-inited", lambda app: write_pages(Path(app.srcdir) / "api/generated", pages())
    )
    app.connect("autodoc-process-docstring", escape_marks, priority=900)  # after numpydoc
    app.connect("missing-reference", resolve_short_name)
    return {"parallel_read_safe": True}
