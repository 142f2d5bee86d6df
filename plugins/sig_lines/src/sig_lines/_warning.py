# SPDX-License-Identifier: MIT
"""Warnings of what a device does wrong: one per kind and ten seconds, however much it is."""

from __future__ import annotations

import sigcore

INTERVAL_S = 10.0

log = sigcore.get_logger("sigcore.lines")


class Warnings:
    """Logs what goes wrong with one device.

    Args:
        name: The device's name, which begins each line.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last_s: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def warn(self, kind: str, text: str, now_s: float) -> None:
        """Log a warning, unless there was one of its kind a moment ago.

        Args:
            kind: A fixed word, never the device's own text.
            text: What happened; what the device said is quoted in it.
            now_s: The present.
        """
        if now_s - self._last_s.get(kind, now_s - INTERVAL_S) < INTERVAL_S:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return
        held_back = self._held_back.pop(kind, 0)
        self._last_s[kind] = now_s
        log.warning("%s: %s%s", self._name, text, f" (and {held_back} more before this)" if held_back else "")
