# SPDX-License-Identifier: MIT
"""The help: complete, with examples, and quick."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

import click
import pytest
from sig_cli._app import app

GROUPS = {
    "acl": ["check", "show"],
    "port": ["lend", "take-back"],
    "secret": ["new"],
    "serial": ["check"],
    "tls": ["init", "issue", "revoke", "show"],
}
PLAIN = ["demo", "listen", "monitor", "plugins", "ports", "reply", "request", "senders", "serve", "trigger"]
COMMANDS = sorted([*PLAIN, *GROUPS])
FULL_NAMES = [*PLAIN, *(f"{group} {name}" for group, names in GROUPS.items() for name in names)]

Sig = Callable[..., subprocess.CompletedProcess[str]]


def test_the_help_lists_every_command_and_the_exit_codes(sig: Sig) -> None:
    done = sig("--help")
    assert done.returncode == 0
    assert [
        line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines()[1 : len(COMMANDS) + 1]
    ] == COMMANDS
    assert "5 nobody there" in done.stdout


def found(name: str) -> click.Command:
    command: click.Command | None = app
    for word in name.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    return command


@pytest.mark.parametrize(("group", "names"), GROUPS.items())
def test_the_help_of_a_group_lists_its_commands(group: str, names: list[str]) -> None:
    command = found(group)
    assert isinstance(command, click.Group)
    assert command.list_commands(click.Context(command)) == names


@pytest.mark.parametrize("name", FULL_NAMES)
def test_the_help_of_every_command_has_examples_of_it(name: str) -> None:
    command = found(name)
    text = command.get_help(click.Context(command, info_name=f"sig {name}"))
    assert f"sig {name}" in text.partition("Examples:")[2]


@pytest.mark.parametrize("name", ["", *GROUPS, *FULL_NAMES])
def test_no_line_of_the_help_is_wider_than_a_terminal(name: str) -> None:
    command = found(name)
    text = command.get_help(click.Context(command, info_name=f"sig {name}", terminal_width=78))
    assert [line for line in text.splitlines() if len(line) >= 80] == []


@pytest.mark.parametrize(("typed", "meant"), [("lisen", "listen"), ("server", "serve"), ("sender", "senders")])
def test_a_misspelt_command_is_misuse_and_says_which_was_meant(sig: Sig, typed: str, meant: str) -> None:
    done = sig(typed, "tcp://127.0.0.1:1")
    assert done.returncode == 2
    assert f"No such command '{typed}'; did you mean '{meant}'?" in done.stderr


def test_a_command_that_is_like_none_is_misuse(sig: Sig) -> None:
    done = sig("xyzzy")
    assert done.returncode == 2
    assert "No such command 'xyzzy'." in done.stderr


def test_the_version_is_that_of_the_package(sig: Sig) -> None:
    assert sig("--version").stdout == f"sig {version('sigcore-cli')}\n"


def test_help_waits_neither_for_asyncio_nor_for_plug_ins() -> None:
    script = (
        "import sys; from sig_cli._app import app\n"
        "app.main(['--help'], prog_name='sig', standalone_mode=False)\n"
        "late = {'asyncio', 'cryptography', 'pluggy', 'sig_tcp', 'sig_serial', 'sig_cbor', 'cbor2', 'serial', "
        "'msgspec'}\n"
        "print(sorted(late & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == "[]\n"


def test_python_m_sig_cli_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sig_cli", "--help"], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.startswith("Usage: sig ")
