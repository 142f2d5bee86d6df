# SPDX-License-Identifier: MIT
"""A GPS receiver that speaks NMEA 0183 at a serial port, as a sender; devices/gps.toml says how to read it.

The receiver is simulated, and its port a pseudo-terminal (Linux, macOS). With a real one, leave out the replacing.

Prints::

    gps is there: fix, motion
    fix: latitude 5230.9..., longitude 1322.7..., 8 satellites
    motion: 9.7 knots, course 54.7
    unplugged: gps left
    plugged in: gps is back
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sig_lines.testing import GpsReceiver, OverPty

import sigcore

DESCRIPTION = Path(__file__).parent / "devices" / "gps.toml"


def main() -> None:
    with OverPty(GpsReceiver(period_s=0.2)) as device, TemporaryDirectory() as folder:
        config = Path(folder, "sigcore.toml")
        text = DESCRIPTION.read_text(encoding="utf-8").replace("serial:///dev/ttyUSB0", device.endpoint)
        config.write_text(text, encoding="utf-8")
        with sigcore.ServerRouter.from_config(config) as server:
            show(server, device)


def show(server: sigcore.ServerRouter, device: OverPty) -> None:
    with (
        server.listen("gps", sigcore.EVENT_CONNECT) as came,
        server.listen("gps", sigcore.EVENT_DISCONNECT) as left,
        server.listen("gps", "fix") as fixes,
        server.listen("gps", "motion") as motions,
    ):
        print("gps is there:", ", ".join(came.get(timeout=10.0)[1].events))
        fix = fixes.get(timeout=10.0)[1]
        print(f"fix: latitude {fix['lat']:.3f}, longitude {fix['lon']:.3f}, {fix['satellites']} satellites")
        motion = motions.get(timeout=10.0)[1]
        print(f"motion: {motion['knots']} knots, course {motion['course']}")
        device.unplug()
        print(f"{left.get(timeout=10.0)[1].cause}: gps left")
        device.replug()
        came.get(timeout=10.0)
        print("plugged in: gps is back")


main()
