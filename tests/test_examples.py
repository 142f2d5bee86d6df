# SPDX-License-Identifier: MIT
"""Each example, run as a reader would run it, prints what its docstring says."""

from __future__ import annotations

import ast
import doctest
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

for _package in ("sig_tcp", "sig_serial", "sig_lines", "sig_cbor"):
    pytest.importorskip(_package)

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_its_docstring_says(example: Path) -> None:
    if sys.platform == "win32" and "Pty" in example.read_text(encoding="utf-8"):
        pytest.skip("pseudo-terminals are not a thing of Windows")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # which also has what goes wrong in the examples on purpose
    said = doctest.OutputChecker().check_output(promised(example), done.stdout, doctest.ELLIPSIS)
    assert said, f"promised:\n{promised(example)}\nprinted:\n{done.stdout}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 60


def promised(example: Path) -> str:
    """Return the output that an example's docstring ends with, behind ``Prints::``."""
    docstring = ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))) or ""
    return textwrap.dedent(docstring.partition("Prints::\n\n")[2]) + "\n"
