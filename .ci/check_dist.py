# SPDX-License-Identifier: MIT
"""Check that built distributions hold what they must, and nothing else: ``check_dist.py DIST PACKAGE...``."""

from __future__ import annotations

import configparser
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVERY_SDIST = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}


def main(dist: Path, packages: list[Path]) -> int:
    """Print what is wrong with the distributions of ``packages``; return how many things that are."""
    problems = [problem for package in packages for problem in problems_of(dist, package)]
    print(*problems, f"{len(packages)} packages, {len(problems)} problems", sep="\n")
    return len(problems)


def problems_of(dist: Path, package: Path) -> Iterator[str]:
    """Yield what is wrong with the wheel and the sdist of one package."""
    config = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))
    stem = f"{config['project']['name'].replace('-', '_')}-{config['project']['version']}"
    source = package / config["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"][0]
    modules = {path.relative_to(source.parent).as_posix() for path in source.rglob("*") if is_source(path)}
    if f"{source.name}/py.typed" not in modules:
        yield f"{package}: {source} has no py.typed, so type checkers ignore its annotations"

    with zipfile.ZipFile(dist / f"{stem}-py3-none-any.whl") as wheel:
        info = f"{stem}.dist-info"
        expected = modules | {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
        if declared := entry_points(config["project"]):
            expected.add(f"{info}/entry_points.txt")
            found = configparser.ConfigParser(delimiters="=")
            found.read_string(wheel.read(f"{info}/entry_points.txt").decode())
            if {name: dict(section) for name, section in found.items() if section} != declared:
                yield f"{wheel.filename}: its entry points are not those of pyproject.toml, {declared}"
        yield from differences(str(wheel.filename), expected, set(wheel.namelist()))

    with tarfile.open(dist / f"{stem}.tar.gz") as sdist:
        names = {name.removeprefix(f"{stem}/") for name in sdist.getnames()}
    below = source.parent.relative_to(package)
    yield from differences(f"{stem}.tar.gz", {(below / module).as_posix() for module in modules} - names, set())
    included = {path.strip("/") for path in config["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    top = {name.split("/")[0] for name in names}
    yield from differences(f"{stem}.tar.gz", EVERY_SDIST | included, top)


def is_source(path: Path) -> bool:
    """Return whether a file belongs into a wheel: everything but what Python itself leaves behind."""
    return path.is_file() and "__pycache__" not in path.parts


def entry_points(project: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the entry points that pyproject.toml declares, scripts included."""
    scripts = {"console_scripts": project["scripts"]} if "scripts" in project else {}
    return {**project.get("entry-points", {}), **scripts}


def differences(where: str, expected: set[str], found: set[str]) -> Iterator[str]:
    """Yield a line for each name that is in one set only."""
    yield from (f"{where}: {name} is missing" for name in sorted(expected - found))
    yield from (f"{where}: {name} does not belong there" for name in sorted(found - expected))


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]), 1))
