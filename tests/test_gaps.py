# SPDX-License-Identifier: MIT
"""Losses are told to the listener, in their place among the events; without ``on_gap`` they are logged and counted."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import sigcore
import sigcore.aio
from sigcore import EventInfo, Gap, ListenerError, Router, Signal

from .waiting import LIMIT_S, wait_until

LOST = Gap(3, "session_lost")
UNKNOWN = Gap(None, "session_lost")

Told = list[Any]


def reading(router: Router) -> Signal[Any]:
    return router.add_sender("thermo", ["reading", "alarm"]).signal("reading")


class Diary:
    """Keeps events and gaps in the order in which they are told."""

    def __init__(self) -> None:
        self.told: Told = []
        self.threads: list[int] = []
        self._changed = asyncio.Event()

    def event(self, _info: EventInfo, data: Any) -> None:
        self.told.append(data)
        self._changed.set()

    def gap(self, info: EventInfo, gap: Gap) -> None:
        self.told.append((f"{info.sender}/{info.event}", gap))
        self.threads.append(threading.get_ident())
        self._changed.set()

    async def slow_event(self, info: EventInfo, data: Any) -> None:
        await asyncio.sleep(0)
        self.event(info, data)

    async def slow_gap(self, info: EventInfo, gap: Gap) -> None:
        await asyncio.sleep(0)
        self.gap(info, gap)

    async def until(self, number: int) -> Told:
        """Return what was told, once that is so many things."""
        while len(self.told) < number:
            self._changed.clear()
            await self._changed.wait()
        return self.told


# plain listeners


def test_a_gap_is_told_between_the_events_before_and_after_it() -> None:
    router, diary = Router(), Diary()
    signal = reading(router)
    router.add_listener(diary.event, "thermo", on_gap=diary.gap)
    signal.trigger(1)
    signal.report_gap(LOST)
    signal.trigger(5)
    assert diary.told == [1, ("thermo/reading", LOST), 5]


def test_a_gap_is_told_to_every_listener_of_the_event_and_to_no_other() -> None:
    router = Router()
    signal = reading(router)
    diaries = [Diary() for _ in range(4)]
    for diary, key in zip(diaries, [("thermo", "reading"), (), (None, "reading"), ("thermo", "alarm")], strict=True):
        router.add_listener(diary.event, *key, on_gap=diary.gap)
    signal.report_gap(LOST)
    assert [len(diary.told) for diary in diaries] == [1, 1, 1, 0]


def test_a_failing_on_gap_is_reported_as_a_failing_listener_and_stops_nobody() -> None:
    errors: list[Any] = []
    router, diary = Router(on_error=errors.append), Diary()
    signal = reading(router)

    def fail(_info: EventInfo, _gap: Gap) -> None:
        raise LookupError("no place for gaps")

    failing = router.add_listener(diary.event, "thermo", on_gap=fail)
    router.add_listener(diary.event, "thermo", on_gap=diary.gap)
    signal.report_gap(LOST)
    signal.trigger(1)
    assert diary.told == [("thermo/reading", LOST), 1, 1]
    (error,) = errors
    assert isinstance(error, ListenerError)
    assert error.listener is failing
    assert error.info == signal.info
    assert isinstance(error.__cause__, LookupError)


def test_what_ends_the_program_is_no_failure_of_on_gap() -> None:
    router = Router()
    signal = reading(router)

    def leave(_info: EventInfo, _gap: Gap) -> None:
        raise SystemExit(3)

    router.add_listener(print, "thermo", on_gap=leave)
    with pytest.raises(SystemExit):
        signal.report_gap(LOST)


def test_without_on_gap_a_gap_is_logged_with_its_number_and_cause(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()
    signal = reading(router)
    router.add_listener(print, "thermo")
    signal.report_gap(LOST)
    signal.report_gap(LOST)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "lost 3 events 'reading' of sender 'thermo' (session_lost)" in record.getMessage()


def test_with_on_gap_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    router, diary = Router(), Diary()
    signal = reading(router)
    router.add_listener(diary.event, "thermo", on_gap=diary.gap)
    signal.report_gap(LOST)
    assert diary.told
    assert caplog.records == []


@pytest.mark.parametrize("on_gap", [None, lambda _info, _gap: None], ids=["without on_gap", "with on_gap"])
def test_every_loss_is_counted_by_its_cause_told_or_not(on_gap: Any) -> None:
    with sigcore.ServerRouter("mem://counted") as server:
        signal = server.add_sender("thermo", "reading").signal("reading")
        server.add_listener(lambda _info, _data: None, "thermo", on_gap=on_gap)
        stream = server.listen("thermo", size=2, on_gap=on_gap)
        for value in range(5):
            signal.trigger(value)
        signal.report_gap(Gap(4, "too_large"))
        signal.report_gap(Gap(None, "disconnected"))
        counters = server.counters
    assert stream.dropped == 3
    assert counters["gap_overflow"] == 3
    assert counters["gap_too_large"] == 8  # by the listener and by the stream
    assert counters["gap_disconnected"] == 2


def test_a_removed_listener_is_told_of_no_gap() -> None:
    router, diary = Router(), Diary()
    signal = reading(router)
    listener = router.add_listener(diary.event, "thermo", on_gap=diary.gap)
    listener.remove()
    signal.report_gap(LOST)
    listener.lost(signal.info, LOST)
    assert diary.told == []


# streams


def test_a_stream_tells_of_a_gap_where_its_reader_reads_past_it() -> None:
    router, diary = Router(), Diary()
    signal = reading(router)
    with router.listen("thermo", on_gap=diary.gap) as stream:
        for step in ((signal.trigger, 1), (signal.report_gap, LOST), (signal.trigger, 5)):
            thread = threading.Thread(target=step[0], args=step[1:])
            thread.start()
            thread.join()
        assert stream.get(timeout=0)[1] == 1
        assert diary.told == []
        assert stream.get(timeout=0)[1] == 5
    assert diary.told == [("thermo/reading", LOST)]
    assert diary.threads == [threading.get_ident()]


def test_a_reader_that_waits_is_told_of_a_gap_at_once_and_goes_on_waiting() -> None:
    router, diary = Router(), Diary()
    signal = reading(router)
    with router.listen("thermo", on_gap=diary.gap) as stream:
        got: list[Any] = []
        reader = threading.Thread(target=lambda: got.append(stream.get(timeout=LIMIT_S)[1]))
        reader.start()
        signal.report_gap(LOST)
        wait_until(lambda: diary.told, "the gap was told")
        assert got == []
        signal.trigger(1)
        reader.join(LIMIT_S)
        assert got == [1]


def test_a_gap_does_not_lengthen_the_time_that_a_reader_waits() -> None:
    router, diary = Router(), Diary()
    signal = reading(router)
    with router.listen("thermo", on_gap=diary.gap) as stream:
        signal.report_gap(LOST)
        with pytest.raises(sigcore.StreamTimeout):
            stream.get(timeout=0.01)
    assert diary.told == [("thermo/reading", LOST)]


def test_a_closed_stream_still_tells_of_the_gaps_between_what_can_be_read() -> None:
    router, diary = Router(), Diary()
    signal = reading(router)
    stream = router.listen("thermo", on_gap=diary.gap)
    signal.trigger(1)
    signal.report_gap(LOST)
    stream.close()
    assert [data for _info, data in stream] == [1]
    assert diary.told == [("thermo/reading", LOST)]


def test_losses_with_no_event_between_them_are_told_as_one_for_each_event_and_cause() -> None:
    router, diary = Router(), Diary()
    thermo = router.add_sender("thermo", ["reading", "alarm"])
    with router.listen("thermo", on_gap=diary.gap) as stream:
        for event, gap in [("reading", LOST), ("alarm", UNKNOWN), ("reading", Gap(1, "too_large")), ("reading", LOST)]:
            thermo.signal(event).report_gap(gap)
        thermo.signal("alarm").report_gap(LOST)
        thermo.trigger("alarm", 1)
        thermo.signal("reading").report_gap(LOST)
        thermo.trigger("alarm", 2)
        assert [stream.get(timeout=0)[1] for _ in range(2)] == [1, 2]
    assert diary.told == [
        ("thermo/reading", Gap(6, "session_lost")),
        ("thermo/alarm", UNKNOWN),
        ("thermo/reading", Gap(1, "too_large")),
        ("thermo/reading", LOST),
    ]


def test_losses_of_very_many_events_are_told_together() -> None:
    router, diary = Router(), Diary()
    thermo = router.add_sender("thermo", [str(number) for number in range(102)])
    with router.listen("thermo", on_gap=diary.gap) as stream:
        for number in range(102):
            thermo.signal(str(number)).report_gap(LOST)
        thermo.trigger("0")
        stream.get(timeout=0)
    assert [where for where, _gap in diary.told] == [*(f"thermo/{number}" for number in range(100)), "*/*"]
    assert sum(gap.count for _where, gap in diary.told) == 3 * 102


def test_a_failing_on_gap_of_a_stream_costs_its_reader_no_event() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    signal = reading(router)

    def fail(_info: EventInfo, _gap: Gap) -> None:
        raise LookupError("no place for gaps")

    with router.listen("thermo", on_gap=fail) as stream:
        signal.report_gap(LOST)
        signal.trigger(1)
        assert stream.get(timeout=0)[1] == 1
    assert [type(error.__cause__) for error in errors] == [LookupError]


# asyncio


@pytest.mark.parametrize("name", ["gap", "slow_gap"])
def test_an_async_listener_is_told_of_a_gap_in_its_place(name: str) -> None:
    async def scenario() -> Told:
        diary = Diary()
        async with asyncio.timeout(LIMIT_S), sigcore.aio.Router() as router:
            signal = (await router.add_sender("thermo", "reading")).signal("reading")
            await router.add_listener(diary.slow_event, "thermo", on_gap=getattr(diary, name))
            signal.trigger(1)
            signal.report_gap(LOST)
            signal.trigger(5)
            return await diary.until(3)

    assert asyncio.run(scenario()) == [1, ("thermo/reading", LOST), 5]


def test_an_async_on_gap_that_fails_is_reported_and_the_listener_goes_on() -> None:
    errors: list[Exception] = []

    async def fail(_info: EventInfo, _gap: Gap) -> None:
        raise LookupError("no place for gaps")

    async def scenario() -> Told:
        diary = Diary()
        async with asyncio.timeout(LIMIT_S), sigcore.aio.Router(on_error=errors.append) as router:
            signal = (await router.add_sender("thermo", "reading")).signal("reading")
            await router.add_listener(diary.slow_event, "thermo", on_gap=fail)
            signal.report_gap(LOST)
            signal.trigger(5)
            return await diary.until(1)

    assert asyncio.run(scenario()) == [5]
    assert [type(error.__cause__) for error in errors] == [LookupError]


def test_an_asyncio_stream_tells_of_a_gap_where_its_reader_reads_past_it() -> None:
    async def scenario() -> Told:
        diary = Diary()
        async with asyncio.timeout(LIMIT_S), sigcore.aio.Router() as router:
            signal = (await router.add_sender("thermo", "reading")).signal("reading")
            async with router.listen("thermo", on_gap=diary.gap) as stream:
                signal.trigger(1)
                signal.report_gap(LOST)
                diary.event(*await stream.get())
                reader = asyncio.create_task(stream.get())
                await diary.until(2)
                signal.trigger(5)
                diary.event(*await reader)
        return diary.told

    assert asyncio.run(scenario()) == [1, ("thermo/reading", LOST), 5]


# what cannot be


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"policy": "drop_oldset"}, ValueError, "did you mean 'drop_oldest'.*block, drop_oldest, drop_newest, latest"),
        ({"policy": None}, ValueError, "known: block"),
        ({"replay": -1}, ValueError, "found -1"),
        ({"replay": True}, TypeError, "found True"),
        ({"replay": 1.5}, TypeError, r"found 1\.5"),
        ({"on_gap": "print"}, TypeError, r"function of \(info, gap\), not str"),
        ({"event": "#connect", "policy": "latest"}, ValueError, "#connect and #disconnect"),
        ({"event": "#disconnect", "replay": 1}, ValueError, "#connect and #disconnect"),
        ({"on_gap": Diary().slow_gap}, TypeError, "goes with an 'async def' listener"),
    ],
)
@pytest.mark.parametrize("router", [Router, sigcore.aio.Router])
def test_terms_that_make_no_sense_are_refused_at_once(
    router: Any, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    async def on() -> None:
        router().on(**options)(print)

    async def listen() -> None:
        router().listen(**options)

    async def add_listener() -> None:
        added = router().add_listener(print, **options)
        if asyncio.iscoroutine(added):
            await added

    for ask in (on, listen, add_listener):
        with pytest.raises(error, match=text):
            asyncio.run(ask())


def test_presence_takes_the_terms_that_go_without_saying_and_an_on_gap() -> None:
    listener = Router().add_listener(print, event="#connect", on_gap=print, policy="block", replay=0)
    assert (listener.on_gap, listener.policy, listener.replay) == (print, "block", 0)


@pytest.mark.parametrize(
    ("sender", "event", "named"),
    [
        ("thermo", "reading", "thermo/reading"),
        ("thermo", None, "thermo/*"),
        (None, "alarm", "*/alarm"),
        (None, None, "*/*"),
    ],
)
def test_a_lost_session_is_told_of_whatever_the_listener_listens_to(
    sender: str | None, event: str | None, named: str
) -> None:
    async def scenario() -> None:
        diary = Diary()
        server = sigcore.aio.ServerRouter("mem://restarted")
        await server.open()
        async with sigcore.aio.ClientRouter("mem://restarted", reconnect_delay=0.01) as client:
            await client.add_listener(diary.event, sender, event, on_gap=diary.gap)
            await server.close()
            async with asyncio.timeout(LIMIT_S):
                assert await diary.until(1) == [(named, UNKNOWN)]

    asyncio.run(scenario())


def test_the_log_names_of_a_gap_what_it_is_known_to_be_of(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()
    listener = router.add_listener(print, "thermo")
    listener.lost(EventInfo("thermo", "*"), UNKNOWN)
    (record,) = caplog.records
    assert "may have lost events of sender 'thermo' (session_lost)" in record.getMessage()
