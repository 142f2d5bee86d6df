# SPDX-License-Identifier: MIT
r"""Values and names as text that is safe to print, and back.

What a peer sent may hold control characters. All that does not print is escaped as JSON does it (``\u001b``), which in
JSON text does not change the value.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import click

import sigcore


def printable(text: str) -> str:
    r"""Return ``text`` with everything escaped that does not print.

    >>> print(printable("fine\x1b[31m"))
    fine\u001b[31m
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def json_line(value: Any) -> str:
    """Return ``value`` as JSON on one line, by the rules of the codec ``json``: bytes as base64, dates as RFC 3339.

    Raises:
        CodecError: It has no form in JSON, such as an integer of more than 4 300 digits.
    """
    return printable(sigcore.load_codec("json").encode(value).decode("utf-8"))


def spaced_json(value: Any, indent: int | None = None) -> str:
    """Return ``value`` as JSON for people: spaced, or indented; what has no form in JSON is said to be so."""
    codec = sigcore.load_codec("json")
    try:
        plain = codec.decode(codec.encode(value))
    except sigcore.CodecError as error:
        return f"<{printable(str(error))}>"
    text = json.dumps(plain, ensure_ascii=False, indent=indent)
    return "\n".join(map(printable, text.split("\n")))


def read_json(text: str | None, what: str) -> Any:
    """Return the value of JSON text from the command line; ``-`` stands for standard input, no text for ``None``.

    Args:
        text: The text, or ``-``.
        what: The argument's name, for the message.

    Raises:
        UsageError: The text is no JSON.
    """
    if text is None:
        return None
    given = sys.stdin.buffer.read() if text == "-" else text.encode("utf-8", "surrogateescape")
    try:
        return sigcore.load_codec("json").decode(given)
    except sigcore.CodecError as error:
        hint = "Text stands in quotes of its own, as in '\"hello\"'."
        raise click.UsageError(f"{what} is {error}. {hint}") from error
