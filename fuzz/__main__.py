# SPDX-License-Identifier: MIT
"""``python -m fuzz [NAME ...] --seconds 60``: each target in its turn; ``README.md`` says more."""

from __future__ import annotations

import argparse
import logging
import re
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

from .corpus import keep, kept
from .shrink import most_telling
from .target import NAMES, load

BUILD = Path(__file__).parents[1] / "build" / "fuzz"


def main() -> int:
    """Do what the command line says; return how many targets have failed."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Throw hostile input at what reads it.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"targets, by default all: {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=60, help="how long for each (default: 60)")
    parser.add_argument("--keep", action="store_true", help="fuzz nothing; keep the inputs found that reach most code")
    parser.add_argument("--try", dest="literal", metavar="LITERAL", help="one input, as a bytes literal, or its file")
    arguments = parser.parse_args()
    unknown = sorted({*arguments.names} - {*NAMES})
    if unknown:
        parser.error(f"there is no target {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    names = arguments.names or NAMES
    if arguments.literal is not None:
        path = Path(arguments.literal)
        data = path.read_bytes() if path.is_file() else literal_eval(arguments.literal)
        print("accepted" if load(names[0]).check(data) else "refused")
        return 0
    if arguments.keep:
        logging.disable(logging.CRITICAL)
        for name in names:
            keep_best(name)
        return 0
    return sum([hunt(name, arguments.seconds) for name in names])


def hunt(name: str, seconds: int) -> bool:
    """Fuzz one target; return whether it failed, and print how often it ran."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    command = [sys.executable, "-m", "fuzz.hunt", name, str(seconds), str(folder)]
    with log.open("wb") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=BUILD.parents[1]).returncode
    said = log.read_text(encoding="utf-8", errors="replace")
    runs = re.findall(r"number_of_executed_units: (\d+)|^#(\d+)\s", said, re.MULTILINE)
    count = int("".join(runs[-1])) if runs else 0
    print(f"{name}: {count} inputs in {seconds} s: {'no failure' if code == 0 else 'FAILED'}", flush=True)
    if code:
        print(f"{said[-4000:]}\nThe whole is in {log}, the input beside it.", flush=True)
    return code != 0


def keep_best(name: str) -> None:
    """Keep the few inputs, of those found and those kept, that reach most code."""
    target = load(name)
    found = [path.read_bytes() for path in sorted((BUILD / name / "found").glob("*"))]
    chosen = most_telling(target.check, target.seeds(), [*kept(name), *found])
    keep(name, chosen)
    print(f"{name}: {len(chosen)} inputs of {len(found)}, {sum(map(len, chosen))} bytes", flush=True)


if __name__ == "__main__":
    sys.exit(main())
