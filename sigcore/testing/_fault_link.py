# SPDX-License-Identifier: MIT
"""A link with faults: it stands between a program's protocol and the transport of the carrier inside.

The program has the ``FaultTransport``, the wire has the ``FaultLink`` as its protocol. Bytes go through one ``Line``
each way. A silent link that the program closes lives on as a ghost: the other side must not hear of it, so the wire
stays open until it is lost, ``go_on`` is called, or the event loop ends.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._fault_damage import Damage
from ._fault_line import Allowance, Line
from ._fault_options import CutHow, FaultOptions, Side
from ._faults import Faults

if TYPE_CHECKING:
    from .._carrier import Carrier

INSIDE = "sigcore fault carrier"
"""By what name a transport tells, beside what the one inside knows, which carrier and transport that is."""

HIGH_WATER_BYTES = 64 * 1024  # asyncio's own default: above it the side that sends is held back
_LOW_WATER_BYTES = HIGH_WATER_BYTES // 4

_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # close() sends RST, and no FIN


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to go wrong on one link.

    Attributes:
        options: The faults; already those of a clean link where ``times`` is over.
        faults: Who may have more go wrong; ``None`` for nobody.
        side: Which side of the link this is.
        number: Which link of its endpoint this is, from 1.
        endpoint: Where the link leads, for messages.
        carrier: The one inside.
    """

    options: FaultOptions
    faults: Faults | None
    side: Side
    number: int
    endpoint: str
    carrier: Carrier | None = None

    def __str__(self) -> str:
        return f"link {self.number} ({self.side}, {self.endpoint})"

    def seed(self, of: str) -> str:
        """Return what the random numbers ``of`` something on this link follow from."""
        return f"{self.options.seed}/{self.side}/{self.number}/{of}"

    def direction(self, name: str, deliver: Callable[[bytes], None], allowance: Allowance) -> tuple[Damage, Line]:
        """Return what happens to the bytes of one direction, ``in`` or ``out``."""
        if self.options.dir in ("both", name):
            return Damage(self.options, self.seed(name)), Line(self.options, self.seed(name), deliver, allowance)
        clean = FaultOptions()
        return Damage(clean, ""), Line(clean, "", deliver, Allowance(None))


class FaultLink(asyncio.Protocol):
    """One link; what the wire calls, what the program calls through its transport, and the faults.

    Args:
        plan: What is to go wrong.
        program: The protocol that gets the link.

    Attributes:
        plan: As the argument.
        program: As the argument.
        transport: What the program has; once the link is up.
        loop: Where all this is called.
        is_closing: Whether the link has ended for the program, or is about to.
        inbound: Bytes on their way from the wire to the program.
        outbound: Bytes on their way from the program to the wire.
    """

    transport: FaultTransport
    _wire: asyncio.Transport

    def __init__(self, plan: Plan, program: asyncio.Protocol) -> None:
        self.plan = plan
        self.program = program
        self.loop = asyncio.get_running_loop()
        self.is_closing = False
        allowance = Allowance(plan.options.cut_bytes, lambda: self.cut(plan.options.cut_how))
        self._damage_in, self.inbound = plan.direction("in", self._arrive, allowance)
        self._damage_out, self.outbound = plan.direction("out", self._depart, allowance)
        self._timers: list[asyncio.TimerHandle] = []
        self._program_told = False  # of the end
        self._reading_paused = False  # on the wire, by this link
        self._writing_paused = False  # of the program, by this link
        self._wire_over = asyncio.Event()
        self._ghost: asyncio.Task[bool] | None = None

    # What the wire calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the clock of the faults runs from here."""
        self._wire = transport  # type: ignore[assignment]  # a carrier owes a read-write transport
        self.transport = FaultTransport(self, self._wire)
        self._set_timers()
        if self.plan.faults is not None:
            self.plan.faults._begun(self)
        self.program.connection_made(self.transport)

    def data_received(self, data: bytes) -> None:
        """Send bytes on their way to the program."""
        if not self.is_closing or self._ghost is not None:
            self.inbound.push(self._damage_in(data))
            self._regulate_reading()

    def pause_writing(self) -> None:
        """Keep here what the wire has no room for."""
        self.outbound.hold("wire")
        self._regulate_writing()

    def resume_writing(self) -> None:
        """Go on with what was kept."""
        self.outbound.release("wire")
        self._regulate_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the program, after the bytes that are on their way to it; at once where it has closed the link."""
        self._wire_over.set()
        self.outbound.clear()
        if self.is_closing:
            self._lose(None)
        else:
            self.inbound.finish(lambda: self._lose(exc))
        self._leave_faults()

    # What the program calls.

    def write(self, data: bytes) -> None:
        """Send bytes on their way to the wire."""
        if not self.is_closing and not self._wire_over.is_set():
            self.outbound.push(self._damage_out(data))
            self._regulate_writing()

    def close(self) -> None:
        """Let what was written reach the wire, then close it."""
        if not self.is_closing:
            self._stop_reading()
            self._end(self._finish_writing)

    def abort(self) -> None:
        """End now."""
        if not self._program_told:
            self._stop_reading()
            self.outbound.clear()
            self._end(self._wire.abort)

    # The faults.

    def cut(self, how: CutHow) -> None:
        """End the link as its medium would when somebody cuts it; on both sides, unless ``how`` is ``silent``."""
        if how == "silent":
            self.silence()
        elif how == "close":
            self._leave_wire(self._wire.close)
            self._lose(None)
        else:
            self._leave_wire(self._reset_wire)
            self._lose(ConnectionResetError(errno.ECONNRESET, f"a fault cut {self.plan}"))

    def silence(self) -> None:
        """Let nothing pass in the directions of the fault, and tell nobody."""
        if self.plan.options.dir != "out":
            self.inbound.hold("silence")
        if self.plan.options.dir != "in":
            self.outbound.hold("silence")

    def stall(self) -> None:
        """Read nothing."""
        self.inbound.hold("stall")

    def stop_writing(self) -> None:
        """Write nothing."""
        self.outbound.hold("stall")

    def go_on(self) -> None:
        """End what ``silence``, ``stall`` and ``stop_writing`` began; nothing is lost by them."""
        for line in (self.inbound, self.outbound):
            line.release("silence")
            line.release("stall")
        if self._ghost is not None:
            self._leave_wire(self._wire.abort)

    def _set_timers(self) -> None:
        options = self.plan.options
        if options.cut is not None:
            self._at(options.cut, lambda: self.cut(options.cut_how))
        if options.stall:
            self._at(options.stall_after, self.stall)
            self._at(options.stall_after + options.stall, lambda: self.inbound.release("stall"))
        if options.stop_writing:
            self._at(options.stop_writing_after, self.stop_writing)
            self._at(options.stop_writing_after + options.stop_writing, lambda: self.outbound.release("stall"))

    def _at(self, after_s: float, call: Callable[[], None]) -> None:
        if after_s:
            self._timers.append(self.loop.call_later(after_s, call))
        else:
            call()

    # On the way.

    def _arrive(self, data: bytes) -> None:
        if self.is_closing:
            return
        try:
            self.program.data_received(data)
        except Exception as error:  # noqa: BLE001  # as asyncio does: the loop is told, the link ends
            context = {"message": "data_received() failed", "exception": error, "transport": self.transport}
            self.loop.call_exception_handler({**context, "protocol": self.program})
            self._leave_wire(self._wire.abort)
            self._lose(error)
        self._regulate_reading()

    def _depart(self, data: bytes) -> None:
        self._wire.write(data)
        self._regulate_writing()

    def _regulate_reading(self) -> None:
        if self._wire_over.is_set():
            return
        held = self.inbound.held_bytes
        if held > HIGH_WATER_BYTES and not self._reading_paused:
            self._reading_paused = True
            self._wire.pause_reading()
        elif held <= _LOW_WATER_BYTES and self._reading_paused:
            self._reading_paused = False
            self._wire.resume_reading()

    def _regulate_writing(self) -> None:
        held, wire_is_full = self.outbound.held_bytes, self.outbound.is_held_for("wire")
        if self.is_closing:
            return
        if (wire_is_full or held > HIGH_WATER_BYTES) and not self._writing_paused:
            self._writing_paused = True
            self.program.pause_writing()
        elif not wire_is_full and held <= _LOW_WATER_BYTES and self._writing_paused:
            self._writing_paused = False
            self.program.resume_writing()

    # The end.

    def _stop_reading(self) -> None:
        self.is_closing = True
        if not self.inbound.is_held_for("silence"):
            self.inbound.clear()

    def _end(self, on_the_wire: Callable[[], None]) -> None:
        """End the link for the program, and on the wire, unless the wire is gone or must not hear of it."""
        if self._wire_over.is_set():
            self._lose(None)
        elif self.outbound.is_held_for("silence"):
            self._ghost = self.loop.create_task(self._wire_over.wait())  # cancelled when the loop ends, as every task
            self._ghost.add_done_callback(lambda _: self._leave_wire(self._wire.abort))
            self._lose(None)
        else:
            on_the_wire()

    def _finish_writing(self) -> None:
        self.outbound.finish(lambda: self._leave_wire(self._wire.close))

    def _leave_wire(self, leave: Callable[[], None]) -> None:
        if not self._wire_over.is_set():
            leave()

    def _reset_wire(self) -> None:
        sock = self._wire.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):  # not every kind of socket knows it
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._wire.abort()

    def _lose(self, cause: Exception | None) -> None:
        """Tell the program, in the loop's next turn: never from inside a call of its own."""
        if self._program_told:
            return
        self._program_told = self.is_closing = True
        for timer in self._timers:
            timer.cancel()
        if self._ghost is None:
            self.inbound.clear()
            self.outbound.clear()
        self.loop.call_soon(self.program.connection_lost, cause)
        self._leave_faults()

    def _leave_faults(self) -> None:
        if self._program_told and self._wire_over.is_set() and self.plan.faults is not None:
            self.plan.faults._over(self)


class FaultTransport(asyncio.Transport):
    """What a program has of a ``FaultLink``: just what a carrier owes.

    Args:
        link: The link.
        wire: The transport of the carrier inside, which answers ``get_extra_info``.
    """

    def __init__(self, link: FaultLink, wire: asyncio.Transport) -> None:
        super().__init__()
        self._link = link
        self._wire = wire

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send bytes; nothing happens once the link is closing."""
        self._link.write(data if isinstance(data, bytes) else bytes(memoryview(data)))

    def close(self) -> None:
        """Send what was written, then end the link."""
        self._link.close()

    def abort(self) -> None:
        """End the link at once."""
        self._link.abort()

    def is_closing(self) -> bool:
        """Whether the link is closed or about to be."""
        return self._link.is_closing

    def pause_reading(self) -> None:
        """Have no ``data_received`` until ``resume_reading``."""
        self._link.inbound.hold("program")

    def resume_reading(self) -> None:
        """Go on with what came meanwhile, soon."""
        self._link.inbound.release("program")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the carrier inside knows of the link; and that carrier itself, with its transport."""
        if name == INSIDE:
            return self._link.plan.carrier, self._wire
        return self._wire.get_extra_info(name, default)
