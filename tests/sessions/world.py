# SPDX-License-Identifier: MIT
"""A server and its clients: the real routers on loops and cables that are moved by hand, in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import sigcore
import sigcore.aio
from sigcore import Endpoint, Listener, Policy, Sender
from sigcore._carrier import Carrier, Listening
from sigcore._limits import LinkOptions
from sigcore.aio._stream import Stream
from sigcore.protocol.hub import Hub

from .cable import Cable, End
from .hand_loop import Clock, HandLoop
from .ledger import Ear, Life, Watcher

PLACE = "mem://hall"
PLENTY = 1 << 40
ROUNDS = 10_000
"""More rounds than this without an end, and the world would never come to rest."""


@dataclass
class Speaker:
    """A sender that was added: its life, and its handle once the call has returned."""

    life: Life
    handle: asyncio.Task[Sender]

    @property
    def sender(self) -> Sender | None:
        """Return the handle if it may be used."""
        if not self.handle.done() or self.handle.cancelled() or self.handle.exception() is not None:
            return None
        sender = self.handle.result()
        return None if sender.removed else sender


@dataclass
class Question:
    """A request that was made.

    Attributes:
        number: Which one.
        task: Ends with its outcome.
        executed: How often its handler ran.
        told_s: When whoever asked was told its outcome.
    """

    number: int
    task: asyncio.Task[Any]
    executed: int = 0
    told_s: float | None = None

    @property
    def outcome(self) -> str:
        """Return ``ok``, ``cancelled``, the name of an error, or nothing yet."""
        if not self.task.done():
            return ""
        if self.task.cancelled():
            return "cancelled"
        error = self.task.exception()
        return "ok" if error is None else type(error).__name__


@dataclass
class Post:
    """A listener that was added, and what it heard."""

    ear: Ear
    listener: Listener | None = None
    stream: Stream[Any] | None = None
    adding: asyncio.Task[Listener] | None = None


class Process:
    """A process with a router.

    Attributes:
        router: Its router.
        speakers: Its senders.
        posts: Its listeners.
        watchers: What it was told of presence.
        errors: What ``on_error`` was given.
    """

    router: sigcore.aio.Router

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.loop = HandLoop(world.clock)
        self.speakers: list[Speaker] = []
        self.posts: list[Post] = []
        self.watchers: list[Watcher] = []
        self.errors: list[Exception] = []
        self.gates: list[asyncio.Future[None]] = []  # handlers that run until they are let go

    @property
    def senders(self) -> list[Speaker]:
        """Return those whose handle may be used."""
        return [speaker for speaker in self.speakers if speaker.sender is not None]

    def is_known(self, name: str) -> bool:
        """Whether the server has accepted a sender of that name from here."""
        return True

    def add_sender(self, name: str, keep: int = 0) -> Speaker:
        """Begin to add a sender with the events ``x`` and ``y``, which answers ``go``."""
        life = Life(len(self.world.lives), name, self)
        self.world.lives.append(life)
        adding = self.router.add_sender(name, ["x", "y"], {"go": self._handle}, keep=keep)
        speaker = Speaker(life, self.loop.start(adding))
        self.speakers.append(speaker)
        return speaker

    def remove_sender(self, speaker: Speaker) -> None:
        """Remove a sender."""
        assert speaker.sender is not None
        speaker.life.is_over, speaker.life.lives_then = True, len(self.world.lives)
        speaker.life.may_lose_its_end = not self.is_known(speaker.life.name)
        self.loop.call(speaker.sender.remove)

    def trigger(self, speaker: Speaker, event: str, pad: int = 0) -> bool:
        """Trigger an event; return whether there was room for it."""
        assert speaker.sender is not None
        try:
            self.loop.call(speaker.sender.trigger, event, speaker.life.next(event, pad))
        except sigcore.BufferFull:
            return False
        speaker.life.took(event)
        return True

    def deliver(self, speaker: Speaker, event: str, pad: int = 0) -> asyncio.Task[int]:
        """Begin to deliver an event."""
        sender = speaker.sender
        assert sender is not None
        data = speaker.life.next(event, pad)
        task = self.loop.start(self.router.deliver(sender.signal(event), data, timeout=10.0))
        if not (task.done() and isinstance(task.exception(), sigcore.BufferFull)):
            speaker.life.took(event)
        self.world.deliveries.append(task)
        return task

    def listen(self, sender: str | None, event: str | None, policy: Policy = "block", replay: int = 0) -> Post:
        """Begin to add a listener that is called for each event at once."""
        ear = Ear(self.world.lives, self, sender, event, repeats=replay > 0)
        found = Post(ear)

        async def add() -> Listener:
            return await self.router.add_listener(
                ear.hear, sender, event, on_gap=ear.lose, policy=policy, replay=replay
            )

        found.adding = self.loop.start(add())
        self.posts.append(found)
        return found

    def stream(self, sender: str | None, event: str | None, policy: Policy, size: int) -> Post:
        """Begin a stream, which is read by ``read``."""
        ear = Ear(self.world.lives, self, sender, event)

        def make() -> Stream[Any]:
            return self.router.listen(sender, event, size=size, on_gap=ear.lose, policy=policy)

        stream = self.loop.call(make)
        found = Post(ear, stream._queue.listener, stream)
        self.posts.append(found)
        return found

    def read(self, post: Post, most: int) -> int:
        """Read as many events from a stream as there are, at most ``most``; return how many."""
        stream = post.stream
        assert stream is not None
        for number in range(most):
            task = self.loop.start(stream.get(timeout=0))
            if task.exception() is not None:
                assert isinstance(task.exception(), sigcore.StreamTimeout | sigcore.StreamClosed), task.exception()
                return number
            post.ear.hear(*task.result())
        return most

    def remove_listener(self, post: Post) -> None:
        """Remove a listener."""
        self.posts.remove(post)
        if post.stream is not None:
            self.loop.call(post.stream.close)
        elif post.listener is not None:
            self.loop.call(post.listener.remove)

    def watch(self, sender: str | None) -> Watcher:
        """Begin to watch who comes and goes."""
        watcher = Watcher(sender)
        # One behind the other, with nothing between them: each is told by itself of what is there when it comes.
        self.loop.create_task(self.router.add_listener(watcher.disconnected, sender, "#disconnect"))
        self.loop.create_task(self.router.add_listener(watcher.connected, sender, "#connect"))
        self.loop.run_ready()
        self.watchers.append(watcher)
        return watcher

    def ask(self, sender: str, timeout: float | None) -> Question:
        """Begin a request."""
        number = len(self.world.questions)
        question = Question(number, self.loop.create_task(self._ask(number, sender, timeout)))
        self.world.questions.append(question)
        self.loop.run_ready()
        return question

    async def _ask(self, number: int, sender: str, timeout: float | None) -> Any:
        try:
            return await self.router.request(sender, "go", {"number": number}, timeout=timeout)
        finally:
            self.world.questions[number].told_s = self.world.clock.now_s

    async def _handle(self, params: Any) -> Any:
        self.world.questions[params["number"]].executed += 1
        gate = self.loop.create_future()
        self.gates.append(gate)
        try:
            await gate
        finally:
            self.gates.remove(gate)
        return params

    def answer(self) -> None:
        """Let every handler that runs go on to its end."""
        for gate in self.gates:
            if not gate.done():
                gate.set_result(None)

    def note_begun(self) -> None:
        """See which listeners hear other processes by now."""
        for post in self.posts:
            if post.listener is None and post.adding is not None and post.adding.done():
                post.listener = post.adding.result()
            if post.listener is not None:
                post.ear.note_begun(post.listener.hears_remote)


class HandCarrier:
    """Makes cables to the server of a world."""

    def __init__(self, world: World, client: Client | None = None) -> None:
        self._world = world
        self._client = client

    def is_local(self, endpoint: Endpoint) -> bool:
        return True

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        client, server = self._client, self._world.server
        assert client is not None
        if client.may_not_connect or server.accept is None:
            raise ConnectionRefusedError("nobody listens")
        protocol = protocol_factory()
        cable = client.new_cable(server)
        cable.start(protocol, server.accept())
        return cable.client, protocol

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> Listening:
        server = self._world.server
        server.accept = protocol_factory
        return Place(endpoint, server)


class Place:
    """Where a server listens."""

    def __init__(self, endpoint: Endpoint, server: Server) -> None:
        self.endpoint = endpoint
        self._server = server

    def close(self) -> None:
        self._server.accept = None

    async def wait_closed(self) -> None:
        """Return at once."""


class Server(Process):
    """The process of the server.

    Attributes:
        accept: Makes the protocol of a connection that comes.
    """

    def __init__(self, world: World, options: dict[str, Any]) -> None:
        super().__init__(world, "hall")
        self.accept: Callable[[], asyncio.Protocol] | None = None
        carrier = HandCarrier(world)

        class HandServer(sigcore.aio.ServerRouter):
            def _prepare(self, endpoint: Endpoint, codec: str | None = None) -> tuple[Carrier, LinkOptions, Endpoint]:
                return (carrier, *super()._prepare(endpoint, codec)[1:])

        self.router: sigcore.aio.ServerRouter = self.loop.call(
            lambda: HandServer(
                PLACE, codecs=["json"], name="hall", on_error=self.errors.append, slow_callback=None, **options
            )
        )

    @property
    def hub(self) -> Hub:
        return self.router._hub


class Client(Process):
    """The process of a client.

    Attributes:
        cable: Its connection, or its last one.
        ghosts: Connections that are gone for it, and not for the server.
        holds_up: Whether what it writes is held back.
        holds_down: Whether what it is written to is held back.
        passes_up: How many bytes of what it writes still arrive, on whatever connection.
        passes_down: How many of what it is written still do.
        may_not_connect: Whether its next connections are refused.
    """

    def __init__(self, world: World, name: str, options: dict[str, Any]) -> None:
        super().__init__(world, name)
        self.cable: Cable | None = None
        self.ghosts: list[Cable] = []
        self.holds_up = self.holds_down = self.may_not_connect = False
        self.passes_up = self.passes_down = PLENTY
        carrier = HandCarrier(world, self)

        class HandClient(sigcore.aio.ClientRouter):
            def _prepare(self, endpoint: Endpoint, codec: str | None = None) -> tuple[Carrier, LinkOptions, Endpoint]:
                return (carrier, *super()._prepare(endpoint, codec)[1:])

        self.router: sigcore.aio.ClientRouter = self.loop.call(
            lambda: HandClient(
                PLACE,
                name=name,
                connect_timeout=None,
                on_error=self.errors.append,
                slow_callback=None,
                **options,
            )
        )
        self._session: object = None
        self.loop.start(self.router.open())

    def is_known(self, name: str) -> bool:
        session = self.router._session
        held = session._held.get(name) if session is not None else None
        return session is not None and held is not None and held[0] not in session._adding

    def note_begun(self) -> None:
        super().note_begun()
        before, self._session = self._session, self.router._session
        if before not in (None, self._session):
            for speaker in self.speakers:
                speaker.life.may_lose_its_end = speaker.life.is_over

    def new_cable(self, server: Server) -> Cable:
        """Connect, whatever became of the connection before."""
        before = self.cable
        if before is not None and not before.server.is_dead:
            self.ghosts.append(before)
        near = End(self.loop, lambda data: self.world.look_on(self, cable, True, data))
        far = End(server.loop, lambda data: self.world.look_on(self, cable, False, data))
        cable = self.cable = Cable(near, far, self.world.clock.now_s)
        return cable

    def carry(self, up: int, down: int, slice_bytes: int) -> bool:
        """Bring so many bytes to the other side and from it, at most; return whether anything moved."""
        cable = self.cable
        if cable is None:
            return False
        passed_up, ended_up = cable.client.carry(min(up, self.passes_up), slice_bytes)
        self.passes_up -= passed_up
        passed_down, ended_down = cable.server.carry(min(down, self.passes_down), slice_bytes)
        self.passes_down -= passed_down
        return bool(passed_up or passed_down or ended_up or ended_down)

    def cut(self, up: int, down: int, *, client_hears: bool, server_hears: bool) -> None:
        """Break the connection after so many bytes of what is in flight have arrived."""
        assert self.cable is not None
        self.carry(up, down, PLENTY)
        cause = ConnectionResetError("cut by the test")
        if client_hears:
            self.cable.server.in_flight.clear()
            self.cable.client.lose(cause)
        if server_hears:
            self.cable.client.in_flight.clear()
            self.cable.server.lose(cause)

    @property
    def is_connected(self) -> bool:
        return self.cable is not None and not self.cable.client.is_dead and not self.cable.server.is_dead


@dataclass
class World:
    """All of it.

    Attributes:
        client_options: The options of every client's link.
        server_options: Those of the server's.
        session_memory: What sessions without a link may take together.
        slice_bytes: The size of the pieces in which bytes arrive.
        look_on: Sees every piece that is written: whose cable, which, whether by its client, and the bytes.
        all: The worlds that are not closed.
    """

    client_options: dict[str, Any] = field(default_factory=dict)
    server_options: dict[str, Any] = field(default_factory=dict)
    session_memory: int | None = None
    slice_bytes: int = PLENTY
    clock: Clock = field(default_factory=Clock)
    lives: list[Life] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    deliveries: list[asyncio.Task[int]] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    look_on: Callable[[Client, Cable, bool, bytes], None] = lambda *_: None
    server: Server = field(init=False)
    all: ClassVar[list[World]] = []

    def __post_init__(self) -> None:
        self.all.append(self)
        self.start_server()

    def start_server(self) -> None:
        """Start the server, anew if there was one, which knows nothing of it."""
        memory = {} if self.session_memory is None else {"session_memory": self.session_memory}
        self.server = Server(self, self.server_options | memory)
        self.server.loop.start(self.server.router.open())

    def restart_server(self) -> None:
        """Kill the server and start another; what is in flight is lost."""
        old = self.server
        old.loop.kill()
        for life in self.lives:
            if life.owner is old:
                life.is_over = life.may_lose_its_end = True
                life.lives_then = len(self.lives)
        self.start_server()
        for client in self.clients:
            client.ghosts.clear()
            if client.cable is not None:
                client.cable.server.is_dead = True
                client.cable.server.in_flight.clear()
                client.cable.client.lose(ConnectionResetError("the server died"))
        self.run()

    def add_client(self, name: str) -> Client:
        client = Client(self, name, self.client_options)
        self.clients.append(client)
        return client

    @property
    def processes(self) -> list[Process]:
        return [self.server, *self.clients]

    @property
    def ears(self) -> Iterator[Ear]:
        return (post.ear for process in self.processes for post in process.posts)

    def run(self) -> None:
        """Do everything that needs no time to pass, and bring all bytes over that are not held back."""
        for _round in range(ROUNDS):
            moved = False
            for process in self.processes:
                moved = process.loop.run_ready() or moved
            for client in self.clients:
                up, down = 0 if client.holds_up else PLENTY, 0 if client.holds_down else PLENTY
                moved = client.carry(up, down, self.slice_bytes) or moved
            if not moved:
                for process in self.processes:
                    process.note_begun()
                return
        raise AssertionError("the world does not come to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass: every timer at its time, and what follows from it."""
        until_s = self.clock.now_s + seconds
        self.run()
        at_once = 0
        while (next_s := min(process.loop.next_s() for process in self.processes)) <= until_s:
            at_once = at_once + 1 if next_s <= self.clock.now_s else 0
            assert at_once < ROUNDS, "a timer is due again and again, and no time passes"
            self.clock.now_s = max(self.clock.now_s, next_s)
            self.run()
        self.clock.now_s = until_s
        self.run()

    def close(self) -> None:
        """End every process, in the middle of whatever it does."""
        self.all.remove(self)
        for process in self.processes:
            process.loop.kill()

    @property
    def failures(self) -> list[object]:
        """Return what escaped from callbacks."""
        return [failure for process in self.processes for failure in process.loop.failures]
