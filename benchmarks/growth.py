# SPDX-License-Identifier: MIT
"""What an event costs a server that has much else to know: senders, idle links, listeners that ask for other things.

    python -m benchmarks.growth

The path of ``server_path``, without sockets, for reads that bring 10 events, and one reader. Each series must be flat:
its largest figure at most 1.5 times its least.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sigcore.protocol.frames import HEADER, HEADER_BYTES, Kind
from sigcore.protocol.hub import Hub
from sigcore.protocol.server_link import ServerLink

from .report import Report, Table, numbers, options_of
from .server_path import EVENT, add_sender, connected, listen, new_hub, one_round

A_READ = 10
BAR = 1.5
LINK_SENDERS = 10_000
"""Senders of one link: half as many as it may have topics."""

Reads = Sequence[tuple[ServerLink, bytes]]
Stage = tuple[Hub, Reads, ServerLink]
"""A server, what it reads in a round, and who gets that."""


def main() -> None:
    """Measure what the command line asks for."""
    parser = options_of(__doc__)
    parser.add_argument("--steps", type=numbers, default=[1, 10, 100, 1_000, 10_000, 100_000], help="how many of each")
    parser.add_argument("--links", type=numbers, default=[1, 10, 100, 1_000, 5_000], help="how many idle links")
    parser.add_argument("--events", type=int, default=20_000, help="in a round, at least (20000)")
    parser.add_argument("--rounds", type=int, default=7, help="of which the best counts (7)")
    options = parser.parse_args()
    ns_per_event(one_of_many_senders(1), options)  # what comes first makes the process's memory and code ready
    figures = [
        {"of": title, "number": number, "ns": ns_per_event(make(number), options)}
        for title, make in SERIES.items()
        for number in (options.links if make is idle_links else options.steps)
    ]
    Report("growth", [table(figures)], figures).give(options.json)


def ns_per_event(stage: Stage, options: Any) -> float:
    """Return the best of many rounds, after one that makes the routes."""
    hub, reads, reader = stage
    reads = list(reads) * max(1, options.events // (len(reads) * A_READ))
    gc.collect()
    gc.freeze()  # what stands there for good is not what an event costs
    try:
        took_s = [one_round(hub, reads, [reader]) for _round in range(1 + options.rounds)]
    finally:
        gc.unfreeze()
    return min(took_s[1:]) / (len(reads) * A_READ) * 1e9


def one_of_many_senders(number: int) -> Stage:
    """One sender signals, of so many."""
    hub, publishers, reader = with_senders(number)
    return hub, [(publishers[0], EVENT * A_READ)], reader


def many_senders_in_turn(number: int) -> Stage:
    """Each of so many senders signals, one after the other; a read brings events of 10 of them."""
    hub, publishers, reader = with_senders(number)
    reads = []
    for place, publisher in enumerate(publishers):
        first, last = place * LINK_SENDERS, min(number, (place + 1) * LINK_SENDERS)
        topics = [1 + topic for topic in range(first, last)]  # a server counts them from 1
        topics *= -(-A_READ // len(topics))
        reads += [(publisher, events_on(topics[at : at + A_READ])) for at in range(0, len(topics), A_READ)]
    return hub, reads, reader


def idle_links(number: int) -> Stage:
    """One sender signals, and so many links listen to another."""
    hub, publishers, reader = with_senders(1)
    for _ in range(number):
        take(connected(hub), [listen(1, "other")])
    return hub, [(publishers[0], EVENT * A_READ)], reader


def listeners_to_others(number: int) -> Stage:
    """One sender signals, and the reader has so many listeners, of which one hears it."""
    hub, publishers, reader = with_senders(1)
    take(reader, (listen(1 + each, f"other{each}") for each in range(1, number)))
    assert hub.listeners == number
    return hub, [(publishers[0], EVENT * A_READ)], reader


SERIES: Mapping[str, Callable[[int], Stage]] = {
    "senders, one of which signals": one_of_many_senders,
    "senders, which signal in turn": many_senders_in_turn,
    "idle links": idle_links,
    "listeners, one of which hears it": listeners_to_others,
}


def with_senders(number: int) -> tuple[Hub, list[ServerLink], ServerLink]:
    """Return a server with senders on as many links as they need, and a reader of the event that each has."""
    hub = new_hub()
    publishers = []
    for first in range(0, number, LINK_SENDERS):
        publishers.append(connected(hub))
        last = min(number, first + LINK_SENDERS)
        take(publishers[-1], (add_sender(1 + each, f"sender{each}") for each in range(first, last)))
    reader = connected(hub)
    take(reader, [listen(1, None if number > 1 else "sender0")])
    assert len(hub.senders()) == number
    return hub, publishers, reader


def take(link: ServerLink, frames: Iterable[bytes]) -> None:
    """Have a link take frames, and write its answers."""
    for data in frames:
        link.receive(data, 0.0)
        link.data_to_send(0.0)


def events_on(topics: Sequence[int]) -> bytes:
    """Return one event on each topic."""
    body = EVENT[HEADER_BYTES:]
    return b"".join(HEADER.pack(len(body), Kind.EVENT, topic) + body for topic in topics)


def table(figures: Sequence[Mapping[str, Any]]) -> Table:
    """Return the figures for people."""
    steps = sorted({row["number"] for row in figures})
    found = Table(
        f"ns per event in the server, by how many there are (bar: {BAR} x)", ["", *map(str, steps), "most / least"]
    )
    for title in SERIES:
        ns = {row["number"]: row["ns"] for row in figures if row["of"] == title}
        cells = [f"{ns[step]:.0f}" if step in ns else "" for step in steps]
        found.rows.append([title, *cells, f"{max(ns.values()) / min(ns.values()):.2f} x"])
    return found


if __name__ == "__main__":
    main()
