# SPDX-License-Identifier: MIT
"""``mem://``: links within one process, between event loops in any threads."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from sigcore import Endpoint, EndpointError
from sigcore._mem import MemCarrier
from sigcore.testing import check_carrier

GATEWAY = Endpoint.parse("mem://gateway")
LIMIT_S = 5.0


class Log(asyncio.Protocol):
    """Keeps what comes, and lets a coroutine of the same loop wait for it."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = b""
        self.pieces: list[bytes] = []
        self.paused = False
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._change = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.received += data
        self._change.set()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._change.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not reached():
                self._change.clear()
                await self._change.wait()


class Taker:
    """A protocol factory for ``listen``; ``end()`` waits for the link that came."""

    def __init__(self) -> None:
        self._ends: asyncio.Queue[Log] = asyncio.Queue()

    def __call__(self) -> Log:
        self._ends.put_nowait(log := Log())
        return log

    async def end(self) -> Log:
        async with asyncio.timeout(LIMIT_S):
            return await self._ends.get()


async def linked() -> tuple[Log, Log]:
    """Return both ends of a link on the running loop, whose listening is closed again."""
    take = Taker()
    listening = await MemCarrier().listen(GATEWAY, take)
    _, near = await MemCarrier().connect(GATEWAY, Log)
    far = await take.end()
    listening.close()
    return cast(Log, near), far


async def ended(log: Log) -> Exception | None:
    async with asyncio.timeout(LIMIT_S):
        return await log.lost


class OtherLoop:
    """An event loop in a thread of its own; it can be closed while links are open."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def call(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(LIMIT_S)

    def close(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(LIMIT_S)
            self.loop.close()


@contextmanager
def other_loop() -> Iterator[OtherLoop]:
    other = OtherLoop()
    try:
        yield other
    finally:
        other.close()


async def listen_on(other: OtherLoop) -> Taker:
    async def listen() -> Taker:
        take = Taker()
        await MemCarrier().listen(GATEWAY, take)
        return take

    return cast(Taker, other.call(listen()))


def test_mem_keeps_every_rule_for_carriers() -> None:
    check_carrier(MemCarrier(), "mem://gateway")


def test_mem_is_local() -> None:
    assert MemCarrier().is_local(GATEWAY)


@pytest.mark.parametrize(
    "text", ["mem://", "mem:///path", "mem://joe:pw@name", "mem://name/path", "mem://name:3000", "mem://name?size=1"]
)
def test_an_endpoint_that_is_more_or_less_than_a_name_is_refused(text: str) -> None:
    async def scenario() -> None:
        with pytest.raises(EndpointError, match="mem://"):
            await MemCarrier().listen(Endpoint.parse(text), Log)
        with pytest.raises(EndpointError, match="mem://"):
            await MemCarrier().connect(Endpoint.parse(text), Log)

    asyncio.run(scenario())


def test_a_name_is_taken_by_one_listener_at_a_time() -> None:
    async def scenario() -> None:
        listening = await MemCarrier().listen(GATEWAY, Log)
        with pytest.raises(OSError, match="listens at mem://gateway already; choose another name") as caught:
            await MemCarrier().listen(GATEWAY, Log)
        assert caught.value.errno == errno.EADDRINUSE
        listening.close()
        (await MemCarrier().listen(GATEWAY, Log)).close()

    asyncio.run(scenario())


def test_closing_twice_does_not_free_the_name_of_another() -> None:
    async def scenario() -> None:
        first = await MemCarrier().listen(GATEWAY, Log)
        first.close()
        second = await MemCarrier().listen(GATEWAY, Log)
        first.close()
        await MemCarrier().connect(GATEWAY, Log)
        second.close()

    asyncio.run(scenario())


def test_connecting_to_nobody_is_refused_with_the_name() -> None:
    async def scenario() -> None:
        with pytest.raises(ConnectionRefusedError, match="nobody in this process listens at mem://gateway"):
            await MemCarrier().connect(GATEWAY, Log)

    asyncio.run(scenario())


def test_a_link_that_comes_while_the_listener_closes_is_reset() -> None:
    async def scenario() -> None:
        take = Taker()
        listening = await MemCarrier().listen(GATEWAY, take)
        _, near = await MemCarrier().connect(GATEWAY, Log)
        listening.close()  # before the loop had a turn to take the link
        assert isinstance(await ended(cast(Log, near)), ConnectionResetError)

    asyncio.run(scenario())


def test_a_factory_that_raises_ends_its_link_and_leaves_the_listener_alone() -> None:
    async def scenario() -> None:
        errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        answers: list[Callable[[], asyncio.Protocol]] = [lambda: 1 // 0, Log]  # type: ignore[list-item, return-value]  # raises
        listening = await MemCarrier().listen(GATEWAY, lambda: answers.pop(0)())
        _, near = await MemCarrier().connect(GATEWAY, Log)
        assert isinstance(await ended(cast(Log, near)), ConnectionResetError)
        assert [type(context["exception"]) for context in errors] == [ZeroDivisionError]
        _, near = await MemCarrier().connect(GATEWAY, Log)
        listening.close()
        near.transport.close()  # type: ignore[attr-defined]  # it is a Log
        assert await ended(cast(Log, near)) is None

    asyncio.run(scenario())


def test_a_protocol_that_raises_ends_its_link_at_both_ends_and_the_loop_is_told() -> None:
    async def scenario() -> None:
        errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        near, far = await linked()
        far.pieces = cast(list[bytes], None)  # data_received fails from now on
        near.transport.write(b"anything")
        assert isinstance(await ended(far), AttributeError)
        assert isinstance(await ended(near), ConnectionResetError)
        assert isinstance(errors[0]["exception"], AttributeError)

    asyncio.run(scenario())


def test_a_protocol_that_closes_its_link_and_then_raises_loses_it_once() -> None:
    class ClosesAndRaises(Log):
        def data_received(self, data: bytes) -> None:
            self.transport.close()
            raise RuntimeError("too late to matter")

    async def scenario() -> None:
        errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        listening = await MemCarrier().listen(GATEWAY, ClosesAndRaises)
        transport, near = await MemCarrier().connect(GATEWAY, Log)
        transport.write(b"anything")
        assert await ended(cast(Log, near)) is None
        listening.close()
        assert [type(context["exception"]) for context in errors] == [RuntimeError]  # a second loss would be another

    asyncio.run(scenario())


def test_abort_tells_the_other_end_even_while_it_does_not_read() -> None:
    async def scenario() -> None:
        near, far = await linked()
        far.transport.pause_reading()
        near.transport.write(b"never read")
        near.transport.abort()
        assert isinstance(await ended(far), ConnectionResetError)
        assert await ended(near) is None
        assert far.received == b""

    asyncio.run(scenario())


def test_what_was_written_before_close_waits_for_a_reader_that_pauses() -> None:
    async def scenario() -> None:
        near, far = await linked()
        far.transport.pause_reading()
        near.transport.write(b"last words")
        near.transport.close()
        assert await ended(near) is None
        assert not far.lost.done()
        far.transport.resume_reading()
        assert await ended(far) is None
        assert far.received == b"last words"

    asyncio.run(scenario())


def test_the_write_buffer_is_what_the_other_end_has_not_taken() -> None:
    async def scenario() -> None:
        near, far = await linked()
        near.transport.set_write_buffer_limits(high=100, low=10)
        assert near.transport.get_write_buffer_limits() == (10, 100)
        far.transport.pause_reading()
        near.transport.write(bytes(100))
        assert not near.paused
        near.transport.write(b"!")
        assert near.paused
        assert near.transport.get_write_buffer_size() == 101
        far.transport.resume_reading()
        await near.until(lambda: not near.paused)
        assert near.transport.get_write_buffer_size() == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("limits", [{"high": 1, "low": 2}, {"low": -1}])
def test_write_buffer_limits_that_contradict_are_refused(limits: dict[str, int]) -> None:
    async def scenario() -> None:
        near, _ = await linked()
        with pytest.raises(ValueError, match="must be at least"):
            near.transport.set_write_buffer_limits(**limits)

    asyncio.run(scenario())


def test_a_buffer_that_changes_after_write_does_not_change_what_arrives() -> None:
    async def scenario() -> None:
        near, far = await linked()
        buffer = bytearray(b"before")
        near.transport.write(buffer)
        near.transport.write(memoryview(buffer)[:3])
        buffer[:] = b"AFTER!"
        await far.until(lambda: len(far.received) == 9)
        assert far.received == b"beforebef"
        assert all(isinstance(piece, bytes) for piece in far.pieces)

    asyncio.run(scenario())


def test_what_is_not_bytes_is_refused_where_it_is_written() -> None:
    async def scenario() -> None:
        near, _ = await linked()
        for wrong in ("text", 7):
            with pytest.raises(TypeError):
                near.transport.write(wrong)  # type: ignore[arg-type]  # the fault under test

    asyncio.run(scenario())


def test_a_link_joins_the_loops_of_two_threads() -> None:
    there, back = bytes(range(256)) * 4096, b"answer" * 100_000

    async def scenario(other: OtherLoop) -> None:
        take = await listen_on(other)
        _, protocol = await MemCarrier().connect(GATEWAY, Log)
        near, far = cast(Log, protocol), other.call(take.end())

        async def answer() -> None:
            far.transport.write(back)
            await far.until(lambda: len(far.received) == len(there))
            far.transport.close()

        answered = asyncio.run_coroutine_threadsafe(answer(), other.loop)
        for at in range(0, len(there), 10_000):
            await near.until(lambda: not near.paused)
            near.transport.write(there[at : at + 10_000])
        assert await ended(near) is None
        assert near.received == back
        assert far.received == there
        await asyncio.wrap_future(answered)

    with other_loop() as other:
        asyncio.run(scenario(other))


def test_a_loop_that_was_closed_resets_the_link_of_whoever_writes_to_it() -> None:
    async def scenario(other: OtherLoop) -> None:
        take = await listen_on(other)
        _, near = await MemCarrier().connect(GATEWAY, Log)
        other.call(take.end())
        other.close()
        near.transport.write(b"hello?")  # type: ignore[attr-defined]  # it is a Log
        assert isinstance(await ended(cast(Log, near)), ConnectionResetError)

    with other_loop() as other:
        asyncio.run(scenario(other))


@pytest.mark.parametrize("end", ["close", "abort"])
def test_a_link_to_a_loop_that_was_closed_can_still_be_ended(end: str) -> None:
    async def scenario(other: OtherLoop) -> None:
        await listen_on(other)
        transport, near = await MemCarrier().connect(GATEWAY, Log)
        other.close()
        getattr(transport, end)()
        assert await ended(cast(Log, near)) is None

    with other_loop() as other:
        asyncio.run(scenario(other))


def test_a_name_that_a_closed_loop_left_behind_is_free() -> None:
    async def scenario(other: OtherLoop) -> None:
        await listen_on(other)
        other.close()
        with pytest.raises(ConnectionRefusedError):
            await MemCarrier().connect(GATEWAY, Log)
        (await MemCarrier().listen(GATEWAY, Log)).close()

    with other_loop() as other:
        asyncio.run(scenario(other))


def test_connecting_to_a_loop_that_is_busy_does_not_wait_for_it() -> None:
    async def scenario(other: OtherLoop) -> None:
        take = await listen_on(other)
        release = threading.Event()
        other.loop.call_soon_threadsafe(release.wait, LIMIT_S)
        transport, _ = await MemCarrier().connect(GATEWAY, Log)
        transport.write(b"when you have time")
        release.set()
        far = other.call(take.end())
        other.call(far.until(lambda: far.received == b"when you have time"))

    with other_loop() as other:
        asyncio.run(scenario(other))
