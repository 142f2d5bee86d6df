# SPDX-License-Identifier: MIT
"""The entry point ``cbor`` of the group ``sigcore.codecs``."""

from __future__ import annotations

import sigcore

from ._codec import CborCodec


@sigcore.hookimpl
def sigcore_codec() -> sigcore.Codec:
    """Return the codec ``cbor``."""
    return CborCodec()
