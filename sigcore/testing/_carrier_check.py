# SPDX-License-Identifier: MIT
"""``check_carrier``: the contract of ``sigcore.Carrier`` as something that runs."""

from __future__ import annotations

import asyncio

from .._carrier import Carrier
from .._endpoint import Endpoint
from ._bench import Bench
from ._carrier_rules import RULES, Scene
from ._recorder import Watch
from ._watched_loop import run_watched

_AFTERMATH_S = 0.05  # how long a call that must not come any more is waited for


def check_carrier(
    carrier: Carrier,
    listen: str,
    connect: str | None = None,
    *,
    links: int = 4,
    largest: int = 1024 * 1024,
    patience: float = 5.0,
) -> None:
    """Try every rule that a carrier must keep; needs no test framework, and takes a second or two on a fast medium.

    The carrier runs on an event loop of its own, in another thread, so that a call that blocks is found as well.

    Args:
        carrier: What the plug-in's ``sigcore_carrier()`` gives.
        listen: Where to listen, such as ``tcp://127.0.0.1:0``. Every rule listens there anew.
        connect: Where to connect; by default the endpoint that ``listen`` turned out to be bound to.
        links: How many links to try at a time; 1 for a medium that joins two ends, such as a serial line.
        largest: The most bytes in one write; less for a slow medium. About ten times as much is carried in all.
        patience: Seconds without anything new after which a wait is given up.

    Raises:
        AssertionError: The carrier breaks a rule; the message names the rule, and what happened instead.
        EndpointError: ``listen`` or ``connect`` is no endpoint.
    """
    listen_at = Endpoint.parse(listen)
    connect_at = None if connect is None else Endpoint.parse(connect)
    for rule, scene in RULES.items():

        async def try_rule(scene: Scene = scene) -> None:
            watch = Watch(patience)
            await _play(scene, Bench(carrier, listen_at, connect_at, links, largest, watch))

        try:
            run_watched(try_rule, patience)
        except Exception as error:
            found = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(f"{listen_at.scheme}:// breaks the rule '{rule}': {found}") from error


async def _play(scene: Scene, bench: Bench) -> None:
    """Play one scene, and look for what comes although it must not: late calls, errors that only the loop hears."""
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: bench.watch.fault(f"the event loop got an error: {_described(context)}")
    )
    await scene(bench)
    await asyncio.sleep(_AFTERMATH_S)
    bench.watch.raise_faults()


def _described(context: dict[str, object]) -> str:
    error = context.get("exception")
    return f"{context['message']}: {error!r}" if error else str(context["message"])
