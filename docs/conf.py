"""How is the site built? `make docs` calls Sphinx with this configuration."""

import doctest
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent / "benchmarks")]
# Examples train on the CPU, quietly, with one thread for each kernel.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import lstmfcn  # noqa: E402

project, author = "lstmfcn", "the lstmfcn developers"
copyright = "2026, the lstmfcn developers"
version = release = lstmfcn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "command_line",
    "records",
]
exclude_patterns = ["_build", "gallery/*.ipynb", "gallery/*.py", "gallery/*.json"]
nitpicky = True
nitpick_ignore_regex = [
    # Other projects' pages, which are not asked for while the site is built.
    (
        r"py:.*",
        r"(sklearn|keras|numpy|np|sktime|matplotlib|pandas|distributed|dask|Path|tuple)\b.*",
    ),
    (r"py:obj", r"\w+_"),  # fitted attributes, which the page of their class describes
    (r"py:data", r"(.*\.)?[A-Z_]+"),  # tables within modules
    (r"py:(attr|obj)", r"members|lstmfcn\.emotion\.recipe\.\w+"),
]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autosummary_generate = False
autodoc_typehints = "none"
doctest_test_doctest_blocks = ""  # of docstrings, which pytest runs
doctest_default_flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
doctest_global_setup = """
import os, tempfile
from importlib.util import find_spec
os.environ.setdefault("MPLBACKEND", "Agg")
os.chdir(tempfile.mkdtemp())  # code of pages writes files
"""
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
linkcheck_ignore = [r"https?://.*"]  # inside links are checked, others need a network

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"conftest|__init__",
    "within_subsection_order": "gallery_order.Order",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("lstmfcn",),
    "reference_url": {"lstmfcn": None},
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "min_reported_time": 1e9,
    "write_computation_times": False,
}

toc_object_entries_show_parents = "hide"
html_theme = "pydata_sphinx_theme"
html_title = "lstmfcn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "lstmfcn"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "back_to_top_button": True,
}
html_sidebars = {"index": [], "start": [], "benchmarks": []}  # pages without others below
