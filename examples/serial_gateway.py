# SPDX-License-Identifier: MIT
"""A gateway: a device that speaks CBOR over a serial cable, and a dashboard that speaks JSON over TCP.

The cable is two pseudo-terminals (Linux, macOS); with a real one, put its port, such as /dev/ttyUSB0, in their place.

Prints::

    thermo over device: 21.5 °C
    calibrated: {'offset': 0.2}
    unplugged: thermo left
    plugged in: thermo is back
"""

from __future__ import annotations

import threading

from sig_serial.testing import PtyCable

import sigcore


def calibrate(params: dict[str, float]) -> dict[str, float]:
    return {"offset": params["offset"]}


def main() -> None:
    with (
        PtyCable() as cable,
        sigcore.ServerRouter(["tcp://127.0.0.1:0", f"serial://{cable.left}?baudrate=115200"]) as gateway,
        sigcore.ClientRouter(gateway.endpoints[0], name="dashboard") as dashboard,
    ):
        present, absent = threading.Event(), threading.Event()
        dashboard.add_listener(lambda info, sender: present.set(), "thermo", sigcore.EVENT_CONNECT)
        dashboard.add_listener(lambda info, sender: absent.set(), "thermo", sigcore.EVENT_DISCONNECT)
        with (
            dashboard.listen("thermo", "reading") as readings,
            sigcore.ClientRouter(f"serial://{cable.right}?baudrate=115200", codec="cbor", name="device") as device,
        ):
            thermo = device.add_sender("thermo", events=["reading"], requests={"calibrate": calibrate})
            thermo.trigger("reading", {"celsius": 21.5})
            info, data = readings.get(timeout=5.0)
            print(f"{info.sender} over {info.peer.name if info.peer else '?'}: {data['celsius']} °C")
            print("calibrated:", dashboard.request("thermo", "calibrate", {"offset": 0.2}, timeout=5.0))

            present.clear()
            cable.unplug()
            print("unplugged: thermo left" if absent.wait(10.0) else "nobody noticed")
            cable.replug()
            print("plugged in: thermo is back" if present.wait(10.0) else "nobody came back")


main()
