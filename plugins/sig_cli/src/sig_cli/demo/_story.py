# SPDX-License-Identifier: MIT
"""What the demonstration shows, act by act. All of it is real: server, device, cable and client are what they seem."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import sigcore
from sigcore.aio import ClientRouter, Stream

from .._event_lines import offered
from .._paint import Paint
from .._running import in_time
from .._text import spaced_json
from ._gateway import DEVICE_NAME, Gateway, gateway
from ._path import path_line
from ._stage import Stage

if TYPE_CHECKING:
    from sig_serial.testing import PtyCable

_STORY_S = 14.0
"""About how long the story takes at its normal pace."""

_READING_EVERY_S = 0.5
_PAUSE_S = 1.2
"""Between two acts, so that one can read along."""

_PATIENCE_S = 20.0
"""How long something that must happen may take; far longer than it does."""

_SENDERS = ("thermo", "valve")
_OPEN_PERCENT = 90


async def tell(paint: Paint, seconds: float | None, verbose: int) -> None:
    """Tell the story, then stay until cancelled.

    Args:
        paint: The colours.
        seconds: When to end, from now; a short time makes the story go faster.
        verbose: More than 0 has the device log.

    Raises:
        TimeoutError: Something that must happen did not.
    """
    pace = 1.0 if seconds is None else min(1.0, seconds / _STORY_S)
    ends_at_s = None if seconds is None else asyncio.get_running_loop().time() + seconds
    stage = Stage(paint)
    stage.title("sigcore", "one server, several carriers, several codecs")
    async with gateway() as machine, AsyncExitStack() as stack:
        story = _Story(stage, machine, pace)
        story.show_server()
        await story.pause()
        await stack.enter_async_context(story.listener)
        await story.connect_device(stack, verbose)
        await story.show_readings()
        await story.request_valve()
        if machine.cable is not None:
            await story.unplug(machine.cable)
            await story.replug(machine.cable)
        story.hand_over()
        with stage.live(), suppress(TimeoutError):
            async with asyncio.timeout_at(ends_at_s):
                await story.stay()


class _Story:
    """The acts; each waits for what it shows."""

    def __init__(self, stage: Stage, machine: Gateway, pace: float) -> None:
        self._stage = stage
        self._machine = machine
        self._pace = pace
        self._linked_at = datetime.now(UTC)
        self.listener = ClientRouter(machine.tcp, codec="json", name="dashboard")
        self._came: Stream[Any] = self.listener.listen(None, sigcore.EVENT_CONNECT)
        self._went: Stream[Any] = self.listener.listen(None, sigcore.EVENT_DISCONNECT)

    def show_server(self) -> None:
        """Say where the server listens."""
        server, paint = self._machine.server, self._stage.paint
        self._stage.step("A server listens")
        purposes = {
            "tcp": "for any program",
            "unix": "for programs on this machine",
            "serial": "for what is at the cable",
        }
        self._stage.columns([(paint.url(url), paint.dim(purposes[url.partition(":")[0]])) for url in server.endpoints])
        if self._machine.cable is None:
            self._stage.line(paint.dim("no serial port: this system has no pseudo-terminals to make a cable of"))

    async def connect_device(self, stack: AsyncExitStack, verbose: int) -> None:
        """Start the device and wait until its senders are there."""
        number = await stack.enter_async_context(self._machine.device(_READING_EVERY_S * self._pace, verbose))
        where = "at the other end of the serial cable" if self._machine.cable else "over TCP"
        self._stage.step(f"A device connects {where}", f"process {number}, a thermometer and a valve; it speaks CBOR")
        await self._await_senders(self._came)
        await self.pause()

    async def show_readings(self) -> None:
        """Show that what the device says in CBOR is heard as JSON over TCP."""
        self._stage.step("A dashboard listens over TCP; it speaks JSON", "client.listen()")
        self._events: Stream[Any] = self.listener.listen()
        await self._await_readings(5)

    async def request_valve(self) -> None:
        """Have the valve opened, from the other side of the server."""
        call = f'await client.request("valve", "set", {{"percent": {_OPEN_PERCENT}}})'
        self._stage.step("The dashboard asks the device to open its valve", call)
        began_s = perf_counter()
        answer = await self.listener.request("valve", "set", {"percent": _OPEN_PERCENT})
        took = f"{(perf_counter() - began_s) * 1000:.1f} ms there and back"
        paint = self._stage.paint
        self._stage.line(f"{paint.good('answer')}  {paint.json(spaced_json(answer))}  {paint.dim(took)}")
        await self._await_readings(6)

    async def unplug(self, cable: PtyCable) -> None:
        """Pull the cable; everybody is told."""
        self._stage.step("Somebody pulls the cable")
        cable.unplug()
        await self._await_senders(self._went)
        await self.pause()

    async def replug(self, cable: PtyCable) -> None:
        """Plug it in again; device and server find each other, and what was kept meanwhile arrives."""
        self._stage.step(
            "The cable is plugged in again",
            "both sides connect again by themselves; what the device measured meanwhile",
            "is sent now, so those readings carry earlier times",
        )
        cable.replug()
        await self._await_senders(self._came)
        self._linked_at = datetime.now(UTC)
        await self._await_readings(4)

    def hand_over(self) -> None:
        """Say what the user can do now."""
        self._stage.step("Your turn: in another terminal, try")
        if (line := path_line()) is not None:
            self._stage.line(line)
        for line in (
            f"sig listen {self._machine.tcp}",
            f"sig request {self._machine.tcp} valve set '{{\"percent\": 20}}'",
            f"sig trigger {self._machine.tcp} me hello '\"world\"'",
            f"sig senders {self._machine.tcp}",
        ):
            self._stage.line(line)
        self._stage.line("")
        self._stage.line(self._stage.paint.dim("Ctrl-C ends."))

    async def stay(self) -> None:
        """Show everything that happens, for ever."""
        self._stage.line("")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(self._events, self._show_event))
                tasks.create_task(self._follow(self._came, self._show_presence))
                tasks.create_task(self._follow(self._went, self._show_presence))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # such as a BrokenPipeError, which has a meaning of its own

    async def _follow(self, stream: Stream[Any], show: Callable[[sigcore.EventInfo, Any], object]) -> None:
        async for info, data in stream:
            show(info, data)

    async def _await_senders(self, stream: Stream[Any]) -> None:
        """Show who comes, or goes, until the device's senders have."""
        missing = set(_SENDERS)
        async with in_time(_PATIENCE_S, f"the senders {', '.join(missing)} did not come or go"):
            while missing:
                info, sender = await stream.get()
                self._show_presence(info, sender)
                missing.discard(sender.name)

    async def _await_readings(self, count: int) -> None:
        """Show events until ``count`` readings have come that were made since the link is up."""
        async with in_time(_PATIENCE_S, "the readings did not come"):
            while count:
                info, data = await self._events.get()
                count -= self._show_event(info, data)

    def _show_event(self, info: sigcore.EventInfo, data: Any) -> bool:
        """Show an event; tell whether it is a fresh reading."""
        if info.event != "reading" or info.peer is None or info.peer.name != DEVICE_NAME:
            self._stage.event(info.sender, info.event, data)
            return False
        made_at = datetime.fromisoformat(data["at"])
        is_fresh = made_at >= self._linked_at
        self._stage.reading(made_at, data["celsius"], "" if is_fresh else "made without a link")
        return is_fresh

    def _show_presence(self, _info: sigcore.EventInfo, sender: sigcore.SenderInfo) -> None:
        self._stage.presence(sender.name, offered(sender) if sender.connected else "", came=sender.connected)

    async def pause(self) -> None:
        """Leave time to read."""
        await asyncio.sleep(_PAUSE_S * self._pace)
