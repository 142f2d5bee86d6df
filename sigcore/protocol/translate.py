# SPDX-License-Identifier: MIT
"""From one codec to another: the only place where the server opens a body."""

from __future__ import annotations

from collections.abc import Callable

from .._codec import Codec
from .._errors import CodecError, RemoteProtocolError
from .._shown import described
from .bodies import join_meta, read_gap, split_meta, write_gap
from .frames import HEADER, Kind, frame, split_run

_EVENT = int(Kind.EVENT)


def translate(body: bytes, source: Codec, target: Codec) -> bytes:
    """Return a body in another codec; the body itself where it is the same.

    Raises:
        CodecError: The body cannot be read, or what it holds has no form in ``target``.
    """
    if source.name == target.name:
        return body
    try:
        return target.encode(source.decode(body))
    except CodecError:
        raise
    except Exception as error:  # a foreign codec may break its contract; that costs this body and no link
        raise CodecError(f"from {source.name} to {target.name}: {described(error)}") from error


def translate_event(kind: int, body: bytes, source: Codec, target: Codec, longest: int) -> bytes:
    """Return the body of an event, with or without meta, in another codec.

    Raises:
        CodecError: It cannot be had in it, or is longer than ``longest`` bytes then.
    """
    if kind == Kind.GAP:
        return body if len(body) <= longest else write_gap(*read_gap(body))  # the same for every codec
    if kind == Kind.EVENT_META:
        try:
            meta, data = split_meta(body)
        except RemoteProtocolError as error:
            raise CodecError(str(error)) from error
        body = join_meta(translate(meta, source, target), translate(data, source, target))
    else:
        body = translate(body, source, target)
    if len(body) > longest:
        raise TooLong(f"an event of {len(body)} bytes is longer than the {longest} that the link accepts")
    return body


class TooLong(CodecError):
    """There is no form of it that is short enough."""


def translate_run(run: bytes, source: Codec, target: Codec, longest: int, refused: Callable[[str], None]) -> bytes:
    """Return a run of frames in another codec, with a GAP in place of each event that cannot be had in it.

    Args:
        run: Whole EVENT, EVENT_META and GAP frames.
        source: The codec of their bodies.
        target: The codec wanted.
        longest: The longest body that the other side accepts.
        refused: Called with the reason for each frame that is left out.
    """
    pieces: list[bytes] = []
    add, head, decode, encode = pieces.append, HEADER.pack, source.decode, target.encode
    data_kind = _EVENT if source.name != target.name else -1  # the kind whose body is data in another codec
    for kind, id_, body in split_run(run):
        try:
            data = encode(decode(body)) if kind == data_kind else b""
        except Exception:  # noqa: BLE001  # told below, where it is translated again
            data = b""
        if data and len(data) <= longest:
            add(head(len(data), kind, id_))
            add(data)
        else:
            add(_frame_or_gap(kind, id_, body, source, target, longest, refused))
    return b"".join(pieces)


def _frame_or_gap(
    kind: int, id_: int, body: bytes, source: Codec, target: Codec, longest: int, refused: Callable[[str], None]
) -> bytes:
    """Return one frame of a run in another codec, or the GAP that stands for it."""
    try:
        return frame(kind, id_, translate_event(kind, body, source, target, longest))
    except TooLong as error:
        refused(str(error))
        return frame(Kind.GAP, id_, write_gap(1, "too_large"))
    except CodecError as error:
        what = type(error.__cause__ or error).__name__  # and not its text, which may quote the event: this is logged
        refused(f"an event cannot be put into {target.name} ({what})")
        return frame(Kind.GAP, id_, write_gap(1, "untranslatable"))
