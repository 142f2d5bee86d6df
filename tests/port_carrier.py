# SPDX-License-Identifier: MIT
"""``mem://`` as a medium that knows more: why links end, text beside them, ports that others may have for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sigcore import Endpoint, LinkError
from sigcore._mem import MemCarrier, MemListening

PORT = "/dev/ttyUSB0"

Factory = Callable[[], asyncio.Protocol]


class PortCarrier:
    """Makes links as ``mem://`` does, and has them end, and say things, as a test wants.

    Attributes:
        link_defaults: As a carrier has them.
        raw_options: Likewise.
        is_absent: Whether ``connect`` finds nothing.
        most_links: After how many links ``connect`` finds nothing any more; None for no end.
        cable: What every link says that it came by.
        came: The server's ends of its links, in the order in which they came.
        listening: What ``listen`` gave, in the order of the calls.
    """

    def __init__(self) -> None:
        self.link_defaults: Mapping[str, object] = {}
        self.raw_options: Mapping[str, str] = {"framing": "none"}
        self.is_absent = False
        self.most_links: int | None = None
        self.cable: str | None = None
        self.came: list[End] = []
        self.made: list[End] = []
        self.listening: list[PortListening] = []
        self._inside = MemCarrier()
        self._loop: asyncio.AbstractEventLoop
        self._factory: Any

    def is_local(self, endpoint: Endpoint) -> bool:
        """Return ``True``: it is all in this process."""
        return True

    async def connect(self, endpoint: Endpoint, protocol_factory: Factory) -> tuple[Any, asyncio.Protocol]:
        """Make a link, if it is not absent."""
        if self.is_absent or len(self.made) == self.most_links:
            raise FileNotFoundError(f"{endpoint} is not there")
        transport, end = await self._inside.connect(endpoint, lambda: self._end(protocol_factory, self.made))
        assert isinstance(end, End)
        return transport, end.program

    async def listen(self, endpoint: Endpoint, protocol_factory: Factory) -> PortListening:
        """Take links."""
        self._loop = asyncio.get_running_loop()
        self._factory = protocol_factory
        self.listening.append(
            PortListening(await self._inside.listen(endpoint, lambda: self._end(protocol_factory, self.came)))
        )
        return self.listening[-1]

    def print(self, *lines: str, source: str = PORT) -> None:
        """Have text come beside the links, all at once."""
        for line in lines:
            self._loop.call_soon_threadsafe(self._factory.console, source, line)

    def _end(self, factory: Factory, ends: list[End]) -> End:
        ends.append(End(factory(), self.cable))
        return ends[-1]


class End(asyncio.Protocol):
    """One end of a link, between the medium and the router.

    Attributes:
        program: The router's end.
    """

    def __init__(self, program: Any, cable: str | None) -> None:
        self.program = program
        self._cable = cable
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._error: Exception | None = None

    def lose(self, cause: str) -> None:
        """Have the medium end the link, in any thread."""
        self._error = LinkError(f"the device is gone ({cause})", cause=cause)
        self._loop.call_soon_threadsafe(self._transport.abort)

    def connection_made(self, transport: Any) -> None:
        """Pass it on."""
        self._transport = transport
        transport.get_extra_info = {"cable": self._cable}.get
        self.program.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self.program.data_received(data)

    def pause_writing(self) -> None:
        """Pass it on."""
        self.program.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self.program.resume_writing()

    def eof_received(self) -> Any:
        """Pass it on."""
        return self.program.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on, with what the medium says of it."""
        self.program.connection_lost(self._error or exc)


class PortListening:
    """A place with one port.

    Attributes:
        endpoint: As asked for.
        lent_s: For how long it was lent; ``None`` while it is not.
        is_slow: Whether ``lend`` never comes to an end.
    """

    def __init__(self, inside: MemListening) -> None:
        self.endpoint = inside.endpoint
        self.lent_s: float | None = None
        self.is_slow = False
        self._inside = inside

    def close(self) -> None:
        """Take no more links."""
        self._inside.close()

    async def wait_closed(self) -> None:
        """Wait until that is so."""
        await self._inside.wait_closed()

    async def lend(self, port: str, seconds: float) -> dict[str, Any]:
        """Give the port away for a while."""
        self._check(port)
        if self.is_slow:
            await asyncio.Event().wait()
        self.lent_s = seconds
        return self._status()

    async def take_back(self, port: str) -> dict[str, Any]:
        """Have it back."""
        self._check(port)
        self.lent_s = None
        return self._status()

    def status(self) -> list[dict[str, Any]]:
        """Tell of the port."""
        return [self._status()]

    def _status(self) -> dict[str, Any]:
        return {"port": PORT, "lent": self.lent_s is not None}

    @staticmethod
    def _check(port: str) -> None:
        if port != PORT:
            raise LookupError(port)
