# SPDX-License-Identifier: MIT
"""Imports point only downwards, and plug-ins use public names alone: read from the sources, nothing is imported.

What stands under ``if TYPE_CHECKING`` is for type checkers and no dependency.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import sigcore

ROOT = Path(__file__).parents[1]

CORE = [
    "_drops",
    "_gate",
    "_index",
    "_keeping",
    "_latest_line",
    "_line",
    "_listener",
    "_losses",
    "_open_request",
    "_presence",
    "_queue",
    "_requests",
    "_router",
    "_sender",
    "_signal",
    "_stream",
    "_table",
    "_terms",
]
LAYERS = ("interfaces", "core", "protocol", "aio", "blocking form, testing kit")
OUTSIDE = {"asyncio", "select", "selectors", "socket", "ssl"}
FORBIDDEN = {"interfaces": OUTSIDE, "core": OUTSIDE, "protocol": {*OUTSIDE, "time"}}
CARRIERS = {"sigcore._mem", "sigcore._mem_link"}  # not interfaces, but one that is behind them, as a plug-in would be

LIBRARIES = {"pluggy", "msgspec", "uvloop"}  # the last two only where they are installed


@dataclass(frozen=True)
class Source:
    """A module of the checkout."""

    path: Path
    name: str

    def __str__(self) -> str:
        return self.name

    def imports(self) -> set[str]:
        """Return what is imported, as full dotted names down to the imported name itself."""
        return set(self._imports(ast.parse(self.path.read_text(encoding="utf-8"))))

    def _imports(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{self._origin(node)}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sigcore":
            yield f"sigcore.{node.attr}"
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        for child in ast.iter_child_nodes(node):
            yield from self._imports(child)

    def _origin(self, node: ast.ImportFrom) -> str:
        package = self.name.split(".") if self.path.name == "__init__.py" else self.name.split(".")[:-1]
        above = package[: len(package) - node.level + 1] if node.level else []
        return ".".join([*above, *filter(None, [node.module])])


def sources(package: Path) -> list[Source]:
    """Return the modules of a package in the checkout."""
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found.append(Source(path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)))
    return found


def layer_of(module: str) -> str:
    """Return the layer of a module of sigcore."""
    part = module.split(".")[1]
    if part in ("protocol", "aio"):
        return part
    if part in ("_blocking", "_loop_thread", "testing"):
        return LAYERS[-1]
    return "core" if part in CORE else "interfaces"


SIGCORE = [source for source in sources(ROOT / "sigcore") if source.name != "sigcore"]
PLUGINS = [source for package in sorted(ROOT.glob("plugins/*/src/*")) for source in sources(package)]
USERS = [*PLUGINS, *sources(ROOT / "examples")]


@pytest.mark.parametrize("source", SIGCORE, ids=str)
def test_a_module_of_sigcore_imports_only_from_its_own_layer_and_those_below(source: Source) -> None:
    own = [name for name in source.imports() if name.startswith("sigcore.")]
    above = LAYERS[LAYERS.index(layer_of(source.name)) + 1 :]
    assert [name for name in own if layer_of(name) in above] == []


@pytest.mark.parametrize("source", SIGCORE, ids=str)
def test_a_module_of_sigcore_does_no_input_and_output_below_its_layer(source: Source) -> None:
    roots = {name.split(".")[0] for name in source.imports()}
    if source.name not in CARRIERS:
        assert roots & FORBIDDEN.get(layer_of(source.name), set()) == set()


@pytest.mark.parametrize("source", SIGCORE, ids=str)
def test_sigcore_imports_the_standard_library_pluggy_and_no_plug_in(source: Source) -> None:
    roots = {name.split(".")[0] for name in source.imports()}
    assert roots - sys.stdlib_module_names - {"sigcore"} <= LIBRARIES


@pytest.mark.parametrize("source", USERS, ids=str)
def test_plug_ins_and_examples_use_public_names_of_sigcore_alone(source: Source) -> None:
    used = [name.removeprefix("sigcore.") for name in source.imports() if name.startswith("sigcore.")]
    public = {*sigcore.__all__, *sigcore._SUBMODULES}
    private = [name for name in used if name.split(".")[0] not in public or "._" in name]
    assert private == []
