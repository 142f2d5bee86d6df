# SPDX-License-Identifier: MIT
"""``sig secret new``: random, for its owner alone, and never in place of another."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

import sigcore

DONE, FAILED = range(2)


def test_a_secret_is_what_sigcore_takes_for_one_and_no_two_are_alike(sig: Any) -> None:
    first, second = (sig("secret", "new").stdout.strip() for _ in range(2))
    assert first != second
    assert len(bytes.fromhex(sigcore.Secret(first).reveal().decode())) == 32


def test_a_secret_in_a_file_is_not_printed_and_others_cannot_read_it(sig: Any, tmp_path: Path) -> None:
    path = tmp_path / "thermo.secret"
    done = sig("secret", "new", "--out", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")
    assert len(sigcore.Secret.read(f"file:{path}").reveal()) == 64
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "dangling link"])
def test_what_is_there_is_not_overwritten(sig: Any, tmp_path: Path, is_link: bool) -> None:
    path = tmp_path / "thermo.secret"
    if is_link:
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.write_text("mine")
    done = sig("secret", "new", "--out", str(path))
    assert done.returncode == FAILED
    assert done.stderr == f"Error: {path} is there already, and is not overwritten\n"
    assert not (tmp_path / "elsewhere").exists()
    assert is_link or path.read_text() == "mine"
