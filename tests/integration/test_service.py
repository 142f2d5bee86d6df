# SPDX-License-Identifier: MIT
"""The files for a service that the documentation shows: they are taken, and the program stops as it should."""

from __future__ import annotations

import asyncio
import configparser
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import sigcore
from sigcore.aio import ClientRouter

from .. import config_schema

FILES = Path(__file__).parents[2] / "examples" / "service"

LIMIT_S = 20.0

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program can answer")


def test_the_configuration_file_is_taken() -> None:
    config = sigcore.load_config(FILES / "sigcore.toml")
    assert config.keywords()["max_requests"] == 64
    assert config.endpoints[2] == "serial:///dev/ttyUSB0?baudrate=115200&heartbeat=2s"


def test_the_configuration_file_fits_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    table = tomllib.loads((FILES / "sigcore.toml").read_text(encoding="utf-8"))
    jsonschema.validate(table, config_schema.schema())


def test_the_unit_gives_the_server_the_time_that_it_may_take_to_stop() -> None:
    unit = configparser.ConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's own pages have it
    unit.read(FILES / "sigcore.service", encoding="utf-8")
    assert unit["Service"]["Type"] == "notify"
    assert int(unit["Service"]["TimeoutStopSec"]) > 10
    assert unit["Service"]["ExecStart"].endswith(" serve --config /etc/sigcore/sigcore.toml")


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program of the page, once it listens, and its endpoint."""
    config = folder / "sigcore.toml"
    config.write_text(f'endpoints = ["unix://{folder}/s"]', encoding="utf-8")
    command = [sys.executable, "-W", "error", str(FILES / "gateway.py"), str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


@needs_posix
def test_a_blocking_server_that_gets_sigterm_sends_what_it_has_and_ends_with_0(tmp_path: Path) -> None:
    count = 500

    async def scenario() -> None:
        with gateway(tmp_path) as (process, endpoint):
            heard: list[int] = []
            all_of_them = asyncio.Event()

            async def slowly(info: object, number: int) -> None:
                heard.append(number)
                await asyncio.sleep(0.0005)
                if len(heard) == count:
                    all_of_them.set()

            async with ClientRouter(endpoint) as ear:
                await ear.add_listener(slowly, "counter", "number")
                async with ClientRouter(endpoint) as mouth:
                    counter = await mouth.add_sender("counter", events=["number"])
                    for number in range(count):
                        counter.trigger("number", number)
                process.send_signal(signal.SIGTERM)
                began_s = time.monotonic()
                assert await asyncio.to_thread(process.wait, LIMIT_S) == 0
                assert time.monotonic() - began_s < 10.0
                async with asyncio.timeout(LIMIT_S):
                    await all_of_them.wait()
                assert heard == list(range(count))
            assert process.stderr is not None
            assert process.stderr.read() == ""

    asyncio.run(scenario())
