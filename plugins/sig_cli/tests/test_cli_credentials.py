# SPDX-License-Identifier: MIT
"""Who a command is: secrets by where they are, never on the command line, and what is said when they are not right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sigcore

DONE, FAILED, USAGE = range(3)

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""


@pytest.fixture(scope="module")
def folder(sig: Sig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with secrets."""
    path = tmp_path_factory.mktemp("secrets")
    for name in ("thermo-7", "token", "stranger"):
        sig("secret", "new", "--out", str(path / name))
    return path


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """The endpoints of a server that knows two of them: one that others can read along, and one that nobody can."""
    identities = {
        "thermo-7": sigcore.Identity(secret=f"file:{folder}/thermo-7"),
        "dashboard": sigcore.Identity(token=f"file:{folder}/token"),
    }
    endpoints = ["tcp://127.0.0.1:0", f"unix://{folder}/sig.sock"]
    with sigcore.ServerRouter(endpoints, identities=identities, anonymous=False) as server:
        tcp, unix = server.endpoints
        yield tcp, unix


def test_a_secret_is_taken_from_a_file_or_the_environment(sig: Sig, folder: Path, served: tuple[str, str]) -> None:
    known = ["senders", served[0], "--identity", "thermo-7", "--secret"]
    assert sig(*known, f"file:{folder}/thermo-7").returncode == DONE
    assert sig(*known, "env:THERMO", THERMO=(folder / "thermo-7").read_text().strip()).returncode == DONE
    assert sig(*known, "credential:thermo-7", CREDENTIALS_DIRECTORY=str(folder)).returncode == DONE


def test_who_triggers_is_told_to_who_listens(sig: Sig, folder: Path, served: tuple[str, str]) -> None:
    me = ["--identity", "thermo-7", "--secret", f"file:{folder}/thermo-7"]
    with sig.running("listen", served[0], *me, "--json", "-v") as ear:
        while "connected to" not in ear.process.stderr.readline():
            pass
        assert sig("trigger", served[0], "thermo", "reading", *me, "--require-listener").returncode == DONE
        assert ear.record()["identity"] == "thermo-7"


def test_a_token_goes_only_where_nobody_can_read_it(sig: Sig, folder: Path, served: tuple[str, str]) -> None:
    tcp, unix = served
    assert sig("senders", unix, "--token", f"file:{folder}/token").returncode == DONE
    done = sig("senders", tcp, "--token", f"file:{folder}/token")
    assert done.returncode == USAGE
    assert "others can read" in done.stderr


@pytest.mark.parametrize(
    "shown",
    [
        [],
        ["--identity", "thermo-7", "--secret", "file:{0}/stranger"],
        ["--identity", "x", "--secret", "file:{0}/token"],
    ],
    ids=["nothing", "another secret", "nobody known"],
)
def test_who_proves_nothing_is_refused_at_once(
    sig: Sig, folder: Path, served: tuple[str, str], shown: list[str]
) -> None:
    done = sig("senders", served[0], *(word.format(folder) for word in shown))
    assert (done.returncode, done.stdout) == (FAILED, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")


SECRET = "correct-horse-battery-staple"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--identity", "a", "--secret", SECRET], "must not stand here"),
        (["--token", SECRET], "must not stand here"),
        (["--identity", "a"], "--identity and --secret go together"),
        (["--secret", "env:A"], "--identity and --secret go together"),
        (["--token", "env:A", "--identity", "a"], "A token says itself whose it is"),
        (["--token", "env:NOWHERE"], "env:NOWHERE"),
        (["--identity", "a", "--secret", "file:/nowhere"], "file:/nowhere"),
        (["--identity", "a*", "--secret", "env:LONG"], "cannot be an identity"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_told_and_no_secret_is_repeated(sig: Sig, options: list[str], says: str) -> None:
    commands = (["senders", "tcp://127.0.0.1:1"], ["port", "lend", "/dev/ttyS0", "--server", "tcp://127.0.0.1:1"])
    for command in commands:
        done = sig(*command, *options, LONG=SECRET)
        assert (done.returncode, done.stdout) == (USAGE, "")
        assert says in " ".join(done.stderr.split())
        assert SECRET not in done.stderr
