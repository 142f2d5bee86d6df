# SPDX-License-Identifier: MIT
"""For programs that look at a serial line instead of using it, such as ``sig serial check`` and ``sig monitor``."""

from __future__ import annotations

from ._checking import USUAL_BAUDRATES, answer_probes, check_line, find_baudrate
from ._holders import find_holder
from ._line_reader import LineReader, Seen, SeenNoise, SeenPacket, SeenText
from ._monitoring import tapped
from ._quality import Grade, Leg, LineQuality, RoundTrips, Verdict, verdict
from ._reassembly import Piece

__all__ = [
    "USUAL_BAUDRATES",
    "Grade",
    "Leg",
    "LineQuality",
    "LineReader",
    "Piece",
    "RoundTrips",
    "Seen",
    "SeenNoise",
    "SeenPacket",
    "SeenText",
    "Verdict",
    "answer_probes",
    "check_line",
    "find_baudrate",
    "find_holder",
    "tapped",
    "verdict",
]
