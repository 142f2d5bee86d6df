# SPDX-License-Identifier: MIT
"""Requests on their way to a device: one at a time. No input and output, no clock."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from ._happenings import Event, Happening, NoReply, Oddity, Reply, Send
from ._reading import matched
from ._values import Types

MAX_WAITING = 64
"""How many requests may wait for the device."""

_SHOWN_CHARS = 60

_TYPES = Types({})


@dataclass(slots=True)
class Question:
    """Something to send, and what to do with the reply.

    Attributes:
        text: What is sent.
        data: The same as bytes.
        reply: What is found in the line that is the reply; ``None`` where there will be none.
        error: What is found in it where the device refuses.
        timeout_s: How long that may take.
        number: For whom the reply is; ``None`` for nobody, or nobody any more.
        event: The event that the reply becomes; ``None`` for none.
    """

    text: str
    data: bytes
    reply: re.Pattern[str] | None = None
    error: re.Pattern[str] | None = None
    timeout_s: float = 0.0
    number: int | None = None
    event: str | None = None

    def is_ended_by(self, line: str) -> bool:
        """Whether a line is a reply, be it an error."""
        return any(pattern is not None and pattern.search(line) for pattern in (self.reply, self.error))


class Questions:
    """Sends one question after the other, and finds its reply among the lines.

    While a question waits for its reply, the first line in which its pattern is found is the reply. After its time
    nothing is sent for a while more, or until the reply has come and was dropped: it must not be taken for that to the
    next question, nor for an event.

    Args:
        gap_s: How long the device is left in peace after each.
        late_s: How long a reply may be late; ``None`` for as long as it had time.
        types: For the named groups of replies.

    Attributes:
        may_send: Whether the line takes more bytes at the moment.
    """

    def __init__(self, gap_s: float, types: Types = _TYPES, late_s: float | None = None) -> None:
        self.may_send = True
        self._gap_s = gap_s
        self._late_s = late_s
        self._types = types
        self._waiting: deque[Question] = deque()
        self._asked: Question | None = None
        self._asked_until_s = 0.0
        self._free_at_s = 0.0
        self._late: Question | None = None  # what may still have its reply, too late
        self._unechoed: str | None = None  # what was sent last
        self._seen = ""  # the last line that came instead of the reply

    @property
    def is_full(self) -> bool:
        """Whether no more may be put."""
        return len(self._waiting) >= MAX_WAITING

    def is_echo(self, line: str) -> bool:
        """Whether a line is what was sent last, sent back; each comes back once."""
        if self._unechoed is None or line.strip() != self._unechoed.strip():
            return False
        self._unechoed = None
        return True

    def has(self, question: Question) -> bool:
        """Whether a question was put and has not had its result."""
        return question is self._asked or any(question is waiting for waiting in self._waiting)

    def put(self, question: Question) -> None:
        """Have a question sent when its turn comes."""
        self._waiting.append(question)

    def cancel(self, number: int) -> None:
        """Nobody waits for that reply any more. If it was sent, it keeps its turn, so that no other gets its reply."""
        self._waiting = deque(question for question in self._waiting if question.number != number)
        if self._asked is not None and self._asked.number == number:
            self._asked.number = None

    def advance(self, now_s: float) -> list[Happening]:
        """Give up what is overdue, and send what is due."""
        out: list[Happening] = []
        if self._asked is not None and now_s >= self._asked_until_s:
            out += self._give_up(self._asked, now_s)
        while self._waiting and self._asked is None and self.may_send and now_s >= self._free_at_s:
            out += self._send(self._waiting.popleft(), now_s)
        return out

    @property
    def deadline_s(self) -> float | None:
        """When to advance again, if nothing else happens."""
        if self._asked is not None:
            return self._asked_until_s
        return self._free_at_s if self._waiting and self.may_send else None

    def take(self, line: str, now_s: float) -> list[Happening] | None:
        """Return what follows from a line that is a reply; ``None`` when it is none."""
        asked = self._asked
        if asked is None or asked.reply is None:
            return [] if self._is_late_reply(line, now_s) else None
        if asked.error is not None and asked.error.search(line) is not None:
            self._end(now_s)
            return self._failure(asked, "refused", f"the device replied {line[:_SHOWN_CHARS]!r}", line)
        match = asked.reply.search(line)
        if match is None:
            self._seen = line
            return None
        self._end(now_s)
        try:
            return self._result(asked, matched(match, self._types))
        except ValueError as error:
            return self._failure(asked, "bad_reply", f"its reply cannot be read: {error}", line)

    def drop_all(self, why: str) -> list[Happening]:
        """Forget everything, because the device is gone; whoever waits hears why."""
        out: list[Happening] = []
        for question in self._waiting:
            if question.number is not None:
                out.append(NoReply(question.number, "gone", f"{why}; the request was not sent"))
        if self._asked is not None and self._asked.number is not None:
            out.append(NoReply(self._asked.number, "gone", f"{why} before it replied to {self._asked.text!r}"))
        self._waiting.clear()
        self._asked = self._late = self._unechoed = None
        self._free_at_s = 0.0
        self.may_send = True
        return out

    def _send(self, question: Question, now_s: float) -> list[Happening]:
        self._late, self._unechoed = None, question.text
        out: list[Happening] = [Send(question.data)]
        if question.reply is not None:
            self._asked, self._asked_until_s, self._seen = question, now_s + question.timeout_s, ""
            return out
        self._free_at_s = now_s + self._gap_s
        return [*out, *self._result(question, None)]

    def _end(self, now_s: float) -> None:
        self._asked = None
        self._free_at_s = now_s + self._gap_s

    def _give_up(self, asked: Question, now_s: float) -> list[Happening]:
        self._end(now_s)
        self._late = asked
        late_s = asked.timeout_s if self._late_s is None else self._late_s
        self._free_at_s = max(self._free_at_s, now_s + late_s)
        wanted = "" if asked.reply is None else f" that matches {asked.reply.pattern!r}"
        seen = f"the last line was {self._seen[:_SHOWN_CHARS]!r}" if self._seen else "no other line came"
        text = f"the device sent no reply{wanted} within {asked.timeout_s:g} s; {seen}"
        return self._failure(asked, "silent", text, "")

    def _is_late_reply(self, line: str, now_s: float) -> bool:
        if self._late is None or not self._late.is_ended_by(line):
            return False
        self._late = None
        self._end(now_s)
        return True

    def _failure(
        self, asked: Question, why: Literal["silent", "bad_reply", "refused"], text: str, line: str
    ) -> list[Happening]:
        text = f"sent {asked.text!r}: {text}"
        told: list[Happening] = [] if asked.number is None else [NoReply(asked.number, why, text)]
        kind = "refused" if why == "refused" else "unanswered"
        return [*told, Oddity(kind, text, line[:_SHOWN_CHARS])]

    def _result(self, question: Question, result: Any) -> list[Happening]:
        if question.event is not None:
            return [Event(question.event, result)]
        return [] if question.number is None else [Reply(question.number, result)]
