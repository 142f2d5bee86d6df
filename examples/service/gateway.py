# SPDX-License-Identifier: MIT
"""A server in a program of its own, which ends well when the system tells it to: ``gateway.py sigcore.toml``."""

from __future__ import annotations

import signal
import sys

import sigcore


def main(config: str) -> None:
    # Python's own answer to SIGTERM is to end at once. sys.exit() leaves the 'with' block, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    with sigcore.ServerRouter.from_config(config) as server:
        print("listening at", *server.endpoints, flush=True)
        server.wait_closed()


if __name__ == "__main__":
    main(sys.argv[1])
