# SPDX-License-Identifier: MIT
"""A server with rules, and clients whose identity their medium proves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sigcore import AccessRules, Rule
from sigcore.protocol.frames import Kind, frame
from sigcore.protocol.medium import Medium
from tests.protocol.loopback import RawPeer, Server, control

SENDER = "thermo-7"
EVENT = "reading"
METHOD = "calibrate"

EVERYTHING = ("listen", "send", "request", "see")
OWNER = Rule("allow", "owner", EVERYTHING)
"""Lets whoever has the sender have it."""


class AccessServer(Server):
    """A server without I/O, whose clients have identities."""

    def come(self, identity: str = "", **limits: Any) -> RawPeer:
        """Return a client of that identity."""
        medium = Medium(identity=identity, proof="certificate") if identity else Medium()
        return self.connect(identity or "stranger", medium=medium, **limits)

    def rule(self, *rules: Rule, groups: Mapping[str, Iterable[str]] | None = None, **terms: Any) -> None:
        """Have these rules hold from now on."""
        self.hub.set_rules(AccessRules(rules, groups, **terms))
        self.settle()


def own(server: AccessServer, *, keep: int = 0) -> tuple[RawPeer, int]:
    """Return the owner of the sender, and its topic."""
    owner = server.come("owner")
    (topic,) = owner.add_sender(SENDER, [EVENT], [METHOD], keep={EVENT: keep} if keep else None)
    return owner, topic


def signal(owner: RawPeer, topic: int, data: bytes = b"1") -> None:
    """Trigger an event."""
    owner.say(frame(Kind.EVENT, topic, data))


def ask_to_listen(peer: RawPeer, id_: int, **fields: Any) -> str | None:
    """Register a listener; return the code that refuses it, or ``None``. What comes first is kept for ``hear``."""
    peer.say(control(Kind.LISTEN, id_, **fields))
    found = peer.hear()
    (answer,) = [item for item in found if item[0] in (Kind.OK, Kind.ERROR) and item[1] == id_]
    peer.kept = [item for item in found if item is not answer]
    return code_in(answer)


def code_in(item: tuple[Kind, int, bytes]) -> str | None:
    """Return the code of an ERROR, ``None`` of anything else."""
    kind, _id, body = item
    return str(json.loads(body)["code"]) if kind == Kind.ERROR else None


def talk_of(items: Iterable[tuple[Kind, int, bytes]], *names: str) -> list[Kind]:
    """Return the kinds of those frames in which one of ``names`` stands."""
    return [kind for kind, _id, body in items if any(name.encode() in body for name in names)]
