# SPDX-License-Identifier: MIT
"""The entry point ``tls`` of the group ``sigcore.carriers``."""

from __future__ import annotations

from sigcore import Carrier, hookimpl

from ._tls import TlsCarrier


@hookimpl
def sigcore_carrier() -> Carrier:
    """Return the carrier for ``tls://host:port``."""
    return TlsCarrier()
