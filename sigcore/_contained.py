# SPDX-License-Identifier: MIT
"""The one boundary around a codec of others: whatever it raises or returns costs one body, no link and no program."""

from __future__ import annotations

from typing import Any

from ._codec import Codec
from ._errors import CodecError
from ._shown import described


class ContainedCodec:
    """A codec that keeps its contract, around one that may not.

    KeyboardInterrupt passes: it is the user's, who need not wait for a codec to return.

    Args:
        codec: The codec.

    Attributes:
        name: As the codec's.
        content_type: As the codec's.
    """

    def __init__(self, codec: Codec) -> None:
        self.name = codec.name
        self.content_type = codec.content_type
        self._codec = codec

    def encode(self, value: Any) -> bytes:
        """Return ``value`` as bytes.

        Raises:
            CodecError: The codec raised anything at all, or gave something else.
        """
        try:
            data = self._codec.encode(value)
        except (CodecError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise self._fault("encode", described(error)) from error
        if type(data) is not bytes:
            raise self._fault("encode", f"it returned {type(data).__name__} instead of bytes")
        return data

    def decode(self, data: bytes | memoryview) -> Any:
        """Return the value that ``data`` holds.

        Raises:
            CodecError: The codec raised anything at all.
        """
        try:
            return self._codec.decode(data)
        except (CodecError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise self._fault("decode", described(error)) from error

    def __repr__(self) -> str:
        return repr(self._codec)

    def _fault(self, call: str, what: str) -> CodecError:
        return CodecError(f"the codec {self.name!r} broke its contract in {call}(): {what}")
