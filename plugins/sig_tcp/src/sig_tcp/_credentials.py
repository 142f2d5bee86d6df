# SPDX-License-Identifier: MIT
"""Names and passwords in an endpoint: refused, since they stand in options of their own."""

from __future__ import annotations

from sigcore import Endpoint, EndpointError


def refuse_credentials(endpoint: Endpoint) -> None:
    """Refuse a user's name or a password: whoever writes one would take the link for protected.

    Raises:
        EndpointError: There is one.
    """
    if endpoint.user is not None or endpoint.password is not None:
        raise EndpointError(
            f"{endpoint} names a user or a password, for which nobody would ask; a client proves who it is with the "
            "options identity and secret, or with token"
        )
