# SPDX-License-Identifier: MIT
from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sigcore

INIT = Path(sigcore.__file__)


def run(code: str) -> str:
    """Run ``code`` in a fresh interpreter; return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", sigcore.__all__)
def test_a_public_name_resolves_to_what_its_module_defines(name: str) -> None:
    module = import_module(f"sigcore.{sigcore._MODULE_OF[name]}")
    assert getattr(sigcore, name) is getattr(module, name)


def test_the_list_of_names_the_lazy_table_and_the_imports_for_type_checkers_agree() -> None:
    imported = {}
    for node in ast.walk(ast.parse(INIT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            imported.update({alias.name: node.module for alias in node.names})
    assert imported == sigcore._MODULE_OF
    assert sorted(sigcore.__all__) == sorted(sigcore._MODULE_OF)


@pytest.mark.parametrize("name", sigcore._SUBMODULES)
def test_a_public_submodule_resolves_when_it_is_first_used(name: str) -> None:
    assert run(f"import sigcore; print(sigcore.{name}.__name__)") == f"sigcore.{name}"


def test_the_package_lists_its_public_names_and_nothing_else() -> None:
    assert set(dir(sigcore)) == {*sigcore.__all__, *sigcore._SUBMODULES}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'Routr'"):
        _ = sigcore.Routr  # type: ignore[attr-defined]  # that is the point


def test_importing_the_package_imports_neither_asyncio_nor_pluggy_nor_a_plug_in() -> None:
    loaded = run("import sys, sigcore; print(*sorted(sys.modules))").split()
    heavy = {"asyncio", "pluggy", "logging", "importlib.metadata", "dataclasses"}
    assert not heavy.intersection(loaded)
    assert [name for name in loaded if name.startswith("sig") and name != "signal"] == ["sigcore"]


def test_parsing_an_endpoint_imports_neither_asyncio_nor_pluggy() -> None:
    loaded = run("import sys, sigcore; sigcore.Endpoint.parse('tcp://h:1'); print(*sys.modules)").split()
    assert not {"asyncio", "pluggy"}.intersection(loaded)
