# SPDX-License-Identifier: MIT
"""What the tests run in processes of their own; each says what it has to say in lines of JSON.

A process ends when its standard input does, so that none outlives its test.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import sigcore

LIMIT_S = 60.0


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def wait_for_end() -> None:
    sys.stdin.read()


def serve(*endpoints: str) -> None:
    """Be a server with a sender of its own that answers ``ping``."""
    with sigcore.ServerRouter(endpoints) as server:
        server.add_sender("server", requests={"ping": lambda params: params})
        say(endpoints=server.endpoints)
        wait_for_end()


def publish(endpoint: str, sender: str) -> None:
    """Trigger numbers for ever, as fast as they are taken."""
    with sigcore.ClientRouter(endpoint) as client:
        count = client.add_sender(sender, "count").signal("count")
        say(publishing=sender)
        number = 0
        while True:
            count.trigger(number)
            number += 1


def read(endpoint: str, sender: str) -> None:
    """Listen to numbers, and say how far it got and what it was told to have missed, every 100 numbers."""
    heard = lost = 0

    def hear(_info: sigcore.EventInfo, number: int) -> None:
        nonlocal heard
        heard += 1
        if number % 100 == 99:
            say(last=number, heard=heard, lost=lost)

    def missed(_info: sigcore.EventInfo, gap: sigcore.Gap) -> None:
        nonlocal lost
        lost += gap.count or 0  # what the end of the server may have cost is not known

    with sigcore.ClientRouter(endpoint, name="reader") as client:
        client.add_listener(hear, sender, on_gap=missed)
        say(reading=sender)
        wait_for_end()


def join(endpoint: str, name: str, members: str, events: str) -> None:
    """Be one of many who all hear each other: wait for all, say something, hear what all say, ask a neighbour."""
    heard: dict[str, list[int]] = defaultdict(list)
    present: set[str] = set()
    changed = threading.Condition()

    def came(info: sigcore.EventInfo, _data: Any) -> None:
        with changed:
            present.add(info.sender)
            changed.notify_all()

    def hear(info: sigcore.EventInfo, data: int) -> None:
        with changed:
            heard[info.sender].append(data)
            changed.notify_all()

    with sigcore.ClientRouter(endpoint, name=name, connect_timeout=LIMIT_S) as client:
        client.add_listener(hear, event="said")
        client.add_listener(came, event="#connect")
        me = client.add_sender(name, "said", {"who": lambda _params: name})
        with changed:
            assert changed.wait_for(lambda: len(present) == int(members), LIMIT_S), f"{name} sees {len(present)}"
        for number in range(int(events)):
            me.trigger("said", number)
        total = (int(members) - 1) * int(events)  # the server says nothing
        with changed:
            assert changed.wait_for(lambda: sum(map(len, heard.values())) == total, LIMIT_S), dict(heard)
        asked = [client.request(other, "who") for other in sorted(present)[:3]]
        in_order = all(numbers == list(range(int(events))) for numbers in heard.values())
        say(name=name, senders=len(heard), in_order=in_order, asked=asked, counters=client.counters)
        wait_for_end()  # the others may still ask


def wait_for_server(endpoint: str, name: str) -> None:
    """Be a client that must come back by itself: a sender that answers, and a listener that says what it hears."""
    with sigcore.ClientRouter(endpoint, name=name) as client:
        client.add_listener(lambda _info, data: say(heard=data), "news", "item")
        client.add_listener(lambda info, _data: say(event=info.event, at=time.monotonic()), "news", "#connect")
        client.add_listener(lambda info, _data: say(event=info.event, at=time.monotonic()), "news", "#disconnect")
        client.add_sender(name, requests={"who": lambda _params: name})
        say(ready=name)
        wait_for_end()


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    roles: dict[str, Callable[..., None]] = {
        "serve": serve,
        "publish": publish,
        "read": read,
        "join": join,
        "return": wait_for_server,
    }
    roles[role](*arguments)
