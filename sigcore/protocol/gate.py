# SPDX-License-Identifier: MIT
"""What a server knows of those who may come, and whom it asks about others."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._errors import SecretError
from .._identity import Evidence, Identity, check_identity
from .._secret import Secret, read_secret, token_text
from .failures import Failures
from .proofs import is_same, new_nonce


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of asking others who somebody is.

    Attributes:
        identity: Who it is; empty where nobody knows.
        fault: Why that could not be found out, for the log; empty where it could.
    """

    identity: str = ""
    fault: str = ""


Ask = Callable[[Evidence, float, Callable[[Verdict, float], None]], None]
"""Asks others, given so many seconds; tells the verdict, and the time, later."""


class Gate:
    """Knows who may come into a server.

    Args:
        identities: Who may come, by identity; their secrets and tokens are read now.
        anonymous: Whether those may come who do not say who they are; ``None``: while nobody could.
        ask: Asks plug-ins about those whom nothing here knows; ``None`` where there are none.

    Attributes:
        ask: As the argument.
        failures: Who failed to prove who they are.
        allows_anonymous: Whether those may come who do not say who they are. It stays so: what a server listens at was
            opened on that condition.
        new_nonce: Makes the server's part of a challenge.

    Raises:
        InvalidName: A key of ``identities`` cannot be an identity, or has a secret although its medium proves it.
        SecretError: A secret or a token cannot be had, or two identities have the same token.
    """

    def __init__(
        self,
        identities: Mapping[str, Identity] | None = None,
        *,
        anonymous: bool | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.ask = ask
        self.failures = Failures()
        self.new_nonce = new_nonce
        self._nobody_s = Secret(secrets.token_bytes(32))
        self._key = secrets.token_bytes(32)
        self.replace(identities or {})
        nobody_could = not (self._secrets or self._owners or ask)
        self.allows_anonymous = nobody_could if anonymous is None else anonymous

    def replace(self, identities: Mapping[str, Identity]) -> None:
        """Know these from now on, and no others; nothing changes where one of them is wrong. Errors as for the class.

        Sessions that were begun by what no longer holds stay until ``revocation.end_revoked`` is called.
        """
        secrets_of: dict[str, Secret] = {}
        owners: dict[bytes, tuple[str, Secret]] = {}
        for identity, known in identities.items():
            check_identity(identity, proven_by_medium=not known.can_prove)
            if known.secret is not None:
                secrets_of[identity] = _read(known.secret, f"the secret of identity {identity!r}")
            if known.token is not None:
                token = _read(known.token, f"the token of identity {identity!r}")
                owner, _ = owners.setdefault(self._hidden(_as_text(token, identity)), (identity, token))
                if owner != identity:
                    raise SecretError(f"identities {owner!r} and {identity!r} have the same token; give each its own")
        self._secrets, self._owners = secrets_of, owners
        self._credentials = {*secrets_of.items(), *owners.values()}

    def secret_of(self, identity: str) -> Secret:
        """Return the secret of an identity; for one that is unknown another, which nobody knows."""
        return self._secrets.get(identity, self._nobody_s)

    def find_owner(self, token: str) -> tuple[str, Secret] | None:
        """Return whose token this is, and the token as it is known here; ``None`` where it is nobody's."""
        found = self._owners.get(self._hidden(token))
        return found if found is not None and is_same(token, token_text(found[1])) else None

    def holds(self, identity: str, credential: Secret) -> bool:
        """Whether a secret or a token still proves an identity."""
        return (identity, credential) in self._credentials

    def _hidden(self, token: str) -> bytes:
        """Return what tokens are found by: nobody outside can tell which are near each other."""
        return hashlib.blake2b(token.encode(), key=self._key, digest_size=16).digest()


def _read(given: Secret | str, whose: str) -> Secret:
    try:
        return read_secret(given)
    except SecretError as error:
        raise SecretError(f"{whose}: {error}") from error


def _as_text(token: Secret, identity: str) -> str:
    try:
        return token_text(token)
    except SecretError as error:
        raise SecretError(f"the token of identity {identity!r}: {error}") from None
