# SPDX-License-Identifier: MIT
"""Who is there, over real carriers and with plug-ins that do whatever plug-ins do."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import sigcore
from sigcore import Evidence, Identity, NotAuthenticated, Secret
from sigcore._plugins import LoadedPlugin
from sigcore.aio import ClientRouter, ServerRouter

from .waiting import wait_until

SECRET = Secret("correct horse battery staple")
TOKEN = "a-token-that-nobody-may-ever-see"
KNOWN = {"thermo-7": Identity(SECRET, Secret("the-token-of-thermo-7"), ("devices",))}


@contextmanager
def endpoints(kind: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Give where a server listens, and where its clients connect; an empty one is the server's own."""
    if kind == "serial":
        testing = pytest.importorskip("sig_serial.testing")
        with testing.PtyCable() as cable:
            yield f"serial://{cable.left}", f"serial://{cable.right}"
        return
    if kind != "mem":
        pytest.importorskip("sig_tcp")
    yield {"tcp": "tcp://127.0.0.1:0", "unix": f"unix://{tmp_path}/sig.sock", "mem": "mem://identity"}[kind], ""


@pytest.mark.parametrize("kind", ["mem", "tcp", "unix", "serial"])
def test_a_secret_proves_an_identity_over_every_carrier(kind: str, tmp_path: Path) -> None:
    async def scenario(at: str, there: str) -> None:
        async with ServerRouter(at, identities=KNOWN) as server:
            there = there or server.endpoints[0]
            async with ClientRouter(there, name="x", identity="thermo-7", secret=SECRET) as client:
                assert client.identity == "thermo-7"
                assert [peer.identity for peer in await server.peers()] == ["thermo-7"]
                heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

                def hear(info: sigcore.EventInfo, _data: Any) -> None:
                    assert info.peer is not None
                    heard.set_result(info.peer.identity)

                await server.add_listener(hear, "thermo", "reading")
                sender = await client.add_sender("thermo", ["reading"])
                sender.trigger("reading", 1)
                assert await asyncio.wait_for(heard, 5) == "thermo-7"

    with endpoints(kind, tmp_path) as (at, there):
        asyncio.run(scenario(at, there))


@pytest.mark.parametrize(("kind", "begins"), [("mem", "local:mem"), ("unix", "uid:"), ("serial", "port:/")])
def test_without_credentials_one_is_who_the_medium_says(kind: str, begins: str, tmp_path: Path) -> None:
    async def scenario(at: str, there: str) -> None:
        async with (
            ServerRouter(at, identities=KNOWN) as server,
            ClientRouter(there or server.endpoints[0]) as client,
        ):
            assert client.identity.startswith(begins)

    with endpoints(kind, tmp_path) as (at, there):
        asyncio.run(scenario(at, there))


def test_a_wrapper_passes_on_what_the_carrier_inside_proves() -> None:
    async def scenario() -> None:
        async with (
            ServerRouter("fault+mem://wrapped", anonymous=False),
            ClientRouter("mem://wrapped") as client,
        ):
            assert client.identity == "local:mem"

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["mem", "unix"])
def test_a_token_proves_an_identity_where_nobody_else_reads(kind: str, tmp_path: Path) -> None:
    async def scenario(at: str) -> None:
        async with ServerRouter(at, identities=KNOWN) as server:
            async with ClientRouter(server.endpoints[0], token=Secret("the-token-of-thermo-7")) as client:
                assert client.identity == "thermo-7"
            with pytest.raises(NotAuthenticated):
                async with ClientRouter(server.endpoints[0], token=Secret(TOKEN)):
                    pass

    with endpoints(kind, tmp_path) as (at, _there):
        asyncio.run(scenario(at))


def test_the_blocking_form_does_the_same_and_refuses_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sig_tcp")
    monkeypatch.setenv("THE_SECRET", "correct horse battery staple")
    with sigcore.ServerRouter("tcp://127.0.0.1:0", identities=KNOWN) as server:
        (there,) = server.endpoints
        with sigcore.ClientRouter(f"{there}?identity=thermo-7&secret=env:THE_SECRET") as client:
            assert client.identity == "thermo-7"
            client.add_sender("thermo", requests={"who": lambda _params: who()})

            def who() -> str:
                peer = sigcore.caller()
                return "" if peer is None else f"{peer.name} is {peer.identity}"

            with sigcore.ClientRouter(there, name="desk", identity="thermo-7", secret=SECRET) as desk:
                assert desk.request("thermo", "who", None) == "desk is thermo-7"
        with pytest.raises(NotAuthenticated, match="say who they are"):
            sigcore.ClientRouter(there, connect_timeout=30).open()
        wait_until(lambda: server.counters.get("not_authenticated") == 1, "it was not counted")


def test_a_server_on_the_network_wants_to_know_who_comes(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("sig_tcp")

    async def listen(**keywords: Any) -> None:
        async with ServerRouter("tcp://0.0.0.0:0", **keywords):
            pass

    with pytest.raises(sigcore.InsecureEndpoint, match="identities="):
        asyncio.run(listen())
    with pytest.raises(sigcore.InsecureEndpoint):
        asyncio.run(listen(identities=KNOWN, anonymous=True))
    with caplog.at_level(logging.WARNING):
        asyncio.run(listen(identities=KNOWN))
    assert "can read what is said" in caplog.text


def test_a_server_s_endpoint_has_no_credentials() -> None:
    async def scenario() -> None:
        await ServerRouter("mem://x?token=env:X").open()

    with pytest.raises(sigcore.EndpointError, match="endpoint of a client"):
        asyncio.run(scenario())


# plug-ins


def with_plugin(monkeypatch: pytest.MonkeyPatch, hook: Callable[[Evidence], Any]) -> None:
    """Have ``plugins=["test"]`` name a plug-in with this hook."""
    import pluggy

    from sigcore import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)

    def sig_authenticate(evidence: Evidence) -> Any:
        return hook(evidence)

    manager.register(SimpleNamespace(sig_authenticate=sigcore.hookimpl(sig_authenticate)))
    monkeypatch.setattr("sigcore.aio._server.load_hooks", lambda name: LoadedPlugin(name, manager.hook))


async def knock(**keywords: Any) -> str:
    """Return who one is by a token, while others come and go as ever."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
    options = {"identities": KNOWN, "plugins": ["test"], "handshake_timeout": 0.5, **keywords}
    async with (
        ServerRouter("mem://knock", **options),
        ClientRouter("mem://knock", identity="thermo-7", secret=SECRET) as canary,
    ):
        try:
            async with ClientRouter("mem://knock", token=Secret(TOKEN), connect_timeout=5) as client:
                return client.identity
        finally:
            sender = await canary.add_sender("canary", ["x"])
            assert await canary.deliver(sender.signal("x"), 1, timeout=1) == 0
            assert problems == []


def test_a_plug_in_says_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Evidence, int]] = []

    def hook(evidence: Evidence) -> str | None:
        seen.append((evidence, threading.get_ident()))
        return "alice" if evidence.fields["token"] == TOKEN else None

    with_plugin(monkeypatch, hook)
    assert asyncio.run(knock()) == "alice"
    ((evidence, thread),) = seen
    assert thread != threading.get_ident()
    assert (evidence.method, evidence.is_confidential) == ("token", True)


def test_a_plug_in_may_be_asynchronous(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hook(_evidence: Evidence) -> str:
        await asyncio.sleep(0)
        return "alice"

    with_plugin(monkeypatch, hook)
    assert asyncio.run(knock()) == "alice"


def raising(error: BaseException) -> Callable[[Evidence], Any]:
    def hook(evidence: Evidence) -> Any:
        raise type(error)(f"{error} {evidence.fields}")

    return hook


async def raising_later(evidence: Evidence) -> str:
    raise SystemExit(f"{evidence.fields}")


async def cancelled(_evidence: Evidence) -> str:
    raise asyncio.CancelledError


BAD: dict[str, Callable[[Evidence], Any]] = {
    "nobody": lambda _evidence: None,
    "raises": raising(ValueError("no")),
    "exits": raising(SystemExit("no")),
    "interrupts": raising(KeyboardInterrupt("no")),
    "stops": raising(StopIteration("no")),
    "exits later": raising_later,
    "is cancelled": cancelled,
    "number": lambda _evidence: 7,
    "bytes": lambda _evidence: b"alice",
    "true": lambda _evidence: True,
    "empty": lambda _evidence: "",
    "uid": lambda _evidence: "uid:0",
    "group": lambda _evidence: "group:admins",
    "pattern": lambda _evidence: "*",
}


@pytest.mark.parametrize("name", BAD)
def test_a_plug_in_that_misbehaves_lets_nobody_in_and_harms_nobody(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with_plugin(monkeypatch, BAD[name])
    with caplog.at_level(logging.DEBUG), pytest.raises(NotAuthenticated) as caught:
        asyncio.run(knock())
    assert TOKEN not in f"{caplog.text} {caught.value}"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_plug_in_that_hangs_holds_up_its_own_link_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    with_plugin(monkeypatch, lambda _evidence: released.wait(20))

    async def scenario() -> None:
        async with ServerRouter("mem://hang", identities=KNOWN, plugins=["test"], handshake_timeout=0.3):
            with pytest.raises(sigcore.LinkError):
                async with ClientRouter("mem://hang", token=Secret(TOKEN), connect_timeout=1):
                    pass
            async with ClientRouter("mem://hang", identity="thermo-7", secret=SECRET) as client:
                assert client.connected

    asyncio.run(scenario())
    released.set()


def test_a_carrier_that_cannot_tell_who_is_there_costs_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: object, _transport: asyncio.BaseTransport) -> None:
        raise RuntimeError("no idea")

    monkeypatch.setattr("sigcore._mem.MemCarrier.identify", fail)

    async def scenario() -> None:
        async with ServerRouter("mem://odd"):
            with pytest.raises(NotAuthenticated, match="the server's log says why"):
                async with ClientRouter("mem://odd"):
                    pass

    asyncio.run(scenario())
