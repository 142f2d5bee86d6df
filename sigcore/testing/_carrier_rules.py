# SPDX-License-Identifier: MIT
"""The rules that ``check_carrier`` tries, in this order: each a sentence, and a scene that shows whether it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import fields, replace

from .._carrier import authenticates, identify, is_local, link_defaults
from .._endpoint import Endpoint
from .._errors import EndpointError
from .._identity import MediumIdentity
from .._limits import LinkOptions
from ._bench import Bench, fill, require, send

Scene = Callable[[Bench], Awaitable[None]]

RULES: dict[str, Scene] = {}


def _rule(text: str) -> Callable[[Scene], Scene]:
    def register(scene: Scene) -> Scene:
        RULES[text] = scene
        return scene

    return register


@_rule("is_local() gives a bool, and link_defaults names options that a link has")
async def _describes_itself(bench: Bench) -> None:
    answer = getattr(bench.carrier, "is_local", lambda _: False)(bench.listen_at)
    require(isinstance(answer, bool), f"is_local({bench.listen_at}) gave {answer!r}")
    require(is_local(bench.carrier, bench.listen_at) is answer, "is_local() gives now this, now that")
    strange = set(link_defaults(bench.carrier, bench.listen_at)) - {field.name for field in fields(LinkOptions)}
    require(not strange, f"link_defaults has {', '.join(sorted(strange))}, which no link has")


@_rule("the endpoint of what listen() gives is the one really bound")
async def _tells_where(bench: Bench) -> None:
    async with bench.place() as place:
        bound = place.listening.endpoint
        require(isinstance(bound, Endpoint), f"it is {bound!r}, no Endpoint")
        require(bound.port != 0, f"it is {bound}, with port 0")
        require(Endpoint.parse(bound.url_with_secrets()) == bound, f"{bound} does not parse back to itself")


@_rule("an option that the carrier does not know is an EndpointError")
async def _refuses_options(bench: Bench) -> None:
    strange = ("no_such_option", "1")
    asked = replace(bench.listen_at, query=(*bench.listen_at.query, strange))
    await bench.refuses(bench.carrier.listen(asked, asyncio.Protocol), EndpointError, f"listen() at {asked}")
    async with bench.place() as place:
        asked = replace(place.address, query=(*place.address.query, strange))
        await bench.refuses(bench.carrier.connect(asked, asyncio.Protocol), EndpointError, f"connect() to {asked}")


@_rule("connection_made comes first and connection_lost last, once each")
async def _begins_and_ends(bench: Bench) -> None:
    async with bench.place() as place, place.link() as (near, far):
        for end in (near, far):
            require(not end.transport.is_closing(), f"{end.name}: is_closing() is true on a fresh link")
            nothing = end.transport.get_extra_info("no such thing", "default")
            require(nothing == "default", f"{end.name}: get_extra_info() ignores its default")


class _Told(asyncio.BaseTransport):
    """What a transport tells of itself, and nothing else of it: all that a carrier around another can pass on."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        super().__init__()
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]  # no more than this is passed on


@_rule("identify() names who is at the other end of every link that comes where authenticates() says so")
async def _tells_who(bench: Bench) -> None:
    for question in ("is_confidential", "authenticates"):
        answer = getattr(bench.carrier, question, lambda _: False)(bench.listen_at)
        require(isinstance(answer, bool), f"{question}({bench.listen_at}) gave {answer!r}")
    async with bench.place() as place, place.link() as (_, far):
        found = identify(bench.carrier, _Told(far.transport))
        require(found is None or isinstance(found, MediumIdentity), f"identify() gave {found!r}")
        promised = authenticates(bench.carrier, bench.listen_at)
        require(found is not None or not promised, f"it names nobody, but authenticates({bench.listen_at}) is true")


@_rule("bytes arrive complete and in order, in both directions at once")
async def _carries_bytes(bench: Bench) -> None:
    size = 2 * bench.largest + 1000
    there, back = bench.noise(size), bench.noise(size + 1)
    async with bench.place() as place, place.link() as (near, far):
        await asyncio.gather(send(near, there, bench.cuts(size)), send(far, back, bench.cuts(size + 1)))
        await far.has_received(there)
        await near.has_received(back)


@_rule("write() never blocks: while the other end does not read, pause_writing comes, and later all bytes arrive")
async def _holds_back(bench: Bench) -> None:
    async with bench.place() as place, place.link() as ends:
        for writer, reader in (ends, ends[::-1]):
            reader.pause_reading()
            written = await fill(writer, bench.largest)
            reader.resume_reading()
            await reader.has_received(written)
            await writer.has_room()


@_rule("close() flushes what was written, and gives connection_lost(None) to both ends")
async def _flushes(bench: Bench) -> None:
    for closing_end in (0, 1):
        for size in (0, bench.largest):
            async with bench.place() as place, place.link() as ends:
                closer, other = ends[closing_end], ends[1 - closing_end]
                closer.write(bench.noise(size))
                closer.transport.close()
                require(closer.transport.is_closing(), f"{closer.name}: is_closing() is false after close()")
                require(not closer.is_lost, f"{closer.name}: connection_lost came from inside close()")
                await other.has_received(bench.noise(size))
                await other.has_ended_cleanly()
                await closer.has_ended_cleanly()


@_rule("both ends may close at the same time")
async def _ends_together(bench: Bench) -> None:
    async with bench.place() as place, place.link() as ends:
        for end in ends:
            end.transport.close()
        for end in ends:
            await end.has_ended_cleanly()


@_rule("write() does nothing after close()")
async def _is_silent_when_closed(bench: Bench) -> None:
    async with bench.place() as place, place.link() as (near, far):
        near.write(b"in time")
        near.transport.close()
        near.write(b"too late")
        await near.has_ended()
        await far.has_ended()
        await far.has_received(b"in time")


@_rule("abort() ends the link at once, whatever is still to be written")
async def _aborts(bench: Bench) -> None:
    for closed_before in (False, True):
        async with bench.place() as place, place.link() as (near, far):
            far.pause_reading()
            await fill(near, bench.largest)
            if closed_before:
                near.transport.close()
            near.transport.abort()
            require(near.transport.is_closing(), f"{near.name}: is_closing() is false after abort()")
            require(not near.is_lost, f"{near.name}: connection_lost came from inside abort()")
            await near.has_ended_cleanly()
            far.resume_reading()
            await far.has_ended()


@_rule("a new link can be made when the last one has ended")
async def _connects_again(bench: Bench) -> None:
    async with bench.place() as place:
        for message in (b"first", b"second"):
            async with place.link() as (near, far):
                near.write(message)
                await far.has_received(message)
        require(
            place.links_that_came == 2, f"2 links were made, but the factory was called {place.links_that_came} times"
        )


@_rule("several links at a time do not mix")
async def _keeps_links_apart(bench: Bench) -> None:
    async with bench.place() as place, AsyncExitStack() as stack:
        links = [await stack.enter_async_context(place.link()) for _ in range(bench.links)]
        for number, (near, far) in enumerate(links):
            near.write(b"to %d" % number)
            far.write(b"from %d" % number)
        for number, (near, far) in enumerate(links):
            await far.has_received(b"to %d" % number)
            await near.has_received(b"from %d" % number)


@_rule("an address that is taken is an OSError, and is free again after close() and wait_closed()")
async def _frees_its_address(bench: Bench) -> None:
    async with bench.place() as place:
        bound = place.listening.endpoint
        async with place.link() as (near, far):
            again = bench.carrier.listen(bound, asyncio.Protocol)
            await bench.refuses(again, OSError, f"listen() at {bound}, which is taken,")
            near.write(b"still here")
            await far.has_received(b"still here")
    async with bench.place(bound) as place, place.link():
        pass


@_rule("closing what listens ends no link, but connect() raises OSError from then on")
async def _stops_listening(bench: Bench) -> None:
    async with bench.place() as place:
        async with place.link() as (near, far):
            place.listening.close()
            near.write(b"still here")
            await far.has_received(b"still here")
        await place.close()
        late = bench.carrier.connect(place.address, asyncio.Protocol)
        await bench.refuses(late, OSError, f"connect() to {place.address}, where nobody listens,")
