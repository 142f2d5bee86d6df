# SPDX-License-Identifier: MIT
"""What a server keeps of events: the newest of each topic, within limits, and never with a hole."""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore.protocol.frames import Kind
from sigcore.protocol.history import EVENT_BYTES, History


class Watched(History):
    """A history, and what it counted."""

    def __init__(self, most_events: int = 1000, most_bytes: int = 1 << 30) -> None:
        self.counts: Counter[str] = Counter()
        super().__init__(self._count, most_events, most_bytes)

    def _count(self, cause: str, text: str, number: int) -> None:
        assert text
        self.counts[cause] += number

    def put(self, topic: int, *bodies: bytes) -> None:
        for body in bodies:
            self.add(topic, Kind.EVENT, body)

    def bodies(self, topic: int, most: int = 1 << 30) -> list[bytes]:
        return [body for _topic, _kind, body in self.kept([topic], most)][::-1]


@pytest.mark.parametrize(("events", "kept"), [(2, b"ab"), (3, b"abc"), (4, b"bcd")])
def test_the_newest_are_kept_as_many_as_the_sender_asked_for(events: int, kept: bytes) -> None:
    history = Watched()
    history.declare(1, 3)
    history.put(1, *[b"a", b"b", b"c", b"d"][:events])
    assert b"".join(history.bodies(1)) == kept
    assert not history.counts, "the sender asked for no more"


@pytest.mark.parametrize(("asked", "kept"), [(4, 4), (5, 5), (6, 5), (10**9, 5)])
def test_no_sender_gets_more_kept_than_the_cap(asked: int, kept: int) -> None:
    history = Watched(most_events=5)
    history.declare(1, asked)
    history.put(1, *[b"x"] * 20)
    assert len(history.bodies(1)) == kept


@pytest.mark.parametrize(("most", "kept"), [(0, b""), (1, b"c"), (2, b"bc"), (3, b"abc"), (4, b"abc")])
def test_a_listener_gets_as_many_as_it_asks_for_oldest_first(most: int, kept: bytes) -> None:
    history = Watched()
    history.declare(1, 3)
    history.put(1, b"a", b"b", b"c")
    assert b"".join(history.bodies(1, most)) == kept


@pytest.mark.parametrize(
    ("limit", "kept"), [(-1, [b"bb", b"cc"]), (0, [b"aa", b"bb", b"cc"]), (1, [b"aa", b"bb", b"cc"])]
)
def test_the_oldest_goes_when_the_bytes_are_too_many(limit: int, kept: list[bytes]) -> None:
    history = Watched(most_bytes=3 * (EVENT_BYTES + 2) + limit)
    history.declare(1, 10)
    history.put(1, b"aa", b"bb", b"cc")
    assert history.bodies(1) == kept
    assert history.size == len(kept) * (EVENT_BYTES + 2)
    assert history.counts == ({} if len(kept) == 3 else {"history": 1})


def test_the_oldest_of_all_topics_goes_first() -> None:
    history = Watched(most_bytes=2 * (EVENT_BYTES + 1))
    for topic in (1, 2):
        history.declare(topic, 10)
    history.put(1, b"a")
    history.put(2, b"b", b"c")
    assert history.bodies(1) == []
    assert history.bodies(2) == [b"b", b"c"]
    history.put(1, b"d")
    assert history.bodies(1) == [b"d"]
    assert history.bodies(2) == [b"c"]


def test_an_event_longer_than_all_that_may_be_kept_leaves_no_hole_behind() -> None:
    history = Watched(most_bytes=EVENT_BYTES + 5)
    history.declare(1, 10)
    history.put(1, b"a", b"longer")
    assert history.bodies(1) == []
    assert history.size == 0
    assert history.counts == {"history": 2}


@pytest.mark.parametrize("keep", [None, 0])
def test_nothing_is_kept_that_no_sender_asked_for(keep: int | None) -> None:
    history = Watched()
    if keep is not None:
        history.declare(1, keep)
    history.put(1, b"a")
    assert list(history.kept([1], 10)) == []
    assert history.size == 0


def test_gaps_are_not_kept_and_events_with_meta_are() -> None:
    history = Watched()
    history.declare(1, 10)
    history.add(1, Kind.GAP, b'{"count":1,"cause":"overflow"}')
    history.add(1, Kind.EVENT_META, b"a")
    assert [(kind, body) for _topic, kind, body in history.kept([1], 10)] == [(Kind.EVENT_META, b"a")]


def test_a_topic_that_is_forgotten_takes_no_memory() -> None:
    history = Watched()
    for topic in (1, 2):
        history.declare(topic, 10)
        history.put(topic, b"a", b"b")
    history.forget(1)
    history.put(1, b"c")
    history.forget(99)
    assert history.bodies(1) == []
    assert history.bodies(2) == [b"a", b"b"]
    assert history.size == 2 * (EVENT_BYTES + 1)


def test_the_newest_come_first_whatever_their_topic() -> None:
    history = Watched()
    for topic in (1, 2):
        history.declare(topic, 10)
    for topic, body in ((1, b"a"), (2, b"b"), (1, b"c"), (2, b"d")):
        history.put(topic, body)
    assert [body for _topic, _kind, body in history.kept([1, 2, 3], 10)] == [b"d", b"c", b"b", b"a"]
    assert next(history.kept([1, 2], 10)) == (2, Kind.EVENT, b"d")


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60),
    st.lists(st.integers(0, 6), min_size=4, max_size=4),
    st.integers(0, 8),
)
def test_what_is_kept_is_always_the_end_of_what_came(puts: list[tuple[int, int]], keeps: list[int], room: int) -> None:
    history = Watched(most_events=5, most_bytes=room * (EVENT_BYTES + 20))
    came: dict[int, list[bytes]] = {topic: [] for topic in range(4)}
    for topic, keep in enumerate(keeps):
        history.declare(topic, keep)
    for topic, size in puts:
        came[topic].append(len(came[topic]).to_bytes(2, "big") + bytes(size))
        history.put(topic, came[topic][-1])
        kept = {each: history.bodies(each) for each in came}
        assert all(came[each][len(came[each]) - len(kept[each]) :] == kept[each] for each in came)
        assert all(len(kept[each]) <= min(5, keeps[each]) for each in came)
        assert history.size == sum(EVENT_BYTES + len(body) for bodies in kept.values() for body in bodies)
        assert history.size <= room * (EVENT_BYTES + 20)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["put", "put", "put", "forget", "declare"])), max_size=60),
    st.integers(0, 4),
    st.integers(1, 6),
)
def test_what_is_asked_for_of_all_topics_is_what_is_kept_of_each(
    doings: list[tuple[int, str]], most: int, room: int
) -> None:
    history = Watched(most_bytes=(EVENT_BYTES + 1) * room)
    groups = {1: "a", 2: "a", 3: "b", 4: "c"}
    for topic, doing in doings:
        if doing == "put":
            history.put(topic, b"x")
        elif doing == "forget":
            history.forget(topic)
        else:
            history.declare(topic, 3, groups[topic])
    assert list(history.newest(None, most)) == list(history.kept(groups, most))
    for group in "abc":
        of_group = [topic for topic in groups if groups[topic] == group]
        assert list(history.newest(group, most)) == list(history.kept(of_group, most))


def test_who_asks_for_the_newest_of_very_many_topics_has_it_at_once() -> None:
    history, looks = Watched(), 0

    class Counted(dict[int, tuple[int, deque[int]]]):
        def __getitem__(self, topic: int) -> tuple[int, deque[int]]:
            nonlocal looks
            looks += 1
            return super().__getitem__(topic)

    for topic in range(5_000):
        history.declare(topic, 1, "a")
        history.put(topic, b"x")
    history._topics = Counted(history._topics)
    assert [topic for topic, _kind, _body in islice(history.newest("a", 5), 3)] == [4_999, 4_998, 4_997]
    assert looks < 20
