# SPDX-License-Identifier: MIT
"""Rules by themselves, and as a configuration file has them."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

import sigcore
from sigcore import AccessRules, Rule


def test_a_rule_takes_a_lone_text_for_one() -> None:
    assert Rule("allow", "dashboard", "listen", "thermo-*", "reading") == Rule(
        "allow", ["dashboard"], ["listen"], ["thermo-*"], ["reading"]
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"effect": "alow"}, "did you mean 'allow'?"),
        ({"verbs": "listne"}, "did you mean 'listen'?"),
        ({"verbs": ()}, "no verbs"),
        ({"who": ()}, "no who"),
        ({"who": "dash*"}, "no patterns of identities"),
        ({"who": "local"}, "a meaning of its own"),
        ({"who": "group:a b"}, "white space"),
        ({"who": "two words"}, "white space"),
        ({"who": 7}, "not int"),
        ({"senders": "#other"}, "sigcore's own"),
        ({"senders": ""}, "empty"),
        ({"names": "#connect"}, "sigcore's own"),
        ({"names": [None]}, "must be texts, not NoneType"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(arguments: dict[str, Any], text: str) -> None:
    right: dict[str, Any] = {"effect": "allow", "who": "dashboard", "verbs": "listen"}
    with pytest.raises(ValueError, match=text.replace("?", r"\?")):
        Rule(**{**right, **arguments})


@pytest.mark.parametrize("who", ["*", "anonymous", "group:readers", "uid:1000", "port:/dev/ttyUSB0", "local:mem"])
def test_a_rule_can_be_about_whoever_a_medium_proves(who: str) -> None:
    assert Rule("allow", who, "listen").who == (who,)


def test_the_rule_that_decides_is_told() -> None:
    allow, deny = Rule("allow", "*", "listen"), Rule("deny", "group:guests", "listen", "door", origin="rules[1]")
    rules = AccessRules([allow, deny], {"guest": ["guests"]})
    assert rules.decide("dashboard", "listen", "door", "state").rule == allow
    decision = rules.decide("guest", "listen", "door", "state")
    assert (decision.allowed, decision.rule) == (False, deny)
    assert str(decision.rule) == "rules[1] (deny group:guests to listen: door)"
    assert decision.reason == f"{decision.rule} denies 'guest' to listen for 'state' of 'door'"
    assert rules.decide("guest", "send", "door", "state").reason == "no rule allows 'guest' to send 'state' of 'door'"


def test_a_verb_that_is_none_is_an_error_and_no_denial() -> None:
    with pytest.raises(ValueError, match="did you mean 'listen'"):
        AccessRules([Rule("allow", "*", "listen")]).decide("", "lisen", "a", "b")


def test_a_group_is_no_identity() -> None:
    rules = AccessRules([Rule("allow", "group:readers", "listen")], {"readers": []})
    assert not rules.decide("readers", "listen", "a", "b").allowed


def test_nobody_is_in_a_group_without_an_identity() -> None:
    rules = AccessRules([Rule("allow", "group:readers", "listen")], {"": ["readers"]})
    assert not rules.decide("", "listen", "a", "b").allowed


def test_groups_that_nobody_is_in_are_found() -> None:
    rules = AccessRules([Rule("allow", ["group:raeders", "group:writers"], "listen")], {"a": ["readers", "writers"]})
    assert rules.unknown_groups == ["raeders"]


def test_what_an_audit_says_changes_no_decision() -> None:
    rules = AccessRules([Rule("allow", "*", "see")], audit=True)
    assert not rules.decide("dashboard", "listen", "a", "b").allowed


def test_a_plug_in_that_failed_is_asked_again_and_one_that_answered_is_not() -> None:
    answers: list[bool | None] = []

    def authorize(*_args: str) -> bool | None:
        answers.append(True)
        if len(answers) == 1:
            raise ConnectionError("no directory")
        return True

    rules = AccessRules(authorize=[authorize])
    decided = [rules.decide("a", "listen", "b", "c") for _ in range(3)]
    assert [decision.allowed for decision in decided] == [False, True, True]
    assert "ConnectionError: no directory" in decided[0].reason
    assert len(answers) == 2


def test_a_plug_in_that_gives_nonsense_denies() -> None:
    rules = AccessRules([Rule("allow", "*", "listen")], authorize=[lambda *_: "yes"])  # type: ignore[list-item]  # it is nonsense
    assert not rules.decide("a", "listen", "b", "c").allowed


def test_a_thousand_rules_decide_about_as_fast_as_one() -> None:
    def seconds(rules: list[Rule]) -> float:
        made = AccessRules(rules)
        best = 1.0
        for turn in range(5):
            begin = perf_counter()
            for number in range(500):
                made.decide("dashboard", "listen", f"dev-{number}-{turn}", "reading")
            best = min(best, perf_counter() - begin)
        return best

    many = [Rule("allow", "dashboard", "listen", f"dev-{number}-*", "reading") for number in range(1000)]
    assert seconds(many) < 5 * seconds([Rule("allow", "dashboard", "listen", "dev-*", "reading")])


def load(tmp_path: Path, text: str) -> sigcore.ServerConfig:
    file = tmp_path / "sigcore.toml"
    file.write_text('endpoints = ["mem://rules"]\n' + text, encoding="utf-8")
    return sigcore.load_config(file)


def test_a_table_of_a_file_is_a_rule(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        audit = true
        [[rules]]
        who = ["group:readers", "dashboard"]
        allow = ["listen", "see"]
        senders = "thermo-*"

        [[rules]]
        who = "*"
        deny = "request"
        methods = ["reset", "calibrate"]
        """,
    )
    assert config.audit is True
    assert config.rules == (
        Rule("allow", ["group:readers", "dashboard"], ["listen", "see"], "thermo-*"),
        Rule("deny", "*", "request", "*", ["reset", "calibrate"]),
    )
    assert [rule.origin for rule in config.rules] == ["rules[0]", "rules[1]"]


def test_names_hold_for_the_verbs_that_they_are_about(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        [[rules]]
        who = "thermo-7"
        allow = ["listen", "send", "request", "see"]
        events = "reading"
        methods = "calibrate"
        """,
    )
    assert {rule.verbs: rule.names for rule in config.rules} == {
        ("listen",): ("reading",),
        ("send",): ("reading", "calibrate"),
        ("request",): ("calibrate",),
        ("see",): ("*",),
    }


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ('who = "a"', "rules[0]: it must have one of allow and deny"),
        ('who = "a"\nallow = "see"\ndeny = "see"', "rules[0]: it must have one of allow and deny"),
        ('allow = "see"', "rules[0]: it has no who"),
        ('who = "a"\nallow = "sea"', "rules[0]: 'sea' is no verb of a rule; did you mean 'see'?"),
        ('who = "a"\nallow = []', "rules[0]: allow must be a text"),
        ('who = "a"\nallow = [1]', "rules[0]: allow must be a text"),
        ('who = "a"\nallow = "see"\nevents = "x"', "rules[0]: events says nothing about see"),
        ('who = "a"\nallow = "listen"\nmethods = "x"', "rules[0]: methods says nothing about listen"),
        ('who = "a*"\nallow = "listen"', "rules[0]: 'a*': there are no patterns of identities"),
        ('who = "a"\nalow = "listen"', "rules[0].alow: unknown key; did you mean 'allow'?"),
    ],
)
def test_a_rule_of_a_file_that_is_wrong_is_told(tmp_path: Path, table: str, text: str) -> None:
    with pytest.raises(sigcore.ConfigError) as caught:
        load(tmp_path, f"[[rules]]\n{table}")
    (problem,) = caught.value.problems
    assert text in problem


def test_rules_that_are_no_tables_are_told(tmp_path: Path) -> None:
    for text in ("rules = 7", 'rules = ["all"]', "[rules]"):
        with pytest.raises(sigcore.ConfigError, match="rules"):
            load(tmp_path, text)
