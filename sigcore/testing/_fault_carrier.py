# SPDX-License-Identifier: MIT
"""The carrier ``fault+...://``: any other carrier, with whatever can go wrong on a link."""

from __future__ import annotations

import asyncio
import errno
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import NamedTuple, cast
from weakref import WeakKeyDictionary

from .._carrier import (
    Carrier,
    Listening,
    authenticates,
    identify,
    is_confidential,
    is_local,
    like_factory,
    link_defaults,
    raw_options,
)
from .._endpoint import Endpoint
from .._identity import MediumIdentity
from .._plugins import load_carrier
from ._fault_link import INSIDE, FaultLink, Plan
from ._fault_options import FaultOptions, Side
from ._faults import Faults, faults_of

Factory = Callable[[], asyncio.Protocol]


class FaultCarrier:
    """Wraps the carrier that the rest of the scheme names, and has its links go wrong as the options say.

    Links are numbered from 1, for each endpoint: those that connect, for each event loop; those that come, for each
    call of ``listen``.
    """

    def __init__(self) -> None:
        self._tries: WeakKeyDictionary[asyncio.AbstractEventLoop, Counter[Endpoint]] = WeakKeyDictionary()
        self._tries_lock = threading.Lock()

    def is_local(self, endpoint: Endpoint) -> bool:
        """Tell what the carrier inside says."""
        inside = _taken_apart(endpoint)
        return is_local(inside.carrier, inside.endpoint)

    def is_confidential(self, endpoint: Endpoint) -> bool:
        """Tell what the carrier inside says."""
        inside = _taken_apart(endpoint)
        return is_confidential(inside.carrier, inside.endpoint)

    def authenticates(self, endpoint: Endpoint) -> bool:
        """Tell what the carrier inside says."""
        inside = _taken_apart(endpoint)
        return authenticates(inside.carrier, inside.endpoint)

    def identify(self, transport: asyncio.BaseTransport) -> MediumIdentity | None:
        """Tell what the carrier inside says."""
        inside: tuple[Carrier, asyncio.BaseTransport] | None = transport.get_extra_info(INSIDE)
        return None if inside is None else identify(*inside)

    def link_defaults(self, endpoint: Endpoint) -> Mapping[str, object]:
        """Return the defaults of the carrier inside."""
        inside = _taken_apart(endpoint)
        return link_defaults(inside.carrier, inside.endpoint)

    def raw_options(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Return those of the carrier inside."""
        inside = _taken_apart(endpoint)
        return raw_options(inside.carrier, inside.endpoint)

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Factory
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Make a link over the carrier inside.

        Raises:
            EndpointError: The scheme wraps nothing, an option is malformed, or there is no ``Faults`` of that name.
            PluginError: The carrier inside cannot be loaded.
            OSError: The option ``refuse``, or the carrier inside, said no.
        """
        inside = _taken_apart(endpoint)
        plan = inside.plan("connect", self._count_try(endpoint), endpoint)
        if _is_refused(plan):
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"a fault refused {plan}")
        make = like_factory(lambda: FaultLink(plan, protocol_factory()), protocol_factory)
        _, link = await inside.carrier.connect(inside.endpoint, make)
        assert isinstance(link, FaultLink)
        return link.transport, link.program

    async def listen(self, endpoint: Endpoint, protocol_factory: Factory) -> Listening:
        """Take links over the carrier inside.

        Raises:
            EndpointError: The scheme wraps nothing, an option is malformed, or there is no ``Faults`` of that name.
            PluginError: The carrier inside cannot be loaded.
            OSError: The carrier inside said no.
        """
        inside = _taken_apart(endpoint)
        numbers = count(1)

        def take() -> asyncio.Protocol:
            plan = inside.plan("listen", next(numbers), endpoint)
            return _Refused() if _is_refused(plan) else FaultLink(plan, protocol_factory())

        return _FaultListening(
            endpoint, await inside.carrier.listen(inside.endpoint, like_factory(take, protocol_factory))
        )

    def _count_try(self, endpoint: Endpoint) -> int:
        with self._tries_lock:
            tries = self._tries.setdefault(asyncio.get_running_loop(), Counter())
            tries[endpoint] += 1
            return tries[endpoint]


class _Inside(NamedTuple):
    """An endpoint taken apart."""

    options: FaultOptions
    faults: Faults | None
    carrier: Carrier
    endpoint: Endpoint

    def plan(self, side: Side, number: int, endpoint: Endpoint) -> Plan:
        """Return what is to go wrong on the link of that number."""
        is_clean = self.options.times is not None and number > self.options.times
        return Plan(
            FaultOptions() if is_clean else self.options, self.faults, side, number, str(endpoint), self.carrier
        )


def _taken_apart(endpoint: Endpoint) -> _Inside:
    options, rest = endpoint.take_options(FaultOptions)
    inside = rest.unwrapped()
    faults = None if options.faults is None else faults_of(options.faults, endpoint)
    return _Inside(options, faults, load_carrier(inside.scheme), inside)


def _is_refused(plan: Plan) -> bool:
    if plan.faults is not None and plan.faults.is_refusing:
        return True
    return random.Random(plan.seed("refuse")).random() < plan.options.refuse  # noqa: S311  # to be repeated, no secret


class _Refused(asyncio.Protocol):
    """Ends a link that came, before anybody hears of it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


class _FaultListening:
    """What listens inside, under the name that was asked for.

    Attributes:
        endpoint: The endpoint really bound, with the faults.
    """

    def __init__(self, asked: Endpoint, inside: Listening) -> None:
        self.endpoint = replace(inside.endpoint, scheme=asked.scheme, query=asked.query)
        self._inside = inside

    def close(self) -> None:
        """Stop taking new links, at once; links that exist go on."""
        self._inside.close()

    async def wait_closed(self) -> None:
        """Return when the address is free again."""
        await self._inside.wait_closed()

    def __getattr__(self, name: str) -> object:
        """Return what the one inside has beside: ``lend``, ``take_back``, ``status``."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._inside, name)
