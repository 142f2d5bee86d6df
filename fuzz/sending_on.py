# SPDX-License-Identifier: MIT
"""What must hold of every codec: whatever it takes, it can write, and takes that for the same."""

from __future__ import annotations

from typing import Any

import sigcore

NOTHING = object()
"""Stands for what was refused."""


def decoded(codec: sigcore.Codec, data: bytes) -> Any:
    """Return the value that ``data`` holds, ``NOTHING`` where the codec refuses them."""
    try:
        return codec.decode(data)
    except sigcore.CodecError:
        return NOTHING


def check_again(codec: sigcore.Codec, value: Any) -> bytes:
    """Assert that a value that was decoded can be written and read again; return it written."""
    written = codec.encode(value)
    again = codec.decode(written)
    assert repr(again) == repr(value)
    assert codec.encode(again) == written
    return written
