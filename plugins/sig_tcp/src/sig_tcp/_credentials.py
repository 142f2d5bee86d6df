# SPDX-License-Identifier: MIT
"""Names and passwords in an endpoint: refused, as long as nobody asks for them."""

from __future__ import annotations

from sigcore import Endpoint, EndpointError


def refuse_credentials(endpoint: Endpoint) -> None:
    """Refuse a user's name or a password: whoever writes one would take the link for protected.

    Raises:
        EndpointError: There is one.
    """
    if endpoint.user is not None or endpoint.password is not None:
        raise EndpointError(
            f"{endpoint} names a user or a password, and this version has no authentication: anybody who can reach the "
            "address could connect without them; leave them out"
        )
