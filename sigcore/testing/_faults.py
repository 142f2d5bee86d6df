# SPDX-License-Identifier: MIT
"""A test's hands on the links of ``fault+...://``: pull the plug now, let go again, from any thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from .._endpoint import Endpoint
from .._errors import EndpointError

if TYPE_CHECKING:
    from ._fault_link import FaultLink
    from ._fault_options import CutHow, Side

_PATIENCE_S = 5.0  # for an event loop to take a call; it holds for as long as the callbacks of the program under test
_LIFE_CHECK_S = 0.1


class FaultyLink:
    """One live link of ``fault+...://``, as a test sees it.

    The methods do what those of ``Faults`` do, to this link alone.

    Attributes:
        number: Which link of its endpoint it is, from 1.
        side: ``connect`` or ``listen``.
    """

    def __init__(self, link: FaultLink) -> None:
        self.side: Side = link.plan.side
        self.number: int = link.plan.number
        self._link = link

    def __repr__(self) -> str:
        return f"<FaultyLink {self._link.plan}>"

    @property
    def is_up(self) -> bool:
        """Whether the link has not ended, as far as the program knows."""
        return not self._link.is_closing

    @property
    def bytes_in(self) -> int:
        """How many bytes have come to the program."""
        return self._link.inbound.passed_bytes

    @property
    def bytes_out(self) -> int:
        """How many bytes have gone to the carrier inside."""
        return self._link.outbound.passed_bytes

    def cut(self, how: CutHow = "reset") -> None:
        """End the link."""
        _on_loop(self._link, lambda: self._link.cut(how))

    def silence(self) -> None:
        """Let nothing pass, and tell nobody."""
        _on_loop(self._link, self._link.silence)

    def stall(self) -> None:
        """Stop reading."""
        _on_loop(self._link, self._link.stall)

    def stop_writing(self) -> None:
        """Stop writing."""
        _on_loop(self._link, self._link.stop_writing)

    def go_on(self) -> None:
        """End what the other methods began."""
        _on_loop(self._link, self._link.go_on)


class Faults:
    """Reaches every link of the endpoints that name it, ``fault+tcp://127.0.0.1:3000?faults=name``, in this process.

    All methods may be called from any thread. They return when it is done, so that what follows in the test comes
    after it; in the event loop of a link they act on that link there and then.

    Args:
        name: What endpoints call it. A newer one of the same name takes its place, for links to come. It lives for as
            long as the test keeps it.

    Raises:
        ValueError: The name is empty.

    >>> import sigcore
    >>> faults = Faults("cable")
    >>> with sigcore.ServerRouter("mem://s"), sigcore.ClientRouter("fault+mem://s?faults=cable") as client:
    ...     client.connected, faults.made, len(faults.links)
    (True, 1, 1)
    """

    def __init__(self, name: str) -> None:
        if not name:
            raise ValueError("faults need a name, which endpoints give as ?faults=name")
        self.name = name
        self._lock = threading.Lock()
        self._links: list[FaultLink] = []
        self._made = 0
        self._is_refusing = False
        _known[name] = self

    @property
    def links(self) -> tuple[FaultyLink, ...]:
        """The links that are up, as far as the program knows; in the order in which they came."""
        return tuple(link for link in self._all() if link.is_up)

    @property
    def made(self) -> int:
        """How many links have come up so far."""
        return self._made

    @property
    def is_refusing(self) -> bool:
        """Whether ``refuse`` was called, and not ``go_on`` since."""
        return self._is_refusing

    def cut(self, how: CutHow = "reset") -> None:
        """End every link that is up.

        Args:
            how: ``reset``: both sides lose it, with an error; what is on its way is lost. ``close``: both sides see a
                clean end. ``silent``: as ``silence``.
        """
        for link in self._all():
            link.cut(how)

    def silence(self) -> None:
        """Make every link that is up half-open: nothing passes any more, and nobody is told, not even of its end.

        New links are not touched: see ``refuse``.
        """
        for link in self._all():
            link.silence()

    def stall(self) -> None:
        """Stop reading from every link that is up; what the other side sends waits there in time."""
        for link in self._all():
            link.stall()

    def stop_writing(self) -> None:
        """Stop writing to every link that is up; what the program writes waits, and ``pause_writing`` comes in time."""
        for link in self._all():
            link.stop_writing()

    def refuse(self) -> None:
        """Let no new link be made: ``connect`` fails, and what comes to a ``listen`` ends at once."""
        self._is_refusing = True

    def go_on(self) -> None:
        """End ``silence``, ``stall``, ``stop_writing`` and ``refuse``; what waited passes, nothing is lost by them."""
        self._is_refusing = False
        for link in self._all():
            link.go_on()

    def _all(self) -> list[FaultyLink]:
        with self._lock:
            return [FaultyLink(link) for link in self._links]

    def _begun(self, link: FaultLink) -> None:
        with self._lock:
            self._links.append(link)
            self._made += 1

    def _over(self, link: FaultLink) -> None:
        with self._lock:
            if link in self._links:
                self._links.remove(link)


_known: WeakValueDictionary[str, Faults] = WeakValueDictionary()


def faults_of(name: str, endpoint: Endpoint) -> Faults:
    """Return the newest ``Faults`` of that name.

    Raises:
        EndpointError: There is none.
    """
    faults = _known.get(name)
    if faults is None:
        raise EndpointError(
            f"{endpoint}: nothing in this process is named faults={name}; "
            f"make it first, and keep it: faults = sigcore.testing.Faults({name!r})"
        )
    return faults


def _on_loop(link: FaultLink, call: Callable[[], None]) -> None:
    """Have ``call`` done in the link's event loop, and return when it is; nothing is to do where the loop is closed."""
    if _running_loop() is link.loop:
        call()
        return
    done: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that asked
            done.set_exception(error)
        else:
            done.set_result(None)

    try:
        link.loop.call_soon_threadsafe(run)
    except RuntimeError:  # asyncio's word for a closed loop
        return
    _wait(done, link)


def _wait(done: Future[None], link: FaultLink) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not link.loop.is_closed():
        try:
            return done.result(_LIFE_CHECK_S)
        except TimeoutError:
            if time.monotonic() > until:
                raise TimeoutError(
                    f"the event loop of {link.plan} took no call for {_PATIENCE_S:g} s; a callback holds it, or it"
                    " waits for this very thread"
                ) from None
    return None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
