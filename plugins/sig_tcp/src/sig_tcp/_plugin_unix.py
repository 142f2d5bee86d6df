# SPDX-License-Identifier: MIT
"""The entry point ``unix`` of the group ``sigcore.carriers``."""

from __future__ import annotations

from sigcore import Carrier, hookimpl

from ._unix import UnixCarrier


@hookimpl
def sigcore_carrier() -> Carrier:
    """Return the carrier for ``unix:///path``."""
    return UnixCarrier()
