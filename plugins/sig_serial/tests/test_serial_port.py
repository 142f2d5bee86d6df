# SPDX-License-Identifier: MIT
"""The port, on real pseudo-terminals."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sig_serial._options import SerialOptions
from sig_serial._port import Port, open_port
from sig_serial.testing import PtyCable

from sigcore import Endpoint, EndpointError


def read_within(port: Port, size: int, patience_s: float = 5.0) -> bytes:
    """Read until ``size`` bytes have come."""
    data, deadline_s = b"", time.monotonic() + patience_s
    while len(data) < size:
        assert time.monotonic() < deadline_s, f"only {data!r} came"
        try:
            data += port.read()
        except BlockingIOError:
            time.sleep(0.001)
    return data


def test_every_byte_value_passes_both_ways(cable: PtyCable) -> None:
    left, right = open_port(cable.left, SerialOptions()), open_port(cable.right, SerialOptions())
    everything = bytes(range(256))
    for writer, reader in ((left, right), (right, left)):
        assert writer.write(everything) == 256
        assert read_within(reader, 256) == everything
    left.close(0.0)
    right.close(0.0)


def test_reading_an_idle_port_does_not_look_like_its_end(cable: PtyCable) -> None:
    port = open_port(cable.left, SerialOptions())
    with pytest.raises(BlockingIOError):
        port.read()
    port.close(0.0)


def test_reading_an_unplugged_port_is_an_error(cable: PtyCable) -> None:
    port = open_port(cable.left, SerialOptions())
    cable.unplug(cable.left)
    with pytest.raises(OSError, match=r"hung up|Input/output error") as caught:
        port.read()
    assert not isinstance(caught.value, BlockingIOError)
    port.close(1.0)


def test_what_came_before_the_opening_is_thrown_away(cable: PtyCable) -> None:
    right = open_port(cable.right, SerialOptions())
    right.write(b"stale")
    left = os.open(cable.left, os.O_RDWR | os.O_NOCTTY)
    waiting = array.array("i", [0])
    while waiting[0] < len(b"stale"):
        fcntl.ioctl(left, termios.FIONREAD, waiting)
    os.close(left)
    port = open_port(cable.left, SerialOptions())
    right.write(b"fresh")
    assert read_within(port, 5) == b"fresh"
    port.close(0.0)
    right.close(0.0)


def is_exclusive(fd: int) -> bool:
    """Return whether a terminal is closed to other programs (Linux)."""
    flag = array.array("i", [0])
    fcntl.ioctl(fd, 0x80045440, flag)  # TIOCGEXCL
    return bool(flag[0])


def test_a_second_opening_is_refused_until_the_first_is_closed(cable: PtyCable) -> None:
    first = open_port(cable.left, SerialOptions())
    with pytest.raises(OSError, match=r"in use by this very program") as caught:
        open_port(cable.left, SerialOptions())
    assert caught.value.errno == errno.EBUSY
    first.close(0.0)
    open_port(cable.left, SerialOptions()).close(0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whether a terminal is exclusive")
def test_other_programs_are_kept_away_only_while_the_port_is_open(
    cable: PtyCable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sig_serial._tty._PTY_DIRECTORY", "/none/")  # as if it were real
    watcher = os.open(cable.left, os.O_RDWR | os.O_NOCTTY)
    port = open_port(cable.left, SerialOptions())
    assert is_exclusive(watcher)
    port.close(0.0)
    assert not is_exclusive(watcher)
    os.close(watcher)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whether a terminal is exclusive")
def test_a_program_that_is_killed_does_not_lock_a_pseudo_terminal_for_ever(cable: PtyCable) -> None:
    watcher = os.open(cable.left, os.O_RDWR | os.O_NOCTTY)
    code = (
        "import sys\n"
        "from sig_serial._options import SerialOptions\n"
        "from sig_serial._port import open_port\n"
        "port = open_port(sys.argv[1], SerialOptions())\n"
        "print('has it', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, cable.left]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "has it\n"
        with pytest.raises(OSError, match="in use by python"):
            open_port(cable.left, SerialOptions())
        program.kill()
    assert not is_exclusive(watcher)  # root, who may run this test, would get in all the same
    open_port(cable.left, SerialOptions()).close(0.0)
    os.close(watcher)


def test_an_absent_device_says_how_to_find_it(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"ttyNONE does not exist: is the device plugged in\? .sig ports. .*list_ports"
    ):
        open_port(str(tmp_path / "ttyNONE"), SerialOptions())


@pytest.mark.parametrize("what", ["file", "directory", "fifo", "null", "socket-less path"])
def test_what_is_no_tty_is_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    match what:
        case "file":
            path.write_text("content")
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "null":
            path.symlink_to("/dev/null")
        case _:
            path.symlink_to(sys.executable)
    with pytest.raises(OSError, match="is no serial port") as caught:
        open_port(str(path), SerialOptions())
    assert caught.value.errno == errno.ENOTTY


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become somebody else")
@pytest.mark.parametrize(
    ("group", "mode", "advice"),
    [(1, 0o660, "usermod -aG"), (0, 0o660, "no group but root's"), (1, 0o600, "no group but root's")],
)
def test_a_forbidden_device_says_what_gives_the_right(cable: PtyCable, group: int, mode: int, advice: str) -> None:
    os.chmod(os.path.dirname(cable.left), 0o755)
    os.chown(cable.left, 0, group)
    os.chmod(cable.left, mode)
    code = (
        "import os, sys\n"
        "from sig_serial._options import SerialOptions\n"
        "from sig_serial._port import open_port\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: open_port(sys.argv[1], SerialOptions())\n"
        "except PermissionError as exc: print(exc)\n"
    )
    command = [sys.executable, "-c", code, cable.left]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert "permission denied" in said.stdout
    assert advice in said.stdout


def test_the_settings_reach_the_device(cable: PtyCable) -> None:
    options = Endpoint.parse(f"serial://{cable.left}?baudrate=9600&stopbits=2&rtscts=1").options(SerialOptions)
    port = open_port(cable.left, options)
    _, _, cflag, _, input_speed, output_speed, _ = termios.tcgetattr(port.fileno())
    assert (input_speed, output_speed) == (termios.B9600, termios.B9600)
    assert cflag & termios.CSTOPB
    assert cflag & termios.CRTSCTS
    port.close(0.0)


def test_a_baud_rate_that_cannot_be_is_an_oserror_that_shows_it(cable: PtyCable) -> None:
    with pytest.raises(OSError, match=r"cannot be set to .*baudrate=99999999999") as caught:
        open_port(cable.left, SerialOptions(baudrate=99_999_999_999))
    assert caught.value.errno == errno.EINVAL


def test_closing_what_is_clogged_takes_no_longer_than_allowed(cable: PtyCable) -> None:
    port = open_port(cable.left, SerialOptions())
    with suppress(BlockingIOError):
        while True:
            port.write(b"x" * 4096)
    began_s = time.monotonic()
    port.close(0.2)
    assert time.monotonic() - began_s < 1.0
    open_port(cable.left, SerialOptions()).close(0.0)


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("baudrate=0", "115200"),
        ("baudrate=fast", "whole number"),
        ("bytesize=7", "one of 8"),
        ("parity=X", "N, E, O, M, S"),
        ("stopbits=3", "1, 1.5 or 2"),
        ("answer_timeout=0s", "5s is usual"),
        ("baud=9600", "baudrate"),
        ("framing=lines", "packets, none"),
        ("max_payload=8B", "16B is the least"),
        ("window=128B", "max_payload=256B and window=128B"),
        ("window=1MiB", "65535B at most"),
    ],
)
def test_an_impossible_option_says_what_is_possible(query: str, advice: str) -> None:
    with pytest.raises(EndpointError, match=advice):
        Endpoint.parse(f"serial:///dev/ttyUSB0?{query}").options(SerialOptions)
