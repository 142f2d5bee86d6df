# SPDX-License-Identifier: MIT
"""The entry point ``lines`` of the group ``sigcore.carriers``."""

from __future__ import annotations

import sigcore

from ._carrier import LinesCarrier


@sigcore.hookimpl
def sigcore_carrier() -> sigcore.Carrier:
    """Return the carrier for ``lines+serial://...``, ``lines+tcp://...`` and the like."""
    return LinesCarrier()
