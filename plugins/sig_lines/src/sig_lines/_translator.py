# SPDX-License-Identifier: MIT
"""A device's own text protocol, to events and replies. No input and output; time comes in as an argument.

Theory of operation: bytes become lines (``_splitting``). A line is looked at in this order: is it what is left of a
line that was under way when the port was opened, is it too long, is it text, is its checksum right, is it an echo, is
it the reply to the question that is open (``_questions``); what is left is read as an event (``_reading``). Whatever is
wrong with a line is an ``Oddity``, and the next line is as good as any. Questions go out one at a time, the polls among
them, which are questions that ask themselves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ._checksum import nmea_payload
from ._description import UNMATCHED, Description
from ._happenings import Event, Happening, Oddity, Send
from ._questions import Question, Questions
from ._splitting import LineSplitter
from ._tables import PollSpec, RequestSpec, types_of
from ._values import Types

_QUIET_S = 0.1
"""Silence after which the first byte begins a line: at 9600 baud a line of 80 characters takes less."""

_SHOWN_CHARS = 60


class Translator:
    """Translates between one device and one sender.

    Args:
        description: What the device is like.

    Attributes:
        counters: Bytes and lines received (``bytes``, ``lines``), and oddities by their kind.
    """

    def __init__(self, description: Description) -> None:
        self.counters: Counter[str] = Counter()
        self._description = description
        self._read = description.read
        self._encoding = description.options.encoding
        self._max_bytes = description.options.max_line
        self._is_nmea = description.options.checksum == "nmea"
        self._splitter = LineSplitter(description.options.newline, self._max_bytes)
        types = Types(types_of(description.options.types or {}))
        self._questions = Questions(description.options.gap, types, description.options.late)
        self._pause_s = description.options.pause
        self._heard_s = 0.0
        self._next_number = 0
        self._polls: list[_Poll] = []
        self._opened_s = 0.0
        self._is_fresh = False  # whether nothing was received or sent since the device appeared
        self._skips = False  # whether the next line is only the end of one

    def appeared(self, now_s: float) -> list[Happening]:
        """The device is there: greet it, and begin to poll."""
        self._opened_s = now_s
        self._is_fresh = self._description.skips_first
        self._polls = [_Poll(spec, now_s) for spec in self._description.polls]
        for text in self._description.hello:
            self._questions.put(self._question(text))
        return self.advance(now_s)

    def left(self, why: str) -> list[Happening]:
        """The device is gone: forget all but the counters."""
        last = self._splitter.flush()
        out = self._take(last, self._heard_s) if last and self._pause_s else []
        self._polls = []
        self._skips = False
        return out + self._questions.drop_all(why)

    def receive(self, data: bytes, now_s: float) -> list[Happening]:
        """Take bytes from the device."""
        self.counters["bytes"] += len(data)
        if self._is_fresh:
            self._is_fresh = False
            self._skips = now_s - self._opened_s < _QUIET_S
        out = self._take_unfinished(now_s)
        self._heard_s = now_s
        if self._skips:
            data = self._after_the_first(data)
        for line in self._splitter.receive(data):
            out += self._take(line, now_s)
        return out + self.advance(now_s)

    def ask(self, method: str, params: Any) -> int:
        """Have a request made in its turn, by the next ``advance``; return the number that its result has.

        Raises:
            ValueError: The parameters do not fit.
            OverflowError: Too many requests wait for the device.
        """
        spec = self._description.requests[method]
        if self._questions.is_full:
            raise OverflowError("too many requests wait for the device; it answers one at a time")
        question = self._question(spec.template.fill(params), spec)
        question.number = self._next_number = self._next_number + 1
        self._questions.put(question)
        return question.number

    def cancel(self, number: int) -> None:
        """Nobody waits for the result of a request any more."""
        self._questions.cancel(number)

    def hold(self) -> None:
        """The line takes no more bytes for now."""
        self._questions.may_send = False

    def go_on(self, now_s: float) -> list[Happening]:
        """The line takes bytes again."""
        self._questions.may_send = True
        return self.advance(now_s)

    def advance(self, now_s: float) -> list[Happening]:
        """Do what is due by the clock."""
        out = self._take_unfinished(now_s)
        done = self._questions.advance(now_s)
        due = [poll for poll in self._polls if now_s >= poll.due_s]
        for poll in due:
            self._put_poll(poll, now_s)
        return out + self._noted(done + self._questions.advance(now_s) if due else done)

    @property
    def deadline_s(self) -> float | None:
        """When to call ``advance`` again, if nothing else happens."""
        dues = [poll.due_s for poll in self._polls]
        if self._pause_s and (self._skips or self._splitter.has_unfinished):
            dues.append(self._heard_s + self._pause_s)
        if (due_s := self._questions.deadline_s) is not None:
            dues.append(due_s)
        return min(dues, default=None)

    def _take_unfinished(self, now_s: float) -> list[Happening]:
        """Take a line that nothing ended but silence."""
        if not self._pause_s or now_s < self._heard_s + self._pause_s:
            return []
        self._skips = False
        line = self._splitter.flush()
        return self._take(line, now_s) if line else []

    def _put_poll(self, poll: _Poll, now_s: float) -> None:
        """Ask again, unless the last time is not over yet."""
        poll.due_s = max(poll.due_s + poll.spec.every_s, now_s)  # what was missed is not made up for
        if poll.question is None or not self._questions.has(poll.question):
            poll.question = self._question(poll.spec.text, poll.spec.request)
            poll.question.event = poll.spec.event
            self._questions.put(poll.question)

    def _noted(self, happenings: list[Happening]) -> list[Happening]:
        """Take down what is odd, and that something was sent."""
        for happening in happenings:
            if isinstance(happening, Oddity):
                self.counters[happening.kind] += 1
            elif isinstance(happening, Send):
                self._is_fresh = False  # what comes first is the reply
        return happenings

    def _question(self, text: str, spec: RequestSpec | None = None) -> Question:
        text = self._description.with_ending(text)
        try:
            data = text.encode(self._encoding)
        except UnicodeEncodeError:
            raise ValueError(f"{text!r} cannot be written in {self._encoding}") from None
        return Question(text, data) if spec is None else Question(text, data, spec.reply, spec.error, spec.timeout_s)

    def _after_the_first(self, data: bytes) -> bytes:
        """Return what stands behind the first end of a line."""
        at = min((at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0), default=None)
        if at is None:
            return b""
        self._skips = False
        return data[at + 1 :]

    def _take(self, line: bytes, now_s: float) -> list[Happening]:
        self.counters["lines"] += 1
        if len(line) > self._max_bytes:
            start = line[:_SHOWN_CHARS].decode(self._encoding, "backslashreplace")
            return self._odd("overlong", f"it is longer than {self._max_bytes} bytes (max_line)", start)
        try:
            text = line.decode(self._encoding)
        except UnicodeDecodeError as error:
            shown = line.decode(self._encoding, "backslashreplace")
            return self._odd(
                "undecodable", f"it is no {self._encoding}: {error.reason}; is the baud rate right?", shown
            )
        try:
            return self._take_text(text, now_s)
        except (ValueError, RecursionError) as error:
            return self._odd("unmatched", str(error), text)

    def _take_text(self, text: str, now_s: float) -> list[Happening]:
        if self._description.options.echo and self._questions.is_echo(text):
            return []
        if self._is_nmea:
            text = nmea_payload(text)
        reply = self._questions.take(text, now_s)
        if reply is not None:
            return self._noted(reply)
        name, data = self._read(text)
        return [Event(name, data)]

    def _odd(self, kind: str, why: str, line: str) -> list[Happening]:
        self.counters[kind] += 1
        oddity = Oddity(kind, why, line)
        if self._description.options.unmatched == "event":
            return [oddity, Event(UNMATCHED, line)]
        return [oddity]


@dataclass(slots=True)
class _Poll:
    """A poll of the present time that the device is there.

    Attributes:
        spec: What is asked.
        due_s: When.
        question: The last one that was put.
    """

    spec: PollSpec
    due_s: float
    question: Question | None = None
