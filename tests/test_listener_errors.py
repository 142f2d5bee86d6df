# SPDX-License-Identifier: MIT
"""A listener that fails: nobody else suffers, and its owner hears of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import sigcore
from sigcore import EventInfo, ListenerError, Router


@dataclass
class Reading:
    celsius: float


def fail(_info: EventInfo, data: Any) -> None:
    raise ValueError(f"cannot take {data}")


def thermometer(errors: list[Exception]) -> tuple[Router, sigcore.Signal[Any]]:
    """Return a router that hands its errors to ``errors``, and a signal of its sender ``thermo``."""
    router = Router(on_error=errors.append)
    return router, router.add_sender("thermo", ["reading"]).signal("reading")


def only(errors: list[Exception]) -> ListenerError:
    """Return the one error that must be there."""
    (error,) = errors
    assert isinstance(error, ListenerError)
    return error


def test_a_listener_that_raises_stops_neither_the_others_nor_the_trigger() -> None:
    seen: list[str] = []
    router, signal = thermometer([])
    router.add_listener(fail, "thermo", "reading")
    router.add_listener(lambda _info, _data: seen.append("specific"), "thermo", "reading")
    router.add_listener(fail)
    router.add_listener(lambda _info, _data: seen.append("broadcast"))
    signal.trigger()
    assert seen == ["specific", "broadcast"]


def test_on_error_gets_which_listener_failed_on_which_event_and_why(caplog: pytest.LogCaptureFixture) -> None:
    errors: list[Exception] = []
    router, signal = thermometer(errors)
    listener = router.add_listener(fail, "thermo", "reading")
    signal.trigger(5)
    error = only(errors)
    assert error.listener is listener
    assert error.info == EventInfo("thermo", "reading")
    assert isinstance(error.__cause__, ValueError)
    assert str(error.__cause__) == "cannot take 5"
    for part in ("fail", "'thermo'", "'reading'", "ValueError: cannot take 5"):
        assert part in str(error)
    (record,) = caplog.records
    assert record.name.startswith("sigcore")
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is error.__cause__


def test_data_that_no_listener_can_have_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    errors: list[Exception] = []
    router, signal = thermometer(errors)
    router.add_listener(lambda _info, _data: None, "thermo", "reading", type=Reading)
    for _ in range(100):
        signal.trigger({"celsius": "warm"})
    assert [type(error.__cause__) for error in errors] == [sigcore.TypeMismatch] * 100
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert "'thermo'" in record.getMessage()


def test_without_on_error_it_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()
    router.add_listener(fail, "thermo")
    router.add_sender("thermo", "reading").trigger("reading", 5)
    assert "cannot take 5" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_the_right_listener_is_named_where_one_function_is_registered_more_than_once(failing: int) -> None:
    errors: list[Exception] = []
    router, signal = thermometer(errors)
    keys = (("thermo", "reading"), ("thermo", "reading"), (None, None))
    calls: list[int] = []

    def function(_info: EventInfo, _data: Any) -> None:
        calls.append(1)
        if len(calls) - 1 == failing:
            raise ValueError

    listeners = [router.add_listener(function, *key) for key in keys]
    signal.trigger()
    assert len(calls) == 3
    assert only(errors).listener is listeners[failing]


@pytest.mark.parametrize("registrations", [1, 2])
def test_a_listener_that_removes_itself_and_then_fails_is_reported(registrations: int) -> None:
    errors: list[Exception] = []
    router, signal = thermometer(errors)

    def once(_info: EventInfo, _data: Any) -> None:
        listeners.pop(0).remove()
        raise ValueError

    listeners = [router.add_listener(once, "thermo", "reading") for _ in range(registrations)]
    expected = list(listeners)
    signal.trigger()
    assert [error.listener for error in errors if isinstance(error, ListenerError)] == expected


def test_an_on_error_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def worse(_error: Exception) -> None:
        raise RuntimeError("on_error is broken")

    seen: list[str] = []
    router = Router(on_error=worse)
    thermo = router.add_sender("thermo", "reading")
    router.add_listener(fail, "thermo", "reading")
    router.add_listener(lambda _info, _data: seen.append("x"), "thermo", "reading")
    thermo.trigger("reading")
    assert seen == ["x"]
    assert "on_error is broken" in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_must_end_the_program_is_not_held_back(stop: type[BaseException]) -> None:
    errors: list[Exception] = []
    router, signal = thermometer(errors)

    def leave(_info: EventInfo, _data: Any) -> None:
        raise stop

    listener = router.add_listener(leave, "thermo", "reading")
    with pytest.raises(stop):
        signal.trigger()
    assert errors == []
    seen: list[str] = []
    listener.remove()
    router.add_listener(lambda _info, _data: seen.append("x"), "thermo", "reading")
    signal.trigger()  # and the router goes on, should the program do so
    assert seen == ["x"]


# events that the sender does not declare


def waiting_for(router: Router) -> sigcore.Listener:
    return router.add_listener(fail, "thermo", "temperature")


def adding_the_sender(router: Router) -> sigcore.Sender:
    return router.add_sender("thermo", ["reading"])


@pytest.mark.parametrize("steps", [(waiting_for, adding_the_sender), (adding_the_sender, waiting_for)])
def test_waiting_for_an_event_that_is_not_declared_warns_the_listener_s_owner(
    steps: tuple[Callable[[Router], Any], ...], caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    made = [step(router) for step in steps]
    (listener,) = (one for one in made if isinstance(one, sigcore.Listener))
    error = only(errors)
    assert isinstance(error.__cause__, sigcore.EventNotDeclared)
    assert error.listener is listener
    assert "reading" in str(error)  # what it does declare
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "temperature" in caplog.text


def test_a_listener_that_was_warned_stays_and_hears_a_later_sender_that_declares_its_event() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    seen: list[Any] = []
    router.add_listener(lambda _info, data: seen.append(data), "thermo", "temperature")
    router.add_sender("thermo", ["reading"]).remove()
    assert len(errors) == 1
    router.add_sender("thermo", ["temperature"]).trigger("temperature", 21.5)
    assert seen == [21.5]
    assert len(errors) == 1


def test_a_broad_listener_is_not_warned(caplog: pytest.LogCaptureFixture) -> None:
    errors: list[Exception] = []
    router, _signal = thermometer(errors)
    router.add_listener(fail, "thermo")
    router.add_listener(fail, event="temperature")
    router.add_listener(fail, "thermo", "#disconnect")
    router.add_sender("valve", "moved")
    assert errors == []
    assert caplog.records == []


# no_errors, for a user's tests


def test_no_errors_makes_a_failing_listener_fail_the_test() -> None:
    router, signal = thermometer([])
    router.add_listener(fail, "thermo", "reading")
    with (
        pytest.raises(AssertionError, match="cannot take 7") as caught,
        sigcore.testing.no_errors(router),
    ):
        signal.trigger(7)
    assert isinstance(caught.value.__cause__, ListenerError)


def test_no_errors_still_tells_on_error_and_is_over_when_its_block_is() -> None:
    errors: list[Exception] = []
    router, signal = thermometer(errors)
    router.add_listener(fail, "thermo", "reading")
    with pytest.raises(AssertionError), sigcore.testing.no_errors(router):
        signal.trigger()
    signal.trigger()
    assert len(errors) == 2
