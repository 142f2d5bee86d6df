# SPDX-License-Identifier: MIT
"""Writes files that must not have been there before, and must not be read by others before they are closed to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a new file; it has its mode from the first byte on.

    Raises:
        FileExistsError: There is a file of this name, or a link of this name to wherever; it is as it was.
        OSError: It cannot be written; then it is not there.
    """
    try:
        # O_BINARY is Windows' own; O_EXCL follows no link. The mode of a file there is that of its folder.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    except FileExistsError as error:
        raise FileExistsError(error.errno, f"{path} is there already, and is not overwritten") from error
    except OSError as error:
        raise OSError(error.errno, f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
    except OSError:
        path.unlink()
        raise


def write_all_new(files: Mapping[Path, tuple[bytes, int]]) -> None:
    """Write new files, each with its mode; all of them, or none.

    Raises:
        OSError: As ``write_new``.
    """
    written: list[Path] = []
    try:
        for path, (data, mode) in files.items():
            write_new(path, data, mode)
            written.append(path)
    except OSError:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise


def replace(path: Path, data: bytes, mode: int) -> None:
    """Write a file in place of an earlier one; whoever reads it at any time has all of the one or all of the other.

    Raises:
        OSError: It cannot be written; the earlier one is as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    write_new(beside, data, mode)
    try:
        os.replace(beside, path)
    except OSError:
        beside.unlink()
        raise
