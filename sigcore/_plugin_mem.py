# SPDX-License-Identifier: MIT
"""The entry point ``mem`` of the group ``sigcore.carriers``."""

from __future__ import annotations

from ._carrier import Carrier
from ._mem import MemCarrier
from .hookspecs import hookimpl


@hookimpl
def sigcore_carrier() -> Carrier:
    """Return the carrier for ``mem://name``."""
    return MemCarrier()
