"""How Sphinx builds the documentation: offline, warnings are errors (`sphinx-build -W docs build/docs`)."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), *(str(ROOT / folder) for folder in ("features", "models", "benchmarks"))]

from forensics.version import __version__  # noqa: E402

project = "compression-forensics"
author = copyright = "The compression-forensics developers"
release = version = __version__

extensions = ["sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["README.md", "build", "figures.txt"]
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
default_role = "code"

html_theme = "alabaster"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_extra_path = ["schema"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "description": "Was this picture ever lossily compressed, by which codec, how, and what happened since?",
    "fixed_sidebar": True,
    "page_width": "1000px",
    "sidebar_width": "230px",
}
