# SPDX-License-Identifier: MIT
"""Three ways to signal: in the hope that somebody listens, until the server has accepted it, until it was handled.

Prints::

    triggered
    accepted by 0: nobody listens
    accepted by 2
    the pager rings: much too hot
    handled: the valve is shut
"""

from __future__ import annotations

from queue import SimpleQueue

import sigcore

rings: SimpleQueue[str] = SimpleQueue()

with (
    sigcore.ServerRouter("tcp://127.0.0.1:0") as server,
    sigcore.ClientRouter(server.endpoints[0], name="boiler") as boiler,
    sigcore.ClientRouter(server.endpoints[0], name="pager") as pager,
):
    alarm = boiler.add_sender("boiler", events=["alarm"]).signal("alarm", type=str)

    alarm.trigger("warm")  # the quickest: returns before the event has left, and tells nothing of who takes it
    print("triggered")
    print(f"accepted by {boiler.deliver(alarm, 'hot')}: nobody listens")  # no error: it is for the caller to judge

    pager.add_listener(lambda info, text: rings.put(text), "boiler", "alarm", type=str)
    server.add_listener(lambda info, text: None, "boiler")  # a server's own process counts as one router
    accepted = boiler.deliver(alarm, "much too hot", timeout=2.0)  # otherwise a DeliveryError says what is known
    print(f"accepted by {accepted}")
    print(f"the pager rings: {rings.get(timeout=10.0)}")

    pager.add_sender("valve", requests={"shut": lambda params: "the valve is shut"})
    print(f"handled: {boiler.request('valve', 'shut', timeout=2.0)}")  # only who handles it can say so
