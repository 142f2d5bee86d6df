# SPDX-License-Identifier: MIT
"""What comes and goes is freed at once: the garbage collector would hold up everybody to find it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from sigcore.protocol.frames import Kind
from sigcore.protocol.server_link import ServerLink

from .loopback import Server, control, hello

EVENTS = [f"event-{n}" for n in range(200)]


@pytest.fixture(autouse=True)
def _by_hand() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def take(link: ServerLink, data: bytes, now_s: float) -> None:
    """Have a link deal with all of ``data``, in as many turns as it wants."""
    done = link.receive(data, now_s)
    while not done:
        done = link.receive(b"", now_s)


def test_a_sender_that_was_removed_leaves_nothing_to_the_garbage_collector() -> None:
    server = Server()
    link = server.new_link()
    take(link, hello(), 100.0)
    for n in range(3):
        take(link, control(Kind.ADD_SENDER, 1, sender="thermo", events=EVENTS), 100.0 + n)
        assert server.hub.sender_count == 1
        take(link, control(Kind.REMOVE_SENDER, 0, sender="thermo"), 100.0 + n)
        assert server.hub.sender_count == 0
        link.data_to_send(100.0 + n)
    assert gc.collect() < len(EVENTS)


def test_the_senders_of_a_link_that_left_leave_nothing_to_the_garbage_collector() -> None:
    server = Server()
    link = server.new_link()
    take(link, hello(), 100.0)
    take(link, control(Kind.ADD_SENDER, 1, sender="thermo", events=EVENTS), 100.0)
    take(link, control(Kind.BYE, 0, code="closing"), 101.0)
    assert link.has_ended
    for _ in range(10):
        server.hub.settle()
    assert server.hub.sender_count == 0
    assert gc.collect() < len(EVENTS)
