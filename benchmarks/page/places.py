# SPDX-License-Identifier: MIT
"""Places in a page that a program fills: ``<!-- measured: name -->`` begins one, ``<!-- end -->`` ends it."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACE = re.compile(r"(?P<begin><!-- measured: (?P<name>[^>]+?) -->)(?P<text>.*?)(?P<end><!-- end -->)", re.DOTALL)


def names(page: str) -> list[str]:
    """Return the names of all places."""
    return [place["name"] for place in PLACE.finditer(page)]


def filled(page: str, parts: Mapping[str, str]) -> str:
    """Return a page with its places filled; one without a part stays as it is.

    A place whose marks stand in lines of their own gets lines; one within a line gets the text alone.
    """

    def fill(place: re.Match[str]) -> str:
        if place["name"] not in parts:
            return place[0]
        text = parts[place["name"]]
        if place["text"].startswith("\n"):
            text = f"\n\n{text}\n\n"
        return f"{place['begin']}{text}{place['end']}"

    return PLACE.sub(fill, page)
