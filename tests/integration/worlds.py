# SPDX-License-Identifier: MIT
"""A server and two clients, over any carrier, with any two codecs, in either form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sig_serial.testing import PtyCable

from ..waiting import Errors
from .forms import Peer, make_peer

CARRIERS = ["mem", "tcp", "unix", "serial"]

FAST = "?baudrate=4000000"
"""A pseudo-terminal carries as much as it is given: what is tried here must not wait for a line's own pace."""


@dataclass
class World:
    """A server with two clients, each of which has one of two codecs.

    Attributes:
        server: The server.
        left: One client.
        right: The other.
        errors: What was given to their ``on_error``.
    """

    server: Peer
    left: Peer
    right: Peer
    errors: Errors


@contextmanager
def a_world(carrier: str, codecs: tuple[str, str], form: str, directory: Path, **options: Any) -> Iterator[World]:
    """Give a world; what was opened is closed after it, clients first."""
    with ExitStack() as stack:
        errors = Errors()
        listen_at, connect_to = places(carrier, directory, stack)
        server = make_peer(form, "ServerRouter", listen_at, name="server", on_error=errors, **options)
        stack.callback(server.close)
        connect_to = connect_to or server.router.endpoints * 2
        clients: list[Peer] = []
        for name, codec, endpoint in zip(("left", "right"), codecs, connect_to, strict=True):
            client = make_peer(form, "ClientRouter", endpoint, codec=codec, name=name, on_error=errors, **options)
            stack.callback(client.close)
            clients.append(client)
        left, right = clients
        yield World(server, left, right, errors)


def places(carrier: str, directory: Path, stack: ExitStack) -> tuple[list[str], list[str]]:
    """Return where the server listens and where its two clients connect; empty for where it listens."""
    if carrier == "serial":
        cables = [stack.enter_context(PtyCable()) for _ in range(2)]
        return [f"serial://{cable.left}{FAST}" for cable in cables], [
            f"serial://{cable.right}{FAST}" for cable in cables
        ]
    url = {"mem": "mem://world", "tcp": "tcp://127.0.0.1:0", "unix": f"unix://{directory}/s"}[carrier]
    return [url], []
