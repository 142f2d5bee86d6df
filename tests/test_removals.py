# SPDX-License-Identifier: MIT
"""Senders that are removed while another thread triggers, and waits for room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

import sigcore

from .waiting import wait_until

BYTES = 20_000


def remove_in_the_middle(sender: sigcore.Sender, is_full: Callable[[], bool], make_room: Callable[[], None]) -> None:
    """Remove a sender while a thread waits in ``trigger`` for room, and wait until the thread hears of it."""
    signal = sender.signal("reading")

    def trigger_on() -> None:
        with suppress(sigcore.HandleRemoved):
            while True:
                signal.trigger("x" * 1_000)

    thread = threading.Thread(target=trigger_on, daemon=True)
    thread.start()
    wait_until(is_full, "the thread has to wait for room")
    sender.remove()
    make_room()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("where", ["client", "server"])
def test_removing_a_sender_in_the_middle_of_a_trigger_harms_no_link(where: str) -> None:
    go_on = threading.Event()
    gone = threading.Event()
    with (
        sigcore.ServerRouter("mem://removals", event_queue=BYTES, credit=2_000) as server,
        sigcore.ClientRouter("mem://removals", event_queue=BYTES, credit=2_000) as client,
    ):
        publisher, reader = (client, server) if where == "client" else (server, client)
        buffer = client._inner._outbox if where == "client" else server._inner._local.buffer
        sender = publisher.add_sender("thermo", ["reading"])
        reader.add_listener(lambda info, data: go_on.wait(20), "thermo", on_gap=lambda info, gap: None)
        reader.add_listener(lambda info, data: gone.set(), "thermo", "#disconnect")
        remove_in_the_middle(sender, lambda: not buffer.has_room, go_on.set)
        assert gone.wait(10)
        assert [name for name in server.counters if name.startswith("link_")] == []
        assert "gap_session_lost" not in client.counters


def test_a_delivery_that_cannot_be_waited_for_triggers_nothing() -> None:
    heard: list[object] = []
    with sigcore.ServerRouter("mem://own-loop") as server, sigcore.ClientRouter("mem://own-loop") as client:

        async def deliver(params: object) -> None:
            client.deliver(reading, params)

        thermo = client.add_sender("thermo", ["reading"], {"deliver": deliver})
        reading = thermo.signal("reading")
        server.add_listener(lambda info, data: heard.append(data), "thermo", "reading")
        with pytest.raises(sigcore.RequestFailed, match="WrongThread"):
            server.request("thermo", "deliver", "by the loop's own thread")
        client.deliver(reading, "by this thread")
        wait_until(lambda: heard, "the delivered event comes")
        assert heard == ["by this thread"]
