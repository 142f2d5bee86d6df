# SPDX-License-Identifier: MIT
"""How commands end when they are told to, when their reader goes, and what a slow reader may not do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from sigcore import Sender
from sigcore.aio import ServerRouter

LIMIT_S = 20.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="OS signals and pipes are tested as POSIX has them")

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_serve_ends_with_0_when_it_is_told_to(sig: Any, number: signal.Signals, tmp_path: Any) -> None:
    with sig.running("serve", "--json", f"unix://{tmp_path}/s") as server:
        server.record()
        assert server.ended_by(number) == 0
        assert server.complaint() == ""
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_listen_ends_with_0_when_it_is_told_to(sig: Any, url: str, number: signal.Signals) -> None:
    with sig.running("listen", "-v", url) as ear:
        wait_for_log(ear, "connected to")
        assert ear.ended_by(number) == 0
        assert "Traceback" not in ear.complaint()


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_command_that_was_not_done_ends_as_shells_expect(sig: Any, number: signal.Signals) -> None:
    with sig.running("senders", "-v", "tcp://127.0.0.1:1", "--connect-timeout", str(LIMIT_S)) as senders:
        wait_for_log(senders, "no link")
        assert senders.ended_by(number) == 128 + number
        assert "Traceback" not in senders.complaint()


def test_what_is_ignored_from_outside_stays_ignored(sig: Any) -> None:
    script = 'trap "" HUP; exec "$0" serve --json tcp://127.0.0.1:0'
    with subprocess.Popen(["sh", "-c", script, sig.path], stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        server.stdout.readline()
        server.send_signal(signal.SIGHUP)
        server.send_signal(signal.SIGTERM)
        assert server.wait(LIMIT_S) == 0


def test_the_first_line_is_enough_for_head(sig: Any, tmp_path: Any) -> None:
    script = '"$0" serve --json tcp://127.0.0.1:0 | head -1; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(["bash", "-c", script, sig.path], capture_output=True, encoding="utf-8", timeout=LIMIT_S)
    assert done.stdout.splitlines()[1:] == ["0"]
    assert done.stderr == ""


def test_a_listener_ends_when_its_reader_has_gone_although_nothing_more_comes(sig: Any, url: str) -> None:
    with sig.running("listen", "-v", url) as ear:
        wait_for_log(ear, "connected to")
        ear.process.stdout.close()
        assert ear.process.wait(LIMIT_S) == 0
        assert "Traceback" not in ear.complaint()


def test_a_full_disk_is_an_error_and_no_traceback(sig: Any) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        command = [sig.path, "plugins"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=LIMIT_S)
    assert done.returncode == 1
    assert done.stderr == "Error: No space left on device\n"


def test_a_reader_that_does_not_read_does_not_cost_the_link(sig: Any) -> None:
    """Were it the event loop that waits for the reader, the server would hear nothing and end the link."""

    async def scenario() -> None:
        async with ServerRouter("tcp://127.0.0.1:0", heartbeat=0.3, dead_after=1.5) as server:
            sender = await server.add_sender("me", events=["hello"])
            with sig.running("listen", "--name", "ear", server.endpoints[0]) as ear:
                await listens(ear, sender)
                for _ in range(3):
                    for _ in range(1_000):  # 300 kB in all: far more than a pipe holds
                        sender.trigger("hello", "x" * 100)
                    await server.drain()
                begin_s = time.monotonic()
                while time.monotonic() - begin_s < 3.0:
                    assert [peer.name for peer in await server.peers()] == ["ear"]
                    await asyncio.sleep(0.05)
                assert any('"xxx' in ear.line() for _ in range(1_000))

    asyncio.run(scenario())


def test_a_listener_is_told_that_its_link_is_lost_and_that_it_is_back(sig: Any, tmp_path: Any) -> None:
    async def scenario() -> None:
        endpoint = f"unix://{tmp_path}/s"
        async with ServerRouter(endpoint, name="first") as server:
            sender = await server.add_sender("me", events=["hello"])
            with sig.running("listen", endpoint) as ear:
                await listens(ear, sender)
                await server.close()
                await asyncio.to_thread(wait_for_log, ear, f"the link to {endpoint} was lost")
                async with ServerRouter(endpoint, name="second"):
                    await asyncio.to_thread(wait_for_log, ear, f"connected to second at {endpoint}")

    asyncio.run(scenario())


async def listens(ear: Any, sender: Sender) -> None:
    """Wait until ``ear`` hears ``sender``: its first line is there."""
    line = asyncio.create_task(asyncio.to_thread(ear.line))
    async with asyncio.timeout(LIMIT_S):
        while not line.done():
            sender.trigger("hello", "are you there?")
            await asyncio.wait([line], timeout=0.05)


def wait_for_log(command: Any, text: str) -> None:
    """Return when a command has logged ``text``."""
    while text not in command.process.stderr.readline():
        assert command.process.poll() is None
