# SPDX-License-Identifier: MIT
"""Rules from the command line: which of them decides, ``--audit``, and a file that changes while the server runs."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

ALLOWED, DENIED, USAGE = range(3)

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""

RULES = """
endpoints = ["tcp://127.0.0.1:0"]

[[rules]]
who = ["dashboard"]
allow = ["listen", "see"]
senders = "thermo*"

[[rules]]
who = "*"
deny = "listen"
senders = "*"
events = "secret"

[[rules]]
who = "uid:1000"
allow = "request"
senders = "valve"
methods = "set"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file with rules."""
    path = tmp_path / "sigcore.toml"
    path.write_text(RULES, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("who", "verb", "target", "code", "rule"),
    [
        ("dashboard", "listen", "thermo/reading", ALLOWED, "rules[0]"),
        ("dashboard", "listen", "thermo/secret", DENIED, "rules[1]"),
        ("dashboard", "see", "thermo-7", ALLOWED, "rules[0]"),
        ("dashboard", "see", "valve", DENIED, None),
        ("dashboard", "send", "thermo/reading", DENIED, None),
        ("uid:1000", "request", "valve/set", ALLOWED, "rules[2]"),
        ("uid:1000", "request", "a/b/set", DENIED, None),
        ("anonymous", "listen", "thermo/reading", DENIED, None),
        ("anonymous", "listen", "thermo/secret", DENIED, "rules[1]"),
    ],
)
def test_the_exit_code_says_whether_and_the_line_which_rule(
    sig: Sig, config: Path, who: str, verb: str, target: str, code: int, rule: str | None
) -> None:
    asked = ["acl", "check", "--config", str(config), "--as", who, verb, target]
    for_people, for_scripts = sig(*asked), sig(*asked, "--json")
    assert for_people.returncode == for_scripts.returncode == code
    assert for_people.stdout.startswith("denied: " if code else "allowed: ")
    assert (rule or "no rule") in for_people.stdout
    found = json.loads(for_scripts.stdout)
    assert found["allowed"] is not bool(code)
    assert (found["rule"] or "").partition(" ")[0] == (rule or "")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--as", "dashboard", "listen", "thermo"], "is about SENDER/NAME"),
        (["--as", "dashboard", "lissen", "thermo/a"], "'lissen'"),
        (["--as", "two words", "see", "thermo"], "white space"),
        (["see", "thermo"], "--as"),
    ],
)
def test_a_question_that_is_none_is_misuse(sig: Sig, config: Path, asked: list[str], says: str) -> None:
    done = sig("acl", "check", "--config", str(config), *asked)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert says in done.stderr


def test_a_file_that_is_wrong_decides_nothing(sig: Sig, config: Path) -> None:
    config.write_text(RULES.replace("allow", "alow", 1), encoding="utf-8")
    done = sig("acl", "check", "--config", str(config), "--as", "dashboard", "see", "thermo")
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "alow" in done.stderr


def test_the_rules_about_somebody_are_those_of_everybody_too(sig: Sig, config: Path) -> None:
    done = sig("acl", "show", "--config", str(config), "--as", "dashboard", "--json")
    assert [json.loads(line)["origin"] for line in done.stdout.splitlines()] == ["rules[0]", "rules[1]"]
    assert [line.split()[0] for line in sig("acl", "show", "--config", str(config), "--as", "x").stdout.splitlines()][
        1:
    ] == ["rules[1]"]


def test_what_a_server_does_not_allow_is_said_and_ends_with_1(sig: Sig, config: Path) -> None:
    with sig.running("serve", "--json", "--config", str(config)) as server:
        url = server.record()["endpoints"][0]
        refused = [
            sig("listen", url, "thermo", "reading"),
            sig("trigger", url, "thermo", "reading"),
            sig("request", url, "valve", "set"),
            sig("request", url, "#server", "ports"),
            sig("port", "lend", "/dev/ttyUSB0", "--server", url),
        ]
        assert server.process.poll() is None
    for done in refused:
        assert (done.returncode, done.stdout) == (DENIED, "")
        line = done.stderr.splitlines()[-1]
        assert line.startswith("Error: ")
        assert "the server's rules do not allow it" in line
        assert "Traceback" not in done.stderr


def test_with_audit_everything_is_let_through_and_the_log_says_what_would_not_be(sig: Sig, config: Path) -> None:
    with sig.running("serve", "--json", "--audit", "--config", str(config)) as server:
        url = server.record()["endpoints"][0]
        assert sig("trigger", url, "thermo", "reading").returncode == ALLOWED
        server.process.terminate()
        assert "thermo" in server.complaint()


def test_audit_without_rules_is_misuse(sig: Sig) -> None:
    done = sig("serve", "--audit", "tcp://127.0.0.1:0")
    assert done.returncode == USAGE
    assert "give that with --config" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_on_sighup_other_rules_hold_and_a_broken_file_changes_nothing(sig: Sig, config: Path) -> None:
    with sig.running("serve", "--json", "-v", "--config", str(config)) as server:
        url = server.record()["endpoints"][0]
        config.write_text(RULES + "nonsense", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        wait_for(server, "left as they were")
        assert sig("trigger", url, "thermo", "reading").returncode == DENIED
        config.write_text(RULES + '[[rules]]\nwho = "*"\nallow = ["send"]\n', encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        wait_for(server, "identities and rules were read again")
        assert sig("trigger", url, "thermo", "reading").returncode == ALLOWED
        assert server.ended_by(signal.SIGTERM) == 0


def wait_for(server: Any, text: str) -> None:
    """Read what a server says on standard error, until it has said this."""
    while text not in (line := server.process.stderr.readline()):
        assert line, "it ended"
