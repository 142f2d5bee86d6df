# SPDX-License-Identifier: MIT
"""Check a bill of materials: ``check_sbom.py SBOM PACKAGE...`` compares it with the packages' pyproject.toml."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

OF_A_MACHINE = ("file://", str(Path.home()), str(Path.cwd()))


def main(sbom: Path, packages: list[Path]) -> int:
    """Print what is wrong with the bill; return how many things that are."""
    text = sbom.read_text(encoding="utf-8")
    bill = json.loads(text)
    problems = [*problems_of(bill, packages), *(f"it says {where}" for where in OF_A_MACHINE if where in text)]
    print(*problems, f"{len(bill['components'])} components, {len(problems)} problems", sep="\n")
    return len(problems)


def problems_of(bill: dict[str, Any], packages: list[Path]) -> Iterator[str]:
    """Yield what is missing: a package of ours, something that one requires here, a version."""
    parts = [bill["metadata"]["component"], *bill["components"]]
    names = {normal(part["name"]) for part in parts}
    for package in packages:
        project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        needed = [
            each for each in map(Requirement, project["dependencies"]) if not each.marker or each.marker.evaluate()
        ]
        for name in (project["name"], *(requirement.name for requirement in needed)):
            if normal(name) not in names:
                yield f"{name} is missing, which {project['name']} is or requires"
    for part in parts:
        if not part.get("version"):
            yield f"{part['name']} has no version"


def normal(name: str) -> str:
    """Return the one form of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]), 1))
