# SPDX-License-Identifier: MIT
"""How another terminal finds the command ``sig`` when it was installed into a virtual environment."""

from __future__ import annotations

import shlex
import sys
import sysconfig


def path_line() -> str | None:
    """Return the shell's line that puts this ``sig`` on the path; ``None`` outside virtual environments."""
    if sys.prefix == sys.base_prefix:
        return None
    directory = sysconfig.get_path("scripts")
    if sys.platform == "win32":
        return f"set PATH={directory};%PATH%"
    return f"export PATH={shlex.quote(directory)}:$PATH"
