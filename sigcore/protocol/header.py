# SPDX-License-Identifier: MIT
"""The header of a frame (docs/protocol.md, "Frames")."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

HEADER = Struct(">IBI")
KIND_AT = 4
HEADER_BYTES = HEADER.size  # 9: length of the body u32, kind u8, id u32

read_header: Callable[[bytes, int], tuple[int, int, int]] = HEADER.unpack_from
"""Gives the length of the body, the kind and the id that the header at a position states."""
