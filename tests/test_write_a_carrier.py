# SPDX-License-Identifier: MIT
"""docs/write-a-carrier.md shows the example as it is, and the example works when it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "write-a-carrier.md"
EXAMPLE = ROOT / "examples" / "sig_example"

BLOCK = re.compile(
    r"(?:<!-- (?P<source>\S+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
BLOCKS = [block for block in BLOCK.finditer(PAGE.read_text("utf-8")) if block["language"] != "sh"]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["code"].split("\n")[0])
def test_each_block_of_the_page_stands_in_the_file_it_names(block: re.Match[str]) -> None:
    assert block["source"], "a block must say which file it is from"
    assert block["code"] in (ROOT / block["source"]).read_text("utf-8")


def test_the_page_shows_most_of_the_carrier() -> None:
    shown = "".join(block["code"] for block in BLOCKS)
    carrier = (EXAMPLE / "src" / "sig_example" / "_carrier.py").read_text("utf-8")
    lines = [line for line in carrier.splitlines() if line.strip()]
    assert sum(line in shown for line in lines) > len(lines) * 2 / 3


def test_the_example_installed_as_a_package_passes_its_own_tests(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the example is built with hatchling")
    shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__", "dist", ".*"))
    target = tmp_path / "installed"
    build = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    _run("pip", *build, str(tmp_path / "example"), cwd=tmp_path, path=target)
    _run("pytest", "-W", "error", "-p", "no:cacheprovider", "example/tests", cwd=tmp_path, path=target)


def _run(module: str, *arguments: str, cwd: Path, path: Path) -> None:
    search = os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": search, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
