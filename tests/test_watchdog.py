# SPDX-License-Identifier: MIT
"""A call that holds a loop, or the thread of listeners, is found out while it does, by its stack."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

import sigcore
from sigcore._logging import RateLimit
from sigcore.aio._watchdog import Watchdog

from .waiting import LIMIT_S, wait_until

SLOW_S = 0.1

pytestmark = pytest.mark.usefixtures("nothing_left")


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "sigcore.watchdog"]


def on_a_watched_loop(*callbacks: Callable[[], object], limit_s: float = SLOW_S, rate: RateLimit | None = None) -> None:
    """Run each callback on a watched loop, the next one when the loop has got on."""

    async def scenario() -> None:
        dog = Watchdog(limit_s, "the loop")
        dog._rate = rate or dog._rate
        dog.start(asyncio.get_running_loop())
        for callback in callbacks:
            callback()
            alive_s = dog.alive_s
            while dog.alive_s == alive_s:  # noqa: ASYNC110  # nobody tells of it
                await asyncio.sleep(SLOW_S / 20)
        dog.stop()

    asyncio.run(scenario())


def test_a_callback_that_holds_the_loop_is_told_of_while_it_does_with_its_stack(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def hold_the_loop() -> None:
        wait_until(lambda: warnings_in(caplog), "the warning comes while the loop is held")

    on_a_watched_loop(hold_the_loop)
    (record,) = warnings_in(caplog)
    assert record.levelno == logging.WARNING
    assert record.stack_info is not None
    assert "in hold_the_loop" in record.stack_info
    assert f"{record.funcName}\n" in record.stack_info
    assert "the loop has been held" in record.getMessage()
    assert "limit is 0.1 s" in record.getMessage()


def test_one_that_goes_on_holding_it_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    on_a_watched_loop(lambda: time.sleep(6 * SLOW_S), rate=RateLimit(0.0))
    assert len(warnings_in(caplog)) == 1


def test_each_that_holds_it_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    on_a_watched_loop(*[lambda: time.sleep(2 * SLOW_S)] * 3, rate=RateLimit(0.0))
    assert len(warnings_in(caplog)) == 3


def test_there_is_one_warning_in_ten_seconds_however_many_hold_it(caplog: pytest.LogCaptureFixture) -> None:
    on_a_watched_loop(*[lambda: time.sleep(2 * SLOW_S)] * 3)
    assert len(warnings_in(caplog)) == 1


def test_callbacks_within_the_limit_are_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    on_a_watched_loop(*[lambda: time.sleep(0.02)] * 5, limit_s=0.5)
    assert warnings_in(caplog) == []


def test_what_lets_no_other_thread_run_is_told_of_too(caplog: pytest.LogCaptureFixture) -> None:
    def hold_everything() -> None:
        sum(range(60_000_000))  # in C, without a pause for other threads

    on_a_watched_loop(hold_everything)
    (record,) = warnings_in(caplog)
    assert "in hold_everything" in str(record.stack_info)


def test_a_loop_that_does_not_run_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    async def start(dog: Watchdog) -> None:
        dog.start(asyncio.get_running_loop())

    async def stop(dog: Watchdog) -> None:
        dog.stop()

    dog = Watchdog(SLOW_S, "the loop")
    with asyncio.Runner() as runner:
        runner.run(start(dog))
        time.sleep(4 * SLOW_S)  # the loop rests
        runner.run(stop(dog))
    assert warnings_in(caplog) == []


def test_a_loop_that_was_closed_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def start() -> None:
        Watchdog(SLOW_S, "the loop").start(asyncio.get_running_loop())

    asyncio.run(start())
    wait_until(lambda: not guards(), "the watching thread ends")
    assert warnings_in(caplog) == []


def test_one_thread_watches_all_and_ends_with_the_last() -> None:
    dogs = [Watchdog(LIMIT_S, "a thread") for _ in range(3)]
    for dog in dogs:
        dog.start_here()
    assert len(guards()) == 1
    for dog in dogs:
        dog.stop()
        dog.stop()  # may be called twice
    wait_until(lambda: not guards(), "the watching thread ends")


def test_a_thread_that_is_watched_may_rest_for_long_and_not_work_for_long(caplog: pytest.LogCaptureFixture) -> None:
    def call_a_listener() -> None:
        wait_until(lambda: warnings_in(caplog), "the warning comes while the listener runs")

    def run() -> None:
        dog = Watchdog(SLOW_S, "the thread of the listeners")
        dog.start_here()
        try:
            time.sleep(4 * SLOW_S)
            assert warnings_in(caplog) == []
            for _ in range(20):
                dog.alive()
                time.sleep(SLOW_S / 10)
            dog.rest()
            time.sleep(4 * SLOW_S)
            assert warnings_in(caplog) == []
            dog.alive()
            call_a_listener()
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            dog.stop()

    failed: list[BaseException] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(2 * LIMIT_S)
    assert failed == []
    (record,) = warnings_in(caplog)
    assert "in call_a_listener" in str(record.stack_info)


@pytest.mark.parametrize("limit_s", [0, -1.0, float("nan")])
def test_a_limit_is_more_than_nothing(limit_s: float) -> None:
    with pytest.raises(ValueError, match="more than 0 s"):
        Watchdog(limit_s, "the loop")


WATCH = f"""
import asyncio, sys
from sigcore.aio._watchdog import Watchdog

async def main():
    dog = Watchdog({SLOW_S}, "the loop")
    dog.start(asyncio.get_running_loop())
    print("watched", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.sleep({4 * SLOW_S})
    dog.stop()

asyncio.run(main())
print("ended", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
def test_a_process_that_was_stopped_is_not_told_of() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "watched\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(10 * SLOW_S)  # for so long
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate("go on\n", timeout=LIMIT_S)
    assert out == "ended\n"
    assert err == ""


FORK = f"""
import os, threading, warnings
from sigcore.aio._watchdog import Watchdog
warnings.simplefilter("ignore")
Watchdog({LIMIT_S}, "the parent").start_here()
child = os.fork()
if child == 0:
    Watchdog({LIMIT_S}, "the child").start_here()
    print([thread.name for thread in threading.enumerate()], flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_that_was_forked_watches_by_a_thread_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert done.stdout == "['MainThread', 'sigcore-watchdog']\n"


def guards() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sigcore-watchdog"]


def test_the_warning_is_printed_with_the_stack_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    sigcore.setup_logger(sigcore.SimpleLogger())
    try:
        on_a_watched_loop(lambda: time.sleep(2 * SLOW_S))
    finally:
        sigcore.setup_logger(None)
    assert "the loop has been held" in (printed := capsys.readouterr().err)
    assert "\n    Stack (most recent call last):" in printed
