# SPDX-License-Identifier: MIT
"""How Sphinx builds the site; ``python dev.py nox -s docs`` runs it."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "sigcore"
author = "The sigcore authors"
project_copyright = "The sigcore authors"
version = release = version_of("sigcore")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"sigcore {version}"
html_static_path: list[str] = []

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
suppress_warnings = [
    # A signature that says "Router" means the one of its own module; Sphinx sees that there are two of that name.
    "ref.python",
    # Pages link to files beside docs/, which are read in the checkout; tests/test_docs.py checks every link.
    "myst.xref_missing",
]
