# SPDX-License-Identifier: MIT
"""Which ports there are, and who has them open: real programs, and a table in place of the USB hardware."""

from __future__ import annotations

import array
import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sig_serial
from serial.tools.list_ports_common import ListPortInfo
from sig_serial._devices import find_ports
from sig_serial._holders import Holder, find_holder
from sig_serial._low_latency import set_low_latency
from sig_serial._options import SerialOptions
from sig_serial._port import open_port
from sig_serial._port_errors import busy
from sig_serial.testing import PtyCable

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a port open")


@contextmanager
def program_with(path: str, lock: str) -> Iterator[int]:
    """Run a program that has the port open, with or without a lock; gives its process."""
    code = (
        "import fcntl, os, sys\n"
        "fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
        f"{lock}\n"
        "print('has it', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdin is not None
        assert program.stdout.readline() == "has it\n"
        yield program.pid
        program.stdin.close()


@on_linux
@pytest.mark.parametrize("lock", ["", "fcntl.flock(fd, fcntl.LOCK_EX)"])
def test_a_port_that_another_program_has_open_is_refused_with_its_name(lock: str, cable: PtyCable) -> None:
    with program_with(cable.left, lock) as pid:
        with pytest.raises(OSError, match=rf"is in use by python.* \(process {pid}\); close that first"):
            open_port(cable.left, SerialOptions())
        holder = find_holder(cable.left)
        assert holder is not None
        assert holder.pid == pid
    assert find_holder(cable.left) is None
    open_port(cable.left, SerialOptions()).close(0.0)


@on_linux
def test_a_lock_tells_who_has_a_port_also_where_that_program_s_files_are_hidden(
    cable: PtyCable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sig_serial._holders._opened_by", lambda device: ())  # what another user's program shows
    with program_with(cable.left, "fcntl.flock(fd, fcntl.LOCK_EX)") as pid:
        holder = find_holder(cable.left)
        assert holder is not None
        assert holder.pid == pid


def test_a_port_may_be_shared_where_that_is_asked_for(cable: PtyCable) -> None:
    options = SerialOptions(exclusive=False)
    with program_with(cable.left, ""):
        open_port(cable.left, options).close(0.0)
    one, other = open_port(cable.left, options), open_port(cable.left, options)
    one.close(0.0)
    other.close(0.0)


@on_linux
def test_a_port_that_this_program_has_open_is_told_from_one_of_another(cable: PtyCable) -> None:
    port = open_port(cable.left, SerialOptions())
    assert find_holder(cable.left) == Holder(os.getpid(), Path("/proc/self/comm").read_text(encoding="utf-8").strip())
    port.close(0.0)


@pytest.mark.parametrize("holder", [None, Holder(7, "ModemManager")])
def test_whoever_may_be_in_the_way_of_modem_manager_is_told_how_to_keep_it_off(holder: Holder | None) -> None:
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in str(busy("/dev/ttyACM0", holder))


@pytest.mark.parametrize(("system", "advice"), [("linux", "fuser -v"), ("darwin", "lsof"), ("win32", "handle.exe")])
def test_where_it_cannot_be_known_who_has_a_port_the_error_says_how_to_find_out(
    system: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sig_serial._holders.sys.platform", system)
    assert advice in str(busy("/dev/ttyACM0", None))


def described(device: str, vid: int, serial_number: str | None) -> ListPortInfo:
    """Return what the serial library says of a USB device."""
    found = ListPortInfo(device)
    found.vid, found.pid, found.serial_number, found.product = vid, 0xEA60, serial_number, "Bridge"
    found.apply_usb_info()
    return found


def test_a_port_is_listed_with_its_identity_and_the_names_that_stay(tmp_path: Path) -> None:
    for number in (0, 1):
        (tmp_path / f"ttyUSB{number}").touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Bridge_0001-if00-port0").symlink_to("../ttyUSB1")
    (by_id / "usb-Bridge-if00-port0").symlink_to("../ttyUSB1")
    (by_id / "usb-Gone-if00").symlink_to("../ttyUSB7")
    table = [described(f"{tmp_path}/ttyUSB1", 0x10C4, "0001"), ListPortInfo(f"{tmp_path}/ttyUSB0")]

    bare, usb = find_ports(lambda: table, by_id_directory=str(by_id))
    assert (bare.device, bare.description, bare.usb_ids, bare.by_id) == (f"{tmp_path}/ttyUSB0", "", None, ())
    assert (usb.device, usb.description, usb.usb_ids, usb.serial_number) == (
        f"{tmp_path}/ttyUSB1",
        "Bridge",
        "10c4:ea60",
        "0001",
    )
    assert usb.by_id == (f"{by_id}/usb-Bridge-if00-port0", f"{by_id}/usb-Bridge_0001-if00-port0")


def test_a_device_that_goes_while_the_library_reads_about_it_does_no_harm() -> None:
    answers: list[Any] = [TypeError("int() can't convert non-string with explicit base"), []]

    def comports() -> list[ListPortInfo]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [described("/dev/ttyUSB0", 0x1A86, None)]

    assert [port.usb_ids for port in find_ports(comports)] == ["1a86:ea60"]


def test_the_ports_of_this_machine_are_listed() -> None:
    assert all(isinstance(port, sig_serial.PortInfo) for port in sig_serial.list_ports())


@on_linux
def test_low_latency_is_set_and_set_back_where_the_driver_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = [0x0040]  # of somebody else

    def ioctl(fd: int, request: int, settings: array.array[int]) -> None:  # as the kernel's serial_core answers
        if request == termios.TIOCGSERIAL:
            settings[4] = flags[-1]
        else:
            flags.append(settings[4])

    monkeypatch.setattr("sig_serial._low_latency.fcntl.ioctl", ioctl)
    assert set_low_latency("/dev/ttyUSB0", 3, wanted=True)
    assert not set_low_latency("/dev/ttyUSB0", 3, wanted=True)  # as it was: nothing to set back
    assert set_low_latency("/dev/ttyUSB0", 3, wanted=False)
    assert flags == [0x0040, 0x2040, 0x0040]


def test_a_driver_without_low_latency_is_used_as_it_is(cable: PtyCable, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "sigcore.serial")
    port = open_port(cable.left, SerialOptions())
    assert not port.low_latency
    port.close(0.0)
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
