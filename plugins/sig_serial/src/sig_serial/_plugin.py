# SPDX-License-Identifier: MIT
"""The hook that gives sigcore the carrier of ``serial://``, ``serial+usb://``, ``+rfc2217://`` and ``+socket://``."""

from __future__ import annotations

import sigcore

from ._carrier import SerialCarrier


@sigcore.hookimpl
def sigcore_carrier() -> sigcore.Carrier:
    """Return the serial carrier."""
    return SerialCarrier()
