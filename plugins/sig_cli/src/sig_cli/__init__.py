# SPDX-License-Identifier: MIT
"""The command ``sig``: senders, events and requests from a shell."""

from __future__ import annotations

from ._app import main

__all__ = ["main"]
