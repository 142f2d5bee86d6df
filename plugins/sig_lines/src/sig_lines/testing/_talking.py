# SPDX-License-Identifier: MIT
"""A simulated device's side of a conversation, on a thread of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ._devices import SimulatedDevice

_END = re.compile(rb"[\r\n]+")


def talk(
    device: SimulatedDevice, receive: Callable[[float | None], bytes | None], send: Callable[[bytes], object]
) -> None:
    """Speak for ``device`` until the other side is gone.

    Args:
        device: Knows what to say.
        receive: Returns what came within a time (``None`` for any time); ``None`` for nothing, ``b""`` at the end.
        send: Sends bytes.
    """
    rest = b""
    due_s = time.monotonic()
    while True:
        left_s = None if device.period_s is None else due_s - time.monotonic()
        if left_s is not None and left_s <= 0:
            due_s = max(due_s + (device.period_s or 0.0), time.monotonic())
            _say(device, device.lines(), send)
            continue
        data = receive(left_s)
        if data == b"":
            return
        *commands, rest = _END.split(rest + (data or b""))
        for command in filter(None, commands):
            answer = device.answer(command.decode("utf-8", "replace"))
            _say(device, [] if answer is None else [answer], send)


def _say(device: SimulatedDevice, lines: list[str], send: Callable[[bytes], object]) -> None:
    if lines:
        send("".join(line + device.ending for line in lines).encode())
