# SPDX-License-Identifier: MIT
"""A whole conversation, cut at every position: both sides say and hear the same."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore.protocol.link import Link

from .conversation import replay_client, replay_server
from .loopback import ClientProcess
from .page import CLIENTS, LINES


class CutAt:
    """Hands bytes over as they come, but for one cut."""

    def __init__(self, position: int) -> None:
        self.position = position

    def __call__(self, link: Link, data: bytes, now_s: float) -> None:
        cut, self.position = self.position, self.position - len(data)
        if 0 < cut < len(data):
            link.receive(data[:cut], now_s)
            link.receive(data[cut:], now_s)
        else:
            link.receive(data, now_s)


def byte_by_byte(link: Link, data: bytes, now_s: float) -> None:
    for n in range(len(data)):
        link.receive(data[n : n + 1], now_s)


def test_a_server_does_not_mind_one_cut_wherever_it_is() -> None:
    for position in range(sum(len(line.data) for line in LINES if not line.to_client and not line.is_lost)):
        assert replay_server(LINES, CutAt(position)) == "", position


@pytest.mark.parametrize("who", CLIENTS)
def test_a_client_does_not_mind_one_cut_wherever_it_is(who: str) -> None:
    whole = ClientProcess(who)
    assert replay_client(LINES, whole) == ""
    heard = [line.data for line in LINES if line.to_client and line.who == who and not line.is_lost]
    for position in range(sum(map(len, heard))):
        client = ClientProcess(who)
        assert replay_client(LINES, client, CutAt(position)) == "", position
        assert (client.heard, client.gaps, client.notices) == (whole.heard, whole.gaps, whole.notices)
        assert list(map(repr, client.answers)) == list(map(repr, whole.answers))


def test_bytes_may_come_one_by_one() -> None:
    assert replay_server(LINES, byte_by_byte) == ""
    for who in CLIENTS:
        assert replay_client(LINES, ClientProcess(who), byte_by_byte) == ""


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_bytes_may_come_in_any_pieces(sizes: list[int]) -> None:
    next_size = itertools.cycle(sizes)

    def feed(link: Link, data: bytes, now_s: float) -> None:
        while data:
            size = next(next_size)
            link.receive(data[:size], now_s)
            data = data[size:]

    assert replay_server(LINES, feed) == ""
    assert replay_client(LINES, ClientProcess("panel"), feed) == ""
