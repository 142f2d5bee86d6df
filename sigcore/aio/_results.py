# SPDX-License-Identifier: MIT
"""Results of requests on their way over links: what cannot be sent or read is a request that failed.

The handler ran, so that whoever asked must not take it for a fault in the parameters, which are a ``CodecError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._errors import CodecError, RequestFailed
from .._shown import described

if TYPE_CHECKING:
    from .._codec import Codec


def write_result(codec: Codec, result: Any) -> bytes:
    """Return what a handler returned, for a link.

    Raises:
        RequestFailed: It has no form in ``codec``.
    """
    try:
        return codec.encode(result)
    except CodecError as error:
        raise RequestFailed(f"the handler ran, but its result cannot be sent: {error}") from error


def read_result(codec: Codec, body: bytes) -> Any:
    """Return the result in a reply.

    Raises:
        RequestFailed: The other side wrote what ``codec`` cannot read.
    """
    try:
        return codec.decode(body)
    except Exception as error:  # a codec may break its contract; that must not cost more than this reply
        why = str(error) if isinstance(error, CodecError) else described(error)
        raise RequestFailed(f"the handler ran, but its reply cannot be read: {why}") from error
