# SPDX-License-Identifier: MIT
"""Rules over real links, in both forms: what is refused, what changes while it runs, and the file that is watched."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import sigcore
from sigcore import Gap, Rule

from ..waiting import Heard, wait_until
from .forms import FORMS, make_peer

WHO = "local:mem"
ALL = Rule("allow", WHO, ["listen", "send", "request", "see"])
HEAR_ONLY = Rule("allow", WHO, ["listen", "see"])

Make = Callable[..., Any]


@pytest.fixture(params=FORMS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return what makes a router of one of the two forms, which is closed at the end."""
    with ExitStack() as stack:

        def peer(kind: str, *args: Any, **options: Any) -> Any:
            made = make_peer(request.param, kind, *args, **options)
            stack.callback(made.close)
            return made

        yield peer


def test_what_the_rules_deny_is_refused_with_a_permission_error(make: Make) -> None:
    make("ServerRouter", "mem://denied", rules=[Rule("allow", WHO, "see")])
    client = make("ClientRouter", "mem://denied")
    with pytest.raises(PermissionError, match="may not listen"):
        client.add_listener(print, "thermo", "reading")
    with pytest.raises(PermissionError, match="may not send 'reading' as sender 'thermo'"):
        client.add_sender("thermo", ["reading"])
    with pytest.raises(sigcore.NotAllowed, match="may not request 'reset' of sender 'thermo'"):
        client.request("thermo", "reset", {})


def test_rules_change_under_a_listener_and_back(make: Make) -> None:
    server = make("ServerRouter", "mem://change", rules=[ALL])
    owner, reader = make("ClientRouter", "mem://change"), make("ClientRouter", "mem://change")
    heard = Heard()
    thermo = owner.add_sender("thermo", ["reading"])
    reader.add_listener(heard, on_gap=heard)
    owner.do(thermo.trigger, "reading", 1)
    assert heard.wait(1) == [1]
    refused = Heard()
    watching = reader.add_listener(refused, event="#disconnect")
    server.set_rules([Rule("allow", WHO, ["send", "see"])])
    owner.deliver(thermo.signal("reading"), 2)
    server.set_rules([ALL])
    owner.deliver(thermo.signal("reading"), 3)
    assert [data for data in heard.wait_for(lambda data: 3 in data) if not isinstance(data, Gap)] == [1, 3]
    assert (refused.data, watching.removed) == ([], False)


def test_a_sender_that_the_rules_took_away_comes_back_with_them(make: Make) -> None:
    server = make("ServerRouter", "mem://back", rules=[ALL])
    owner, reader = make("ClientRouter", "mem://back"), make("ClientRouter", "mem://back")
    present = Heard()
    reader.add_listener(present, event="#connect")
    reader.add_listener(present, event="#disconnect")
    owner.add_sender("thermo", ["reading"])
    present.wait(1)
    server.set_rules([HEAR_ONLY])
    present.wait(2)
    server.set_rules([ALL])
    present.wait(3)
    assert [(info.event, data.cause) for info, data in zip(present.infos, present.data, strict=True)] == [
        ("#connect", ""),
        ("#disconnect", "not_allowed"),
        ("#connect", ""),
    ]


def test_the_server_s_own_listeners_and_senders_are_not_restricted(make: Make) -> None:
    server = make("ServerRouter", "mem://own", rules=[Rule("allow", WHO, "send")])
    client = make("ClientRouter", "mem://own")
    heard = Heard()
    server.add_listener(heard)
    server.add_sender("inner", ["state"])
    thermo = client.add_sender("thermo", ["reading"])
    client.do(thermo.trigger, "reading", 1)
    assert heard.wait(1) == [1]
    assert [info.name for info in server.senders()] == ["inner", "thermo"]


RULE = '[[rules]]\nwho = "local:mem"\nallow = {}\n'


def write(file: Path, name: str, rules: str) -> None:
    """Put a new file in the place of the old one, as editors do."""
    new = file.with_suffix(".new")
    new.write_text(f'endpoints = ["mem://{name}"]\n{rules}', encoding="utf-8")
    os.replace(new, file)


def may_listen(make: Make, name: str) -> bool:
    client = make("ClientRouter", f"mem://{name}")
    try:
        client.add_listener(print)
    except sigcore.NotAllowed:
        return False
    return True


def test_a_change_of_the_file_holds_within_a_second(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "sigcore.toml"
    write(file, "watched", RULE.format('["see"]'))
    make("ServerRouter.from_config", file)
    client = make("ClientRouter", "mem://watched")
    with pytest.raises(sigcore.NotAllowed):
        client.add_listener(print)
    write(file, "watched", RULE.format('["see", "listen"]'))
    begin = time.monotonic()
    wait_until(lambda: may_listen(make, "watched"), "the new rules hold")
    assert time.monotonic() - begin < 1.5


def test_a_secret_that_has_changed_is_read_again(make: Make, tmp_path: Path) -> None:
    file, secret = tmp_path / "sigcore.toml", tmp_path / "secret"
    secret.write_text("the first secret of all", encoding="utf-8")
    secret.chmod(0o600)
    write(file, "rotated", f"anonymous = false\n[identities.thermo-7]\nsecret = 'file:{secret}'\n")
    server = make("ServerRouter.from_config", file)
    proof = {"identity": "thermo-7", "secret": sigcore.Secret("the second secret of all")}
    with pytest.raises(sigcore.NotAuthenticated):
        make("ClientRouter", "mem://rotated", **proof)
    secret.write_text("the second secret of all", encoding="utf-8")
    server.reload()
    assert make("ClientRouter", "mem://rotated", **proof).router.identity == "thermo-7"


def test_who_loses_its_last_identity_lets_in_nobody_for_it(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "sigcore.toml"
    (tmp_path / "secret").write_text("a secret of some length", encoding="utf-8")
    known = f"[identities.thermo-7]\nsecret = 'file:{tmp_path / 'secret'}'\n"
    file.write_text(f'endpoints = ["tcp://127.0.0.1:0"]\n{known}', encoding="utf-8")
    server = make("ServerRouter.from_config", file)
    file.write_text('endpoints = ["tcp://127.0.0.1:0"]\n', encoding="utf-8")
    server.reload()
    with pytest.raises(sigcore.NotAuthenticated, match="takes only those who say who they are"):
        make("ClientRouter", server.router.endpoints[0])


def test_whom_the_medium_proves_may_be_in_a_group(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "sigcore.toml"
    rules = '[identities."local:mem"]\ngroups = ["readers"]\n[[rules]]\nwho = "group:readers"\nallow = "listen"\n'
    write(file, "grouped", rules)
    make("ServerRouter.from_config", file)
    assert may_listen(make, "grouped")


def test_a_group_of_the_file_gains_a_member(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "sigcore.toml"
    rules = '[[rules]]\nwho = "group:readers"\nallow = "listen"\n[identities.alice]\nsecret = "{}"\ngroups = [{}]\n'
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery staple")
    secret.chmod(0o600)
    write(file, "groups", rules.format(f"file:{secret}", ""))
    server = make("ServerRouter.from_config", file)
    client = make("ClientRouter", "mem://groups", identity="alice", secret=f"file:{secret}")
    with pytest.raises(sigcore.NotAllowed):
        client.add_listener(print)
    write(file, "groups", rules.format(f"file:{secret}", '"readers"'))
    server.reload()
    client.add_listener(print)


def test_a_file_that_is_broken_changes_nothing_and_is_told_once(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "sigcore.toml"
    write(file, "broken", RULE.format('["listen"]'))
    server = make("ServerRouter.from_config", file)
    with caplog.at_level(logging.ERROR, "sigcore.access"):
        write(file, "broken", RULE.format('["lisen"]'))
        wait_until(lambda: caplog.records, "the broken file is told")
    assert may_listen(make, "broken")
    with pytest.raises(sigcore.ConfigError, match="did you mean 'listen'"):
        server.reload()
    write(file, "broken", RULE.format('["see"]'))
    server.reload()
    wait_until(lambda: not may_listen(make, "broken"), "the new rules hold")
    assert len([record for record in caplog.records if record.name == "sigcore.access"]) == 1


def test_a_server_that_is_from_no_file_says_so(make: Make) -> None:
    server = make("ServerRouter", "mem://no-file")
    with pytest.raises(sigcore.ConfigError, match=r"set_rules\(\)"):
        server.reload()


def test_an_audit_denies_nothing_and_says_what_it_would(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sigcore.audit"):
        server = make("ServerRouter", "mem://audit", rules=[Rule("allow", "keeper", "listen")], audit=True)
        assert may_listen(make, "audit")
    assert "would be denied" in caplog.text
    assert server.router.counters["would_be_denied"] > 0
