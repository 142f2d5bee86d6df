# SPDX-License-Identifier: MIT
"""The translation between a device's bytes and events and replies, without a device or a clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_lines import LinesOptions
from sig_lines._description import describe
from sig_lines._happenings import Event, Happening, NoReply, Oddity, Reply, Send
from sig_lines._questions import MAX_WAITING
from sig_lines._translator import Translator

METER = {
    "volt": {"send": "VOLT?", "reply": "^[-+0-9.E]+$", "timeout": "2s"},
    "set": "SET {n}",
    "who": {"send": "*IDN?", "reply": "^(?P<maker>[^,]+),(?P<model>[^,]+)"},
}


def translator(*, skips_first: bool = False, **options: Any) -> Translator:
    return Translator(describe(LinesOptions(**options), skips_first=skips_first))


def there(*, skips_first: bool = False, **options: Any) -> Translator:
    """Return the translator of a device that appeared at 0 s, a greeting apart."""
    found = translator(skips_first=skips_first, **options)
    found.appeared(0.0)
    return found


def ask(device: Translator, method: str, params: Any = None, now_s: float = 0.0) -> tuple[int, list[Happening]]:
    number = device.ask(method, params)
    return number, device.advance(now_s)


# events


def test_lines_become_events_in_their_order() -> None:
    device = there(parse="keyvalue", event="reading")
    assert device.receive(b"t=1\r\nt=", 0.0) == [Event("reading", {"t": 1})]
    assert device.receive(b"2\r\n", 0.0) == [Event("reading", {"t": 2})]
    assert device.counters == {"bytes": 10, "lines": 2}


def test_a_wrong_line_is_counted_and_shown_and_the_next_one_is_good() -> None:
    device = there(parse="json")
    odd, good = device.receive(b"{oops\n1\n", 0.0)
    assert isinstance(odd, Oddity)
    assert (odd.kind, odd.line, good) == ("unmatched", "{oops", Event("line", 1))
    assert device.counters == {"bytes": 8, "lines": 2, "unmatched": 1}


def test_a_line_that_is_no_text_or_too_long_is_odd() -> None:
    device = there(max_line=64)
    kinds = [odd.kind for odd in device.receive(b"\xff\xfe\n" + b"x" * 65 + b"\n", 0.0) if isinstance(odd, Oddity)]
    assert kinds == ["undecodable", "overlong"]


def test_a_line_without_an_end_is_told_before_it_ends() -> None:
    (odd,) = there(max_line=64, newline="crlf").receive(b"t=1\n" * 100, 0.0)
    assert isinstance(odd, Oddity)
    assert odd.kind == "overlong"


def test_silence_ends_a_line_where_that_is_asked_for() -> None:
    device = there(pause=0.05)
    assert device.receive(b"1", 1.0) == []
    assert device.deadline_s == pytest.approx(1.05)
    assert device.advance(1.05) == [Event("line", "1")]
    assert device.deadline_s is None
    device.receive(b"> ", 2.0)
    assert device.receive(b"login\n", 3.0) == [Event("line", "> "), Event("line", "login")]


def test_the_last_line_of_a_device_needs_no_end_where_silence_would_end_it() -> None:
    device = there(pause=0.05)
    device.receive(b"21.5", 1.0)
    assert device.left("it closed the connection") == [Event("line", "21.5")]


def test_a_prompt_may_be_a_reply() -> None:
    device = there(requests={"sms": {"send": "AT+CMGS=1", "reply": "^>"}}, pause=0.05)
    number, _ = ask(device, "sms", now_s=1.0)
    device.receive(b"\r\n> ", 1.1)
    assert device.advance(1.2) == [Reply(number, ">")]


def test_unmatched_lines_are_events_where_that_is_asked_for() -> None:
    device = there(pattern="^T=(.+)", unmatched="event")
    assert [each for each in device.receive(b"boot v1\n", 0.0) if isinstance(each, Event)] == [
        Event("unmatched", "boot v1")
    ]


def test_checksums_are_taken_away_once_they_are_right() -> None:
    device = there(checksum="nmea")
    good = b"$GPGLL,5057.970,N,00146.110,E,142451,A*27\r\n"
    assert device.receive(good, 0.0) == [Event("line", "$GPGLL,5057.970,N,00146.110,E,142451,A")]
    assert isinstance(device.receive(good.replace(b"A*", b"V*"), 0.0)[0], Oddity)


def test_the_rest_of_a_line_that_was_under_way_is_dropped() -> None:
    device = there(skips_first=True)
    assert device.receive(b"1.5", 0.05) == []
    assert device.receive(b"\r\n", 0.2) == []
    assert device.receive(b"21.5\r\n", 0.3) == [Event("line", "21.5")]


def test_a_line_that_begins_after_silence_is_whole() -> None:
    device = there(skips_first=True)
    assert device.receive(b"21.5\r\n", 0.2) == [Event("line", "21.5")]


def test_what_comes_first_after_a_greeting_is_whole() -> None:
    device = there(skips_first=True, hello="*IDN?")
    assert device.receive(b"Acme\n", 0.01) == [Event("line", "Acme")]


def test_a_device_that_comes_back_begins_with_a_new_line() -> None:
    device = there()
    device.receive(b"half of a li", 0.0)
    device.left("unplugged")
    device.appeared(1.0)
    assert device.receive(b"whole\n", 1.5) == [Event("line", "whole")]


# requests


def test_a_request_is_sent_and_its_reply_is_its_result() -> None:
    device = there(requests=METER)
    number, out = ask(device, "volt")
    assert out == [Send(b"VOLT?\n")]
    assert device.receive(b"+1.5E+00\n", 0.1) == [Reply(number, 1.5)]


def test_other_lines_stay_events_while_a_request_waits() -> None:
    device = there(requests=METER)
    number, _ = ask(device, "volt")
    assert device.receive(b"beep\n+2\nbeep\n", 0.1) == [Event("line", "beep"), Reply(number, 2), Event("line", "beep")]


def test_named_groups_of_a_reply_are_its_result_by_name() -> None:
    device = there(requests=METER)
    number, _ = ask(device, "who")
    assert device.receive(b"Acme,M1,0\n", 0.1) == [Reply(number, {"maker": "Acme", "model": "M1"})]


def test_a_request_without_a_reply_has_its_result_once_it_is_sent() -> None:
    device = there(requests=METER, ending="cr")
    number, out = ask(device, "set", {"n": 3})
    assert out == [Send(b"SET 3\r"), Reply(number, None)]


def test_requests_go_out_one_at_a_time() -> None:
    device = there(requests=METER)
    first, _ = ask(device, "volt")
    second, out = ask(device, "volt")
    assert out == []
    assert device.receive(b"1\n", 0.1) == [Reply(first, 1), Send(b"VOLT?\n")]
    assert device.receive(b"2\n", 0.2) == [Reply(second, 2)]


def test_the_device_is_left_in_peace_after_each_request() -> None:
    device = there(requests=METER, gap=0.5)
    ask(device, "set", {"n": 1}, 1.0)
    number, out = ask(device, "set", {"n": 2}, 1.1)
    assert (out, device.deadline_s) == ([], 1.5)
    assert device.advance(1.5) == [Send(b"SET 2\n"), Reply(number, None)]


def test_a_reply_that_does_not_come_in_time_is_told_with_what_came_instead() -> None:
    device = there(requests=METER)
    number, _ = ask(device, "volt", now_s=1.0)
    device.receive(b"ERR 4\n", 1.5)
    assert device.deadline_s == 3.0
    failure, odd = device.advance(3.0)
    assert isinstance(failure, NoReply)
    assert isinstance(odd, Oddity)
    assert (failure.number, failure.why, odd.kind) == (number, "silent", "unanswered")
    assert "VOLT?" in failure.text
    assert "within 2 s; the last line was 'ERR 4'" in failure.text


def test_a_reply_that_comes_late_is_no_event() -> None:
    device = there(requests=METER)
    ask(device, "volt")
    device.advance(2.0)
    assert device.receive(b"1\n2\n", 2.1) == [Event("line", "2")]


@pytest.mark.parametrize(("late", "sent_s"), [(None, 4.0), (0.5, 2.5), (0.0, 2.0)])
def test_after_a_time_out_the_next_request_waits_for_a_reply_that_may_be_late(
    late: float | None, sent_s: float
) -> None:
    device = there(requests=METER, late=late)
    ask(device, "volt")
    ask(device, "volt")
    device.advance(2.0) if sent_s > 2.0 else None
    assert device.advance(sent_s - 0.001) == []
    assert Send(b"VOLT?\n") in device.advance(sent_s)


def test_a_reply_that_comes_late_is_not_taken_for_the_next_one() -> None:
    device = there(requests=METER)
    ask(device, "volt")
    second, _ = ask(device, "volt")
    device.advance(2.0)
    assert device.receive(b"1\n", 2.1) == [Send(b"VOLT?\n")]
    assert device.receive(b"2\n", 2.2) == [Reply(second, 2)]


def test_a_device_that_refuses_is_told_at_once_with_its_own_words() -> None:
    device = there(requests={"signal": {"send": "AT+CSQ", "reply": r"^\+CSQ: (\d+)", "error": "ERROR"}}, ending="cr")
    number, _ = ask(device, "signal")
    failure, odd = device.receive(b"\r\n+CME ERROR: 10\r\n", 0.1)
    assert isinstance(failure, NoReply)
    assert isinstance(odd, Oddity)
    assert (failure.number, failure.why, odd.kind) == (number, "refused", "refused")
    assert failure.text == "sent 'AT+CSQ\\r': the device replied '+CME ERROR: 10'"
    assert device.counters["refused"] == 1


def test_a_refusal_that_comes_late_is_not_taken_for_the_next_one() -> None:
    device = there(requests={"go": {"send": "GO", "reply": "^ok", "error": "^Error"}})
    ask(device, "go")
    ask(device, "go")
    device.advance(2.0)
    assert device.receive(b"Error: hot\n", 2.1) == [Send(b"GO\n")]


def test_a_request_that_is_given_up_keeps_its_reply_from_the_next() -> None:
    device = there(requests=METER)
    first, _ = ask(device, "volt")
    device.cancel(first)
    second, out = ask(device, "volt")
    assert out == []
    assert device.receive(b"1\n", 0.1) == [Send(b"VOLT?\n")]
    assert device.receive(b"2\n", 0.2) == [Reply(second, 2)]


def test_a_request_that_is_given_up_before_its_turn_is_not_sent() -> None:
    device = there(requests=METER)
    first, _ = ask(device, "volt")
    second, _ = ask(device, "set", {"n": 1})
    device.cancel(second)
    assert device.receive(b"1\n", 0.1) == [Reply(first, 1)]


def test_an_echo_is_neither_a_reply_nor_an_event() -> None:
    device = there(requests={"ask": {"send": "ASK", "reply": "(.*)"}}, echo=True)
    number, _ = ask(device, "ask")
    assert device.receive(b"ASK\r\nyes\r\n", 0.1) == [Reply(number, "yes")]


def test_an_echo_needs_no_checksum() -> None:
    device = there(requests=METER, echo=True, checksum="nmea")
    ask(device, "set", {"n": 1})
    assert device.receive(b"SET 1\r\n", 0.1) == []


def test_each_echo_is_dropped_once() -> None:
    device = there(requests=METER, echo=True)
    ask(device, "set", {"n": 1})
    assert device.receive(b"SET 1\r\nSET 1\r\n", 0.1) == [Event("line", "SET 1")]


def test_a_reply_that_cannot_be_read_is_told() -> None:
    device = there(requests={"get": {"send": "GET", "reply": "t=(?P<t>.*)"}}, types={"t": "number"})
    number, _ = ask(device, "get")
    failure, odd = device.receive(b"t=warm\n", 0.1)
    assert isinstance(failure, NoReply)
    assert isinstance(odd, Oddity)
    assert (failure.number, failure.why, odd.line) == (number, "bad_reply", "t=warm")
    assert "t: 'warm' is no number" in failure.text


def test_whoever_waits_hears_that_the_device_is_gone_and_whether_it_was_asked() -> None:
    device = there(requests=METER)
    asked, _ = ask(device, "volt")
    waiting, _ = ask(device, "volt")
    told = {each.number: each.text for each in device.left("it was unplugged") if isinstance(each, NoReply)}
    assert "not sent" in told[waiting]
    assert "before it replied to 'VOLT?" in told[asked]
    assert device.deadline_s is None


def test_no_more_requests_may_wait_than_a_device_can_answer_soon() -> None:
    device = there(requests=METER)
    ask(device, "volt")
    for _ in range(MAX_WAITING):
        device.ask("volt", None)
    with pytest.raises(OverflowError, match="too many"):
        device.ask("volt", None)


def test_a_digit_of_a_parameter_is_one_that_devices_know() -> None:
    device = there(requests={"go": {"send": "G{n}", "params": {"n": r"\d+"}}})
    assert Send(b"G28\n") in ask(device, "go", {"n": 28})[1]
    with pytest.raises(ValueError, match="may not be"):
        device.ask("go", {"n": "\u0662\u0668"})


def test_nothing_is_sent_while_the_line_takes_nothing() -> None:
    device = there(requests=METER)
    device.hold()
    number, out = ask(device, "set", {"n": 1})
    assert (out, device.deadline_s) == ([], None)
    assert device.go_on(1.0) == [Send(b"SET 1\n"), Reply(number, None)]


# greeting and polls


def test_a_device_is_greeted_each_time_it_appears() -> None:
    device = translator(hello='["RST", "OUT ON\\r"]')
    assert device.appeared(0.0) == [Send(b"RST\n"), Send(b"OUT ON\r")]
    device.left("unplugged")
    assert device.appeared(1.0) == [Send(b"RST\n"), Send(b"OUT ON\r")]


def test_the_reply_to_a_poll_is_an_event() -> None:
    device = translator(requests=METER, poll={"volt": "5s"})
    assert device.appeared(0.0) == [Send(b"VOLT?\n")]
    assert device.receive(b"1.5\n", 0.1) == [Event("volt", 1.5)]
    assert device.deadline_s == 5.0
    assert device.advance(5.0) == [Send(b"VOLT?\n")]


def test_a_poll_has_the_event_and_the_parameters_that_it_says() -> None:
    requests = {"get": {"send": "GET {n}", "reply": "(.*)"}}
    poll = {"first": {"request": "get", "every": 2, "params": {"n": 1}}}
    device = translator(requests=requests, poll=poll)
    assert device.appeared(0.0) == [Send(b"GET 1\n")]
    assert device.receive(b"x\n", 0.1) == [Event("first", "x")]


def test_a_poll_that_is_not_answered_is_odd_and_does_not_pile_up() -> None:
    device = there(requests=METER, poll={"volt": "500ms"})
    out = [each for step in range(1, 20) for each in device.advance(step / 10)]
    assert out == []
    (odd,) = device.advance(2.0)
    assert isinstance(odd, Oddity)
    assert device.advance(4.0) == [Send(b"VOLT?\n")]


# anything at all


@given(
    pieces=st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([b"1\n", b"VOLT?\r\n", b"$GP*00\r\n"]))),
    parse=st.sampled_from(
        [
            {"parse": "text"},
            {"parse": "json"},
            {"parse": "keyvalue"},
            {"parse": "csv", "columns": "a,b"},
            {"pattern": "(?P<a>[^ ]+) (?P<b>.*)", "types": {"a": "number"}},
            {"checksum": "nmea", "encoding": "latin-1"},
            {"encoding": "ascii", "unmatched": "event", "echo": True},
        ]
    ),
    newline=st.sampled_from(["any", "lf", "crlf", "cr"]),
)
def test_no_input_raises_and_cuts_do_not_matter(pieces: list[bytes], parse: dict[str, Any], newline: str) -> None:
    def happenings(data: list[bytes]) -> list[Happening]:
        device = there(requests=METER, poll={"volt": "5s"}, max_line=64, newline=newline, **parse)
        return [each for piece in data for each in device.receive(piece, 1.0)]

    assert happenings(pieces) == happenings([b"".join(pieces)])
