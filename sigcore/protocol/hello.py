# SPDX-License-Identifier: MIT
"""HELLO, as a server reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._errors import RemoteProtocolError
from .._names import MAX_NAME_BYTES
from .._shown import listed
from .bodies import Fields, cut_text, read_body
from .frames import VERSION
from .proofs import is_nonce
from .session import Limits

if TYPE_CHECKING:
    from .._codec import Codec

NO_RESUME = "no_resume"
"""The feature of a client that keeps nothing of what it wrote, so that it goes on with no session."""

IDENTITY = "identity"
"""The feature of a client that is told the identity of whoever makes a request."""

FEATURES = (NO_RESUME, IDENTITY)

MAX_METHOD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client says of itself.

    Attributes:
        body: The whole, as it came.
        codec: The codec chosen.
        name: What it calls itself.
        accepts: What it takes.
        features: Those that it has and the server knows.
        session: The session that it would go on with; ``None`` for a new one.
        method: How it wants to prove who it is; empty where it does not.
        auth: What it says for that.
    """

    body: bytes = field(repr=False)
    codec: Codec
    name: str
    accepts: Limits
    features: tuple[str, ...]
    session: Fields | None
    method: str
    auth: Mapping[str, Any] = field(repr=False)


def read_hello(body: bytes, codecs: Mapping[str, Codec]) -> Hello:
    """Return what a HELLO says.

    Args:
        body: The frame's body.
        codecs: The codecs that the server has, by name.

    Raises:
        RemoteProtocolError: It is malformed, or there is no common version or codec.
    """
    fields = read_body("HELLO", body)
    offered = fields.integers("versions")
    if VERSION not in offered:
        text = f"the client speaks versions {offered} of the wire, this server version {VERSION}"
        raise RemoteProtocolError(text, code="version")
    limits, features = fields.fields("limits"), fields.texts("features")
    method, auth = _read_auth(fields)
    return Hello(
        body=body,
        codec=_choose_codec(fields.texts("codecs"), codecs),
        name=cut_text(fields.text("name", ""), MAX_NAME_BYTES),
        accepts=Limits(limits.integer("frame", least=512), limits.integer("credit", least=1)),
        features=tuple(feature for feature in FEATURES if feature in features),
        session=fields.fields("session") if fields.has("session") else None,
        method=method,
        auth=auth,
    )


def _choose_codec(offered: list[str], codecs: Mapping[str, Codec]) -> Codec:
    for name in offered:
        if name in codecs:
            return codecs[name]
    text = f"the client offers the codecs {listed(offered)}; this server has {listed(sorted(codecs))}"
    raise RemoteProtocolError(text, code="codec")


def _read_auth(fields: Fields) -> tuple[str, Mapping[str, Any]]:
    """Return the method, and what there is for it; what is wrong with it is told without quoting any of it."""
    if not fields.has("auth"):
        return "", {}
    auth = fields.fields("auth", hides=True)
    method = auth.text("method")
    if not 0 < len(method.encode()) <= MAX_METHOD_BYTES:
        raise RemoteProtocolError("the body of HELLO is malformed: auth.method must be a word", code="malformed_body")
    if method == "token":
        auth.text("token")
    elif method == "secret":
        auth.text("identity")
        if not is_nonce(auth.text("nonce")):
            text = "the body of HELLO is malformed: auth.nonce must be 32 to 256 hexadecimal digits"
            raise RemoteProtocolError(text, code="malformed_body")
    return method, dict(auth.items())
