# SPDX-License-Identifier: MIT
"""The queue of one session's events: nothing is lost untold, nothing comes twice, and the order is kept."""

from __future__ import annotations

import copy
import json
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sigcore.protocol.event_queue import EventQueue
from sigcore.protocol.frames import HEADER_BYTES, Kind, frame, split_run
from sigcore.protocol.waiting import GAP

DROPPING = ("drop_oldest", "drop_newest", "latest")
POLICIES = ("block", *DROPPING, "disconnect")
ALL = 1 << 30


def event(topic: int, text: str = "", size: int = 0) -> bytes:
    """Return an event whose frame has ``size`` bytes, or more if its text does not fit."""
    return frame(Kind.EVENT, topic, text.encode().ljust(size - HEADER_BYTES))


def gap(topic: int, count: int | None, cause: str = "disconnected") -> bytes:
    return frame(GAP, topic, json.dumps({"count": count, "cause": cause}).encode())


class Watched:
    """A queue, and what it counted."""

    def __init__(self, limit: int | None) -> None:
        self.counts: Counter[str] = Counter()
        self.queue = EventQueue(limit, self._counted)
        self.put, self.put_frame = self.queue.put, self.queue.put_frame

    def _counted(self, cause: str, text: str, number: int) -> None:
        assert text
        self.counts[cause] += number

    def take(self, room: int = ALL, most: int = ALL) -> list[Any]:
        """Take frames; give the text of each event, (topic, count, cause) of each gap, the kind of the others."""
        parts: list[bytes] = []
        before = self.queue.size
        size = self.queue.take(parts, room, most)
        assert size == sum(map(len, parts)) == before - self.queue.size
        return [shown(*each) for each in split_run(b"".join(parts))]


def shown(kind: int, topic: int, body: bytes) -> Any:
    if kind == GAP:
        fields = json.loads(body)
        return topic, fields["count"], fields["cause"]
    return body.decode().rstrip() if kind in (Kind.EVENT, Kind.EVENT_META) else Kind(kind)


# limits


@pytest.mark.parametrize(("waiting", "is_full"), [(99, False), (100, True), (101, True)])
def test_it_is_full_from_its_limit_on(waiting: int, is_full: bool) -> None:
    watched = Watched(100)
    watched.put(event(1, size=waiting), "block")
    assert watched.queue.is_full == is_full
    assert watched.queue.size == waiting


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("waiting", "is_full"), [(99, False), (100, True), (101, True)])
def test_a_policy_holds_from_the_limit_on(policy: Any, waiting: int, is_full: bool) -> None:
    watched = Watched(100)
    watched.put(event(1, "old", size=waiting), "drop_oldest")
    queued = watched.put(event(2, "new", size=50), policy)
    drops_old, drops_new = is_full and policy in ("drop_oldest", "latest"), is_full and policy == "drop_newest"
    assert queued is not drops_new
    assert watched.queue.is_over is (is_full and policy == "disconnect")
    assert watched.counts == ({"overflow": 1} if drops_old or drops_new else {})
    assert watched.take() == [
        (1, 1, "overflow") if drops_old else "old",
        (2, 1, "overflow") if drops_new else "new",
    ]


def test_an_unlimited_queue_is_never_full() -> None:
    watched = Watched(None)
    for policy in ("block", "drop_oldest", "drop_newest", "disconnect"):
        assert watched.put(event(1, size=1 << 20), policy)
    assert not watched.queue.is_full
    assert not watched.queue.is_over
    assert not watched.counts


def test_a_run_longer_than_the_limit_passes_when_nothing_waits() -> None:
    watched = Watched(10)
    assert watched.put(event(1, "long", size=500), "drop_oldest")
    assert watched.take() == ["long"]


def test_gaps_do_not_fill_the_queue() -> None:
    watched = Watched(30)
    for topic in range(1, 50):
        watched.put(event(topic, size=20), "drop_oldest")
    assert watched.queue.size > 40 * 20
    watched.take(room=watched.queue.size - 20)  # all but the last event
    watched.put(event(99, "new"), "drop_newest")
    assert watched.take()[-1] == "new"


# what gives way


def test_the_oldest_runs_give_way_and_blocking_ones_do_not() -> None:
    watched = Watched(100)
    watched.put(event(1, "kept", size=40), "block")
    for text in "abcd":
        watched.put(event(2, text, size=30), "drop_oldest")
    assert watched.counts == {"overflow": 2}
    assert watched.take() == ["kept", (2, 2, "overflow"), "c", "d"]


def test_a_new_run_is_dropped_when_nothing_older_may_be() -> None:
    watched = Watched(50)
    watched.put(event(1, "kept", size=50), "block")
    for policy in ("drop_oldest", "latest"):
        assert not watched.put(event(2, "lost"), policy)
    assert watched.take() == ["kept", (2, 2, "overflow")]


def test_the_newest_events_of_a_topic_are_told_as_lost_behind_those_that_wait() -> None:
    watched = Watched(50)
    for text in "abcd":
        watched.put(event(1, text, size=30), "drop_newest")
    watched.take(room=1)
    for text in "ef":
        watched.put(event(1, text, size=30), "drop_newest")
    assert watched.take() == ["b", (1, 2, "overflow"), "e", (1, 1, "overflow")]


def test_only_the_latest_event_of_each_topic_waits_at_the_tail() -> None:
    watched = Watched(None)
    for topic, text in ((1, "a"), (2, "b"), (1, "c"), (1, "d")):
        watched.put(event(topic, text), "latest")
    assert watched.counts == {"conflated": 2}
    assert watched.take() == [(1, 2, "conflated"), "b", "d"]


def test_the_latest_of_a_run_that_names_a_topic_twice_is_its_last() -> None:
    watched = Watched(None)
    watched.put(event(1, "a") + event(2, "b") + event(1, "c"), "latest")
    assert watched.take() == [(1, 1, "conflated"), "b", "c"]


@pytest.mark.parametrize("order", [("drop_oldest", "latest"), ("latest", "drop_oldest")])
def test_the_oldest_gives_way_whether_it_is_the_latest_of_its_topic_or_not(order: tuple[Any, Any]) -> None:
    watched = Watched(60)
    for topic, policy in enumerate(order):
        watched.put(event(topic, policy, size=30), policy)
    watched.put(event(2, "new"), "drop_oldest")
    assert watched.take() == [(0, 1, "overflow"), order[1], "new"]


def test_the_last_value_passes_even_where_blocking_events_fill_the_queue() -> None:
    watched = Watched(100)
    watched.put(event(1, "v1", size=20), "latest")
    watched.put(event(2, "kept", size=100), "block")
    assert watched.put(event(1, "v2", size=20), "latest")
    assert watched.take() == [(1, 1, "conflated"), "kept", "v2"]


def test_conflation_and_overflow_of_a_topic_are_told_apart() -> None:
    watched = Watched(60)
    watched.put(event(1, "a", size=20), "latest")
    watched.put(event(1, "b", size=20), "latest")
    for text in "xyz":
        watched.put(event(2, text, size=30), "drop_oldest")
    assert watched.take()[:2] == [(1, 1, "conflated"), (1, 1, "overflow")]
    assert watched.counts == {"conflated": 1, "overflow": 2}


def test_blocking_events_that_wait_give_way_once_they_are_released() -> None:
    watched = Watched(60)
    watched.put(event(1, "a", size=30), "block")
    watched.put(event(2, "b", size=30), "drop_newest")
    watched.put(event(1, "c", size=30), "block")
    watched.queue.release()
    assert watched.queue.is_released
    assert watched.put(event(1, "d", size=30), "block")
    assert watched.take() == [(1, 2, "overflow"), "b", "d"]


def test_release_keeps_the_order() -> None:
    watched = Watched(None)
    policies: tuple[Any, ...] = ("block", "drop_oldest", "block", "latest", "drop_oldest")
    for text, policy in zip("abcde", policies, strict=True):
        watched.put(event(1, text), policy)
    watched.queue.release()
    assert watched.take() == list("abcde")


def test_after_hold_only_the_events_of_before_give_way() -> None:
    watched = Watched(60)
    watched.queue.release()
    watched.put(event(1, "a", size=30), "block")
    watched.queue.hold()
    assert not watched.queue.is_released
    watched.put(event(1, "b", size=60), "block")
    assert not watched.put(event(2, "c"), "drop_oldest")
    assert watched.take() == [(1, 1, "overflow"), "b", (2, 1, "overflow")]


def test_frames_that_are_no_events_are_never_dropped() -> None:
    watched = Watched(10)
    for _ in range(3):
        watched.put_frame(frame(Kind.TOPIC, 1, b"{}"))
        watched.put(event(1, "a"), "drop_oldest")
    assert watched.take() == [Kind.TOPIC, (1, 3, "overflow"), Kind.TOPIC, Kind.TOPIC]


# how it is told


def test_a_queue_that_was_too_full_for_a_listener_stays_so() -> None:
    watched = Watched(20)
    for text in "ab":
        watched.put(event(1, text, size=20), "disconnect")
    assert watched.take() == ["a", "b"]
    watched.put(event(1, "c"), "disconnect")
    assert watched.queue.is_over


def test_losses_between_which_the_topic_has_nothing_are_told_as_one() -> None:
    watched = Watched(100)
    for number in range(20):
        watched.put(event(1, size=50), "drop_oldest")
        if not watched.queue.is_full:
            watched.put(event(2, f"kept {number}", size=20), "block")
    gaps = [each for each in watched.take() if isinstance(each, tuple)]
    assert gaps == [(1, watched.counts["overflow"], "overflow")]


def test_a_loss_is_told_with_those_before_though_one_of_them_was_told_elsewhere() -> None:
    watched = Watched(50)
    for text in "ab":
        watched.put(event(1, text, size=50), "drop_newest")
    watched.take(room=1)
    for text in "cd":
        watched.put(event(1, text, size=50), "drop_newest")
    assert watched.take(room=1) == [(1, 1, "overflow")]
    watched.put(event(1, "e", size=50), "drop_newest")
    assert watched.take() == ["c", (1, 2, "overflow")]


def test_what_was_dropped_parts_no_losses() -> None:
    watched = Watched(60)
    for text in "ab":
        watched.put(event(1, text, size=30), "drop_oldest")
    for _ in range(2):
        watched.put(event(2), "drop_newest")
    for text in "cd":
        watched.put(event(3, text, size=30), "drop_oldest")
    watched.put(event(1), "drop_newest")
    assert watched.take() == [(1, 3, "overflow"), (2, 2, "overflow"), "c", "d"]


def test_a_loss_is_not_told_before_an_older_event_of_its_topic() -> None:
    watched = Watched(40)
    watched.put(event(1, "a", size=40), "drop_oldest")
    watched.put(event(1, "b", size=30), "drop_oldest")  # drops a
    watched.put(event(1, "c", size=30), "block")
    watched.put(event(1, "d", size=30), "drop_newest")
    assert watched.take() == [(1, 1, "overflow"), "b", "c", (1, 1, "overflow")]


def test_a_loss_is_not_told_before_the_latest_event_of_its_topic() -> None:
    watched = Watched(40)
    watched.put(event(1, "a", size=40), "latest")
    watched.put(event(2, "b", size=20), "drop_oldest")  # drops a
    watched.put(event(1, "c", size=20), "latest")
    watched.put(event(1, "d"), "drop_newest")
    assert watched.take() == [(1, 1, "overflow"), "b", "c", (1, 1, "overflow")]


def test_a_listener_that_begins_between_two_losses_is_told_of_the_second_alone() -> None:
    watched = Watched(20)
    watched.put(event(1, "kept", size=20), "block")
    watched.put(event(2), "drop_newest")
    watched.put_frame(frame(Kind.START, 7))
    watched.put(event(2), "drop_newest")
    watched.put(event(2), "drop_newest")
    assert watched.take() == ["kept", (2, 1, "overflow"), Kind.START, (2, 2, "overflow")]


def test_a_gap_of_the_sender_that_is_dropped_keeps_counting() -> None:
    watched = Watched(20)
    watched.put(event(1, "a") + gap(1, 5) + event(2, "b"), "drop_oldest")
    watched.put(event(2, "c"), "drop_oldest")
    assert watched.counts == {"overflow": 2}
    assert watched.take() == [(1, 6, "overflow"), (2, 1, "overflow"), "c"]


@pytest.mark.parametrize("body", [b'{"count":null,"cause":"x"}', b'{"cause":"x"}', b'{"count":-1}', b"\xff", b"[]"])
def test_a_gap_of_unknown_count_stays_unknown(body: bytes) -> None:
    watched = Watched(20)
    watched.put(event(1, "a") + frame(GAP, 1, body), "drop_oldest")
    watched.put(event(1, "b", size=20), "drop_oldest")
    watched.put(event(1, "c"), "drop_oldest")
    assert watched.take() == [(1, None, "overflow"), "c"]


def test_a_gap_of_the_sender_replaces_no_event() -> None:
    watched = Watched(None)
    for data in (event(1, "a"), gap(1, 2), gap(1, 3)):
        watched.put(data, "latest")
    assert watched.take() == ["a", (1, 2, "conflated"), (1, 3, "disconnected")]
    assert not watched.counts


@pytest.mark.parametrize("waiting", [10, 5000])
@pytest.mark.parametrize("policy", ["block", "drop_newest"])
def test_topics_that_went_by_are_not_remembered(policy: Any, waiting: int) -> None:
    watched = Watched(100 * waiting)
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        for topic in range(1, 6000):
            watched.put(event(topic, size=100), policy)
            if watched.queue.is_full:
                watched.put(event(0), "drop_newest")
                watched.put(event(0), "drop_newest")
                watched.take(room=1)
        watched.take()
        after, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 300_000, "the interpreter itself keeps some 120 KB of tuples for later"


# taking


@pytest.mark.parametrize(
    ("room", "most", "taken"),
    [
        *((0, ALL, ""), (1, ALL, "a"), (20, ALL, "a"), (21, ALL, "ab"), (60, ALL, "abc"), (61, ALL, "abcd")),
        *((ALL, 0, ""), (ALL, 1, "a"), (ALL, 21, "ab"), (ALL, 61, "abcd"), (-5, ALL, "")),
    ],
)
def test_frames_are_taken_while_they_begin_within_the_room(room: int, most: int, taken: str) -> None:
    watched = Watched(None)
    watched.put(b"".join(event(1, text, size=20) for text in "abc"), "block")
    watched.put(event(1, "d", size=20), "block")
    assert watched.take(room, most) == list(taken)
    assert watched.take() == list("abcd")[len(taken) :]
    assert watched.queue.is_empty
    assert watched.queue.size == 0


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest"])
def test_what_remains_of_a_run_goes_on_as_it_would_have(policy: Any) -> None:
    watched = Watched(50)
    watched.put(b"".join(event(1, text, size=20) for text in "abc"), policy)
    assert watched.take(room=1) == ["a"]
    watched.put(event(2, "d", size=20), "drop_oldest")
    watched.put(event(2, "e", size=20), "drop_oldest")
    expected = [(1, 2, "overflow"), "d", "e"] if policy == "drop_oldest" else ["b", "c", (2, 1, "overflow"), "e"]
    assert watched.take() == expected


# the model


@dataclass
class Put:
    """One event that was put, or that a gap of its sender told of."""

    place: int  # among all frames that were put
    policy: str
    may_go: bool


@dataclass
class Topic:
    """What was put on one topic, and how far it was taken or told."""

    events: list[Put] = field(default_factory=list)
    next: int = 0
    is_unknown: bool = False  # a gap of unknown count was told; the next event says how far it went


kinds = st.sampled_from([*["event"] * 12, "meta", "gap", "gap", "unknown"])
runs = st.lists(st.tuples(st.integers(1, 3), kinds, st.integers(0, 20)), min_size=1, max_size=3)


class QueueMachine(RuleBasedStateMachine):
    """Any puts and takes: per topic, what was taken and what was told make up exactly what was put."""

    @initialize(limit=st.sampled_from([1, 60, 120, 300, None]))
    def begin(self, limit: int | None) -> None:
        self.limit = limit
        self.watched = Watched(limit)
        self.queue = self.watched.queue
        self.topics = {topic: Topic() for topic in (1, 2, 3)}
        self.places = 0
        self.starts: list[int] = []  # places of the START frames
        self.starts_taken = 0
        self.last_taken = 0
        self.taken = self.put_events = 0
        self.longest = 0

    @rule(puts=st.lists(st.tuples(runs, st.sampled_from(POLICIES)), max_size=8))
    def put_some(self, puts: list[tuple[list[tuple[int, str, int]], str]]) -> None:
        for frames, policy in puts:
            self.put(frames, policy)
            self.check_bounds()

    def put(self, frames: list[tuple[int, str, int]], policy: Any) -> None:
        if policy == "block" and self.queue.is_full and not self.queue.is_released:
            return
        may_go = policy in DROPPING or (policy == "block" and self.queue.is_released)
        before = Counter(self.watched.counts)
        data = [self.frame(*each, policy, may_go) for each in frames]
        self.longest = max(self.longest, sum(map(len, data)))
        queued = self.queue.put(b"".join(data), policy)
        assert queued or policy in DROPPING or self.queue.is_released
        if not may_go:
            assert queued
            assert self.watched.counts == before

    def frame(self, topic: int, kind: str, size: int, policy: str, may_go: bool) -> bytes:
        self.places += 1
        puts = self.topics[topic].events
        number = len(puts).to_bytes(4, "big") + self.places.to_bytes(4, "big")
        if kind == "unknown":
            puts.append(Put(self.places, policy, True))
            return gap(topic, None)
        if kind == "gap":
            puts.extend(Put(self.places, policy, True) for _ in range(1 + size % 3))
            return gap(topic, 1 + size % 3)
        puts.append(Put(self.places, policy, may_go))
        self.put_events += 1
        return frame(Kind.EVENT if kind == "event" else Kind.EVENT_META, topic, number + bytes(size))

    @rule(kind=st.sampled_from([Kind.START, Kind.PRESENCE]))
    def put_frame(self, kind: Kind) -> None:
        self.places += 1
        if kind == Kind.START:
            self.starts.append(self.places)
        self.queue.put_frame(frame(kind, 0, self.places.to_bytes(4, "big")))

    @rule()
    def release(self) -> None:
        self.queue.release()
        for topic in self.topics.values():
            for put in topic.events:
                put.may_go = put.may_go or put.policy == "block"

    @rule()
    def hold(self) -> None:
        self.queue.hold()

    @rule(room=st.integers(0, 150), most=st.integers(1, 150))
    def take_some(self, room: int, most: int) -> None:
        self.take(room, most)

    def teardown(self) -> None:
        self.take(ALL, ALL)
        assert self.queue.is_empty
        for topic in self.topics.values():
            assert topic.is_unknown or topic.next == len(topic.events), "an event was lost untold"
        assert self.put_events - self.taken == self.watched.counts.total()

    def take(self, room: int, most: int) -> None:
        parts: list[bytes] = []
        before = self.queue.size
        size = self.queue.take(parts, room, most)
        assert size == sum(map(len, parts)) == before - self.queue.size
        begun = 0
        for kind, topic, body in split_run(b"".join(parts)):
            assert begun < room
            begun += HEADER_BYTES + len(body)
            if kind == GAP:
                self.take_gap(self.topics[topic], json.loads(body)["count"])
            elif kind in (Kind.EVENT, Kind.EVENT_META):
                self.take_event(self.topics[topic], int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"))
            else:
                self.take_in_order(int.from_bytes(body, "big"))
                self.starts_taken += kind == Kind.START

    def take_in_order(self, place: int) -> None:
        assert place > self.last_taken
        self.last_taken = place

    def take_event(self, topic: Topic, number: int, place: int) -> None:
        if topic.is_unknown:
            self.check_lost(topic.events[topic.next : number])
            assert number >= topic.next
            topic.next, topic.is_unknown = number, False
        assert number == topic.next, "out of order, twice, or lost untold"
        assert topic.events[number].place == place
        topic.next += 1
        self.taken += 1
        self.take_in_order(place)

    def take_gap(self, topic: Topic, count: int | None) -> None:
        if count is None:
            topic.is_unknown = True
        elif not topic.is_unknown:
            lost = topic.events[topic.next : topic.next + count]
            assert len(lost) == count > 0, "more was told as lost than was put"
            self.check_lost(lost)
            assert all(sum(start < put.place for start in self.starts) == self.starts_taken for put in lost)
            topic.next += count

    def check_lost(self, lost: list[Put]) -> None:
        assert all(put.may_go for put in lost), "what no policy lets go was dropped"

    def check_bounds(self) -> None:
        if self.limit is None:
            return
        parts: list[bytes] = []
        copy.deepcopy(self.queue).take(parts, ALL, ALL)
        bounded = 0
        latest: Counter[int] = Counter()
        for kind, topic, body in split_run(b"".join(parts)):
            if kind in (Kind.EVENT, Kind.EVENT_META):
                put = self.topics[topic].events[int.from_bytes(body[:4], "big")]
                bounded += (put.policy != "disconnect") * (HEADER_BYTES + len(body))
                latest[topic] += put.policy == "latest"
        assert bounded <= self.limit + self.longest
        assert all(count <= 1 for count in latest.values())


TestAnyPutsAndTakes = QueueMachine.TestCase


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(0, 7), st.integers(1, 40)),
            st.tuples(st.sampled_from(["take", "release", "hold"]), st.integers(1, 80)),
        ),
        max_size=80,
    )
)
def test_the_gaps_of_topics_that_keep_their_policy_are_few(steps: list[tuple[int | str, int]]) -> None:
    policies: tuple[Any, ...] = ("block", "drop_oldest", "latest", "drop_newest")
    watched = Watched(100)
    for what, size in steps:
        if isinstance(what, int):
            if what % 4 or watched.queue.is_released or not watched.queue.is_full:
                watched.put(event(what, str(what), size=HEADER_BYTES + size), policies[what % 4])
        elif what == "take":
            watched.take(room=size)
        else:
            getattr(watched.queue, what)()
        waiting = copy.deepcopy(watched.queue)
        parts: list[bytes] = []
        waiting.take(parts, ALL, ALL)
        frames = list(split_run(b"".join(parts)))
        gaps = Counter(topic for kind, topic, _body in frames if kind == GAP)
        events = Counter(topic for kind, topic, _body in frames if kind != GAP)
        assert all(
            count <= (events[topic] + 1 if policies[topic % 4] == "drop_newest" else 2) for topic, count in gaps.items()
        )
