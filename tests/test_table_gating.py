# SPDX-License-Identifier: MIT
"""Over carriers a listener hears other routers from its start on: first comes what it must get first."""

from __future__ import annotations

from typing import Any

import pytest

import sigcore
from sigcore import EventInfo, Gap, Peer, Router, Signal

from .waiting import Heard
from .ways import Ways

CELLAR = Peer("cellar")
KEYS: list[tuple[str | None, str | None]] = [("valve", "moved"), ("valve", None), (None, "moved"), (None, None)]


class GatedRouter(Router):
    """A router over carriers whose server starts its listeners."""

    _gates_remote = True

    def __init__(self, **wanted: Any) -> None:
        super().__init__(**wanted)
        self._attach(Ways())


def remote_signal(router: Router, event: str = "moved") -> Signal[int]:
    return router._add_remote_signal("valve", event, CELLAR)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("signal_first", [True, False])
def test_a_listener_hears_other_routers_from_its_start_on(
    key: tuple[str | None, str | None], signal_first: bool
) -> None:
    router = GatedRouter()
    if signal_first:
        signal = remote_signal(router)
    heard = Heard()
    listener = router.add_listener(heard, *key)
    if not signal_first:
        signal = remote_signal(router)
    signal.trigger(1)
    signal.report_gap(Gap(1, "overflow"))
    assert not signal.has_listeners
    router._start_listener(listener)
    signal.trigger(2)
    later = remote_signal(router, "stuck")
    later.trigger(3)
    assert heard.data == ([2, 3] if key[1] is None else [2])


@pytest.mark.parametrize("key", KEYS)
def test_a_sender_that_came_back_takes_nothing_from_what_its_predecessor_still_has_to_say(
    key: tuple[str | None, str | None],
) -> None:
    router = GatedRouter()
    heard = Heard()
    listener = router.add_listener(heard, *key)
    lives = [remote_signal(router) for _ in range(3)]  # and none is removed, because events of it wait
    router._start_listener(listener)
    for number, signal in enumerate(lives):
        signal.trigger(number)
        router._remove_remote_signal(signal)
    assert heard.data == [0, 1, 2]


def test_a_listener_that_was_removed_does_not_hear_the_predecessor_of_a_sender_that_came_back() -> None:
    router = GatedRouter()
    heard = Heard()
    listener = router.add_listener(heard, "valve")
    router._start_listener(listener)
    old, new = remote_signal(router), remote_signal(router)
    listener.remove()
    for signal in (old, new):
        signal.trigger(1)
    assert heard.data == []


@pytest.mark.parametrize("key", KEYS)
def test_the_senders_of_its_own_router_are_heard_at_once(key: tuple[str | None, str | None]) -> None:
    router = GatedRouter()
    signal = router.add_sender("valve", "moved", keep=1).signal("moved")
    signal.trigger(1)
    heard = Heard()
    router.add_listener(heard, *key, replay=1)
    signal.trigger(2)
    assert heard.data == [1, 2]


def test_the_others_go_on_hearing_while_one_waits_for_its_start_and_the_order_among_them_stays() -> None:
    router = GatedRouter()
    signal = remote_signal(router)
    order: list[str] = []
    listeners = {
        name: router.add_listener(lambda _info, _data, name=name: order.append(name), *key)  # type: ignore[misc]  # of a lambda with a default mypy infers no type
        for name, key in zip(("specific", "sender", "channel", "all"), KEYS, strict=True)
    }
    heard = []
    for name in ("all", "sender", "specific", "channel"):
        router._start_listener(listeners[name])
        signal.trigger(0)
        heard.append([*order])
        order.clear()
    assert heard == [["all"], ["sender", "all"], ["specific", "sender", "all"], [*listeners]]


def test_of_listeners_that_fail_the_one_that_did_is_named_though_others_wait_for_their_start() -> None:
    failed: list[Exception] = []
    router = GatedRouter(on_error=failed.append)
    signal = remote_signal(router)

    def fail(_info: EventInfo, _data: int) -> None:
        raise ValueError

    listeners = [router.add_listener(fail) for _ in range(3)]
    router._start_listener(listeners[1])
    signal.trigger(1)
    assert [error.listener for error in failed if isinstance(error, sigcore.ListenerError)] == [listeners[1]]


def test_a_listener_that_is_removed_before_its_start_hears_nothing_and_harms_nobody() -> None:
    router = GatedRouter()
    signal = remote_signal(router)
    heard, other = Heard(), Heard()
    listener = router.add_listener(heard)
    router._start_listener(router.add_listener(other))
    listener.remove()
    router._start_listener(listener)
    signal.trigger(1)
    assert (heard.data, other.data) == ([], [1])


def test_what_other_routers_have_kept_comes_to_one_listener_before_its_start() -> None:
    router = GatedRouter()
    signal = remote_signal(router)
    one, other = Heard(), Heard()
    listener = router.add_listener(one, replay=2)
    router._start_listener(router.add_listener(other))
    for number in (1, 2):
        router._tell_kept(listener, signal, number, None)
    router._start_listener(listener)
    signal.trigger(3)
    assert (one.data, other.data) == ([1, 2, 3], [3])


@pytest.mark.parametrize("networked", [True, False])
def test_where_nobody_starts_listeners_they_hear_other_routers_at_once(networked: bool) -> None:
    router = Router()
    if networked:
        router._attach(Ways())
    signal = remote_signal(router)
    heard = Heard()
    assert router.add_listener(heard).hears_remote
    signal.trigger(1)
    assert heard.data == [1]
