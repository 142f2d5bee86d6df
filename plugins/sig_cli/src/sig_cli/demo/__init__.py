# SPDX-License-Identifier: MIT
"""``sig demo``: the main job of sigcore in half a minute, without hardware."""

from __future__ import annotations

from ._command import command

__all__ = ["command"]
