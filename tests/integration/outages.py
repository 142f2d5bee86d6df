# SPDX-License-Identifier: MIT
"""A server and clients over any carrier, in either form, each by a cable that a test may pull."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sig_serial.testing import PtyCable

from sigcore.testing import Faults

from ..waiting import Errors, wait_until
from .forms import Peer, make_peer
from .worlds import FAST

CARRIERS = ["tcp", "unix", "serial"]


class Cable(Protocol):
    """What joins one client to the server."""

    def pull(self) -> None:
        """End the link; no other comes until it is plugged in."""

    def plug(self) -> None:
        """Let links be made again."""


class NetworkCable:
    """A cable of a network, or of a socket file, which is none."""

    def __init__(self, name: str) -> None:
        self.faults = Faults(name)

    def pull(self) -> None:
        self.faults.refuse()
        self.faults.cut()

    def plug(self) -> None:
        self.faults.go_on()


class SerialCable:
    """A cable between two serial ports, which go away with it."""

    def __init__(self, cable: PtyCable) -> None:
        self.line = cable

    def pull(self) -> None:
        self.line.unplug()

    def plug(self) -> None:
        self.line.replug()


class House:
    """A server with clients.

    Attributes:
        server: The server.
        clients: Its clients, by name.
        cables: What joins them to it.
        errors: What was given to their ``on_error``.
    """

    def __init__(self, form: str, listen_at: Sequence[str], options: Mapping[str, Any], stack: ExitStack) -> None:
        self._form = form
        self._options = options
        self._stack = stack
        self.errors = Errors()
        self.clients: dict[str, Peer] = {}
        self.cables: dict[str, Any] = {}
        self.server = self._serve(listen_at)

    def restart(self) -> None:
        """End the server, and have another at the same place; return when every client has found it."""
        endpoints = self.server.router.endpoints
        self.server.close()
        self.server = self._serve(endpoints)
        self.wait_for_all()

    def wait_for_all(self) -> None:
        """Return when every client has a link to the present server, which knows what is registered there."""
        wait_until(lambda: len(self.server.peers()) == len(self.clients), "the server knows all")
        wait_until(lambda: all(client.router.connected for client in self.clients.values()), "all are registered")

    def join(self, name: str, endpoint: str, cable: Cable, **options: Any) -> Peer:
        """Give it one more client."""
        client = make_peer(
            self._form, "ClientRouter", endpoint, name=name, on_error=self.errors, reconnect_delay=0.1, **options
        )
        self._stack.callback(client.close)
        self.clients[name] = client
        self.cables[name] = cable
        return client

    def _serve(self, listen_at: Sequence[str]) -> Peer:
        server = make_peer(self._form, "ServerRouter", listen_at, name="server", on_error=self.errors, **self._options)
        self._stack.callback(server.close)
        return server


@contextmanager
def a_house(
    carrier: str,
    form: str,
    directory: Path,
    names: Sequence[str] = ("left", "right"),
    *,
    client: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[House]:
    """Give a server with a client of each name; what was opened is closed after it, clients first.

    Args:
        carrier: One of ``CARRIERS``.
        form: ``blocking`` or ``asyncio``.
        directory: For files.
        names: The names of the clients.
        client: Options of the clients, where they are not those of the server.
        **options: Options of the server, and of the clients.
    """
    with ExitStack() as stack:
        cables: list[Any] = []
        if carrier == "serial":
            cables = [SerialCable(stack.enter_context(PtyCable())) for _ in names]
            listen_at = [f"serial://{cable.line.left}{FAST}" for cable in cables]
            places = [f"serial://{cable.line.right}{FAST}" for cable in cables]
        else:
            cables = [NetworkCable(name) for name in names]
            listen_at = ["tcp://127.0.0.1:0" if carrier == "tcp" else f"unix://{directory}/s"]
            places = []
        house = House(form, listen_at, options, stack)
        places = places or [f"fault+{house.server.router.endpoints[0]}?faults={name}" for name in names]
        for name, place, cable in zip(names, places, cables, strict=True):
            house.join(name, place, cable, **{**options, **(client or {})})
        yield house
