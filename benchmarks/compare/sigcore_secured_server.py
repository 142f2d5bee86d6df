# SPDX-License-Identifier: MIT
"""A server with TLS, and perhaps rules: ``sigcore_secured_server HOW FOLDER`` prints the endpoint for its clients."""

from __future__ import annotations

import sys
from pathlib import Path

import trustme

import sigcore
from sigcore.aio import ServerRouter

from .loop import run_on_fastest_loop
from .systems.sigcore_secured import LOCKED

CLIENT = "measured"
RULES = 1_000


def certificates(folder: Path) -> None:
    """Write an authority, a server's certificate and a client's, each with its key in one file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.issue_cert(CLIENT).private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))


def rules() -> list[sigcore.Rule]:
    """Return a thousand rules: as many for others, by their names or by patterns, then one for whoever is measured."""
    others = [
        sigcore.Rule("allow" if number % 2 else "deny", f"client-{number}", ("listen", "send"), f"sender-{number}-*")
        for number in range(RULES - 1)
    ]
    return [*others, sigcore.Rule("allow", CLIENT, ("listen", "send", "request", "see"), ("sender*", "pong"))]


async def serve(how: str, folder: Path) -> None:
    certificates(folder)
    endpoint, ours = f"tls://127.0.0.1:0?cert={folder}/server.pem", f"ca={folder}/ca.pem"
    if how == LOCKED:
        endpoint, theirs = f"{endpoint}&{ours}", f"{ours}&cert={folder}/client.pem"
        server = ServerRouter(endpoint, anonymous=False, rules=rules())
    else:
        server, theirs = ServerRouter(endpoint), ours
    async with server:
        port = sigcore.Endpoint.parse(server.endpoints[0]).port
        print(f"tls://127.0.0.1:{port}?{theirs}", flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    run_on_fastest_loop(serve(sys.argv[1], Path(sys.argv[2])))
