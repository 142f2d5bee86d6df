# SPDX-License-Identifier: MIT
"""Data with a type: what a listener gets is an object of its class, checked where it comes in.

Prints::

    thermo: 21.5 C
    thermo: 70.7 F
    ListenerError: ... failed on event 'reading' of sender 'thermo': TypeMismatch: data do not fit Reading: ...
"""

from __future__ import annotations

from dataclasses import dataclass

import sigcore


@dataclass(frozen=True)
class Reading:
    celsius: float
    unit: str = "C"


def show(info: sigcore.EventInfo, reading: Reading) -> None:
    print(f"{info.sender}: {reading.celsius:.1f} {reading.unit}")


def complain(error: Exception) -> None:
    print(f"{type(error).__name__}: {error}")


with sigcore.ServerRouter("mem://typed", on_error=complain) as server, sigcore.ClientRouter("mem://typed") as client:
    server.add_listener(show, sender="thermo", event="reading", type=Reading)
    arrived = server.listen("thermo", "reading")  # after the listener, so that it has had each event first
    thermo = client.add_sender("thermo", events=["reading"])

    thermo.signal("reading", type=Reading).trigger(Reading(21.5))
    thermo.trigger("reading", {"celsius": 70.7, "unit": "F"})  # plain data of the same shape will do
    thermo.trigger("reading", {"celsius": "warm"})  # goes to on_error: it does not fit

    for _ in range(3):
        arrived.get(timeout=5.0)
