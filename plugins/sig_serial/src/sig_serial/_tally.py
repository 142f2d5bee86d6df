# SPDX-License-Identifier: MIT
"""Reckons which way probes were lost, from the counters that each reply brings back.

The line keeps the order, and the other side counts the packets that reached it. So between two replies, the probes that
were sent, those that were counted there, and those that were answered tell how many were lost there and how many on
the way back. A counter that runs backwards says that the other side began anew in between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ._quality import Leg


@dataclass(slots=True)
class _Stretch:
    """The replies of one start of the other side: the first, the last, and how many came after the first."""

    first: tuple[int, int, int]
    last: tuple[int, int, int]
    answered: int = 0

    @property
    def sent(self) -> int:
        return self.last[0] - self.first[0]

    @property
    def arrived(self) -> int:
        return min(self.last[1] - self.first[1], self.sent)

    @property
    def damaged(self) -> int:
        return self.last[2] - self.first[2]


class Tally:
    """Counts replies.

    Attributes:
        answered: All of them.
        away: Probes that were sent between the last reply before the other side began anew and the first after it.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.away = 0
        self._stretches: list[_Stretch] = []
        self._marked: tuple[int, list[_Stretch]] = (0, [])
        self._is_cut = False

    def add(self, index: int, received: int, damaged: int) -> None:
        """Take the reply to a probe.

        Args:
            index: The how-manieth probe it was; each reply's is more than the one before.
            received: How many whole packets the other side had received when it answered.
            damaged: How many damaged ones.
        """
        self.answered += 1
        reply = (index, received, damaged)
        present = self._stretches[-1] if self._stretches and not self._is_cut else None
        self._is_cut = False
        if present is not None and received >= present.last[1] and damaged >= present.last[2]:
            present.last = reply
            present.answered += 1
            return
        if present is not None:
            self.away += index - present.last[0] - 1
        self._stretches.append(_Stretch(reply, reply))

    def mark(self) -> None:
        """Remember what is counted now."""
        self._marked = self.away, [replace(each) for each in self._stretches]

    def forget_since_mark(self) -> None:
        """Leave out what was sent since the last mark, until the next reply; all that was answered stays counted."""
        self.away, self._stretches = self._marked
        self._is_cut = True

    def there(self) -> Leg:
        """Return what became of the probes on their way."""
        sent, arrived = sum(each.sent for each in self._stretches), sum(each.arrived for each in self._stretches)
        return Leg(sent, sent - arrived, sum(each.damaged for each in self._stretches))

    def back(self, damaged: int) -> Leg:
        """Return what became of the replies on theirs; ``damaged`` is what this side found damaged."""
        arrived, answered = (
            sum(each.arrived for each in self._stretches),
            sum(each.answered for each in self._stretches),
        )
        return Leg(arrived, max(0, arrived - answered), damaged)
