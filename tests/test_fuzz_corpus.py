# SPDX-License-Identifier: MIT
"""Every input that fuzzing has kept, and a few hundred near each target's, without a fuzzer: none is a defect.

``fuzz/README.md`` says how to look further.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from random import Random

import pytest

from fuzz.corpus import FOLDER, MOST_BYTES, kept
from fuzz.mutations import mutated
from fuzz.target import NAMES, Target, load

MUTATIONS = 2_000
SECONDS = 0.35
"""For the mutations of one target: those that take longest are then fewer."""

INPUT_S = 2.0
"""Of processor time, for one input: a hundred times what the slowest takes."""

NEEDS = {"cbor": "sig_cbor", "endpoint": "sig_serial", "deframer": "sig_serial", "serial_link": "sig_serial"}
NEEDS |= {"lines": "sig_lines", "template": "sig_lines"}


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """Leave out the log: most inputs are worth a line."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def target(name: str) -> Target:
    """Return a target; a test without the package that it tries is skipped."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    if name == "endpoint":
        pytest.importorskip("sig_lines")
    return load(name)


def check(target: Target, data: bytes) -> None:
    begun_s = time.thread_time()
    try:
        target.check(data)
    except Exception as error:
        error.add_note(f"to try it again: python -m fuzz {target.name} --try {data!r}")
        raise
    assert time.thread_time() - begun_s < INPUT_S, data


@pytest.mark.parametrize("name", NAMES)
def test_every_input_that_is_kept_is_accepted_or_refused_as_documented(name: str) -> None:
    tried = target(name)
    for data in [b"", *tried.seeds(), *kept(name)]:
        check(tried, data)


@pytest.mark.parametrize("name", NAMES)
def test_every_input_near_one_that_is_kept_is_accepted_or_refused_as_documented(name: str) -> None:
    tried, random = target(name), Random(name)
    inputs = [*tried.seeds(), *kept(name)]
    end_s = time.thread_time() + SECONDS
    for _ in range(MUTATIONS):
        check(tried, mutated(random, inputs, tried.words, tried.max_len))
        if time.thread_time() > end_s:
            break


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_little_and_no_longer_than_the_target_takes(name: str) -> None:
    inputs = kept(name)
    assert (FOLDER / f"{name}.txt").exists(), f"python -m fuzz {name}, then with --keep"
    assert sum(map(len, inputs)) <= MOST_BYTES
    assert len(set(inputs)) == len(inputs)
    assert max(map(len, inputs), default=0) <= target(name).max_len


def test_targets_accept_some_inputs_and_refuse_others() -> None:
    for name in NAMES:
        tried = target(name)
        assert {tried.check(data) for data in tried.seeds()} == {True, False}, name
