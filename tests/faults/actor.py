# SPDX-License-Identifier: MIT
"""A server or a member of a test, in a process of its own.

It is told what to be as JSON in its first argument, says ``{"ready": ...}`` and then answers orders, one line of JSON
each. It ends when its standard input does, so that none outlives its test.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import sigcore
from sigcore.testing import Faults, History

Orders = dict[str, Callable[..., Any]]

SILENCE_S = 0.1

MANY = 10_000
"""More than any test looks at one by one."""


def obey(orders: Orders, **ready: Any) -> None:
    """Say that all is ready, then answer orders until there are no more."""
    say(ready)
    for line in sys.stdin:
        order = json.loads(line)
        say(orders[order.pop("do")](**order))


def say(what: Any) -> None:
    print(json.dumps(what), flush=True)


class Presence:
    """Which senders came and went, and when: the last of these news, and what they come to."""

    def __init__(self, router: sigcore.Router) -> None:
        self._seen: deque[dict[str, Any]] = deque(maxlen=MANY)
        self._there: set[str] = set()
        self._counts = {"came": 0, "left": 0, "twice": 0}
        for event in (sigcore.EVENT_DISCONNECT, sigcore.EVENT_CONNECT):
            router.add_listener(self._note, event=event)

    def seen(self) -> list[dict[str, Any]]:
        return list(self._seen)

    def counts(self) -> dict[str, int]:
        return {**self._counts, "there": len(self._there)}

    def _note(self, info: sigcore.EventInfo, sender: sigcore.SenderInfo) -> None:
        what = {"sender": info.sender, "connected": sender.connected, "cause": sender.cause, "at": time.monotonic()}
        self._seen.append(what)
        self._counts["came" if sender.connected else "left"] += 1
        self._counts["twice"] += sender.connected == (info.sender in self._there)
        (self._there.add if sender.connected else self._there.discard)(info.sender)


class Publisher:
    """Triggers stamped events from a thread of its own, until it is told to stop.

    Args:
        router: Where.
        history: Takes down what it triggers.
        sender: Whose events.
        rate: How many each second; ``None`` for as many as are taken.
        padding: How many bytes more each has.
        delivers: Whether it waits for each until the server has accepted it; what is not accepted is not tried again.
    """

    def __init__(
        self, router: sigcore.Router, history: History, sender: str, rate: float | None, padding: int, delivers: bool
    ) -> None:
        self._router = router
        self._history = history
        self._sender = sender
        self._rate = rate
        self._padding = "x" * padding
        self._delivers = delivers
        self._signal = router.add_sender(sender, "event").signal("event")
        self._session = str(os.getpid())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"publishes {sender}")
        self.last = -1
        self.longest_s = 0.0
        self.refused: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> list[Any]:
        """Stop; return the session and the number of the last event."""
        self._stopped.set()
        self._thread.join()
        return [self._session, self.last]

    def _run(self) -> None:
        began_s = time.monotonic()
        while not self._stopped.is_set():
            self._trigger(self.last + 1)
            self.last += 1
            if self._rate is not None:
                self._stopped.wait(max(0.0, began_s + self.last / self._rate - time.monotonic()))

    def _trigger(self, number: int) -> None:
        data = self._history.stamp(self._sender, number, self._padding, session=self._session)
        self._history.triggered("event", data)
        began_s = time.monotonic()
        if self._delivers:
            self._deliver(data)
        else:
            self._insist(data)
        self.longest_s = max(self.longest_s, time.monotonic() - began_s)

    def _deliver(self, data: dict[str, Any]) -> None:
        try:
            self._router.deliver(self._signal, data, timeout=1.0)
        except (sigcore.DeliveryError, sigcore.BufferFull, sigcore.NotConnected) as error:
            self.refused.append(type(error).__name__)
        else:
            self._history.accepted(data)

    def _insist(self, data: dict[str, Any]) -> None:
        while True:
            try:
                return self._signal.trigger(data)
            except sigcore.BufferFull:  # it waited for a second; what was noted as triggered must be
                if self._stopped.is_set():
                    return None


class Ear:
    """Listens to one sender, and takes down what it hears and what it is told to have missed."""

    def __init__(
        self, router: sigcore.Router, history: History, name: str, sender: str, keywords: dict[str, Any]
    ) -> None:
        self._name = name
        self._history = history
        self.last: list[Any] = []
        missed = partial(history.gap, name)
        router.add_listener(self._hear, sender, "event", on_gap=missed, **keywords)

    def _hear(self, info: sigcore.EventInfo, data: dict[str, Any]) -> None:
        self._history.heard(self._name, info, data)
        self.last = [data["session"], data["seq"]]


def serve(endpoint: str, options: dict[str, Any]) -> None:
    """Be a server whose own process has nothing to say."""
    allow_many_descriptors()
    with sigcore.ServerRouter(endpoint, name="server", **options) as server:
        presence = Presence(server)
        tick = server.add_sender("tick", "event").signal("event")

        def counts() -> dict[str, Any]:
            return {
                "senders": len(server.senders()),
                "peers": len(server.peers()),
                "counters": server.counters,
                "presence": presence.counts(),
                "cpu_s": sum(os.times()[:2]),
                **footprint(),
            }

        def objects() -> int:
            gc.collect()
            return len(gc.get_objects())

        def fire() -> None:
            tick.trigger(time.monotonic())

        orders: Orders = {"counts": counts, "objects": objects, "presence": presence.seen, "fire": fire}
        obey(orders, endpoint=server.endpoints[0])


def be_member(
    endpoint: str,
    name: str,
    history: str,
    publishes: list[str],
    listens: list[str],
    rate: float | None,
    padding: int,
    delivers: bool,
    keywords: dict[str, Any],
    options: dict[str, Any],
) -> None:
    """Be a client that publishes and listens.

    Args:
        endpoint: Where the server is; ``faults=cable`` in it gives the order ``fault`` its links.
        name: Its own name; each listener's is ``"<name> of <sender>"``.
        history: The file for it.
        publishes: The senders that it has.
        listens: The senders that it listens to.
        rate: See ``Publisher``.
        padding: See ``Publisher``.
        delivers: See ``Publisher``.
        keywords: Those of ``add_listener``.
        options: The router's keywords.
    """
    cable = Faults("cable")
    with History(history) as notes, sigcore.ClientRouter(endpoint, name=name, **options) as client:
        presence = Presence(client)
        ears: dict[str, Ear] = {}
        for sender in listens:
            links = cable.made
            ears[sender] = Ear(client, notes, f"{name} of {sender}", sender, keywords)
            if client.connected and cable.made == links:  # else it is registered with the next link, who knows when
                notes.listening(f"{name} of {sender}", sender, "event")
        publishers = {sender: Publisher(client, notes, sender, rate, padding, delivers) for sender in publishes}

        def start() -> None:
            for publisher in publishers.values():
                publisher.start()

        def stop() -> dict[str, Any]:
            return {sender: publisher.stop() for sender, publisher in publishers.items()}

        def state() -> dict[str, Any]:
            return {
                "connected": client.connected,
                "counters": client.counters,
                "links": cable.made,
                "bytes_out": sum(link.bytes_out for link in cable.links),
                "heard": {sender: ear.last for sender, ear in ears.items()},
                "published": {sender: publisher.last for sender, publisher in publishers.items()},
                "longest_s": max([publisher.longest_s for publisher in publishers.values()], default=0.0),
                "refused": [code for publisher in publishers.values() for code in publisher.refused],
            }

        def fault(call: str, how: str = "") -> None:
            getattr(cable, call)(*filter(None, [how]))

        orders: Orders = {"start": start, "stop": stop, "state": state, "fault": fault, "presence": presence.seen}
        obey(orders, member=name)


def be_odd(endpoint: str, sender: str, history: str, holds_s: float, options: dict[str, Any]) -> None:
    """Be a client whose listeners do everything that listeners should not; the last of them is a good one."""
    errors: list[Exception] = []
    with (
        History(history) as notes,
        sigcore.ClientRouter(endpoint, name="odd", on_error=errors.append, **options) as client,
    ):
        echo = client.add_sender("echo", "event").signal("event")
        calls = dict.fromkeys(("raises", "leaves", "once", "fires", "holds"), 0)

        def raises(_info: sigcore.EventInfo, _data: Any) -> None:
            calls["raises"] += 1
            raise ValueError("as it always does")

        def leaves(_info: sigcore.EventInfo, _data: Any) -> None:
            calls["leaves"] += 1
            raise SystemExit

        def once(_info: sigcore.EventInfo, _data: Any) -> None:
            calls["once"] += 1
            itself.remove()

        def fires(_info: sigcore.EventInfo, data: dict[str, Any]) -> None:
            calls["fires"] += 1
            again = notes.stamp("echo", data["seq"])
            notes.triggered("event", again)
            echo.trigger(again)

        def holds(_info: sigcore.EventInfo, _data: Any) -> None:
            calls["holds"] += 1
            if calls["holds"] == 1:
                time.sleep(holds_s)

        client.add_listener(raises, sender, "event")
        client.add_listener(leaves, sender, "event")
        itself = client.add_listener(once, sender, "event")
        client.add_listener(fires, sender, "event")
        client.add_listener(holds, sender, "event")
        good = Ear(client, notes, f"odd of {sender}", sender, {})
        notes.listening(f"odd of {sender}", sender, "event")

        def state() -> dict[str, Any]:
            return {"heard": {sender: good.last}, "calls": calls, "counters": client.counters, "errors": len(errors)}

        obey({"state": state}, member="odd")


def count_up(endpoint: str, rate: float | None = None, padding: int = 50) -> None:
    """Be a client that triggers numbers with so many bytes more, as fast as they are taken or so many a second."""
    with sigcore.ClientRouter(endpoint) as client:
        numbers = client.add_sender("numbers", "number").signal("number")
        stopped = threading.Event()
        last = -1

        def run() -> None:
            nonlocal last
            began_s = time.monotonic()
            while not stopped.is_set():
                with suppress(sigcore.BufferFull):
                    numbers.trigger([last + 1, "x" * padding])
                    last += 1
                if rate is not None:
                    stopped.wait(max(0.0, began_s + last / rate - time.monotonic()))

        thread = threading.Thread(target=run)

        def stop() -> dict[str, int]:
            stopped.set()
            thread.join()
            return {"last": last}

        obey({"start": thread.start, "stop": stop}, ready=True)


def count(endpoint: str) -> None:
    """Be a client that only counts what it hears of these numbers, so that it is as fast as a reader can be.

    ``silent_s`` is how long it heard nothing, in pieces that are long enough to be noticed.
    """
    counts = {"first": -1, "last": -1, "heard": 0, "lost": 0, "wrong": 0, "silent_s": 0.0}
    owed = heard_s = 0.0

    def hear(_info: sigcore.EventInfo, data: list[Any]) -> None:
        nonlocal owed, heard_s
        number, now = data[0], time.monotonic()
        if counts["first"] < 0:
            counts["first"], owed, heard_s = number, number, now
        counts["wrong"] += number != owed
        owed = number + 1
        counts["last"] = number
        counts["heard"] += 1
        if now - heard_s > SILENCE_S:
            counts["silent_s"] += now - heard_s
        heard_s = now

    def miss(_info: sigcore.EventInfo, gap: sigcore.Gap) -> None:
        nonlocal owed
        assert gap.count is not None
        owed += gap.count
        counts["lost"] += gap.count

    with sigcore.ClientRouter(endpoint, name="reader") as client:
        client.add_listener(hear, "numbers", on_gap=miss)
        obey({"counts": lambda: counts}, ready=True)


def allow_many_descriptors() -> None:
    """Allow as many as the system lets this process have, where that can be said."""
    if sys.platform != "win32":
        import resource

        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def footprint() -> dict[str, int]:
    """Return what this process has of the machine; known on Linux only."""
    if not sys.platform.startswith("linux"):
        return {}
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }


if __name__ == "__main__":
    part = json.loads(sys.argv[1])
    parts: dict[str, Callable[..., None]] = {
        "serve": serve,
        "member": be_member,
        "odd": be_odd,
        "count up": count_up,
        "count": count,
    }
    parts[part.pop("part")](**part)
