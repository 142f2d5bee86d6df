# SPDX-License-Identifier: MIT
"""What was seen on a line, one line each: for people, or as JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from sig_serial.tools import LineReader, Piece, Seen, SeenNoise, SeenPacket, SeenText

import sigcore

from ._conversation import Frame, Side
from ._event_lines import local_time
from ._output import Output
from ._paint import padded
from ._text import json_line, printable, spaced_json

Way = Literal["in", "out"]

_ARROWS: dict[Way, str] = {"in": "<", "out": ">"}

_KIND_COLUMNS = 13
"""As wide as REMOVE_SENDER, the longest kind of frame."""

_SHOWN_BYTES = 48
"""Of data that no codec reads, people see so many bytes."""


class MonitorLines:
    """Makes lines of the bytes that go over a serial line.

    Args:
        out: In which form.
        has_packets: Whether the packets of the link are shown.
    """

    def __init__(self, out: Output, *, has_packets: bool) -> None:
        self._out = out
        self._has_packets = has_packets
        self._readers: dict[Way, LineReader] = {"in": LineReader(), "out": LineReader()}
        client, server = Side.pair()
        self._sides: dict[Way, Side] = {"in": client, "out": server}

    def of(self, way: Way, data: bytes) -> Iterator[str]:
        """Give the lines for the next bytes of one direction."""
        for seen in self._readers[way].receive(data):
            yield from self._of_seen(way, seen)

    def of_unfinished(self) -> Iterator[str]:
        """Give the lines for text that nothing has ended yet; for when nothing came for a while."""
        for way, reader in self._readers.items():
            for seen in reader.flush():
                yield from self._of_seen(way, seen)

    def _of_seen(self, way: Way, seen: Seen) -> Iterator[str]:
        match seen:
            case SeenText(line):
                yield self._line(way, "text", {"line": line}, printable(line))
            case SeenNoise(size, damaged):
                words = f"{size} bytes" + (f", {damaged} damaged packets" if damaged else "")
                yield self._line(way, "noise", {"bytes": size, "damaged": damaged}, words)
            case SeenPacket():
                if self._has_packets:
                    yield self._of_packet(way, seen)
                for piece in seen.pieces:
                    yield from self._of_piece(way, piece)

    def _of_packet(self, way: Way, packet: SeenPacket) -> str:
        tag = f"{packet.tag:08x}"
        words = "  ".join([f"tag {tag}", *(f"{name} {value}" for name, value in packet.fields.items())])
        record = {"type": packet.type, "tag": tag, "size": packet.size, **packet.fields}
        return self._line(way, "packet", record, words, kind=packet.type)

    def _of_piece(self, way: Way, piece: Piece) -> Iterator[str]:
        side = self._sides[way]
        if piece.begins:
            side.begin()
        if piece.after_loss:
            side.lose()
            words = "bytes were missed: frames are shown again from the next link on"
            yield self._line(way, "missed", {}, words)
        for frame in side.receive(piece.data):
            yield self._of_frame(way, frame)

    def _of_frame(self, way: Way, frame: Frame) -> str:
        record = {"kind": frame.kind, "id": frame.id, "size": frame.size, "fields": frame.fields}
        return self._line(way, "frame", record, self._words(frame), kind=frame.kind)

    def _words(self, frame: Frame) -> str:
        """Return what is in a frame: first the names, then what belongs to them."""
        paint, rest = self._out.paint, dict(frame.fields)
        words = []
        for name, color in (("sender", paint.sender), ("event", paint.event), ("method", paint.event)):
            if isinstance(rest.get(name), str):
                words.append(color(printable(rest.pop(name))))
        for name in ("data", "params", "result"):
            if name in rest:
                words.append(paint.json(_value(rest.pop(name))))
        if rest:
            words.append(paint.dim(" ".join(f"{name}={_value(value)}" for name, value in rest.items())))
        number = [paint.dim(f"#{frame.id}")] if frame.id else []
        return "  ".join([*number, *words])

    def _line(self, way: Way, what: str, record: dict[str, Any], words: str, kind: str = "") -> str:
        if self._out.as_json:
            return _json({"time": datetime.now(UTC), "direction": way, "what": what, **record})
        paint = self._out.paint
        label = {"packet": paint.dim, "frame": paint.bold, "noise": paint.bad, "missed": paint.bad}.get(
            what, paint.good
        )
        shown = padded(label(f"  {kind}" if what == "frame" else kind or what), _KIND_COLUMNS + 2)
        words = paint.dim(words) if what == "packet" else words
        return f"{paint.dim(local_time())}  {_ARROWS[way]}  {shown}  {words}".rstrip()


def _json(record: dict[str, Any]) -> str:
    """Return a record as a line; fields without a form in JSON are null, and ``problem`` says why."""
    try:
        return json_line(record)
    except sigcore.CodecError as error:
        return json_line({**record, "fields": None, "problem": str(error)})


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        more = f"... {len(value)} bytes" if len(value) > _SHOWN_BYTES else ""
        return f"0x{value[:_SHOWN_BYTES].hex()}{more}"
    return spaced_json(value)
