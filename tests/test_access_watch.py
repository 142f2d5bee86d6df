# SPDX-License-Identifier: MIT
"""The file of a server's rules, and rules given in code: what is noticed, and what is let alone."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigcore
from sigcore import Rule
from sigcore._config import load_config
from sigcore.aio import ClientRouter, ServerRouter
from sigcore.aio._ruling import WatchedFile

RULES = 'endpoints = ["mem://watch"]\n[[rules]]\nwho = "local:mem"\nallow = "{}"\n'

CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda file: file.write_text("two, longer"),
    "truncated": lambda file: os.truncate(file, 1),
    "deleted": lambda file: file.unlink(),
    "replaced": lambda file: replaced(file),
}


def replaced(file: Path) -> None:
    new = file.with_suffix(".new")
    new.write_text("two")
    os.utime(new, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    os.replace(new, file)


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_is_read_once_when_it_has_changed_and_stayed_so(tmp_path: Path, change: str) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text("one")
    watched = WatchedFile(file)
    assert not watched.look()
    CHANGES[change](file)
    assert [watched.look() for _ in range(4)] == [False, True, False, False]


def test_a_file_that_is_being_written_is_left_alone_until_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text(RULES.format("see"))
    watched = WatchedFile(file)
    for length in (0, 28, 40, 60):
        file.write_text(RULES.format("listen")[:length])
        assert not watched.look()
    assert watched.look()


def test_a_file_that_somebody_else_has_read_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text("one", encoding="utf-8")
    watched = WatchedFile(file)
    file.write_text("the second", encoding="utf-8")
    watched.was_read(watched.stamp())
    assert [watched.look() for _ in range(3)] == [False, False, False]
    file.write_text("and the third", encoding="utf-8")
    assert [watched.look() for _ in range(3)] == [False, True, False]


def test_a_file_that_is_gone_for_a_moment_is_read_when_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text("one")
    watched = WatchedFile(file)
    file.unlink()
    assert not watched.look()
    file.write_text("three")
    assert [watched.look() for _ in range(3)] == [False, True, False]


async def until(found: Callable[[], bool]) -> None:
    """Wait for something, for 5 s at most."""
    for _ in range(500):
        if found():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 5 s")


def test_what_changes_while_the_file_is_read_for_the_first_time_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text(RULES.format("see"))

    def load(path: Any) -> Any:
        found = load_config(path)
        file.write_text(RULES.format("listen"))
        return found

    async def scenario() -> None:
        monkeypatch.setattr("sigcore.aio._server.load_config", load)
        server = ServerRouter.from_config(file)
        monkeypatch.undo()
        async with server:
            await until(lambda: server._hub.permits.may("local:mem", "listen", "a", "b"))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "text", ["", "\0", "a = " + "[" * 100_000, RULES.format("lisen"), 'endpoints = ["mem://watch"']
)
def test_whatever_is_in_the_file_it_is_looked_at_again(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text(RULES.format("see"))

    async def scenario() -> None:
        async with ServerRouter.from_config(file) as server:
            file.write_text(text)
            await until(lambda: "what held before holds on" in caplog.text)
            assert server._hub.permits.may("local:mem", "see", "a")
            file.write_text(RULES.format("listen"))
            await until(lambda: server._hub.permits.may("local:mem", "listen", "a", "b"))

    with caplog.at_level(logging.ERROR, "sigcore.access"):
        asyncio.run(scenario())


def test_a_file_that_has_no_rules_any_more_opens_the_server_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "sigcore.toml"
    file.write_text(RULES.format("see"))

    async def scenario() -> None:
        async with ServerRouter.from_config(file) as server:
            file.write_text('endpoints = ["mem://watch"]\n')
            server.reload()
            assert server._hub.permits.is_open

    asyncio.run(scenario())
    assert "has no rules any more" in caplog.text


@pytest.mark.parametrize("wrong", [[{"who": "*", "allow": "see"}], ["allow"], [None]])
def test_what_is_no_rule_is_refused_where_it_is_given(wrong: list[Any]) -> None:
    with pytest.raises(TypeError, match=r"sigcore\.Rule objects"):
        ServerRouter("mem://wrong", rules=wrong)
    with pytest.raises(TypeError, match=r"sigcore\.Rule objects"):
        sigcore.AccessRules(wrong)

    async def scenario() -> None:
        async with ServerRouter("mem://wrong", rules=[Rule("allow", "*", "see")]) as server:
            with pytest.raises(TypeError, match=r"sigcore\.Rule objects"):
                server.set_rules(wrong)
            async with ClientRouter("mem://wrong") as client:
                with pytest.raises(sigcore.NotAllowed):
                    await client.add_listener(print)

    asyncio.run(scenario())


def test_threads_that_change_the_rules_at_once_undo_nothing_that_another_said() -> None:
    rules = [[Rule("allow", "*", "see", f"s{number}")] for number in range(4)]
    with sigcore.ServerRouter("mem://threads", rules=[Rule("deny", "*", "listen")], audit=False) as server:
        inner: ServerRouter = server._inner
        first = threading.Barrier(4)

        def change(number: int) -> None:
            first.wait(5)
            for _ in range(200):
                server.set_rules(rules[number], audit=number == 0 or None)

        threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.set_rules([Rule("allow", "local:mem", "listen", "last")])
        assert server.senders() == []  # behind the change, on the loop
        permits = inner._hub.permits
        assert (permits.rules.audit, permits.rules.rules[0].senders) == (True, ("last",))
