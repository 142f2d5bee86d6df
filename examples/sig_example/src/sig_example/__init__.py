# SPDX-License-Identifier: MIT
"""The carrier ``portfile://`` for sigcore."""

from __future__ import annotations

from ._carrier import PortFileCarrier, PortFileOptions

__all__ = ["PortFileCarrier", "PortFileOptions"]
