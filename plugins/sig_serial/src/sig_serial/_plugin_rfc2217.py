# SPDX-License-Identifier: MIT
"""The hook that gives sigcore the carrier of ``serial+rfc2217://``: ports behind a bridge that speaks RFC 2217."""

from __future__ import annotations

import sigcore

from ._carrier import SerialCarrier


@sigcore.hookimpl
def sigcore_carrier() -> sigcore.Carrier:
    """Return the serial carrier."""
    return SerialCarrier()
