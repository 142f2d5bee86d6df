# SPDX-License-Identifier: MIT
"""The options of ``tls://``, as in ``tls://:3000?cert=server.crt&key=server.key&ca=ca.crt``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ._options import TcpOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions(TcpOptions):
    """Options of ``tls://``, beside those of ``tcp://``. Files are in PEM form.

    Attributes:
        cert: The file with this side's certificate, and with those between it and the authority's. A server needs one.
        key: The file with the key to it; ``None`` when that stands in ``cert`` as well.
        key_password: Where the password of an encrypted key is: ``env:NAME``, ``file:/path`` or ``credential:NAME``.
        ca: The file with the authorities whose certificates are accepted. For a client ``None`` stands for those of the
            system; a server that has some wants a certificate of each client.
        crl: The file with the authorities' lists of revoked certificates.
        client_cert: Whether a server with ``ca`` lets in clients that have no certificate: ``"optional"`` for yes.
        server_name: For clients: the name or address that the server's certificate must have, where that is not the
            endpoint's host.
        min_version: The oldest version of TLS: ``"1.2"`` or ``"1.3"``. ``None`` stands for 1.3 when connecting, and for
            1.2 when listening.
    """

    cert: str | None = None
    key: str | None = None
    key_password: str | None = None
    ca: str | None = None
    crl: str | None = None
    client_cert: Literal["required", "optional"] | None = None
    server_name: str | None = None
    min_version: Literal["1.2", "1.3"] | None = None

    def __post_init__(self) -> None:
        super(TlsOptions, self).__post_init__()  # slots=True makes a new class, which super() is not told
        if self.cert is None and (self.key is not None or self.key_password is not None):
            raise ValueError("key says which key, but not to which certificate; name that with cert")
        if self.client_cert is not None and self.ca is None:
            raise ValueError("client_cert needs ca, the file with the authorities whose certificates clients may have")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read."""
        return tuple(path for path in (self.cert, self.key, self.ca, self.crl) if path is not None)

    @property
    def wants_client_cert(self) -> bool:
        """Whether a server with these options lets in nobody without a certificate."""
        return self.ca is not None and self.client_cert != "optional"
