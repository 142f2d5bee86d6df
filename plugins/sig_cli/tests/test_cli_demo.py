# SPDX-License-Identifier: MIT
"""The demonstration: it tells its story, cleans up, and its plant behaves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from sig_cli.demo._path import path_line
from sig_cli.demo._plant import Plant

LIMIT_S = 40.0

needs_a_cable = pytest.mark.skipif(sys.platform == "win32", reason="the cable is made of pseudo-terminals")


def run_demo(sig: Any, tmp_path: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sig.path, "demo", "--seconds", str(seconds)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=LIMIT_S, env=env)


@needs_a_cable
def test_the_demonstration_tells_its_story_and_ends_in_time(sig: Any, tmp_path: Path) -> None:
    began_s = time.monotonic()
    done = run_demo(sig, tmp_path, 4)
    took_s = time.monotonic() - began_s
    assert (done.returncode, done.stderr) == (0, "")
    assert took_s >= 4
    acts = re.split(r"\n  \d  ", done.stdout)
    assert [act.splitlines()[0] for act in acts[1:]] == [
        "A server listens",
        "A device connects at the other end of the serial cable",
        "A dashboard listens over TCP; it speaks JSON",
        "The dashboard asks the device to open its valve",
        "Somebody pulls the cable",
        "The cable is plugged in again",
        "Your turn: in another terminal, try",
    ]
    _, server, device, listener, valve, unplugged, replugged, turn = acts
    assert all(scheme in server for scheme in ("tcp://127.0.0.1:", "unix://", "serial://"))
    assert presence(device) == {("thermo", "+ comes"), ("valve", "+ comes")}
    assert len(readings(listener)) == 5
    assert 'answer  {"percent": 90}' in valve
    assert readings(valve)[-1] > readings(valve)[0]
    assert presence(unplugged) == {("thermo", "- goes"), ("valve", "- goes")}
    assert presence(replugged) == {("thermo", "+ comes"), ("valve", "+ comes")}
    assert "those readings carry earlier times" in replugged
    assert "made without a link" in replugged
    assert "sig listen tcp://127.0.0.1:" in turn
    assert ("PATH=" in turn) == (sys.prefix != sys.base_prefix)


@pytest.mark.skipif(sys.platform == "win32", reason="the line is for a POSIX shell")
@pytest.mark.parametrize("directory", ["bin", "a folder/it's mine/bin"])
def test_the_line_for_another_terminal_has_it_find_this_command(
    directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / directory / "sig"
    command.parent.mkdir(parents=True)
    command.touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(command.parent))
    script = f"{path_line()}\ncommand -v sig"
    assert subprocess.check_output(["sh", "-c", script], encoding="utf-8", timeout=LIMIT_S) == f"{command}\n"


def test_outside_a_virtual_environment_another_terminal_needs_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert path_line() is None


@needs_a_cable
def test_the_demonstration_leaves_nothing_behind(sig: Any, tmp_path: Path) -> None:
    done = run_demo(sig, tmp_path, 1)
    device = re.search(r"process (\d+),", done.stdout)
    assert device
    with pytest.raises(ProcessLookupError):
        os.kill(int(device[1]), 0)
    assert list(tmp_path.iterdir()) == []


def test_the_demonstration_takes_another_port_when_its_own_is_taken(sig: Any, tmp_path: Path) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # somebody else has taken it for us
            stack.enter_context(socket.create_server(("127.0.0.1", 3000)))
        done = run_demo(sig, tmp_path, 1)
    url = re.search(r"sig listen (tcp://127.0.0.1:\d+)", done.stdout)
    assert url
    assert url[1] != "tcp://127.0.0.1:3000"


@needs_a_cable
def test_ctrl_c_ends_the_demonstration_at_any_time(sig: Any, tmp_path: Path) -> None:
    with sig.running("demo") as demo:
        number = wait_for_device(demo)
        assert demo.ended_by(signal.SIGINT) == 0
        assert demo.complaint() == ""
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@needs_a_cable
def test_a_terminals_ctrl_c_does_not_meet_the_device_while_it_begins(sig: Any) -> None:
    with sig.running("demo") as demo:
        device = wait_for_device(demo)
        assert os.getpgid(device) != demo.process.pid  # a terminal tells all of the command's own group
        os.killpg(demo.process.pid, signal.SIGINT)
        assert demo.process.wait(LIMIT_S) == 0
        assert demo.complaint() == ""


@needs_a_cable
def test_the_demonstration_ends_quietly_when_its_reader_goes(sig: Any) -> None:
    with sig.running("demo", "--seconds", "2") as demo:
        while "Ctrl-C ends" not in demo.line():
            pass
        demo.process.stdout.close()
        assert demo.process.wait(LIMIT_S) == 0
        assert demo.complaint() == ""


@needs_a_cable
def test_the_device_does_not_outlive_a_demonstration_that_is_killed(sig: Any, tmp_path: Path) -> None:
    with sig.running("demo", TMPDIR=str(tmp_path)) as demo:
        wait_for_device(demo)
        demo.ended_by(signal.SIGKILL)
        assert "Traceback" not in demo.complaint()  # which ends when the last process ends that could write to it


def wait_for_device(demo: Any) -> int:
    """Return the device's process number, once it is told."""
    while not (found := re.search(r"process (\d+),", demo.line())):
        pass
    return int(found[1])


def presence(act: str) -> set[tuple[str, str]]:
    return set(re.findall(r"\d  (\w+) +(\+ comes|- goes)", act))


def readings(act: str) -> list[float]:
    return [float(celsius) for celsius in re.findall(r"thermo +([\d.]+) ", act)]


def test_the_temperature_follows_the_valve() -> None:
    plant = Plant()
    plant.open_to(100)
    warming = [plant.step() for _ in range(30)]
    plant.open_to(0)
    cooling = [plant.step() for _ in range(30)]
    assert warming == sorted(warming)
    assert cooling == sorted(cooling, reverse=True)
    assert (round(warming[-1]), round(cooling[-1])) == (42, 18)


@pytest.mark.parametrize("percent", [-1, 101, 40.5, "40", None, [40]])
def test_an_opening_that_the_valve_cannot_have_is_refused(percent: object) -> None:
    plant = Plant()
    with pytest.raises(ValueError, match="from 0 to 100"):
        plant.open_to(percent)
    assert plant.percent == 10
