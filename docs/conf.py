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
