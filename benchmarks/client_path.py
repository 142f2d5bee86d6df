# SPDX-License-Identifier: MIT
"""What an event costs a client between its calls and its bytes, without sockets: trigger to frames, frames to listener.

    python -m benchmarks.client_path

The time for each event, the best of many rounds, beside what encoding or decoding it takes of that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import sigcore
from sigcore._drops import Drops
from sigcore._json import json_codec
from sigcore._router import Router
from sigcore._signal import Signal
from sigcore.aio._delivery import Batch
from sigcore.protocol.client_session import ClientSession
from sigcore.protocol.frames import FrameReader, Kind, frame
from sigcore.protocol.outbox import MOST_FRESH, Outbox, Outlet

from .report import Report, Table, options_of

EVENTS = MOST_FRESH // 2
ROUNDS = 200
ROOM = 1 << 20
DATA = {"celsius": 21.5, "seq": 12345, "unit": "C"}


def best_ns(run: Callable[[], None]) -> float:
    """Return the time that one of ``EVENTS`` takes in ``run``."""
    best = float("inf")
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began_s)
    return best / EVENTS * 1e9


def publishing_ns() -> float:
    """Return the time from the trigger to the bytes."""
    outbox = Outbox(4 << 20, 1 << 20, Drops(), lambda: 0.0)
    outbox.is_online = True
    signal: Signal[Any] = Signal("thermo", "reading", lambda *_: None)
    outlet = Outlet(signal, json_codec(), outbox)
    outlet.topic_id = 1
    signal._set_outlet(outlet)
    nobody = cast(ClientSession, None)  # it is asked for a number only where somebody waits for a delivery
    outbox.take_frames([], ROOM, ROOM, nobody)

    def run() -> None:
        trigger = signal.trigger
        for _ in range(EVENTS):
            trigger(DATA)
        parts: list[bytes] = []
        outbox.take_frames(parts, ROOM, ROOM, nobody)
        b"".join(parts)

    return best_ns(run)


def listening_ns() -> float:
    """Return the time from the bytes to the end of an empty listener."""
    codec = json_codec()
    router = Router()
    router.add_listener(lambda info, data: None, "thermo", "reading")
    signal = router._add_remote_signal("thermo", "reading", sigcore.Peer("far"))
    data = frame(Kind.EVENT, 1, codec.encode(DATA)) * EVENTS

    def run() -> None:
        for _kind, _id, _route, read, start, end, _count in FrameReader(1 << 20, {1: signal}).feed(data):
            Batch([({1: signal}, codec, read[start:end])], end - start, lambda size: None).deliver()

    return best_ns(run)


def main() -> None:
    """Measure both ways."""
    options = options_of(__doc__).parse_args()
    codec = json_codec()
    text = codec.encode(DATA)
    encoding = best_ns(lambda: [codec.encode(DATA) for _ in range(EVENTS)] and None)
    decoding = best_ns(lambda: [codec.decode(text) for _ in range(EVENTS)] and None)
    figures: list[dict[str, Any]] = [
        {"what": "publishing", "ns": publishing_ns(), "codec_ns": encoding},
        {"what": "listening", "ns": listening_ns(), "codec_ns": decoding},
    ]
    rows = [[row["what"], f"{row['ns']:.0f}", f"{row['codec_ns']:.0f}"] for row in figures]
    table = Table("ns for an event in a client, without sockets", ["", "in all", "of that, the codec"], rows)
    Report("client_path", [table], figures).give(options.json)


if __name__ == "__main__":
    main()
