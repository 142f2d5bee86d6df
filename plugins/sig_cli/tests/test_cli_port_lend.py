# SPDX-License-Identifier: MIT
"""``sig port lend`` against a real server with a real port: it lets go, and it takes the port back."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX", allow_module_level=True)

from sig_serial.testing import PtyCable
from sig_serial.tools import answer_probes

import sigcore

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""

DONE, FAILED, UNREACHABLE = 0, 1, 4
LIMIT_S = 10.0


@dataclass
class Served:
    """A server with a port, by its other endpoint."""

    url: str
    port: str
    cable: PtyCable

    def is_free(self) -> bool:
        """Whether somebody else can open the port."""

        async def open_it() -> None:
            async with answer_probes(sigcore.Endpoint.parse(f"serial://{self.port}")):
                pass

        try:
            asyncio.run(open_it())
        except OSError:
            return False
        return True

    def wait(self, *, is_free: bool) -> None:
        """Wait until the port is free, or the server's."""
        until_s = time.monotonic() + LIMIT_S
        while self.is_free() is not is_free:
            assert time.monotonic() < until_s, f"the port is still {'taken' if is_free else 'free'}"


@pytest.fixture
def served(sig: Sig) -> Iterator[Served]:
    with PtyCable() as cable, sig.running("serve", "--json", "tcp://127.0.0.1:0", f"serial://{cable.left}") as server:
        yield Served(server.record()["endpoints"][0], cable.left, cable)


def use_port(port: str, code: int) -> list[str]:
    """Return a program that needs the port for itself, and ends with a code."""
    script = (
        "import asyncio, sys, sigcore\n"
        "from sig_serial.tools import answer_probes\n"
        "async def use():\n"
        "    async with answer_probes(sigcore.Endpoint.parse(sys.argv[1])):\n"
        "        print('in use', flush=True)\n"
        "asyncio.run(use())\n"
        "sys.exit(int(sys.argv[2]))"
    )
    return [sys.executable, "-c", script, f"serial://{port}", str(code)]


def test_a_port_that_is_lent_is_free_until_it_is_taken_back(sig: Sig, served: Served) -> None:
    assert not served.is_free()
    lent = sig("port", "lend", served.port, "--for", "10min", "--server", served.url)
    assert (lent.returncode, lent.stderr) == (DONE, "")
    assert served.is_free()
    *_, how = lent.stdout.splitlines()
    assert how == f"earlier: sig port take-back {served.port} --server {served.url}"
    back = sig("port", "take-back", served.port, "--server", served.url)
    assert (back.returncode, back.stdout) == (DONE, f"the server has {served.port} again\n")
    served.wait(is_free=False)


def test_the_server_takes_the_port_back_by_itself(sig: Sig, served: Served) -> None:
    lent = sig("port", "lend", served.port, "--for", "500ms", "--server", served.url, "--json")
    record = json.loads(lent.stdout)
    assert (record["what"], record["port"]) == ("lent", served.port)
    assert dt.datetime.fromisoformat(record["until"]) <= dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.5)
    served.wait(is_free=False)


def test_the_senders_at_the_port_leave_with_cause_lent_and_come_back(sig: Sig, served: Served) -> None:
    with sigcore.ClientRouter(f"serial://{served.cable.right}", name="device") as device:
        device.add_sender("thermo", events=["reading"])
        listen = ["listen", "--json", served.url]
        with sig.running(*listen, "#connect") as door, sig.running(*listen, "#disconnect") as ear:
            door.record()
            sig("port", "lend", served.port, "--server", served.url)
            left = ear.record()
            sig("port", "take-back", served.port, "--server", served.url)
            came = door.record()
    assert (left["sender"], left["data"]["cause"]) == ("thermo", "lent")
    assert (came["sender"], came["data"]["connected"]) == ("thermo", True)


@pytest.mark.parametrize("code", [0, 7])
def test_a_program_has_the_port_while_it_runs_and_its_exit_code_is_passed_on(
    sig: Sig, served: Served, code: int
) -> None:
    done = sig("port", "lend", served.port, "--server", served.url, "--", *use_port(served.port, code))
    assert (done.returncode, done.stdout, done.stderr) == (code, "in use\n", "")
    served.wait(is_free=False)


def test_a_program_that_a_signal_ends_gives_128_and_its_number(sig: Sig, served: Served) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    done = sig("port", "lend", served.port, "--server", served.url, "--", sys.executable, "-c", script)
    assert done.returncode == 128 + signal.SIGKILL


def test_ctrl_c_ends_the_program_and_the_port_goes_back(sig: Sig, served: Served) -> None:
    script = "import time; print('runs', flush=True); time.sleep(60)"
    program = [sys.executable, "-c", script]
    with sig.running("port", "lend", served.port, "--server", served.url, "--", *program) as lending:
        assert lending.line() == "runs"
        assert lending.ended_by(signal.SIGINT) == 128 + signal.SIGINT
    served.wait(is_free=False)


def test_ctrl_c_leaves_a_program_the_time_to_tidy_up(sig: Sig, served: Served) -> None:
    script = (
        "import time\n"
        "try:\n"
        "    print('runs', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(0.2); print('tidy', flush=True)\n"
    )
    with sig.running(
        "port", "lend", served.port, "--server", served.url, "--", sys.executable, "-c", script
    ) as lending:
        assert lending.line() == "runs"
        os.killpg(lending.process.pid, signal.SIGINT)  # as a terminal does
        assert lending.line() == "tidy"
        assert lending.process.wait(LIMIT_S) == 128 + signal.SIGINT


def test_a_program_that_outlasts_the_time_is_told_so(sig: Sig, served: Served) -> None:
    script = "import time; time.sleep(1)"
    lend = ["port", "lend", served.port, "--server", served.url, "--for", "200ms", "--"]
    done = sig(*lend, sys.executable, "-c", script)
    assert done.returncode == DONE
    assert "give more --for" in done.stderr


def test_a_program_that_is_not_there_leaves_the_port_with_the_server(sig: Sig, served: Served) -> None:
    done = sig("port", "lend", served.port, "--server", served.url, "--", "no-such-program")
    assert done.returncode == FAILED
    assert "no-such-program" in done.stderr
    served.wait(is_free=False)


def test_a_port_that_is_taken_back_while_somebody_has_it_is_said_to_be_so(sig: Sig, served: Served) -> None:
    sig("port", "lend", served.port, "--server", served.url)
    with sig.running("serial", "check", "--answer", "--json", served.port) as other:
        other.record()
        back = sig("port", "take-back", served.port, "--server", served.url)
    assert back.stdout.startswith(f"the server takes {served.port} as soon as it can; now ")
    served.wait(is_free=False)


def test_a_port_that_is_taken_back_while_it_is_unplugged_is_waited_for(sig: Sig, served: Served) -> None:
    sig("port", "lend", served.port, "--server", served.url)
    served.cable.unplug(served.port)
    back = sig("port", "take-back", served.port, "--server", served.url)
    assert back.stdout == f"the server takes {served.port} as soon as it is there\n"
    served.cable.replug(served.port)
    served.wait(is_free=False)


@pytest.mark.parametrize("command", [["lend"], ["take-back"]], ids=lambda command: command[0])
def test_a_port_that_the_server_does_not_have_is_a_failure_that_names_it(
    sig: Sig, served: Served, command: list[str]
) -> None:
    done = sig("port", *command, "/dev/ttyNONE", "--server", served.url)
    assert done.returncode == FAILED
    assert "/dev/ttyNONE" in done.stderr


def test_an_endpoint_with_its_options_means_its_port(sig: Sig, served: Served) -> None:
    done = sig("port", "lend", f"serial://{served.port}?baudrate=115200", "--server", served.url)
    assert done.returncode == DONE
    assert served.is_free()


def test_a_server_that_is_not_there_ends_with_4(sig: Sig) -> None:
    done = sig("port", "lend", "/dev/ttyUSB0", "--server", "unix:///tmp/no-such-socket", "--timeout", "0.3")
    assert done.returncode == UNREACHABLE
