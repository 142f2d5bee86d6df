# SPDX-License-Identifier: MIT
"""Compiles the scanner. Its source is that of sigcore: from the checkout, or a copy that the sdist carries along."""

from __future__ import annotations

import shutil
from pathlib import Path

from mypyc.build import mypycify
from setuptools import Extension, setup
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent
CARRIED = HERE / "scanner.py"
SCANNER = CARRIED if CARRIED.exists() else HERE.parents[1] / "sigcore" / "protocol" / "scanner.py"


class SdistWithScanner(sdist):
    """An sdist that is built where no checkout is must carry the scanner's source along, beside setup.py."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Make the tree that is packed, and add the scanner to it."""
        super().make_release_tree(base_dir, files)
        shutil.copy(SCANNER, base_dir)


def extensions() -> list[Extension]:
    """Have mypyc translate the package, with the scanner in it, into C."""
    package = HERE / "build" / "mypyc" / "sig_accel"  # not in src, where the scanner would look like a second source
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for source in (HERE / "src" / "sig_accel" / "__init__.py", HERE / "src" / "sig_accel" / "header.py", SCANNER):
        shutil.copy(source, package)
    options = [
        "--config-file=",
        "--strict",
        # What sigcore says, it says at run time: whether it can be imported here must make no difference.
        "--follow-imports=skip",
        "--ignore-missing-imports",
        "--allow-any-generics",
    ]
    modules = [str(package / "header.py"), str(package / "scanner.py")]
    return mypycify([*options, *modules], group_name="sig_accel", opt_level="3", target_dir=str(HERE / "build" / "c"))


setup(ext_modules=extensions(), cmdclass={"sdist": SdistWithScanner})
