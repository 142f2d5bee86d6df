# SPDX-License-Identifier: MIT
"""A registered callback and what it asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._info import GAP_CAUSES
from ._names import PRESENCE_EVENTS
from ._shown import shown
from ._signal import ends_the_program
from ._terms import DEFAULT_TERMS, Terms

if TYPE_CHECKING:
    from types import TracebackType

    from ._gate import Gate
    from ._info import EventInfo, Gap, Policy, SenderInfo
    from ._queue import Queue
    from ._router import Router
    from ._signal import Call
    from ._terms import OnGap

Callback = Callable[["EventInfo", Any], object]
Key = tuple[str | None, str | None]
"""What a listener asked for: (sender, event), ``None`` where it left one out."""


class Listener:
    """A callback registered for events; got from ``add_listener``. Leaving ``with`` removes it.

    Attributes:
        callback: The function as the user gave it.
        sender: The sender it listens to; ``None`` for any.
        event: The event it listens for; ``None`` for any.
        hears_remote: Whether it is called for events of other routers. Over carriers it is not before the server has
            given it what comes first: its kept events.
    """

    __slots__ = (
        "__weakref__",
        "_drops",
        "_report",
        "_router",
        "call",
        "callback",
        "event",
        "gate",
        "hears_remote",
        "queue",
        "sender",
        "terms",
        "told",
        "warned_of",
    )

    def __init__(self, router: Router, callback: Callback, key: Key, terms: Terms = DEFAULT_TERMS) -> None:
        self._router: Router | None = router
        self._report = router._report
        self._drops = router._drops
        self.callback = callback
        self.sender, self.event = key
        self.terms = terms
        self.call: Call = callback
        self.gate: Gate | None = None  # where its events wait while it gets kept ones
        self.hears_remote = True
        self.queue: Queue | None = None  # where its events wait, if they do
        self.warned_of: SenderInfo | None = None  # the sender that was found not to declare what this waits for
        self.told: dict[str, SenderInfo] = {}  # presence: the senders that this listener believes connected

    @property
    def key(self) -> Key:
        """What it asked for: ``(sender, event)``."""
        return (self.sender, self.event)

    @property
    def hears_presence(self) -> bool:
        """Whether it asked for ``#connect`` or ``#disconnect``."""
        return self.event in PRESENCE_EVENTS

    @property
    def on_gap(self) -> OnGap | None:
        """What is called for events that were lost."""
        return self.terms.on_gap

    @property
    def policy(self) -> Policy:
        """What happens when it is too slow."""
        return self.terms.policy

    @property
    def replay(self) -> int:
        """At most how many kept events it gets first."""
        return self.terms.replay

    @property
    def removed(self) -> bool:
        """Whether ``remove`` was called."""
        return self._router is None

    def remove(self) -> None:
        """Stop listening; never waits. A call that is under way in another thread may still finish.

        Raises:
            HandleRemoved: It was removed before.
        """
        router = self._router
        if router is None:
            from ._errors import HandleRemoved

            raise HandleRemoved(f"{self!r} was removed before")
        router._remove_listener(self)
        if self.queue is not None:
            self.queue.close()

    def lost(self, info: EventInfo, gap: Gap) -> None:
        """Tell it of events that were lost, in their place in the order; without ``on_gap``, log and count them.

        Args:
            info: Whose events they were.
            gap: How many, and why.
        """
        if self.removed:
            return
        self.count_lost(info, gap)
        gate = self.gate
        if gate is not None:
            gate.put_gap(info, gap)
        else:
            self.pass_gap(info, gap)

    def pass_gap(self, info: EventInfo, gap: Gap) -> None:
        """Tell it of events that were lost, which are taken down already, behind what waits in its queue."""
        if self.queue is None:
            self.tell_gap(info, gap)
        elif self.on_gap is not None:
            self.queue.put_gap(info, gap)

    def count_lost(self, info: EventInfo, gap: Gap) -> None:
        """Take down events that were lost; log them too, unless ``on_gap`` tells of them or that was asked for."""
        known = gap.cause if gap.cause in GAP_CAUSES else "other"  # a peer's own words must not become counters
        cause, number = f"gap_{known}", 1 if gap.count is None else gap.count
        if self.on_gap is not None or gap.cause == "conflated":
            self._drops.note(cause, number)
            return
        some = "an event" if gap.count == 1 else f"{gap.count} events"
        lost = "may have lost events" if gap.count is None else f"lost {some}"
        named = "" if info.event == "*" else f" {shown(info.event)}"
        named += "" if info.sender == "*" else f" of sender {shown(info.sender)}"
        what = f"{self!r} {lost}{named} ({known})"
        self._drops.count(cause, f"{what}; on_gap= is told of every such gap", number)

    def tell_gap(self, info: EventInfo, gap: Gap) -> None:
        """Call ``on_gap``, if there is one; what it raises is reported as the listener's."""
        if self.on_gap is None:
            return
        try:
            self.on_gap(info, gap)
        except BaseException as error:  # whatever else it raises is its own affair
            if ends_the_program(error):
                raise
            self._report(self, info, error)

    def disconnect(self) -> None:
        """End the link, if there is one, as its policy says: it was too slow."""
        router = self._router
        if router is not None and router._network is not None:
            router._network.disconnect(f"{self!r} was too slow for its events, and its policy is 'disconnect'")

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.removed:
            self.remove()

    def __repr__(self) -> str:
        name = getattr(self.callback, "__qualname__", None) or object.__repr__(self.callback)
        return f"<Listener {name} sender={self.sender or '*'!r} event={self.event or '*'!r}>"

    def _detach(self) -> None:
        self._router = None
