# SPDX-License-Identifier: MIT
"""Nanoseconds per trigger in one process, beside the limit: a method that loops over a tuple.

Run ``python benchmarks/in_process.py``. Both are measured in turn in one run, so compare the ratios.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import sigcore

ROUNDS = 25
NUMBER = 20_000


class Limit:
    """What no dispatcher in Python can beat: no guard, no look-up, no removal."""

    def __init__(self, calls: list[Callable[..., None]]) -> None:
        self.calls = tuple(calls)
        self.info = sigcore.EventInfo("sender", "event")

    def trigger(self, data: object) -> None:
        info = self.info
        for call in self.calls:
            call(info, data)


def copies(number: int) -> list[Callable[..., None]]:
    """Return distinct functions that do the same, as real listeners are distinct."""
    return [lambda info, data: None for _ in range(number)]


def row(listeners: int) -> None:
    router = sigcore.Router()
    signal = router.add_sender("sender", "event").signal("event")
    functions = copies(listeners)
    for function in functions:
        router.add_listener(function, "sender", "event")
    limit = Limit(functions)
    ns = timed(("limit.trigger(1)", "signal.trigger(1)"), {"limit": limit, "signal": signal})
    print(f"{listeners:>5} listeners   limit {ns[0]:7.0f} ns   signal {ns[1]:7.0f} ns   {ns[1] / ns[0]:.2f} x")


def four_kinds() -> None:
    router = sigcore.Router()
    sender = router.add_sender("sender", "event")
    keys = (("sender", "event"), ("sender", None), (None, "event"), (None, None))
    functions = copies(4)
    for function, (who, event) in zip(functions, keys, strict=True):
        router.add_listener(function, who, event)
    variables = {"limit": Limit(functions), "signal": sender.signal("event"), "sender": sender}
    ns = timed(("limit.trigger(1)", "signal.trigger(1)", "sender.trigger('event', 1)"), variables)
    print(f"   four kinds     limit {ns[0]:7.0f} ns   signal {ns[1]:7.0f} ns   {ns[1] / ns[0]:.2f} x", end="")
    print(f"   with the look-up {ns[2]:.0f} ns")


def registration() -> None:
    router = sigcore.Router()
    router.add_sender("sender", "event")
    for function in copies(1_000):
        router.add_listener(function, "sender", "event")
    functions = copies(500)
    began = timeit.default_timer()
    added = [router.add_listener(function, "sender", "event") for function in functions]
    middle = timeit.default_timer()
    for one in added:
        one.remove()
    ended = timeit.default_timer()
    print(
        f"   at 1000 listeners: add {(middle - began) / 500 * 1e9:.0f} ns, remove {(ended - middle) / 500 * 1e9:.0f} ns"
    )


def timed(statements: tuple[str, ...], variables: dict[str, object]) -> list[float]:
    """Return the least ns per call of each statement, measured in turn."""
    timers = [timeit.Timer(statement, globals=variables) for statement in statements]
    least = [float("inf")] * len(timers)
    for _ in range(ROUNDS):
        for index, timer in enumerate(timers):
            least[index] = min(least[index], timer.timeit(NUMBER) / NUMBER * 1e9)
    return least


if __name__ == "__main__":
    for number in (0, 1, 10, 100):
        row(number)
    four_kinds()
    registration()
