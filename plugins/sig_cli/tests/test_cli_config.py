# SPDX-License-Identifier: MIT
"""``sig serve --config``: a server of a file, and what may stand beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

DONE, FAILED, USAGE = range(3)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file that nobody has to add anything to."""
    return written(tmp_path, 'name = "gateway"\ncodecs = ["json"]\nendpoints = ["tcp://127.0.0.1:0"]')


def written(folder: Path, text: str) -> Path:
    path = folder / "sigcore.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_server_is_what_the_file_says(sig: Any, config: Path) -> None:
    with sig.running("serve", "--json", "--config", str(config)) as server:
        opening = server.record()
        done = sig("senders", opening["endpoints"][0], "--codec", "cbor")
    assert opening["codecs"] == ["json"]
    assert done.returncode == FAILED
    assert "cbor" in done.stderr


def test_what_the_file_leaves_out_may_be_said_beside_it(sig: Any, tmp_path: Path) -> None:
    path = written(tmp_path, 'endpoints = ["tcp://0.0.0.0:0"]')
    beside = ["--insecure", "--codec", "json", "--name", "gateway"]
    with sig.running("serve", "--json", "--config", str(path), *beside) as server:
        assert server.record()["codecs"] == ["json"]


def test_what_is_said_twice_alike_is_no_fault(sig: Any, config: Path) -> None:
    with sig.running("serve", "--json", "--config", str(config), "--name", "gateway", "--codec", "json") as server:
        assert server.record()["codecs"] == ["json"]


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        (["--name", "other"], "--name says other, {file} says gateway; keep one of them."),
        (["--codec", "cbor", "--codec", "json"], "--codec says cbor, json, {file} says json; keep one of them."),
        (["tcp://127.0.0.1:0"], "give ENDPOINT or --config, not both."),
    ],
    ids=["name", "codec", "endpoint"],
)
def test_arguments_that_disagree_with_the_file_are_wrong_usage(
    sig: Any, config: Path, beside: list[str], says: str
) -> None:
    done = sig("serve", "--config", str(config), *beside)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert says.format(file=config) in done.stderr


def test_every_fault_of_a_file_is_a_line_and_the_exit_code_is_2(sig: Any, tmp_path: Path) -> None:
    path = written(tmp_path, 'nmae = "x"\nendpoints = ["tcp://127.0.0.1:0"]\n[limits]\nmax_frame = "1Mib"')
    done = sig("serve", "--config", str(path))
    first, second = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert first == f"Error: {path}:1: nmae: unknown key; did you mean 'name'?"
    assert second.startswith(f"{path}:4: limits.max_frame: it is the text '1Mib'; it must be a size with its unit")


def test_a_file_that_is_not_there_is_wrong_usage(sig: Any, tmp_path: Path) -> None:
    done = sig("serve", "--config", str(tmp_path / "nowhere.toml"))
    assert done.returncode == USAGE
    assert "nowhere.toml" in done.stderr


def test_the_file_says_what_is_logged_unless_the_command_line_does(sig: Any, tmp_path: Path) -> None:
    logs_all = written(tmp_path, 'endpoints = ["tcp://127.0.0.1:0"]\n[logging]\nlevel = "debug"')
    assert "listening on tcp://" in log_of(sig, logs_all)
    logs_errors = written(tmp_path, 'endpoints = ["tcp://127.0.0.1:0"]\n[logging]\nlevel = "error"')
    assert log_of(sig, logs_errors) == ""
    assert "listening on tcp://" in log_of(sig, logs_errors, "-v")


def log_of(sig: Any, path: Path, *options: str) -> str:
    """Run a server until it is up, and return what it said on standard error."""
    with sig.running("serve", "--json", "--config", str(path), *options) as server:
        server.record()
        server.process.terminate()
        said: str = server.complaint()
        return said
