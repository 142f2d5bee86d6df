# SPDX-License-Identifier: MIT
"""Events through a server: routes, topics, ownership, back-pressure, codecs, presence."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore._info import SenderInfo
from sigcore.protocol.bodies import join_meta
from sigcore.protocol.frames import Kind, frame
from sigcore.protocol.link import State

from .loopback import RawPeer, Server, control


def event(topic: int, text: str = "x") -> bytes:
    return frame(Kind.EVENT, topic, f'"{text}"'.encode())


def waiting(reader: RawPeer) -> list[bytes]:
    """Return the events that wait for a reader, in the pieces in which they wait."""
    return [run for _place, run in reader.session.events._block.runs]


# who gets what


KEYS = [("thermo", "reading"), ("thermo", None), (None, "reading"), (None, None)]
OTHERS = [("other", "reading"), ("thermo", "alarm"), ("other", None), (None, "alarm"), (None, "#connect")]


@pytest.mark.parametrize("key", KEYS + OTHERS)
@pytest.mark.parametrize("listen_first", [True, False])
def test_an_event_reaches_whoever_asked_for_it(key: tuple[str | None, str | None], listen_first: bool) -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader")
    if listen_first:
        reader.listen(1, *key)
    topic, _alarm = publisher.add_sender("thermo", ["reading", "alarm"])
    if not listen_first:
        publisher.say(event(topic, "too early"))  # now there is a route
        reader.listen(1, *key)
    publisher.say(event(topic, "now"))
    assert reader.hear_events() == ([("thermo", "reading", b'"now"')] if key in KEYS else [])


def test_an_event_comes_once_however_many_listeners_a_link_has() -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader")
    for n, key in enumerate(KEYS):
        reader.listen(n, *key)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic))
    assert len(reader.hear_events()) == 1


def test_events_do_not_come_back_to_their_own_link() -> None:
    peer = Server().connect()
    peer.listen(1)
    (topic,) = peer.add_sender("thermo", ["reading"])
    peer.say(event(topic))
    assert peer.hear() == []


def test_a_topic_is_announced_once_and_before_its_first_event() -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader")
    reader.listen(1)
    reading, alarm = publisher.add_sender("thermo", ["reading", "alarm"])
    publisher.say(event(reading), event(alarm), event(reading))
    assert [(kind, id_) for kind, id_, _body in reader.hear()] == [
        (Kind.TOPIC, reading),
        (Kind.EVENT, reading),
        (Kind.TOPIC, alarm),
        (Kind.EVENT, alarm),
        (Kind.EVENT, reading),
    ]


def test_topic_numbers_are_never_used_again() -> None:
    server = Server()
    peer = server.connect()
    numbers: list[int] = []
    for _ in range(5):
        numbers += peer.add_sender("thermo", ["reading", "alarm"])
        peer.say(control(Kind.REMOVE_SENDER, 0, sender="thermo"))
    assert len(set(numbers)) == len(numbers) == 10


def test_a_run_is_forwarded_as_one_slice_shared_by_all_its_readers() -> None:
    server = Server()
    publisher = server.connect("publisher")
    readers = [server.connect(f"reader{n}") for n in range(3)]
    for reader in readers:
        reader.listen(1)
    topics = publisher.add_sender("thermo", ["a", "b", "c"])
    publisher.say(*map(event, topics))  # routes are built
    for reader in readers:
        reader.hear()
    run = b"".join(event(topic, str(n)) for n, topic in enumerate(topics * 5))
    publisher.say(run)
    queued = [waiting(reader) for reader in readers]
    assert queued == [[run]] * 3
    assert len({id(data) for events in queued for data in events}) == 1


def test_a_listener_that_comes_in_the_middle_of_a_chunk_gets_what_follows() -> None:
    """The publisher's own chunk cannot change others' listeners; its own LISTEN and senders can come between."""
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader")
    reader.listen(1, "thermo")
    reading, alarm = publisher.add_sender("thermo", ["reading", "alarm"])
    publisher.say(event(reading, "1"))
    reader.say(frame(Kind.UNLISTEN, 1))
    publisher.say(event(reading, "2"))
    reader.listen(2, "thermo", "alarm")
    publisher.say(event(reading, "3"), event(alarm, "4"))
    reader.listen(3, "thermo", "reading")
    publisher.say(event(reading, "5"), event(alarm, "6"), event(reading, "7"))
    assert [body for _sender, _event, body in reader.hear_events()] == [b'"1"', b'"4"', b'"5"', b'"6"', b'"7"']


def test_a_sender_that_goes_in_the_middle_of_a_chunk_takes_its_topics_with_it() -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader")
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "1"), control(Kind.REMOVE_SENDER, 0, sender="thermo"), event(topic, "2"))
    assert publisher.error_code == "topic_not_owned"
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.TOPIC, Kind.EVENT, Kind.REMOVE_SENDER]


def test_an_event_on_somebody_else_s_topic_ends_the_link_and_reaches_nobody() -> None:
    server = Server()
    publisher, thief, reader = server.connect("publisher"), server.connect("thief"), server.connect("reader")
    reader.listen(1)
    thief.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "true"))
    thief.say(event(topic, "false"))
    assert thief.error_code == "topic_not_owned"
    publisher.say(event(topic, "true"))
    assert [body for _sender, _event, body in reader.hear_events()] == [b'"true"'] * 2


def test_only_who_was_told_of_a_topic_is_told_that_it_is_over() -> None:
    server = Server()
    publisher, reader, other = server.connect("publisher"), server.connect("reader"), server.connect("other")
    reader.listen(1)
    other.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    other.say(frame(Kind.UNLISTEN, 1))
    publisher.say(event(topic))
    publisher.say(control(Kind.REMOVE_SENDER, 0, sender="thermo"))
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.TOPIC, Kind.EVENT, Kind.REMOVE_SENDER]
    assert other.hear() == []


def test_a_link_that_cannot_be_told_what_a_topic_is_gets_none_of_its_events() -> None:
    server = Server()
    publisher, small, large = server.connect("publisher"), server.connect("small", max_frame=512), server.connect("l")
    small.listen(1)
    large.listen(1)
    long, short = publisher.add_sender("t" * 255, ["e" * 255, "short"])
    publisher.say(event(long), event(short))
    assert [kind for kind, _id, _body in small.hear()] == [Kind.TOPIC, Kind.EVENT]
    assert [kind for kind, _id, _body in large.hear()] == [Kind.TOPIC, Kind.EVENT] * 2
    assert server.drops.counts() == {"untranslatable": 1}


# senders


def test_a_sender_s_name_can_be_had_once() -> None:
    server = Server()
    first, second = server.connect("first"), server.connect("second")
    first.add_sender("thermo", ["reading"])
    for peer in (first, second):
        peer.say(control(Kind.ADD_SENDER, 7, sender="thermo"))
        ((kind, id_, fields),) = peer.hear_fields()
        assert (kind, id_, fields["code"]) == (Kind.ERROR, 7, "sender_exists")
        assert "'first'" in fields["message"]
    second.say(control(Kind.REMOVE_SENDER, 0, sender="thermo"))  # that is not its own
    second.say(control(Kind.ADD_SENDER, 8, sender="thermo"))
    assert [fields["code"] for _kind, _id, fields in second.hear_fields()] == ["sender_exists"]


def test_a_name_is_free_as_soon_as_its_removal_was_written() -> None:
    peer = Server().connect()
    peer.add_sender("thermo", ["reading"])
    peer.say(
        control(Kind.REMOVE_SENDER, 0, sender="thermo"), control(Kind.ADD_SENDER, 9, sender="thermo", events=["later"])
    )
    assert [(kind, id_, list(fields["topics"])) for kind, id_, fields in peer.hear_fields()] == [
        (Kind.OK, 9, ["later"])
    ]


def test_a_name_is_free_also_where_its_removal_waits_behind_a_full_reader() -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader", event_queue=100, credit=1)
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(*[event(topic, f"{n:040}") for n in range(5)])
    publisher.say(*[event(topic, f"{n:040}") for n in range(5, 10)])  # these wait
    publisher.say(
        control(Kind.REMOVE_SENDER, 0, sender="thermo"),
        control(Kind.ADD_SENDER, 9, sender="thermo", events=["reading"]),
        control(Kind.ADD_SENDER, 10, sender="another"),
    )
    assert [id_ for kind, id_, _fields in publisher.hear_fields() if kind == Kind.OK] == [10]
    found = []
    for _ in range(15):
        found += reader.hear()
        reader.acknowledge()
    ((_kind, id_, fields),) = [answer for answer in publisher.hear_fields() if answer[0] == Kind.OK]
    assert id_ == 9
    assert fields["topics"]["reading"] > topic
    kinds = [kind for kind, _id, _body in found if kind != Kind.START]
    assert kinds == [Kind.TOPIC] + 10 * [Kind.EVENT] + [Kind.REMOVE_SENDER]


def test_registrations_that_wait_for_removals_are_bounded() -> None:
    server = Server()
    publisher, reader = server.connect("p", control_queue=1000), server.connect("r", event_queue=100, credit=1)
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "x" * 200))
    publisher.say(event(topic, "x" * 200))
    for n in range(50):
        publisher.say(control(Kind.ADD_SENDER, n, sender="thermo"))
    assert publisher.error_code == "control_overflow"


def test_a_link_may_have_so_many_senders_and_listeners_and_no_more() -> None:
    server = Server()
    peer = server.connect(max_senders=2, max_listeners=2)
    for name in ("a", "b"):
        peer.add_sender(name)
    peer.say(control(Kind.ADD_SENDER, 5, sender="c"))
    peer.listen(1)
    peer.listen(2)
    peer.say(control(Kind.LISTEN, 3))
    codes = [(id_, fields["code"]) for kind, id_, fields in peer.hear_fields() if kind == Kind.ERROR]
    assert codes == [(3, "limit_reached")]
    peer.say(frame(Kind.UNLISTEN, 1), control(Kind.REMOVE_SENDER, 0, sender="a"))
    peer.listen(3)
    peer.add_sender("c")


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"events": [f"e{n}" for n in range(1000)]}, True),
        ({"events": [f"e{n}" for n in range(1001)]}, False),
        ({"requests": [f"e{n}" for n in range(1001)]}, False),
        ({"events": [f"e{n}" for n in range(10_000)]}, False),
        ({"events": ["same"] * 2000}, True),
        ({"events": [f"{n:0200}" for n in range(300)]}, True),
        ({"events": [f"{n:0200}" for n in range(400)]}, False),
    ],
    ids=["1000", "1001", "1001 methods", "10000", "one", "61 kB", "82 kB"],
)
def test_a_sender_may_declare_so_much_and_no_more(fields: dict[str, list[str]], taken: bool) -> None:
    peer = Server().connect()
    peer.say(control(Kind.ADD_SENDER, 1, sender="thermo", **fields))
    ((kind, _id, answer),) = peer.hear_fields()
    assert (kind, answer.get("code")) == ((Kind.OK, None) if taken else (Kind.ERROR, "limit_reached"))


def test_a_sender_whose_answer_would_be_too_long_for_its_own_link_is_refused() -> None:
    peer = Server().connect(max_frame=512)
    peer.say(control(Kind.ADD_SENDER, 1, sender="thermo", events=[f"e{n}" for n in range(100)]))
    assert [fields["code"] for _kind, _id, fields in peer.hear_fields()] == ["limit_reached"]


# listeners


def test_a_listener_s_number_in_use_ends_the_link_and_can_be_used_again_after_unlisten() -> None:
    peer = Server().connect()
    peer.listen(0)
    peer.say(frame(Kind.UNLISTEN, 0), frame(Kind.UNLISTEN, 0), frame(Kind.UNLISTEN, 77))
    peer.listen(0)
    peer.say(control(Kind.LISTEN, 0))
    assert peer.error_code == "malformed_body"


@pytest.mark.parametrize("fields", [{"sender": "#x"}, {"event": "#other"}, {"event": ""}, {"sender": "a*"}], ids=repr)
def test_a_listener_for_what_is_no_name_ends_the_link(fields: dict[str, str]) -> None:
    peer = Server().connect()
    peer.say(control(Kind.LISTEN, 1, **fields))
    assert peer.error_code == "invalid_name"


def test_who_waits_for_an_event_that_is_not_declared_is_told_whoever_was_first() -> None:
    server = Server()
    early, late, holder = server.connect("early"), server.connect("late"), server.connect("holder")
    early.listen(1, "thermo", "nothing")
    early.listen(2, "thermo", "reading")
    early.listen(3, None, "nothing")
    holder.add_sender("thermo", ["reading"])
    late.say(control(Kind.LISTEN, 7, sender="thermo", event="nothing"))
    for peer, number in ((early, 1), (late, 7)):
        notices = [(id_, fields) for kind, id_, fields in peer.hear_fields() if kind == Kind.NOTICE]
        assert [(id_, fields["code"], fields["events"]) for id_, fields in notices] == [
            (number, "event_not_declared", ["reading"])
        ]


# presence


def presence(peer: RawPeer) -> list[tuple[str, bool]]:
    return [
        (fields["sender"], fields["connected"]) for kind, _id, fields in peer.hear_fields() if kind == Kind.PRESENCE
    ]


@pytest.mark.parametrize("event_name", ["#connect", "#disconnect"])
def test_presence_is_told_from_the_present_on_and_ends_with_start(event_name: str) -> None:
    server = Server()
    holder, watcher = server.connect("holder"), server.connect("watcher")
    holder.add_sender("a", ["x"], ["y"])
    watcher.say(control(Kind.LISTEN, 5, event=event_name))
    what = {"sender": "a", "connected": True, "events": ["x"], "requests": ["y"], "peer": {"name": "holder"}}
    assert watcher.hear_fields() == [(Kind.OK, 5, {}), (Kind.PRESENCE, 0, what), (Kind.START, 5, {})]
    holder.add_sender("b")
    holder.say(control(Kind.REMOVE_SENDER, 0, sender="a"))
    assert presence(watcher) == [("b", True), ("a", False)]
    holder.lose()
    server.tick(1.9)
    assert presence(watcher) == []  # shorter than the grace time: nothing to see
    server.tick(0.1)
    assert presence(watcher) == [("b", False)]


def test_presence_of_one_sender_is_of_that_sender_alone() -> None:
    server = Server()
    holder, watcher = server.connect("holder"), server.connect("watcher")
    holder.add_sender("a")
    holder.add_sender("b")
    watcher.say(control(Kind.LISTEN, 1, sender="b", event="#connect"))
    holder.add_sender("c")
    assert presence(watcher) == [("b", True)]
    holder.say(control(Kind.REMOVE_SENDER, 0, sender="c"), control(Kind.REMOVE_SENDER, 0, sender="b"))
    assert presence(watcher) == [("b", False)]


def test_presence_is_told_once_to_a_link_and_not_to_the_sender_s_own() -> None:
    server = Server()
    holder, watcher = server.connect("holder"), server.connect("watcher")
    for peer in (holder, watcher):
        for n, key in enumerate([(None, "#connect"), (None, "#disconnect"), ("a", "#connect")]):
            peer.listen(n, *key)
    holder.add_sender("a")
    assert presence(watcher) == [("a", True)]
    assert presence(holder) == []


def test_presence_that_a_link_cannot_take_whole_comes_without_what_is_declared() -> None:
    server = Server()
    holder, small = server.connect("holder"), server.connect("small", max_frame=512)
    holder.add_sender("a", [f"event{n}" for n in range(100)])
    small.listen(1, event="#connect")
    holder.add_sender("b", [f"event{n}" for n in range(100)])
    holder.add_sender("c", ["reading"])
    found = small.hear_fields()
    assert [fields.get("events") for kind, _id, fields in found if kind == Kind.PRESENCE] == [None, ["reading"]]


def test_broad_listeners_hear_nothing_of_presence() -> None:
    server = Server()
    holder, reader = server.connect("holder"), server.connect("reader")
    reader.listen(1)
    reader.listen(2, "a")
    holder.add_sender("a")
    holder.say(control(Kind.REMOVE_SENDER, 0, sender="a"))
    assert reader.hear() == []


# back-pressure


def test_a_full_reader_stops_its_publisher_s_credit_and_nothing_is_lost_or_reordered() -> None:
    server = Server()
    publisher = server.connect("publisher", our_credit=4000)
    slow, fast = server.connect("slow", event_queue=1000, credit=300), server.connect("fast")
    slow.listen(1)
    fast.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    fast.hear()
    sent, granted, got = 0, 4000, []
    written = 0
    for _ in range(2000):
        publisher.hear()
        granted = max([granted, *(credit for _received, credit in publisher.acks)])
        if written < granted and sent < 300:
            data = event(topic, f"{sent:060}")
            publisher.say(data)
            written += len(data)
            sent += 1
        elif slow.session.events.is_full or sent == 300:
            got += slow.hear_events()
            slow.acknowledge()
        assert slow.session.events.size < 1000 + 200
        if len(got) == 300:
            break
    assert publisher.link.state is State.UP
    assert [int(body.strip(b'"')) for _sender, _event, body in got] == list(range(300))
    assert len(fast.hear_events()) == 300


def test_a_publisher_s_credit_stops_while_a_reader_is_full_and_comes_back_by_itself() -> None:
    server = Server()
    publisher = server.connect("publisher", our_credit=1000)
    reader = server.connect("reader", event_queue=100, credit=1)
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "x" * 100))
    for _ in range(10):
        publisher.say(event(topic, "x" * 80))
    publisher.link.tick(101.0)
    publisher.hear()
    assert publisher.acks[-1][1] < 1200
    for _ in range(20):
        reader.hear()
        reader.acknowledge()
    publisher.hear()
    assert publisher.acks[-1][1] == 1000 + 111 + 10 * 91


def test_events_that_waited_as_one_run_part_where_their_ways_have_parted() -> None:
    server = Server()
    publisher = server.connect("publisher", our_credit=10_000)
    first, second = (server.connect(name, event_queue=300, credit=1) for name in ("first", "second"))
    a, b, c = publisher.add_sender("thermo", ["a", "b", "c"])
    first.listen(1, None, "a")
    first.listen(2, None, "b")
    second.listen(1, None, "c")
    long = "x" * 300
    said = [
        event(a, "0") + event(b, long),
        event(c, long),
        event(a, "1") + event(b, "2") + event(a, "3") + event(b, "4"),
    ]
    for data in said:
        publisher.say(data)  # the last waits for the first reader
    second.listen(2, None, "b")

    def drain(reader: RawPeer) -> list[str]:
        found: list[bytes] = []
        for _ in range(10):
            found += [body for _sender, _event, body in reader.hear_events()]
            reader.acknowledge()
        return [body.decode().strip('"') for body in found]

    assert drain(first) == ["0", long, "1"]
    assert drain(second) == [long, "2", "4"]
    assert drain(first) == ["2", "3", "4"]
    publisher.link.tick(101.0)
    publisher.hear()
    assert publisher.acks[-1][1] == 10_000 + len(b"".join(said))


@given(st.integers(0, 2**32))
def test_each_sender_s_events_keep_their_order_under_any_pressure(seed: int) -> None:
    """Three publishers, three readers with queues of different lengths, everything in a random order."""
    chance = random.Random(seed)
    server = Server()
    publishers = [server.connect(f"p{n}", our_credit=2000) for n in range(3)]
    readers = [server.connect(f"r{n}", event_queue=300 * (n + 1), credit=200 * (n + 1)) for n in range(3)]
    keys = [(None, None), (None, "a"), ("s1", None)]
    for reader, key in zip(readers, keys, strict=True):
        reader.listen(1, *key)
    topics = [peer.add_sender(f"s{n}", ["a", "b"]) for n, peer in enumerate(publishers)]
    counts, written = [0, 0, 0], [0, 0, 0]
    got: list[list[tuple[str, str, bytes]]] = [[], [], []]

    def drain(n: int) -> None:
        got[n] += readers[n].hear_events()
        readers[n].acknowledge()

    for _ in range(60):
        n = chance.randrange(3)
        if chance.random() < 0.6:
            publishers[n].hear()
            granted = max([2000, *(credit for _received, credit in publishers[n].acks)])
            burst = []
            for _ in range(chance.randrange(1, 6)):
                if written[n] < granted:
                    data = event(chance.choice(topics[n]), f"{counts[n]:0{chance.randrange(4, 90)}}")
                    burst.append(data)
                    counts[n] += 1
                    written[n] += len(data)
            publishers[n].say(*burst)
        else:
            drain(n)
    for _ in range(200):
        for n in range(3):
            drain(n)
    numbers = [[(sender, int(body.strip(b'"'))) for sender, _event, body in events] for events in got]
    for n in range(3):
        assert [number for sender, number in numbers[0] if sender == f"s{n}"] == list(range(counts[n]))
        of_a = [number for sender, number in numbers[1] if sender == f"s{n}"]
        assert of_a == [int(body.strip(b'"')) for s, e, body in got[0] if (s, e) == (f"s{n}", "a")]
    assert [number for _sender, number in numbers[2]] == list(range(counts[1]))
    assert all(peer.link.state is State.UP for peer in (*publishers, *readers))


@pytest.mark.parametrize("how", ["it leaves", "its link is lost"])
def test_events_that_wait_for_a_reader_outlive_their_publisher(how: str) -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader", event_queue=1000, credit=1)
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "x" * 1000))
    publisher.say(event(topic, "1"), event(topic, "2"), event(topic, "3"))
    if how == "it leaves":
        publisher.say(control(Kind.BYE, 0, code="closing"))
    else:
        publisher.lose()
        server.tick(2.0)
    found = []
    for _ in range(8):
        found += reader.hear()
        reader.acknowledge()
    bodies = [body for kind, _id, body in found if kind == Kind.EVENT]
    assert bodies[1:] == [b'"1"', b'"2"', b'"3"']
    assert found[-1][0] == Kind.REMOVE_SENDER
    assert server.drops.counts() == {}


def test_who_is_gone_holds_up_nobody_and_loses_its_oldest_and_is_told() -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader", event_queue=100)
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "0"))
    reader.hear_events()
    reader.lose()
    for n in range(1, 21):
        publisher.say(event(topic, f"{n:02}"))
    publisher.hear()
    server.tick(0.1)
    publisher.hear()
    assert publisher.acks[-1][1] == (1 << 20) + 12 + 20 * 13  # it got all of its credit back
    reader.resume()
    gap, *events = [body for _sender, _event, body in reader.hear_events()]
    assert events == [f'"{n:02}"'.encode() for n in range(21 - len(events), 21)]
    assert gap == b'GAP {"count":%d,"cause":"overflow"}' % (20 - len(events))


def test_who_waits_for_a_reader_goes_on_when_that_reader_is_gone() -> None:
    server = Server()
    publisher, reader, other = server.connect("p"), server.connect("r", event_queue=100, credit=1), server.connect("o")
    reader.listen(1)
    other.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "x" * 100))
    publisher.say(event(topic, "1"), event(topic, "2"))
    assert len(other.hear_events()) == 1
    reader.lose()  # it need not be gone for good
    assert [body for _sender, _event, body in other.hear_events()] == [b'"1"', b'"2"']


def test_a_full_process_of_the_server_s_own_holds_events_back_too() -> None:
    server = Server()
    server.local.hears = True
    publisher = server.connect()
    (topic,) = publisher.add_sender("thermo", ["reading"])
    server.local.is_full = True
    publisher.say(event(topic, "1"), event(topic, "2"))
    assert server.local.heard == []
    server.local.is_full = False
    server.hub.room_came()
    server.settle()
    assert server.local.heard == [("reading", b'"1"'), ("reading", b'"2"')]


def test_the_server_s_own_senders_are_told_once_a_turn_that_somebody_came_or_went() -> None:
    server = Server()
    server.hub.add_sender(SenderInfo("own", ("tick", "tock")), False, None, {})
    reader = server.connect()
    reader.say(control(Kind.LISTEN, 1, sender="own", event="tick"), control(Kind.LISTEN, 2, sender="own", event="tick"))
    assert server.local.changed == ["tick"]
    reader.listen(3, None, None)
    assert sorted(server.local.changed) == ["tick", "tick", "tock"]
    reader.listen(4, "other", "tick")
    assert len(server.local.changed) == 3
    reader.vanish()
    assert sorted(server.local.changed) == ["tick", "tick", "tick", "tock", "tock"]


# codecs


def test_a_run_is_put_into_another_codec_once_for_all_its_links() -> None:
    server = Server()
    publisher = server.connect("publisher")
    upper = [server.connect(f"upper{n}", codec="upper") for n in range(2)]
    plain = server.connect("plain")
    for reader in (*upper, plain):
        reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "one"), event(topic, "two"))
    first, second = map(waiting, upper)
    assert first[-1] is second[-1]
    for reader in upper:
        assert [body for _sender, _event, body in reader.hear_events()] == [b"ONE", b"TWO"]
    assert [body for _sender, _event, body in plain.hear_events()] == [b'"one"', b'"two"']


def test_meta_is_put_into_the_other_codec_with_the_data_or_left_out_with_it() -> None:
    server = Server()
    publisher, reader = server.connect("publisher", codec="upper"), server.connect("reader")
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(frame(Kind.EVENT_META, topic, join_meta(b"META", b"DATA")))
    publisher.say(frame(Kind.EVENT_META, topic, b"\0\0\0\xffno meta"))
    events = [body for kind, _id, body in reader.hear() if kind == Kind.EVENT_META]
    assert events == [join_meta(b'"meta"', b'"data"')]
    assert server.drops.counts() == {"untranslatable": 1}


def test_what_another_codec_cannot_have_is_left_out_for_it_alone_and_counted() -> None:
    server = Server()
    publisher, upper, plain = server.connect("p"), server.connect("u", codec="upper"), server.connect("r")
    upper.listen(1)
    plain.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "a"), frame(Kind.EVENT, topic, b"5"), frame(Kind.EVENT, topic, b"{"), event(topic, "b"))
    gap = b'GAP {"count":1,"cause":"untranslatable"}'
    assert [body for _sender, _event, body in upper.hear_events()] == [b"A", gap, gap, b"B"]
    assert len(plain.hear_events()) == 4
    assert server.drops.counts() == {"untranslatable": 2}
    assert publisher.link.state is State.UP


def test_what_is_too_long_for_a_link_is_left_out_for_it_alone_and_counted() -> None:
    server = Server()
    publisher, small, large = server.connect("p"), server.connect("s", max_frame=512), server.connect("l")
    small.listen(1)
    large.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, "a"), event(topic, "x" * 511), event(topic, "x" * 510), event(topic, "b"))
    first, gap, longest, last = (body for _sender, _event, body in small.hear_events())
    assert (len(first), gap, len(longest), len(last)) == (3, b'GAP {"count":1,"cause":"too_large"}', 512, 3)
    assert len(large.hear_events()) == 4
    assert server.drops.counts() == {"untranslatable": 1}


# questions


def test_a_query_is_answered_in_pages() -> None:
    server = Server()
    holder, asker = server.connect("holder"), server.connect("asker", max_frame=2048)
    for n in range(60):
        holder.add_sender(f"sender{n:02}", ["reading"])
    names: list[str] = []
    pages, more = 0, True
    while more:
        asker.say(control(Kind.QUERY, 1, what="senders", after=names[-1] if names else ""))
        ((kind, _id, fields),) = asker.hear_fields()
        assert kind == Kind.OK
        names += [row["sender"] for row in fields["senders"]]
        pages, more = pages + 1, fields["more"]
    assert names == [f"sender{n:02}" for n in range(60)]
    assert pages > 5


def test_a_query_for_peers_skips_what_was_seen() -> None:
    server = Server()
    peers = [server.connect(f"peer{n}") for n in range(3)]
    peers[0].say(control(Kind.QUERY, 1, what="peers", skip=1))
    ((_kind, _id, fields),) = peers[0].hear_fields()
    assert fields == {"peers": [{"name": "peer1"}, {"name": "peer2"}], "more": False}


def test_a_query_that_makes_no_sense_is_refused() -> None:
    peer = Server().connect()
    peer.say(control(Kind.QUERY, 3, what="weather"))
    ((kind, id_, fields),) = peer.hear_fields()
    assert (kind, id_, fields["code"]) == (Kind.ERROR, 3, "request_failed")


def test_a_sender_that_fills_a_page_by_itself_comes_without_what_it_declares() -> None:
    server = Server()
    holder, asker = server.connect("holder"), server.connect("asker", max_frame=512)
    holder.add_sender("thermo", [f"event{n}" for n in range(100)])
    asker.say(control(Kind.QUERY, 1, what="senders"))
    ((_kind, _id, fields),) = asker.hear_fields()
    assert fields == {"senders": [{"sender": "thermo", "connected": True, "peer": {"name": "holder"}}], "more": False}
