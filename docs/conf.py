"""The documentation site: ``make docs``, which runs ``sphinx-build -c docs . build/site``.

The source folder is the root of the repository, so that links between the pages, the README and the
examples are the same here and where the repository is browsed.
"""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

project = "gradassay"
author = "gradassay contributors"
project_copyright = author
version = release = installed_version("gradassay")

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
extensions = [
    "mathml",
    "myst_nb",  # brings myst_parser
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
]
root_doc = "docs/index"
include_patterns = ["docs/**", "examples/*.ipynb"]
include_patterns += ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = [
    ".*",
    "**/.ipynb_checkpoints",
    "docs/_extensions",
    "docs/_templates",
    "build",
    "dist",
    "mutants",
    "results",
    "tests",
    "benchmarks",
    "gradassay",
    "estimators",  # links to rooms of the package
    "reference_snn",
    "reports",
    "verify",
]
# of pages and of stubs, which look from different folders
templates_path = [str(Path(__file__).parent / "_templates")]

highlight_language = "none"

# ---- Markdown and notebooks ----------------------------------------------------
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests run the notebooks
# tables that commands wrote begin with a heading of the second level
suppress_warnings = ["myst.header"]

# ---- reference from docstrings -------------------------------------------------
default_role = "py:obj"
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # NumPy-style docstrings state them
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# ---- pages ---------------------------------------------------------------------
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "gradassay"
html_additional_pages = {"index": "redirect.html"}
html_theme_options = {
    "header_links_before_dropdown": 7,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navigation_with_keys": False,
}
html_show_sourcelink = False


def setup(app: Any) -> None:
    """Show indented equations of docstrings as they were typed, before numpydoc sees them."""
    app.connect("autodoc-process-docstring", keep_equations, priority=400)


def keep_equations(
    app: Any, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Mark each indented block that follows an unindented paragraph as literal."""
    kept: list[str] = []
    for line in lines:
        paragraph = kept[-2] if len(kept) > 1 and not kept[-1] else ""
        starts = line.startswith("    ") and paragraph[:1].strip() and paragraph[-2:] != "::"
        kept += ["::", "", line] if starts else [line]
    lines[:] = kept
