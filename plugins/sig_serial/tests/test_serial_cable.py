# SPDX-License-Identifier: MIT
"""The cable that other tests and demonstrations rely on."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest
from sig_serial.testing import PtyCable

PATIENCE_S = 5.0


def read_within(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        assert select.select([fd], [], [], PATIENCE_S)[0], f"only {data!r} came"
        data += os.read(fd, 4096)
    return data


def open_device(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_NOCTTY)


def test_bytes_come_out_unchanged_at_the_other_end() -> None:
    with PtyCable() as cable:
        left, right = open_device(cable.left), open_device(cable.right)
        everything = bytes(range(256))
        os.write(left, everything)
        assert read_within(right, 256) == everything
        os.write(right, everything)
        assert read_within(left, 256) == everything
        os.close(left)
        os.close(right)


def test_one_end_is_unplugged_and_the_other_stays(tmp_path: Path) -> None:
    with PtyCable(str(tmp_path)) as cable:
        left, right = open_device(cable.left), open_device(cable.right)
        cable.unplug(cable.left)
        cable.unplug(cable.left)
        assert not os.path.lexists(cable.left)
        assert os.read(left, 1) == b""
        os.close(left)
        os.write(right, b"to nobody")
        cable.replug(cable.left)
        cable.replug(cable.left)
        left = open_device(cable.left)
        os.write(left, b"back")
        assert read_within(right, 4) == b"back"
        os.close(left)
        os.close(right)
    assert not os.path.lexists(cable.left)
    assert tmp_path.exists()


def test_a_fault_changes_what_arrives_at_the_end_it_is_told() -> None:
    with PtyCable(fault=lambda towards, data: data.upper() if towards.endswith("right") else data) as cable:
        left, right = open_device(cable.left), open_device(cable.right)
        os.write(left, b"loud")
        assert read_within(right, 4) == b"LOUD"
        os.write(right, b"low")
        assert read_within(left, 3) == b"low"
        os.close(left)
        os.close(right)


def test_a_fault_may_unplug_the_cable() -> None:
    with PtyCable() as cable:
        left = open_device(cable.left)

        def cut(_: str, data: bytes) -> bytes:
            cable.unplug()
            return data

        cable.fault = cut
        os.write(left, b"x")
        assert select.select([left], [], [], PATIENCE_S)[0]
        assert os.read(left, 1) == b""
        os.close(left)


def test_closing_leaves_nothing_behind() -> None:
    cable = PtyCable()
    descriptors = len(os.listdir("/dev/fd"))
    cable.close()
    cable.close()
    assert not os.path.exists(os.path.dirname(cable.left))
    assert len(os.listdir("/dev/fd")) == descriptors - 6  # two pairs, and the pipe that wakes


def test_a_path_of_another_cable_is_refused() -> None:
    with PtyCable() as cable, pytest.raises(ValueError, match="is no end of this cable"):
        cable.unplug("/dev/ttyUSB0")
