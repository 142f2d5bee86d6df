# SPDX-License-Identifier: MIT
"""Where a carrier connects or listens: a URL, taken apart and checked, with typed options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from ._errors import EndpointError
from ._options import given_options, option_names, read_options
from ._shown import HIDDEN, is_secret, shown
from ._url import MAX_PORT, SCHEME, USB, Query, UrlParts, join_url, redacted, split_url

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A carrier's address. Immutable; ``dataclasses.replace`` makes changed copies, such as one with the port bound.

    ``str()`` and ``repr()`` never show a secret: neither the password nor an option named as a secret.

    Attributes:
        scheme: Picks the carrier: ``tcp``, or ``fault+tcp`` where one carrier wraps another. Lower case.
        host: Host name, address (IPv6 without brackets, a zone after ``%``) or other name such as ``COM3``, in the case
            it was written in. Empty where there is none.
        port: 0 to 65535, or ``None`` where there is none.
        path: Empty, or starts with ``/``.
        query: The options, in the order written.
        user: The user's name, or ``None`` where there is none.
        password: The password in clear, or ``None`` where there is none.

    Raises:
        EndpointError: A part breaks these rules, or has a character that does not print.

    >>> str(Endpoint.parse("tcp://joe:hunter2@[::1]:3000?timeout=5s"))
    'tcp://joe:***@[::1]:3000?timeout=5s'
    """

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    query: Query = ()
    user: str | None = None
    password: str | None = None

    def __post_init__(self) -> None:
        if not SCHEME.fullmatch(self.scheme):
            raise EndpointError(
                "a scheme is lower-case letters, digits, '.' and '-', with '+' between a wrapper and the rest"
            )
        if self.port is not None and not 0 <= self.port <= MAX_PORT:
            raise EndpointError(f"a port is a number from 0 to {MAX_PORT}")
        if self.port is not None and self.scheme.endswith(USB):
            raise EndpointError("a USB identity such as 1a86:7523 is a host, without a port")
        if self.path and not self.path.startswith("/"):
            raise EndpointError("a path starts with '/'")
        if not all(name for name, _ in self.query):
            raise EndpointError("an option has a name")
        texts = (
            self.host,
            self.path,
            self.user or "",
            self.password or "",
            *(text for pair in self.query for text in pair),
        )
        if not all(text.isprintable() for text in texts):
            raise EndpointError("it has a control character, or another that does not print")

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        r"""Return the endpoint that ``text`` describes.

        A serial port's own name, such as ``/dev/ttyUSB0``, ``COM3`` or ``\\.\COM10``, stands for ``serial://`` and it.

        Raises:
            EndpointError: The text is no endpoint; the message quotes it without its secrets.
        """
        if not isinstance(text, str):
            raise EndpointError(f"an endpoint is text such as tcp://127.0.0.1:3000, not {type(text).__name__}")
        try:
            return cls(*split_url(text))
        except EndpointError as exc:
            reason = str(exc)
        raise EndpointError(f"{shown(redacted(text), limit=200)} is no endpoint: {reason}")

    def __str__(self) -> str:
        password = None if self.password is None else HIDDEN
        query = tuple((name, HIDDEN if is_secret(name) else value) for name, value in self.query)
        return join_url(UrlParts(self.scheme, self.host, self.port, self.path, query, self.user, password))

    def __repr__(self) -> str:
        return f"Endpoint.parse({str(self)!r})"

    def url_with_secrets(self) -> str:
        """Return the URL in full, with its secrets: to connect with, never to show or to log."""
        return join_url(UrlParts(self.scheme, self.host, self.port, self.path, self.query, self.user, self.password))

    def unwrapped(self) -> Endpoint:
        """Return what this endpoint wraps: ``tcp://...`` of ``fault+tcp://...``.

        Raises:
            EndpointError: It wraps nothing.
        """
        inner = self.scheme.partition("+")[2]
        if not inner:
            raise EndpointError(f"{self} wraps no other carrier; write {self.scheme}+tcp://... or the like")
        return replace(self, scheme=inner)

    def options(self, cls: type[T]) -> T:
        """Return the query as an instance of the dataclass ``cls``; what is not given takes its default.

        For a carrier's own options: times and sizes are fields of type ``sigcore.Seconds`` and ``sigcore.Size``.

        Raises:
            EndpointError: An option is unknown, missing, repeated or malformed; the message names those there are.
        """
        from ._limits import KEYWORDS_ALONE, LinkOptions

        for name, _ in self.query:
            if name in KEYWORDS_ALONE and name not in option_names(cls):
                raise EndpointError(f"{self}: {name} is no option of an endpoint; it is {KEYWORDS_ALONE[name]}")
        return read_options(cls, self.query, where=str(self), also=option_names(LinkOptions))

    def take_options(self, cls: type[T]) -> tuple[T, Endpoint]:
        """Return the options that ``cls`` describes, and the endpoint without them; for a carrier that wraps another.

        Raises:
            EndpointError: One of these options is missing, repeated or malformed. Others are not looked at.
        """
        mine, rest = self._split(cls)
        return read_options(cls, mine, where=str(self)), rest

    def take_given(self, cls: type) -> tuple[dict[str, object], Endpoint]:
        """Return those options of ``cls`` that are really in the query, typed, and the endpoint without them.

        Raises:
            EndpointError: One of these options is repeated or malformed. Others are not looked at.
        """
        mine, rest = self._split(cls)
        return given_options(cls, mine, where=str(self)), rest

    def _split(self, cls: type) -> tuple[Query, Endpoint]:
        names = option_names(cls)
        mine = tuple(pair for pair in self.query if pair[0] in names)
        rest = tuple(pair for pair in self.query if pair[0] not in names)
        return mine, replace(self, query=rest)
