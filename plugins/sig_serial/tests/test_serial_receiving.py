# SPDX-License-Identifier: MIT
"""The bytes of a stream in whatever pieces and order they come."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_serial._counters import LinkCounters
from sig_serial._packet import MAX_RANGES
from sig_serial._receiving import Receiving

WINDOW = 100
STREAM = Random(1).randbytes(400)

steps = st.tuples(st.integers(-40, 140), st.integers(1, 60)) | st.sampled_from(["pause", "resume"])


@given(st.lists(steps, max_size=60))
def test_pieces_of_any_cut_make_the_stream_and_nothing_beyond_the_window_is_kept(
    steps: list[tuple[int, int] | str],
) -> None:
    receiving, given_out, has_come = Receiving(WINDOW, LinkCounters()), b"", set[int]()
    for step in steps:
        if step == "pause":
            receiving.pause()
        elif step == "resume":
            given_out += receiving.resume()
        elif not isinstance(step, str):
            start = max(0, receiving.next + step[0])
            piece = STREAM[start : start + step[1]]
            has_come |= set(range(start, min(start + len(piece), receiving.consumed + WINDOW)))
            given_out += receiving.take(start, piece)
        assert given_out == STREAM[: receiving.consumed]
        assert receiving.kept_bytes <= WINDOW
        told = {at for start, end in receiving.ranges() for at in range(start, end)}
        missing = {at for at in has_come if at >= receiving.consumed} - told
        assert told <= has_come
        assert not missing or len(receiving.ranges()) == MAX_RANGES


def test_ranges_rise_and_stand_apart() -> None:
    receiving = Receiving(WINDOW, LinkCounters())
    for start in (30, 10, 20, 12, 50):
        receiving.take(start, STREAM[start : start + 5])
    assert receiving.ranges() == [(10, 17), (20, 25), (30, 35), (50, 55)]
    receiving.take(17, STREAM[17:20])
    assert receiving.ranges() == [(10, 25), (30, 35), (50, 55)]


def test_bytes_that_wait_for_the_reader_are_the_first_range() -> None:
    receiving = Receiving(WINDOW, LinkCounters())
    receiving.take(0, STREAM[:10])
    receiving.pause()
    receiving.take(10, STREAM[10:20])
    receiving.take(30, STREAM[30:40])
    assert (receiving.consumed, receiving.ranges()) == (10, [(10, 20), (30, 40)])
    assert receiving.resume() == STREAM[10:20]
    assert (receiving.consumed, receiving.ranges()) == (20, [(30, 40)])


@pytest.mark.parametrize("start", [0, 5, 30])
def test_what_brings_nothing_new_is_counted(start: int) -> None:
    counters = LinkCounters()
    receiving = Receiving(WINDOW, counters)
    receiving.take(0, STREAM[:20])
    receiving.take(25, STREAM[25:50])
    assert receiving.take(start, STREAM[start : start + 10]) == b""
    assert counters.duplicates == 1
