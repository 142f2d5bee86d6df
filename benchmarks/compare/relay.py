# SPDX-License-Identifier: MIT
"""A bare relay: copies the bytes that come in on a lane to every socket that reads the lane, and parses nothing.

``python -m benchmarks.compare.relay`` prints its address. Who connects says in a word which lane it writes and which it
reads, and is told with a byte that it is attached.
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from struct import Struct

COPY_BYTES = 256 * 1024
LANES = Struct("!hh")
NONE = -1


def attach(address: str, *, writes: int = NONE, reads: int = NONE) -> socket.socket:
    """Return a socket on a relay that writes to a lane, reads a lane, or both."""
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(LANES.pack(writes, reads))
    sock.recv(1)
    return sock


def serve(server: socket.socket) -> None:
    """Attach whoever connects, for ever."""
    readers: defaultdict[int, list[socket.socket]] = defaultdict(list)
    while True:
        sock, _ = server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writes, reads = LANES.unpack(sock.recv(LANES.size, socket.MSG_WAITALL))
        if reads != NONE:
            readers[reads].append(sock)
        if writes != NONE:
            threading.Thread(target=copy, args=(sock, readers[writes]), daemon=True).start()
        sock.sendall(b".")


def copy(source: socket.socket, readers: list[socket.socket]) -> None:
    """Copy what comes from ``source`` to all ``readers``, until it ends."""
    buffer = memoryview(bytearray(COPY_BYTES))
    while size := source.recv_into(buffer):
        chunk = buffer[:size]
        for reader in readers:
            reader.sendall(chunk)


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print("{}:{}".format(*listening.getsockname()), flush=True)
        serve(listening)
