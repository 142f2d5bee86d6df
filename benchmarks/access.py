# SPDX-License-Identifier: MIT
"""What rules cost a server: for each event, which should be nothing, and for each route and each decision.

    python -m benchmarks.access

The way of an event through the server as in ``benchmarks.server_path``, without rules and with 1 000, turn by turn so
that both meet the same machine; how long it takes to build a route to 100 readers; and how long a decision takes that
was never made before.
"""

from __future__ import annotations

import time
from statistics import median

from sigcore import AccessRules, Rule
from sigcore.protocol.bodies import write_body
from sigcore.protocol.frames import PREFACE, Kind, frame
from sigcore.protocol.hub import Hub
from sigcore.protocol.medium import Medium
from sigcore.protocol.server_link import ServerLink

from .report import Report, Table, options_of
from .server_path import EVENT, EVENTS, HELLO, OPTIONS, add_sender, listen, new_hub, one_round

RULES = 1_000
ROUNDS = 30
A_READ = (1, 10, 100, 700)
READERS = 100
DECISIONS = 5_000


def rules_for(number: int) -> AccessRules:
    """Return so many rules, of which the last allow what is measured; none for 0."""
    others = [
        Rule("deny" if n % 4 == 0 else "allow", "reader", "listen", f"device-{n}-*", "reading") for n in range(number)
    ]
    allow = [Rule("allow", "owner", "send"), Rule("allow", "group:readers", "listen", "therm*", "reading")]
    return AccessRules([*others, *allow][-number:] if number else (), {"reader": ["readers"]})


def connected(hub: Hub, identity: str) -> ServerLink:
    """Return a link of that identity."""
    link = ServerLink(hub, OPTIONS, "mem://hall", 0.0, Medium(identity=identity, proof="certificate"))
    link.receive(PREFACE + frame(Kind.HELLO, 0, write_body(HELLO)), 0.0)
    link.data_to_send(0.0)
    return link


class Hall:
    """A server with one sender and some readers.

    Args:
        rules: How many rules it has.
        readers: How many readers.
    """

    def __init__(self, rules: int, readers: int) -> None:
        self.hub = new_hub()
        self.hub.set_rules(rules_for(rules))
        self.publisher = connected(self.hub, "owner")
        self.publisher.receive(add_sender(1, "thermo"), 0.0)
        self.readers = [connected(self.hub, "reader") for _ in range(readers)]
        for reader in self.readers:
            reader.receive(listen(1, "thermo"), 0.0)

    def ns_per_event(self, a_read: int) -> float:
        """Return what an event costs, this once."""
        reads = [(self.publisher, EVENT * a_read)] * (EVENTS // a_read)
        return one_round(self.hub, reads, self.readers) / (len(reads) * a_read) * 1e9

    def us_per_route(self) -> float:
        """Return how long it takes to build a route, what was decided before being known."""
        (topic,) = self.hub.topics.values()
        began = time.perf_counter()
        route = self.hub.route(topic)
        took = time.perf_counter() - began
        assert len(route.readers) == len(self.readers)
        return took * 1e6


def event_figures() -> list[dict[str, float]]:
    """Measure an event without and with rules, turn by turn."""
    halls = Hall(0, 1), Hall(RULES, 1)
    figures = []
    for a_read in A_READ:
        pairs = [tuple(hall.ns_per_event(a_read) for hall in halls) for _round in range(ROUNDS)]
        without, with_rules = (min(column) for column in zip(*pairs, strict=True))
        ratio = median(ruled / free for free, ruled in pairs)
        figures.append({"a_read": a_read, "ns_without": without, "ns_with": with_rules, "ratio": ratio})
    return figures


def ns_per_decision(number: int) -> float:
    """Return how long a new decision takes."""
    rules = rules_for(number)
    began = time.perf_counter()
    for n in range(DECISIONS):
        rules.decide("reader", "listen", f"thermo-{n}", "reading")
    return (time.perf_counter() - began) / DECISIONS * 1e9


def main() -> None:
    """Measure and tell."""
    options = options_of(__doc__).parse_args()
    events = event_figures()
    halls = Hall(0, READERS), Hall(RULES, READERS)
    routes = [min(hall.us_per_route() for _round in range(ROUNDS)) for hall in halls]
    decisions = [ns_per_decision(2), ns_per_decision(RULES)]
    tables = [
        Table(
            f"ns for an event in the server, without rules and with {RULES}",
            ["events a read", "without", f"{RULES} rules", "ratio"],
            [
                [f"{row['a_read']:.0f}", f"{row['ns_without']:.0f}", f"{row['ns_with']:.0f}", f"{row['ratio']:.3f}"]
                for row in events
            ],
        ),
        Table(
            "What is done seldom",
            ["", "few or no rules", f"{RULES} rules"],
            [
                [f"us for a route to {READERS} readers", *(f"{figure:.0f}" for figure in routes)],
                ["ns for a decision that was never made", *(f"{figure:.0f}" for figure in decisions)],
            ],
        ),
    ]
    figures = [
        *events,
        *({"rules": rules, "us_a_route": us} for rules, us in zip((0, RULES), routes, strict=True)),
        *({"rules": rules, "ns_a_decision": ns} for rules, ns in zip((2, RULES), decisions, strict=True)),
    ]
    Report("access", tables, figures).give(options.json)


if __name__ == "__main__":
    main()
