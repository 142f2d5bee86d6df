# SPDX-License-Identifier: MIT
"""Requests: calling a method of a sender, and what comes back when that goes wrong.

Prints::

    {'percent': 40}
    the valve knows no 'dance'
    RequestFailed: the handler raised ValueError: a valve opens from 0 to 100 percent, not 400
    MethodNotFound: sender 'pump' answers no method 'stop'; it answers: start
    SenderNotFound: no sender 'heater' is connected; connected: pump, valve
"""

from __future__ import annotations

from typing import Any

import sigcore


def set_position(params: dict[str, float]) -> dict[str, float]:
    if not 0 <= params["percent"] <= 100:
        raise ValueError(f"a valve opens from 0 to 100 percent, not {params['percent']}")
    return {"percent": params["percent"]}


def anything_else(method: str, params: Any) -> str:
    return f"the valve knows no {method!r}"


router = sigcore.Router()
valve = router.add_sender("valve", requests={"set_position": set_position}, fallback=anything_else)
pump = router.add_sender("pump", requests={"start": print})

print(router.request("valve", "set_position", {"percent": 40}))
print(router.request("valve", "dance"))

for sender, method, params in [
    ("valve", "set_position", {"percent": 400}),  # its handler raises
    ("pump", "stop", None),  # it has no such method, and no fallback
    ("heater", "start", None),  # there is no such sender
]:
    try:
        router.request(sender, method, params, timeout=2.0)
    except sigcore.RequestError as error:
        print(f"{type(error).__name__}: {error}")
