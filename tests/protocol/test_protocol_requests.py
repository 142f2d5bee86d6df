# SPDX-License-Identifier: MIT
"""Requests through a server: who may answer, once, in time, and what happens when somebody goes."""

from __future__ import annotations

import pytest

from sigcore.protocol.bodies import NO_TIMEOUT_MS, read_request, write_request
from sigcore.protocol.calls import Calls
from sigcore.protocol.frames import Kind, frame
from sigcore.protocol.link import State

from .loopback import JSON, RawPeer, Server, ServerProcess, control


def request(
    id_: int, sender: str = "valve", method: str = "turn", timeout_ms: int = 2000, params: bytes = b"1"
) -> bytes:
    return frame(Kind.REQUEST, id_, write_request(sender, method, "", timeout_ms, params))


def reply(call: int, result: bytes = b"2") -> bytes:
    return frame(Kind.REPLY, call, result)


@pytest.fixture(name="server")
def _server() -> Server:
    return Server()


@pytest.fixture(name="asker")
def _asker(server: Server) -> RawPeer:
    return server.connect("asker")


@pytest.fixture(name="holder")
def _holder(server: Server) -> RawPeer:
    holder = server.connect("holder")
    holder.add_sender("valve", requests=["turn"])
    return holder


def asked(holder: RawPeer) -> int:
    """Return the number of the one request that came."""
    ((kind, call, _body),) = holder.hear()
    assert kind == Kind.REQUEST
    return call


def error_of(peer: RawPeer) -> tuple[int, str]:
    """Return number and code of the one error that came."""
    ((kind, id_, fields),) = peer.hear_fields()
    assert kind == Kind.ERROR
    return id_, fields["code"]


def test_a_request_reaches_the_sender_s_link_and_its_reply_the_asker(asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(77, params=b'{"by":90}'))
    ((_kind, call, body),) = holder.hear()
    assert read_request(body) == ("valve", "turn", "asker", 2000, b'{"by":90}')
    holder.say(reply(call, b'"done"'))
    assert asker.hear() == [(Kind.REPLY, 77, b'"done"')]


def test_who_asks_is_stamped_by_the_server(asker: RawPeer, holder: RawPeer) -> None:
    asker.say(frame(Kind.REQUEST, 1, write_request("valve", "turn", "the king", 2000, b"1")))
    ((_kind, _call, body),) = holder.hear()
    assert read_request(body)[2] == "asker"


def test_a_long_name_of_who_asks_does_not_harm_who_is_asked(server: Server, holder: RawPeer) -> None:
    server.connect("é" * 300).say(request(1))
    ((_kind, _call, body),) = holder.hear()
    assert read_request(body)[2] == "é" * 127


def test_a_link_may_ask_its_own_sender(holder: RawPeer) -> None:
    holder.say(request(5))
    holder.say(reply(asked(holder)))
    assert holder.hear() == [(Kind.REPLY, 5, b"2")]


def test_an_error_is_passed_on_with_its_code(asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1))
    holder.say(control(Kind.ERROR, asked(holder), code="request_failed", message="ValueError: too far"))
    ((_kind, id_, fields),) = asker.hear_fields()
    assert (id_, fields) == (1, {"code": "request_failed", "message": "ValueError: too far"})


def test_an_error_that_says_much_is_cut_to_what_the_asker_takes(server: Server, holder: RawPeer) -> None:
    small = server.connect("small", max_frame=512)
    small.say(request(1))
    holder.say(control(Kind.ERROR, asked(holder), code="x" * 9000, message="\x00" * 9000))
    ((_kind, _id, body),) = small.hear()
    assert len(body) <= 512


def test_a_question_to_nobody_is_answered_at_once(asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1, sender="nobody"))
    assert error_of(asker) == (1, "sender_not_found")
    asker.say(request(1, method="explode"))
    assert error_of(asker) == (1, "method_not_found")
    assert holder.hear() == []


def test_a_fallback_answers_every_method(server: Server, asker: RawPeer) -> None:
    holder = server.connect("holder")
    holder.add_sender("valve", fallback=True)
    asker.say(request(1, method="whatever"))
    holder.say(reply(asked(holder)))
    assert asker.hear() == [(Kind.REPLY, 1, b"2")]


# spoofed, doubled, late


def test_a_reply_from_a_link_that_was_not_asked_is_ignored(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    forger = server.connect("forger")
    asker.say(request(1))
    call = asked(holder)
    for number in (call, 1):
        forger.say(reply(number, b'"forged"'), control(Kind.ERROR, number, code="busy"))
    asker.say(reply(call, b'"forged"'))
    assert asker.hear() == []
    holder.say(reply(call, b'"true"'))
    assert asker.hear() == [(Kind.REPLY, 1, b'"true"')]
    assert forger.link.state is State.UP
    assert server.drops.counts() == {"late_reply": 5}


def test_only_the_first_answer_counts(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1))
    call = asked(holder)
    holder.say(reply(call, b"1"), reply(call, b"2"), control(Kind.ERROR, call, code="busy"))
    assert asker.hear() == [(Kind.REPLY, 1, b"1")]
    assert server.drops.counts() == {"late_reply": 2}


def test_a_number_in_use_ends_the_link_and_can_be_used_again_afterwards(asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1))
    holder.say(reply(asked(holder)))
    asker.say(request(1))
    asker.say(request(1))
    assert asker.error_code == "malformed_body"


def test_a_request_expires_and_a_late_reply_is_ignored(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1, timeout_ms=500))
    call = asked(holder)
    assert server.hub.requests.deadline_s() == 100.5
    server.hub.requests.expire(100.49)
    assert asker.hear() == []
    server.hub.requests.expire(100.5)
    assert error_of(asker) == (1, "request_timeout")
    assert holder.hear() == [(Kind.CANCEL, call, b"")]
    holder.say(reply(call))
    assert asker.hear() == []
    assert server.hub.requests.deadline_s() is None


@pytest.mark.parametrize("is_written", [False, True])
def test_who_waited_too_long_is_told_whether_it_can_have_run(
    server: Server, asker: RawPeer, holder: RawPeer, is_written: bool
) -> None:
    asker.say(request(1, timeout_ms=500))
    if is_written:
        asked(holder)
    server.hub.requests.expire(100.5)
    ((_kind, _id, fields),) = asker.hear_fields()
    assert ("may have run" in fields["message"]) == is_written
    assert ("did not run" in fields["message"]) == (not is_written)
    assert "in time" not in fields["message"]  # whoever asked says that, with the time


def test_a_request_without_a_limit_does_not_expire(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1, timeout_ms=NO_TIMEOUT_MS))
    assert server.hub.requests.deadline_s() is None
    server.hub.requests.expire(1e12)
    holder.say(reply(asked(holder)))
    assert asker.hear() == [(Kind.REPLY, 1, b"2")]


def test_requests_expire_in_the_order_of_their_deadlines(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    for id_, timeout_ms in enumerate([900, 100, 500, 0]):
        asker.say(request(id_, timeout_ms=timeout_ms))
    expired = []
    while (due := server.hub.requests.deadline_s()) is not None:
        server.hub.requests.expire(due)
        expired += [(due, id_) for _kind, id_, _body in asker.hear()]
    assert expired == [(100.0, 3), (100.1, 1), (100.5, 2), (100.9, 0)]


def test_a_cancelled_request_leaves_nothing_behind(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1))
    call = asked(holder)
    asker.say(frame(Kind.CANCEL, 1), frame(Kind.CANCEL, 1), frame(Kind.CANCEL, 9))
    assert holder.hear() == [(Kind.CANCEL, call, b"")]
    holder.say(reply(call))
    assert asker.hear() == []
    asker.say(request(1))
    holder.say(reply(asked(holder)))
    assert asker.hear() == [(Kind.REPLY, 1, b"2")]


def test_nobody_can_cancel_what_another_asked(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1))
    call = asked(holder)
    server.connect("other").say(frame(Kind.CANCEL, 1), frame(Kind.CANCEL, call))
    holder.say(frame(Kind.CANCEL, call))
    assert holder.hear() == []
    holder.say(reply(call))
    assert asker.hear() == [(Kind.REPLY, 1, b"2")]


# somebody goes


@pytest.mark.parametrize("how", ["removed", "lost", "ended"])
def test_who_waits_is_told_at_once_that_the_sender_is_gone(
    server: Server, asker: RawPeer, holder: RawPeer, how: str
) -> None:
    asker.say(request(1, timeout_ms=5000), request(2, timeout_ms=5000))
    assert len(holder.hear()) == 2
    if how == "removed":
        holder.say(control(Kind.REMOVE_SENDER, 0, sender="valve"))
    elif how == "lost":
        holder.lose()
        assert asker.hear() == []  # it may come back
        server.tick(2.0)
    else:
        holder.say(control(Kind.BYE, 0, code="closing"))
    assert [(id_, fields["code"]) for _kind, id_, fields in asker.hear_fields()] == [
        (1, "sender_lost"),
        (2, "sender_lost"),
    ]


def test_the_sender_is_told_when_who_asked_is_gone(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    asker.say(request(1))
    call = asked(holder)
    asker.lose()
    assert holder.hear() == []  # it may come back
    asker.session.end()
    server.settle()
    assert holder.hear() == [(Kind.CANCEL, call, b"")]
    holder.say(reply(call))
    assert server.drops.counts()["late_reply"] == 1


# limits


@pytest.mark.parametrize("who", ["asker", "holder"])
def test_so_many_requests_may_be_open_and_no_more(server: Server, who: str) -> None:
    asker = server.connect("asker", max_requests=3 if who == "asker" else 100)
    holder = server.connect("holder", max_requests=3 if who == "holder" else 100)
    holder.add_sender("valve", requests=["turn"])
    asker.say(*map(request, range(4)))
    assert error_of(asker) == (3, "busy")
    first, _second, _third = (call for _kind, call, _body in holder.hear())
    holder.say(reply(first))
    assert asker.hear() == [(Kind.REPLY, 0, b"2")]
    asker.say(request(4))
    asked(holder)


def test_replies_for_an_asker_that_does_not_read_are_bounded_and_its_link_stays(
    server: Server, holder: RawPeer
) -> None:
    asker = server.connect("asker", event_queue=10_000, control_queue=5_000)
    asker.say(*map(request, range(20)))
    for _kind, call, _body in holder.hear():
        holder.say(reply(call, bytes(2_000)))
    assert asker.link.state is State.UP
    answers = asker.hear()
    assert [kind for kind, _id, _body in answers] == [Kind.REPLY] * 5 + [Kind.ERROR] * 15
    assert b"request_failed" in answers[-1][2]
    assert server.drops.counts() == {"reply": 15}


def test_the_list_of_deadlines_does_not_grow_with_requests_that_were_answered() -> None:
    calls, asker, answerer = Calls(), ServerProcess(), ServerProcess()
    for n in range(10_000):
        calls.close(calls.open(asker, n, answerer, "valve", "turn", 1e9 + n))
    assert len(calls) == 0
    assert len(calls._deadlines) < 100


def test_request_numbers_come_round() -> None:
    calls, asker, answerer = Calls(), ServerProcess(), ServerProcess()
    for count in (2**32 - 2, 2**32 - 1, 2**32, 2**33 - 2):
        calls._ids = iter(range(count, count + 4))  # type: ignore[assignment]  # so that nobody has to count so far
        for _ in range(4):
            call = calls.open(asker, 1, answerer, "valve", "turn", None)
            assert 1 <= call.call_id <= 0xFFFF_FFFF
            calls.close(call)


# codecs and sizes


def test_parameters_and_result_are_put_into_the_codec_of_the_other_link(server: Server) -> None:
    asker, holder = server.connect("asker", codec="upper"), server.connect("holder")
    holder.add_sender("valve", requests=["turn"])
    asker.say(request(1, params=b"OPEN"))
    ((_kind, call, body),) = holder.hear()
    assert read_request(body)[4] == b'"open"'
    holder.say(reply(call, b'"done"'))
    assert asker.hear() == [(Kind.REPLY, 1, b"DONE")]


@pytest.mark.parametrize("params", [b"5", b"{", b"\xff"])
def test_parameters_that_the_other_codec_cannot_have_are_the_asker_s_error(server: Server, params: bytes) -> None:
    asker, holder = server.connect("asker"), server.connect("holder", codec="upper")
    holder.add_sender("valve", requests=["turn"])
    asker.say(request(1, params=params))
    assert error_of(asker) == (1, "codec_error")
    assert holder.hear() == []


def test_a_result_that_the_other_codec_cannot_have_is_told_to_the_asker(server: Server) -> None:
    asker, holder = server.connect("asker", codec="upper"), server.connect("holder")
    holder.add_sender("valve", requests=["turn"])
    asker.say(request(1, params=b"OPEN"))
    holder.say(reply(asked(holder), b"[1,2]"))
    assert error_of(asker) == (1, "request_failed")  # it ran
    assert holder.link.state is State.UP


def test_what_is_too_long_for_the_other_link_is_told_to_the_asker(server: Server) -> None:
    small, large = server.connect("small", max_frame=512), server.connect("large")
    small.add_sender("valve", requests=["turn"])
    large.add_sender("store", requests=["read"])
    large.say(request(1, params=b"1" * 600))
    assert error_of(large) == (1, "codec_error")
    small.say(request(2, sender="store", method="read"))
    large.say(reply(asked(large), b"1" * 600))
    assert error_of(small) == (2, "request_failed")  # it ran


# the server's own process


def test_the_server_s_own_process_asks_and_answers_like_a_link(server: Server, asker: RawPeer, holder: RawPeer) -> None:
    server.hub.requests.request(server.local, 9, "valve", "turn", 2000, JSON, b"1", None)
    ((_kind, call, body),) = holder.hear()
    assert read_request(body)[2] == "hall"
    holder.say(reply(call, b'"done"'))
    assert server.local.answers == {9: b'"done"'}

    from sigcore._info import SenderInfo

    server.hub.add_sender(SenderInfo("own", requests=("read",)), False, None, {})
    asker.say(request(3, sender="own", method="read"), request(4, sender="own", method="read"))
    (first, *_), (second, *_) = server.local.asked
    server.hub.requests.reply(server.local, first, JSON, b"42")
    server.hub.requests.refuse(server.local, second, "request_failed", "no")
    assert [(kind, id_) for kind, id_, _body in asker.hear()] == [(Kind.REPLY, 3), (Kind.ERROR, 4)]


@pytest.mark.parametrize(
    "body", [b"", b"\0\0\0", b"\0\0\0\5\xff", b"\0\0\0\5\1a\1b", b"\0\0\0\5\0\1b\0", b"\0\0\0\5\1\xff\1b\0"]
)
def test_a_request_without_its_head_ends_the_link(asker: RawPeer, body: bytes) -> None:
    asker.say(frame(Kind.REQUEST, 1, body))
    assert asker.error_code in ("malformed_body", "invalid_name")
