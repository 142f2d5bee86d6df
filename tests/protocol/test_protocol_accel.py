# SPDX-License-Identifier: MIT
"""Which scanner is used, and what is said of one that cannot be."""

from __future__ import annotations

import logging
import sys
from importlib.machinery import BuiltinImporter
from types import ModuleType

import pytest

from sigcore.protocol import accel, scanner


@pytest.fixture(autouse=True)
def not_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(accel.SWITCH, raising=False)


def installed(monkeypatch: pytest.MonkeyPatch, revision: int) -> ModuleType:
    """Have a module stand where the compiled scanner would be imported from."""
    module = ModuleType("sig_accel.scanner")
    module.REVISION = revision  # type: ignore[attr-defined]  # a module takes any attribute
    monkeypatch.setitem(sys.modules, "sig_accel", ModuleType("sig_accel"))
    monkeypatch.setitem(sys.modules, "sig_accel.scanner", module)
    return module


def test_a_compiled_scanner_of_the_same_revision_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = installed(monkeypatch, scanner.REVISION)
    assert accel.fastest_scanner() is compiled


def test_an_environment_variable_keeps_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, scanner.REVISION)
    monkeypatch.setenv(accel.SWITCH, "1")
    assert accel.fastest_scanner() is scanner


def test_one_of_another_revision_is_not_used_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    installed(monkeypatch, scanner.REVISION + 1)
    assert accel.fastest_scanner() is scanner
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "upgrade both" in caplog.text


def test_one_that_does_not_load_is_not_used_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    installed(monkeypatch, scanner.REVISION)
    monkeypatch.setitem(sys.modules, "sig_accel.scanner", None)
    assert accel.fastest_scanner() is scanner
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "does not load" in caplog.text


def test_none_is_no_reason_to_say_anything(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("sig_accel", "sig_accel.scanner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [BuiltinImporter])  # which finds nothing that was installed
    assert accel.fastest_scanner() is scanner
    assert caplog.records == []
