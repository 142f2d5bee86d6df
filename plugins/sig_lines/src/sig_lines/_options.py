# SPDX-License-Identifier: MIT
"""The options of ``lines+...`` endpoints; what is left over is the inner carrier's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sigcore import Seconds, Size

_LEAST_LINE_BYTES, _MOST_LINE_BYTES = 64, 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesOptions:
    """How a device's lines become events, and requests its commands; docs/lines.md explains each by an example.

    Those that hold a list or a table are JSON text in a URL, and plain TOML in a configuration file.

    Attributes:
        sender: The device's name as a sender; by default that of its port. ``{port}`` in it stands for the port's own,
            which tells apart the devices of a pattern.
        parse: How a line is read; ``regex`` by default where there are patterns, else ``text``.
        event: The event of a line, where no pattern says another.
        columns: The names of the columns, for ``csv``; an empty name leaves a column out.
        separator: What stands between columns: a character, or ``tab``.
        pattern: A regular expression; its named groups are the data.
        events: A table of patterns by event; the first that is found in a line wins.
        event_names: The events that a named group ``event`` may pick.
        types: A table by name of a column, key or group: ``text`` or ``number``; ``auto`` takes for a number what JSON
            would.
        newline: What ends a line that the device sends.
        pause: A silence that ends a line too, for devices and prompts that end none; 0 for never.
        ending: What ends a line that is sent to it, where its own text does not; by default as ``newline`` says, and a
            line feed where that is ``any``.
        encoding: Of the text, both ways.
        max_line: The longest line; a longer one is dropped.
        skip_first: Whether to drop the rest of a line that is under way as the port is opened; by default where the
            carrier listens, as on a serial port.
        checksum: ``nmea`` checks ``*hh`` at the end of each line and takes it away.
        unmatched: What becomes of a line that cannot be read, beside being counted: a log line now and then, the
            event ``unmatched``, or a line of the event ``#console``.
        hello: What is sent when the device appears, a line or a list of lines.
        requests: A table by method, each with ``send``, and if need be ``reply``, ``error``, ``timeout`` and
            ``params``.
        poll: A table by request, of how often it is made; its reply is an event of the same name.
        reply_timeout: How long a reply may take, where the request does not say.
        late: How long a reply may be late: after a time-out nothing is sent until it came or that is over, so that it
            is not taken for the next reply; by default as long as the time-out was.
        gap: How long to leave the device in peace after each request.
        echo: Whether the device sends back what it is sent; that line is dropped.
    """

    sender: str | None = None
    parse: Literal["text", "json", "keyvalue", "csv", "regex"] | None = None
    event: str = "line"
    columns: str | None = None
    separator: str = ","
    pattern: str | None = None
    events: dict[str, Any] | None = None
    event_names: str | None = None
    types: dict[str, Any] | None = None
    newline: Literal["any", "lf", "crlf", "cr"] = "any"
    pause: Seconds = 0.0
    ending: Literal["lf", "crlf", "cr", "none"] | None = None
    encoding: Literal["utf-8", "latin-1", "ascii"] = "utf-8"
    max_line: Size = 1024
    skip_first: bool | None = None
    checksum: Literal["none", "nmea"] = "none"
    unmatched: Literal["log", "event", "console"] = "log"
    hello: str | None = None
    requests: dict[str, Any] | None = None
    poll: dict[str, Any] | None = None
    reply_timeout: Seconds = 2.0
    late: Seconds | None = None
    gap: Seconds = 0.0
    echo: bool = False

    def __post_init__(self) -> None:
        if not _LEAST_LINE_BYTES <= self.max_line <= _MOST_LINE_BYTES:
            raise ValueError(f"max_line must be from {_LEAST_LINE_BYTES}B to 1MiB, not {self.max_line}B")
        if self.reply_timeout <= 0:
            raise ValueError("reply_timeout=0s leaves no time for a reply; 2s is usual")
        if self.separator != "tab" and (len(self.separator) != 1 or self.separator in '"\r\n'):
            raise ValueError(f"separator must be one character, but no quote, or the word tab, not {self.separator!r}")


TABLES = ("columns", "events", "event_names", "types", "hello", "requests", "poll")
"""Those that hold a list or a table: long, and not shown where an endpoint is."""
