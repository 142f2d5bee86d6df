# SPDX-License-Identifier: MIT
"""What happens when, in the reset exchange: the tables of docs/serial-link.md, "The link".

Two rules: all that depends on the state stands in these tables, and all that stands in them is in the tables of the
page as well. A pair of state and input that is not there is skipped.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Role(enum.Enum):
    """Which side of the line this is."""

    LISTENER = "listener"
    CONNECTOR = "connector"


class State(enum.Enum):
    """Where a side is."""

    LISTENING = "listening"  # listener: no link
    ANSWERED = "answered"  # listener: RESET_ACK sent, its confirmation awaited
    CONNECTING = "connecting"  # connector: RESET sent, RESET_ACK awaited
    UP = "up"
    CONTESTED = "contested"  # listener: up, and a RESET was answered beside the link
    OVER = "over"  # connector: the link is over; a new one needs a new Link


class Input(enum.Enum):
    """What can happen to a side: a packet, sorted by what it means here, or the passing of time."""

    RESET = "RESET"  # with an epoch that is none of those that are known
    RESET_AGAIN = "RESET again"  # with the epoch that was answered
    RESET_ECHO = "RESET echo"  # with our own epoch: the line gives back what it is given
    RESET_ACK = "RESET_ACK"  # to our epoch, in a version that we speak
    RESET_ACK_AGAIN = "RESET_ACK again"  # the one that was accepted
    RESET_ACK_FOREIGN = "RESET_ACK foreign"  # to our epoch, in a version that we do not speak
    CONFIRMATION = "confirmation"  # READY, DATA or ACK with the epoch of our answer
    REFUSAL = "refusal"  # CLOSE with the epoch of our answer
    DATA = "DATA"
    ACK = "ACK"
    CLOSE = "CLOSE"
    NO_LINK = "NO_LINK"
    STRAY = "stray"  # READY, DATA or ACK with a tag that is not ours
    OTHER = "other"  # of no use: malformed, a later version's, an old link's
    TICK = "tick"  # the time has come to repeat RESET or RESET_ACK
    EXPIRED = "expired"  # no confirmation within the answer's lifetime
    SILENCE = "silence"  # the link is dead
    FINISHED = "finished"  # all is acknowledged, and this side wants to end


@dataclass(frozen=True, slots=True)
class Step:
    """A row's right side: the method of ``Link`` to call, and the state to be in after it."""

    action: str
    then: State


def _when_up(state: State, after: State) -> dict[tuple[State, Input], Step]:
    """Return the rows of a link that is up in ``state``; it is in ``after`` when the link is over."""
    return {
        (state, Input.DATA): Step("take_data", state),
        (state, Input.ACK): Step("take_ack", state),
        (state, Input.CLOSE): Step("end_as_told", after),
        (state, Input.NO_LINK): Step("end_forgotten", after),
        (state, Input.SILENCE): Step("end_silent", after),
        (state, Input.FINISHED): Step("end_done", after),
    }


TABLES: Mapping[Role, Mapping[tuple[State, Input], Step]] = {
    Role.LISTENER: {
        (State.LISTENING, Input.RESET): Step("answer", State.ANSWERED),
        (State.LISTENING, Input.STRAY): Step("say_no_link", State.LISTENING),
        (State.ANSWERED, Input.RESET): Step("answer", State.ANSWERED),
        (State.ANSWERED, Input.RESET_AGAIN): Step("repeat", State.ANSWERED),
        (State.ANSWERED, Input.TICK): Step("repeat", State.ANSWERED),
        (State.ANSWERED, Input.CONFIRMATION): Step("rise", State.UP),
        (State.ANSWERED, Input.REFUSAL): Step("forget", State.LISTENING),
        (State.ANSWERED, Input.EXPIRED): Step("forget", State.LISTENING),
        (State.ANSWERED, Input.STRAY): Step("say_no_link", State.ANSWERED),
        **_when_up(State.UP, after=State.LISTENING),
        (State.UP, Input.RESET): Step("answer", State.CONTESTED),
        (State.CONTESTED, Input.RESET): Step("answer", State.CONTESTED),
        (State.CONTESTED, Input.RESET_AGAIN): Step("repeat", State.CONTESTED),
        (State.CONTESTED, Input.TICK): Step("repeat", State.CONTESTED),
        (State.CONTESTED, Input.CONFIRMATION): Step("replace", State.UP),
        (State.CONTESTED, Input.REFUSAL): Step("forget", State.UP),
        (State.CONTESTED, Input.EXPIRED): Step("forget", State.UP),
        **_when_up(State.CONTESTED, after=State.ANSWERED),
    },
    Role.CONNECTOR: {
        (State.CONNECTING, Input.TICK): Step("repeat", State.CONNECTING),
        (State.CONNECTING, Input.RESET_ACK): Step("confirm_and_rise", State.UP),
        (State.CONNECTING, Input.RESET_ACK_FOREIGN): Step("refuse_version", State.OVER),
        (State.CONNECTING, Input.CLOSE): Step("end_as_told", State.OVER),
        (State.CONNECTING, Input.RESET): Step("end_both_connect", State.OVER),
        (State.CONNECTING, Input.RESET_ECHO): Step("end_for_echo", State.OVER),
        (State.CONNECTING, Input.STRAY): Step("say_no_link", State.CONNECTING),
        **_when_up(State.UP, after=State.OVER),
        (State.UP, Input.RESET_ACK_AGAIN): Step("confirm", State.UP),
    },
}
