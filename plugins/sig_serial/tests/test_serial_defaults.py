# SPDX-License-Identifier: MIT
"""What a session over a line does by default depends on how fast the line is."""

from __future__ import annotations

import pytest
from sig_serial import SerialCarrier

from sigcore import Endpoint, EndpointError


def defaults(query: str) -> dict[str, object]:
    return dict(SerialCarrier().link_defaults(Endpoint.parse(f"serial:///dev/ttyUSB0?{query}")))


@pytest.mark.parametrize("baudrate", [1200, 9600, 115_200, 921_600])
def test_acknowledgements_take_about_one_percent_of_the_line_and_no_more_than_three_seconds(baudrate: int) -> None:
    delay_s = defaults(f"baudrate={baudrate}")["ack_delay"]
    assert isinstance(delay_s, float)
    assert 0.25 <= delay_s <= 3.0
    assert delay_s == 3.0 or 29 / (delay_s * baudrate / 10) <= 0.0101


def test_a_slow_line_has_time_to_show_that_it_lives() -> None:
    quick, slow = defaults("baudrate=115200"), defaults("baudrate=1200")
    assert (quick["heartbeat"], quick["dead_after"]) == (1.0, 5.0)
    assert isinstance(slow["dead_after"], float)
    assert slow["dead_after"] > 20.0
    assert slow["heartbeat"] == slow["dead_after"] / 5


def test_options_of_the_link_are_left_alone() -> None:
    assert defaults("heartbeat=2s&grace=9s") == defaults("baudrate=115200")


def test_an_impossible_option_is_an_error_of_the_endpoint() -> None:
    with pytest.raises(EndpointError, match="baudrate=-1 is impossible"):
        defaults("baudrate=-1")
