# SPDX-License-Identifier: MIT
"""A multimeter that speaks SCPI at a TCP port, as a sender that is asked; devices/multimeter.toml says what it knows.

The multimeter is simulated. With a real one, leave out the replacing.

Prints::

    meter answers: voltage, identity, show
    identity: {'maker': 'SIGCORE', 'model': 'DM-1', 'serial': '0001', 'version': '1.0'}
    asked for: 4.2 V
    by itself: 4.2 V
    on its display: hello
    refused: BadParameters
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sig_lines.testing import Multimeter, OverTcp

import sigcore

DESCRIPTION = Path(__file__).parent / "devices" / "multimeter.toml"


def main() -> None:
    meter = Multimeter(volts=4.2)
    with OverTcp(meter) as device, TemporaryDirectory() as folder:
        config = Path(folder, "sigcore.toml")
        text = DESCRIPTION.read_text(encoding="utf-8").replace("tcp://192.168.1.20:5025", device.endpoint)
        config.write_text(text, encoding="utf-8")
        with sigcore.ServerRouter.from_config(config) as server:
            show(server, meter)


def show(server: sigcore.ServerRouter, meter: Multimeter) -> None:
    with server.listen("meter", sigcore.EVENT_CONNECT) as came, server.listen("meter", "voltage") as voltages:
        print("meter answers:", ", ".join(came.get(timeout=10.0)[1].requests))
        print("identity:", server.request("meter", "identity", timeout=10.0))
        print("asked for:", server.request("meter", "voltage", timeout=10.0), "V")
        print("by itself:", voltages.get(timeout=10.0)[1], "V")
        server.request("meter", "show", {"text": "hello"}, timeout=10.0)
        server.request("meter", "voltage", timeout=10.0)  # its reply tells that the display was reached
        print("on its display:", meter.display)
        try:
            server.request("meter", "show", {"text": '";*RST;"'}, timeout=10.0)
        except sigcore.RequestFailed as error:
            print("refused:", str(error).split(":")[0].split()[-1])


main()
