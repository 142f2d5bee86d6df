# SPDX-License-Identifier: MIT
"""The codec ``cbor`` for sigcore (RFC 8949)."""

from __future__ import annotations

from ._codec import CborCodec

__all__ = ["CborCodec"]
