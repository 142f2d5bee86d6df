# SPDX-License-Identifier: MIT
"""Presence: ``#connect`` and ``#disconnect`` tell every listener the truth, in turn, whoever was first."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import pytest

import sigcore
from sigcore import EVENT_CONNECT, EVENT_DISCONNECT, EventInfo, Router, SenderInfo

PRESENCE = (EVENT_DISCONNECT, EVENT_CONNECT)  # in this order nothing is missed between the two


class Watcher:
    """Listens for both presence events and keeps what it hears."""

    def __init__(self, router: Router, sender: str | None = None) -> None:
        self.heard: list[tuple[str, str]] = []
        self.data: list[SenderInfo] = []
        self._both = [router.add_listener(self._hear, sender, event) for event in PRESENCE]

    def _hear(self, info: EventInfo, data: SenderInfo) -> None:
        self.heard.append((info.event, info.sender))
        self.data.append(data)


def test_a_sender_that_comes_and_goes_is_told_with_what_it_declares() -> None:
    router = Router()
    watcher = Watcher(router)
    router.add_sender("thermo", ["reading"], {"calibrate": abs}).remove()
    assert watcher.heard == [(EVENT_CONNECT, "thermo"), (EVENT_DISCONNECT, "thermo")]
    assert watcher.data == [
        SenderInfo("thermo", ("reading",), ("calibrate",), connected=True, peer=None),
        SenderInfo("thermo", ("reading",), ("calibrate",), connected=False, peer=None, cause="removed"),
    ]


def test_a_late_listener_gets_one_connect_at_once_and_a_listener_of_disconnect_gets_nothing() -> None:
    router = Router()
    router.add_sender("thermo")
    router.add_sender("valve")
    watcher = Watcher(router)
    assert sorted(watcher.heard) == [(EVENT_CONNECT, "thermo"), (EVENT_CONNECT, "valve")]
    specific = Watcher(router, "valve")
    assert specific.heard == [(EVENT_CONNECT, "valve")]


def test_presence_of_one_sender_is_told_without_the_others() -> None:
    router = Router()
    watcher = Watcher(router, "thermo")
    with router.add_sender("valve"), router.add_sender("thermo"):
        pass
    assert watcher.heard == [(EVENT_CONNECT, "thermo"), (EVENT_DISCONNECT, "thermo")]


def test_broad_subscriptions_get_no_presence() -> None:
    router = Router()
    seen: list[str] = []
    router.add_listener(lambda info, _data: seen.append(info.event))
    router.add_listener(lambda info, _data: seen.append(info.event), "thermo")
    with router.add_sender("thermo", "reading") as thermo:
        thermo.trigger("reading")
    assert seen == ["reading", "reading"]


def test_an_event_of_sigcore_s_own_that_does_not_exist_is_refused() -> None:
    with pytest.raises(sigcore.InvalidName, match="#connect, #console, #disconnect"):
        Router().add_listener(lambda _info, _data: None, "thermo", "#conect")


def test_a_sender_cannot_trigger_presence_by_hand() -> None:
    thermo = Router().add_sender("thermo", "reading")
    with pytest.raises(sigcore.EventNotDeclared):
        thermo.trigger(EVENT_CONNECT)


def test_a_refused_sender_is_not_told() -> None:
    router = Router()
    watcher = Watcher(router)
    router.add_sender("thermo")
    with pytest.raises(sigcore.SenderExists):
        router.add_sender("thermo", ["other"])
    assert watcher.heard == [(EVENT_CONNECT, "thermo")]


def test_a_removed_listener_is_told_nothing_more() -> None:
    router = Router()
    seen: list[str] = []
    listener = router.add_listener(lambda info, _data: seen.append(info.sender), event=EVENT_CONNECT)
    router.add_sender("thermo")
    listener.remove()
    router.add_sender("valve")
    assert seen == ["thermo"]


def test_the_sender_works_when_its_connect_is_told() -> None:
    router = Router()
    seen: list[Any] = []

    def greet(_info: EventInfo, data: SenderInfo) -> None:
        seen.append(router.request(data.name, "greet"))
        seen.append([info.name for info in router.senders()])

    router.add_listener(greet, event=EVENT_CONNECT)
    router.add_sender("thermo", requests={"greet": lambda _params: "hello"})
    assert seen == ["hello", ["thermo"]]


def test_a_listener_that_removes_the_sender_it_hears_of_leaves_the_others_a_true_story() -> None:
    router = Router()
    first = Watcher(router)

    def refuse(_info: EventInfo, _data: SenderInfo) -> None:
        router._senders["thermo"].remove()

    router.add_listener(refuse, "thermo", EVENT_CONNECT)
    last = Watcher(router)
    router.add_sender("thermo")
    assert first.heard == last.heard == [(EVENT_CONNECT, "thermo"), (EVENT_DISCONNECT, "thermo")]


def test_a_presence_listener_that_fails_is_reported_and_the_others_are_told() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)

    def fail(_info: EventInfo, _data: SenderInfo) -> None:
        raise ValueError("broken")

    listener = router.add_listener(fail, event=EVENT_CONNECT)
    watcher = Watcher(router)
    router.add_sender("thermo")
    assert watcher.heard == [(EVENT_CONNECT, "thermo")]
    (error,) = errors
    assert isinstance(error, sigcore.ListenerError)
    assert error.listener is listener
    assert error.info == EventInfo("thermo", EVENT_CONNECT)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_presence_goes_on_after_a_listener_that_would_end_the_program(stop: type[BaseException]) -> None:
    router = Router()

    def leave(_info: EventInfo, _data: SenderInfo) -> None:
        raise stop

    listener = router.add_listener(leave, event=EVENT_CONNECT)
    with pytest.raises(stop):
        router.add_sender("thermo")
    listener.remove()
    watcher = Watcher(router, "valve")
    router.add_sender("valve")
    assert watcher.heard == [(EVENT_CONNECT, "valve")]


@pytest.mark.usefixtures("nothing_left")
def test_connect_and_disconnect_alternate_for_every_listener_while_threads_add_and_remove_senders() -> None:
    router = Router()
    early = Watcher(router)
    stop = threading.Event()
    late: list[Watcher] = []

    def churn(name: str) -> None:
        for _ in range(300):
            router.add_sender(name, "reading").remove()
        router.add_sender(name, "reading")

    def come_late() -> None:
        while not stop.is_set():
            late.append(Watcher(router))
            stop.wait(0.005)

    names = [f"sender{number}" for number in range(4)]
    threads = [threading.Thread(target=churn, args=(name,)) for name in names]
    watching = threading.Thread(target=come_late)
    for thread in (*threads, watching):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watching.join()
    for watcher in (early, *late):
        told: dict[str, list[str]] = defaultdict(list)
        for event, name in watcher.heard:
            told[name].append(event)
        assert sorted(told) == names
        for events in told.values():
            if watcher is not early:  # it may have heard a disconnect before it asked for connects
                events = events[events.index(EVENT_CONNECT) :]
            assert events == [EVENT_CONNECT, EVENT_DISCONNECT] * (len(events) // 2) + [EVENT_CONNECT]


def test_of_a_sender_and_its_successor_the_end_is_told_before_the_beginning() -> None:
    router = Router()
    first = router.add_sender("thermo", "reading")
    present: set[str] = set()

    def replace_it(_info: EventInfo, data: SenderInfo) -> None:
        if data.events == ("reading",):
            first.remove()
            router.add_sender("thermo", "alarm")
            for _ in range(6_000):  # nobody is told of anything before this returns, and not all of it is kept
                router.add_sender("valve").remove()

    router.add_listener(lambda _info, data: present.add(data.name), event=EVENT_CONNECT)
    router.add_listener(lambda _info, data: present.discard(data.name), event=EVENT_DISCONNECT)
    router.add_listener(replace_it, event=EVENT_CONNECT)
    router.add_sender("valve")
    assert present == {"thermo", "valve"}
