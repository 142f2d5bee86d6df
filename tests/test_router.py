# SPDX-License-Identifier: MIT
"""The router of one process: who hears what, in which order, and what may be done from inside a listener."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import sigcore
from sigcore import EventInfo, Router

Listening = Callable[[EventInfo, Any], object]


def noting(seen: list[Any], tag: str) -> Listening:
    """Return a listener that notes its tag."""
    return lambda _info, _data: seen.append(tag)


def ignore(_info: EventInfo, _data: Any) -> None:
    """Hear an event and do nothing."""


# who hears what


@pytest.mark.parametrize(
    ("sender", "event", "heard"),
    [
        ("thermo", "reading", ["thermo.reading"]),
        ("thermo", None, ["thermo.reading", "thermo.alarm"]),
        (None, "reading", ["thermo.reading", "valve.reading"]),
        (None, None, ["thermo.reading", "thermo.alarm", "valve.reading"]),
        ("valve", "alarm", []),
    ],
)
def test_a_listener_hears_exactly_what_it_asked_for(sender: str | None, event: str | None, heard: list[str]) -> None:
    router = Router()
    thermo = router.add_sender("thermo", ["reading", "alarm"])
    valve = router.add_sender("valve", ["reading"])
    seen: list[str] = []
    router.add_listener(lambda info, _data: seen.append(f"{info.sender}.{info.event}"), sender, event)
    thermo.trigger("reading")
    thermo.trigger("alarm")
    valve.trigger("reading")
    assert seen == heard


@pytest.mark.parametrize("sender_first", [True, False])
def test_listeners_are_called_from_the_most_specific_to_the_broadest(sender_first: bool) -> None:
    router = Router()
    if sender_first:
        thermo = router.add_sender("thermo", "reading")
    seen: list[str] = []
    for number in ("1", "2"):  # registered in the opposite order, each kind twice
        router.add_listener(noting(seen, f"all{number}"))
        router.add_listener(noting(seen, f"channel{number}"), event="reading")
        router.add_listener(noting(seen, f"sender{number}"), "thermo")
        router.add_listener(noting(seen, f"specific{number}"), "thermo", "reading")
    if not sender_first:
        thermo = router.add_sender("thermo", "reading")
    thermo.trigger("reading")
    assert seen == ["specific1", "specific2", "sender1", "sender2", "channel1", "channel2", "all1", "all2"]


def test_a_channel_may_have_any_name_not_only_those_with_a_hash() -> None:
    router = Router()
    seen: list[str] = []
    router.add_listener(noting(seen, "door"), event="opened")
    router.add_sender("front", "opened").trigger("opened")
    router.add_sender("back", "opened").trigger("opened")
    assert seen == ["door", "door"]


def test_a_listener_may_come_before_its_sender_and_outlives_it() -> None:
    router = Router()
    seen: list[Any] = []
    router.add_listener(lambda _info, data: seen.append(data), "thermo", "reading")
    for value in (1, 2):
        with router.add_sender("thermo", "reading") as thermo:
            thermo.trigger("reading", value)
    assert seen == [1, 2]


def test_a_listener_gets_the_very_object_and_is_told_who_signals() -> None:
    router = Router()
    seen: list[tuple[EventInfo, Any]] = []
    router.add_listener(lambda info, data: seen.append((info, data)), "thermo", "reading")
    data = object()
    router.add_sender("thermo", "reading").trigger("reading", data)
    assert seen == [(EventInfo("thermo", "reading", peer=None), data)]
    assert seen[0][1] is data


def test_the_same_function_registered_twice_is_called_twice_and_removed_one_by_one() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen: list[str] = []
    function = noting(seen, "x")
    first, second = (router.add_listener(function, "thermo", "reading") for _ in range(2))
    thermo.trigger("reading")
    assert seen == ["x", "x"]
    first.remove()
    thermo.trigger("reading")
    assert seen == ["x"] * 3
    second.remove()
    thermo.trigger("reading")
    assert seen == ["x"] * 3


def test_on_registers_a_function_and_gives_it_back() -> None:
    router = Router()
    seen: list[Any] = []

    @router.on(sender="thermo", event="reading", type=int)
    def show(_info: EventInfo, data: int) -> None:
        seen.append(data)

    router.add_sender("thermo", "reading").trigger("reading", 21)
    show(EventInfo("by", "hand"), 5)
    assert seen == [21, 5]


def test_a_router_keeps_its_listeners_although_nobody_keeps_the_handles() -> None:
    router = Router()
    seen: list[str] = []
    router.add_listener(noting(seen, "x"), "thermo", "reading")
    gc.collect()
    router.add_sender("thermo", "reading").trigger("reading")
    assert seen == ["x"]


def test_a_removed_listener_is_forgotten() -> None:
    class Owner:
        def hear(self, _info: EventInfo, _data: Any) -> None:
            pass

    router = Router()
    router.add_sender("thermo", "reading")
    owner = Owner()
    gone = weakref.ref(owner)
    router.add_listener(owner.hear, "thermo", "reading").remove()
    router.add_listener(owner.hear, event="#connect").remove()
    del owner
    gc.collect()
    assert gone() is None


# senders


def test_the_senders_of_a_router_are_listed_by_name_with_what_they_declare() -> None:
    router = Router()
    router.add_sender("valve", requests={"open": abs, "close": abs})
    router.add_sender("thermo", ["reading", "alarm", "reading"])
    assert router.senders() == [
        sigcore.SenderInfo("thermo", ("reading", "alarm")),
        sigcore.SenderInfo("valve", (), ("open", "close")),
    ]
    assert router.peers() == []


def test_a_name_that_is_taken_is_refused_and_free_again_after_removal() -> None:
    router = Router()
    seen: list[str] = []
    router.add_listener(noting(seen, "x"), "thermo", "reading")
    first = router.add_sender("thermo", "reading")
    with pytest.raises(sigcore.SenderExists, match="'thermo'"):
        router.add_sender("thermo", "reading")
    first.trigger("reading")  # the first one is as it was
    first.remove()
    router.add_sender("thermo", "reading").trigger("reading")
    assert seen == ["x", "x"]


def test_an_event_that_is_not_declared_cannot_be_triggered() -> None:
    router = Router()
    thermo = router.add_sender("thermo", ["reading", "alarm"])
    for attempt in (lambda: thermo.trigger("temperature"), lambda: thermo.signal("temperature")):
        with pytest.raises(sigcore.EventNotDeclared, match=r"'temperature'.*reading, alarm"):
            attempt()


BAD_NAMES: list[Any] = ["", "#mine", "a*", "a\nb", "a\x7f", "ä" * 128, "\ud800", 7, b"bytes"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_a_name_that_breaks_the_rules_is_refused_everywhere(name: Any) -> None:
    router = Router()
    attempts: list[Callable[[], object]] = [
        lambda: router.add_sender(name),
        lambda: router.add_sender("thermo", [name]),
        lambda: router.add_sender("thermo", requests={name: abs}),
        lambda: router.add_listener(ignore, name),
        lambda: router.add_listener(ignore, "thermo", name),
    ]
    for attempt in attempts:
        with pytest.raises(sigcore.InvalidName):
            attempt()
    assert router.senders() == []
    router.add_sender("thermo")  # a refused sender holds no name


def test_the_longest_name_works() -> None:
    router = Router()
    name = "ä" * 127 + "x"
    seen: list[str] = []
    router.add_listener(noting(seen, "x"), name, name)
    router.add_sender(name, name).trigger(name)
    assert seen == ["x"]


# removal says so


def test_a_sender_used_after_removal_says_so() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    reading = thermo.signal("reading")
    router.add_listener(ignore, "thermo", "reading")
    thermo.remove()
    attempts: list[Callable[[], object]] = [
        reading.trigger,
        lambda: thermo.trigger("reading"),
        lambda: thermo.signal("reading"),
        thermo.remove,
    ]
    for attempt in attempts:
        with pytest.raises(sigcore.HandleRemoved, match="'thermo'"):
            attempt()
    assert thermo.removed


def test_a_kept_signal_does_not_come_back_to_life_with_a_new_sender_of_that_name() -> None:
    router = Router()
    seen: list[str] = []
    old = router.add_sender("thermo", "reading")
    signal = old.signal("reading")
    old.remove()
    router.add_sender("thermo", "reading")
    router.add_listener(noting(seen, "x"), "thermo", "reading")
    with pytest.raises(sigcore.HandleRemoved):
        signal.trigger()
    assert seen == []


@pytest.mark.parametrize("event", ["reading", "#connect"])
def test_a_listener_removed_twice_says_so(event: str) -> None:
    listener = Router().add_listener(ignore, "thermo", event)
    listener.remove()
    assert listener.removed
    with pytest.raises(sigcore.HandleRemoved, match="ignore"):
        listener.remove()


def test_leaving_with_removes_and_does_not_mind_if_that_was_done() -> None:
    router = Router()
    with router.add_sender("thermo", "reading") as thermo, router.add_listener(ignore, "thermo") as listener:
        listener.remove()
    assert thermo.removed
    assert router.senders() == []


# from inside a listener


def test_a_listener_may_remove_itself_and_others_of_the_same_event() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen: list[str] = []

    def once(_info: EventInfo, _data: Any) -> None:
        seen.append("once")
        handle.remove()
        other.remove()

    router.add_listener(noting(seen, "before"), "thermo", "reading")
    handle = router.add_listener(once, "thermo", "reading")
    router.add_listener(noting(seen, "after"), "thermo", "reading")
    other = router.add_listener(noting(seen, "other"))
    thermo.trigger("reading")
    assert seen[:3] == ["before", "once", "after"]
    del seen[:]
    thermo.trigger("reading")
    assert seen == ["before", "after"]


def test_a_listener_that_is_added_by_another_hears_from_the_next_event_on() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen: list[Any] = []

    def add(_info: EventInfo, data: Any) -> None:
        if data == 1:
            router.add_listener(lambda _info, data: seen.append(data), "thermo", "reading")

    router.add_listener(add, "thermo", "reading")
    thermo.trigger("reading", 1)
    thermo.trigger("reading", 2)
    assert seen == [2]


def test_a_listener_may_trigger_the_event_that_it_hears() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen: list[int] = []

    def count_down(_info: EventInfo, data: int) -> None:
        seen.append(data)
        if data:
            thermo.trigger("reading", data - 1)

    router.add_listener(count_down, "thermo", "reading", type=int)
    thermo.trigger("reading", 3)
    assert seen == [3, 2, 1, 0]


def test_a_listener_may_add_and_remove_senders_and_make_requests() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading", requests={"unit": lambda _params: "C"})
    seen: list[Any] = []

    def hear(_info: EventInfo, _data: Any) -> None:
        seen.append(router.request("thermo", "unit"))
        with router.add_sender("echo", "echoed") as echo:
            echo.trigger("echoed", "during")
        thermo.remove()

    router.add_listener(lambda _info, data: seen.append(data), event="echoed")
    router.add_listener(hear, "thermo", "reading")
    router.add_listener(noting(seen, "still called"), "thermo", "reading")
    thermo.trigger("reading")
    assert seen == ["C", "during", "still called"]
    assert router.senders() == []


# what is no listener


def test_an_async_listener_is_refused_where_there_is_no_loop() -> None:
    async def hear(_info: EventInfo, _data: Any) -> None: ...

    class Hearing:
        async def __call__(self, _info: EventInfo, _data: Any) -> None: ...

    for callback in (hear, Hearing()):
        with pytest.raises(TypeError, match=r"sigcore\.aio"):
            Router().add_listener(callback)


def test_what_cannot_be_called_is_refused_as_a_listener() -> None:
    with pytest.raises(TypeError, match=r"\(info, data\)"):
        Router().add_listener("thermo")  # type: ignore[call-overload]  # that it is refused is what is tested
