# SPDX-License-Identifier: MIT
"""What stands in a certificate."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def names_of(certificate: x509.Certificate) -> list[tuple[str, str]]:
    """Return the subject alternative names, each with its kind: ``DNS``, ``IP``, ``email``, ``URI``, or ``other``."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [_named(name) for name in found]


def _named(name: x509.GeneralName) -> tuple[str, str]:
    match name:
        case x509.DNSName():
            return "DNS", name.value
        case x509.IPAddress():
            return "IP", str(name.value)
        case x509.RFC822Name():
            return "email", name.value
        case x509.UniformResourceIdentifier():
            return "URI", name.value
    return "other", str(name.value)


def roles_of(certificate: x509.Certificate) -> Iterator[str]:
    """Yield what a certificate may be used for: ``server``, ``client``; without such an extension for both."""
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        yield from _ROLES.values()
        return
    for use, role in _ROLES.items():
        if use in uses:
            yield role


_ROLES = {ExtendedKeyUsageOID.SERVER_AUTH: "server", ExtendedKeyUsageOID.CLIENT_AUTH: "client"}


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate may sign others."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def common_name(name: x509.Name) -> str:
    """Return a name for people."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether an authority itself has signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):  # of another name, with another kind of key, by another key
        return False
    return True
