# SPDX-License-Identifier: MIT
"""The stall budget: a reader may hold others up once for a while, and not again and again."""

from __future__ import annotations

import pytest

from sigcore.protocol.stall import StallBudget


def test_it_is_whole_at_first_whatever_the_time() -> None:
    budget = StallBudget()
    assert budget.left_s(0.0) == budget.left_s(1e6) == 1.0
    assert not budget.is_empty(0.0)
    assert budget.empty_at_s() is None


def test_it_is_spent_while_somebody_is_held_up() -> None:
    budget = StallBudget(budget_s=1.0)
    budget.begin(100.0)
    assert budget.left_s(100.25) == 0.75
    assert budget.empty_at_s() == 101.0
    assert budget.left_s(200.0) == 0.0


@pytest.mark.parametrize(("passed_s", "is_empty"), [(0.999, False), (1.0, True), (1.001, True)])
def test_it_is_empty_when_it_said(passed_s: float, is_empty: bool) -> None:
    budget = StallBudget(budget_s=1.0)
    budget.begin(100.0)
    assert budget.is_empty(100.0 + passed_s) == is_empty


@pytest.mark.parametrize("start_s", [0.1, 1 / 3, 123456.7, 98765.4321])
def test_no_rounding_leaves_something_in_it_at_its_end(start_s: float) -> None:
    budget = StallBudget(budget_s=0.3)
    budget.begin(start_s)
    empty_at_s = budget.empty_at_s()
    assert empty_at_s is not None
    assert budget.is_empty(empty_at_s)


def test_to_begin_again_while_it_holds_up_changes_nothing() -> None:
    budget = StallBudget(budget_s=1.0)
    budget.begin(10.0)
    budget.begin(10.5)
    assert budget.empty_at_s() == 11.0


def test_to_end_what_has_not_begun_changes_nothing() -> None:
    budget = StallBudget(budget_s=1.0)
    budget.end(10.0)
    assert budget.left_s(10.0) == 1.0


def test_it_comes_back_slowly() -> None:
    budget = StallBudget(budget_s=1.0, refill=0.01)
    budget.begin(0.0)
    budget.end(0.5)
    assert budget.empty_at_s() is None
    assert budget.left_s(10.5) == pytest.approx(0.6)


@pytest.mark.parametrize(("later_s", "left_s"), [(99.0, 0.99), (100.0, 1.0), (101.0, 1.0)])
def test_it_never_holds_more_than_the_whole(later_s: float, left_s: float) -> None:
    budget = StallBudget(budget_s=1.0, refill=0.01)
    budget.begin(0.0)
    budget.end(1.0)
    assert budget.left_s(1.0 + later_s) == pytest.approx(left_s)


def test_a_reader_that_stalls_again_and_again_gets_the_budget_and_what_came_back() -> None:
    budget = StallBudget(budget_s=1.0, refill=0.01)
    now_s = held_up_s = 0.0
    for _ in range(10):
        budget.begin(now_s)
        empty_at_s = budget.empty_at_s()
        assert empty_at_s is not None
        held_up_s += empty_at_s - now_s
        budget.end(empty_at_s)
        now_s = empty_at_s + 5.0
    assert held_up_s == pytest.approx(1.0 + 9 * 5.0 * 0.01)


def test_a_reader_that_stalls_shortly_and_often_gets_no_more() -> None:
    budget = StallBudget(budget_s=1.0, refill=0.01)
    now_s = held_up_s = 0.0
    for _ in range(1000):
        budget.begin(now_s)
        held_up_s += min(0.01, budget.left_s(now_s))
        budget.end(now_s + 0.01)
        now_s += 0.02
    assert held_up_s == pytest.approx(1.0 + now_s / 2 * 0.01, abs=0.001)


@pytest.mark.parametrize(("later_s", "may_begin"), [(9.9, False), (10.1, True)])
def test_an_empty_budget_may_be_used_again_once_a_tenth_has_come_back(later_s: float, may_begin: bool) -> None:
    budget = StallBudget(budget_s=1.0, refill=0.01)
    budget.begin(0.0)
    budget.end(1.0)
    assert budget.may_begin(1.0 + later_s) == may_begin


def test_no_budget_holds_up_nobody() -> None:
    budget = StallBudget(budget_s=0.0)
    assert budget.is_empty(5.0)
    budget.begin(5.0)
    assert budget.empty_at_s() == 5.0
