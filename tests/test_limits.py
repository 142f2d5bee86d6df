# SPDX-License-Identifier: MIT
"""The options of links: what wins, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

import sigcore
from sigcore import Endpoint, EndpointError, LinkOptions
from sigcore._limits import link_options


def options(url: str, defaults: dict[str, object] | None = None, **keywords: Any) -> LinkOptions:
    return link_options(Endpoint.parse(url), defaults or {}, keywords)[0]


def test_the_query_wins_over_keyword_over_the_carrier_s_default_over_ours() -> None:
    assert options("mem://a").max_frame == 1024 * 1024
    assert options("mem://a", {"max_frame": 4096}).max_frame == 4096
    assert options("mem://a", {"max_frame": 4096}, max_frame=8192).max_frame == 8192
    assert options("mem://a?max_frame=16KiB", {"max_frame": 4096}).max_frame == 16384


def test_what_is_the_carrier_s_is_left_for_the_carrier() -> None:
    _options, rest = link_options(Endpoint.parse("serial:///dev/x?baudrate=9600&credit=2KiB"), {}, {})
    assert str(rest) == "serial:///dev/x?baudrate=9600"


def test_a_query_and_a_keyword_that_disagree_are_an_error_that_names_both() -> None:
    with pytest.raises(EndpointError, match=r"credit.*4096.*8192"):
        options("mem://a?credit=4KiB", credit=8192)
    assert options("mem://a?credit=4KiB", credit=4096).credit == 4096


@pytest.mark.parametrize("name", ["max_frame", "credit", "event_queue", "heartbeat", "max_requests"])
def test_0_never_means_unlimited(name: str) -> None:
    with pytest.raises(EndpointError, match=f"{name} must be more than 0"):
        options("mem://a", None, **{name: 0})


def test_nobody_is_taken_for_lost_before_being_asked_for_a_sign_of_life() -> None:
    with pytest.raises(EndpointError, match=r"dead_after \(5 s\) must be more than heartbeat \(10 s\)"):
        options("mem://a?dead_after=5s")


def test_a_misspelt_keyword_of_a_router_is_named_with_the_one_meant() -> None:
    with pytest.raises(TypeError, match=r"no keyword 'heartbeet'; did you mean heartbeat\?"):
        sigcore.ServerRouter("mem://a", heartbeet=5)  # type: ignore[call-arg]  # the slip that is tested
