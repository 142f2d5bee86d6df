# SPDX-License-Identifier: MIT
"""Nothing secret is compared with ``==``, whose time tells how much of it was right; hmac.compare_digest does not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = [*ROOT.glob("sigcore/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
SECRET = re.compile(r"(^|_)(secret|token|proof|password|digest|mac)s?$")


def operands(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and the other side of each operand of ``==`` and ``!=`` that is called like a secret."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [node.left, *node.comparators]
            for side in sides:
                name = side.attr if isinstance(side, ast.Attribute) else side.id if isinstance(side, ast.Name) else ""
                if SECRET.search(name) and not any(isinstance(other, ast.Constant) for other in sides):
                    yield node.lineno, name, ast.unparse(node)


def test_no_secret_is_compared_in_a_time_that_tells_of_it() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in SHIPPED
        for line, _, text in operands(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize("text", ["a.secret == b", "proof != mine", "given == self._token", "x == digest"])
def test_a_comparison_that_tells_is_found(text: str) -> None:
    assert list(operands(ast.parse(text)))


def test_a_server_compares_proofs_and_tokens_in_constant_time() -> None:
    assert any("compare_digest" in path.read_text(encoding="utf-8") for path in SHIPPED)
