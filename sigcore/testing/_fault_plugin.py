# SPDX-License-Identifier: MIT
"""The entry point ``fault`` of the group ``sigcore.carriers``."""

from __future__ import annotations

from .._carrier import Carrier
from ..hookspecs import hookimpl
from ._fault_carrier import FaultCarrier


@hookimpl
def sigcore_carrier() -> Carrier:
    """Return the carrier for ``fault+tcp://...``, ``fault+serial://...`` and the like."""
    return FaultCarrier()
