# SPDX-License-Identifier: MIT
"""What a codec owes: the contract that every plug-in of the group ``sigcore.codecs`` keeps."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Codec(Protocol):
    """Turns event data, parameters and results into bytes and back.

    A codec has no state between calls and is called from any thread.

    Attributes:
        name: The entry point's name, as in ``codec="cbor"``.
        content_type: The media type, as in ``application/cbor``.
    """

    name: str
    content_type: str

    def encode(self, value: Any) -> bytes:
        """Return ``value`` as bytes.

        Raises:
            CodecError: The value, or something in it, has no form in this codec.
        """

    def decode(self, data: bytes | memoryview) -> Any:
        """Return the one value that ``data`` holds.

        Raises:
            CodecError: Whatever is wrong with ``data``: truncated, trailing bytes, too deep, not allowed.
        """
