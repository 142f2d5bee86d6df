# SPDX-License-Identifier: MIT
"""The blocking form: no asyncio in sight; each router runs its own loop in the background.

Prints::

    senders: valve
    kitchen wants 40 %
    valve moved to 40 %
"""

from __future__ import annotations

import sigcore


def set_position(params: dict[str, int]) -> dict[str, int]:
    asking = sigcore.caller()
    print(f"{asking.name if asking else 'somebody here'} wants {params['percent']} %")
    valve.trigger("moved", params)
    return params


with (
    sigcore.ServerRouter("tcp://127.0.0.1:0") as server,
    sigcore.ClientRouter(server.endpoints[0], name="basement") as basement,
    sigcore.ClientRouter(server.endpoints[0], name="kitchen") as kitchen,
):
    valve = basement.add_sender("valve", events=["moved"], requests={"set_position": set_position})
    with kitchen.listen("valve", "moved") as moves:
        print("senders:", *[sender.name for sender in kitchen.senders()])
        kitchen.request("valve", "set_position", {"percent": 40}, timeout=5.0)
        info, data = moves.get(timeout=5.0)
        print(f"{info.sender} {info.event} to {data['percent']} %")
