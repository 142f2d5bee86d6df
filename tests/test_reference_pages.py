# SPDX-License-Identifier: MIT
"""The tables of docs/ that repeat what the code says, say the same."""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

import sigcore
from sigcore import _errors
from sigcore._carrier import link_defaults
from sigcore._options import format_limit, format_seconds, format_size

DOCS = Path(__file__).parents[1] / "docs"
LEAF = r"── (?P<name>\w+)(?: \((?P<also>\w+)\))?"
OPTIONS = {field.name: field for field in fields(sigcore.LinkOptions)}


def options_table() -> dict[str, tuple[str, str]]:
    """Return the page's options of every link: the default and serial's own, by name."""
    page = (DOCS / "endpoints.md").read_text(encoding="utf-8")
    section = page.split("## Options of every link\n")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return {name: (default, serial) for name, default, serial, _ in rows[2:]}


def as_written(name: str, value: object) -> str:
    """Return a value as one would write it in a query."""
    kind = str(OPTIONS[name].type)
    if value is None:
        return "json" if name == "codec" else ""  # the codec that is taken where none is asked for
    if kind == "Limit":
        return format_limit(int(str(value)))
    if kind == "Size":
        return format_size(int(str(value)))
    return format_seconds(float(str(value))) if kind == "Seconds" else str(value)


def test_the_page_on_endpoints_has_the_defaults_of_every_option() -> None:
    defaults = {name: as_written(name, field.default) for name, field in OPTIONS.items()}
    assert {name: default for name, (default, _) in options_table().items()} == defaults


def test_the_page_on_endpoints_has_the_defaults_of_serial_ports() -> None:
    pytest.importorskip("sig_serial")
    defaults = link_defaults(sigcore.load_carrier("serial"), sigcore.Endpoint.parse("serial:///dev/ttyUSB0"))
    expected = {name: as_written(name, value) for name, value in defaults.items()}
    assert {name: serial for name, (_, serial) in options_table().items() if serial} == expected


def test_the_page_on_errors_has_the_tree_that_the_code_draws() -> None:
    tree = textwrap.dedent((_errors.__doc__ or "").split("::\n\n")[1])
    assert f"```\n{tree}```\n" in (DOCS / "errors.md").read_text(encoding="utf-8")


def test_every_error_stands_in_the_tree_with_what_it_also_is() -> None:
    drawn = {match["name"]: match["also"] for match in re.finditer(LEAF, _errors.__doc__ or "")}
    errors = [error for error in vars(_errors).values() if isinstance(error, type) and issubclass(error, Exception)]
    derived = [error for error in errors if error is not sigcore.SigError]
    also = {error.__name__: [base.__name__ for base in error.__bases__[1:]] for error in derived}
    assert drawn == {name: found[0] if found else None for name, found in also.items()}
