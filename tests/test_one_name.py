# SPDX-License-Identifier: MIT
"""A sender's name that several threads, or a link that comes up, meet while its sender is on its way out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from sigcore import ClientRouter, Sender, ServerRouter

from .waiting import LIMIT_S, Heard, wait_until

URL = "mem://one-name"

pytestmark = pytest.mark.usefixtures("nothing_left")


@contextmanager
def half_removed(client: ClientRouter, sender: Sender) -> Iterator[None]:
    """Hold the thread that removes ``sender`` after it left the tables and before the network was told.

    A thread may be stopped there at any time; without the hold that is too rare to test.
    """
    network = client._network
    assert network is not None
    tell, reached, go_on = network.sender_removed, threading.Event(), threading.Event()

    def hold(sender: Sender) -> None:
        reached.set()
        go_on.wait(LIMIT_S)
        tell(sender)

    network.sender_removed = hold  # type: ignore[method-assign]
    removing = threading.Thread(target=sender.remove)
    removing.start()
    assert reached.wait(LIMIT_S)
    network.sender_removed = tell  # type: ignore[method-assign]
    try:
        yield
    finally:
        go_on.set()
        removing.join(LIMIT_S)


def test_a_successor_added_by_another_thread_is_known_to_the_server_and_holds_up_nobody() -> None:
    heard = Heard()
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        server.add_listener(heard)
        valve = client.add_sender("valve", "moved")
        with half_removed(client, client.add_sender("thermo", "reading")):
            adding = threading.Thread(target=lambda: added.append(client.add_sender("thermo", "reading")))
            added: list[Sender] = []
            adding.start()
        adding.join(LIMIT_S)
        added[0].trigger("reading", 1)
        valve.trigger("moved", 2)
        assert heard.wait(2) == [1, 2]
        assert [info.name for info in client.senders()] == ["thermo", "valve"]


def test_a_sender_removed_while_the_link_comes_up_holds_up_no_other() -> None:
    heard = Heard()
    with ClientRouter(URL, connect_timeout=None) as client:
        thermo, valve = client.add_sender("thermo", "reading"), client.add_sender("valve", "moved")
        thermo.trigger("reading", "kept until there is a link")
        with ExitStack() as removal:
            removal.enter_context(half_removed(client, thermo))
            with ServerRouter(URL) as server:
                server.add_listener(heard, "valve")
                wait_until(lambda: client.connected, "the client connects")
                removal.close()
                valve.trigger("moved", 1)
                assert heard.wait(1) == [1]
