# SPDX-License-Identifier: MIT
"""What a server knows of the medium of a link."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Medium:
    """The medium of one link.

    Attributes:
        cable: Its name, where it joins just two ends; empty where any number of clients may come.
        byte_s: How long it takes for a byte, in seconds; 0 where that is not known.
        endpoint: The link's own endpoint, where the one that is listened to means several; else empty.
    """

    cable: str = ""
    byte_s: float = 0.0
    endpoint: str = ""


ANY = Medium()
"""One of which nothing is known."""
