# SPDX-License-Identifier: MIT
"""What the sessions of noxfile.py install is pinned, whole, by hashes, and without the name of a place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FILES = ("dev.txt", "nox.txt")
HASHES = re.compile(r"(?: \\\n {4}--hash=sha256:[0-9a-f]{64})+")
PIN = re.compile(r"([\w.-]+)==[\w.]+(?: ; .+)?")
NOT_PINNED = {"bench", "fuzz", "pin", "audit"}


def projects() -> Iterator[dict[str, Any]]:
    for path in (ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")):
        yield tomllib.loads(path.read_text(encoding="utf-8"))


def asked_for() -> Iterator[str]:
    """Yield the requirements of all packages, to build, run and check them."""
    for project in projects():
        yield from project["build-system"]["requires"]
        yield from project["project"]["dependencies"]
        for extra in project["project"].get("optional-dependencies", {}).values():
            yield from extra
        for name, group in project.get("dependency-groups", {}).items():
            yield from (each for each in group if isinstance(each, str) and name not in NOT_PINNED)


def name_of(requirement: str) -> str:
    """Return the one form of the name in a requirement or a pin."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


def pins(file: str) -> list[str]:
    """Return the pins of a file without their hashes; what has none keeps what stands there."""
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    return [line.removesuffix("!") for line in HASHES.sub("!", text).splitlines() if line.endswith("!")]


def test_everything_that_a_session_installs_is_pinned() -> None:
    names = {name_of(requirement) for requirement in asked_for()}
    assert {name for name in names - {*map(name_of, pins("dev.txt"))} if not name.startswith("sigcore")} == set()


@pytest.mark.parametrize("file", FILES)
def test_a_file_has_versions_with_hashes_and_nothing_else_not_even_a_place_to_get_them_from(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    assert len(pins(file)) == len(HASHES.sub("", text).splitlines()) > 5
    assert [pin for pin in pins(file) if not PIN.fullmatch(pin) or "://" in pin] == []


def test_nox_and_its_sessions_have_the_same_versions() -> None:
    versions = [{pin.split(" ; ")[0] for pin in pins(file)} for file in FILES]
    assert versions[1] <= versions[0]
