# SPDX-License-Identifier: MIT
"""The entry point ``tcp`` of the group ``sigcore.carriers``."""

from __future__ import annotations

from sigcore import Carrier, hookimpl

from ._tcp import TcpCarrier


@hookimpl
def sigcore_carrier() -> Carrier:
    """Return the carrier for ``tcp://host:port``."""
    return TcpCarrier()
