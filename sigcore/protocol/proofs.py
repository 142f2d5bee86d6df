# SPDX-License-Identifier: MIT
"""Proofs that both sides know a secret, which never crosses the wire (docs/protocol.md, "Who is there")."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from .._secret import Secret

_NONCE = re.compile(r"[0-9A-Fa-f]{32,256}")


def new_nonce() -> str:
    """Return 256 random bits as hexadecimal text: what makes each handshake another."""
    return secrets.token_hex(32)


def is_nonce(text: str) -> bool:
    """Whether ``text`` has the form of a nonce: 32 to 256 hexadecimal digits."""
    return _NONCE.fullmatch(text) is not None


def transcript(hello: bytes, challenge: bytes) -> bytes:
    """Return what both proofs are about: everything that both sides have said, each with a nonce of its own.

    Args:
        hello: The body of HELLO, byte by byte.
        challenge: The body of CHALLENGE.
    """
    return hashlib.sha256(hello + challenge).digest()


def client_proof(secret: Secret, transcript: bytes) -> str:
    """Return the client's proof, 64 hexadecimal digits."""
    return _proof(secret, b"sigcore client\0" + transcript)


def server_proof(secret: Secret, transcript: bytes) -> str:
    """Return the server's, which is another, so that none can be sent back to whoever made it."""
    return _proof(secret, b"sigcore server\0" + transcript)


def is_same(shown: str, wanted: str) -> bool:
    """Whether a proof or a token is the one that it must be; how long that takes tells nothing of where they differ."""
    return hmac.compare_digest(shown.encode(), wanted.encode())


def _proof(secret: Secret, message: bytes) -> str:
    return hmac.digest(secret.reveal(), message, "sha256").hex()
