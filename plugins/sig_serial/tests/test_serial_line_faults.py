# SPDX-License-Identifier: MIT
"""The faults of a bad line: as often as asked, the same way each time."""

from __future__ import annotations

import doctest
from random import Random
from typing import Any

import pytest
from sig_serial import _line_faults
from sig_serial._line_faults import LineFaults

SENT = Random(1).randbytes(20_000)

EACH_KIND: dict[str, dict[str, Any]] = {
    "ber": {"ber": 1e-3},
    "drop": {"drop": 0.01},
    "insert": {"insert": 0.01},
    "burst": {"burst": 1e-3, "burst_bytes": 100},
    "duplicate": {"duplicate": 1e-3},
    "all": {"ber": 1e-3, "drop": 1e-3, "insert": 1e-3, "burst": 5e-4, "duplicate": 5e-4},
}


def sent_through(faults: LineFaults, data: bytes, *, cut: int = len(SENT)) -> bytes:
    return b"".join(faults(data[start : start + cut]) for start in range(0, len(data), cut))


def test_the_example_of_the_docstring_holds() -> None:
    assert doctest.testmod(_line_faults).failed == 0


def test_a_clean_line_changes_nothing() -> None:
    assert sent_through(LineFaults(), SENT, cut=100) == SENT


@pytest.mark.parametrize("kind", EACH_KIND)
def test_faults_do_not_depend_on_where_the_bytes_are_cut(kind: str) -> None:
    whole = sent_through(LineFaults(5, **EACH_KIND[kind]), SENT)
    assert whole != SENT
    for cut in (1, 7, 300):
        assert sent_through(LineFaults(5, **EACH_KIND[kind]), SENT, cut=cut) == whole


def test_another_seed_makes_other_faults() -> None:
    assert sent_through(LineFaults(1, ber=1e-3), SENT) != sent_through(LineFaults(2, ber=1e-3), SENT)


def test_as_many_bits_are_flipped_as_the_rate_says() -> None:
    arrived = sent_through(LineFaults(3, ber=1e-2), SENT)
    flipped = sum((one ^ other).bit_count() for one, other in zip(SENT, arrived, strict=True))
    assert flipped == pytest.approx(8 * len(SENT) * 1e-2, rel=0.1)


def test_a_rate_may_change_while_bytes_go_by() -> None:
    faults = LineFaults(3)
    assert faults(SENT) == SENT
    faults.drop = 0.5
    assert len(faults(SENT)) == pytest.approx(len(SENT) / 2, rel=0.1)
    faults.drop = 0
    assert faults(SENT) == SENT


def test_what_is_sure_to_be_lost_is_lost() -> None:
    assert sent_through(LineFaults(drop=1), SENT, cut=10) == b""
    assert sent_through(LineFaults(lose_call=1), SENT, cut=10) == b""


def test_a_duplicate_is_what_went_by_last() -> None:
    faults = LineFaults(1, duplicate=1, duplicate_bytes=2)
    assert faults(b"a") + faults(b"bc") == b"aababcbc"


def test_a_burst_spoils_as_many_bytes_in_a_row_as_it_is_long() -> None:
    faults = LineFaults(8, burst=5e-4, burst_bytes=50)
    arrived = sent_through(faults, bytes(10_000), cut=33)
    assert len(arrived) == 10_000
    assert faults.hits > 0
    noisy = [place for place, byte in enumerate(arrived) if byte]
    assert 40 * faults.hits < len(noisy) <= 50 * faults.hits


@pytest.mark.parametrize("name", ["ber", "drop", "insert", "burst", "duplicate", "lose_call"])
@pytest.mark.parametrize("chance", [-0.1, 1.1])
def test_what_is_no_chance_is_refused_by_name(name: str, chance: float) -> None:
    chances: dict[str, Any] = {name: chance}
    with pytest.raises(ValueError, match=f"{name} is a chance, from 0 to 1; it is {chance}"):
        LineFaults(**chances)


@pytest.mark.parametrize("name", ["burst_bytes", "duplicate_bytes"])
def test_a_size_of_nothing_is_refused_by_name(name: str) -> None:
    sizes: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name} is a number of bytes, at least 1; it is 0"):
        LineFaults(**sizes)
