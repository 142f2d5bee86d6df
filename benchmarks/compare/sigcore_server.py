# SPDX-License-Identifier: MIT
"""A server as a user would write it: ``python -m benchmarks.compare.sigcore_server`` prints its endpoint."""

from __future__ import annotations

from sigcore.aio import ServerRouter

from .loop import run_on_fastest_loop


async def serve() -> None:
    async with ServerRouter("tcp://127.0.0.1:0") as server:
        print(server.endpoints[0], flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    run_on_fastest_loop(serve())
