# SPDX-License-Identifier: MIT
"""What a certificate gives its owner at a sigcore server, and what is wrong with it for that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

import sigcore

from ._reading import is_authority, is_signed_by, names_of, roles_of

_IDENTITY_KINDS = ("DNS", "email", "URI")
"""The kinds of name that may be an identity, as ``sigcore-tcp`` reads them; an address is none."""

_KEYS_OF_TLS = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)

_LEAST_RSA_BITS = 2048
_LEAST_CURVE_BITS = 224
"""What OpenSSL takes at its usual security level; no less."""

_BROKEN_HASHES = ("md5", "sha1")


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is to say of a certificate.

    Attributes:
        hosts: As whom a server with it can be called; empty when it is for no server.
        identity: Who a client with it is; ``None`` when it is for no client, or gives no identity.
        is_authority: Whether it signs others.
        problems: What is wrong with it.
    """

    hosts: tuple[str, ...]
    identity: str | None
    is_authority: bool
    problems: tuple[str, ...]


def findings_of(
    certificate: x509.Certificate,
    authority: x509.Certificate | None = None,
    revoked: x509.CertificateRevocationList | None = None,
) -> Findings:
    """Return what there is to say of a certificate now.

    Args:
        certificate: The certificate.
        authority: Who has to have signed it; ``None`` if that is not known.
        revoked: Which of that one's certificates count no more; ``None`` if that is not known.
    """
    problems = [*_of_time(certificate), *_of_key(certificate)]
    if is_authority(certificate):
        return Findings((), None, True, (*problems, *_of_authority(certificate)))
    if authority is not None and not is_signed_by(certificate, authority):
        problems.append("it is not signed by the authority that it was checked against")
    if revoked is not None and revoked.get_revoked_certificate_by_serial_number(certificate.serial_number):
        problems.append("it was revoked")
    roles = set(roles_of(certificate))
    hosts = [name for kind, name in names_of(certificate) if kind in ("DNS", "IP")] if "server" in roles else []
    identity, why_none = _identity(certificate) if "client" in roles else (None, None)
    if not hosts and identity is None:
        problems.append(why_none or _no_use(roles))
    return Findings(tuple(hosts), identity, False, tuple(problems))


def _no_use(roles: set[str]) -> str:
    if "server" in roles:
        return (
            "it names no host: a server's needs a subjectAltName of kind DNS or IP; what its subject says is not read"
        )
    return "it is for neither servers nor clients: its extendedKeyUsage must have serverAuth or clientAuth"


def _identity(certificate: x509.Certificate) -> tuple[str | None, str | None]:
    """Return the identity that a certificate gives, or else why there is none."""
    names = [name for kind, name in names_of(certificate) if kind in _IDENTITY_KINDS]
    if len(names) != 1:
        found = f"{len(names)} names ({', '.join(names)})" if names else "no name; what its subject says is not read"
        return (
            None,
            f"it gives no identity: it has {found}, and must have one subjectAltName of kind DNS, e-mail or URI",
        )
    try:
        return sigcore.check_identity(names[0]), None
    except sigcore.InvalidName as error:
        return None, f"it gives no identity: {error}"


def _of_time(certificate: x509.Certificate) -> Iterator[str]:
    now = datetime.now(UTC)
    if now < certificate.not_valid_before_utc:
        yield f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC; is the clock right?"
    if now > certificate.not_valid_after_utc:
        yield f"it was valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; have a new one issued"


def _of_key(certificate: x509.Certificate) -> Iterator[str]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        yield f"its key is too weak: RSA of {key.key_size} bits, and OpenSSL takes {_LEAST_RSA_BITS} or more"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _LEAST_CURVE_BITS:
        yield f"its key is too weak: a curve of {key.key_size} bits, and OpenSSL takes {_LEAST_CURVE_BITS} or more"
    if not isinstance(key, _KEYS_OF_TLS):
        yield "its key is of a kind that TLS does not take; have one issued for an EC key"
    hash_ = certificate.signature_hash_algorithm
    if hash_ is not None and hash_.name in _BROKEN_HASHES:
        yield f"it is signed with {hash_.name.upper()}, which OpenSSL does not take any more"


def _of_authority(certificate: x509.Certificate) -> Iterator[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        yield "it says that it is an authority's, but its keyUsage lacks keyCertSign"
