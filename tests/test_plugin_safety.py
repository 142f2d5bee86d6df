# SPDX-License-Identifier: MIT
"""Plug-ins that break their contract: it costs their own link, or their own start, and nobody else anything."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

import sigcore
import sigcore.aio
from sigcore._plugins import refresh_plugins

LIMIT_S = 10.0
PACKAGES = Path(__file__).parents[1]

MARKING = """
from pathlib import Path
Path({marker!r}).write_text("imported")
"""
CODEC = """
import time, sigcore

class Odd(BaseException): pass

class Codec:
    name = {name!r}
    content_type = "text/plain"
    def encode(self, value):
        {encode}
    def decode(self, data):
        return bytes(data).decode()

@sigcore.hookimpl
def sigcore_codec():
    return Codec()
"""
CARRIER = """
import asyncio, sigcore

class Odd(BaseException): pass

class Transport:
    def __init__(self, real, protocol, fault):
        self._real, self._protocol, self._fault = real, protocol, fault
    def __getattr__(self, name):
        return getattr(self._real, name)
    def _do(self, call):
        at, _, what = self._fault.partition("-")
        if at == call:
            raise {"odd": Odd, "exit": SystemExit, "value": ValueError, "memory": MemoryError}[what]("on purpose")
    def get_extra_info(self, name, default=None):
        self._do("info")
        return self._real.get_extra_info(name, default)
    def write(self, data):
        self._do("write")
        if self._fault == "inside":
            self._protocol.data_received(b"")
            self._protocol.data_received(self._protocol_noise())
        self._real.write(data)
    def _protocol_noise(self):
        return b"\\x00\\x00\\x00\\x00\\x03\\x00\\x00\\x00\\x00"
    def pause_reading(self):
        self._do("pause")
        self._real.pause_reading()
    def close(self):
        self._do("close")
        self._real.close()
    def abort(self):
        self._do("close")
        self._real.abort()

class Protocol(asyncio.Protocol):
    def __init__(self, inner, fault):
        self._inner, self._fault = inner, fault
    def connection_made(self, transport):
        self._inner.connection_made(Transport(transport, self._inner, self._fault))
    def data_received(self, data):
        self._inner.data_received(data.decode("latin-1") if self._fault == "text" else data)
    def connection_lost(self, exc):
        self._inner.connection_lost("gone" if self._fault == "lost" else exc)
        if self._fault in ("lost", "twice"):
            self._inner.connection_lost(exc)
    def pause_writing(self):
        self._inner.pause_writing()
    def resume_writing(self):
        self._inner.resume_writing()

class Carrier:
    async def connect(self, endpoint, protocol_factory):
        raise {"odd": Odd, "exit": SystemExit, "value": ValueError}[endpoint.host]("on purpose")
    async def listen(self, endpoint, protocol_factory):
        mem = sigcore.load_carrier("mem")
        inner = sigcore.Endpoint.parse(f"mem://{endpoint.host}")
        return await mem.listen(inner, lambda: Protocol(protocol_factory(), endpoint.host))

@sigcore.hookimpl
def sigcore_carrier():
    return Carrier()
"""


class Site:
    """A folder where packages are installed from wheels.

    Args:
        folder: The folder, which is on ``sys.path``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, package: str, group: str, name: str, source: str) -> None:
        """Build a wheel of one module with one entry point, and unpack it as an installer would."""
        module = f"rogue_{package.replace('-', '_')}"
        info = f"{package.replace('-', '_')}-1.5.dist-info"
        wheel = self.folder.parent / f"{package}-1.5-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{module}.py", source)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/entry_points.txt", f"[sigcore.{group}]\n{name} = {module}\n")
            archive.writestr(f"{info}/RECORD", "")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.folder)
        refresh_plugins()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield Site(folder)
    for module in [name for name in sys.modules if name.startswith("rogue_")]:
        del sys.modules[module]
    refresh_plugins()


class Canaries:
    """Two honest clients of a server, and what the loop complains of meanwhile."""

    def __init__(self, server: sigcore.aio.ServerRouter) -> None:
        self._server = server
        self._heard: asyncio.Queue[object] = asyncio.Queue()
        self.complaints: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: self.complaints.append(str(context)))

    async def sing(self, one: sigcore.aio.ClientRouter, other: sigcore.aio.ClientRouter) -> None:
        """Have an event go from one to the other."""
        self._one = await one.add_sender("canary", "sings")
        await other.add_listener(lambda _info, data: self._heard.put_nowait(data), "canary", "sings")

    async def check(self) -> None:
        """Assert that they still do, and that nothing was left unhandled."""
        self._one.trigger("sings", "tweet")
        assert await asyncio.wait_for(self._heard.get(), 2.0) == "tweet"
        assert self.complaints == []


@asynccontextmanager
async def canaries(*endpoints: str, codecs: tuple[str, ...] = ("json",)) -> AsyncIterator[Canaries]:
    """Open a server at these endpoints and one of the canaries' own."""
    async with (
        asyncio.timeout(LIMIT_S),
        sigcore.aio.ServerRouter(
            ["mem://canaries", *endpoints], codecs=codecs, insecure=True, slow_callback=0.2
        ) as server,
        sigcore.aio.ClientRouter("mem://canaries") as one,
        sigcore.aio.ClientRouter("mem://canaries") as other,
    ):
        found = Canaries(server)
        await found.sing(one, other)
        await found.check()
        yield found
        await found.check()


async def try_link(endpoint: str) -> None:
    """Make a link, exchange something if it comes up, and leave."""
    with suppress(sigcore.SigError, OSError):
        async with sigcore.aio.ClientRouter(endpoint, connect_timeout=0.3, reconnect_delay=0.1) as client:
            with suppress(sigcore.SigError):
                await asyncio.wait_for(client.add_listener(print, "canary"), 0.3)


def test_nothing_that_is_installed_is_imported_until_it_is_named(site: Site) -> None:
    markers = {group: site.folder / f"{group}.was-here" for group in ("carriers", "codecs", "plugins")}
    for group, marker in markers.items():
        site.install(f"rogue-{group}", group, "rogue", MARKING.format(marker=str(marker)))

    async def scenario() -> None:
        async with canaries():
            assert len([info for info in sigcore.list_plugins() if info.name == "rogue"]) == 3

    asyncio.run(scenario())
    assert [group for group, marker in markers.items() if marker.exists()] == []
    sigcore.load_plugin("rogue")
    assert [group for group, marker in markers.items() if marker.exists()] == ["plugins"]


@pytest.mark.parametrize(
    ("group", "arguments"),
    [
        ("carriers", {"endpoints": "rogue://x"}),
        ("codecs", {"endpoints": "mem://x", "codecs": ["rogue"]}),
        ("plugins", {"endpoints": "mem://x", "plugins": ["rogue"]}),
    ],
)
def test_a_server_that_names_what_two_packages_claim_does_not_start(
    site: Site, group: str, arguments: dict[str, list[str]]
) -> None:
    marker = site.folder / "was-here"
    for package in ("rogue-first", "rogue-second"):
        site.install(package, group, "rogue", MARKING.format(marker=str(marker)))

    async def scenario() -> None:
        async with sigcore.aio.ServerRouter(**arguments, insecure=True):  # type: ignore[arg-type]  # as they are
            pass

    with pytest.raises(sigcore.PluginConflict, match=r"rogue-first 1\.5 and rogue-second 1\.5"):
        asyncio.run(scenario())
    assert not marker.exists()


def test_a_server_logs_which_package_and_version_each_name_was_loaded_from(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.install("rogue-codec", "codecs", "rogue", CODEC.format(name="rogue", encode="return b''"))

    async def scenario() -> None:
        async with canaries(codecs=("json", "rogue")):
            pass

    with caplog.at_level(logging.INFO, "sigcore.plugins"):
        asyncio.run(scenario())
    assert "loaded codec 'rogue' of rogue-codec 1.5 from rogue_rogue_codec" in caplog.messages


@pytest.mark.parametrize(
    "encode",
    [
        "raise ValueError('on purpose')",
        "raise RecursionError",
        "return self.encode(value)",
        "raise MemoryError",
        "raise SystemExit(3)",
        "raise Odd('on purpose')",
        "return 'text'",
        "return None",
        "return bytearray(b'x')",
    ],
)
def test_whatever_a_codec_does_costs_its_own_listener_a_gap(site: Site, encode: str) -> None:
    site.install("rogue-codec", "codecs", "rogue", CODEC.format(name="rogue", encode=encode))

    async def scenario() -> None:
        gaps: asyncio.Queue[str] = asyncio.Queue()
        async with (
            canaries(codecs=("json", "rogue")) as birds,
            sigcore.aio.ClientRouter("mem://canaries", codec="rogue") as client,
        ):
            await client.add_listener(
                lambda _info, _data: None, "canary", on_gap=lambda _info, gap: gaps.put_nowait(gap.cause)
            )
            await birds.check()
            assert await asyncio.wait_for(gaps.get(), 2.0) == "untranslatable"
            await client.add_sender("odd", "event")
            with pytest.raises(sigcore.CodecError):
                (await client.add_sender("odder", "event")).trigger("event", [1])
            assert client.connected

    asyncio.run(scenario())


def test_a_codec_that_hangs_is_named_by_the_watchdog(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.install("rogue-codec", "codecs", "rogue", CODEC.format(name="rogue", encode="time.sleep(0.5); return b'x'"))

    async def scenario() -> None:
        async with (
            canaries(codecs=("json", "rogue")) as birds,
            sigcore.aio.ClientRouter("mem://canaries", codec="rogue") as client,
        ):
            await client.add_listener(lambda _info, _data: None, "canary")
            begun_s = time.monotonic()
            await birds.check()
            assert time.monotonic() - begun_s > 0.4

    with caplog.at_level(logging.WARNING, "sigcore.watchdog"):
        asyncio.run(scenario())
    (record,) = [record for record in caplog.records if record.name == "sigcore.watchdog"][:1]
    assert "rogue_rogue_codec" in str(record.stack_info)


TOLD = [f"{call}-{what}" for call in ("write", "close") for what in ("value", "odd", "exit", "memory")]


@pytest.mark.parametrize("fault", [*TOLD, "info-value", "info-memory", "text"])
def test_a_carrier_that_breaks_its_contract_loses_that_link_and_it_is_told(
    site: Site, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.install("rogue-carrier", "carriers", "rogue", CARRIER)

    async def scenario() -> None:
        async with canaries(f"rogue://{fault}") as birds:
            await try_link(f"mem://{fault}")
            await birds.check()

    asyncio.run(scenario())
    assert any("broke its contract" in message for message in caplog.messages)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("fault", ["value", "exit", "odd"])
def test_whatever_a_carrier_raises_at_a_client_is_why_it_has_no_link(site: Site, fault: str) -> None:
    site.install("rogue-carrier", "carriers", "rogue", CARRIER)

    async def scenario() -> None:
        async with canaries() as birds:
            with pytest.raises(ConnectionError, match="on purpose"):
                async with sigcore.aio.ClientRouter(f"rogue://{fault}", connect_timeout=0.2):
                    pass
            await birds.check()

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", ["inside", "twice", "lost"])
def test_a_carrier_that_calls_when_it_may_not_costs_nobody_else_anything(
    site: Site, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.install("rogue-carrier", "carriers", "rogue", CARRIER)

    async def scenario() -> None:
        async with canaries(f"rogue://{fault}") as birds:
            await try_link(f"mem://{fault}")
            await birds.check()

    asyncio.run(scenario())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("module", ["pickle", "marshal", "shelve"])
def test_no_package_imports_what_can_run_the_code_of_others(module: str) -> None:
    assert [path for path, text in sources() if re.search(rf"^\s*(import|from) {module}\b", text, re.MULTILINE)] == []


@pytest.mark.parametrize("call", [r"\beval\(", r"\bexec\(", r"yaml\.load", r"shell=True", r"os\.system\("])
def test_no_package_calls_what_can_run_the_code_of_others(call: str) -> None:
    assert [path for path, text in sources() if re.search(rf"(?<![.\w]){call}", text)] == []


def sources() -> list[tuple[Path, str]]:
    """Return every module of every package."""
    found = [*PACKAGES.glob("sigcore/**/*.py"), *PACKAGES.glob("plugins/*/src/**/*.py")]
    assert len(found) > 100
    return [(path, path.read_text(encoding="utf-8")) for path in found]
