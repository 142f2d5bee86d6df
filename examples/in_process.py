# SPDX-License-Identifier: MIT
"""Events in one process: a sender, and listeners that ask for as much or as little as they want.

Prints::

    thermo reading: 21.5 °C
    alarm from thermo: too cold
    thermo reading: 21.7 °C
    counted: reading alarm
"""

from __future__ import annotations

from typing import Any

import sigcore

router = sigcore.Router()


@router.on(sender="thermo", event="reading")
def show(info: sigcore.EventInfo, data: Any) -> None:
    print(f"{info.sender} {info.event}: {data['celsius']} °C")


@router.on(event="alarm")  # of any sender
def warn(info: sigcore.EventInfo, data: Any) -> None:
    print(f"alarm from {info.sender}: {data}")


def count(info: sigcore.EventInfo, data: Any) -> None:
    counted.append(info.event)


counted: list[str] = []
everything = router.add_listener(count)  # every event of every sender

thermo = router.add_sender("thermo", events=["reading", "alarm"])
reading = thermo.signal("reading")  # kept, it is the quick way to trigger often

reading.trigger({"celsius": 21.5})
thermo.trigger("alarm", "too cold")
everything.remove()
reading.trigger({"celsius": 21.7})
print("counted:", *counted)
