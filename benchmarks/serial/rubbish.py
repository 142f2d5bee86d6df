# SPDX-License-Identifier: MIT
"""What a server makes of a line on which nothing but rubbish comes, and how soon it hears again."""

from __future__ import annotations

import time
from typing import Any

from .stage import Stage, wait

SIZE = 20
PAUSE_S = 0.05
LEAST_S = 10.0
SETTLED_S = 6.0
"""After that a link that heard nothing but rubbish is given up, and its last packets are on their way no more."""
LIMIT_S = 60.0

KINDS = {
    "noise": ("set left stuck=noise", "set left stuck=no"),
    "stuck low (0x00)": ("set left stuck=low", "set left stuck=no"),
    "stuck high (0xff)": ("set left stuck=high", "set left stuck=no"),
    "device at 9600 baud": ("set left baudrate=9600 heard_at=115200", "set left baudrate=115200"),
}
"""What is done to the direction from the device to the server, and how it is ended."""


def measured(kind: str, size: int, baudrate: int = 115_200) -> dict[str, Any]:
    """Let ``size`` bytes of rubbish come, for 10 s at least, then the device again, which triggers events all the time.

    A device at a wrong baud rate soon sends nothing but its call for a link, so that 10 s are enough of it.
    """
    begin, end = KINDS[kind]
    with Stage(baudrate=baudrate) as stage:
        stage.device.ask("flood", count=1_000_000, size=SIZE, pause_s=PAUSE_S)
        wait(lambda: stage.server.ask("heard")[0]["events"], "the first event", LIMIT_S)
        stage.lines.tell(begin)
        began_s, first = time.monotonic(), stage.lines.counts()[0]
        time.sleep(SETTLED_S)
        settled_s, settled, costs = time.monotonic(), stage.lines.counts()[0], stage.server.ask("costs")
        time.sleep(LEAST_S - SETTLED_S)
        if "stuck" in begin:
            wait(lambda: stage.lines.counts()[0]["left"]["arrived"] - first["left"]["arrived"] >= size, "rubbish", 300)
        ended_s, ended, later = time.monotonic(), stage.lines.counts()[0], stage.server.ask("costs")
        heard = stage.server.ask("times")
        stage.lines.tell(end)
        again_s = time.monotonic()
        times = wait(lambda: [at_s for at_s in stage.server.ask("times") if at_s > again_s], "an event", LIMIT_S)
        [found] = stage.server.ask("heard")
    return {
        "kind": kind,
        "baudrate": baudrate,
        "bytes": ended["left"]["arrived"] - first["left"]["arrived"],
        "heard_meanwhile": len([at_s for at_s in heard if began_s + 0.5 < at_s < ended_s]),
        "answered_bytes_s": (ended["right"]["carried"] - settled["right"]["carried"]) / (ended_s - settled_s),
        "rss_kib": (later["rss"] - costs["rss"]) / 1024,
        "server_cpu": (later["cpu_s"] - costs["cpu_s"]) / (later["now_s"] - costs["now_s"]),
        "back_s": times[0] - again_s,
        **found["faults"],
        "gaps": len(found["gaps"]),
    }
