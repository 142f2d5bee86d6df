# SPDX-License-Identifier: MIT
"""Identities and secrets: what they may be, where they come from, and that none is shown."""

from __future__ import annotations

import copy
import logging
import os
import pickle
from pathlib import Path

import pytest

import sigcore
from sigcore import (
    ConfigError,
    EndpointError,
    Identity,
    InsecureEndpoint,
    InvalidName,
    MediumIdentity,
    Secret,
    SecretError,
    check_identity,
    load_config,
)

TEXT = "correct horse battery staple"


@pytest.mark.parametrize("text", ["thermo-7", "a", "x" * 255, "müller", "alice@example.org", "spiffe://x/y", "日本"])
def test_an_identity_is_text_that_can_be_seen(text: str) -> None:
    assert check_identity(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "x" * 256, "a b", "a\tb", "a\nb", "a\0", "mu\u0308ller", "a\u200bb", "a\u202eb", "a\u00a0b", "\ud800"]
    + [f"a{char}b" for char in "*?#,\"'\\<>"]
    + ["anonymous", "local", "group:x", "uid:1000", "port:/dev/ttyUSB0", "local:mem"],
)
def test_nothing_else_is_one(text: str) -> None:
    with pytest.raises(InvalidName, match="identity"):
        check_identity(text)


def test_what_a_medium_proves_has_a_prefix_of_its_own_but_for_certificates() -> None:
    assert check_identity("uid:1000", proven_by_medium=True) == "uid:1000"
    assert MediumIdentity("port:/dev/ttyUSB0", "port").identity == "port:/dev/ttyUSB0"
    with pytest.raises(InvalidName, match="uid:"):
        MediumIdentity("uid:0", "certificate")


def test_no_secret_is_shown() -> None:
    secret = Secret(TEXT)
    for shown in (repr(secret), str(secret), f"{secret}", repr(Identity(secret, secret)), repr([secret])):
        assert TEXT not in shown
    assert repr(secret) == "Secret(***)"
    assert (secret == Secret(TEXT.encode()), secret == Secret(TEXT + "!")) == (True, False)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


def test_a_secret_is_read_from_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_SECRET", TEXT)
    file = tmp_path / "thermo-7"
    file.write_text(TEXT + "\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for where in ("env:THE_SECRET", f"file:{file}", "credential:thermo-7"):
        assert Secret.read(where) == Secret(TEXT)


@pytest.mark.parametrize(
    "where", [TEXT, "env:", "env:NOT_THERE_AT_ALL", "file:/not/there", "credential:../x", "credential:x", "vault:x", ""]
)
def test_where_no_secret_is_none_is_read(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SecretError) as caught:
        Secret.read(where)
    assert TEXT not in str(caught.value)


@pytest.mark.parametrize("name", ["../thermo-7", "/thermo-7", "x/../thermo-7", "..", ".", "..\\thermo-7"])
def test_a_credential_is_in_its_folder_and_nowhere_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thermo-7").write_text(TEXT, encoding="utf-8")
    (tmp_path / "here" / "x").mkdir(parents=True)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "here"))
    with pytest.raises(SecretError, match="is no path"):
        Secret.read(f"credential:{name}")


def test_without_a_folder_for_credentials_none_is_read_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thermo-7").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "")
    with pytest.raises(SecretError, match="no CREDENTIALS_DIRECTORY"):
        Secret.read("credential:thermo-7")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_says_how_it_is_encoded_is_refused(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(TEXT, encoding=encoding)
    with pytest.raises(SecretError, match="byte order mark"):
        Secret.read(f"file:{file}")


def test_text_that_has_no_bytes_is_no_secret_and_is_not_quoted() -> None:
    with pytest.raises(SecretError, match="lone surrogate") as caught:
        Secret(TEXT + "\ud800")
    assert caught.value.__context__ is None  # that of Python has all of it


@pytest.mark.parametrize("value", ["", "fifteen bytes..", "x" * 2049])
def test_a_secret_is_neither_short_nor_endless(value: str) -> None:
    with pytest.raises(SecretError, match="16 to 2048"):
        Secret(value)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "secret"
    file.write_text(TEXT, encoding="utf-8")
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        Secret.read(f"file:{file}")
    assert "can be read by others" in caplog.text
    assert TEXT not in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_credential_that_an_access_control_list_shows_as_its_group_s_is_not_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "thermo-7"
    file.write_text(TEXT, encoding="utf-8")
    file.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    Secret.read("credential:thermo-7")
    assert not caplog.records
    Secret.read(f"file:{file}")
    assert "can be read by others" in caplog.text


# a client's


@pytest.mark.parametrize(
    ("endpoint", "keywords"),
    [
        ("mem://x", {"identity": "thermo-7"}),
        ("mem://x", {"secret": Secret(TEXT)}),
        ("mem://x", {"token": Secret(TEXT), "identity": "thermo-7"}),
        ("mem://x?identity=thermo-7", {"identity": "other", "secret": Secret(TEXT)}),
        ("mem://x?secret=correct-horse-battery", {"identity": "thermo-7"}),
        ("mem://x", {"identity": "uid:0", "secret": Secret(TEXT)}),
        ("mem://x", {"token": Secret("two\nlines of a token")}),
    ],
)
def test_a_client_s_credentials_go_together(endpoint: str, keywords: dict[str, object]) -> None:
    with pytest.raises((EndpointError, SecretError, InvalidName)) as caught:
        sigcore.aio.ClientRouter(endpoint, **keywords)  # type: ignore[arg-type]  # one test for all of them
    assert "correct-horse" not in str(caught.value)


def test_a_client_sends_no_token_where_others_can_read_it() -> None:
    pytest.importorskip("sig_tcp")
    with pytest.raises(InsecureEndpoint, match="others can read"):
        sigcore.aio.ClientRouter("tcp://127.0.0.1:1", token=Secret(TEXT))


# a server's file


def load(tmp_path: Path, text: str) -> sigcore.ServerConfig:
    file = tmp_path / "sigcore.toml"
    file.write_text(f'endpoints = ["mem://x"]\n{text}', encoding="utf-8")
    return load_config(file)


def test_a_file_says_who_may_come_and_reads_no_secret(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        'anonymous = false\nplugins = ["ldap"]\n'
        '[identities.thermo-7]\nsecret = "credential:thermo-7"\ngroups = ["devices"]\n',
    )
    assert config.keywords()["identities"] == {"thermo-7": Identity("credential:thermo-7", None, ("devices",))}
    assert (config.anonymous, config.plugins) == (False, ("ldap",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'[identities.x]\nsecret = "{TEXT}"', "identities.x.secret: where the secret is must be env:NAME"),
        ("[identities.x]\nsecret = 7", "identities.x.secret: where"),
        ('[identities.x]\ntokn = "env:X"', "identities.x.tokn: unknown key; did you mean 'token'?"),
        ('[identities."a b"]', "cannot be an identity"),
        ("[identities]\nx = 1", "identities.x: it must be a table"),
        ("[identities.x]\ngroups = 3", "identities.x.groups: it must be a list"),
        ('[identities.x]\ngroups = ["a b"]', "the name of a group"),
        ('plugins = "ldap"', "plugins: it is the text 'ldap'"),
        ("anonymous = 1", "anonymous: it is the number 1; it must be true or false"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_by_its_key_and_never_quotes_a_secret(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert told in str(caught.value)
    assert TEXT not in str(caught.value)
