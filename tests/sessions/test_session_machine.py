# SPDX-License-Identifier: MIT
"""Sessions against a model: whatever happens to the links, nothing is lost untold, nothing comes twice.

The whole stack runs, on loops, cables and a clock that are moved by hand. What must be true is in ledger.py for
events and presence; for requests, memory and the tables of the server it is below.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sigcore import Policy
from sigcore.protocol.bodies import read_request
from sigcore.protocol.frames import PREFACE, Kind, split_run
from sigcore.protocol.outbox import MOST_FRESH
from sigcore.protocol.server_session import ServerSession

from .cable import HIGH_BYTES, Cable
from .world import Client, Process, World

MAX_FRAME = 2048
LIMITS: dict[str, Any] = {
    "max_frame": MAX_FRAME,
    "credit": 600,
    "event_queue": 900,
    "unacknowledged": 2400,
    "control_queue": 4096,
    "max_requests": 4,
    "reconnect_delay": 0.5,
}
ROOMY_LIMITS: dict[str, Any] = {
    "max_frame": 64 * 1024,
    "credit": 256 * 1024,
    "event_queue": 4 * 1024 * 1024,
    "unacknowledged": 400 * 1024,
    "max_requests": 4,
    "reconnect_delay": 0.5,
}
"""With so long a queue a client's short events are taken on trust, and many are read at once."""

NAMES = ["s", "t"]
GOOD_ENDS = {"closing", "replaced", "dead", "too_slow", "control_overflow", "handshake_timeout", "lost"}
"""Why links may end; any other code is a fault of ours."""

who = st.integers(0, 3)
clients = st.integers(0, 2)
names = st.sampled_from(NAMES)
maybe_names = st.sampled_from([None, *NAMES])
events = st.sampled_from(["x", "y"])
maybe_events = st.sampled_from([None, "x", "y"])
policies = st.sampled_from(get_args(Policy))
few_bytes = st.one_of(st.just(1 << 20), st.integers(0, 400))
which = st.integers(0, 7)
pads = st.integers(0, 3)


Want = tuple[int, str | None, str | None, Policy, int, int | None]
"""A listener: its process, sender, event and policy, how many kept events it gets, the size of its stream, if any."""

wants = st.tuples(
    who, maybe_names, maybe_events, policies, st.sampled_from([0, 0, 2]), st.sampled_from([None, None, 3])
)


class Faults(logging.Handler):
    """Keeps the tracebacks that are logged: each is a fault of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.texts.append(self.format(record))


class SessionMachine(RuleBasedStateMachine):
    """Three clients and a server, whose links are cut, held back, taken over and lost in every way.

    Attributes:
        limits: The options of every link.
        lengths: By how many bytes events may be longer than they must.
        scale: How many bytes of the cables are moved where the rules say one.
    """

    limits: ClassVar[dict[str, Any]] = LIMITS
    lengths: ClassVar[list[int]] = [0, 0, 40, 300]
    scale: ClassVar[int] = 1

    @initialize(
        slice_bytes=st.sampled_from([1 << 20, 64, 7]),
        memory=st.sampled_from([None, 10_000, 5_000]),
        wants=st.lists(wants, min_size=1, max_size=6),
    )
    def begin(self, slice_bytes: int, memory: int | None, wants: list[Want]) -> None:
        self.faults = Faults()
        logging.getLogger("sigcore").addHandler(self.faults)
        self.world = World(self.limits, self.limits, session_memory=memory, slice_bytes=slice_bytes * self.scale)
        self.world.look_on = self.look_at_frames
        self.wrong: list[str] = []
        self.ends: set[str] = set()
        for name in ("a", "b", "c"):
            self.world.add_client(name)
        self.world.run()
        self.process(1).add_sender("s")
        self.process(2).add_sender("t", keep=3)
        for want in wants:
            self.listen(*want)
        for number in (0, 3):
            self.process(number).watch(None)
        self.world.run()

    def process(self, number: int) -> Process:
        return self.world.processes[number]

    # senders and listeners

    @rule(number=who, name=names, keep=st.sampled_from([0, 0, 3]))
    def add_sender(self, number: int, name: str, keep: int) -> None:
        process = self.process(number)
        if name not in process.router._core._senders:
            process.add_sender(name, keep)
            self.world.run()

    @rule(number=who, index=which)
    def remove_sender(self, number: int, index: int) -> None:
        process = self.process(number)
        if process.senders:
            process.remove_sender(process.senders[index % len(process.senders)])
            self.world.run()

    @rule(want=wants)
    def add_listener(self, want: Want) -> None:
        self.listen(*want)
        self.world.run()

    def listen(
        self, number: int, sender: str | None, event: str | None, policy: Policy, replay: int, size: int | None
    ) -> None:
        process = self.process(number)
        if len(process.posts) < 4:
            if size is None:
                process.listen(sender, event, policy, replay)
            else:
                process.stream(sender, event, policy, size)

    @rule(number=who, index=which, most=st.integers(1, 20))
    def read(self, number: int, index: int, most: int) -> None:
        process = self.process(number)
        streams = [each for each in process.posts if each.stream is not None]
        if streams:
            process.read(streams[index % len(streams)], most)
            self.world.run()

    @rule(number=who, index=which)
    def remove_listener(self, number: int, index: int) -> None:
        process = self.process(number)
        ready = [each for each in process.posts if each.listener is not None]
        if ready:
            process.remove_listener(ready[index % len(ready)])
            self.world.run()

    @rule(number=who, sender=maybe_names)
    def watch(self, number: int, sender: str | None) -> None:
        process = self.process(number)
        if len(process.watchers) < 2:
            process.watch(sender)
            self.world.run()

    # events

    @rule(number=who, index=which, event=events, count=st.integers(1, 8), pad=pads)
    def trigger(self, number: int, index: int, event: str, count: int, pad: int) -> None:
        process = self.process(number)
        if process.senders:
            speaker = process.senders[index % len(process.senders)]
            for _ in range(count):
                process.trigger(speaker, event, self.lengths[pad])
            self.world.run()

    @rule(event=events, pad=pads)
    def everybody_triggers(self, event: str, pad: int) -> None:
        for process in self.world.processes:
            for speaker in process.senders:
                process.trigger(speaker, event, self.lengths[pad])
        self.world.run()

    @rule(pad=pads, at_once=st.integers(1, 10))
    def flood(self, pad: int, at_once: int) -> None:
        """Everybody triggers more than there is room for, several events of both names at a time."""
        speakers = [(process, speaker) for process in self.world.processes for speaker in process.senders]
        for number in range(20):
            for process, speaker in speakers:
                process.trigger(speaker, "xyy"[number % 3], self.lengths[pad])
            if number % at_once == 0:
                self.world.run()
        self.world.run()

    @rule(number=who, index=which, event=events)
    def deliver(self, number: int, index: int, event: str) -> None:
        process = self.process(number)
        if process.senders:
            process.deliver(process.senders[index % len(process.senders)], event)
            self.world.run()

    # requests

    @rule(number=who, sender=names, timeout=st.sampled_from([None, 0.05, 1.0, 5.0]))
    def ask(self, number: int, sender: str, timeout: float | None) -> None:
        self.process(number).ask(sender, timeout)
        self.world.run()

    @precondition(lambda self: any(process.gates for process in self.world.processes))
    @rule(number=who)
    def answer(self, number: int) -> None:
        self.process(number).answer()
        self.world.run()

    @precondition(lambda self: any(not question.task.done() for question in self.world.questions))
    @rule(index=which)
    def cancel(self, index: int) -> None:
        open_ = [question for question in self.world.questions if not question.task.done()]
        if open_:
            question = open_[index % len(open_)]
            question.task.get_loop().call_soon(question.task.cancel)
            self.world.run()

    # links

    @rule(number=clients, up=st.booleans(), down=st.booleans())
    def hold(self, number: int, up: bool, down: bool) -> None:
        client = self.world.clients[number]
        client.holds_up, client.holds_down = up, down
        self.world.run()

    @precondition(lambda self: any(client.holds_up or client.holds_down for client in self.world.clients))
    @rule(number=clients, up=few_bytes, down=few_bytes, slice_bytes=st.sampled_from([1 << 20, 13, 1]))
    def carry(self, number: int, up: int, down: int, slice_bytes: int) -> None:
        client = self.world.clients[number]
        if client.holds_up or client.holds_down:
            client.carry(up * self.scale, down * self.scale, slice_bytes * self.scale)
            self.world.run()

    @rule(number=clients, up=few_bytes, down=few_bytes, client_hears=st.booleans(), server_hears=st.booleans())
    def cut(self, number: int, up: int, down: int, client_hears: bool, server_hears: bool) -> None:
        client = self.world.clients[number]
        if client.is_connected:
            client.cut(up * self.scale, down * self.scale, client_hears=client_hears, server_hears=server_hears)
            self.world.run()

    @rule(number=clients, stays_away=st.booleans())
    def stay_away(self, number: int, stays_away: bool) -> None:
        self.world.clients[number].may_not_connect = stays_away

    @precondition(lambda self: any(client.ghosts for client in self.world.clients))
    @rule(number=clients, most=few_bytes, is_lost=st.booleans())
    def come_late(self, number: int, most: int, is_lost: bool) -> None:
        """What was in flight on a connection that the client has given up arrives, or the server gives it up too."""
        client = self.world.clients[number]
        for ghost in client.ghosts:
            ghost.client.carry(most * self.scale, 1 << 20)
            if is_lost:
                ghost.server.lose()
        client.ghosts = [ghost for ghost in client.ghosts if not ghost.server.is_dead]
        self.world.run()

    @rule(number=st.integers(0, 8))
    def leave(self, number: int) -> None:
        """The client ends its link in good order, and comes back; not often, for then a session is at its end."""
        client = self.world.clients[min(number, 2)]
        if number > 2:
            return
        if client.is_connected and client.router._connecting is not None:
            client.loop.call(client.router._connecting.link.end, "closing")
            client.loop.call(client.router._connecting.flush)
            self.world.run()

    @rule(dice=st.integers(0, 5))
    def restart(self, dice: int) -> None:
        if dice == 5:
            self.world.restart_server()

    @rule(seconds=st.sampled_from([0.01, 0.02, 0.3, 0.3, 1.0, 1.0, 2.1, 2.1, 12.0, 125.0]))
    def wait(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def come_back(self) -> None:
        """Whoever was away or held back comes back at once."""
        for client in self.world.clients:
            client.holds_up = client.holds_down = client.may_not_connect = False
        self.world.advance(0.5)

    # what must be true at any time

    def look_at_frames(self, client: Client, cable: Cable, up: bool, data: bytes) -> None:
        """No request is written on a link that is younger than the moment when whoever asked was told the outcome."""
        for kind, _id, body in split_run(data.removeprefix(PREFACE)):
            if kind == Kind.REQUEST and up:
                question = self.world.questions[json.loads(read_request(body)[4])["number"]]
                if question.told_s is not None and question.told_s < cable.since_s:
                    self.wrong.append(f"request {question.number} was written after {question.outcome}")
            elif kind == Kind.NOTICE and (fields := json.loads(body))["code"] == "sender_exists":
                for speaker in client.speakers:
                    speaker.life.lost_its_name |= speaker.life.name == fields["sender"]

    @invariant()
    def nothing_went_wrong(self) -> None:
        wrong: list[object] = [*self.wrong, *self.faults.texts, *self.world.failures]
        for process in self.world.processes:
            wrong += (f"{process.name}: {text}" for each in process.posts for text in each.ear.wrong)
            wrong += (f"{process.name}: {text}" for watcher in process.watchers for text in watcher.wrong)
        assert not wrong, wrong
        for process in self.world.processes:
            codes = {cause.removeprefix("link_") for cause in process.router._core._drops.counts() if "link_" in cause}
            assert codes <= GOOD_ENDS, codes

    @invariant()
    def requests_run_once_at_most_and_not_after_a_refusal(self) -> None:
        for question in self.world.questions:
            never = ("NotSent", "Busy", "SenderNotFound", "MethodNotFound")
            most = 0 if question.outcome in never else 1
            least = 1 if question.outcome == "ok" else 0
            assert least <= question.executed <= most, question

    @invariant()
    def memory_is_bounded(self) -> None:
        limits = self.limits
        longest = limits["max_frame"] + 9
        for session in self.world.server.hub.sessions.values():
            assert session._sent - session._acknowledged <= limits["unacknowledged"] + longest, session
            assert session.events.size <= 2 * (limits["event_queue"] + longest + self.world.server.hub.presence_size)
            assert session._control_size <= session.options.control_queue + limits["event_queue"] + 2 * longest
            assert session._events_received - session._consumed <= limits["credit"] + longest
        for client in self.world.clients:
            mine = client.router._session
            if mine is not None:
                assert mine._events_received - mine._consumed <= limits["credit"] + longest
            outbox = client.router._outbox
            assert outbox._size <= limits["event_queue"] + longest + 200
            assert len(outbox.fresh) <= MOST_FRESH
            if client.cable is not None:
                assert len(client.cable.client.in_flight) <= HIGH_BYTES + 300_000

    # at the end

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.come_to_rest()
            self.nothing_went_wrong()
            self.everybody_agrees()
        finally:
            self.world.close()
            logging.getLogger("sigcore").removeHandler(self.faults)

    def come_to_rest(self) -> None:
        """Everybody comes back, and everything arrives."""
        for client in self.world.clients:
            client.holds_up = client.holds_down = client.may_not_connect = False
            for ghost in client.ghosts:
                ghost.server.lose()
            client.ghosts.clear()
            if client.cable is not None and client.cable.server.is_dead != client.cable.client.is_dead:
                client.cable.client.lose()
                client.cable.server.lose()
        for _ in range(8):
            self.world.advance(20.0)
            for process in self.world.processes:
                process.answer()
                streams = [post for post in process.posts if post.stream is not None]
                while sum(process.read(post, 10_000) for post in streams):
                    self.world.run()
        for _ in range(20):  # a sender that is refused tries again, now and then
            self.world.advance(0.025)
            if all(session.is_acknowledged for session in self.world.server.hub.sessions.values()):
                return

    def everybody_agrees(self) -> None:
        hub = self.world.server.hub
        processes = self.world.processes
        assert all(client.router.connected for client in self.world.clients)
        held = {name for process in processes for name in process.router._core._senders}
        assert {info.name for info in hub.senders()} == held
        for info in hub.senders():
            owner = next(each for each in processes if each.name == (info.peer.name if info.peer else "hall"))
            assert info.name in owner.router._core._senders
        assert len(hub.sessions) == len(self.world.clients)
        for client in self.world.clients:
            session = cast(ServerSession, self.session_of(client))
            wanted = sorted(map(str, (each.key for each in client.router._core._all_listeners())))
            assert sorted(map(str, session.listeners.values())) == wanted
            assert session.is_acknowledged
            assert session.events.is_empty
            assert not session._control
            assert not session._inbox
            entries = [*session.senders.values(), *session._lost.values()]
            owned = {topic.id for entry in entries for topic in entry.topics.values()}
            assert set(session._owned) == owned
            assert set(session.routes) <= owned
            told = {topic.id for topic in session.told}
            assert told <= set(hub.topics)
            mine = client.router._session
            assert mine is not None
            assert (mine.id, mine.received, mine._sent) == (session.id, session._sent, session.received)
            assert mine._events_sent == session._events_received == session._consumed
            assert mine._consumed == mine._events_received == session._events_sent
            assert set(mine._signals) == told
            leftovers = [mine._requests, mine._deadlines, mine._syncs, mine._answers, mine._leaving, mine._adding]
            assert not any(leftovers), leftovers
            assert not mine._listening
            assert client.router._outbox.is_empty
            assert client.router._outbox._size == 0
        assert (len(hub.requests), len(hub._detached), hub._over, hub._dirty) == (0, 0, [], {})
        assert not hub._hold_ups._waiting
        assert set(hub._hold_ups._paces) <= {hub.local, *hub.sessions.values()}
        assert set(hub._routed) <= set(hub.sessions.values())
        assert len(hub.topics) == 2 * len(held)
        assert not any(process.router._answering._open for process in processes if isinstance(process, Client))
        assert all(question.task.done() for question in self.world.questions if question.task.get_loop() in self.loops)
        assert all(task.done() for task in self.world.deliveries if task.get_loop() in self.loops)
        for process in processes:
            for watcher in process.watchers:
                wanted_names = held if watcher.sender is None else held & {watcher.sender}
                assert watcher.present == wanted_names, (process.name, watcher.sender, watcher.present, held)
        for life in self.world.lives:
            holder = hub.sender(life.name)
            if not life.is_over and (holder is None or holder.session is not self.session_of(life.owner)):
                life.may_lose_its_end = True  # another has the name, and nobody else knows of this one
        for ear in self.world.ears:
            ear.check_end()
            assert not ear.wrong, ear.wrong

    def session_of(self, process: object) -> object:
        """Return the session of a process at the server; ``None`` for the server itself."""
        sessions = self.world.server.hub.sessions.values()
        return next((each for each in sessions if isinstance(process, Client) and each.peer.name == process.name), None)

    @property
    def loops(self) -> list[object]:
        return [process.loop for process in self.world.processes]


class RoomyMachine(SessionMachine):
    """The same with limits near those of real links, short events beside long ones, and many at once."""

    limits = ROOMY_LIMITS
    lengths: ClassVar[list[int]] = [0, 40, 2_900, 40_000]
    scale = 251

    @rule(number=who, index=which, most=st.integers(900, 1_200), every=st.sampled_from([1, 7, 300, 2_000]))
    def burst(self, number: int, index: int, most: int, every: int) -> None:
        """More than are taken on trust at a time; the loop runs now and then, and some are too long for it."""
        process = self.process(number)
        if process.senders:
            speaker = process.senders[index % len(process.senders)]
            for n in range(most):
                process.trigger(speaker, "xxxy"[n % 4], 3_000 if n % every == every - 1 and n % 5 == 0 else 0)
            self.world.run()


@contextmanager
def quiet() -> Iterator[None]:
    """Let warnings go: here they are thousands."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def test_whatever_becomes_of_the_links_what_is_heard_is_what_was_triggered() -> None:
    most = settings(max_examples=300, stateful_step_count=40, suppress_health_check=list(HealthCheck))
    with quiet():
        run_state_machine_as_test(SessionMachine, settings=most)


def test_the_same_is_true_where_events_are_taken_on_trust() -> None:
    most = settings(max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck))
    with quiet():
        run_state_machine_as_test(RoomyMachine, settings=most)
