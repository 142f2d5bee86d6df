# SPDX-License-Identifier: MIT
"""The options of links: what wins, and what cannot be."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import sigcore
from sigcore import Endpoint, EndpointError, LinkOptions
from sigcore._limits import link_options, read_keywords

WAITING = ["event_queue", "unacknowledged", "control_queue"]
BOUNDED = ["max_frame", "credit", "max_requests", "max_senders", "heartbeat", "stall_budget", "session_timeout"]


def options(url: str, defaults: dict[str, object] | None = None, **keywords: Any) -> LinkOptions:
    return link_options(Endpoint.parse(url), defaults or {}, read_keywords(keywords))[0]


def warnings_in(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelno >= logging.WARNING]


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


@pytest.mark.parametrize("name", [*WAITING, *BOUNDED])
def test_0_never_means_unlimited(name: str) -> None:
    with pytest.raises(EndpointError, match=f"{name} must be more than 0"):
        options("mem://a", None, **{name: 0})


@pytest.mark.parametrize("name", WAITING)
def test_0_of_what_may_be_unlimited_says_what_is(name: str) -> None:
    with pytest.raises(EndpointError, match=r"0 never means unlimited, none does"):
        options(f"mem://a?{name}=0B")


@pytest.mark.parametrize("name", WAITING)
def test_none_is_unlimited_as_a_keyword_and_in_a_query(name: str) -> None:
    by_keyword, by_query = options("mem://a", None, **{name: None}), options(f"mem://a?{name}=none")
    assert by_keyword == by_query == options(f"mem://a?{name}=none", None, **{name: None})
    assert getattr(by_query, name) > 2**60


@pytest.mark.parametrize("name", WAITING)
def test_1_is_a_limit_as_any_other(name: str) -> None:
    assert getattr(options("mem://a", None, **{name: 1}), name) == 1
    assert getattr(options(f"mem://a?{name}=1B"), name) == 1


@pytest.mark.parametrize("name", BOUNDED)
def test_none_for_what_always_has_a_limit_is_an_error_that_says_where_it_may_stand(name: str) -> None:
    says = rf"{name} must be a number, not None; only event_queue, unacknowledged and control_queue may be None"
    routers: list[Any]
    routers = [sigcore.ServerRouter, sigcore.aio.ServerRouter, sigcore.ClientRouter, sigcore.aio.ClientRouter]
    for router in routers:
        with pytest.raises(TypeError, match=says):
            router("mem://a", **{name: None})
    with pytest.raises(EndpointError, match=f"option '{name}' cannot be 'none'"):
        options(f"mem://a?{name}=none")


def test_a_word_as_a_keyword_is_an_error_that_says_what_stands_for_unlimited() -> None:
    with pytest.raises(TypeError, match="event_queue must be a number, not 'none'; or None for unlimited"):
        sigcore.ServerRouter("mem://a", event_queue="none")  # type: ignore[arg-type]  # the slip that is tested


def test_none_in_a_query_and_a_limit_as_keyword_disagree_and_are_told_as_they_were_given() -> None:
    with pytest.raises(EndpointError, match=r"says event_queue=none, the keyword event_queue= says 4096; keep one"):
        options("mem://a?event_queue=none", event_queue=4096)
    with pytest.raises(EndpointError, match=r"says event_queue=4096, the keyword event_queue= says none; keep one"):
        options("mem://a?event_queue=4096B", event_queue=None)


def test_an_unlimited_router_says_so_once_as_it_is_made(caplog: pytest.LogCaptureFixture) -> None:
    router = sigcore.ServerRouter(["mem://a", "mem://b"], name="hub", event_queue=None, control_queue=None)
    says = "ServerRouter 'hub': event_queue and control_queue without a limit; what waits there may use up all memory"
    assert warnings_in(caplog) == [says]
    with router:
        pass
    assert warnings_in(caplog) == [says]


def test_an_unlimited_endpoint_says_so(caplog: pytest.LogCaptureFixture) -> None:
    sigcore.aio.ClientRouter("mem://a?unacknowledged=none")
    says = "mem://a?unacknowledged=none: unacknowledged without a limit; what waits there may use up all memory"
    assert warnings_in(caplog) == [says]


def test_a_router_with_limits_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    sigcore.aio.ClientRouter("mem://a?unacknowledged=1GiB", event_queue=1)
    assert warnings_in(caplog) == []


def test_none_in_a_configuration_file_is_unlimited_for_all_endpoints_or_for_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text(
        'name = "hub"\nendpoints = [{ url = "mem://a", options = { event_queue = "none" } }]\n'
        '[limits]\nunacknowledged = "none"'
    )
    with sigcore.ServerRouter.from_config(file) as server:
        assert server.endpoints == ["mem://a"]
    assert [text.partition(" without a limit")[0] for text in warnings_in(caplog)] == [
        "ServerRouter 'hub': unacknowledged",
        "mem://a?event_queue=none: event_queue",
    ]


def test_an_unlimited_client_keeps_every_event_for_a_server_that_is_not_there_yet() -> None:
    count = 50_000
    with sigcore.ClientRouter("mem://late", connect_timeout=None, event_queue=None, unacknowledged=None) as client:
        pulse = client.add_sender("pulse", events=["beat"]).signal("beat")
        for number in range(count):
            pulse.trigger("x" * 100 + str(number))  # more than the usual 4 MiB in all
        server = sigcore.ServerRouter("mem://late", event_queue=None)
        with server.listen("pulse", "beat", size=None) as beats, server:
            heard = [int(beats.get(timeout=10.0)[1][100:]) for _ in range(count)]
            client.close()
    assert heard == list(range(count))
    assert client.counters == {}


def test_nobody_is_taken_for_lost_before_being_asked_for_a_sign_of_life() -> None:
    with pytest.raises(EndpointError, match=r"dead_after \(5 s\) must be more than heartbeat \(10 s\)"):
        options("mem://a?dead_after=5s")


def test_a_misspelt_keyword_of_a_router_is_named_with_the_one_meant() -> None:
    with pytest.raises(TypeError, match=r"no keyword 'heartbeet'; did you mean heartbeat\?"):
        sigcore.ServerRouter("mem://a", heartbeet=5)  # type: ignore[call-arg]  # the slip that is tested
