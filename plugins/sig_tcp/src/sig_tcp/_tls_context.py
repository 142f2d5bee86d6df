# SPDX-License-Identifier: MIT
"""Options of ``tls://`` into what OpenSSL is to ask for and to prove.

No option leaves out the check of certificates or of the server's name.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable

from sigcore import Endpoint, EndpointError, Secret, SigError, get_logger

from ._tls_options import TlsOptions

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# Renegotiation and compression have a history of attacks. Whoever takes up a session again is not asked for its
# certificate, which may have been revoked since: nobody gets a ticket for that. TLS 1.2 has another way, which Python
# cannot switch off; it ends with the context, and so when the list of the revoked changes.
_NEVER = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET

_log = get_logger("sigcore.tls")


def server_context(endpoint: Endpoint, options: TlsOptions) -> ssl.SSLContext:
    """Return the context of a server.

    Raises:
        EndpointError: There is no certificate, or a file is none of what its option says.
    """
    if options.cert is None:
        raise EndpointError(
            f"{endpoint} has no certificate; name one with the options cert and key ('sig tls init' makes them)"
        )
    if options.server_name is not None:
        raise EndpointError(f"{endpoint}: server_name is for clients: it says which server they expect")
    if options.crl is not None and options.ca is None:
        raise EndpointError(f"{endpoint}: crl needs ca, the file with the authorities whose certificates clients have")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[options.min_version or "1.2"]
    context.num_tickets = 0
    if options.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED if options.wants_client_cert else ssl.CERT_OPTIONAL
    _load_files(context, endpoint, options)
    return context


def client_context(endpoint: Endpoint, options: TlsOptions) -> ssl.SSLContext:
    """Return the context of a client, which accepts nobody whose certificate and name were not checked.

    Raises:
        EndpointError: A file is none of what its option says.
    """
    if options.client_cert is not None:
        raise EndpointError(f"{endpoint}: client_cert is for servers: it says whether clients need a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which checks the certificate and the name
    context.minimum_version = _VERSIONS[options.min_version or "1.3"]
    context.hostname_checks_common_name = False
    if options.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    _load_files(context, endpoint, options)
    return context


def _load_files(context: ssl.SSLContext, endpoint: Endpoint, options: TlsOptions) -> None:
    context.options |= _NEVER
    if options.cert is not None:
        key = options.key or options.cert
        _warn_if_others_can_read(key)
        password = _password(endpoint, options)
        what = f"the certificate {options.cert} with the key {key}"
        if options.key_password is not None:
            what += " and the password that key_password names"
        _load(endpoint, what, lambda: context.load_cert_chain(str(options.cert), options.key, password))
    if options.ca is not None:
        _load(endpoint, f"the authorities in {options.ca}", lambda: context.load_verify_locations(options.ca))
        if not context.get_ca_certs():
            raise EndpointError(f"{endpoint}: {options.ca} has no certificate of an authority; check the option ca")
    if options.crl is not None:
        crl = options.crl
        _load(endpoint, f"the list of revoked certificates {crl}", lambda: _load_crl(context, endpoint, crl))


def _load_crl(context: ssl.SSLContext, endpoint: Endpoint, path: str) -> None:
    before = context.cert_store_stats()["crl"]
    context.load_verify_locations(path)
    if context.cert_store_stats()["crl"] == before:
        raise EndpointError(f"{endpoint}: there is no list of revoked certificates in {path}; check the option crl")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN  # a revoked authority in between signs whatever it is asked to


def _load(endpoint: Endpoint, what: str, load: Callable[[], object]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        reason = error.reason or (str(error.args[-1]) if error.args else "")
        text = _NO_PEM if "PEM lib" in reason else _READABLE.get(reason, reason)
        raise EndpointError(f"{endpoint}: {what} cannot be used: {text}") from error
    except OSError as error:
        raise EndpointError(f"{endpoint}: {what} cannot be read: {error.strerror or error}") from error


_NO_PEM = "there is none in it; it must be in PEM form, with lines -----BEGIN ...-----"

_READABLE = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "BAD_DECRYPT": "the password is wrong; check the option key_password",
    "BAD_PASSWORD_READ": "the password is wrong; check the option key_password",
    "NO_START_LINE": _NO_PEM,
    "NO_CERTIFICATE_OR_CRL_FOUND": _NO_PEM,
}


def _password(endpoint: Endpoint, options: TlsOptions) -> Callable[[], bytes]:
    """Return what OpenSSL is to ask; without one, it would ask whoever sits at the terminal, and wait."""

    def missing() -> bytes:
        raise EndpointError(
            f"{endpoint}: the key {options.key or options.cert} is encrypted; say where its password is with "
            "key_password=env:NAME, file:/path or credential:NAME"
        )

    if options.key_password is None:
        return missing
    try:
        secret = Secret.read(options.key_password)
    except SigError as error:
        raise EndpointError(f"{endpoint}: key_password: {error}") from error
    return secret.reveal


def _warn_if_others_can_read(path: str) -> None:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return  # reading it says more
    if os.name == "posix" and mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        text = "the key %s is not its owner's alone (mode %03o); chmod 600 it, and have a new one issued if need be"
        _log.warning(text, path, mode)
