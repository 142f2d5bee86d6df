# SPDX-License-Identifier: MIT
"""What fifty clients notice of one that floods the server.

    python -m benchmarks.hostile [--brief] [--only "ping,listen"]

A server, fifty clients in a process of their own, each of which signals ten events a second to its neighbour, and one
peer in another that writes the same frames again and again as fast as the server reads them. The table has, for each
kind of flood, how long the events of the fifty take: the bar is 50 ms for 99 of 100, the server and all of them on two
cores that nothing else uses. ``none`` is the same without a flood.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import socket
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sigcore
from sigcore.protocol.bodies import write_ack, write_request
from sigcore.protocol.frames import PREFACE, VERSION, Kind, frame

CLIENTS = 50
EVERY_S = 0.1
ALL_CREDIT = (1 << 63) - 1
KEPT_SENDERS = 20
BAR_MS = 50


def control(kind: Kind, id_: int, **fields: Any) -> bytes:
    """Return a frame with a body in JSON."""
    return frame(kind, id_, json.dumps(fields).encode())


def numbered(make: Callable[[int], bytes], most: int = 900) -> bytes:
    """Return the frames of so many numbers."""
    return b"".join(make(number) for number in range(1, most))


FLOODS: dict[str, bytes] = {
    "none": b"",
    "ping": frame(Kind.PING, 1) * 5_000,
    "empty frames": frame(Kind.PAD, 1) * 5_000,
    "large pads": frame(Kind.PAD, 1, bytes(1 << 20)),
    "ack": frame(Kind.ACK, 0, write_ack(0, ALL_CREDIT)) * 3_000,
    "extension": frame(0x99, 1) * 20_000,
    "listen and unlisten": numbered(lambda n: control(Kind.LISTEN, n) + frame(Kind.UNLISTEN, n)),
    "listen to one": numbered(lambda n: control(Kind.LISTEN, n, sender="s1", event="tick") + frame(Kind.UNLISTEN, n)),
    "presence": numbered(lambda n: control(Kind.LISTEN, n, event="#connect") + frame(Kind.UNLISTEN, n)),
    "replay": numbered(lambda n: control(Kind.LISTEN, n, replay=1_000) + frame(Kind.UNLISTEN, n)),
    "sender comes and goes": control(Kind.ADD_SENDER, 5, sender="evil", events=[f"e{n}" for n in range(900)])
    + control(Kind.REMOVE_SENDER, 0, sender="evil"),
    "query": control(Kind.QUERY, 5, what="senders") * 1_000,
    "request and cancel": (frame(Kind.REQUEST, 5, write_request("s1", "echo", "", 2_000, b"1")) + frame(Kind.CANCEL, 5))
    * 2_000,
    "request to nobody": frame(Kind.REQUEST, 5, write_request("nobody", "x", "", 2_000, b"1")) * 2_000,
    "reply to nobody": frame(Kind.REPLY, 9, b"1") * 5_000,
    "cancel": frame(Kind.CANCEL, 9) * 5_000,
    "sync": frame(Kind.SYNC, 5) * 5_000,
    "tiny events": frame(Kind.EVENT, 0, b"1") * 10_000,  # the topic's number is put in once it is known
    "connections": b"connections",
    "a thousand listeners that leave": b"leave",
}


def main() -> None:
    """Run every flood, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--brief", action="store_true", help="1 s for each flood instead of 5 s")
    parser.add_argument("--only", default="", help="the floods to run, by their names and commas")
    given = parser.parse_args()
    wanted = [name.strip() for name in given.only.split(",") if name.strip()] or list(FLOODS)
    print(f"{'flood':34} {'median ms':>9} {'p99 ms':>7} {'most ms':>7} {'lost':>5} {'MiB/s':>7} {'server MiB':>10}")
    worst = 0.0
    for name in wanted:
        worst = max(worst, one(name, 1.0 if given.brief else 5.0))
    print(f"the bar is {BAR_MS} ms; the worst p99 was {worst:.1f} ms")


def one(name: str, seconds: float) -> float:
    """Run one flood; print its line, and return the p99 in milliseconds."""
    context = multiprocessing.get_context("spawn")
    with a_process(context, serve) as server:
        endpoint = server.recv()
        with a_process(context, live, endpoint) as honest:
            honest.recv()
            if FLOODS[name]:
                with a_process(context, flood, endpoint, name) as attacker:
                    attacker.recv()
                    delays_ms, lost = measured(honest, seconds)
                    attacker.send("enough")
                    rate = attacker.recv()
            else:
                (delays_ms, lost), rate = measured(honest, seconds), 0.0
        server.send("enough")
        size = server.recv()
    p99 = statistics.quantiles(delays_ms, n=100)[-1]
    print(
        f"{name:34} {statistics.median(delays_ms):9.2f} {p99:7.1f} {max(delays_ms):7.1f} {lost:5} "
        f"{rate / 2**20:7.1f} {size / 2**20:10.0f}",
        flush=True,
    )
    return p99


def measured(honest: Any, seconds: float) -> tuple[list[float], int]:
    """Have the fifty take down for so long how long their events take."""
    honest.send(seconds)
    delays, lost = honest.recv()
    return [1_000 * delay for delay in delays], lost


@contextmanager
def a_process(context: Any, target: Callable[..., None], *args: Any) -> Iterator[Any]:
    """Run ``target`` in a process of its own; give the other end of its pipe."""
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        ours.close()
        process.join(5.0)
        if process.is_alive():
            process.kill()


def serve(pipe: Any) -> None:
    """Be the server, until the pipe says so; tell how much memory it took at most."""
    with sigcore.ServerRouter("tcp://127.0.0.1:0") as server:
        for number in range(KEPT_SENDERS):
            sender = server.add_sender(f"kept-{number}", [f"e{n}" for n in range(50)], keep=1)
            for n in range(50):
                sender.trigger(f"e{n}", n)
        pipe.send(server.endpoints[0])
        with suppress(EOFError):
            pipe.recv()
            pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
            pipe.recv()


def live(pipe: Any, endpoint: str) -> None:
    """Be the fifty."""
    asyncio.run(_live(pipe, endpoint))


async def _live(pipe: Any, endpoint: str) -> None:
    clients = [sigcore.aio.ClientRouter(endpoint, name=f"c{n}") for n in range(CLIENTS)]
    delays: list[float] = []
    signals = []
    for n, client in enumerate(clients):
        await client.open()
        sender = await client.add_sender(f"s{n}", "tick", {"echo": lambda params: params})
        signals.append(sender.signal("tick"))
    for n, client in enumerate(clients):
        await client.add_listener(
            lambda _info, sent_s: delays.append(time.monotonic() - sent_s), f"s{(n + 1) % CLIENTS}", "tick"
        )
    pipe.send("ready")
    seconds = await asyncio.to_thread(pipe.recv)
    await asyncio.sleep(0.2)
    delays.clear()
    sent = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for signal in signals:
            signal.trigger(time.monotonic())
            sent += 1
            await asyncio.sleep(EVERY_S / CLIENTS)
    patience_s = time.monotonic() + 5.0
    while len(delays) < sent and time.monotonic() < patience_s:  # noqa: ASYNC110  # no event tells
        await asyncio.sleep(0.05)
    pipe.send((delays, sent - len(delays)))
    for client in clients:
        with suppress(Exception):
            await client.close()


def flood(pipe: Any, endpoint: str, name: str) -> None:
    """Be the one that floods, until the pipe says so; tell how many bytes it wrote in a second."""
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    address = (host, int(port))
    pipe.send("begins")
    sent, began_s = 0, time.monotonic()
    while not pipe.poll():
        with suppress(OSError), socket.create_connection(address, 5.0) as peer:
            sent += _ONE_LINK.get(name, _repeat)(pipe, peer, FLOODS[name])
    pipe.recv()
    pipe.send(sent / (time.monotonic() - began_s))


def _repeat(pipe: Any, peer: socket.socket, data: bytes) -> int:
    """Write the same again and again, and throw away what comes."""
    peer.sendall(_hello())
    if data.startswith(frame(Kind.EVENT, 0, b"1")):
        peer.sendall(control(Kind.ADD_SENDER, 1, sender="evil", events=["e"]))
        data = data.replace(frame(Kind.EVENT, 0, b"1"), frame(Kind.EVENT, _topic(peer), b"1"))
    peer.setblocking(False)
    sent = 0
    rest = memoryview(data)
    while not pipe.poll():
        with suppress(BlockingIOError):
            while True:
                if not peer.recv(1 << 20):
                    return sent
        with suppress(BlockingIOError):
            written = peer.send(rest)
            sent += written
            rest = rest[written:] or memoryview(data)
            continue
        time.sleep(0.0005)
    return sent


def _topic(peer: socket.socket) -> int:
    data = b""
    while b'"topics":{"e":' not in data:
        data += peer.recv(65_536)
    return int(data.partition(b'"topics":{"e":')[2].partition(b"}")[0])


def _come_and_go(pipe: Any, peer: socket.socket, _data: bytes) -> int:
    """Connect, say HELLO and leave, without waiting for anything."""
    peer.sendall(_hello())
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return len(_hello())


def _leave(pipe: Any, peer: socket.socket, _data: bytes) -> int:
    """Register all that one link may, and leave."""
    data = _hello() + numbered(lambda n: control(Kind.LISTEN, n, sender=f"s{n}", event="tick"), 1_000)
    data += numbered(
        lambda n: control(Kind.ADD_SENDER, n, sender=f"evil-{n}", events=[f"e{i}" for i in range(20)]), 1_000
    )
    peer.sendall(data + control(Kind.BYE, 0, code="closing"))
    while peer.recv(1 << 20):
        pass
    return len(data)


_ONE_LINK = {"connections": _come_and_go, "a thousand listeners that leave": _leave}


def _hello() -> bytes:
    limits = {"frame": 1 << 20, "credit": ALL_CREDIT}
    fields = {"versions": [VERSION], "codecs": ["json"], "name": "evil", "limits": limits}
    return PREFACE + frame(Kind.HELLO, 0, json.dumps(fields).encode())


if __name__ == "__main__":
    main()
