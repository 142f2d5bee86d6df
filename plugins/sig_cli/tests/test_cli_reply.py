# SPDX-License-Identifier: MIT
"""``sig reply``: what answers requests, what the caller gets, and what is printed of it."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import sigcore

LIMIT_S = 20.0

DONE, FAILED, USAGE = range(3)

Replying = Callable[..., AbstractContextManager[tuple[str, Any]]]
"""What the fixture ``replying`` gives: makes a sender, and gives its name and its process."""

NUMBERS = count()


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[sigcore.ClientRouter]:
    """Who asks."""
    with sigcore.ClientRouter(url, name="me") as client:
        yield client


@pytest.fixture
def replying(sig: Any, url: str, client: sigcore.ClientRouter) -> Replying:
    """Makes a sender from the shell, and waits until it is there."""

    @contextmanager
    def replying(*args: str) -> Iterator[tuple[str, Any]]:
        name = f"sender {next(NUMBERS)}"  # a name of its own, since that of one that was killed stays a while
        with sig.running("reply", "--json", url, name, *args) as reply:
            until_s = time.monotonic() + LIMIT_S
            while name not in [info.name for info in client.senders()]:
                assert reply.process.poll() is None, reply.complaint()
                assert time.monotonic() < until_s
                time.sleep(0.01)
            yield name, reply

    return replying


def python(script: str) -> list[str]:
    """Return a program and its arguments that run everywhere."""
    return ["--", sys.executable, "-c", script]


def test_a_fixed_result_is_what_every_caller_gets(replying: Replying, client: sigcore.ClientRouter) -> None:
    with replying('state={"percent": 40}', 'name="x"') as (sender, _):
        results = [client.request(sender, method) for method in ("state", "state", "name")]
        with pytest.raises(sigcore.MethodNotFound):
            client.request(sender, "other")
    assert results == [{"percent": 40}, {"percent": 40}, "x"]


def test_a_program_gets_the_parameters_and_its_json_is_the_result(
    replying: Replying, client: sigcore.ClientRouter
) -> None:
    adds = "import json, sys; print(json.dumps({'sum': sum(json.load(sys.stdin))}))"
    with replying("add", *python(adds)) as (sender, _):
        assert client.request(sender, "add", [1, 2, 3]) == {"sum": 6}
        with pytest.raises(sigcore.MethodNotFound):
            client.request(sender, "multiply")


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ("print('two words')", "two words"),
        ("pass", None),
        ("print(' 5 ')", 5),
        ("print('one'); print('two')", "one\ntwo"),
        ("import sys; sys.stdout.buffer.write(b'\\x00\\xff')", "AP8="),
    ],
    ids=["text", "nothing", "a number", "lines", "bytes"],
)
def test_what_a_program_prints_is_the_result_whether_json_or_not(
    replying: Replying, client: sigcore.ClientRouter, script: str, result: object
) -> None:
    with replying(*python(script)) as (sender, _):
        assert client.request(sender, "print") == result


def test_a_program_knows_who_asks_which_sender_for_what(replying: Replying, client: sigcore.ClientRouter) -> None:
    tells = "import json, os; print(json.dumps([os.environ[f'SIG_{x}'] for x in ('SENDER', 'METHOD', 'CALLER')]))"
    with replying(*python(tells)) as (sender, _):
        assert client.request(sender, "any method") == [sender, "any method", "me"]


def test_methods_with_a_result_and_methods_of_the_program_stand_side_by_side(
    replying: Replying, client: sigcore.ClientRouter
) -> None:
    with replying("state=40", "set", *python("print('done')")) as (sender, _):
        assert (client.request(sender, "state"), client.request(sender, "set")) == (40, "done")


def test_a_program_that_fails_fails_the_request_with_the_last_line_that_it_said(
    replying: Replying, client: sigcore.ClientRouter
) -> None:
    fails = "import sys; print('{}'); print('first', 'the valve is stuck', '', sep='\\n', file=sys.stderr); sys.exit(3)"
    with replying(*python(fails)) as (sender, reply):
        with pytest.raises(sigcore.RequestFailed, match=r"^[^\n]*: the valve is stuck$"):
            client.request(sender, "set")
        record = reply.record()
    assert (record["caller"], record["method"], record["error"]) == ("me", "set", "the valve is stuck")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("import sys; sys.exit(3)", "ended with exit code 3"),
        ("print('x' * 2_000_000)", "printed more than 1048576 bytes"),
    ],
    ids=["without a word", "with too many"],
)
def test_a_program_that_fails_in_another_way_is_told_too(
    replying: Replying, client: sigcore.ClientRouter, script: str, says: str
) -> None:
    with replying(*python(script)) as (sender, _), pytest.raises(sigcore.RequestFailed, match=says):
        client.request(sender, "set")


def test_a_program_that_reads_nothing_answers_all_the_same(replying: Replying, client: sigcore.ClientRouter) -> None:
    with replying(*python("import os; os.close(0); print(1)")) as (sender, _):
        assert client.request(sender, "any", "x" * 500_000) == 1


def test_requests_are_answered_side_by_side(
    replying: Replying, client: sigcore.ClientRouter, sig: Any, url: str, tmp_path: Path
) -> None:
    waits = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)\nprint(1)"
    goes = f"open({str(tmp_path / 'go')!r}, 'w'); print(2)"
    script = f"import os\nif os.environ['SIG_METHOD'] == 'wait':\n exec({waits!r})\nelse:\n exec({goes!r})"
    with replying(*python(script)) as (sender, _), sig.running("request", url, sender, "wait") as waiting:
        assert client.request(sender, "go") == 2
        assert waiting.line() == "1"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no groups of processes on Windows")
def test_a_program_ends_with_all_it_started_when_nobody_waits_for_it_any_more(
    replying: Replying, client: sigcore.ClientRouter, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    script = f'sleep 1000 & echo $! > "{pid_file}.new"; mv "{pid_file}.new" "{pid_file}"; wait'
    with replying("--", "sh", "-c", script) as (sender, reply):
        with pytest.raises(sigcore.RequestTimeout):
            client.request(sender, "sleep", timeout=1.0)
        assert reply.record()["error"] == "nobody waits for it any more"
        pid = int(pid_file.read_text())
        until_s = time.monotonic() + LIMIT_S
        while is_alive(pid):
            assert time.monotonic() < until_s
            time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, encoding="utf-8")
    return not state.stdout.strip().startswith("Z") and bool(state.stdout.strip())


def test_every_request_is_printed_with_who_asked_and_what_it_got(
    replying: Replying, client: sigcore.ClientRouter
) -> None:
    with replying("state=40") as (sender, reply):
        client.request(sender, "state", {"now": True})
        record = reply.record()
    dt.datetime.fromisoformat(record.pop("time"))
    assert record == {"caller": "me", "method": "state", "params": {"now": True}, "result": 40}


def test_people_read_a_request_as_time_caller_method_parameters_and_result(
    sig: Any, url: str, client: sigcore.ClientRouter
) -> None:
    with sig.running("reply", url, "for-people", "state=40", "--count", "1") as reply:
        request_until_there(client, "for-people", "state", [1])
        time_of_day, *rest = reply.line().split("  ")
    dt.time.fromisoformat(time_of_day)
    assert rest == ["me", "state", "[1]", "->", "40"]


def request_until_there(client: sigcore.ClientRouter, sender: str, method: str, params: object) -> None:
    """Make a request as soon as there is a sender for it."""
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        with suppress(sigcore.SenderNotFound):
            client.request(sender, method, params)
            return
        time.sleep(0.01)


def test_the_sender_leaves_after_as_many_requests_as_it_was_to_answer(
    replying: Replying, client: sigcore.ClientRouter
) -> None:
    with replying("state=40", "--count", "2") as (sender, reply):
        assert [client.request(sender, "state") for _ in range(2)] == [40, 40]
        assert reply.process.wait(LIMIT_S) == DONE
    with pytest.raises(sigcore.SenderNotFound):
        client.request(sender, "state")


def test_lines_of_the_input_trigger_the_events_that_are_declared(replying: Replying, sig: Any, url: str) -> None:
    events = [option for name in ("ready", "reading", "reading alarm") for option in ("--event", name)]
    lines = ['reading {"celsius": 21.5}', "", "reading alarm", "raeding 3", "reading 3 4", "reading 22"]
    with (
        sig.running("listen", "--json", url) as ear,
        replying(*events) as (_, reply),
    ):
        write_until_heard(reply, "ready", ear)
        print(*lines, sep="\n", file=reply.process.stdin, flush=True)
        heard = [first_that_is_not("ready", ear) for _ in range(3)]
        complaints = [json.loads(reply.process.stderr.readline())["warning"] for _ in range(2)]
    assert [(event["event"], event["data"]) for event in heard] == [
        ("reading", {"celsius": 21.5}),
        ("reading alarm", None),
        ("reading", 22),
    ]
    assert "it begins with none of the events declared: ready, reading, reading alarm" in complaints[0]
    assert "what follows the name is not the JSON" in complaints[1]


def write_until_heard(reply: Any, event: str, ear: Any) -> None:
    """Have an event triggered again and again until a listener, which may not be there yet, hears it."""
    heard = threading.Thread(target=ear.line)
    heard.start()
    until_s = time.monotonic() + LIMIT_S
    while heard.is_alive():
        assert time.monotonic() < until_s
        print(event, file=reply.process.stdin, flush=True)
        heard.join(0.05)


def first_that_is_not(event: str, ear: Any) -> Any:
    """Return the next event of another name."""
    while (record := ear.record())["event"] == event:
        pass
    return record


@pytest.mark.skipif(sys.platform == "win32", reason="OS signals are tested as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_reply_ends_with_0_when_it_is_told_to(replying: Replying, number: signal.Signals) -> None:
    with replying("state=1", "--event", "reading") as (_, reply):
        assert reply.ended_by(number) == DONE
        assert reply.complaint() == ""


def test_a_name_that_is_taken_is_refused(replying: Replying, sig: Any, url: str) -> None:
    with replying("state=1") as (sender, _):
        done = sig("reply", url, sender, "state=2")
    assert done.returncode == FAILED
    assert repr(sender) in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "such a sender would do nothing"),
        (["state"], "give state=JSON, or a program after '--'"),
        (["state=on"], "Text stands in quotes of its own"),
        (["state=1", "state=2"], "state is given more than once"),
        (["--", "no-such-program-here"], "There is no program 'no-such-program-here' to run"),
        (["#state=1"], "sigcore's own"),
    ],
    ids=["nothing", "no result", "no JSON", "twice", "no program", "reserved name"],
)
def test_a_sender_that_makes_no_sense_is_wrong_usage(sig: Any, url: str, args: list[str], says: str) -> None:
    done = sig("reply", url, "valve", *args)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert says in done.stderr
