# SPDX-License-Identifier: MIT
"""A private certificate authority: makes certificates, and revokes them. No files here.

Keys are of the curve P-256. Ed25519 is no slower and no safer here, and devices lack it: neither Mbed TLS nor the chips
that keep a device's key speak it, and browsers do not either.

Source: RFC 5280 for the extensions, of which each certificate has those that OpenSSL's strictest checks ask for.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ._subjects import MOST_DAYS, Kind, Subject

AUTHORITY_DAYS = 3650

_EARLIER = timedelta(days=1)
"""Valid from so long ago on: the clock of a device that has just started may be late."""

_USAGE = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}

_LONGEST_COMMON_NAME = 64  # RFC 5280, ub-common-name


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, both as PEM."""

    certificate: bytes
    key: bytes
    serial: int


class Authority:
    """Signs certificates.

    Args:
        certificate: Its own.
        key: The key of that.

    Attributes:
        certificate: As the argument.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def new(cls) -> Self:
        """Return one that nobody knows yet; its name is unlike that of any other, so that errors tell them apart."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named(f"sigcore CA {secrets.token_hex(4)}")
        begin = _now() - _EARLIER
        certificate = (
            _builder(name, name, key.public_key(), begin, begin + timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def of(cls, certificate: bytes, key: bytes) -> Self:
        """Return the one of a certificate and a key in PEM.

        Raises:
            ValueError: They are none, or do not belong together.
        """
        loaded = x509.load_pem_x509_certificate(certificate)
        try:
            private = serialization.load_pem_private_key(key, password=None)
        except TypeError as error:  # as the library says that a key has a password
            raise ValueError(str(error)) from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != loaded.public_key():
            raise ValueError("the key is not that of the certificate")
        return cls(loaded, private)

    def pem(self) -> tuple[bytes, bytes]:
        """Return certificate and key as PEM."""
        return _certificate_pem(self.certificate), _key_pem(self._key)

    def issue(self, subject: Subject, days: int = MOST_DAYS) -> Issued:
        """Return a new key with a certificate for it, which is valid no longer than the authority itself.

        Args:
            subject: Whom it is for.
            days: How long it is valid, from now.

        Raises:
            ValueError: The authority itself is not valid any more.
        """
        now, end = _now(), self.certificate.not_valid_after_utc
        if now >= end:
            raise ValueError(f"the authority was valid until {end:%Y-%m-%d}")
        key = ec.generate_private_key(ec.SECP256R1())
        # Together with what is earlier it may not be valid for longer than MOST_DAYS.
        until = min(now + timedelta(days=days), now - _EARLIER + timedelta(days=MOST_DAYS), end)
        certificate = (
            _builder(_named(subject.name), self.certificate.subject, key.public_key(), now - _EARLIER, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_USAGE[subject.role]]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general(*name) for name in subject.names]), critical=False)
            .add_extension(self._authority_key(), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(_certificate_pem(certificate), _key_pem(key), certificate.serial_number)

    def revocations(self, serials: Iterable[int], before: bytes | None = None) -> bytes:
        """Return a list of revoked certificates as PEM: those of an earlier list, and more.

        It is valid as long as the authority. One that ends earlier would lock everybody out if nobody renewed it.

        Args:
            serials: Numbers of certificates that are revoked now.
            before: The earlier list, as PEM.

        Raises:
            ValueError: The earlier list is none, or not of this authority.
        """
        now = _now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - _EARLIER)
            .next_update(self.certificate.not_valid_after_utc)
            .add_extension(self._authority_key(), critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
        )
        earlier = self._revoked_before(before) if before is not None else {}
        for serial, when in {**dict.fromkeys(serials, now), **earlier}.items():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _revoked_before(self, pem: bytes) -> dict[int, datetime]:
        earlier = x509.load_pem_x509_crl(pem)
        if not earlier.is_signature_valid(self._key.public_key()):
            raise ValueError("the list of revoked certificates is not of this authority")
        return {one.serial_number: one.revocation_date_utc for one in earlier}

    def _authority_key(self) -> x509.AuthorityKeyIdentifier:
        known = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)  # certificates count whole seconds


def _named(text: str) -> x509.Name:
    """Return a name for people; who somebody is, is said by the alternative names alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_COMMON_NAME])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


_KEY_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in _KEY_USES})


def _general(kind: Kind, name: str) -> x509.GeneralName:
    match kind:
        case "DNS":
            return x509.DNSName(name)
        case "IP":
            return x509.IPAddress(ipaddress.ip_address(name))
        case "email":
            return x509.RFC822Name(name)
        case "URI":
            return x509.UniformResourceIdentifier(name)


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
