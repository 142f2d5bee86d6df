# SPDX-License-Identifier: MIT
"""How long programs take to start, in milliseconds: ``sig --help``, what programs import, a server.

    python -m benchmarks.startup

Each is started again and again, all in turn; the least and the median count. ``over bare Python`` is the time above
that of a Python that does nothing. The files are in the system's cache, as of the second start on.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import sigcore

from .compare.machine import kept_awake
from .report import Report, Table, options_of

BARE = "python -c pass"
BARS = {"sig --help": "150", "import sigcore": "40 over bare Python"}
SERVER = "sigcore.ServerRouter, until it takes a connection"
PATIENCE_S = 30.0

SERVE = """
import sigcore, sys
with sigcore.ServerRouter(sys.argv[1]):
    sys.stdin.read()
"""


def main() -> None:
    """Measure what the command line asks for."""
    parser = options_of(__doc__)
    parser.add_argument("--times", type=int, default=25, help="how often each is started (25)")
    options = parser.parse_args()
    sig = shutil.which("sig", path=sysconfig.get_path("scripts"))
    has_tcp = any(plugin.name == "tcp" for plugin in sigcore.list_plugins())
    starts = what_to_start(sig, has_tcp)
    took_ms: dict[str, list[float]] = {name: [] for name in starts}
    with kept_awake(options.times > 1):
        for start in starts.values():
            start()  # writes the compiled files, and fills the caches
        for _ in range(options.times):
            for name, start in starts.items():
                took_ms[name].append(start() * 1e3)
    bare = median(took_ms[BARE])
    figures = [
        {"what": name, "median_ms": median(ms), "least_ms": min(ms), "over_bare_ms": median(ms) - bare}
        for name, ms in took_ms.items()
    ]
    needed = {"sig (sigcore-cli)": bool(sig), "servers (sigcore-tcp)": has_tcp}
    left_out = [f"{what}, not installed" for what, is_there in needed.items() if not is_there]
    Report("startup", [table(figures)], figures, left_out).give(options.json)


def what_to_start(sig: str | None, has_tcp: bool) -> Mapping[str, Callable[[], float]]:
    """Return what takes a time in seconds, by name."""
    imports = (
        "import asyncio",
        "import sigcore",
        "import sigcore; sigcore.Router",
        "import sigcore; sigcore.ServerRouter",
    )
    starts = {BARE: lambda: run([sys.executable, "-c", "pass"])}
    for code in imports:
        starts[code] = lambda code=code: run([sys.executable, "-c", code])
    if sig is not None:
        starts["sig --help"] = lambda: run([sig, "--help"])
    if sig is not None and has_tcp:
        starts["sig serve, until it takes a connection"] = lambda: until_it_answers([sig, "serve"])
    if has_tcp:
        starts[SERVER] = lambda: until_it_answers([sys.executable, "-c", SERVE])
    return starts


def run(command: Sequence[str]) -> float:
    """Return how long a command takes, in seconds."""
    began_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def until_it_answers(command: Sequence[str]) -> float:
    """Return how long a server takes until it takes connections at an endpoint that the command gets, in seconds."""
    port = free_port()
    began_s = time.perf_counter()
    server = subprocess.Popen(
        [*command, f"tcp://127.0.0.1:{port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(port):
            if time.perf_counter() > began_s + PATIENCE_S or server.poll() is not None:
                raise RuntimeError(f"{command} takes no connections")
            time.sleep(0.001)
        return time.perf_counter() - began_s
    finally:
        server.kill()
        server.communicate()


def answers(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def table(figures: Sequence[Mapping[str, Any]]) -> Table:
    """Return the figures for people."""
    found = Table("ms until it is done, or ready", ["", "median", "least", "over bare Python", "bar"])
    for row in figures:
        cells = [f"{row[name]:.0f}" for name in ("median_ms", "least_ms", "over_bare_ms")]
        found.rows.append([row["what"], *cells, BARS.get(row["what"], "")])
    return found


if __name__ == "__main__":
    main()
