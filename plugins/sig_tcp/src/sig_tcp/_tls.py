# SPDX-License-Identifier: MIT
"""The carrier ``tls://host:port``: TCP, encrypted, where the server proves who it is, and clients may have to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any, cast

from sigcore import Endpoint, EndpointError, MediumIdentity, NotAuthenticated, get_logger

from ._acceptor import Acceptor
from ._addresses import is_loopback
from ._admission import HANDSHAKE_S, Factory, Leave
from ._listening import SocketListening
from ._seldom import Seldom
from ._tcp import connect_tcp, listen_tcp, port_of
from ._tls_context import client_context, server_context
from ._tls_errors import EndedInHandshake, HandshakeTooLong, NotTls, explained
from ._tls_files import Certificates
from ._tls_identity import identity_of
from ._tls_link import TlsLink
from ._tls_options import TlsOptions

_log = get_logger("sigcore.tls")


class TlsCarrier:
    """Makes links over TLS 1.3, with servers and clients of others over TLS 1.2 as well."""

    def is_local(self, endpoint: Endpoint) -> bool:
        """Tell whether only this machine can reach ``endpoint``: a loopback address, or a name for one.

        Raises:
            EndpointError: It is no such address, which says more than that it is not local.
        """
        port_of(endpoint)
        return is_loopback(endpoint.host)

    def is_confidential(self, endpoint: Endpoint) -> bool:
        """Return ``True``: nobody between the two ends can read what is said."""
        return True

    def authenticates(self, endpoint: Endpoint) -> bool:
        """Tell whether each link that ``listen`` takes there has proven an identity: with ``ca``, unless optional.

        Raises:
            EndpointError: An option is wrong.
        """
        return endpoint.options(TlsOptions).wants_client_cert

    def identify(self, transport: asyncio.BaseTransport) -> MediumIdentity | None:
        """Return who the other side's certificate says that it is; ``None`` when it has shown none.

        Raises:
            NotAuthenticated: It has not exactly one name that can be an identity.
        """
        certificate: dict[str, Any] | None
        try:
            certificate = transport.get_extra_info("peercert")
        except ValueError as error:
            raise NotAuthenticated(
                f"the names in your certificate cannot be read, perhaps no UTF-8: {error}"
            ) from error
        return identity_of(certificate) if certificate else None

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Make a link to ``endpoint``, whose certificate must be in order, and name its host.

        Raises:
            EndpointError: There is no host or no port, an option is wrong, or a file is none of what its option says.
            NotAuthenticated: The server's certificate is not accepted, or this side's is not.
            RemoteProtocolError: The server speaks no TLS, or none that is new enough.
            OSError: Nobody listens there, the name does not resolve, no way leads there, ...
        """
        options = endpoint.options(TlsOptions)
        port_of(endpoint)
        # The authorities of the system take a while to read: 70 ms on a small machine.
        context = await asyncio.to_thread(client_context, endpoint, options)
        name = _name_for(endpoint, options)

        def make() -> TlsLink:
            return TlsLink(context, protocol_factory, HANDSHAKE_S, server_name=name)

        below, link = await connect_tcp(endpoint, make, options)
        assert isinstance(link, TlsLink)
        try:
            protocol = await link.ready
        except BaseException as error:
            below.abort()
            if isinstance(error, TimeoutError):
                raise TimeoutError(f"cannot connect to {endpoint}: {error}; is it a tls:// server?") from error
            if isinstance(error, Exception):
                raise explained(error, is_server=False, where=str(endpoint)) from error
            raise
        return link.transport, protocol

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> SocketListening:
        """Take links at every address of ``endpoint``; without a host, at every interface.

        Raises:
            EndpointError: There is no port or no certificate, an option is wrong, or a file is none of what its option
                says.
            OSError: The port is in use, the address is not this machine's, the name does not resolve, ...
        """
        options = endpoint.options(TlsOptions)
        port_of(endpoint)
        certificates = Certificates(lambda: server_context(endpoint, options), options.files)
        entrance = _Entrance(certificates)
        bound, acceptors = await listen_tcp(endpoint, protocol_factory, options, ways=entrance.way, tells=False)
        entrance.where = str(bound)
        certificates.watch()
        return TlsListening(bound, acceptors, certificates, entrance)


class TlsListening(SocketListening):
    """Sockets that take links over TLS."""

    def __init__(
        self, endpoint: Endpoint, acceptors: Iterable[Acceptor], certificates: Certificates, entrance: _Entrance
    ) -> None:
        super().__init__(endpoint, acceptors)
        self._certificates = certificates
        self._entrance = entrance

    def reload(self) -> None:
        """Read certificates, keys and lists again now; what is no good is logged, and changes nothing."""
        self._certificates.reload()

    def close(self) -> None:
        """Stop taking links, at once; links that exist go on, those that are just shaking hands end."""
        super().close()
        self._certificates.close()
        self._entrance.close()


class _Entrance:
    """What has come, and is no link yet.

    Attributes:
        certificates: What counts for the next connection.
        coming: The ends of these connections.
        where: What to call it in the log: the endpoint really bound.
    """

    def __init__(self, certificates: Certificates) -> None:
        self.certificates = certificates
        self.where = ""
        self.coming: set[TlsLink] = set()
        self._seldom = Seldom(_log)

    def way(self, source: str) -> _Way:
        """Return the way in of one connection."""
        return _Way(self, source)

    def close(self) -> None:
        """End what has not become a link."""
        for link in tuple(self.coming):
            link.ready.cancel()
            link.abort()

    def settled(self, link: TlsLink, source: str) -> None:
        """Take down that a connection has become a link, or that it never will, and why."""
        self.coming.discard(link)
        error = None if link.ready.cancelled() else link.ready.exception()
        if error is None:
            return
        if isinstance(error, EndedInHandshake) and not error.begin:
            _log.debug("%s: %s looked in and left", self.where, source)
            return
        self._seldom.warn(_cause_of(error), f"{self.where}: no link with {source}: {_told(cast(Exception, error))}")


class _Way:
    """The way in of one connection: a TLS handshake, then the link."""

    def __init__(self, entrance: _Entrance, source: str) -> None:
        self._entrance = entrance
        self._source = source
        self._link: TlsLink | None = None
        self._is_given = False

    def give_way(self) -> None:
        """End the handshake, because another connection waits for the place."""
        self._is_given = True
        if self._link is not None:
            self._link.hurry(TimeoutError("its TLS handshake took its time while others were waiting"))

    def in_by(self, leave: Leave) -> Factory:
        """Return the factory of this side's end of TLS, which makes the link by ``leave`` when it has shaken hands."""

        def make() -> TlsLink:
            within_s = 0.0 if self._is_given else leave.left_s
            link = self._link = TlsLink(self._entrance.certificates.context, leave, within_s, gone=leave.withdraw)
            self._entrance.coming.add(link)
            link.ready.add_done_callback(lambda _: self._entrance.settled(link, self._source))
            return link

        return make


def _cause_of(error: BaseException) -> str:
    return error.reason or "tls" if isinstance(error, ssl.SSLError) else type(error).__name__


def _told(error: Exception) -> str:
    if isinstance(error, NotTls):
        return f"{error}; this endpoint is tls://, use that on both sides"
    if isinstance(error, (EndedInHandshake, HandshakeTooLong)):
        return str(error)
    return str(explained(error, is_server=True))


def _name_for(endpoint: Endpoint, options: TlsOptions) -> str:
    """Return whom the server's certificate must name.

    Raises:
        EndpointError: The option ``server_name`` is no name.
    """
    if options.server_name is None:
        return _name_of(endpoint.host)
    try:
        return _name_of(options.server_name)
    except UnicodeError as error:
        text = f"option server_name: {options.server_name!r} is no host name ({error}); check how it is written"
        raise EndpointError(f"{endpoint}: {text}") from error


def _name_of(host: str) -> str:
    """Return a host as certificates name it: without the zone of an address, without the dot at the end of a name."""
    return host.partition("%")[0].removesuffix(".").encode("idna").decode()
