# SPDX-License-Identifier: MIT
"""What a system needs on this machine: modules from PyPI and programs from the operating system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec

SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Where servers are installed and a user's PATH often does not look."""


def lacking(modules: dict[str, str], programs: Sequence[str] = ()) -> str:
    """Return a sentence about what is not installed; nothing if all of it is.

    Args:
        modules: Names of modules, and the distribution that brings each.
        programs: Names of programs, which Debian's packages share.
    """
    parts = [f"{name} (pip install {name})" for module, name in modules.items() if not find_spec(module)]
    parts += [f"{name} (apt-get install {name})" for name in programs if not program(name)]
    return f"needs {' and '.join(parts)}" if parts else ""


def program(name: str) -> str:
    """Return the path of an installed program; nothing if there is none."""
    folders = [os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS]
    return shutil.which(name, path=os.pathsep.join(folders)) or ""


def versions(distribution: str, *program_asked: str) -> str:
    """Return the version of a distribution and of the program that is asked with the given command line."""
    found = f"{distribution} {version(distribution)}"
    if not program_asked:
        return found
    name, option = program_asked
    said = subprocess.run([program(name), option], capture_output=True, text=True, check=False)
    number = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    return f"{found}, {name} {number.group() if number else 'of an unknown version'}"
