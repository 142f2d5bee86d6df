# SPDX-License-Identifier: MIT
"""Frames in the short form that inputs have: a length that is wrong would end each link at once."""

from __future__ import annotations

from sigcore.protocol.frames import Kind, frame

from .supply import Supply, block_of

KINDS = (*Kind, 0x00, 0x1F, 0x7F, 0x80, 0xFF)
"""All, two ranges' ends and what nobody knows."""

_FIRST_ODD = 0xF8
_ODD_IDS = (2**16, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 1000, 65535, 0)


def read_frame(kind: int, supply: Supply) -> bytes:
    """Return the frame that the next bytes stand for; it begins after its kind."""
    short = supply.byte()
    return frame(kind, short if short < _FIRST_ODD else _ODD_IDS[short - _FIRST_ODD], supply.block())


def short_form(kind: int, id_: int, body: bytes) -> bytes:
    """Return how a frame stands in an input, without its kind."""
    return bytes([min(id_, 0xFF)]) + block_of(body[:0xFFF])
