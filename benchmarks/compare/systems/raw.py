# SPDX-License-Identifier: MIT
"""The raw limit: frames in batches over plain sockets, through a relay that copies bytes and knows no frame.

What a Python program at both ends can reach at most when a process stands between: nothing is routed, acknowledged,
resumed or held back, but for what TCP does. A frame is its payload's length and the topic's number, then the payload.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from struct import Struct
from typing import Any

from ..broker import Broker, started_module
from ..gate import Gate
from ..json_bytes import coding
from ..plan import Plan
from ..relay import attach
from ..workloads import COMMON

BATCH_BYTES = 64 * 1024
READ_BYTES = 256 * 1024
HEAD = Struct("!IH")


class Raw:
    """Plain sockets and a bare relay."""

    name = "raw limit"
    form = "threads"
    workloads = COMMON

    def missing(self) -> str:
        return ""

    def version(self) -> str:
        return ""

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        return started_module("benchmarks.compare.relay")

    def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        with attach(address, writes=plan.number) as sock:
            gate.ready()
            send_in_batches(sock, frames_of(plan))
            gate.sent()
            gate.end()

    def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        _, decode = coding(plan)
        topics, took, left = plan.topics, gate.took, plan.expected
        socks = [attach(address, reads=lane) for lane in range(plan.publishers)]
        gate.ready()
        for frames in frames_from(socks, large=plan.payload_bytes >= BATCH_BYTES):
            for topic, payload in frames:
                took(topics[topic], decode(payload))
            left -= len(frames)
            if not left:
                break
        gate.end()
        for sock in socks:
            sock.close()

    def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)
        with attach(address, writes=0, reads=1) as sock:
            gate.ready()
            for _topic, data in plan.events(0):
                began_s = time.perf_counter()
                sock.sendall(framed(0, encode(data)))
                decode(one_frame(sock))
                gate.round_trip(time.perf_counter() - began_s)
            gate.end()

    def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        echo(address, plan, gate)

    def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        if plan.concurrency == 1:
            self.ping(address, plan, gate)
        else:
            with attach(address, writes=0, reads=1) as sock:
                gate.ready()
                keep_asking(sock, plan, gate)
                gate.end()

    def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        echo(address, plan, gate)


def framed(topic: int, payload: bytes) -> bytes:
    return HEAD.pack(len(payload), topic) + payload


def frames_of(plan: Plan) -> Iterator[bytes]:
    """Yield the parts of a publisher's frames."""
    encode, _ = coding(plan)
    numbers = {topic: number for number, topic in enumerate(plan.topics)}
    pack = HEAD.pack
    for topic, data in plan.events(plan.number):
        payload = encode(data)
        yield pack(len(payload), numbers[topic])
        yield payload


def send_in_batches(sock: socket.socket, parts: Iterator[bytes]) -> None:
    batch: list[bytes] = []
    size = 0
    for part in parts:
        batch.append(part)
        size += len(part)
        if size >= BATCH_BYTES:
            sock.sendall(b"".join(batch))
            batch, size = [], 0
    sock.sendall(b"".join(batch))


def frames_from(socks: list[socket.socket], *, large: bool) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the whole frames of each read, as topic number and payload."""
    if large:
        yield from large_frames(socks[0])
    rests = dict.fromkeys(socks, b"")
    for sock in readable(socks):
        chunk = sock.recv(READ_BYTES)
        if not chunk:
            return
        frames, rests[sock] = scan(rests[sock] + chunk)
        yield frames


def readable(socks: list[socket.socket]) -> Iterator[socket.socket]:
    """Yield a socket that can be read, for ever; reading waits where there is but one."""
    while len(socks) == 1:
        yield socks[0]
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                yield key.fileobj  # type: ignore[misc]  # what was registered


def scan(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the whole frames in ``data``, and what is left of it."""
    frames = []
    head, unpack = HEAD.size, HEAD.unpack_from
    at, end = 0, len(data)
    while end - at >= head:
        size, topic = unpack(data, at)
        begin = at + head
        if begin + size > end:
            break
        at = begin + size
        frames.append((topic, data[begin:at]))
    return frames, data[at:]


def large_frames(sock: socket.socket) -> Iterator[list[tuple[int, bytes]]]:
    """Yield frames that are read into a buffer of their own size each, so that nothing is joined."""
    with sock.makefile("rb", buffering=BATCH_BYTES) as reader:
        while head := reader.read(HEAD.size):
            size, topic = HEAD.unpack(head)
            yield [(topic, reader.read(size))]


def one_frame(sock: socket.socket) -> bytes:
    """Return the payload of the one frame that is under way."""
    data = sock.recv(READ_BYTES)
    while len(data) < HEAD.size or len(data) < HEAD.size + HEAD.unpack_from(data)[0]:
        data += sock.recv(READ_BYTES)
    return data[HEAD.size :]


def echo(address: str, plan: Plan, gate: Gate) -> None:
    """Send each frame back, decoded and encoded again, those of one read in one write."""
    encode, decode = coding(plan)
    with attach(address, writes=1, reads=0) as sock:
        gate.ready()
        left = plan.count
        for frames in frames_from([sock], large=False):
            sock.sendall(b"".join([framed(number, encode(decode(payload))) for number, payload in frames]))
            left -= len(frames)
            if not left:
                break
        gate.end()


def keep_asking(sock: socket.socket, plan: Plan, gate: Gate) -> None:
    """Keep so many requests under way as the plan says; a frame's number says which one it belongs to."""
    encode, decode = coding(plan)
    asks: Iterator[tuple[str, Any]] = plan.events(0)
    asked_s = [time.perf_counter()] * plan.concurrency
    first = [framed(slot, encode(data)) for slot, (_, data) in zip(range(plan.concurrency), asks, strict=False)]
    sock.sendall(b"".join(first))
    left = plan.count
    for frames in frames_from([sock], large=False):
        sock.sendall(b"".join(list(next_asks(frames, asks, asked_s, encode, decode, gate))))
        left -= len(frames)
        if not left:
            break


def next_asks(
    replies: list[tuple[int, bytes]],
    asks: Iterator[tuple[str, Any]],
    asked_s: list[float],
    encode: Callable[[Any], bytes],
    decode: Callable[[bytes], Any],
    gate: Gate,
) -> Iterator[bytes]:
    """Take replies, and yield the request that follows each of them."""
    for slot, payload in replies:
        decode(payload)
        now_s = time.perf_counter()
        gate.round_trip(now_s - asked_s[slot])
        asked_s[slot] = now_s
        for _topic, data in asks:
            yield framed(slot, encode(data))
            break
