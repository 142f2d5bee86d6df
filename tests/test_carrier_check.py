# SPDX-License-Identifier: MIT
"""check_carrier names the rule that a carrier breaks; each carrier here is ``mem://`` with one thing done wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sigcore import Carrier, Endpoint, EndpointError, Listening
from sigcore._mem import MemCarrier
from sigcore.testing import check_carrier

Factory = Callable[[], asyncio.Protocol]


class Wire:
    """A transport that does what the real one does, until a subclass says otherwise."""

    def __init__(self, real: Any, protocol: asyncio.Protocol) -> None:
        self.real = real
        self.protocol = protocol
        self.closing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Relay(asyncio.Protocol):
    """Stands between the carrier and the real protocol and passes everything on, until a subclass says otherwise."""

    wire: type[Wire] = Wire

    def __init__(self, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire: Any = self.wire(transport, self.inner)
        self.transport = wire
        self.inner.connection_made(wire)

    def data_received(self, data: bytes) -> None:
        self.inner.data_received(data)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)


class RelayedCarrier:
    def __init__(self, relay: type[Relay] = Relay) -> None:
        self.mem = MemCarrier()
        self.relay = relay

    async def connect(self, endpoint: Endpoint, factory: Factory) -> tuple[asyncio.Transport, asyncio.Protocol]:
        _, relay = await self.mem.connect(endpoint, lambda: self.relay(factory()))
        assert isinstance(relay, Relay)
        return relay.transport, relay.inner

    async def listen(self, endpoint: Endpoint, factory: Factory) -> Listening:
        return await self.mem.listen(endpoint, lambda: self.relay(factory()))


def with_wire(**methods: Any) -> RelayedCarrier:
    wire = type("BrokenWire", (Wire,), methods)
    return RelayedCarrier(type("BrokenRelay", (Relay,), {"wire": wire}))


def with_relay(**methods: Any) -> RelayedCarrier:
    return RelayedCarrier(type("BrokenRelay", (Relay,), methods))


def broken_rule(carrier: Carrier, listen: str = "mem://checked", connect: str | None = None) -> str:
    with pytest.raises(AssertionError) as caught:
        check_carrier(carrier, listen, connect, patience=0.3)
    return str(caught.value)


def do_nothing(*_: object) -> None:
    pass


def lose_twice(relay: Relay, exc: Exception | None) -> None:
    relay.inner.connection_lost(exc)
    relay.inner.connection_lost(exc)


def deliver_after_the_end(relay: Relay, exc: Exception | None) -> None:
    relay.inner.connection_lost(exc)
    relay.inner.data_received(b"late")


def deliver_in_another_thread(relay: Relay, data: bytes) -> None:
    thread = threading.Thread(target=relay.inner.data_received, args=(data,))
    thread.start()
    thread.join()


def fall_over(relay: Relay, data: bytes) -> None:
    raise RuntimeError("the reader fell over")


def answer_from_inside_write(wire: Wire, data: bytes) -> None:
    wire.real.write(data)
    wire.protocol.data_received(b"so soon")


def close_later(wire: Wire) -> None:
    wire.closing = True
    asyncio.get_running_loop().call_later(0.01, wire.real.close)


def is_closing_for_later(wire: Wire) -> bool:
    return wire.closing or bool(wire.real.is_closing())


ENDS = "connection_made comes first and connection_lost last"
BYTES = "bytes arrive complete and in order"
ROOM = "write() never blocks"
BROKEN_LINKS: dict[str, tuple[Carrier, str, str]] = {
    "loses the link twice": (with_relay(connection_lost=lose_twice), ENDS, "connection_lost came twice"),
    "never loses the link": (with_relay(connection_lost=do_nothing), ENDS, "in vain for connection_lost"),
    "delivers after the end": (with_relay(connection_lost=deliver_after_the_end), ENDS, "came after connection_lost"),
    "is closing from the start": (
        with_wire(is_closing=lambda wire: True),
        ENDS,
        "is_closing() is true on a fresh link",
    ),
    "delivers a buffer": (
        with_relay(data_received=lambda relay, data: relay.inner.data_received(bytearray(data))),
        BYTES,
        "data_received got a bytearray",
    ),
    "delivers nothing": (
        with_relay(data_received=lambda relay, data: relay.inner.data_received(b"")),
        BYTES,
        "data_received got no bytes",
    ),
    "garbles bytes": (
        with_relay(data_received=lambda relay, data: relay.inner.data_received(data[::-1])),
        BYTES,
        "is not what was written there",
    ),
    "loses bytes": (
        with_relay(data_received=lambda relay, data: relay.inner.data_received(data[:-1] or b"!")),
        BYTES,
        "in vain for the last of 2098152 bytes",
    ),
    "delivers in another thread": (
        with_relay(data_received=deliver_in_another_thread),
        BYTES,
        "data_received came in another thread",
    ),
    "fails where only the loop hears it": (with_relay(data_received=fall_over), BYTES, "the reader fell over"),
    "delivers from inside write": (
        with_wire(write=answer_from_inside_write),
        BYTES,
        "data_received came from inside write()",
    ),
    "pauses the writer for ever": (with_relay(resume_writing=do_nothing), BYTES, "in vain for resume_writing"),
    "never pauses the writer": (
        with_relay(pause_writing=do_nothing, resume_writing=do_nothing),
        ROOM,
        "no pause_writing after",
    ),
    "reads while paused": (
        with_wire(pause_reading=do_nothing),
        ROOM,
        "between pause_reading() and resume_reading()",
    ),
    "throws away what it should flush": (
        with_wire(close=lambda wire: wire.real.abort()),
        "close() flushes what was written",
        "after a clean end it must be None",
    ),
    "writes after close": (
        with_wire(close=close_later, is_closing=is_closing_for_later),
        "write() does nothing after close()",
        "15 bytes came where 7 were written",
    ),
    "does not abort": (with_wire(abort=do_nothing), "abort() ends the link at once", "is_closing() is false"),
}


@pytest.mark.parametrize("name", BROKEN_LINKS)
def test_a_broken_link_is_found_by_the_rule_it_breaks(name: str) -> None:
    carrier, rule, finding = BROKEN_LINKS[name]
    message = broken_rule(carrier)
    assert message.startswith(f"mem:// breaks the rule '{rule}")
    assert finding in message


def test_a_write_that_blocks_is_found_and_shown_with_the_line_that_blocks() -> None:
    release = threading.Event()

    def block(wire: Wire, data: bytes) -> None:
        release.wait(10)

    try:
        message = broken_rule(with_wire(write=block), "mem://blocked")
    finally:
        release.set()
    assert "the event loop was held for 0.3 s" in message
    assert "release.wait(10)" in message


class ConnectsTooEarly(RelayedCarrier):
    async def connect(self, endpoint: Endpoint, factory: Factory) -> tuple[asyncio.Transport, asyncio.Protocol]:
        protocol = factory()
        transport, _ = await self.mem.connect(endpoint, asyncio.Protocol)
        return transport, protocol


class WaitsForAServer(RelayedCarrier):
    async def connect(self, endpoint: Endpoint, factory: Factory) -> tuple[asyncio.Transport, asyncio.Protocol]:
        while True:
            try:
                return await super().connect(endpoint, factory)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)


class RaisesWhatItLikes(RelayedCarrier):
    async def connect(self, endpoint: Endpoint, factory: Factory) -> tuple[asyncio.Transport, asyncio.Protocol]:
        try:
            return await super().connect(endpoint, factory)
        except ConnectionRefusedError as error:
            raise KeyError(str(error)) from error


class TakesEveryOption(RelayedCarrier):
    async def listen(self, endpoint: Endpoint, factory: Factory) -> Listening:
        return await super().listen(replace(endpoint, query=()), factory)


class HidesItsPort(RelayedCarrier):
    async def listen(self, endpoint: Endpoint, factory: Factory) -> Listening:
        listening = await super().listen(endpoint, factory)
        listening.endpoint = replace(endpoint, port=0)
        return listening


class KeepsItsAddress(RelayedCarrier):
    async def listen(self, endpoint: Endpoint, factory: Factory) -> Listening:
        listening = await super().listen(endpoint, factory)
        listening.wait_closed = asyncio.Event().wait  # type: ignore[assignment, method-assign]  # the fault under test
        return listening


class SharesItsAddress(RelayedCarrier):
    async def listen(self, endpoint: Endpoint, factory: Factory) -> Listening:
        try:
            return await super().listen(endpoint, factory)
        except OSError:
            return await super().listen(replace(endpoint, host="elsewhere"), factory)


class NamesStrangeDefaults(RelayedCarrier):
    link_defaults = {"max_frme": 4096}  # noqa: RUF012  # as a plug-in would write it


class IsLocalInWords(RelayedCarrier):
    def is_local(self, endpoint: Endpoint) -> str:
        return "no"


class PromisesWhatItCannotTell(RelayedCarrier):
    def authenticates(self, endpoint: Endpoint) -> bool:
        return True


class NamesInWords(RelayedCarrier):
    def identify(self, transport: asyncio.BaseTransport) -> str:
        return "anna"


class IsConfidentialInWords(RelayedCarrier):
    def is_confidential(self, endpoint: Endpoint) -> str:
        return "no"


@pytest.mark.parametrize(
    ("carrier", "rule", "finding"),
    [
        (PromisesWhatItCannotTell(), "identify() names who is", "it names nobody, but authenticates(mem://checked)"),
        (NamesInWords(), "identify() names who is", "identify() gave 'anna'"),
        (IsConfidentialInWords(), "identify() names who is", "is_confidential(mem://checked) gave 'no'"),
        (ConnectsTooEarly(), ENDS, "connect() returned before connection_made"),
        (WaitsForAServer(), "closing what listens ends no link", "in vain for connect() to mem://checked"),
        (RaisesWhatItLikes(), "closing what listens ends no link", "it must raise OSError"),
        (TakesEveryOption(), "an option that the carrier does not know", "did not fail; it must raise EndpointError"),
        (HidesItsPort(), "the endpoint of what listen() gives", "with port 0"),
        (KeepsItsAddress(), "the endpoint of what listen() gives", "in vain for wait_closed()"),
        (SharesItsAddress(), "an address that is taken", "which is taken, did not fail"),
        (NamesStrangeDefaults(), "is_local() gives a bool, and link_defaults", "max_frme, which no link has"),
        (IsLocalInWords(), "is_local() gives a bool", "is_local(mem://checked) gave 'no'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, RelayedCarrier) else "",
)
def test_a_broken_carrier_is_found_by_the_rule_it_breaks(carrier: Carrier, rule: str, finding: str) -> None:
    message = broken_rule(carrier)
    assert message.startswith(f"mem:// breaks the rule '{rule}")
    assert finding in message


def test_a_carrier_that_keeps_every_rule_passes() -> None:
    check_carrier(RelayedCarrier(), "mem://checked")


class PointToPoint(RelayedCarrier):
    """Takes one link at a time, as a serial line does."""

    def __init__(self) -> None:
        def free_the_line(relay: Relay, exc: Exception | None) -> None:
            self.busy = False
            relay.inner.connection_lost(exc)

        super().__init__(type("LastLink", (Relay,), {"connection_lost": free_the_line}))
        self.busy = False

    async def connect(self, endpoint: Endpoint, factory: Factory) -> tuple[asyncio.Transport, asyncio.Protocol]:
        if self.busy:
            raise BlockingIOError("the line is busy")
        made = await super().connect(endpoint, factory)
        self.busy = True
        return made


def test_a_medium_that_joins_two_ends_is_checked_with_one_link_at_a_time() -> None:
    with pytest.raises(AssertionError, match=r"several links at a time do not mix.*BlockingIOError"):
        check_carrier(PointToPoint(), "mem://checked", patience=0.3)
    check_carrier(PointToPoint(), "mem://checked", links=1)


def test_a_slow_medium_may_be_checked_with_small_writes() -> None:
    seen = []

    def note(wire: Wire, data: bytes) -> None:
        seen.append(len(data))
        wire.real.write(data)

    check_carrier(with_wire(write=note), "mem://checked", largest=1000)
    assert max(seen) <= 1008


def test_the_connecting_end_may_have_an_endpoint_of_its_own() -> None:
    message = broken_rule(MemCarrier(), connect="mem://elsewhere")
    assert "nobody in this process listens at mem://elsewhere" in message


def test_what_is_no_endpoint_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(EndpointError):
        check_carrier(MemCarrier(), "checked")


def test_a_carrier_can_be_checked_while_a_loop_is_running() -> None:
    async def scenario() -> None:
        check_carrier(MemCarrier(), "mem://checked")

    asyncio.run(scenario())
