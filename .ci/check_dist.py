# SPDX-License-Identifier: MIT
"""Check that built distributions hold what they must, and nothing else: ``check_dist.py DIST PACKAGE...``."""

from __future__ import annotations

import configparser
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVERY_SDIST = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE"}
HATCH_SDIST = {*EVERY_SDIST, ".gitignore"}
COMPILED_SDIST = {*EVERY_SDIST, "MANIFEST.in", "scanner.py", "setup.cfg", "setup.py", "src", "tests"}
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def main(dist: Path, packages: list[Path]) -> int:
    """Print what is wrong with the distributions of ``packages``; return how many things that are."""
    problems = [problem for package in packages for problem in problems_of(dist, package)]
    print(*problems, f"{len(packages)} packages, {len(problems)} problems", sep="\n")
    return len(problems)


def problems_of(dist: Path, package: Path) -> Iterator[str]:
    """Yield what is wrong with the wheel and the sdist of one package."""
    config = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))
    stem = f"{config['project']['name'].replace('-', '_')}-{config['project']['version']}"
    compiled = [f"{module}{SUFFIX}" for module in config["tool"].get("sigcore", {}).get("compiled", ())]
    hatch = config["tool"].get("hatch")
    source = package / (hatch["build"]["targets"]["wheel"]["packages"][0] if hatch else f"src/{package.name}")
    modules = {path.relative_to(source.parent).as_posix() for path in source.rglob("*") if is_source(path)}
    if f"{source.name}/py.typed" not in modules:
        yield f"{package}: {source} has no py.typed, so type checkers ignore its annotations"

    with zipfile.ZipFile(next(dist.glob(f"{stem}-*.whl" if compiled else f"{stem}-py3-none-any.whl"))) as wheel:
        info = f"{stem}.dist-info"
        names_of_info = {"METADATA", "WHEEL", "RECORD", "licenses/LICENSE"} | (set() if hatch else {"top_level.txt"})
        expected = modules | set(compiled) | {f"{info}/{name}" for name in names_of_info}
        if declared := entry_points(config["project"]):
            expected.add(f"{info}/entry_points.txt")
            found = configparser.ConfigParser(delimiters="=")
            found.read_string(wheel.read(f"{info}/entry_points.txt").decode())
            if {name: dict(section) for name, section in found.items() if section} != declared:
                yield f"{wheel.filename}: its entry points are not those of pyproject.toml, {declared}"
        yield from differences(str(wheel.filename), expected, set(wheel.namelist()))

    with tarfile.open(dist / f"{stem}.tar.gz") as sdist:
        names = {file.name.removeprefix(f"{stem}/") for file in sdist if file.isfile()}
    below = source.parent.relative_to(package)
    yield from differences(f"{stem}.tar.gz", {(below / module).as_posix() for module in modules} - names, set())
    top = {name.split("/")[0] for name in names}
    if hatch:
        included = {path.strip("/") for path in hatch["build"]["targets"]["sdist"]["include"]}
        yield from differences(f"{stem}.tar.gz", HATCH_SDIST | included, top)
    else:
        yield from differences(f"{stem}.tar.gz", COMPILED_SDIST, top)


def is_source(path: Path) -> bool:
    """Return whether a file belongs into a wheel: everything but what Python and compilers leave behind."""
    return path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".so", ".pyd")


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
