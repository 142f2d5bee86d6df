# SPDX-License-Identifier: MIT
"""A registered callback and what it asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._names import PRESENCE_EVENTS

if TYPE_CHECKING:
    from types import TracebackType

    from ._info import EventInfo, SenderInfo
    from ._router import Router
    from ._signal import Call

Callback = Callable[["EventInfo", Any], object]
Key = tuple[str | None, str | None]
"""What a listener asked for: (sender, event), ``None`` where it left one out."""


class Listener:
    """A callback registered for events; got from ``add_listener``. Leaving ``with`` removes it.

    Attributes:
        callback: The function as the user gave it.
        sender: The sender it listens to; ``None`` for any.
        event: The event it listens for; ``None`` for any.
    """

    __slots__ = ("__weakref__", "_router", "call", "callback", "event", "sender", "told", "warned_of")

    def __init__(self, router: Router, callback: Callback, key: Key) -> None:
        self._router: Router | None = router
        self.callback = callback
        self.sender, self.event = key
        self.call: Call = callback
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
