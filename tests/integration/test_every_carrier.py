# SPDX-License-Identifier: MIT
"""One scenario, over every carrier, with every pair of codecs, in both forms.

``left`` and ``right`` are clients of ``server``, each with its own codec; whoever listens does not notice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import sig_cbor  # noqa: F401  # tells that these tests need the package
import sig_serial  # noqa: F401  # likewise
import sig_tcp  # noqa: F401  # likewise

import sigcore
from sigcore import Peer

from ..waiting import LIMIT_S, Heard, wait_until
from .worlds import World

AT_ONCE_S = 2.0
"""Far below the time-out of any request here."""


@dataclass
class Reading:
    celsius: float
    unit: str = "C"


PLAIN = {
    "int": 2**70,
    "float": 21.5,
    "text": "grün",
    "none": None,
    "flag": True,
    "list": [1, [2, {}]],
    "map": {"": 0},
}


def test_events_arrive_in_order_wherever_sender_and_listener_are(world: World) -> None:
    for sending, others in (
        (world.left, (world.right, world.server)),
        (world.server, (world.left, world.right)),
        (world.right, (world.right, world.left)),  # a client hears its own sender too
    ):
        heard = [Heard() for _ in others]
        for other, one in zip(others, heard, strict=True):
            other.add_listener(one, "thermo", "reading")
        thermo = sending.add_sender("thermo", ["reading", "unheard"])
        for number in range(50):
            sending.do(thermo.trigger, "reading", {"number": number, **PLAIN})
            sending.do(thermo.trigger, "unheard", number)
        for one in heard:
            assert one.wait(50) == [{"number": number, **PLAIN} for number in range(50)]
        sending.do(thermo.remove)
        wait_until(lambda: not world.server.senders(), "the sender leaves")
        assert [len(one.data) for one in heard] == [50] * len(heard)
    assert world.errors.data == []


def test_all_four_kinds_of_subscription_work_across_links(world: World) -> None:
    keys: list[tuple[str | None, str | None]] = [
        ("thermo", "reading"),
        ("thermo", None),
        (None, "reading"),
        (None, None),
    ]
    heard = [Heard() for _ in keys]
    for one, key in zip(heard, keys, strict=True):
        world.right.add_listener(one, *key)
    thermo = world.left.add_sender("thermo", ["reading", "alarm"])
    valve = world.left.add_sender("valve", ["reading"])
    end = world.left.add_sender("end", "end")
    over = Heard()
    world.right.add_listener(over, "end")
    for sender, event in ((thermo, "reading"), (thermo, "alarm"), (valve, "reading"), (end, "end")):
        world.left.do(sender.trigger, event)
    over.wait(1)
    said = [[f"{info.sender}.{info.event}" for info in one.infos] for one in heard]
    assert said == [
        ["thermo.reading"],
        ["thermo.reading", "thermo.alarm"],
        ["thermo.reading", "valve.reading"],
        ["thermo.reading", "thermo.alarm", "valve.reading", "end.end"],
    ]


def test_a_listener_is_told_who_signals_and_with_which_meta(world: World) -> None:
    heard = Heard()
    world.right.add_listener(heard, event="reading")
    meta = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ü": ""}
    for peer, name in ((world.left, "there"), (world.server, "served"), (world.right, "here")):
        sender = peer.add_sender(name, "reading")
        peer.do(sender.trigger, "reading", 1, meta)
        peer.do(sender.trigger, "reading", 2)
        heard.wait(2)
        infos, heard.infos, heard.data = heard.infos, [], []
        who = {"there": "left", "served": "server", "here": None}[name]
        assert [(info.sender, info.event, name_of(info.peer), dict(info.meta)) for info in infos] == [
            (name, "reading", who, meta),
            (name, "reading", who, {}),
        ]


def test_requests_are_answered_wherever_asker_and_sender_are(world: World) -> None:
    asked: list[Any] = []

    def double(params: dict[str, int]) -> dict[str, Any]:
        asked.append(getattr(sigcore.caller(), "name", None))
        return {"twice": params["value"] * 2}

    peers = {"left": world.left, "right": world.right, "server": world.server}
    for holder, peer in peers.items():
        sender = peer.add_sender("math", requests={"double": double}, fallback=lambda method, params: [method, params])
        for asker, asking in peers.items():
            assert asking.request("math", "double", {"value": 21}) == {"twice": 42}
            assert asked.pop() == (None if asker == holder else asker)
            assert asking.request("math", "other", None) == ["other", None]
        peer.do(sender.remove)  # never waits, so the others know a little later
        wait_until(lambda: not world.server.senders(), "the sender leaves")


def name_of(peer: Peer | None) -> str | None:
    """Return what a router calls itself; its identity depends on the carrier."""
    return None if peer is None else peer.name


def fails_at_once(expected: type[Exception], match: str, call: Callable[..., object], *args: Any) -> None:
    began = time.monotonic()
    with pytest.raises(expected, match=match) as caught:
        call(*args)
    assert type(caught.value) is expected
    assert time.monotonic() - began < AT_ONCE_S


def test_a_request_without_a_result_says_exactly_why_and_at_once(world: World) -> None:
    def fail(params: Any) -> None:
        raise ValueError(f"cannot take {params}")

    sender = world.left.add_sender("thermo", requests={"fail": fail, "calibrate": abs})
    for asking in (world.right, world.server):
        ask = partial(asking.request, timeout=60)
        fails_at_once(sigcore.SenderNotFound, "'nobody'", ask, "nobody", "x")
        fails_at_once(sigcore.MethodNotFound, "'x'.*fail, calibrate", ask, "thermo", "x")
        fails_at_once(sigcore.RequestFailed, "ValueError: cannot take 5", ask, "thermo", "fail", 5)
        fails_at_once(sigcore.CodecError, "object", ask, "thermo", "calibrate", object())
        fails_at_once(sigcore.InvalidName, "cannot be a sender name", ask, "x*", "calibrate")
        fails_at_once(sigcore.InvalidName, "cannot be a method name", ask, "thermo", "x" * 256)
        assert ask("thermo", "calibrate", -1) == 1
    world.left.do(sender.remove)
    wait_until(lambda: not world.server.senders(), "the sender leaves")
    for asking in (world.right, world.server):
        fails_at_once(sigcore.SenderNotFound, "'thermo'", asking.request, "thermo", "calibrate")


def test_presence_follows_senders_and_links_and_late_listeners_get_the_present_state(world: World) -> None:
    early = {peer: Heard() for peer in (world.right, world.server)}
    for peer, heard in early.items():
        for event in ("#disconnect", "#connect"):
            peer.add_listener(heard, event=event)
    with_sender = world.left.add_sender("thermo", ["reading"], {"calibrate": abs})
    for peer, heard in early.items():
        (info,) = heard.wait(1)
        assert (info.name, info.events, info.requests, info.connected) == ("thermo", ("reading",), ("calibrate",), True)
        assert info.peer is not None
        assert info.peer.name == "left"
        assert bool(info.peer.endpoint) is (peer is world.server)  # only who holds the link knows
        late = Heard()
        peer.add_listener(late, "thermo", "#connect")
        assert late.wait(1) == [info]
    world.left.do(with_sender.remove)
    world.left.add_sender("valve")
    for heard in early.values():
        heard.wait(3)
    world.left.close()
    for heard in early.values():
        heard.wait(4)
        said = [(info.event, info.sender) for info in heard.infos]
        assert said == [
            ("#connect", "thermo"),
            ("#disconnect", "thermo"),
            ("#connect", "valve"),
            ("#disconnect", "valve"),
        ]


def test_everybody_sees_the_same_senders_and_peers(world: World) -> None:
    for name, peer in (("c", world.server), ("a", world.left), ("b", world.right)):
        peer.add_sender(name, [f"event-{name}"], {f"method-{name}": abs})
    for peer in (world.server, world.left, world.right):
        senders = peer.senders()
        assert [(info.name, info.events, info.requests) for info in senders] == [
            (name, (f"event-{name}",), (f"method-{name}",)) for name in "abc"
        ]
        assert sorted(one.name for one in peer.peers()) == ["left", "right"]
    assert [name_of(info.peer) for info in world.left.senders()] == [None, "right", "server"]
    fails_at_once(sigcore.SenderExists, "'a'", world.right.add_sender, "a")
    fails_at_once(sigcore.SenderExists, "'a'", world.server.add_sender, "a")


def test_typed_data_arrive_as_objects(world: World) -> None:
    heard = Heard()
    world.right.add_listener(heard, "thermo", "reading", type=Reading)
    stream = world.server.do(world.server.router.listen, "thermo", "reading", type=Reading)
    world.server.senders()  # whatever was asked for before has been taken by now
    thermo = world.left.add_sender("thermo", "reading", {"calibrate": lambda _params: {"celsius": 1, "unit": "K"}})
    signal = world.left.do(thermo.signal, "reading", type=Reading)
    world.left.do(signal.trigger, Reading(21.5))
    assert heard.wait(1) == [Reading(21.5)]
    assert world.server.do(stream.get, timeout=LIMIT_S)[1] == Reading(21.5)
    assert world.right.request("thermo", "calibrate", type=Reading) == Reading(1.0, "K")
    world.left.do(signal.trigger, {"celsius": "warm"})
    for _ in range(2):  # one for each of the two listeners
        world.errors.wait(2)
    assert {type(error.__cause__) for error in world.errors.data} == {sigcore.TypeMismatch}
    world.server.do(stream.close)


def test_a_stream_reads_events_of_another_process(world: World) -> None:
    stream = world.right.do(world.right.router.listen, "thermo")
    world.right.senders()  # an answer means that the server has taken the stream as well
    thermo = world.left.add_sender("thermo", "reading")
    for number in range(20):
        world.left.do(thermo.trigger, "reading", number)
    got = [world.right.do(stream.get, timeout=LIMIT_S) for _ in range(20)]
    assert [data for _info, data in got] == list(range(20))
    assert name_of(got[0][0].peer) == "left"
    world.right.do(stream.close)


def test_waiting_for_an_event_that_is_not_declared_warns_whoever_waits(world: World) -> None:
    listener = world.right.add_listener(Heard(), "thermo", "temperature")
    world.left.add_sender("thermo", ["reading"])
    (error,) = world.errors.wait(1)
    assert isinstance(error, sigcore.ListenerError)
    assert isinstance(error.__cause__, sigcore.EventNotDeclared)
    assert error.listener is listener
    late = world.server.add_listener(Heard(), "thermo", "temperature")
    assert world.errors.wait(2)[1].listener is late


def test_a_listener_that_raises_is_reported_and_costs_nobody_anything(world: World) -> None:
    def fail(_info: sigcore.EventInfo, data: Any) -> None:
        raise ValueError(f"cannot take {data}")

    heard = Heard()
    for peer in (world.server, world.left, world.right):
        peer.add_listener(fail, "thermo", "reading")
        peer.add_listener(heard, "thermo", "reading")
    thermo = world.left.add_sender("thermo", "reading")
    for number in range(2):
        world.left.do(thermo.trigger, "reading", number)
    heard.wait(6)
    assert len(world.errors.wait(6)) == 6
    assert {type(error.__cause__) for error in world.errors.data} == {ValueError}
