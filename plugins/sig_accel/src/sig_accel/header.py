# SPDX-License-Identifier: MIT
"""The header of a frame, read byte by byte: what is slow in Python, and a few machine instructions once compiled.

Stands for ``sigcore.protocol.header``, whose ``Struct`` is the fastest that Python has, and slow to call from C.
"""

from __future__ import annotations

from typing import Final

HEADER_BYTES: Final = 9
"""Length of the body u32, kind u8, id u32, all big-endian."""


def read_header(data: bytes, pos: int) -> tuple[int, int, int]:
    """Return the length of the body, the kind and the id that the header at ``pos`` states.

    Raises:
        IndexError: ``data`` ends before the header does.
    """
    length = data[pos] << 24 | data[pos + 1] << 16 | data[pos + 2] << 8 | data[pos + 3]
    id_ = data[pos + 5] << 24 | data[pos + 6] << 16 | data[pos + 7] << 8 | data[pos + 8]
    return length, data[pos + 4], id_
