# SPDX-License-Identifier: MIT
"""A named endpoint that signals events and may answer requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._errors import EventNotDeclared, HandleRemoved, TypeMismatch
from ._info import SenderInfo
from ._keeping import Keeping, KeepingSignal, declared_keep
from ._names import check_name
from ._requests import Handlers
from ._shown import listed
from ._signal import Report, Signal

if TYPE_CHECKING:
    from types import TracebackType

    from ._requests import Fallback, Handler
    from ._router import Router
    from ._signal import Call

T = TypeVar("T")


class Sender:
    """A sender of this process; got from ``add_sender``. Leaving ``with`` removes it.

    Attributes:
        name: Its name, unique among the senders that can be reached.
        events: The events that it declares, in the order declared.
        requests: The methods that it declares, in the order declared.
        info: The same as others see it.
        keep: How many events it keeps for those who come late, by event; events of which it keeps none are left out.
    """

    def __init__(
        self,
        router: Router,
        name: str,
        events: str | Iterable[str],
        requests: Mapping[str, Handler] | None,
        fallback: Fallback | None,
        keep: int | Mapping[str, int],
        keeping: Keeping,
        report: Report,
    ) -> None:
        self.name = check_name(name, "sender")
        self.events = _declared(events)
        self.handlers = Handlers(requests, fallback)
        self.requests = self.handlers.methods
        self.info = SenderInfo(self.name, self.events, self.requests)
        self._router: Router | None = router
        self.keep = declared_keep(keep, name, self.events)
        self._signals: dict[str, Signal[Any]] = {
            event: KeepingSignal(name, event, report, self.keep[event], keeping)
            if event in self.keep
            else Signal(name, event, report)
            for event in self.events
        }
        self._types: dict[str, object] = {}

    @overload
    def signal(self, event: str, *, type: type[T]) -> Signal[T]: ...
    @overload
    def signal(self, event: str, *, type: None = None) -> Signal[Any]: ...
    def signal(self, event: str, *, type: Any = None) -> Signal[Any]:
        """Return the signal of ``event``; keep it where events are frequent.

        Args:
            event: One of the declared events.
            type: The class of the data: a dataclass, or a msgspec or pydantic class. Over a link its objects are
                taken apart into plain data; ``trigger`` itself checks nothing.

        Raises:
            EventNotDeclared: The sender does not declare ``event``.
            HandleRemoved: The sender was removed.
            TypeMismatch: The type is not supported, or the event has another type already.
        """
        found = self._signal(event)
        if type is None:
            return found
        from ._typed import make_writer

        writer = make_writer(type)
        if self._types.setdefault(event, type) is not type:
            raise TypeMismatch(
                f"event {event!r} of sender {self.name!r} has the type {self._types[event]!r}, it cannot have {type!r}"
            )
        found.writer = writer
        return found

    def trigger(self, event: str, data: Any = None, meta: Mapping[str, str] | None = None) -> None:
        """Trigger ``event``: the short way for ``signal(event).trigger(data, meta)``, with the same errors.

        Raises:
            EventNotDeclared: The sender does not declare ``event``.
        """
        signal = self._signals.get(event)
        if signal is None:
            signal = self._signal(event)
        signal.trigger(data, meta)

    def remove(self) -> None:
        """Take the sender away; never waits. Its listeners get ``#disconnect``.

        Raises:
            HandleRemoved: It was removed before.
        """
        self._live_router()._remove_sender(self)

    @property
    def removed(self) -> bool:
        """Whether the sender was removed."""
        return self._router is None

    def outlets(self) -> list[Call]:
        """Return what hands its events to other routers, one for each event; for the routers over carriers."""
        return [signal._outlet for signal in self._signals.values() if signal._outlet is not None]

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.removed:
            self.remove()

    def __repr__(self) -> str:
        return f"<Sender {self.name!r} events={list(self.events)}{' removed' if self.removed else ''}>"

    def _signal(self, event: str) -> Signal[Any]:
        self._live_router()
        signal = self._signals.get(event)
        if signal is None:
            raise EventNotDeclared(
                f"sender {self.name!r} does not declare the event {event!r}; its events are: {listed(self.events)}. "
                "Name it in add_sender(events=[...])."
            )
        return signal

    def _live_router(self) -> Router:
        if self._router is None:
            raise HandleRemoved(f"sender {self.name!r} was removed; add it again to use it")
        return self._router

    def _detach(self) -> None:
        self._router = None
        for signal in self._signals.values():
            signal._remove()


def _declared(events: str | Iterable[str]) -> tuple[str, ...]:
    """Return the declared events; a lone text is one event, and one named twice counts once."""
    names = (events,) if isinstance(events, str) else tuple(events)
    return tuple(dict.fromkeys(check_name(name, "event") for name in names))
