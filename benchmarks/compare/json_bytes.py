# SPDX-License-Identifier: MIT
"""How data becomes bytes where a system leaves that to its user: msgspec's JSON, or bytes as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .plan import Plan

try:
    from msgspec.json import Decoder, Encoder
except ImportError:

    def _dumped(data: Any) -> bytes:
        return json.dumps(data, separators=(",", ":")).encode()

    encode_json: Callable[[Any], bytes] = _dumped
    decode_json: Callable[[bytes], Any] = json.loads
else:
    encode_json = Encoder().encode
    decode_json = Decoder().decode


def coding(plan: Plan) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    """Return what encodes and what decodes the data of a plan."""
    if plan.is_small:
        return encode_json, decode_json
    return _as_it_is, _as_it_is


def _as_it_is(data: Any) -> Any:
    return data
