# SPDX-License-Identifier: MIT
"""``sig reply``: a sender from the shell, which answers requests and triggers events."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

import sigcore

from ._event_lines import local_time
from ._options import Server, examples, takes_output, takes_server
from ._output import Output
from ._running import in_time, run
from ._text import json_line, printable, read_json, spaced_json

if TYPE_CHECKING:
    from ._printer import Printer

_TAKEN_WITHIN_S = 10.0
"""How long the server may take to say whether it takes the sender."""

Handler = Callable[[Any], Awaitable[Any]]
Fallback = Callable[[str, Any], Awaitable[Any]]


class _WithProgram(click.Command):
    """A command that takes everything after ``--`` as ``program=``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:end])
        ctx.params["program"] = tuple(args[end + 1 :])
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- PROGRAM [ARG]...]"]


@dataclass(frozen=True, slots=True)
class _Sender:
    """The sender that is asked for.

    Attributes:
        name: Its name.
        events: The events that it declares, in that order.
        fixed: Results by method.
        by_program: Methods that the program answers.
        program: The program and its arguments; with no methods of its own it answers all others.
    """

    name: str
    events: tuple[str, ...]
    fixed: Mapping[str, Any]
    by_program: tuple[str, ...]
    program: tuple[str, ...]


@click.command(
    cls=_WithProgram,
    short_help="Be a sender that answers requests.",
    epilog=examples(
        "sig reply tcp://127.0.0.1:3000 valve state='{\"percent\": 40}'",
        "sig reply tcp://127.0.0.1:3000 clock now -- date -Is",
        "sig reply tcp://127.0.0.1:3000 calculator -- jq add    every method",
        "sig reply tcp://127.0.0.1:3000 door open=true --count 1 --json",
        "./readings | sig reply tcp://127.0.0.1:3000 thermo --event reading",
    ),
)
@takes_server
@click.argument("sender")
@click.argument("answers", nargs=-1, metavar="[METHOD[=JSON]]...")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Event to declare, and to read; repeatable.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N requests.")
@takes_output
def command(
    *,
    server: Server,
    sender: str,
    answers: tuple[str, ...],
    events: tuple[str, ...],
    program: tuple[str, ...],
    count: int | None,
    out: Output,
) -> None:
    """Be SENDER at the server at URL: answer requests, and print each.

    METHOD=JSON is a method and the result that it always has. What stands after '--' is run for each request of a
    METHOD without result, or of any other method if there is none. It reads the parameters as JSON on its standard
    input; what it prints, JSON or other text, is the result. Its exit code must be 0; if not, its last line on
    standard error is the reason that the caller gets. SIG_METHOD, SIG_SENDER and SIG_CALLER tell it who asks for what.

    With --event, each line of standard input triggers an event: its name, then its data as JSON.
    """
    run(_reply(server, _sender_of(sender, answers, events, program), count, out), until_told=True)


def _sender_of(name: str, answers: tuple[str, ...], events: tuple[str, ...], program: tuple[str, ...]) -> _Sender:
    """Return the sender that the arguments describe."""
    split = [answer.partition("=") for answer in answers]
    methods = [method for method, _, _ in split]
    twice = {method for method in methods if methods.count(method) > 1}
    by_program = tuple(method for method, sign, _ in split if not sign)
    if twice:
        raise click.UsageError(f"{', '.join(sorted(twice))} is given more than once.")
    if by_program and not program:
        raise click.UsageError(f"Nothing answers {by_program[0]}: give {by_program[0]}=JSON, or a program after '--'.")
    if not (answers or program or events):
        raise click.UsageError("Give METHOD=JSON, a program after '--', or --event; such a sender would do nothing.")
    if program and shutil.which(program[0]) is None:
        raise click.UsageError(f"There is no program {program[0]!r} to run.")
    fixed = {method: read_json(text, f"The result of {method}") for method, sign, text in split if sign}
    return _Sender(name, events, fixed, by_program, program)


async def _reply(server: Server, asked: _Sender, count: int | None, out: Output) -> None:
    from ._printer import Printer

    async with Printer() as printer, server.client() as client:
        desk = _Desk(asked, count, printer, out)
        async with in_time(_TAKEN_WITHIN_S, f"the server did not take sender {asked.name!r}"):
            sender = await client.add_sender(
                asked.name, events=asked.events, requests=desk.handlers(), fallback=desk.fallback()
            )
        out.note(f"{asked.name} is at {server.url}; Ctrl-C ends")
        if asked.events:
            from ._event_input import trigger_lines

            async def trigger(event: str, data: Any) -> None:
                await client.drain()
                sender.trigger(event, data)

            trigger_lines(asked.events, trigger, out.warning)
        await desk.done.wait()


class _Desk:
    """Answers requests, and prints each with what became of it.

    Args:
        asked: What the sender answers.
        count: How many requests; ``None`` for any number.
        printer: Prints.
        out: Says in which form.

    Attributes:
        done: Set when as many as ``count`` were answered.
    """

    def __init__(self, asked: _Sender, count: int | None, printer: Printer, out: Output) -> None:
        import asyncio

        from ._program import Program

        self._asked = asked
        self._count = count
        self._printer = printer
        self._out = out
        self._program = Program(asked.program)
        self._begun = 0
        self._ended = 0
        self.done = asyncio.Event()

    def handlers(self) -> dict[str, Handler]:
        """Return what answers each method."""
        return {method: self._handler(method) for method in (*self._asked.fixed, *self._asked.by_program)}

    def fallback(self) -> Fallback | None:
        """Return what answers all other methods, if anything does."""
        return self._answer if self._asked.program and not self._asked.by_program else None

    def _handler(self, method: str) -> Handler:
        async def handle(params: Any) -> Any:
            return await self._answer(method, params)

        return handle

    async def _answer(self, method: str, params: Any) -> Any:
        import asyncio

        caller = sigcore.caller()
        asking = caller.name if caller else ""
        if self._begun == self._count:
            raise sigcore.Busy(f"{self._asked.name} leaves; it has answered as many requests as it was to")
        self._begun += 1
        try:
            result = await self._result(method, params, asking)
            await self._printer.line(self._line(asking, method, params, {"result": result}))
            return result
        except asyncio.CancelledError:
            self._printer.offer(self._line(asking, method, params, {"error": "nobody waits for it any more"}))
            raise
        except Exception as error:
            text = str(error) or type(error).__name__
            await self._printer.line(self._line(asking, method, params, {"error": text}))
            raise
        finally:
            self._ended += 1
            if self._ended == self._count:
                self.done.set()

    async def _result(self, method: str, params: Any, asking: str) -> Any:
        if method in self._asked.fixed:
            return self._asked.fixed[method]
        return await self._program.answer(params, SIG_METHOD=method, SIG_SENDER=self._asked.name, SIG_CALLER=asking)

    def _line(self, asking: str, method: str, params: Any, outcome: dict[str, Any]) -> str:
        if self._out.as_json:
            return _record_line({"time": datetime.now(UTC), "caller": asking, "method": method}, params, outcome)
        paint = self._out.paint
        error = outcome.get("error")
        became = paint.bad(printable(error)) if error is not None else paint.json(spaced_json(outcome["result"]))
        cells = [
            paint.dim(local_time()),
            paint.sender(printable(asking)),
            paint.event(printable(method)),
            paint.json(spaced_json(params)),
            paint.dim("->"),
            became,
        ]
        return "  ".join(cells)


def _record_line(record: dict[str, Any], params: Any, outcome: dict[str, Any]) -> str:
    try:
        return json_line({**record, "params": params, **outcome})
    except sigcore.CodecError as error:  # no codec but json has such values; they are left out
        return json_line({**record, "params": None, "problem": str(error)})
