# SPDX-License-Identifier: MIT
"""What a server learns from a carrier of the other end of a link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._carrier import identify, is_confidential
from .._errors import InvalidName, NotAuthenticated
from .._identity import MediumIdentity
from .._logging import get_logger
from .._shown import described, one_line
from ..protocol.medium import Medium

if TYPE_CHECKING:
    from .._carrier import Carrier
    from .._endpoint import Endpoint

UNKNOWN_FOR_NOW = "who you are cannot be found out by the medium of the link; the server's log says why"

_log = get_logger("sigcore.server")

Meet = Callable[[asyncio.BaseTransport], Medium]
"""Tells of a link's medium, given its transport."""


def meeting(carrier: Carrier, endpoint: Endpoint) -> Meet:
    """Return what tells of the links that come to an endpoint.

    Args:
        carrier: The endpoint's carrier.
        endpoint: What the carrier listens at.
    """
    confidential = is_confidential(carrier, endpoint)

    def meet(transport: asyncio.BaseTransport) -> Medium:
        def tell(what: str) -> Any:
            try:
                return transport.get_extra_info(what)
            except Exception as error:  # noqa: BLE001  # whatever a carrier raises, it costs this link alone
                name, why = type(carrier).__name__, one_line(described(error))
                _log.warning("the carrier %s broke its contract: get_extra_info(): %s", name, why)
                return None

        proven, fault = _proven(carrier, transport)
        return Medium(
            cable=tell("cable") or "",
            byte_s=tell("byte_s") or 0.0,
            endpoint=tell("endpoint") or "",
            identity=proven.identity if proven is not None else "",
            proof=proven.proof if proven is not None else "",
            is_confidential=confidential,
            source=_address(tell("peername")),
            fault=fault,
        )

    return meet


def _proven(carrier: Carrier, transport: asyncio.BaseTransport) -> tuple[MediumIdentity | None, str]:
    """Return what the medium proves, and why the link must be refused, if it must."""
    try:
        proven = identify(carrier, transport)
    except (NotAuthenticated, InvalidName) as error:
        return None, one_line(str(error))
    except Exception as error:  # noqa: BLE001  # whatever a carrier raises, it costs this link alone
        _log.warning("the carrier %s cannot tell who is there: %s", type(carrier).__name__, one_line(described(error)))
        return None, UNKNOWN_FOR_NOW
    if proven is not None and not isinstance(proven, MediumIdentity):
        name = type(carrier).__name__
        _log.warning("%s.identify gave %s, not a sigcore.MediumIdentity", name, type(proven).__name__)
        return None, UNKNOWN_FOR_NOW
    return proven, ""


def _address(peername: object) -> str:
    """Return the address in what asyncio's transports of a network call ``peername``; empty where it is none."""
    if isinstance(peername, tuple) and len(peername) >= 2 and isinstance(peername[0], str):
        return peername[0]
    return ""
