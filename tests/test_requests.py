# SPDX-License-Identifier: MIT
"""Requests in one process: a result, or the error that says why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import sigcore
from sigcore import Router


@dataclass
class Ack:
    offset: float


def thermo(router: Router, **arguments: Any) -> sigcore.Sender:
    return router.add_sender("thermo", **arguments)


def test_a_request_gets_what_the_handler_returns() -> None:
    router = Router()
    thermo(router, requests={"double": lambda params: params * 2, "nothing": lambda _params: None})
    assert router.request("thermo", "double", 21) == 42
    assert router.request("thermo", "nothing") is None


def test_the_handler_gets_the_very_object_and_none_where_nothing_was_given() -> None:
    router = Router()
    seen: list[Any] = []
    thermo(router, requests={"take": seen.append})
    data = object()
    router.request("thermo", "take", data)
    router.request("thermo", "take")
    assert seen == [data, None]


def test_the_fallback_answers_every_method_that_is_not_declared() -> None:
    router = Router()
    sender = thermo(router, requests={"known": lambda _params: "handler"}, fallback=lambda *asked: asked)
    assert sender.requests == ("known",)
    assert router.request("thermo", "known") == "handler"
    assert router.request("thermo", "anything", 7) == ("anything", 7)


def test_nobody_there_is_said_with_who_is_there() -> None:
    router = Router()
    router.add_sender("valve")
    with pytest.raises(sigcore.SenderNotFound, match=r"'thermo'.*valve") as caught:
        router.request("thermo", "calibrate")
    assert isinstance(caught.value, LookupError)
    thermo(router).remove()
    with pytest.raises(sigcore.SenderNotFound):
        router.request("thermo", "calibrate")


def test_a_method_that_is_not_answered_is_said_with_those_that_are() -> None:
    router = Router()
    thermo(router, requests={"calibrate": abs, "reset": abs})
    with pytest.raises(sigcore.MethodNotFound, match=r"'callibrate'.*calibrate, reset") as caught:
        router.request("thermo", "callibrate")
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("error", [ValueError("too hot"), KeyError("x"), SystemExit(3)])
def test_a_handler_that_raises_gives_request_failed_with_the_original_as_cause(error: BaseException) -> None:
    def fail(_params: Any) -> None:
        raise error

    router = Router()
    thermo(router, requests={"fail": fail}, fallback=lambda _method, _params: fail(None))
    for method in ("fail", "other"):
        with pytest.raises(sigcore.RequestFailed, match=type(error).__name__) as caught:
            router.request("thermo", method)
        assert caught.value.__cause__ is error


def test_an_error_of_sigcore_raised_by_a_handler_is_the_handler_s_failure_too() -> None:
    router = Router()
    thermo(router, requests={"relay": lambda _params: router.request("nobody", "x")})
    with pytest.raises(sigcore.RequestFailed, match="SenderNotFound") as caught:
        router.request("thermo", "relay")
    assert isinstance(caught.value.__cause__, sigcore.SenderNotFound)


def test_ctrl_c_in_a_handler_ends_the_program_and_not_only_the_request() -> None:
    def interrupted(_params: Any) -> None:
        raise KeyboardInterrupt

    router = Router()
    thermo(router, requests={"wait": interrupted})
    with pytest.raises(KeyboardInterrupt):
        router.request("thermo", "wait")


def test_a_result_is_turned_into_the_type_asked_for() -> None:
    router = Router()
    thermo(router, requests={"calibrate": lambda params: params})
    assert router.request("thermo", "calibrate", {"offset": 0.2}, type=Ack) == Ack(0.2)
    with pytest.raises(sigcore.TypeMismatch, match="offset"):
        router.request("thermo", "calibrate", {"offset": "warm"}, type=Ack)


def test_a_handler_may_ask_other_senders_and_trigger() -> None:
    router = Router()
    seen: list[Any] = []
    valve = router.add_sender("valve", "moved", {"open": lambda params: params + 1})

    def open_by_half(params: int) -> Any:
        valve.trigger("moved", params)
        return router.request("valve", "open", params)

    thermo(router, requests={"open": open_by_half})
    router.add_listener(lambda _info, data: seen.append(data), "valve")
    assert router.request("thermo", "open", 1) == 2
    assert seen == [1]


def test_in_one_process_the_caller_is_nobody_else() -> None:
    router = Router()
    thermo(router, requests={"who": lambda _params: sigcore.caller()})
    assert router.request("thermo", "who") is None
    assert sigcore.caller() is None


async def asynchronous(*_args: Any) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"requests": {"calibrate": asynchronous}}, "calibrate"), ({"fallback": asynchronous}, "fallback")],
)
def test_an_async_handler_is_refused_where_there_is_no_loop(arguments: dict[str, Any], named: str) -> None:
    router = Router()
    with pytest.raises(TypeError, match=rf"{named}.*sigcore\.aio"):
        thermo(router, **arguments)
    assert router.senders() == []
    thermo(router)  # the refused one holds no name


@pytest.mark.parametrize("arguments", [{"requests": {"calibrate": 5}}, {"fallback": "calibrate"}])
def test_what_cannot_be_called_is_refused_as_a_handler(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must be a function"):
        thermo(Router(), **arguments)


def test_the_declared_methods_can_be_seen_and_changing_the_mapping_later_changes_nothing() -> None:
    router = Router()
    requests: dict[str, Callable[[Any], Any]] = {"calibrate": abs}
    sender = thermo(router, requests=requests)
    requests["later"] = abs
    assert sender.requests == ("calibrate",)
    with pytest.raises(sigcore.MethodNotFound):
        router.request("thermo", "later", 1)
