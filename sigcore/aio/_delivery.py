# SPDX-License-Identifier: MIT
"""Events from links on their way to this process's listeners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .._errors import CodecError
from ..protocol.bodies import split_meta
from ..protocol.frames import HEADER_BYTES, Kind

if TYPE_CHECKING:
    from .._codec import Codec
    from .._signal import Signal

Delivery = tuple["Signal[Any]", "Codec", int, bytes] | Callable[[], None]
"""An event, not decoded yet (signal, codec, kind, body), or something else to do in its place among the events."""

Deliver = Callable[[Sequence[Delivery], int, Callable[[int], None]], None]
"""Delivers events in their order: inline on the loop, or from the dispatcher's thread.

Takes the deliveries, how many bytes they stand for in all, and what is told how many of these were dealt with; it may
be told in parts.
"""


def deliver_inline(deliveries: Sequence[Delivery], size: int, done: Callable[[int], None]) -> None:
    """Deliver here and now."""
    try:
        for delivery in deliveries:
            deliver(delivery)
    finally:
        done(size)


def size_of(delivery: Delivery) -> int:
    """Return how many bytes of a link's event lane an event was; nothing where it is none."""
    return HEADER_BYTES + len(delivery[3]) if isinstance(delivery, tuple) else 0


def deliver(delivery: Delivery) -> None:
    """Decode one event, once for all, and call its listeners; what cannot be decoded is reported to each of them."""
    if not isinstance(delivery, tuple):
        delivery()
        return
    signal, codec, kind, body = delivery
    if not signal.has_listeners:
        return
    try:
        meta = None
        if kind == Kind.EVENT_META:
            meta_body, body = split_meta(body)
            meta = _text_to_text(codec.decode(meta_body))
        data = codec.decode(body)
    except Exception as error:  # noqa: BLE001  # whatever a body makes a codec raise costs the listener an error, never the link
        signal.report_undecodable(error)
        return
    signal.trigger(data, meta)


def _text_to_text(value: object) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        return value
    raise CodecError(f"the meta of an event must be text to text, found {ascii(value)[:80]}")
