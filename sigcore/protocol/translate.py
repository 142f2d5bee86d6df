# SPDX-License-Identifier: MIT
"""From one codec to another: the only place where the server opens a body."""

from __future__ import annotations

from collections.abc import Callable

from .._codec import Codec
from .._errors import CodecError, RemoteProtocolError
from .._shown import described
from .bodies import join_meta, split_meta
from .frames import Kind, frame, split_run


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


def translate_run(
    run: bytes, source: Codec, target: Codec, longest: int, refused: Callable[[str], None]
) -> tuple[bytes, int]:
    """Return a run of event frames in another codec, without those that cannot be had in it, and their number.

    Args:
        run: Whole EVENT and EVENT_META frames.
        source: The codec of their bodies.
        target: The codec wanted.
        longest: The longest body that the other side accepts.
        refused: Called with the reason for each frame that is left out.
    """
    frames = []
    for kind, id_, body in split_run(run):
        try:
            if kind == Kind.EVENT_META:
                meta, data = split_meta(body)
                body = join_meta(translate(meta, source, target), translate(data, source, target))
            else:
                body = translate(body, source, target)
        except (CodecError, RemoteProtocolError) as error:
            refused(f"an event cannot be put into {target.name}: {error}")
            continue
        if len(body) > longest:
            refused(f"an event of {len(body)} bytes is longer than the {longest} that the link accepts")
            continue
        frames.append(frame(kind, id_, body))
    return b"".join(frames), len(frames)
