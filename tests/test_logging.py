# SPDX-License-Identifier: MIT
from __future__ import annotations

import doctest
import io
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigcore
from sigcore import SimpleLogger, _logging, get_logger, setup_logger
from sigcore._logging import RateLimit

log = get_logger("sigcore.tests")


@pytest.fixture(autouse=True)
def _the_logging_of_the_start_comes_back() -> Iterator[None]:
    yield
    setup_logger(None)


class Kept(logging.Handler):
    """A program's own handler."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def own_logger(level: int) -> tuple[logging.Logger, Kept]:
    logger = logging.Logger("a program's own", level)  # outside the tree of named loggers, so gone after the test
    kept = Kept()
    logger.addHandler(kept)
    return logger, kept


def connect() -> int:
    """Log from a place whose name and line are known."""
    log.info("[TCP_CL] Connecting to %s:%d", "localhost", 3000)
    return sys._getframe().f_lineno - 1


def test_a_simple_logger_prints_tag_line_function_level_and_text() -> None:
    out = io.StringIO()
    setup_logger(SimpleLogger(stream=out))
    line = connect()
    assert out.getvalue() == f"[sig][{line}][             connect][    info]-[TCP_CL] Connecting to localhost:3000\n"


def test_a_simple_logger_prints_a_stack_below_its_line_indented() -> None:
    out = io.StringIO()
    setup_logger(SimpleLogger(stream=out))
    log.warning("held", stack_info=True)
    first, *below = out.getvalue().splitlines()
    assert first.endswith("-held")
    assert below[0] == "    Stack (most recent call last):"
    assert all(line.startswith("    ") for line in below)
    assert "indented" in below[-2]


def test_a_simple_logger_prints_to_the_standard_error_of_that_moment(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logger(SimpleLogger(tag="[hub]"))
    log.warning("low")
    captured = capsys.readouterr()
    assert captured.err.startswith("[hub][")
    assert captured.err.endswith("[ warning]-low\n")
    assert captured.out == ""


def test_a_simple_logger_without_a_standard_error_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    setup_logger(SimpleLogger())
    log.warning("unheard")


def test_a_simple_logger_leaves_out_what_is_below_its_level() -> None:
    out = io.StringIO()
    setup_logger(SimpleLogger(level=logging.WARNING, stream=out))
    log.info("no")
    log.error("yes")
    assert [line.rpartition("-")[2] for line in out.getvalue().splitlines()] == ["yes"]


def test_setting_up_again_replaces_the_former() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup_logger(SimpleLogger(stream=first))
    setup_logger(SimpleLogger(stream=second))
    log.warning("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1

    logger, kept = own_logger(logging.INFO)
    setup_logger(logger)
    log.warning("twice")
    assert second.getvalue().count("twice") == 0
    assert kept.lines == ["twice"]


def test_a_programs_own_logger_gets_the_records_by_its_own_level_as_it_stands() -> None:
    logger, kept = own_logger(logging.WARNING)
    setup_logger(logger)
    log.info("too low")
    logger.setLevel(logging.DEBUG)
    log.debug("now heard")
    assert kept.lines == ["now heard"]


def test_a_programs_own_filters_count() -> None:
    logger, kept = own_logger(logging.INFO)
    logger.addFilter(lambda record: "secret" not in record.getMessage())
    setup_logger(logger)
    log.info("a secret")
    log.info("a word")
    assert kept.lines == ["a word"]


def test_after_setting_up_nothing_goes_to_the_root_logger_too(caplog: pytest.LogCaptureFixture) -> None:
    setup_logger(own_logger(logging.INFO)[0])
    log.warning("not twice")
    assert caplog.records == []
    setup_logger(None)
    log.warning("as at the start")
    assert caplog.messages == ["as at the start"]


@pytest.mark.parametrize("name", ["sigcore", "sigcore.tcp"])
def test_the_tree_is_not_sent_to_itself(name: str) -> None:
    with pytest.raises(ValueError, match=r"sigcore's own"):
        setup_logger(logging.getLogger(name))


@pytest.mark.parametrize("wrong", ["gateway", 20, logging.StreamHandler()])
def test_what_is_no_logger_is_refused_and_changes_nothing(wrong: object) -> None:
    out = io.StringIO()
    setup_logger(SimpleLogger(stream=out))
    with pytest.raises(TypeError, match=rf"not {type(wrong).__name__}; logging\.getLogger"):
        setup_logger(wrong)  # type: ignore[arg-type]  # what a type checker would have told
    get_logger().warning("still printed")
    assert "still printed" in out.getvalue()


def test_a_logger_outside_the_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="'sigcorex'"):
        get_logger("sigcorex")


def test_what_goes_wrong_is_seen_in_a_program_that_sets_no_logging_up() -> None:
    program = """
import sigcore
router = sigcore.Router()
router.add_listener(lambda info, data: data["missing"], event="tick")
router.add_sender("clock", "tick").trigger("tick", {})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert "KeyError: 'missing'" in done.stderr
    assert "Traceback" in done.stderr


NASTY = "a\r\n[sig][1][x][info]-forged\x1b[2J\u202e\u2028\x00"


@given(st.text() | st.just(NASTY))
def test_one_record_is_one_line_whatever_a_peer_put_into_it(text: str) -> None:
    out = io.StringIO()
    setup_logger(SimpleLogger(stream=out))
    log.warning("peer %s", text)
    assert out.getvalue().endswith("\n")
    assert out.getvalue()[:-1].isprintable()


def test_one_record_is_one_line_for_a_programs_own_handlers_too(caplog: pytest.LogCaptureFixture) -> None:
    logger, kept = own_logger(logging.INFO)
    setup_logger(logger)
    log.warning("peer %s", NASTY)
    assert all(line.isprintable() for line in kept.lines)

    setup_logger(None)
    log.warning("peer %s", NASTY)
    assert caplog.messages == kept.lines


def test_a_harmless_record_keeps_its_template_and_arguments(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("port %d", 3000)
    assert (caplog.records[0].msg, caplog.records[0].args) == ("port %d", (3000,))


def test_a_traceback_follows_indented_and_cannot_forge_a_line() -> None:
    out = io.StringIO()
    setup_logger(SimpleLogger(stream=out))
    try:
        raise ValueError(NASTY)
    except ValueError:
        log.exception("failed")
    first, *rest = out.getvalue().rstrip("\n").split("\n")
    assert first.endswith("-failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert any("forged" in line for line in rest)
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_a_message_that_cannot_be_formatted_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    out = io.StringIO()
    setup_logger(SimpleLogger(stream=out))
    log.warning("%d", "no number")
    log.warning("next")
    assert out.getvalue().count("\n") == 1


def test_a_cause_passes_once_per_interval_and_tells_what_was_held_back() -> None:
    limit = RateLimit(interval_s=10.0)
    assert limit.line("full", "queue full", now_s=100.0) == "queue full"
    assert limit.line("full", "queue full", now_s=109.9) is None
    assert limit.line("other", "noise", now_s=109.9) == "noise"
    assert limit.line("full", "queue full", now_s=110.0) == "queue full (suppressed 1)"
    assert limit.line("full", "queue full", now_s=120.0) == "queue full"


def test_a_rate_limit_remembers_no_more_causes_than_told() -> None:
    limit = RateLimit(interval_s=10.0, max_causes=2)
    for cause in ("a", "b", "c"):
        assert limit.line(cause, cause, now_s=0.0) == cause
    assert limit.line("c", "c", now_s=1.0) is None
    assert limit.line("a", "a", now_s=1.0) == "a"


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(_logging, extraglobs={"sigcore": sigcore}).failed == 0
