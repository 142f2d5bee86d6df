# SPDX-License-Identifier: MIT
"""What the tests of all packages share: hypothesis without deadlines, which packages are tested, on what loop."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

import sigcore

# A machine that is busy with something else is no failure; pytest-timeout bounds every test.
settings.register_profile("sigcore", deadline=None)
settings.load_profile("sigcore")

INSTALLED = Path(sigcore.__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-installed",
        action="store_true",
        help="leave out the test modules that import a package which is not installed",
    )
    parser.addoption(
        "--uvloop",
        action="store_true",
        help="run on uvloop what a test runs by asyncio.run(), too",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to test the checkout where the session asked for the installed packages; choose the event loop."""
    if os.environ.get("SIGCORE_TEST_INSTALLED") and not INSTALLED.is_relative_to(sys.prefix):
        raise pytest.UsageError(f"sigcore would be imported from {INSTALLED}, not from the installed wheel")
    if config.getoption("--uvloop"):
        uvloop = importlib.import_module("uvloop")  # not at the top: few installations have it
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def pytest_report_header() -> str:
    return f"sigcore: {INSTALLED}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("--only-installed") and collection_path.suffix == ".py":
        return any(not is_installed(name) for name in imports(collection_path)) or None
    return None


def imports(module: Path) -> set[str]:
    """Return the packages that a module imports at its top."""
    names: set[str] = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
