# SPDX-License-Identifier: MIT
"""MQTT: mosquitto, and two clients for it: paho-mqtt in threads and gmqtt on asyncio.

The server's limits on what may wait for a subscriber are off, and it sends small packets at once. Both clients speak
version 3.1.1, whose packets carry no properties to build and to parse. paho's publishers do without its network thread,
as its documentation describes for programs with a loop of their own: with QoS 1 they need half the CPU time. Requests
and replies are messages whose topic ends with the number of the caller: a thread with paho, a task with gmqtt.
"""

from __future__ import annotations

import asyncio
import select
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any

from ..broker import Broker, free_port, started
from ..gate import Gate
from ..json_bytes import coding
from ..needs import lacking, program, versions
from ..plan import Plan
from ..trips import Callers, Trips
from ..workloads import COMMON

with suppress(ImportError):
    from paho.mqtt.client import Client as PahoClient
    from paho.mqtt.client import MQTTMessage, MQTTMessageInfo
    from paho.mqtt.enums import CallbackAPIVersion

with suppress(ImportError):
    from gmqtt import Client as GmqttClient
    from gmqtt.mqtt.constants import MQTTv311

PONG = "pong"
BREATH = 64
"""Publishes of gmqtt between two turns of its loop: it has no way to wait for the socket."""
IN_FLIGHT = 1000
"""Publishes of QoS 1 that may wait for their acknowledgement; MQTT has numbers for 65,535."""
CONFIG = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_dest none
set_tcp_nodelay true
# No limits on what waits for a subscriber: beyond them the server drops.
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 0
max_inflight_bytes 0
"""


class Mosquitto:
    """What is the same for all clients of mosquitto."""

    workloads = COMMON

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(CONFIG.format(port=port))
        return started([program("mosquitto"), "-c", str(config)], f"127.0.0.1:{port}", port)


class PahoQos0(Mosquitto):
    """Programs on paho, at most once."""

    name = "paho, mosquitto, QoS 0"
    form = "threads"
    qos = 0
    in_flight = 0

    def missing(self) -> str:
        return lacking({"paho": "paho-mqtt"}, ["mosquitto"])

    def version(self) -> str:
        return versions("paho-mqtt", "mosquitto", "-h")

    def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, _ = coding(plan)
        open_: deque[MQTTMessageInfo] = deque()
        with connected(address) as link:
            gate.ready()
            for topic, data in plan.events(plan.number):
                open_.append(link.publish(topic, encode(data), self.qos))
                if len(open_) > self.in_flight:
                    settle(link, open_.popleft())
            for info in open_:
                settle(link, info)
            gate.sent()
            gate.end()

    def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        _, decode = coding(plan)
        took = gate.took
        with listening(address, plan.topics, self.qos, lambda _, message: took(message.topic, decode(message.payload))):
            gate.ready()
            gate.end()

    def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)
        there = plan.topics[0]

        def came_back(link: PahoClient, message: MQTTMessage) -> None:
            if (payload := trips.next(0, message.payload)) is not None:
                link.publish(there, payload, self.qos)

        with listening(address, [PONG], self.qos, came_back) as link:
            gate.ready()
            for _, payload in trips.first():
                link.publish(there, payload, self.qos)
            gate.end()

    def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        self._send_back(address, plan, gate, plan.topics, [PONG])

    def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)
        there, back = slots(plan)
        replies: dict[str, SimpleQueue[bytes]] = {topic: SimpleQueue() for topic in back}

        def keep_asking(slot: int, payload: bytes | None) -> None:
            while payload is not None:
                link.publish(there[slot], payload, self.qos)
                payload = trips.next(slot, replies[back[slot]].get())

        with listening(address, back, self.qos, lambda _, message: replies[message.topic].put(message.payload)) as link:
            gate.ready()
            for asking in trips.first():
                threading.Thread(target=keep_asking, args=asking).start()
            gate.end()

    def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        self._send_back(address, plan, gate, *slots(plan))

    def _send_back(self, address: str, plan: Plan, gate: Gate, there: list[str], back: list[str]) -> None:
        encode, decode = coding(plan)
        ways = dict(zip(there, back, strict=True))

        def send_back(link: PahoClient, message: MQTTMessage) -> None:
            link.publish(ways[message.topic], encode(decode(message.payload)), self.qos)

        with listening(address, there, self.qos, send_back):
            gate.ready()
            gate.end()


class PahoQos1(PahoQos0):
    """Programs on paho, at least once: each message is acknowledged on each of its two ways."""

    name = "paho, mosquitto, QoS 1"
    qos = 1
    in_flight = IN_FLIGHT


class Gmqtt(Mosquitto):
    """Asyncio programs on gmqtt, at most once."""

    name = "gmqtt, mosquitto, QoS 0"
    form = "asyncio"

    def missing(self) -> str:
        return lacking({"gmqtt": "gmqtt"}, ["mosquitto"])

    def version(self) -> str:
        return versions("gmqtt", "mosquitto", "-h")

    async def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, _ = coding(plan)
        async with connected_async(address) as link:
            await gate.ready_async()
            for number, (topic, data) in enumerate(plan.events(plan.number)):
                link.publish(topic, encode(data))
                if not number % BREATH:
                    await asyncio.sleep(0)
            gate.sent()
            await gate.end_async()

    async def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        _, decode = coding(plan)
        took = gate.took

        def take(link: GmqttClient, topic: str, payload: bytes, *_: Any) -> None:
            took(topic, decode(payload))

        async with connected_async(address, plan.topics, take):
            await gate.ready_async()
            await gate.end_async()

    async def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)
        there = plan.topics[0]

        def came_back(link: GmqttClient, topic: str, payload: bytes, *_: Any) -> None:
            if (following := trips.next(0, payload)) is not None:
                link.publish(there, following)

        async with connected_async(address, [PONG], came_back) as link:
            await gate.ready_async()
            for _, payload in trips.first():
                link.publish(there, payload)
            await gate.end_async()

    async def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        await self._send_back(address, plan, gate, plan.topics, [PONG])

    async def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        there, back = slots(plan)
        number = {topic: slot for slot, topic in enumerate(back)}

        def came_back(link: GmqttClient, topic: str, payload: bytes, *_: Any) -> None:
            callers.came_back(number[topic], payload)

        async with connected_async(address, back, came_back) as link:
            callers = Callers(plan, gate, lambda slot, payload: link.publish(there[slot], payload))
            await gate.ready_async()
            await callers.ask()
            await gate.end_async()

    async def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        await self._send_back(address, plan, gate, *slots(plan))

    async def _send_back(self, address: str, plan: Plan, gate: Gate, there: list[str], back: list[str]) -> None:
        encode, decode = coding(plan)
        ways = dict(zip(there, back, strict=True))

        def send_back(link: GmqttClient, topic: str, payload: bytes, *_: Any) -> None:
            link.publish(ways[topic], encode(decode(payload)))

        async with connected_async(address, there, send_back):
            await gate.ready_async()
            await gate.end_async()


def slots(plan: Plan) -> tuple[list[str], list[str]]:
    """Return the topics of requests and of replies."""
    numbers = range(plan.concurrency)
    return [f"ask/{slot}" for slot in numbers], [f"answer/{slot}" for slot in numbers]


@contextmanager
def connected(address: str) -> Iterator[PahoClient]:
    """Connect paho without a network thread: publish() writes to the socket itself, and nobody has to be woken."""
    link = PahoClient(CallbackAPIVersion.VERSION2)
    link.max_inflight_messages = IN_FLIGHT
    host, _, port = address.rpartition(":")
    link.connect(host, int(port))
    while not link.is_connected():
        exchange(link)
    yield link
    link.disconnect()


def settle(link: PahoClient, info: MQTTMessageInfo) -> None:
    """Wait until a publish is written, and with QoS 1 acknowledged."""
    while not info.is_published():
        exchange(link)


def exchange(link: PahoClient) -> None:
    """Wait for the socket, then read what has come and write what is waiting."""
    socket = link.socket()
    readable, writable, _ = select.select([socket], [socket] if link.want_write() else [], [])
    if readable:
        link.loop_read()
    if writable:
        link.loop_write()


@contextmanager
def listening(
    address: str, topics: Sequence[str], qos: int, take: Callable[[PahoClient, MQTTMessage], None]
) -> Iterator[PahoClient]:
    """Connect paho with a network thread, on which messages are taken, and subscribe; small packets go out at once."""
    link = PahoClient(CallbackAPIVersion.VERSION2)
    link.max_inflight_messages = IN_FLIGHT
    link.on_message = lambda link, _, message: take(link, message)
    link.on_socket_open = lambda _, __, sock: sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    events = {"on_connect": threading.Event(), "on_subscribe": threading.Event()}
    for name, event in events.items():
        setattr(link, name, lambda *_, event=event: event.set())
    host, _, port = address.rpartition(":")
    link.connect(host, int(port))
    link.loop_start()
    events["on_connect"].wait()
    if topics:
        link.subscribe([(topic, qos) for topic in topics])
        events["on_subscribe"].wait()
    yield link
    link.disconnect()
    link.loop_stop()


@asynccontextmanager
async def connected_async(
    address: str, topics: Sequence[str] = (), take: Callable[..., None] = lambda *_: None
) -> AsyncIterator[GmqttClient]:
    """Connect gmqtt, and subscribe."""
    link = GmqttClient("")
    link.on_message = take
    host, _, port = address.rpartition(":")
    await link.connect(host, int(port), version=MQTTv311)
    for topic in topics:
        known = asyncio.Event()
        link.on_subscribe = lambda *_, known=known: known.set()
        link.subscribe(topic)
        await known.wait()
    yield link
    await link.disconnect()
