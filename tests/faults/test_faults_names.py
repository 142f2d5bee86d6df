# SPDX-License-Identifier: MIT
"""Many who want one name (F12)."""

from __future__ import annotations

import asyncio
import random

import sig_tcp  # noqa: F401  # tells that these tests need the package

from sigcore import SenderExists
from sigcore.aio import ClientRouter

from .stage import Stage


def test_of_many_who_want_one_name_one_has_it_at_any_time(stage: Stage, dice: random.Random, is_long: bool) -> None:
    server = stage.serve()
    watcher = stage.member("watcher")
    watcher.ready()
    many, rounds = (50, 100) if is_long else (20, 10)

    async def reign(client: ClientRouter, reigning: list[str], name: str) -> int:
        """Want to be king until it was so ``rounds`` times; return how often others were."""
        refused = times = 0
        while times < rounds:
            try:
                king = await client.add_sender("king", "event")
            except SenderExists:
                refused += 1
                await asyncio.sleep(dice.uniform(0.0, 0.02))
                continue
            reigning.append(name)
            times += 1
            await asyncio.sleep(dice.uniform(0.0, 0.002))
            assert reigning == [name]
            reigning.remove(name)
            king.remove()
        return refused

    async def all_at_once() -> None:
        reigning: list[str] = []
        clients = [ClientRouter(stage.endpoint, name=f"pretender{number}") for number in range(many)]
        await asyncio.gather(*(client.open() for client in clients))
        refused = await asyncio.gather(*(reign(client, reigning, f"{n}") for n, client in enumerate(clients)))
        assert sum(refused) > 0
        assert [client.counters for client in clients] == [{}] * many
        assert all(client.connected for client in clients)
        await asyncio.gather(*(client.close() for client in clients))

    asyncio.run(all_at_once())
    expected = [True, False] * (many * rounds)
    for process in (server, watcher):
        seen = [it["connected"] for it in process.ask("presence") if it["sender"] == "king"]
        assert seen == expected
    assert "link_lost" not in server.ask("counts")["counters"]  # no link was taken from anybody
