# SPDX-License-Identifier: MIT
"""Proxies of ZeroMQ: ``python -m benchmarks.compare.zmq_proxy`` prints where to publish, subscribe, ask and answer."""

from __future__ import annotations

import threading

import zmq

PAIRS = ((zmq.XSUB, zmq.XPUB), (zmq.ROUTER, zmq.DEALER))
WELCOME = b"welcome"


def unlimited(context: zmq.Context[zmq.Socket[bytes]], kind: int) -> zmq.Socket[bytes]:
    """Return a socket whose queues have no limit: a full one would drop events (ZMQ_SNDHWM in ZeroMQ's reference)."""
    socket = context.socket(kind)
    socket.set_hwm(0)
    return socket


def serve() -> None:
    context = zmq.Context()
    addresses = []
    for kinds in PAIRS:
        sockets = [unlimited(context, kind) for kind in kinds]
        if kinds[1] == zmq.XPUB:
            # Tells each subscriber that it is attached: ZeroMQ would leave it to guess.
            sockets[1].setsockopt(zmq.XPUB_WELCOME_MSG, WELCOME)
        addresses += [f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}" for socket in sockets]
        threading.Thread(target=zmq.proxy, args=sockets).start()
    print(*addresses, flush=True)


if __name__ == "__main__":
    serve()
