# SPDX-License-Identifier: MIT
"""With what a client proves who it is: keywords of a router, or options of its endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._carrier import is_confidential
from ._errors import EndpointError, InsecureEndpoint, SecretError
from ._identity import check_identity
from ._secret import Secret, read_secret, token_text

if TYPE_CHECKING:
    from ._carrier import Carrier
    from ._endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialOptions:
    """The options of a client's endpoint that say who it is; secrets stand where these say, never here.

    Attributes:
        identity: Who it is; goes with ``secret``.
        secret: Where its secret is (see ``sigcore.Secret.read``).
        token: Where its token is.
    """

    identity: str | None = None
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows: an identity and its secret, or a token.

    Attributes:
        identity: Who it is; empty with a token, which says itself whose it is.
        secret: What the server knows too.
        token: What is sent as it is.
    """

    identity: str = ""
    secret: Secret | None = None
    token: Secret | None = None


def take_credentials(
    endpoint: Endpoint, identity: str | None, secret: Secret | str | None, token: Secret | str | None
) -> tuple[Credentials | None, Endpoint]:
    """Return what a client shows, and the endpoint without the options that say so; secrets are read now.

    Args:
        endpoint: Where the server is; its options count as the keywords do.
        identity: The router's keyword, as the other two.
        secret: A secret, or where it is.
        token: A token, or where it is.

    Raises:
        EndpointError: One stands in the endpoint and in a keyword, or they do not go together.
        InvalidName: The identity cannot be one.
        SecretError: The secret or the token cannot be had.
    """
    given, rest = endpoint.take_given(CredentialOptions)
    for name, keyword in (("identity", identity), ("secret", secret), ("token", token)):
        if keyword is not None and given.setdefault(name, keyword) is not keyword:
            raise EndpointError(f"{endpoint} has the option {name}, and there is the keyword {name}=; keep one of them")
    return _checked(endpoint, **given), rest  # type: ignore[arg-type]  # typed where they were read


def refuse_open_token(credentials: Credentials | None, carrier: Carrier, endpoint: Endpoint) -> None:
    """See that no token is sent where others can read it.

    Raises:
        InsecureEndpoint: It would be.
    """
    if credentials is not None and credentials.token is not None and not is_confidential(carrier, endpoint):
        raise InsecureEndpoint(
            f"others can read what is said to {endpoint}, and a token would be theirs too; connect by tls:// or a Unix "
            "socket, or give identity= and secret=, of which nothing is sent"
        )


def refuse_at_server(endpoint: Endpoint) -> None:
    """See that a server's endpoint has no credentials.

    Raises:
        EndpointError: It has.
    """
    given, _ = endpoint.take_given(CredentialOptions)
    if given:
        text = f"{', '.join(given)} is for the endpoint of a client; a server knows who may come by identities="
        raise EndpointError(f"{endpoint}: {text}")


def _checked(
    endpoint: Endpoint,
    *,
    identity: str | None = None,
    secret: Secret | str | None = None,
    token: Secret | str | None = None,
) -> Credentials | None:
    if token is not None and (secret is not None or identity is not None):
        raise EndpointError(f"{endpoint}: a token says itself whose it is; leave out identity and secret, or the token")
    if (identity is None) != (secret is None):
        raise EndpointError(f"{endpoint}: identity and secret go together; give both, or a token alone")
    if token is not None:
        found = _read("token", token)
        token_text(found)  # sees that it can be sent
        return Credentials(token=found)
    if secret is not None:
        return Credentials(check_identity(identity), _read("secret", secret))
    return None


def _read(what: str, given: Secret | str) -> Secret:
    try:
        return read_secret(given)
    except SecretError as error:
        raise SecretError(f"{what}: {error}") from error
