# SPDX-License-Identifier: MIT
"""What the operating system refused is told in words; errors that no test can provoke are made by hand here."""

from __future__ import annotations

import errno
import os

import pytest
from sig_tcp._explain import CONNECTING, LISTENING, explained


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EHOSTUNREACH, "no way leads there"),
        (errno.ENETUNREACH, "no way leads there"),
        (errno.ETIMEDOUT, "nothing answers there"),
    ],
)
def test_a_host_out_of_reach_is_told_with_what_to_check(number: int, advice: str) -> None:
    error = explained(OSError(number, "?"), "connect to tcp://192.0.2.1:3000", CONNECTING)
    assert type(error) is type(OSError(number, ""))
    assert error.errno == number
    assert f"cannot connect to tcp://192.0.2.1:3000: {advice}; check the address" in str(error)


def test_a_port_that_needs_privileges_is_told_as_such() -> None:
    error = explained(PermissionError(errno.EACCES, "?"), "listen at tcp://:80", LISTENING)
    assert isinstance(error, PermissionError)
    assert "ports below 1024 need privileges" in str(error)


def test_of_several_addresses_that_failed_the_one_that_refused_is_told() -> None:
    # As asyncio words it where a name has several addresses.
    several = OSError(
        f"Multiple exceptions: [Errno {errno.ENETUNREACH}] Connect call failed ('2001:db8::1', 3000, 0, 0), "
        f"[Errno {errno.ECONNREFUSED}] Connect call failed ('127.0.0.1', 3000)"
    )
    error = explained(several, "connect to tcp://gateway:3000", CONNECTING)
    assert isinstance(error, ConnectionRefusedError)


def test_of_several_addresses_that_all_failed_otherwise_the_first_is_told() -> None:
    several = OSError(f"Multiple exceptions: [Errno {errno.EHOSTUNREACH}] a, [Errno {errno.ENETUNREACH}] b")
    assert explained(several, "connect to tcp://gateway:3000", CONNECTING).errno == errno.EHOSTUNREACH


def test_an_error_without_a_number_keeps_its_text() -> None:
    error = explained(OSError("something odd"), "listen at tcp://:3000", LISTENING)
    assert str(error) == "cannot listen at tcp://:3000: something odd"


def test_an_error_without_advice_keeps_the_systems_words() -> None:
    error = explained(OSError(errno.EMFILE, "?"), "connect to tcp://gateway:3000", CONNECTING)
    assert os.strerror(errno.EMFILE) in str(error)
