# SPDX-License-Identifier: MIT
"""A router of Zenoh: ``python -m benchmarks.compare.zenoh_router`` prints its endpoint."""

from __future__ import annotations

import json
import threading
from typing import Any

import zenoh

from .broker import free_port

COMMON: dict[str, Any] = {
    "scouting/multicast/enabled": False,
    "scouting/gossip/enabled": False,
    # Large payloads would not cross the socket at all.
    "transport/shared_memory/enabled": False,
}


def opened(**settings: Any) -> zenoh.Session:
    """Open a session that looks for no others and uses nothing but TCP, with further settings by their names."""
    config = zenoh.Config()
    for name, value in {**COMMON, **settings}.items():
        config.insert_json5(name, json.dumps(value))
    return zenoh.open(config)


def serve() -> None:
    endpoint = f"tcp/127.0.0.1:{free_port()}"
    with opened(mode="router", **{"listen/endpoints": [endpoint]}):
        print(endpoint, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    serve()
