# SPDX-License-Identifier: MIT
"""Streams in one process: events to be read instead of being called."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import sigcore
from sigcore import Router

LIMIT_S = 5.0


def reading(router: Router) -> sigcore.Signal[Any]:
    return router.add_sender("thermo", ["reading", "alarm"]).signal("reading")


def test_a_stream_gives_events_in_order_with_who_signals() -> None:
    router = Router()
    signal = reading(router)
    with router.listen("thermo", "reading") as readings:
        for value in range(3):
            signal.trigger(value)
        got = [readings.get(timeout=LIMIT_S) for _ in range(3)]
    assert got == [(sigcore.EventInfo("thermo", "reading"), value) for value in range(3)]


def test_a_stream_takes_the_same_kinds_of_subscription_as_a_listener() -> None:
    router = Router()
    thermo = router.add_sender("thermo", ["reading", "alarm"])
    streams = [router.listen(*key) for key in (("thermo", "alarm"), ("thermo",), (None, "alarm"), ())]
    connects = router.listen(event="#connect")
    thermo.trigger("alarm", "hot")
    for stream in streams:
        assert stream.get(timeout=0)[1] == "hot"
    assert connects.get(timeout=0)[1].name == "thermo"


def test_an_empty_stream_says_so_when_the_time_is_over() -> None:
    with Router().listen() as stream, pytest.raises(sigcore.StreamTimeout, match=r"0\.01 s") as caught:
        stream.get(timeout=0.01)
    assert isinstance(caught.value, TimeoutError)


def test_a_reader_that_waits_is_woken_by_the_event() -> None:
    router = Router()
    signal = reading(router)
    with router.listen("thermo") as stream:
        waiting = threading.Timer(0.05, signal.trigger, args=[21.5])
        waiting.start()
        assert stream.get(timeout=LIMIT_S)[1] == 21.5
        waiting.join()


def test_a_full_stream_drops_its_oldest_counts_them_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()
    signal = reading(router)
    with router.listen("thermo", size=3) as stream:
        for value in range(10):
            signal.trigger(value)
        assert stream.dropped == 7
        assert [stream.get(timeout=0)[1] for _ in range(3)] == [7, 8, 9]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "Stream" in record.getMessage()
    assert "lost an event 'reading' of sender 'thermo' (overflow)" in record.getMessage()


def test_a_stream_holds_a_thousand_events_unless_told_otherwise() -> None:
    router = Router()
    signal = reading(router)
    with router.listen("thermo") as stream:
        for value in range(1_001):
            signal.trigger(value)
        assert stream.dropped == 1
        assert stream.get(timeout=0)[1] == 1


@pytest.mark.parametrize("size", [0, -1])
def test_a_stream_must_hold_something(size: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Router().listen(size=size)


def test_a_closed_stream_gives_what_it_has_and_then_ends() -> None:
    router = Router()
    signal = reading(router)
    stream = router.listen("thermo")
    signal.trigger(1)
    stream.close()
    signal.trigger(2)  # nobody listens any more
    assert [data for _info, data in stream] == [1]
    with pytest.raises(sigcore.StreamClosed):
        stream.get(timeout=0)
    stream.close()  # a second time does no harm


def test_closing_a_stream_ends_an_iteration_that_waits_in_another_thread() -> None:
    router = Router()
    signal = reading(router)
    stream = router.listen("thermo")
    got: list[Any] = []
    begun = threading.Event()

    def read() -> None:
        for _info, data in stream:
            got.append(data)
            begun.set()

    thread = threading.Thread(target=read)
    thread.start()
    signal.trigger(1)
    assert begun.wait(LIMIT_S)
    stream.close()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert got == [1]


def test_two_readers_share_a_stream_without_losing_or_doubling() -> None:
    router = Router()
    signal = reading(router)
    stream = router.listen("thermo", size=5_000)
    got: list[list[int]] = [[], []]
    threads = [threading.Thread(target=lambda kept=kept: kept.extend(data for _info, data in stream)) for kept in got]
    for thread in threads:
        thread.start()
    for value in range(2_000):
        signal.trigger(value)
    stream.close()
    for thread in threads:
        thread.join(LIMIT_S)
    assert sorted(got[0] + got[1]) == list(range(2_000))
    assert got[0] == sorted(got[0])


def test_data_that_does_not_fit_the_type_goes_to_on_error_and_not_into_the_stream() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    signal = reading(router)
    with router.listen("thermo", "reading", type=int) as stream:
        signal.trigger("warm")
        signal.trigger(21)
        assert stream.get(timeout=0)[1] == 21
    (error,) = errors
    assert isinstance(error.__cause__, sigcore.TypeMismatch)
