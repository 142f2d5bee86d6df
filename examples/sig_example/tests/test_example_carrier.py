# SPDX-License-Identifier: MIT
"""The carrier keeps sigcore's rules, and what it adds to them: the file, and waiting for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import sigcore
from sigcore.testing import check_carrier


def endpoint(path: Path, query: str = "") -> sigcore.Endpoint:
    return sigcore.Endpoint.parse(f"portfile:///{path.as_posix().lstrip('/')}{query}")


def test_the_carrier_keeps_every_rule(tmp_path: Path) -> None:
    check_carrier(sigcore.load_carrier("portfile"), str(endpoint(tmp_path / "port")))


def test_a_file_that_a_crashed_server_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1\n")  # nobody listens at port 1
    check_carrier(sigcore.load_carrier("portfile"), str(endpoint(tmp_path / "port")))


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("precious")
    with pytest.raises(FileExistsError, match="holds no port"):
        asyncio.run(sigcore.load_carrier("portfile").listen(endpoint(tmp_path / "port"), asyncio.Protocol))
    assert (tmp_path / "port").read_text() == "precious"


class Goodbye(asyncio.Protocol):
    """Ends every link that comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Visit(asyncio.Protocol):
    """Waits for the end of its link."""

    def __init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


def test_a_client_can_wait_for_a_server_that_is_just_starting(tmp_path: Path) -> None:
    async def scenario() -> None:
        carrier = sigcore.load_carrier("portfile")
        early = asyncio.create_task(carrier.connect(endpoint(tmp_path / "port", "?wait=5s"), Visit))
        await asyncio.sleep(0)  # it has looked for the file by now
        listening = await carrier.listen(endpoint(tmp_path / "port"), Goodbye)
        _, visit = await early
        assert isinstance(visit, Visit)
        assert await asyncio.wait_for(visit.over, 5) is None
        listening.close()

    asyncio.run(scenario())
