# SPDX-License-Identifier: MIT
"""What an event costs a server between reading and writing it, without sockets: frames, routing, queue, session.

    python -m benchmarks.server_path

The time for each event, the best of many rounds, for reads that bring 1, 10, 100 and 700 events, and for 1 and
8 readers. The bytes that the session keeps until they are acknowledged are acknowledged once a round.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from sigcore._drops import Drops
from sigcore._json import json_codec
from sigcore._limits import LinkOptions
from sigcore.protocol.bodies import write_ack, write_body
from sigcore.protocol.frames import PREFACE, VERSION, Kind, frame
from sigcore.protocol.hub import Hub, LocalSide
from sigcore.protocol.server_link import ServerLink

from .report import Report, Table, options_of

EVENTS = 20_000
ROUNDS = 20
A_READ = (1, 10, 100, 700)
CREDIT = 1 << 60
MANY = 100_000
EVENT = frame(Kind.EVENT, 1, b'{"celsius":21.5,"seq":12345,"unit":"C"}')
HELLO = {"versions": [VERSION], "codecs": ["json"], "name": "x", "limits": {"frame": 1 << 20, "credit": CREDIT}}
OPTIONS = LinkOptions(credit=CREDIT, unacknowledged=CREDIT, event_queue=CREDIT, max_senders=MANY, max_listeners=MANY)


class Nobody:
    """The server's own process, which neither listens nor signals."""

    is_full = False

    def sender_came(self, info: object) -> dict[str, Any]:
        return {}

    def listens_to(self, sender: str, event: str) -> bool:
        return False

    def retry(self) -> None:
        pass


def new_hub() -> Hub:
    hub = Hub(name="hall", server_id="0" * 32, epoch="0" * 32, drops=Drops())
    hub.codecs = {"json": json_codec()}
    hub.local = cast(LocalSide, Nobody())
    return hub


def connected(hub: Hub) -> ServerLink:
    link = ServerLink(hub, OPTIONS, "mem://hall", 0.0)
    link.receive(PREFACE + frame(Kind.HELLO, 0, write_body(HELLO)), 0.0)
    link.data_to_send(0.0)
    return link


def ns_per_event(events_a_read: int, readers: int) -> float:
    hub = new_hub()
    publisher, *subscribers = (connected(hub) for _link in range(1 + readers))
    publisher.receive(add_sender(1, "thermo"), 0.0)
    for subscriber in subscribers:
        subscriber.receive(listen(1, "thermo"), 0.0)
    reads = [(publisher, EVENT * events_a_read)] * (EVENTS // events_a_read)
    return min(one_round(hub, reads, subscribers) for _round in range(ROUNDS)) / EVENTS * 1e9


def add_sender(number: int, name: str) -> bytes:
    return frame(Kind.ADD_SENDER, number, write_body({"sender": name, "events": ["reading"]}))


def listen(number: int, sender: str | None) -> bytes:
    return frame(Kind.LISTEN, number, write_body({"sender": sender, "event": "reading"}))


def one_round(hub: Hub, reads: Sequence[tuple[ServerLink, bytes]], subscribers: Sequence[ServerLink]) -> float:
    """Return how many seconds it takes to read this, each in a turn of its own, and to write what it calls for."""
    began = time.perf_counter()
    for publisher, chunk in reads:
        publisher.receive(chunk, 0.0)
        hub.settle()
        for session in hub.take_dirty():
            while session.link is not None and session.link.data_to_send(0.0) and session.link.has_more:
                pass
    took = time.perf_counter() - began
    for subscriber in subscribers:
        assert subscriber.session is not None
        subscriber.receive(frame(Kind.ACK, 0, write_ack(subscriber.session._sent, CREDIT)), 0.0)
    return took


def main() -> None:
    """Measure for one reader and for eight."""
    options = options_of(__doc__).parse_args()
    figures = [
        {"readers": readers, "a_read": events, "ns": ns_per_event(events, readers)}
        for readers in (1, 8)
        for events in A_READ
    ]
    heads = ["readers", *(f"{events} a read" for events in A_READ)]
    rows = [[str(readers), *(f"{row['ns']:.0f}" for row in figures if row["readers"] == readers)] for readers in (1, 8)]
    Report("server_path", [Table("ns for an event in the server, without sockets", heads, rows)], figures).give(
        options.json
    )


if __name__ == "__main__":
    main()
