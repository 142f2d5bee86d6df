# SPDX-License-Identifier: MIT
"""One device: its translator between the bytes of its port and a router of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import sigcore
import sigcore.aio

from ._description import Description
from ._errors import BadParameters, BadReply, DeviceBusy, DeviceGone, DeviceRefused, DeviceSilent
from ._happenings import Event, Happening, NoReply, Oddity, Reply, Send
from ._inside import Inside
from ._translator import Translator
from ._warning import Warnings

LAST_WORDS_S = 0.05
"""What the device said last has that time to reach the server before the device counts as lost."""

LEAVE_S = 0.25
"""So long the end waits until the server has the last events."""

LEAVE_PORT_S = 1.0
"""So long the end waits until the device has taken what was written; one that takes nothing is left then."""

Console = Callable[[str, str], None]
"""Takes text that is no event: where it is from, and a line."""

_OPEN_TIMEOUT_S = 10.0

_RECONNECT_S = 0.25
"""The link waits for the device, not for the server; so a device that comes and goes is not kept waiting for more."""

_TURN_BYTES = 8 * 1024
"""What is translated before the loop does something else: some 500 lines, or 10 ms."""

_ERRORS = {"silent": DeviceSilent, "bad_reply": BadReply, "refused": DeviceRefused, "gone": DeviceGone}


class Device:
    """A device that may come and go, and the sender that stands for it.

    The sender is registered when the device first appears. When the device is lost, the link of its router is lost
    with it; when it is back, the session goes on.

    Args:
        name: The sender's name.
        description: What the device is like.
        inside: Its way to the server.
        console: Takes lines that are no events, and where they are from; ``None`` where there is no such place.

    Attributes:
        port: Where it is, or was last, in words.
    """

    def __init__(self, name: str, description: Description, inside: Inside, console: Console | None) -> None:
        self.port = ""
        self._name = name
        self._description = description
        self._inside = inside
        self._console = console
        self._loop = asyncio.get_running_loop()
        self._translator = Translator(description)
        self._warnings = Warnings(name)
        self._wire: asyncio.Transport | None = None
        self._router: sigcore.aio.ClientRouter | None = None
        self._signals: dict[str, sigcore.Signal[Any]] = {}
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._is_heard = False  # whether what it says is translated
        self._unread = bytearray()  # what is not translated yet
        self._next_turn: asyncio.Handle | None = None
        self._dropped = 0  # events
        self._untold = 0  # of these, those that no listener was told of
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0
        self._turns = asyncio.Lock()  # for coming and going, one after the other
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._giving_up: asyncio.TimerHandle | None = None

    @property
    def is_there(self) -> bool:
        """Whether the device is there."""
        return self._wire is not None

    def status(self) -> dict[str, Any]:
        """Return how it is, in plain values."""
        counters = self._translator.counters
        kinds = ("bytes", "lines", "unmatched", "undecodable", "overlong", "unanswered", "refused")
        return {"sender": self._name, **{kind: counters[kind] for kind in kinds}, "events_dropped": self._dropped}

    def is_known_as(self, identity: sigcore.MediumIdentity) -> None:
        """Tell the server from now on who it is, as its medium proves it."""
        self._inside.identity = identity

    # What its port tells, on the loop.

    def appeared(self, wire: asyncio.Transport, port: str) -> None:
        """The device is there."""
        self._wire, self.port = wire, port
        self._unread.clear()
        wire.pause_reading()
        self._do(self._begin(wire))

    def received(self, data: bytes) -> None:
        """It said something."""
        self._unread += data
        if self._is_heard and self._next_turn is None:
            self._read_on()

    def hold(self) -> None:
        """It takes no more for now."""
        self._translator.hold()

    def go_on(self) -> None:
        """It takes more."""
        self._perform(self._translator.go_on(self._loop.time()))

    def lost(self, cause: Exception) -> None:
        """The device is gone."""
        self._wire = None
        if self._giving_up is not None:
            self._giving_up.cancel()
        if self._is_closing:
            return
        self._stop_hearing()
        self._perform(self._translator.left(f"the device was lost ({cause})"))
        self._do(self._end(cause))

    # What the listening asks for.

    def close(self) -> None:
        """End: leave the port, and take leave of the server. What was said before is still sent."""
        if self._is_closing:
            return
        self._is_closing = True
        self._is_heard = False
        for task in self._tasks:
            task.cancel()
        for handle in (self._timer, self._next_turn):
            if handle is not None:
                handle.cancel()
        if self._wire is not None:
            self._wire.close()
            self._giving_up = self._loop.call_later(LEAVE_PORT_S, self._wire.abort)
        self._do(self._leave_server())

    async def wait_closed(self) -> None:
        """Return when nothing of it is left, after ``close``."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Coming and going.

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(job, name=f"sig-lines {self._name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, wire: asyncio.Transport) -> None:
        async with self._turns:
            if self._wire is not wire:
                return
            await self._inside.open()
            if self._router is None and not await self._open_router():
                wire.close()  # it is there again soon, and so is another try
            elif self._wire is wire:
                self._hear(wire)

    def _hear(self, wire: asyncio.Transport) -> None:
        self._is_heard = True
        self._perform(self._translator.appeared(self._loop.time()))
        if self._wire is wire:
            self._read_on()

    def _read_on(self) -> None:
        """Translate some of what it said; what is left has its turn after whatever else the loop has to do."""
        piece = bytes(self._unread[:_TURN_BYTES])
        del self._unread[:_TURN_BYTES]
        self._next_turn = self._loop.call_soon(self._read_on) if self._unread else None
        if self._wire is not None and self._next_turn is not None:
            self._wire.pause_reading()
        elif self._wire is not None:
            self._wire.resume_reading()
        self._perform(self._translator.receive(piece, self._loop.time()) if piece else [])

    def _stop_hearing(self) -> None:
        """Translate the last that it said, and no more."""
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        if self._is_heard:
            self._perform(self._translator.receive(bytes(self._unread), self._loop.time()))
        self._is_heard = False

    async def _end(self, cause: Exception) -> None:
        async with self._turns:
            if self._inside.is_linked:
                await asyncio.sleep(LAST_WORDS_S)
            self._inside.shut(cause)

    async def _open_router(self) -> bool:
        """Become a client of the server, by the first codec that it takes; tell whether that worked."""
        names = [info.name for info in sigcore.list_plugins() if info.kind == "codec"]
        for codec in sorted(names, key=lambda name: name != "json"):
            router = sigcore.aio.ClientRouter(
                self._inside.endpoint,
                codec=codec,
                name=self._name,
                connect_timeout=_OPEN_TIMEOUT_S,
                reconnect_delay=_RECONNECT_S,
                slow_callback=None,  # the server's own loop, which it watches
                on_error=self._refused,
            )
            self._router = router  # at once, so that whatever ends this closes it
            try:
                self._signals = await self._register(router)
                await router.open()
            except (sigcore.SigError, OSError) as error:
                self._router = None
                await router.close()
                if getattr(error, "code", "") != "codec":
                    self._refused(error)
                    return False
            else:
                return True
        self._refused(LookupError("it takes none of the codecs that are installed"))
        return False

    async def _register(self, router: sigcore.aio.ClientRouter) -> dict[str, sigcore.Signal[Any]]:
        requests = {method: partial(self._answer, method) for method in self._description.requests}
        sender = await router.add_sender(self._name, events=self._description.events, requests=requests)
        return {event: sender.signal(event) for event in self._description.events}

    def _refused(self, error: Exception) -> None:
        self._warnings.warn("refused", f"the server does not take the device: {error}", self._loop.time())

    async def _leave_server(self) -> None:
        if self._router is not None:
            # A server that closes takes no more events, which the router would wait for longer than anybody here.
            await asyncio.wait([self._loop.create_task(self._router.close())], timeout=LEAVE_S)
        self._inside.close()

    # From and to the translator.

    async def _answer(self, method: str, params: Any) -> Any:
        if not self._is_heard:
            raise DeviceGone(f"{self._name} is not there; the request {method!r} was not sent")
        try:
            number = self._translator.ask(method, params)
        except ValueError as error:
            raise BadParameters(f"{self._name} was not asked {method!r}: {error}") from None
        except OverflowError as error:
            raise DeviceBusy(f"{self._name} was not asked {method!r}: {error}") from None
        reply = self._replies[number] = self._loop.create_future()
        self._perform(self._translator.advance(self._loop.time()))
        try:
            return await reply
        finally:
            self._replies.pop(number, None)
            self._translator.cancel(number)

    def _perform(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case Event():
                    self._trigger(happening)
                case Send():
                    if self._wire is not None:
                        self._wire.write(happening.data)
                case Reply():
                    self._settle(happening.number, happening.result, None)
                case NoReply():
                    error = _ERRORS[happening.why](f"{self._name}: {happening.text}")
                    self._settle(happening.number, None, error)
                case Oddity():
                    self._show(happening)
        self._arm()

    def _trigger(self, event: Event) -> None:
        try:
            self._signals[event.name].trigger(event.data, {"dropped": str(self._untold)} if self._untold else None)
            self._untold = 0
        except sigcore.SigError as error:  # no room, or data that the codec cannot take
            self._dropped += 1
            self._untold += 1
            self._warnings.warn("dropped", f"an event was dropped: {error} [{self._dropped} so far]", self._loop.time())

    def _settle(self, number: int, result: Any, error: Exception | None) -> None:
        reply = self._replies.get(number)
        if reply is None or reply.done():
            return
        if error is None:
            reply.set_result(result)
        else:
            reply.set_exception(error)

    def _show(self, oddity: Oddity) -> None:
        if self._description.options.unmatched == "console" and self._console is not None and oddity.line:
            self._console(self.port, oddity.line)
            return
        line = f" line {oddity.line[:80]!r}" if oddity.line else ""
        count = self._translator.counters[oddity.kind]
        text = f"{oddity.kind}{line}: {oddity.text} [{count} so far]"
        self._warnings.warn(oddity.kind, text, self._loop.time())

    # What is due by the clock.

    def _arm(self) -> None:
        due_s = None if self._is_closing else self._translator.deadline_s
        if self._timer is not None:
            if due_s == self._timer_due_s:
                return
            self._timer.cancel()
            self._timer = None
        if due_s is not None:
            self._timer_due_s = due_s
            self._timer = self._loop.call_at(due_s, self._advance)

    def _advance(self) -> None:
        self._timer = None
        self._perform(self._translator.advance(self._loop.time()))
