# SPDX-License-Identifier: MIT
"""Installed plug-ins that have a say in who may do what; also such as break their contract."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sigcore
from sigcore import Rule
from sigcore._plugins import refresh_plugins
from sigcore.aio import ClientRouter, ServerRouter

SOURCE = """
import asyncio, sigcore

@sigcore.hookimpl
def sig_authorize(identity, verb, sender, name):
    if sender != "thermo":
        return None
    {does}
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return what installs the plug-in ``say``, which does something where it is asked about the sender ``thermo``."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(does: str) -> None:
        info = tmp_path / "say-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: say\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[sigcore.plugins]\nsay = access_say\n")
        (tmp_path / "access_say.py").write_text(SOURCE.format(does=does))
        refresh_plugins()

    yield put
    sys.modules.pop("access_say", None)
    refresh_plugins()


async def what_is_heard(*rules: Rule) -> tuple[list[str], dict[str, int]]:
    """Return whose events a listener of everything hears, by the plug-in and these rules; and the server's counters."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
    heard: list[str] = []
    async with (
        ServerRouter("mem://say", rules=[Rule("allow", "local:mem", "send"), *rules], plugins=["say"]) as server,
        ClientRouter("mem://say") as owner,
        ClientRouter("mem://say") as reader,
    ):
        await reader.add_listener(lambda info, _data: heard.append(info.sender))
        for name in ("thermo", "canary"):
            try:
                sender = await owner.add_sender(name, ["reading"])
            except sigcore.NotAllowed:
                continue
            await owner.deliver(sender.signal("reading"), 1, timeout=5)
        await reader.senders()  # behind what it hears
        assert problems == []
        return heard, server.counters


HEAR = Rule("allow", "local:mem", "listen")


@pytest.mark.parametrize(
    ("does", "rules", "expected"),
    [
        ("return True", [], ["thermo"]),
        ("return True", [HEAR], ["thermo", "canary"]),
        ("return None", [HEAR], ["thermo", "canary"]),
        ("return None", [], []),
        ("return False if verb == 'listen' else None", [HEAR], ["canary"]),
        ("return True", [HEAR, Rule("deny", "*", "listen", "thermo")], ["canary"]),
    ],
)
def test_a_plug_in_allows_denies_or_leaves_it_to_the_rules(
    install: Install, does: str, rules: list[Rule], expected: list[str]
) -> None:
    install(does)
    heard, counters = asyncio.run(what_is_heard(*rules))
    assert heard == expected
    assert "authorize_failed" not in counters


@pytest.mark.parametrize(
    "does",
    [
        "return 1",
        "return 'yes'",
        "return [True]",
        "1 / 0",
        "raise SystemExit",
        "raise asyncio.CancelledError",
        "raise GeneratorExit",
        "raise StopIteration",
        "return sig_authorize(identity, verb, sender, name)",
    ],
)
def test_a_plug_in_that_gives_no_answer_denies_that_alone_and_it_is_counted_and_logged(
    install: Install, does: str, caplog: pytest.LogCaptureFixture
) -> None:
    install(does)
    heard, counters = asyncio.run(what_is_heard(HEAR))
    assert heard == ["canary"]
    assert counters["authorize_failed"] > 0
    assert "a plug-in" in caplog.text
