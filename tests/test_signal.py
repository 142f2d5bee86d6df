# SPDX-License-Identifier: MIT
"""Signals: what is kept on the hot path, with its type and its meta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import sigcore
from sigcore import EventInfo, Router


@dataclass
class Reading:
    celsius: float


@dataclass
class Other:
    celsius: float


def heard_by(router: Router, **wanted: Any) -> list[tuple[EventInfo, Any]]:
    """Return the list that a new listener of ``thermo`` fills."""
    seen: list[tuple[EventInfo, Any]] = []
    router.add_listener(lambda info, data: seen.append((info, data)), "thermo", "reading", **wanted)
    return seen


def test_a_kept_signal_reaches_those_who_listen_when_it_is_triggered() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading").signal("reading")
    assert not signal.has_listeners
    signal.trigger(1)
    seen = heard_by(router)
    assert signal.has_listeners
    signal.trigger(2)
    assert [data for _info, data in seen] == [2]


def test_the_signal_of_an_event_is_one_object_and_knows_its_names() -> None:
    thermo = Router().add_sender("thermo", "reading")
    signal = thermo.signal("reading")
    assert thermo.signal("reading") is signal
    assert (signal.sender, signal.event) == ("thermo", "reading")
    assert "'thermo'" in repr(signal)


def test_info_is_the_same_object_from_one_trigger_to_the_next() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen = heard_by(router)
    thermo.trigger("reading")
    thermo.trigger("reading")
    assert seen[0][0] is seen[1][0]
    assert dict(seen[0][0].meta) == {}


# meta


def test_meta_reaches_the_listener_with_its_own_event_alone() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen = heard_by(router)
    thermo.trigger("reading", 1, meta={"traceparent": "00-1"})
    thermo.signal("reading").trigger(2, {})
    thermo.trigger("reading", 3)
    assert [dict(info.meta) for info, _data in seen] == [{"traceparent": "00-1"}, {}, {}]


def test_meta_is_the_listener_s_to_read_and_nobody_s_to_change() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen = heard_by(router)
    given = {"traceparent": "00-1"}
    thermo.trigger("reading", meta=given)
    given["traceparent"] = "changed"
    meta: Any = seen[0][0].meta
    assert meta["traceparent"] == "00-1"
    with pytest.raises(TypeError):
        meta["traceparent"] = "changed"


@pytest.mark.parametrize("meta", [{"n": 1}, {1: "n"}, {"n": b"x"}, {"n": None}])
def test_meta_that_is_not_text_to_text_is_refused_and_nobody_is_called(meta: Any) -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen = heard_by(router)
    with pytest.raises(TypeError, match="text to text"):
        thermo.trigger("reading", meta=meta)
    assert seen == []


# types


def test_a_typed_listener_gets_objects_whatever_form_the_sender_gave() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    seen = heard_by(router, type=Reading)
    given = Reading(21.5)
    thermo.trigger("reading", given)
    thermo.trigger("reading", {"celsius": 22.5})
    assert [data for _info, data in seen] == [Reading(21.5), Reading(22.5)]
    assert seen[0][1] is given


def test_data_that_does_not_fit_costs_its_own_listener_an_error_and_no_other() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    thermo = router.add_sender("thermo", "reading")
    typed, plain = heard_by(router, type=Reading), heard_by(router)
    thermo.trigger("reading", {"celsius": "warm"})
    assert typed == []
    assert [data for _info, data in plain] == [{"celsius": "warm"}]
    (error,) = errors
    assert isinstance(error, sigcore.ListenerError)
    assert isinstance(error.__cause__, sigcore.TypeMismatch)


def test_trigger_itself_checks_nothing() -> None:
    router = Router()
    signal: sigcore.Signal[Any] = router.add_sender("thermo", "reading").signal("reading", type=Reading)
    seen = heard_by(router)
    signal.trigger("whatever")
    assert seen[0][1] == "whatever"


def test_an_event_has_one_type() -> None:
    thermo = Router().add_sender("thermo", ["reading", "alarm"])
    signal = thermo.signal("reading", type=Reading)
    assert thermo.signal("reading", type=Reading) is signal
    assert thermo.signal("reading") is signal
    with pytest.raises(sigcore.TypeMismatch, match=r"Reading.*Other"):
        thermo.signal("reading", type=Other)
    thermo.signal("alarm", type=Other)


def test_a_type_that_is_not_supported_is_refused_at_set_up_and_leaves_nothing_behind() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading")
    with pytest.raises(sigcore.TypeMismatch):
        thermo.signal("reading", type=type)
    with pytest.raises(sigcore.TypeMismatch):
        router.add_listener(lambda _info, _data: None, "thermo", "reading", type=type)
    signal = thermo.signal("reading", type=Reading)
    assert not signal.has_listeners
