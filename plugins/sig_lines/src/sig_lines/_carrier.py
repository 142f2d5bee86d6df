# SPDX-License-Identifier: MIT
"""The carrier of ``lines+...://``: around the carrier of a medium, a device's own text protocol."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches

import sigcore

from ._calling import Calling
from ._description import Description, describe
from ._devices import Devices
from ._inside import inside_at, inside_of
from ._listening import LinesListening
from ._options import TABLES, LinesOptions

_OWN_OPTIONS = tuple(field.name for field in fields(LinesOptions))

Factory = Callable[[], asyncio.Protocol]


class LinesCarrier:
    """Makes a sender of each device that speaks lines of text; a ``sigcore.Carrier`` for servers.

    The carrier inside moves the device's bytes. One with ``raw_options``, such as the serial carrier, listens: its
    devices are plugged in here. Any other connects to the device, again and again.
    """

    def is_local(self, endpoint: sigcore.Endpoint) -> bool:
        """Tell what the carrier inside says; ``True`` where it connects: then nobody else can connect to anything.

        Raises:
            EndpointError: The endpoint wraps no carrier, or the carrier cannot do with it.
        """
        inside = _taken_apart(endpoint)
        check: Callable[[sigcore.Endpoint], bool] | None = getattr(inside.carrier, "is_local", None)
        if not inside.listens:
            return True
        return bool(check(inside.endpoint)) if check is not None else False

    def is_confidential(self, endpoint: sigcore.Endpoint) -> bool:
        """Return ``True``: what a device's own router and the server say to each other does not leave the process."""
        return True

    def authenticates(self, endpoint: sigcore.Endpoint) -> bool:
        """Return ``True``: the routers that come are this process's own."""
        return True

    def identify(self, transport: asyncio.BaseTransport) -> sigcore.MediumIdentity | None:
        """Return what the carrier inside says of the device; ``local:lines`` where that knows nothing."""
        inside = inside_of(transport)
        return None if inside is None else inside.identity

    async def connect(
        self, endpoint: sigcore.Endpoint, protocol_factory: Factory
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect a device's own router to the server; nobody else has anything to connect to.

        Raises:
            EndpointError: Always, but for the private endpoint of such a router.
        """
        inside = inside_at(endpoint)
        if inside is not None:
            return await inside.connect(protocol_factory)
        raise sigcore.EndpointError(
            f"{_shown(endpoint)} is a device that speaks no sigcore, so a client cannot connect to it. Give it to a "
            "server, as in sigcore.ServerRouter([...]), and connect to that; the device is one of its senders"
        )

    async def listen(self, endpoint: sigcore.Endpoint, protocol_factory: Factory) -> LinesListening:
        """Make a sender of each device that comes, for as long as it is there.

        Raises:
            EndpointError: An option is wrong; the message says which, and what it takes.
            PluginError: The carrier inside cannot be had.
            OSError: The carrier inside says no; an absent device is nothing of the kind.
        """
        inside = _taken_apart(endpoint)
        try:
            return await self._listen(endpoint, inside, protocol_factory)
        except sigcore.EndpointError as error:
            raise sigcore.EndpointError(_in_words_of(endpoint, inside.endpoint, str(error))) from error

    async def _listen(self, endpoint: sigcore.Endpoint, inside: _Inside, protocol_factory: Factory) -> LinesListening:
        identify = getattr(inside.carrier, "identify", None) if inside.listens else None
        devices = Devices(inside.endpoint, inside.description, protocol_factory, identify)
        medium: sigcore.Listening
        if inside.listens:
            make_wire = sigcore.like_factory(devices.make_wire, protocol_factory)
            medium = await inside.carrier.listen(inside.endpoint, make_wire)
        else:
            medium = calling = Calling(inside.carrier, inside.endpoint, devices.make_wire)
            await calling.check()
        devices.begin()
        return LinesListening(_shown(endpoint), medium, devices)


@dataclass(frozen=True, slots=True)
class _Inside:
    """An endpoint taken apart.

    Attributes:
        description: What the devices are like.
        carrier: The carrier inside.
        endpoint: Its endpoint, with what makes it give bare bytes.
        listens: Whether that carrier listens for devices, rather than connect to one.
    """

    description: Description
    carrier: sigcore.Carrier
    endpoint: sigcore.Endpoint
    listens: bool


def _taken_apart(endpoint: sigcore.Endpoint) -> _Inside:
    options, rest = endpoint.take_options(LinesOptions)
    inner = rest.unwrapped()
    carrier = sigcore.load_carrier(inner.scheme)
    raw = sigcore.raw_options(carrier, inner)
    given = dict(inner.query)
    for name, value in raw.items():
        if given.get(name, value) != value:
            raise sigcore.EndpointError(f"{_shown(endpoint)} needs {name}={value}, and says {name}={given[name]}")
    query = (*inner.query, *((name, value) for name, value in raw.items() if name not in given))
    try:
        description = describe(options, skips_first=bool(raw))
    except ValueError as error:
        raise sigcore.EndpointError(f"{_shown(endpoint)}: {error}") from error
    return _Inside(description, carrier, replace(inner, query=query), bool(raw))


def _in_words_of(endpoint: sigcore.Endpoint, inner: sigcore.Endpoint, text: str) -> str:
    """Return the inner carrier's error about ``inner``, as one about the endpoint that was given."""
    text = text.removeprefix(f"{inner}: ")
    for name, _ in inner.query:
        unknown = f"unknown option {name!r}"
        if text.startswith(unknown):
            hint, _, options = text.removeprefix(unknown).partition(" its own options are: ")
            near = get_close_matches(name, (*_OWN_OPTIONS, *re.findall(r"'(\w+)'", hint)), n=1)
            guess = f"; did you mean {near[0]!r}?" if near else ";"
            own = f"lines+... takes: {', '.join(sorted(_OWN_OPTIONS))}"
            text = f"{unknown}{guess} {own}; {inner.scheme} takes: {options}"
    return f"{_shown(endpoint)}: {text}"


def _shown(endpoint: sigcore.Endpoint) -> sigcore.Endpoint:
    """Return the endpoint without its tables, which are too long to show."""
    return replace(endpoint, query=tuple(pair for pair in endpoint.query if pair[0] not in TABLES))
