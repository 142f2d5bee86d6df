# SPDX-License-Identifier: MIT
"""What was made, and what to do with it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from .._output import Output
from .._paint import aligned
from .._text import printable
from ._folder import Folder, Pair
from ._next_steps import connect_command, serve_command


def tell_of_all(folder: Folder, server: Pair, clients: Sequence[Pair], out: Output) -> None:
    """Print an authority and its first certificates, and the commands of the server and of each client."""
    commands = {server: serve_command(folder, server)} | {
        client: connect_command(folder, client, server.subject) for client in clients
    }
    if out.as_json:
        own = {"certificate": folder.ca, "key": folder.ca_key, "crl": folder.revoked}
        out.record({"what": "authority", **{name: str(path) for name, path in own.items()}})
        for pair, command in commands.items():
            out.record({**_record(pair), "run": command})
        return
    rows = [
        (str(folder.ca), "to check certificates with; for everybody"),
        (str(folder.ca_key), "signs certificates: with it one can be anybody. For you alone; best kept off the server"),
        (str(folder.revoked), "which certificates count no more, none so far; for the server"),
        *map(_row, [server, *clients]),
    ]
    out.lines([*_shown(rows, out), *_how_to_begin(commands, out)])
    if not clients:
        issue = f"sig tls issue {shlex.quote(str(folder.path))} --client IDENTITY"
        out.lines(["", out.paint.dim("# somebody to let in"), printable(issue)])


def tell_of_pairs(folder: Folder, pairs: Sequence[Pair], out: Output) -> None:
    """Print more certificates, and what goes with them."""
    if out.as_json:
        for pair in pairs:
            out.record(_record(pair))
        return
    rows = [_row(pair) for pair in pairs]
    if any(pair.subject.role == "client" for pair in pairs):
        rows.append((str(folder.ca), "to check the server's certificate with"))
    out.lines(_shown(rows, out))


def _record(pair: Pair) -> dict[str, object]:
    return {
        "what": pair.subject.role,
        "names": [name for _, name in pair.subject.names],
        "certificate": str(pair.certificate),
        "key": str(pair.key),
    }


def _row(pair: Pair) -> tuple[str, str]:
    both = f"{pair.certificate}, {pair.key.suffix}"
    if pair.subject.role == "server":
        return both, f"for the server at {pair.subject}"
    return both, f"for the client that is {pair.subject}"


def _shown(rows: Sequence[tuple[str, str]], out: Output) -> list[str]:
    return aligned([(out.paint.url(printable(files)), printable(words)) for files, words in rows])


def _how_to_begin(commands: dict[Pair, str], out: Output) -> list[str]:
    lines = []
    for pair, command in commands.items():
        is_server = pair.subject.role == "server"
        who = "the server" if is_server else f"{pair.subject}; elsewhere, with its two files and ca.crt"
        lines += ["", out.paint.dim(f"# {printable(who)}"), printable(command)]
    return lines
