# SPDX-License-Identifier: MIT
"""Event data that tells whose it is, where in the order it stands, when it was made, and whether it came whole."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from typing import Any


def stamp(sender: str, seq: int, payload: Any = None, *, session: str = "") -> dict[str, Any]:
    """Return stamped data for one event.

    Args:
        sender: Who triggers it.
        seq: The sender's number for it, more than that of any event before it in this session.
        payload: Anything that JSON keeps as it is: text, numbers, lists, objects with text keys.
        session: Tells the runs of a sender apart, each of which may count from the same number.

    Raises:
        TypeError: The payload is not JSON's.
        ValueError: The payload has a number that JSON does not have, such as NaN.
    """
    data = {"sender": sender, "session": session, "seq": seq, "at": time.monotonic(), "payload": payload}
    return {**data, "crc": _crc(data)}


def is_whole(data: object) -> bool:
    """Whether ``data`` is just what ``stamp`` made."""
    if not isinstance(data, Mapping) or "crc" not in data:
        return False
    try:
        return bool(data["crc"] == _crc({name: value for name, value in data.items() if name != "crc"}))
    except (TypeError, ValueError):
        return False


def _crc(data: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(data, sort_keys=True, allow_nan=False).encode())
