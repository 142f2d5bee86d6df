# SPDX-License-Identifier: MIT
"""The hook that gives sigcore the carrier of ``serial+socket://``: ports behind a TCP socket."""

from __future__ import annotations

import sigcore

from ._carrier import SerialCarrier


@sigcore.hookimpl
def sigcore_carrier() -> sigcore.Carrier:
    """Return the serial carrier."""
    return SerialCarrier()
