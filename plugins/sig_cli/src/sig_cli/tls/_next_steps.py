# SPDX-License-Identifier: MIT
"""The commands that come next, ready to be copied, with the files where they are now."""

from __future__ import annotations

import ipaddress
import shlex
from pathlib import Path
from urllib.parse import quote

from ._folder import Folder, Pair
from ._subjects import Subject

PORT = 3000

_EVERY_INTERFACE = "0.0.0.0"  # noqa: S104  # whoever comes there has to prove who they are


def serve_command(folder: Folder, pair: Pair) -> str:
    """Return the command of a server that lets in only who has a certificate of the authority."""
    local = all(_is_local(name) for _, name in pair.subject.names)
    files = {"cert": pair.certificate, "key": pair.key, "ca": folder.ca, "crl": folder.revoked}
    return f"sig serve {_url(pair.subject.name if local else _EVERY_INTERFACE, files)}"


def connect_command(folder: Folder, pair: Pair, server: Subject) -> str:
    """Return the command of a client that listens."""
    return f"sig listen {_url(server.name, {'cert': pair.certificate, 'key': pair.key, 'ca': folder.ca})}"


def _url(host: str, files: dict[str, Path]) -> str:
    query = "&".join(f"{name}={quote(path.as_posix(), safe='/:~')}" for name, path in files.items())
    return shlex.quote(f"tls://{f'[{host}]' if ':' in host else host}:{PORT}?{query}")


def _is_local(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
