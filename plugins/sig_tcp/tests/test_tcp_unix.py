# SPDX-License-Identifier: MIT
"""``unix://``: its socket files, and who may use them."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sig_tcp import UnixCarrier
from sig_tcp._peer_credentials import user_of

from sigcore import Endpoint, EndpointError, Listening, MediumIdentity, load_carrier
from sigcore.testing import check_carrier

# The files of a test are its own and local, so looking at them from a coroutine holds nothing up.
# ruff: noqa: ASYNC240

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets")

LIMIT_S = 5.0


@pytest.fixture
def path() -> Iterator[Path]:
    """A path for a socket, short enough for every system."""
    with tempfile.TemporaryDirectory(prefix="sig") as directory:
        yield Path(directory, "s")


def at(path: Path, query: str = "") -> Endpoint:
    return Endpoint.parse(f"unix://{path}{query}")


class Goodbye(asyncio.Protocol):
    """Ends every link that comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Visit(asyncio.Protocol):
    """Waits for the end of its link."""

    def __init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


async def failure(work: Any) -> OSError:
    """Return the OSError that ``work`` raises."""
    with pytest.raises(OSError) as caught:  # noqa: PT011  # the caller looks at its number and text
        async with asyncio.timeout(LIMIT_S):
            await work
    assert caught.value.__cause__ is not None
    return caught.value


async def listen(path: Path, query: str = "") -> Listening:
    return await UnixCarrier().listen(at(path, query), Goodbye)


async def visit(path: Path) -> None:
    """Connect, and return when the server has ended the link."""
    _, protocol = await UnixCarrier().connect(at(path), Visit)
    assert isinstance(protocol, Visit)
    async with asyncio.timeout(LIMIT_S):
        await protocol.over


def leave_stale_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def test_unix_keeps_every_rule_for_carriers(path: Path) -> None:
    check_carrier(load_carrier("unix"), str(at(path)))


def test_unix_is_local(path: Path) -> None:
    assert UnixCarrier().is_local(at(path))


@pytest.mark.parametrize(("query", "mode"), [("", 0o600), ("?mode=660", 0o660), ("?mode=0666", 0o666)])
def test_the_socket_file_has_the_mode_asked_for(path: Path, query: str, mode: int) -> None:
    async def scenario() -> None:
        mask = os.umask(0o077)
        try:
            listening = await listen(path, query)
            assert stat.S_IMODE(path.lstat().st_mode) == mode
            assert os.umask(0o077) == 0o077  # as it was
            listening.close()
        finally:
            os.umask(mask)

    asyncio.run(scenario())


def test_the_socket_file_is_removed_on_close(path: Path) -> None:
    async def scenario() -> None:
        listening = await listen(path)
        assert path.is_socket()
        listening.close()
        assert not path.exists()

    asyncio.run(scenario())


def test_a_file_that_took_the_place_of_ours_stays(path: Path) -> None:
    async def scenario() -> None:
        listening = await listen(path)
        path.unlink()
        path.write_text("not yours")
        listening.close()
        assert path.read_text() == "not yours"

    asyncio.run(scenario())


def test_a_socket_file_that_somebody_removed_does_not_hinder_close(path: Path) -> None:
    async def scenario() -> None:
        listening = await listen(path)
        path.unlink()
        listening.close()
        await listening.wait_closed()

    asyncio.run(scenario())


def test_a_stale_socket_file_is_replaced(path: Path) -> None:
    leave_stale_socket(path)

    async def scenario() -> None:
        listening = await listen(path)
        await visit(path)
        listening.close()

    asyncio.run(scenario())


def test_a_socket_that_somebody_listens_at_is_in_use_and_goes_on(path: Path) -> None:
    async def scenario() -> None:
        listening = await listen(path)
        error = await failure(listen(path))
        assert error.errno == errno.EADDRINUSE
        assert f"cannot listen at unix://{path}: another server listens there; stop it" in str(error)
        await visit(path)
        listening.close()

    asyncio.run(scenario())


def test_a_server_too_busy_to_answer_is_not_taken_for_a_stale_file(path: Path) -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
            busy.bind(str(path))
            busy.listen(0)
            waiting.connect(str(path))  # fills the backlog; nobody accepts
            assert (await failure(listen(path))).errno == errno.EADDRINUSE

    asyncio.run(scenario())


def test_a_file_that_is_no_socket_is_refused_and_stays(path: Path) -> None:
    path.write_text("precious")

    async def scenario() -> None:
        error = await failure(listen(path))
        assert isinstance(error, FileExistsError)
        assert "something that is no socket has that name and stays untouched" in str(error)

    asyncio.run(scenario())
    assert path.read_text() == "precious"


def test_a_symbolic_link_is_refused_and_stays_even_if_it_leads_to_a_stale_socket(path: Path) -> None:
    target = path.with_name("t")
    leave_stale_socket(target)
    path.symlink_to(target)

    async def scenario() -> None:
        assert isinstance(await failure(listen(path)), FileExistsError)

    asyncio.run(scenario())
    assert path.is_symlink()
    assert target.is_socket()


def test_a_missing_directory_is_told_as_such(path: Path) -> None:
    async def scenario() -> None:
        error = await failure(listen(path / "deeper"))
        assert isinstance(error, FileNotFoundError)
        assert "its directory does not exist; make it first" in str(error)

    asyncio.run(scenario())


def test_a_path_too_long_for_a_socket_is_told_as_such(path: Path) -> None:
    long = path.with_name("x" * 150)

    async def scenario() -> None:
        for work in (listen, visit):
            error = await failure(work(long))
            assert error.errno == errno.ENAMETOOLONG
            assert "the path is too long for a socket" in str(error)

    asyncio.run(scenario())


def test_connecting_to_nothing_is_told_with_what_to_do(path: Path) -> None:
    async def scenario() -> None:
        error = await failure(visit(path))
        assert isinstance(error, FileNotFoundError)
        assert f"cannot connect to unix://{path}: no such file; start the server" in str(error)

    asyncio.run(scenario())


def test_connecting_to_a_stale_socket_file_is_refused(path: Path) -> None:
    leave_stale_socket(path)

    async def scenario() -> None:
        error = await failure(visit(path))
        assert isinstance(error, ConnectionRefusedError)
        assert "nobody listens there any more; start the server" in str(error)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unix://run/gateway.sock", "write it with three slashes"),
        ("unix://", "has no path"),
        ("unix:///", "has no path"),
        ("unix:///run/s?mode=rw", "mode must be three octal digits"),
        ("unix:///run/s?mode=888", "mode must be three octal digits"),
        ("unix:///run/s?backlog=0", "backlog must be from 1"),
        ("unix:///run/s?keepalive=1s", "unknown option 'keepalive'"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused_both_ways(text: str, reason: str) -> None:
    async def scenario() -> None:
        for work in (UnixCarrier().connect, UnixCarrier().listen):
            with pytest.raises(EndpointError, match=re.escape(reason)):
                await work(Endpoint.parse(text), asyncio.Protocol)

    asyncio.run(scenario())


def test_a_system_without_unix_sockets_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        for work in (UnixCarrier().connect, UnixCarrier().listen):
            with monkeypatch.context() as windows:  # for no longer than that: a loop may need them to end
                windows.delattr(socket, "AF_UNIX")
                with pytest.raises(EndpointError, match="no Unix sockets for Python; use tcp://"):
                    await work(at(path), asyncio.Protocol)

    asyncio.run(scenario())


def test_a_name_and_a_password_are_refused_since_nobody_would_ask_for_them(path: Path) -> None:
    endpoint = Endpoint.parse(f"unix://joe:hunter2@{path}")

    async def scenario() -> None:
        for work in (UnixCarrier().connect, UnixCarrier().listen):
            with pytest.raises(EndpointError, match="for which nobody would ask") as caught:
                await work(endpoint, asyncio.Protocol)
            assert "hunter2" not in str(caught.value)

    asyncio.run(scenario())


# who may use it, and who uses it


class Held(asyncio.Protocol):
    """Keeps its link."""

    made: asyncio.Future[asyncio.BaseTransport]

    def __init__(self) -> None:
        self.made = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made.set_result(transport)


@pytest.mark.skipif(not UnixCarrier().authenticates(Endpoint.parse("unix:///s")), reason="no word of users here")
def test_each_end_knows_the_user_at_the_other(path: Path) -> None:
    async def scenario() -> None:
        far = Held()
        listening = await UnixCarrier().listen(at(path), lambda: far)
        near, _ = await UnixCarrier().connect(at(path), asyncio.Protocol)
        for end in (near, await far.made):
            assert UnixCarrier().identify(end) == MediumIdentity(f"uid:{os.getuid()}", "peer_credentials")
        near.close()
        listening.close()

    asyncio.run(scenario())


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="another struct there")
def test_a_user_with_a_large_number_is_known_by_it() -> None:
    class Kernel:
        def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
            return struct.pack("iII", 1, 2**32 - 2, 0)  # as a network's directory gives them, and user namespaces

    assert user_of(Kernel()) == 2**32 - 2


def test_what_is_said_stays_on_this_machine(path: Path) -> None:
    assert UnixCarrier().is_confidential(at(path))


as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root, and setpriv to be somebody else",
)
NOBODY = 65_534

CLIENT = """
import socket, sys
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect(sys.argv[1])
    sock.recv(1)
"""


async def connect_as(path: Path, user: int, group: int) -> tuple[int | None, str]:
    """Connect as another user; return the exit code, and what went wrong."""
    who = ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups")
    # The interpreter may stand where only root can look, so the system's own is asked first.
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
    client = await asyncio.create_subprocess_exec(
        *who, python, "-c", CLIENT, str(path), stderr=asyncio.subprocess.PIPE, cwd="/"
    )
    async with asyncio.timeout(LIMIT_S):
        _, told = await client.communicate()
    return client.returncode, told.decode()


@as_root
def test_another_user_is_refused_by_the_kernel(path: Path) -> None:
    path.parent.chmod(0o755)

    async def scenario() -> None:
        listening = await listen(path)
        code, told = await connect_as(path, NOBODY, NOBODY)
        assert code
        assert "PermissionError" in told
        await visit(path)
        listening.close()

    asyncio.run(scenario())


@as_root
def test_another_user_who_may_connect_is_known_by_number(path: Path) -> None:
    path.parent.chmod(0o755)
    came: list[MediumIdentity | None] = []

    class Ask(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            came.append(UnixCarrier().identify(transport))
            transport.close()

    async def scenario() -> None:
        listening = await UnixCarrier().listen(at(path, f"?mode=660&group={NOBODY}"), Ask)
        assert path.lstat().st_gid == NOBODY
        assert await connect_as(path, NOBODY - 1, NOBODY) == (0, "")
        listening.close()

    asyncio.run(scenario())
    assert came == [MediumIdentity(f"uid:{NOBODY - 1}", "peer_credentials")]


def test_a_group_that_does_not_exist_is_told_and_leaves_no_file(path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(EndpointError, match="no group 'no-such-group'; check the option group"):
            await listen(path, "?group=no-such-group")

    asyncio.run(scenario())
    assert not path.exists()


@as_root
def test_a_stale_socket_of_another_user_is_refused_and_stays(path: Path) -> None:
    leave_stale_socket(path)
    os.chown(path, NOBODY, NOBODY)

    async def scenario() -> None:
        assert "a socket of another user has that name" in str(await failure(listen(path)))

    asyncio.run(scenario())
    assert path.is_socket()


def test_a_folder_where_everybody_may_replace_files_is_refused(path: Path) -> None:
    path.parent.chmod(0o777)

    async def scenario() -> None:
        with pytest.raises(EndpointError, match=r"everybody may write to .* chmod 700"):
            await listen(path)

    asyncio.run(scenario())
    assert not path.exists()


@pytest.mark.parametrize(("mode", "told"), [(0o1777, "somebody may take its name"), (0o770, "may replace unix://")])
def test_a_folder_that_others_may_write_to_is_warned_of(
    path: Path, mode: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.chmod(mode)

    async def scenario() -> None:
        listening = await listen(path)
        await visit(path)
        listening.close()

    asyncio.run(scenario())
    assert told in caplog.text


def test_a_link_in_the_way_to_the_folder_is_followed_and_the_folder_behind_it_is_looked_at(path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sig") as open_to_all:
        os.chmod(open_to_all, 0o777)
        path.symlink_to(open_to_all)

        async def scenario() -> None:
            with pytest.raises(EndpointError, match="everybody may write to"):
                await listen(path / "s")

        asyncio.run(scenario())
