# SPDX-License-Identifier: MIT
"""dev.py says what to do where a machine lacks what it needs."""

from __future__ import annotations

import ast
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEV = Path(__file__).parents[1] / "dev.py"


def test_an_old_python_can_read_it() -> None:
    tree = ast.parse(DEV.read_text(encoding="utf-8"), feature_version=(3, 7))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not any(argument.annotation for function in functions for argument in function.args.args)


def test_an_old_python_is_told_that_a_newer_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert f"needs Python 3.11 or newer, and {sys.executable} is 3.9.2" in what_is_missing()


def test_a_python_without_ensurepip_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert "sudo apt-get install python3-venv" in what_is_missing()


def test_this_python_lacks_nothing() -> None:
    assert what_is_missing() == ""


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["tset"], 2), (["--help"], 0)])
def test_what_it_does_not_know_shows_the_commands(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, str(DEV), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert "python dev.py demo" in done.stdout


def test_without_a_package_index_it_says_what_to_check_and_tries_anew_the_next_time(tmp_path: Path) -> None:
    dev = Path(shutil.copy(DEV, tmp_path))
    shutil.copytree(DEV.parent / "requirements", tmp_path / "requirements")
    alone = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, str(dev), "test"]
    done = subprocess.run(command, env=alone, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert "nox could not be installed, for the reason above.\nIf no package index could be reached" in done.stderr
    assert not runpy.run_path(str(dev))["has_nox"]()


def what_is_missing() -> str:
    missing: str = runpy.run_path(str(DEV))["what_is_missing"]()
    return missing
