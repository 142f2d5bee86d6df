# SPDX-License-Identifier: MIT
"""``sig tls``: what it prints, what it refuses, and that it overwrites nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from sig_cli.tls._package import certificates_package
from sig_cli.tls._subjects import client_subject, server_subject

import sigcore

DONE, FAILED, USAGE = range(3)

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""


@pytest.fixture(scope="module")
def folder(sig: Sig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that ``sig tls init`` has made."""
    path = tmp_path_factory.mktemp("deployment") / "tls"
    done = sig("tls", "init", str(path), "--server", "gateway.lan,192.168.1.5", "--client", "dashboard")
    assert (done.returncode, done.stderr) == (DONE, "")
    return path


def test_a_second_init_leaves_the_first_as_it_is(sig: Sig, folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    done = sig("tls", "init", str(folder))
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert "is not empty, and nothing in it is overwritten" in done.stderr
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_init_says_for_each_end_which_command_to_run(sig: Sig, tmp_path: Path) -> None:
    path = tmp_path / "one & two"
    done = sig(
        "tls", "init", str(path), "--server", "gateway.lan", "--client", "dashboard", "--client", "pi-7", "--json"
    )
    authority, server, *clients = map(json.loads, done.stdout.splitlines())
    files = {name: str(path / f"ca.{name}") for name in ("crl", "key")}
    assert authority == {"what": "authority", "certificate": str(path / "ca.crt"), **files}
    there = f"{tmp_path}/one%20%26%20two"
    assert server["run"] == (
        f"sig serve 'tls://0.0.0.0:3000?cert={there}/server.crt&key={there}/server.key&ca={there}/ca.crt"
        f"&crl={there}/ca.crl'"
    )
    assert [client["names"] for client in clients] == [["dashboard"], ["pi-7"]]
    assert clients[1]["run"] == (
        f"sig listen 'tls://gateway.lan:3000?cert={there}/pi-7.crt&key={there}/pi-7.key&ca={there}/ca.crt'"
    )


def test_a_server_of_this_machine_alone_is_not_opened_to_others(sig: Sig, tmp_path: Path) -> None:
    done = sig("tls", "init", str(tmp_path / "tls"))
    assert "sig serve 'tls://localhost:3000?" in done.stdout
    assert f"sig tls issue {tmp_path}/tls --client IDENTITY" in done.stdout


def test_more_certificates_are_of_the_same_authority(sig: Sig, folder: Path) -> None:
    done = sig("tls", "issue", str(folder), "--client", "pi-8", "--server", "backup.lan", "--json")
    assert [json.loads(line)["what"] for line in done.stdout.splitlines()] == ["server", "client"]
    shown = sig("tls", "show", str(folder / "pi-8.crt"), str(folder / "backup.lan.crt"), "--json")
    assert shown.returncode == DONE
    client, server = map(json.loads, shown.stdout.splitlines())
    assert (client["identity"], client["hosts"], client["problems"]) == ("pi-8", [], [])
    assert (server["identity"], server["hosts"], server["problems"]) == (None, ["backup.lan"], [])


def test_a_successor_is_issued_beside_the_one_that_is_there(sig: Sig, folder: Path) -> None:
    done = sig("tls", "issue", str(folder), "--client", "dashboard")
    assert done.returncode == FAILED
    assert "is there already, and is not overwritten" in done.stderr
    assert sig("tls", "issue", str(folder), "--client", "dashboard", "--file", "dashboard-2").returncode == DONE
    assert (folder / "dashboard-2.key").exists()


def test_a_revoked_certificate_is_shown_as_such_and_its_successor_is_not(sig: Sig, tmp_path: Path) -> None:
    path = tmp_path / "tls"
    sig("tls", "init", str(path), "--client", "pi-7")
    assert sig("tls", "revoke", str(path), "--certificate", str(path / "pi-7.crt")).returncode == DONE
    sig("tls", "issue", str(path), "--client", "pi-7", "--file", "pi-7-new")
    old, new = (sig("tls", "show", str(path / f"{name}.crt")) for name in ("pi-7", "pi-7-new"))
    assert (old.returncode, new.returncode) == (FAILED, DONE)
    assert "it was revoked" in old.stdout


def test_revoking_names_who_was_never_issued_anything(sig: Sig, folder: Path) -> None:
    done = sig("tls", "revoke", str(folder), "--client", "nobody")
    assert done.returncode == FAILED
    assert f"nothing was issued to nobody from {folder}" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["issue"], "Say for whom: --client IDENTITY or --server NAME."),
        (["revoke"], "Say which: --client IDENTITY, --server NAME or --certificate FILE."),
        (["issue", "--client", "a", "--client", "b", "--file", "c"], "--file names the files of one certificate"),
        (["issue", "--client", "a", "--file", "../c"], "is no name of a file in DIR"),
        (["init", "--client", "a", "--days", "826"], "826 is not in the range"),
        (["init", "--client", "two words"], "white space"),
        (["init", "--client", "uid:0"], "uid:"),
        (["init", "--client", "anonymous"], "anonymous"),
        (["init", "--client", "Büro"], "does not fit into a certificate"),
        (["init", "--server", "tls://gateway.lan:3000"], "without scheme and port"),
        (["init", "--server", "gateway.lan,"], "is no name or address of a server"),
        (["init", "--server", "*.lan"], "is no name or address of a server"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_told_and_makes_nothing(sig: Sig, tmp_path: Path, args: list[str], says: str) -> None:
    command, *options = args
    done = sig("tls", command, str(tmp_path / "tls"), *options)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert says in " ".join(done.stderr.split())
    assert not (tmp_path / "tls").exists()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: (path / "ca.key").unlink(), "sig tls init makes one"),
        (lambda path: (path / "ca.key").write_bytes((path / "dashboard.key").read_bytes()), "not that of the certif"),
        (lambda path: (path / "ca.key").write_text("nothing"), "are no certificate authority"),
        (lambda path: (path / "ca.crt").write_text(""), "are no certificate authority"),
    ],
    ids=["no key", "other key", "no PEM", "empty"],
)
def test_a_damaged_authority_issues_nothing_and_says_why(sig: Sig, tmp_path: Path, spoil: Any, says: str) -> None:
    path = tmp_path / "tls"
    sig("tls", "init", str(path), "--client", "dashboard")
    spoil(path)
    done = sig("tls", "issue", str(path), "--client", "pi-8")
    assert done.returncode == FAILED
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (path / "pi-8.crt").exists()


def test_an_existing_folder_is_used_when_it_is_empty_and_closed_to_others(sig: Sig, tmp_path: Path) -> None:
    path = tmp_path / "tls"
    path.mkdir(mode=0o755)
    assert sig("tls", "init", str(path)).returncode == DONE
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_names_are_told_apart_from_addresses_and_given_once() -> None:
    server = server_subject("gateway.lan, 192.168.1.5,[::1],gateway.lan,bücher.example")
    assert server.names == (
        ("DNS", "gateway.lan"),
        ("IP", "192.168.1.5"),
        ("IP", "::1"),
        ("DNS", "xn--bcher-kva.example"),
    )


@pytest.mark.parametrize(("identity", "stem"), [("urn:pi/7", "urn_pi_7"), ("a.b-c_d", "a.b-c_d"), ("x@y.z", "x@y.z")])
def test_files_are_named_by_what_every_system_takes(identity: str, stem: str) -> None:
    assert client_subject(identity).stem == stem


def test_an_identity_of_sigcores_own_kinds_is_refused() -> None:
    for identity in ("uid:1000", "port:/dev/ttyUSB0", "local:mem", "group:readers", "a*"):
        with pytest.raises(click.BadParameter):
            client_subject(identity)


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.delitem(sys.modules, "sig_cli.tls._authority", raising=False)
    with pytest.raises(sigcore.PluginNotFound, match=r"pip install 'sigcore-cli\[tls\]'"), certificates_package():
        import sig_cli.tls._authority  # noqa: F401
