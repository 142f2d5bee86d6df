# SPDX-License-Identifier: MIT
"""What one link brings to a client, on its way to the process's listeners and handlers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._errors import EventNotDeclared
from .._info import SenderInfo
from ..protocol.frames import HEADER_BYTES

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import Peer
    from .._listener import Listener
    from .._signal import Signal
    from ..protocol.bodies import Fields
    from ..protocol.client_link import ClientLink
    from ._answering import Answering
    from ._delivery import Delivery
    from ._link_io import LinkIO
    from ._networked import Host


class ClientInbox:
    """The client's process as one link sees it (see ``sigcore.protocol.client_link.ClientSide``); one for each link.

    What the link brings is gathered while bytes are read, and delivered once the acknowledgement is out.

    Args:
        io: The connection of the link.
        host: The tables, and how events get to listeners.
        codec: The codec of the link.
        answering: Runs the handlers of the process's senders.
        post: Has a function run on the loop, from any thread.
        up: Called when the handshake is done.
    """

    link: ClientLink

    def __init__(
        self,
        io: LinkIO,
        host: Host,
        codec: Codec,
        answering: Answering,
        post: Callable[..., None],
        up: Callable[[Peer], None],
    ) -> None:
        self._io = io
        self._tables = host.tables
        self._deliver_all = host.deliver
        self._codec = codec
        self._answering = answering
        self._post = post
        self._waiting: list[Delivery] = []
        self._waiting_size = 0
        self._present: dict[str, SenderInfo] = {}  # senders elsewhere, as the server told us
        self.link_up = up

    def put(self, delivery: Delivery) -> None:
        """Have something done in its place among the events; ``hand_over`` sets it off."""
        self._waiting.append(delivery)

    def hand_over(self) -> None:
        """Have what was gathered delivered; the server gets its credit back as that is done."""
        if self._waiting or self._waiting_size:
            deliveries, size = self._waiting, self._waiting_size
            self._waiting, self._waiting_size = [], 0
            self._deliver_all(deliveries, size, lambda part: self._post(self._delivered, part))

    def link_lost(self) -> None:
        """Whoever was reachable by this link is not any more."""
        for info in self._present.values():
            self.put(self._noting(replace(info, connected=False)))
        self._present.clear()
        self.hand_over()

    def forget_unwatched(self) -> None:
        """Presence listeners went: forget the senders of whose leaving the server will not tell us."""
        for name in [name for name in self._present if not self._is_watched(name)]:
            self._tables._presence.note(replace(self._present.pop(name), connected=False))

    # what the link calls

    def topic_came(self, sender: str, event: str, peer: Peer | None) -> Signal[Any]:
        """Enter an event of another router's sender."""
        return self._tables._add_remote_signal(sender, event, peer)

    def topic_left(self, signal: Signal[Any]) -> None:
        """Take it out, after the events that wait."""
        self.put(lambda: self._tables._remove_remote_signal(signal))

    def frame_came(self, size: int) -> None:
        """Take down a frame that is no event: its credit goes back in its turn, so that its work cannot pile up."""
        self._waiting_size += size

    def event_came(self, signal: Signal[Any], kind: int, body: bytes) -> None:
        """Take an event."""
        self._waiting.append((signal, self._codec, kind, body))
        self._waiting_size += HEADER_BYTES + len(body)

    def presence_came(self, info: SenderInfo, size: int) -> None:
        """Take the news that a sender is there or left; of our own we know better.

        Our own are those that the server has accepted, or that listeners here were told of; one that still waits for
        its answer may be refused because of the very sender that this is about.
        """
        self._waiting_size += size
        if info.connected and (self.link.holds(info.name) or self._tables._presence.is_own(info.name)):
            return
        if info.connected:
            self._present[info.name] = info
        else:
            self._present.pop(info.name, None)
        self.put(self._noting(info))

    def notice_came(self, listener: Listener, fields: Fields) -> None:
        """Take a notice for a listener's owner."""
        if fields.has("events"):
            info = SenderInfo(listener.sender or "", tuple(fields.texts("events")))
            self.put(lambda: self._tables._warn_undeclared(listener, info))
        else:
            cause = EventNotDeclared(fields.text("message", ""))
            self.put(lambda: self._tables._warn(listener, cause))

    def asked(self, call_id: int, sender: str, method: str, asking: Peer, timeout_ms: int, params: bytes) -> None:
        """Have one of our handlers answer."""

        async def reply(result: bytes) -> None:
            while not self.link.has_reply_room and not self.link.has_ended:
                await self._io.written()
            self.link.reply(call_id, result)
            self._io.flush()

        def refuse(code: str, message: str) -> None:
            self.link.refuse(call_id, code, message)
            self._io.flush()

        call = (self, call_id)  # numbers are the link's own
        self._answering.answer(call, sender, method, asking, self._codec, params, reply, refuse)

    def withdrawn(self, call_id: int) -> None:
        """Nobody waits for that answer any more."""
        self._answering.withdraw((self, call_id))

    def _noting(self, info: SenderInfo) -> Callable[[], None]:
        def note() -> None:
            # By now the name may be our own sender's; then the end of this one is on its way.
            if not info.connected or (self._is_watched(info.name) and not self._tables._presence.is_own(info.name)):
                self._tables._presence.note(info)
                self._tables._presence.settle()

        return note

    def _is_watched(self, name: str) -> bool:
        """Whether the server tells us when that sender comes and goes."""
        return any(listener.sender in (None, name) for listener in self._tables._presence.listeners())

    def _delivered(self, size: int) -> None:
        self._io.consumed(size)
