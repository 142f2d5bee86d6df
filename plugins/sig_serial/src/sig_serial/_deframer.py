# SPDX-License-Identifier: MIT
"""Finds packets and lines of text in a stream of bytes, whatever stands between them.

Theory of operation. The second byte of a stuffed packet is its type, and no type is a character of a text. So of two
characters of a text that follow each other, the first belongs to no packet: it is taken out of the front of a piece
(the bytes between two delimiters) at once. What is left of a piece when its delimiter comes is a packet, or a packet
behind one last character, or noise. Source: docs/serial-link.md, "Text".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ._counters import LinkCounters
from ._framing import DELIMITER, framed_size, unframe

MAX_LINE_BYTES: Final = 1024
"""A longer line of text comes out in pieces."""

LEAST_PACKET_BYTES: Final = 10
"""Stuffed: a header and a checksum. What is shorter was no packet that was damaged."""

_CHARACTERS: Final = rb"[\t\n\r\x07\x08\x0c\x1b\x20-\x7e\x80-\xbf\xc2-\xf4]*"
"""Of a text; whether those beyond ASCII make UTF-8 is found out with the whole line."""

_TEXT: Final = re.compile(_CHARACTERS)

_LINES_AT_THE_END: Final = re.compile(rb"(?<=\n)" + _CHARACTERS + rb"\n\Z")

_IS_TEXT: Final = bytes(_TEXT.fullmatch(bytes([byte])) is not None for byte in range(256))

_MAY_BE_TYPE: Final = bytes(0 < byte < 0x20 and not _IS_TEXT[byte] for byte in range(256))

_LINE_FEED: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text that came beside the packets, without its end."""

    line: str


class Deframer:
    """Takes bytes; gives packets and lines, in order; counts what is neither.

    What it finds depends on the bytes alone, not on how they were cut into calls. It never keeps more than an
    unfinished packet and an unfinished line.

    Args:
        max_packet_bytes: Longest packet to accept; more without a delimiter is thrown away as it comes.
        counters: Where to count.
    """

    def __init__(self, max_packet_bytes: int, counters: LinkCounters) -> None:
        self._limit = framed_size(max_packet_bytes) + 1
        self._counters = counters
        self._rest = b""
        self._line = b""
        self._skips = False  # until the next line feed or delimiter
        self._is_spoilt = False  # there was noise in this piece

    @property
    def kept_bytes(self) -> int:
        """How many bytes of an unfinished packet and of an unfinished line are kept."""
        return len(self._rest) + len(self._line)

    @property
    def unfinished_text(self) -> int:
        """How many bytes of an unfinished line of text are kept."""
        return len(self._line) + (self._rest_is_text and len(self._rest))

    @property
    def _rest_is_text(self) -> bool:
        return len(self._rest) == 1 and not self._skips and bool(_IS_TEXT[self._rest[0]])

    def flush_text(self) -> list[Text]:
        """Return the unfinished line, for which nobody wants to wait any longer; what follows is a line of its own."""
        found: list[bytes | Text] = []
        if self._rest_is_text:
            self._line, self._rest = self._line + self._rest, b""
        if self._line:
            self._put(self._line, found)
            self._line = b""
        return [item for item in found if isinstance(item, Text)]

    def receive_data(self, data: bytes) -> list[bytes | Text]:
        r"""Take bytes from the line; return the packets and lines that they complete.

        >>> from sig_serial._framing import frame
        >>> Deframer(16, LinkCounters()).receive_data(b"ready\n" + frame(b"\x06tag.") + b"\xff\x00" + b"20 C\n")
        [Text(line='ready'), b'\x06tag.', Text(line='20 C')]
        """
        *pieces, rest = (self._rest + data).split(DELIMITER)
        found: list[bytes | Text] = []
        for piece in pieces:
            if piece:
                self._take(piece, found)
            if self._is_spoilt:
                self._drop(b"")  # the start of a line, it may seem; more likely the end of a damaged packet
            self._skips = self._is_spoilt = False
        self._rest = rest if self._is_like_a_packet(rest) else self._take_front(rest, found)
        return found

    def _take(self, piece: bytes, found: list[bytes | Text]) -> None:
        """Sort a piece that its delimiter has ended."""
        left = piece if self._is_like_a_packet(piece) else self._take_front(piece, found)
        packet = self._packet_in(left)
        if packet is None and left and _IS_TEXT[left[0]]:
            packet = self._packet_in(left[1:])
            if packet is not None or len(left) == 1:
                self._take_text(left[:1], found)
                left = b""
        if packet is not None:
            self._counters.packets_received += 1
            found.append(packet)
        elif left:
            self._counters.packets_damaged += len(left) >= LEAST_PACKET_BYTES and _MAY_BE_TYPE[left[1]]
            noise, lines = _lines_at_the_end(left)
            self._drop(noise)
            self._take_text(lines, found)

    def _is_like_a_packet(self, piece: bytes) -> bool:
        return 1 < len(piece) < self._limit and bool(_MAY_BE_TYPE[piece[1]]) and not self._skips

    def _packet_in(self, left: bytes) -> bytes | None:
        return unframe(left) if len(left) > 1 and _MAY_BE_TYPE[left[1]] else None

    def _take_front(self, piece: bytes, found: list[bytes | Text]) -> bytes:
        """Take from the front of ``piece`` what can be nothing but text or noise, whatever follows; return the rest."""
        while piece:
            if self._skips:
                noise, line_feed, piece = piece.partition(_LINE_FEED)
                self._drop(noise + line_feed)
                self._skips = not line_feed
            elif sure := _length_of_sure_text(piece):
                self._take_text(piece[:sure], found)
                piece = piece[sure:]
            elif len(piece) > self._limit or _is_hopeless(piece):
                self._skips = self._is_spoilt = True
            else:
                break
        return piece

    def _take_text(self, text: bytes, found: list[bytes | Text]) -> None:
        *lines, self._line = (self._line + text).split(_LINE_FEED)
        for line in lines:
            self._put(self._cut(line, found), found)
        self._line = self._cut(self._line, found)

    def _cut(self, line: bytes, found: list[bytes | Text]) -> bytes:
        """Put all of ``line`` but a rest that is short enough; return the rest."""
        while len(line) > MAX_LINE_BYTES:
            at = MAX_LINE_BYTES
            while at > MAX_LINE_BYTES - 4 and line[at] & 0xC0 == 0x80:  # within a character of UTF-8
                at -= 1
            self._put(line[:at], found)
            line = line[at:]
        return line

    def _put(self, line: bytes, found: list[bytes | Text]) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._counters.noise_bytes += len(line)
            return
        self._counters.text_lines += 1
        found.append(Text(text.removesuffix("\r")))

    def _drop(self, noise: bytes) -> None:
        self._counters.noise_bytes += len(noise) + len(self._line)
        self._line = b""


def _length_of_sure_text(piece: bytes) -> int:
    """Return how many characters of a text ``piece`` begins with that cannot be the first byte of a packet.

    That is all but the last, which a type may follow; but a line feed that ends a line is no first byte.
    """
    match = _TEXT.match(piece)
    end = match.end() if match else 0
    ends_a_line = end > 1 and piece[end - 1 : end] == _LINE_FEED != piece[end - 2 : end - 1]
    return end if ends_a_line else max(0, end - 1)


def _lines_at_the_end(piece: bytes) -> tuple[bytes, bytes]:
    """Part a piece that is no packet from the whole lines of text at its end.

    A device that crashes amid a packet prints why: that must not go down with the packet. A damaged packet ends in a
    line feed, and has another with nothing but characters between, about once in a million times.
    """
    found = _LINES_AT_THE_END.search(piece)
    return (piece[: found.start()], found[0]) if found else (piece, b"")


def _is_hopeless(piece: bytes) -> bool:
    """Whether no packet begins at the first byte of ``piece``, nor at the second behind a last character of text."""
    if len(piece) < 2 or _MAY_BE_TYPE[piece[1]]:
        return False
    return not _IS_TEXT[piece[0]] or (len(piece) > 2 and not _MAY_BE_TYPE[piece[2]])
