# SPDX-License-Identifier: MIT
"""A server that is restarted: nobody subscribes again, and what may be missing is told.

Prints::

    the dashboard shows 21.5 °C, measured before it came
    the server is restarted
    the dashboard may have missed events of thermo (session_lost)
    the dashboard shows 21.8 °C
"""

from __future__ import annotations

import time
from queue import SimpleQueue

import sigcore

heard: SimpleQueue[float] = SimpleQueue()


def show(info: sigcore.EventInfo, celsius: float) -> None:
    heard.put(celsius)


def lost(info: sigcore.EventInfo, gap: sigcore.Gap) -> None:
    if gap.cause != "conflated":  # that is what policy="latest" asks for
        print(f"the dashboard may have missed events of {info.sender} ({gap.cause})")


def wait_for(celsius: float) -> None:
    while heard.get(timeout=10.0) != celsius:
        pass  # one that is newer follows


server = sigcore.ServerRouter("tcp://127.0.0.1:0")
server.open()
url = server.endpoints[0]
with sigcore.ClientRouter(url, name="sensor") as sensor, sigcore.ClientRouter(url, name="dashboard") as dashboard:
    reading = sensor.add_sender("thermo", events=["reading"], keep=1).signal("reading", type=float)  # keep: the last
    sensor.deliver(reading, 21.5)
    # replay: begin with what is kept; latest: what is old need not be shown when the newest has come.
    dashboard.add_listener(show, "thermo", "reading", type=float, on_gap=lost, policy="latest", replay=1)
    wait_for(21.5)
    print("the dashboard shows 21.5 °C, measured before it came")

    print("the server is restarted")
    server.close()
    while sensor.connected:
        time.sleep(0.01)
    for celsius in (21.6, 21.7, 21.8):
        reading.trigger(celsius)  # waits in the client, which connects again by itself
    server = sigcore.ServerRouter(url)
    server.open()
    wait_for(21.8)
    print("the dashboard shows 21.8 °C")
server.close()
