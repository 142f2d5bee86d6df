# SPDX-License-Identifier: MIT
"""When a client tries again."""

from __future__ import annotations

from sigcore.aio._backoff import Backoff


def test_the_bound_doubles_from_a_quarter_of_a_second_to_half_a_minute() -> None:
    backoff = Backoff(random=lambda: 1.0)
    assert [backoff.delay_s() for _ in range(10)] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_the_delay_is_anything_up_to_the_bound() -> None:
    shares = iter((0.0, 0.5, 1.0))
    backoff = Backoff(random=lambda: next(shares))
    assert [backoff.delay_s() for _ in range(3)] == [0.0, 0.25, 1.0]


def test_it_begins_anew_after_a_while_of_health() -> None:
    backoff = Backoff(random=lambda: 1.0)
    assert backoff.is_fresh
    backoff.delay_s()
    assert not backoff.is_fresh
    backoff.reset()
    assert backoff.is_fresh
    assert backoff.delay_s() == 0.25


def test_a_medium_may_have_a_shorter_bound() -> None:
    backoff = Backoff(1.0, random=lambda: 1.0)
    assert [backoff.delay_s() for _ in range(5)] == [0.25, 0.5, 1.0, 1.0, 1.0]
