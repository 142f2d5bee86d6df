# SPDX-License-Identifier: MIT
"""The entry point ``portfile`` of the group ``sigcore.carriers``."""

from __future__ import annotations

import sigcore

from ._carrier import PortFileCarrier


@sigcore.hookimpl
def sigcore_carrier() -> sigcore.Carrier:
    """Return the carrier for ``portfile:///path``."""
    return PortFileCarrier()
