# SPDX-License-Identifier: MIT
"""Why there is no TLS link, in words that say what to do."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from sigcore import LinkError, NotAuthenticated, RemoteProtocolError

from ._first_bytes import what_speaks


class NotTls(Exception):
    """The other side began with something that is no TLS.

    Attributes:
        begin: Its first bytes.
    """

    def __init__(self, begin: bytes) -> None:
        super().__init__(f"it speaks {what_speaks(begin)}: it began with {begin!r}")
        self.begin = begin


class EndedInHandshake(ConnectionError):
    """The other side closed before the handshake was done.

    Attributes:
        begin: Its first bytes; empty when it said nothing at all.
    """

    def __init__(self, begin: bytes) -> None:
        super().__init__("the other side closed the connection in the middle of the TLS handshake")
        self.begin = begin


class HandshakeTooLong(ConnectionError):
    """The other side said more than a handshake has."""

    def __init__(self, most: int) -> None:
        super().__init__(f"its TLS handshake has more than {most} bytes")


# X509_V_ERR_... of OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _CRL_EXPIRED, _REVOKED, _NO_CRL = 9, 10, 12, 23, 3
_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN, _NO_ISSUER, _UNSIGNED_LEAF = 18, 19, 20, 21
_PURPOSE, _WRONG_HOST, _WRONG_ADDRESS = 26, 62, 64

_OTHER_CA = "it is not signed by the authority that the option ca names (without it: by one of this system's)"

_CERTIFICATE: Mapping[int, tuple[str, str]] = {
    _NOT_YET_VALID: ("it is not valid yet", "set the clock of this machine, or wait"),
    _EXPIRED: ("it has expired", "renew it, or set the clock of this machine"),
    _CRL_EXPIRED: ("the list of revoked certificates is out of date", "fetch a new one for the option crl"),
    _NO_CRL: ("its authority has no list of revoked certificates in the option crl", "add that list to the file"),
    _PURPOSE: ("it is not for this purpose", "have one issued for a server, or for a client, as its owner is one"),
    _REVOKED: ("it was revoked", "have a new one issued"),
    _SELF_SIGNED: ("it is signed by itself alone", "name it, or the authority it should have, in the option ca"),
    _SELF_SIGNED_IN_CHAIN: (_OTHER_CA, "name the authority that signed it in the option ca"),
    _NO_ISSUER: (_OTHER_CA, "name the authority that signed it in the option ca"),
    _UNSIGNED_LEAF: (_OTHER_CA, "name the authority that signed it in the option ca"),
    _WRONG_HOST: (
        "it names other hosts",
        "connect by a name that it has, or say which one with the option server_name",
    ),
    _WRONG_ADDRESS: (
        "it names other hosts",
        "connect by a name that it has, or say which one with the option server_name",
    ),
}
"""What is the matter with the other side's certificate, and what to do."""

_ALERTS: Mapping[str, str] = {
    "CERTIFICATE_REQUIRED": "it wants a certificate of this side; name one with the options cert and key",
    "UNKNOWN_CA": "it does not know the authority that signed this side's certificate; have one issued by its own",
    "CERTIFICATE_EXPIRED": (
        "this side's certificate has expired, or the server's list of revoked ones has (its log says which); renew it, "
        "or set the clocks"
    ),
    "CERTIFICATE_REVOKED": "this side's certificate was revoked; have a new one issued",
    "BAD_CERTIFICATE": "it does not take this side's certificate; its log says why",
    "CERTIFICATE_UNKNOWN": "it does not take this side's certificate; its log says why",
    "UNSUPPORTED_CERTIFICATE": (
        "this side's certificate is not for this purpose; have one issued for a server, or for a client, as it is one"
    ),
    "ACCESS_DENIED": "it does not let this side in",
}
"""What the other side says is wrong with us; the keys are the ends of OpenSSL's names of its alerts."""

_VERSION = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"})
_TOO_OLD = "the two sides have no version of TLS in common"


def explained(error: Exception, *, is_server: bool, where: str = "") -> Exception:
    """Return what to raise, or to log, for an error of a handshake or a link.

    Args:
        error: What OpenSSL, the link or the system said.
        is_server: Whether this side listened.
        where: What was tried, to open the message: an endpoint. Empty where the link existed already.
    """
    prefix = f"cannot connect to {where}: " if where else ""
    if isinstance(error, NotTls):
        advice = "use tcp:// for it, or have the server listen at tls://"
        return RemoteProtocolError(f"{prefix}the server there speaks no TLS ({error}); {advice}", code="not_sigcore")
    if isinstance(error, EndedInHandshake):
        if error.begin:
            return ConnectionResetError(f"{prefix}{error}; its log may say why")
        text = "the server closed the connection without a word of TLS"
        return ConnectionResetError(f"{prefix}{text}: it speaks none (use tcp:// then), or has no room; see its log")
    if isinstance(error, ssl.SSLCertVerificationError):
        side = "client" if is_server else "server"
        return NotAuthenticated(f"{prefix}the {side}'s certificate is not accepted: {certificate_fault(error)}")
    if isinstance(error, ssl.SSLError):
        return _of_reason(error, prefix, is_server=is_server)
    return error


def certificate_fault(error: ssl.SSLCertVerificationError) -> str:
    """Return what is the matter with a certificate, and what to do."""
    found, advice = _CERTIFICATE.get(error.verify_code, (error.verify_message, "have one issued that is in order"))
    detail = f" ({error.verify_message})" if error.verify_code in (_WRONG_HOST, _WRONG_ADDRESS) else ""
    return f"{found}{detail}; {advice}"


def _of_reason(error: ssl.SSLError, prefix: str, *, is_server: bool) -> Exception:
    reason = error.reason or str(error)
    if reason in _VERSION:
        advice = "the other side is older than TLS 1.2" if is_server else "say min_version=1.2 if it has no TLS 1.3"
        return RemoteProtocolError(f"{prefix}{_TOO_OLD}; {advice}", code="version")
    for end, text in _ALERTS.items():
        if reason.endswith(f"ALERT_{end}"):
            return NotAuthenticated(f"{prefix}the other side refused the link: {text}")
    return LinkError(f"{prefix}TLS failed: {reason.lower().replace('_', ' ')}")
