# SPDX-License-Identifier: MIT
"""Secrets: where they come from, and that they are never shown."""

from __future__ import annotations

import codecs
import os
import stat
from hmac import compare_digest
from pathlib import Path

from ._errors import SecretError
from ._logging import get_logger
from ._shown import HIDDEN, shown

MIN_BYTES = 16
"""Shortest secret: what is shorter may be guessed."""

MAX_BYTES = 2048
"""Longest secret: what is longer has no place in a handshake, and is no secret but another file."""

WHERE = "env:NAME, file:/path or credential:NAME"

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_log = get_logger("sigcore.secrets")


class Secret:
    """A secret of 16 to 2048 bytes, which is never shown: its ``repr`` and ``str`` are ``Secret(***)``.

    Args:
        value: The secret itself; text stands for its UTF-8.

    Raises:
        SecretError: It is shorter than 16 bytes, or longer than 2048. The message does not quote it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        if not isinstance(value, (bytes, str)):
            raise SecretError(f"a secret is bytes or text, not {type(value).__name__}")
        self._value = _checked(_utf8(value) if isinstance(value, str) else value, "the secret")

    @classmethod
    def read(cls, where: str) -> Secret:
        """Return the secret that stands at a place.

        Args:
            where: ``env:NAME``, a variable of the environment; ``file:/path``, a file, of which the newline at the end
                is left out; ``credential:NAME``, a credential that systemd passes to a service (``LoadCredential=``),
                as a file of that name in ``$CREDENTIALS_DIRECTORY``.

        Raises:
            SecretError: ``where`` is no such place, there is nothing, or what is there is too short or too long. No
                message quotes it, nor a ``where`` that is none, since that may be the secret itself.
        """
        kind, _, name = check_place(where).partition(":")
        return cls(_checked(_READERS[kind](name), where))

    def reveal(self) -> bytes:
        """Return the secret itself: to reckon or to send with, never to show or to log."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __eq__(self, other: object) -> bool:
        return compare_digest(self._value, other._value) if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled or copied to another process; read it there")


def read_secret(given: Secret | str) -> Secret:
    """Return a secret that is given, or the one that stands at the place that is given (see ``Secret.read``)."""
    return given if isinstance(given, Secret) else Secret.read(given)


def check_place(where: object) -> str:
    """Return ``where`` if it says where a secret is; whether there is one is not looked at.

    Raises:
        SecretError: It does not; the message does not quote it, since it may be the secret itself.
    """
    kind, _, name = where.partition(":") if isinstance(where, str) else ("", "", "")
    if not isinstance(where, str) or kind not in _READERS or not name:
        raise SecretError(f"where the secret is must be {WHERE}; a secret itself must not stand here")
    return where


def token_text(token: Secret) -> str:
    """Return a token as it crosses the wire.

    Raises:
        SecretError: It is not printable ASCII.
    """
    value = token.reveal()
    if not (value.isascii() and value.decode().isprintable()):
        raise SecretError("a token is printable ASCII, as secrets.token_urlsafe() makes it; this one is something else")
    return value.decode()


def _utf8(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        pass  # which has the secret in it
    raise SecretError("the secret has a lone surrogate and so no form in UTF-8; give it as bytes")


def _checked(value: bytes, what: str) -> bytes:
    if MIN_BYTES <= len(value) <= MAX_BYTES:
        return value
    text = f"{what} has {len(value)} bytes; it must have from {MIN_BYTES} to {MAX_BYTES}"
    raise SecretError(f"{text}. A good one: python -c 'import secrets; print(secrets.token_hex(32))'")


def _from_environment(name: str) -> bytes:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(f"env:{name}: the environment has no variable {shown(name)}; set it, or name another")
    return value.encode(errors="surrogateescape")


def _from_file(path: str) -> bytes:
    return _read_file(path, stat.S_IRGRP | stat.S_IROTH)


def _read_file(path: str, strangers: int) -> bytes:
    """Return what is in a file; ``strangers`` are the bits of a mode that let those read it who should not."""
    try:
        with open(path, "rb") as file:
            _warn_if_others_can_read(path, file.fileno(), strangers)
            value = file.read(MAX_BYTES + 3)
    except (OSError, ValueError) as error:
        raise SecretError(f"file:{path}: the secret cannot be read: {error}") from error
    if value.startswith(_MARKS):
        raise SecretError(
            f"file:{path} begins with a byte order mark, as some editors and shells put it; save it without"
        )
    return value.removesuffix(b"\n").removesuffix(b"\r")


def _from_credential(name: str) -> bytes:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:  # an empty one would be the folder that this process happens to be in
        raise SecretError(
            f"credential:{name}: there is no CREDENTIALS_DIRECTORY; systemd sets it for a service with "
            f"LoadCredential={name}:/path. Elsewhere, say env:NAME or file:/path"
        )
    if name in (".", "..") or "/" in name or "\\" in name:
        raise SecretError(f"credential:{name}: the name of a credential is no path; say file:/path for one")
    # systemd lets the service's user in by an access control list, which shows as what the group may do.
    return _read_file(str(Path(folder, name)), stat.S_IROTH)


_READERS = {"env": _from_environment, "file": _from_file, "credential": _from_credential}


def _warn_if_others_can_read(path: str, descriptor: int, strangers: int) -> None:
    mode = os.fstat(descriptor).st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & strangers:
        text = "the secret in %s can be read by others (mode %03o); chmod 600 it, and change it if they are strangers"
        _log.warning(text, path, stat.S_IMODE(mode))
