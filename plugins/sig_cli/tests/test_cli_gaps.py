# SPDX-License-Identifier: MIT
"""What ``sig listen`` says of events that were lost, and what it takes from before."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from typing import Any

import pytest
from sig_cli._gaps import Gaps, gap_json, gap_words
from sig_cli._output import Output
from sig_cli._paint import Paint
from sig_cli._printer import Printer

import sigcore

LIMIT_S = 20.0

READING = sigcore.EventInfo("thermo", "reading", sigcore.Peer("workshop"))

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets and pipes as POSIX has them")


def wait_for_listener(router: sigcore.Router, signal: sigcore.Signal[Any]) -> None:
    """Return when somebody else hears a signal; until then it is triggered with ``None``."""
    until_s = time.monotonic() + LIMIT_S
    while not router.deliver(signal, None):
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "latest"])
def test_every_event_is_printed_or_counted_in_a_gap_in_its_place(sig: Any, policy: str) -> None:
    """Nobody reads until all is triggered: 8 MB, more than the pipe, the command and the server hold together."""
    count = 20_000
    with sigcore.ServerRouter("tcp://127.0.0.1:0") as server:
        tick = server.add_sender("clock", events=["tick"]).signal("tick")
        with sig.running("listen", "--json", "--policy", policy, server.endpoints[0], "clock") as ear:
            wait_for_listener(server, tick)
            for number in range(count):
                tick.trigger({"number": number, "filling": "x" * 400})
            expected, lost, causes = 0, 0, set()
            while expected + lost < count:
                record = ear.record()
                if record.get("what") == "gap":
                    assert (record["sender"], record["event"]) == ("clock", "tick")
                    lost += record["count"]
                    causes.add(record["cause"])
                elif record["data"] is not None:
                    assert record["data"]["number"] == expected + lost
                    expected, lost = record["data"]["number"] + 1, 0
    assert causes == {"conflated" if policy == "latest" else "overflow"}


@needs_posix
def test_a_server_that_was_restarted_is_told_at_once_as_a_gap(sig: Any, tmp_path: Any) -> None:
    endpoint = f"unix://{tmp_path}/s"
    with sigcore.ServerRouter(endpoint) as first:
        tick = first.add_sender("clock", events=["tick"]).signal("tick")
        with sig.running("listen", endpoint, "clock", "tick") as ear:
            wait_for_listener(first, tick)
            assert ear.line().endswith("  clock  tick  null")
            first.close()
            with sigcore.ServerRouter(endpoint):
                assert ear.line().split("  ", 1)[1] == "-- events of clock tick may be lost (session_lost)"


def test_events_that_are_kept_come_first_where_that_is_asked_for(sig: Any) -> None:
    with sigcore.ServerRouter("tcp://127.0.0.1:0") as server:
        thermo = server.add_sender("thermo", events=["reading"], keep=3)
        for celsius in range(5):
            thermo.trigger("reading", celsius)
        listen = ("listen", "--json", server.endpoints[0], "thermo", "--count", "2", "--replay")
        assert [json.loads(line)["data"] for line in sig(*listen, "2").stdout.splitlines()] == [3, 4]
        assert [json.loads(line)["data"] for line in sig(*listen, "9").stdout.splitlines()] == [2, 3]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--policy", "newest"], "drop_newest"),
        (["--replay", "-1"], "-1"),
        (["#connect", "--policy", "latest"], "--policy and --replay are not for #connect"),
        (["*", "#disconnect", "--replay", "1"], "--policy and --replay are not for #disconnect"),
    ],
)
def test_terms_that_make_no_sense_are_wrong_usage(sig: Any, args: list[str], says: str) -> None:
    done = sig("listen", "tcp://127.0.0.1:1", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "-- 1 event of thermo reading was lost (overflow)"),
        (12, "-- 12 events of thermo reading were lost (overflow)"),
        (None, "-- events of thermo reading may be lost (overflow)"),
    ],
)
def test_people_read_a_gap_as_a_sentence(count: int | None, words: str) -> None:
    line = gap_words(Paint(on=False), READING, sigcore.Gap(count, "overflow"))
    assert line.partition("  ")[2] == words


def test_a_gap_as_a_json_object_has_a_kind_of_its_own() -> None:
    record = json.loads(gap_json(READING, sigcore.Gap(None, "session_lost")))
    assert record.pop("time")
    expected = {"what": "gap", "sender": "thermo", "event": "reading", "peer": "workshop"}
    assert record == {**expected, "count": None, "cause": "session_lost"}


def test_nothing_that_a_gap_names_reaches_the_terminal_unescaped() -> None:
    info = sigcore.EventInfo("a\x1b[31m", "b\n")
    assert gap_words(Paint(on=False), info, sigcore.Gap(1, "overflow")).isprintable()


@needs_posix
def test_a_loss_is_printed_when_somebody_reads_again_also_where_no_event_comes_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as reader, os.fdopen(writing, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)

        def next_loss() -> str:
            return next(line for line in reader if line.startswith("{"))

        async def scenario() -> str:
            async with Printer() as printer:
                gaps = Gaps(printer, Output(as_json=True))
                printer.offer("x" * 500_000)  # more than a pipe holds
                while printer.offer("x"):
                    pass
                gaps.lost(READING, sigcore.Gap(7, "overflow"))
                reading_along = asyncio.create_task(asyncio.to_thread(next_loss))
                await asyncio.wait([reading_along], timeout=LIMIT_S)
                printer.offer('{"count": 0}')  # ends a reader that saw no loss
                return await reading_along

        assert json.loads(asyncio.run(scenario()))["count"] == 7


@needs_posix
def test_losses_that_cannot_be_printed_are_added_up_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as reader, os.fdopen(writing, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        printed: list[str] = []

        def read() -> None:
            while not printed or "the end" not in printed[-1]:
                printed.append(reader.readline())

        async def scenario() -> None:
            async with Printer() as printer:
                gaps = Gaps(printer, Output(as_json=True))
                printer.offer("x" * 500_000)  # more than a pipe holds
                while printer.offer("x"):
                    pass
                gaps.lost(READING, sigcore.Gap(1, "overflow"))
                gaps.lost(READING, sigcore.Gap(None, "session_lost"))
                gaps.lost(READING, sigcore.Gap(2, "overflow"))
                reading_along.start()
                await gaps.told()
                await printer.line("the end")

        reading_along = threading.Thread(target=read)
        asyncio.run(scenario())
        reading_along.join(10)
    told = [json.loads(line) for line in printed if line.startswith("{")]
    assert [(record["count"], record["cause"]) for record in told] == [(3, "overflow"), (None, "session_lost")]
