# SPDX-License-Identifier: MIT
"""How soon a link is back after its device was unplugged, or its peer was killed, and what is lost by it."""

from __future__ import annotations

import time
from typing import Any

from .stage import Stage, began, wait

SIZE = 20
PAUSE_S = 0.05
"""Between two events of each side, while all this goes on."""
LIMIT_S = 60.0


def replugged(absent_s: float, side: str) -> dict[str, Any]:
    """Unplug ``left`` (the server's port), ``right`` (the device's) or both (``""``), and plug in again.

    Both sides trigger events all the time: none may be missing in the end.
    """
    events = int((absent_s + 8) / PAUSE_S)
    with Stage() as stage:
        for peer in (stage.server, stage.device):
            peer.ask("flood", count=events, size=SIZE, pause_s=PAUSE_S)
        wait(lambda: _heard(stage.server) and _heard(stage.device), "the first events", LIMIT_S)
        time.sleep(1)
        stage.lines.tell(f"unplug {side}")
        before = stage.server.ask("costs")
        time.sleep(absent_s)
        after = stage.server.ask("costs")
        stage.lines.tell(f"replug {side}")
        back_s = [_first_after(peer, time.monotonic()) for peer in (stage.server, stage.device)]
        wait(lambda: _heard(stage.server) == _heard(stage.device) == events, "all events", absent_s + LIMIT_S)
        found = [each for peer in (stage.server, stage.device) for each in peer.ask("heard")]
    return {
        "what": f"{side or 'both'} unplugged",
        "absent_s": absent_s,
        "back_s": max(back_s),
        "absent_cpu": (after["cpu_s"] - before["cpu_s"]) / (after["now_s"] - before["now_s"]),
        **{name: sum(each["faults"][name] for each in found) for name in ("lost", "repeated", "wrong")},
        "gaps": sum(len(each["gaps"]) for each in found),
    }


def rebooted() -> dict[str, Any]:
    """Kill the device amid its events, start it again, and take the time from where it opens its port."""
    with Stage() as stage:
        stage.device.ask("flood", count=1_000_000, size=SIZE, pause_s=PAUSE_S)
        wait(lambda: _heard(stage.server), "the first events", LIMIT_S)
        stage.restart_device()
        new = began(stage.device)
        stage.server.ask("forget")
        stage.device.ask("flood", count=20, size=SIZE)
        wait(lambda: _heard(stage.server) == 20, "the events of the new device", LIMIT_S)
        [found] = stage.server.ask("heard")
    back = {"back_s": new["linked_s"] - new["opening_s"], "name_s": new["ready_s"] - new["opening_s"]}
    return {"what": "device killed and started anew", **back, **found["faults"]}


def _heard(peer: Any) -> int:
    [found] = peer.ask("heard")
    return int(found["events"])


def _first_after(peer: Any, now_s: float) -> float:
    """Wait for an event that came after ``now_s``, and return how long after."""
    times = wait(lambda: [at_s for at_s in peer.ask("times") if at_s > now_s], "an event", LIMIT_S)
    return float(times[0] - now_s)
