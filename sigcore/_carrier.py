# SPDX-License-Identifier: MIT
"""What a carrier owes: the contract that every plug-in of the group ``sigcore.carriers`` keeps.

The contract is executable: ``sigcore.testing.check_carrier`` runs it against any carrier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import asyncio

    from ._endpoint import Endpoint
    from ._identity import MediumIdentity


class Listening(Protocol):
    """What ``Carrier.listen`` gives: the place where links come in.

    One that has ports, which other programs need for a while, as one that flashes firmware does, has three methods
    more. They answer the requests ``lend``, ``take_back`` and ``ports`` to the server, ``#server``:

    - ``async lend(port: str, seconds: float) -> dict``: give up a port, and take it again by itself afterwards.
    - ``async take_back(port: str) -> dict``: take it again now. Both raise ``LookupError`` for a port that is not
      theirs, and return what ``status`` says of the port.
    - ``status() -> list[dict]``: each port, with its name as ``port``; values are text, numbers, booleans or ``None``.

    Attributes:
        endpoint: The endpoint really bound; where port 0 was asked for, the port that was picked.
    """

    endpoint: Endpoint

    def close(self) -> None:
        """Stop taking new links, at once; links that exist go on. May be called twice."""

    async def wait_closed(self) -> None:
        """Return when the address is free again for another ``listen``."""


class Admission(Protocol):
    """Leave for one connection to come in, which ``protocol_factory.admit`` gives; a protocol factory, called once.

    Attributes:
        left_s: Seconds left for the whole handshake, that of the medium included; 0 when it is too late.
    """

    @property
    def left_s(self) -> float: ...

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of the link; to be called when the medium is ready."""

    def through(self, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """Return what ``make`` makes: a protocol around that of the link, which it has from the factory itself."""

    def withdraw(self) -> None:
        """The connection is lost, and ``connection_made`` of the protocol will not be called. May be called twice."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is no room for one more connection.

    Attributes:
        farewell: What to write before it is closed, so that the other side learns why.
    """

    farewell: bytes


@runtime_checkable
class Carrier(Protocol):
    """Moves bytes over one kind of medium, in order and without loss.

    The transports and protocols are asyncio's. A transport has ``write``, ``close``, ``abort``,
    ``pause_reading``, ``resume_reading``, ``is_closing`` and ``get_extra_info``. For each link:

    - ``connection_made(transport)`` comes first, ``connection_lost(exc)`` last and exactly once: ``None`` after
      our own ``close()`` or ``abort()`` and after a clean end by the peer, else the cause: any exception, or a
      ``sigcore.LinkError(text, cause="unplugged")`` whose word ``#disconnect`` says to those who listen.
    - ``data_received(data)`` gives non-empty ``bytes``, never from inside ``write``, never in a buffer that is reused.
    - ``pause_writing``/``resume_writing`` alternate, by the transport's buffer, as asyncio means them.
    - ``write`` never blocks and may be called at any time from ``connection_made`` to ``connection_lost``; after
      ``close()`` it does nothing.
    - ``close()`` flushes what was written, then ends the link; ``abort()`` ends it at once.
    - All calls come on the loop that ran ``connect`` or ``listen``.
    - ``get_extra_info("cable")`` of a medium that joins just two ends, such as a serial port, names it: the text is
      the same for every link that comes by it. So a device that is restarted has its names again at once.
    - ``get_extra_info("byte_s")`` of a slow medium says how many seconds a byte takes, so that a reader behind it is
      not taken for one that is too slow.
    - ``get_extra_info("endpoint")`` of a link that came in by an endpoint which means several places, such as a pattern
      of serial ports, says which it was, as the text of an endpoint: so peers and the log name it.

    Where a medium has text beside its links, such as the boot message of a device at a serial port, ``listen`` gives it
    to ``protocol_factory.console(source, line)``, if the factory has that: a method, called on the loop, with the
    port's name and one line of text. It becomes an event ``#console``. A factory without it is a client's: then the
    text is logged at level debug.

    A carrier that can tell who comes before it spends anything on a connection asks ``protocol_factory.admit(source)``
    first, if the factory has that: ``source`` is the address of the other side without a port, empty where the medium
    has none. It gives an ``Admission``, which stands for the factory then, or a ``Refusal``. Where a connection may be
    ended before its protocol exists, ``admit(source, give_way)`` says how: it is called where another waits for the
    place. Whoever calls the factory without asking is admitted, or turned away, by the link itself.

    Optional attributes:

    - ``is_local(endpoint) -> bool``: whether only this machine (or what is plugged into it) can reach what ``listen``
      opens. A server refuses other endpoints unless it was told ``insecure=True``; without it, nothing is local. It may
      raise ``EndpointError`` for what is no address of its kind at all.
    - ``link_defaults``: a mapping from names of ``sigcore.LinkOptions`` to this medium's own defaults. A carrier
      that wraps another has a method instead, ``link_defaults(endpoint)``.
    - ``raw_options``: a mapping of query options with which it carries the bare bytes of its medium, for carriers that
      speak to devices which do not speak sigcore: ``{"framing": "none"}`` of a serial port. Without it nothing is
      needed for that. A carrier that wraps another has a method ``raw_options(endpoint)``.

    - ``identify(transport) -> MediumIdentity | None``: what the medium itself proves of the other end: a name from a
      certificate, the user at the other end of a Unix socket, the port. It may raise ``NotAuthenticated(text)``: then
      the link is refused with that text. It looks at nothing but ``transport.get_extra_info``, so that a carrier
      which wraps this one can ask it.
    - ``is_confidential(endpoint) -> bool``: whether nobody between the two ends can read what they say; without it,
      anybody can. Tokens are sent and taken over no other.
    - ``authenticates(endpoint) -> bool``: whether ``identify`` names somebody for each link that ``listen`` takes;
      without it, for none.

    A carrier that wraps another passes on a ``protocol_factory`` with the attributes of the one that it was given.
    """

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Make one link to ``endpoint``, which has the carrier's own query options only.

        Raises:
            EndpointError: The endpoint lacks something, or has an option that this carrier does not know.
            OSError: The medium said no; the message says what was tried and what to do.
        """

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> Listening:
        """Take links at ``endpoint``; ``protocol_factory`` is called once for each that comes.

        Raises:
            EndpointError: The endpoint lacks something, or has an option that this carrier does not know.
            OSError: The address is in use, the device is absent, ...; the message says which and what to do.
        """


def is_local(carrier: Carrier, endpoint: Endpoint) -> bool:
    """Whether only this machine can reach what ``carrier.listen(endpoint)`` opens; unknown counts as no."""
    check: Callable[[Endpoint], bool] | None = getattr(carrier, "is_local", None)
    return bool(check(endpoint)) if check is not None else False


def is_confidential(carrier: Carrier, endpoint: Endpoint) -> bool:
    """Whether nobody between the two ends can read what is said over a link of ``endpoint``; unknown counts as no."""
    check: Callable[[Endpoint], bool] | None = getattr(carrier, "is_confidential", None)
    return bool(check(endpoint)) if check is not None else False


def authenticates(carrier: Carrier, endpoint: Endpoint) -> bool:
    """Whether the medium proves who is at the other end of each link that comes to ``endpoint``."""
    check: Callable[[Endpoint], bool] | None = getattr(carrier, "authenticates", None)
    return bool(check(endpoint)) if check is not None else False


def identify(carrier: Carrier, transport: asyncio.BaseTransport) -> MediumIdentity | None:
    """Return what the medium of a link proves of its other end, if anything."""
    ask: Callable[[asyncio.BaseTransport], MediumIdentity | None] | None = getattr(carrier, "identify", None)
    return ask(transport) if ask is not None else None


def link_defaults(carrier: Carrier, endpoint: Endpoint) -> Mapping[str, object]:
    """Return the medium's own defaults for ``LinkOptions``; empty when it names none."""
    defaults: Mapping[str, object] | Callable[[Endpoint], Mapping[str, object]]
    defaults = getattr(carrier, "link_defaults", {})
    return defaults(endpoint) if callable(defaults) else defaults


def raw_options(carrier: Carrier, endpoint: Endpoint) -> Mapping[str, str]:
    """Return the query options with which a carrier carries the bare bytes of its medium; empty when none are needed.

    Args:
        carrier: The carrier of the endpoint's scheme.
        endpoint: Where it would connect.
    """
    options: Mapping[str, str] | Callable[[Endpoint], Mapping[str, str]]
    options = getattr(carrier, "raw_options", {})
    return options(endpoint) if callable(options) else options


def like_factory(
    make: Callable[[], asyncio.Protocol], original: Callable[[], asyncio.Protocol]
) -> Callable[[], asyncio.Protocol]:
    """Return ``make`` with what the ``protocol_factory`` that it stands for has beside, ``console`` and ``admit``.

    Args:
        make: The factory that a carrier which wraps another gives to the one inside.
        original: The factory that it was given.
    """
    return _FactoryLike(make, original)


class _FactoryLike:
    def __init__(self, make: Callable[[], asyncio.Protocol], original: Callable[[], asyncio.Protocol]) -> None:
        self._make = make
        self._original = original

    def __call__(self) -> asyncio.Protocol:
        return self._make()

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._original, name)
        return partial(_admit_for, self._make, found) if name == "admit" else found


def _admit_for(
    make: Callable[[], asyncio.Protocol], admit: Callable[..., Admission | Refusal], *args: Any, **keywords: Any
) -> Admission | Refusal:
    """Ask for leave by ``admit``; it is ``make`` that is called then."""
    answer = admit(*args, **keywords)
    return answer if isinstance(answer, Refusal) else _AdmissionLike(make, answer)


class _AdmissionLike:
    def __init__(self, make: Callable[[], asyncio.Protocol], original: Admission) -> None:
        self._make = make
        self._original = original
        self.through = original.through
        self.withdraw = original.withdraw

    def __call__(self) -> asyncio.Protocol:
        return self._original.through(self._make)

    @property
    def left_s(self) -> float:
        return self._original.left_s
