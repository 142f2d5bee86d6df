# SPDX-License-Identifier: MIT
"""``python -m sig_cli`` is ``sig``."""

from __future__ import annotations

from ._app import main

main()
