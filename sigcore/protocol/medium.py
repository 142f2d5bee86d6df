# SPDX-License-Identifier: MIT
"""What a server knows of the medium of a link."""

from __future__ import annotations

from dataclasses import dataclass

from .._identity import MediumIdentity


@dataclass(frozen=True, slots=True)
class Medium:
    """The medium of one link.

    Attributes:
        cable: Its name, where it joins just two ends; empty where any number of clients may come.
        byte_s: How long it takes for a byte, in seconds; 0 where that is not known.
        endpoint: The link's own endpoint, where the one that is listened to means several; else empty.
        identity: Who is at the other end, as the medium itself proves it; empty where it proves nothing.
        proof: How it does that (see ``sigcore.MediumIdentity``).
        is_confidential: Whether nobody between the two ends can read what is said.
        source: The other side's address on a network, without a port; empty where there is none.
        fault: Why the link must be refused, for what the medium says of the other end; else empty.
    """

    cable: str = ""
    byte_s: float = 0.0
    endpoint: str = ""
    identity: str = ""
    proof: str = ""
    is_confidential: bool = False
    source: str = ""
    fault: str = ""

    @property
    def proven(self) -> MediumIdentity | None:
        """What the medium proves of the other end, if anything."""
        return MediumIdentity(self.identity, self.proof) if self.identity else None


ANY = Medium()
"""One of which nothing is known."""
