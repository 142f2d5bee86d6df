# SPDX-License-Identifier: MIT
"""Who a certificate says that its owner is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigcore import InvalidName, MediumIdentity, NotAuthenticated, check_identity

_NAMES = frozenset({"DNS", "email", "URI"})
"""The kinds of names (subjectAltName) that may be an identity; addresses are none, they belong to machines."""


def identity_of(certificate: Mapping[str, Any]) -> MediumIdentity:
    """Return the identity in a certificate that was verified: its one name of kind DNS, e-mail or URI, as it stands.

    Its subject is never read: what stands there follows no rule, and may be whatever its owner asked for.

    Args:
        certificate: As ``ssl.SSLObject.getpeercert()`` gives it.

    Raises:
        NotAuthenticated: There is no such name, or more than one, or it cannot be an identity.
    """
    names = [name for kind, name in certificate.get("subjectAltName", ()) if kind in _NAMES]
    if len(names) != 1:
        found = "several names" if names else "no name"
        raise NotAuthenticated(
            f"your certificate has {found} to know you by; it must have exactly one subjectAltName of kind DNS, e-mail "
            "or URI"
        )
    try:
        return MediumIdentity(check_identity(names[0]), "certificate")
    except InvalidName as error:
        raise NotAuthenticated(f"the name in your certificate is no identity: {error}") from error
