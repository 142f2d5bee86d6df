# SPDX-License-Identifier: MIT
"""The commands against a real server: what they print, and how they end."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

import sigcore
from sigcore.aio import ClientRouter, ServerRouter

LIMIT_S = 20.0

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""

DONE, FAILED, USAGE, TIMED_OUT, UNREACHABLE, NOBODY = range(6)


def never(params: object) -> asyncio.Future[None]:
    raise AssertionError("nobody asks for this")


def broken(params: object) -> None:
    raise RuntimeError("the valve is stuck")


async def slow(params: object) -> None:
    await asyncio.sleep(LIMIT_S)


def echo(params: object) -> object:
    return {"given": params}


def odd(params: object) -> object:
    return {"raw": b"\x00\xff", "at": dt.datetime(2024, 5, 1, tzinfo=dt.UTC), "nan": float("nan"), "esc": "\x1b[31m"}


@contextmanager
def device(url: str) -> Iterator[None]:
    """A client with the sender ``device``, which speaks CBOR, on a thread of its own."""
    ready, done = threading.Event(), threading.Event()

    async def live() -> None:
        async with ClientRouter(url, codec="cbor", name="workshop") as client:
            requests = {"echo": echo, "broken": broken, "slow": slow, "odd": odd}
            await client.add_sender("device", events=["reading", "alarm"], requests=requests)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    assert ready.wait(LIMIT_S)
    try:
        yield
    finally:
        done.set()
        thread.join(LIMIT_S)


def trigger_until_it_ends(sig: Sig, ear: Any, *args: str) -> subprocess.CompletedProcess[str]:
    """Trigger an event again and again until a listener, which may not be there yet, has enough; return the last."""
    while True:
        done: subprocess.CompletedProcess[str] = sig("trigger", *args)
        with suppress(subprocess.TimeoutExpired):
            ear.process.wait(0.1)
            return done


@pytest.fixture(scope="module")
def with_device(url: str) -> Iterator[str]:
    """The endpoint of a server with the sender ``device``."""
    with device(url):
        yield url


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


# request


def test_a_request_prints_the_result(sig: Sig, with_device: str) -> None:
    done = sig("request", with_device, "device", "echo", '{"percent": 40}')
    assert (done.returncode, json.loads(done.stdout)) == (DONE, {"given": {"percent": 40}})


def test_a_request_without_parameters_gives_null(sig: Sig, with_device: str) -> None:
    assert json.loads(sig("request", with_device, "device", "echo").stdout) == {"given": None}


def test_a_dash_reads_the_parameters_from_standard_input(sig: Sig, with_device: str) -> None:
    assert json.loads(sig("request", with_device, "device", "echo", "-", text="[1, 2]\n").stdout) == {"given": [1, 2]}


def test_a_negative_number_stands_after_two_dashes(sig: Sig, with_device: str) -> None:
    assert json.loads(sig("request", with_device, "device", "echo", "--", "-5").stdout) == {"given": -5}


def test_a_result_as_a_json_object_says_whose_it_is(sig: Sig, with_device: str) -> None:
    done = sig("request", "--json", with_device, "device", "echo", "1")
    assert json.loads(done.stdout) == {"sender": "device", "method": "echo", "result": {"given": 1}}


@pytest.mark.parametrize("form", [[], ["--json"], ["--codec", "cbor"], ["--codec", "cbor", "--json"]])
def test_values_that_json_lacks_are_printed_by_the_rules_of_the_json_codec(
    sig: Sig, with_device: str, form: list[str]
) -> None:
    done = sig("request", *form, with_device, "device", "odd")
    result = json.loads(done.stdout)
    result = result["result"] if "--json" in form else result
    assert result == {"raw": "AP8=", "at": "2024-05-01T00:00:00Z", "nan": None, "esc": "\x1b[31m"}
    assert "\x1b" not in done.stdout


def test_a_request_to_nobody_ends_with_5(sig: Sig, with_device: str) -> None:
    done = sig("request", with_device, "nobody", "echo")
    assert (done.returncode, done.stdout) == (NOBODY, "")
    assert "nobody" in done.stderr


def test_a_request_for_a_method_that_is_not_there_ends_with_5(sig: Sig, with_device: str) -> None:
    done = sig("request", with_device, "device", "nothing")
    assert done.returncode == NOBODY
    assert "nothing" in done.stderr


def test_a_request_whose_handler_raises_ends_with_1_and_the_reason(sig: Sig, with_device: str) -> None:
    done = sig("request", with_device, "device", "broken")
    assert done.returncode == FAILED
    assert "the valve is stuck" in done.stderr


def test_a_request_without_an_answer_ends_with_3(sig: Sig, with_device: str) -> None:
    done = sig("request", with_device, "device", "slow", "--timeout", "0.2")
    assert done.returncode == TIMED_OUT
    assert "0.2 s" in done.stderr


def test_a_failure_is_a_json_object_where_results_are(sig: Sig, with_device: str) -> None:
    done = sig("request", with_device, "nobody", "echo", "--json")
    error = json.loads(done.stderr)
    assert (error["error"], error["exit"]) == ("SenderNotFound", done.returncode) == ("SenderNotFound", NOBODY)


# senders


def test_senders_lists_who_is_connected(sig: Sig, with_device: str) -> None:
    head, row = sig("senders", with_device).stdout.splitlines()
    assert head.split() == ["SENDER", "EVENTS", "REQUESTS", "HELD", "BY"]
    assert row.split()[:3] == ["device", "reading,", "alarm"]
    assert row.endswith("workshop")


def test_senders_as_json_are_one_object_each(sig: Sig, with_device: str) -> None:
    info = json.loads(sig("senders", with_device, "--json").stdout)
    assert info == {
        "name": "device",
        "events": ["reading", "alarm"],
        "requests": ["echo", "broken", "slow", "odd"],
        "peer": "workshop",
        "identity": None,
    }


def test_no_senders_is_an_empty_list_and_no_failure(sig: Sig) -> None:
    with sig.running("serve", "--json", "tcp://127.0.0.1:0") as server:
        done = sig("senders", server.record()["endpoints"][0])
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")


# trigger and listen


def test_an_event_from_one_shell_is_heard_in_another(sig: Sig, url: str) -> None:
    with sig.running("listen", "--json", url, "me", "hello", "--count", "1") as ear:
        done = trigger_until_it_ends(sig, ear, url, "me", "hello", '{"text": "hi"}', "--name", "mouth")
        event = ear.record()
    assert (done.returncode, done.stdout) == (DONE, 'me hello {"text": "hi"}\n')
    assert ear.process.returncode == DONE
    dt.datetime.fromisoformat(event.pop("time"))
    assert event == {
        "sender": "me",
        "event": "hello",
        "peer": "mouth",
        "identity": None,
        "meta": {},
        "data": {"text": "hi"},
    }


def test_people_read_an_event_as_time_sender_event_and_data(sig: Sig, url: str) -> None:
    with sig.running("listen", url, "--codec", "cbor", "--count", "1") as ear:
        trigger_until_it_ends(sig, ear, url, "me", "hello", '"hi"')
        time, *rest = ear.line().split("  ")
    dt.time.fromisoformat(time)
    assert rest == ["me", "hello", '"hi"']


@pytest.mark.parametrize("wanted", [["*"], ["*", "*"], ["*", "hello"], ["me", "*"], ["me"]], ids=" ".join)
def test_an_asterisk_or_nothing_stands_for_any(sig: Sig, url: str, wanted: list[str]) -> None:
    with sig.running("listen", "--json", url, *wanted, "--count", "1") as ear:
        trigger_until_it_ends(sig, ear, url, "me", "hello")
        assert ear.record()["event"] == "hello"


def test_an_event_that_nobody_listens_to_says_so_and_is_no_failure(sig: Sig, url: str) -> None:
    done = sig("trigger", url, "me", "unheard", "1")
    assert (done.returncode, done.stdout) == (DONE, "me unheard 1  accepted by 0: nobody listens\n")


def test_where_a_listener_is_required_it_is_a_failure_that_nobody_listens(sig: Sig, url: str) -> None:
    done = sig("trigger", url, "me", "unheard", "--require-listener")
    assert (done.returncode, done.stdout) == (NOBODY, "")
    assert done.stderr == "Error: nobody listens to 'unheard' of sender 'me'\n"


def test_how_many_routers_take_an_event_is_told_on_demand_and_to_scripts(sig: Sig) -> None:
    async def scenario() -> None:
        async with (
            ServerRouter("tcp://127.0.0.1:0") as server,
            ClientRouter(server.endpoints[0]) as ear,
            ClientRouter(server.endpoints[0]) as other,
        ):
            for router in (server, ear, other):
                await router.add_listener(lambda info, data: None, "me", "hello")
            to_hello = ["trigger", server.endpoints[0], "me", "hello", "1"]
            told, also_told, record = [
                (await asyncio.to_thread(sig, *to_hello, *option)).stdout
                for option in (["-v"], ["--require-listener"], ["--json"])
            ]
        assert told == "me hello 1  accepted by 3\n"
        assert also_told == "me hello 1\n"
        assert json.loads(record) == {"sender": "me", "event": "hello", "data": 1, "accepted": 3}

    asyncio.run(scenario())


def test_an_event_that_the_server_does_not_accept_in_time_ends_with_3(sig: Sig) -> None:
    """A listener that is stuck holds up whoever triggers, here for longer than the command waits."""
    go_on = threading.Event()
    with (
        sigcore.ServerRouter("tcp://127.0.0.1:0", event_queue=2_000, stall_budget=LIMIT_S) as server,
        sigcore.ClientRouter(server.endpoints[0], credit=2_000) as ear,
    ):
        ear.add_listener(lambda info, data: go_on.wait(LIMIT_S), event="hello")
        long = f'"{"x" * 1_500}"'
        for _ in range(10):
            done = sig("trigger", server.endpoints[0], "me", "hello", long, "--timeout", "0.5")
            if done.returncode != DONE:
                break
        go_on.set()
    assert (done.returncode, done.stdout) == (TIMED_OUT, "")
    assert "the server did not accept the event within 0.5 s" in done.stderr


def test_a_trigger_whose_sender_exists_is_refused(sig: Sig, with_device: str) -> None:
    done = sig("trigger", with_device, "device", "reading")
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert "'device'" in done.stderr


def test_an_event_that_is_too_long_for_the_server_is_a_failure(sig: Sig) -> None:
    with sig.running("serve", "--json", "tcp://127.0.0.1:0?max_frame=8KiB") as server:
        done = sig("trigger", server.record()["endpoints"][0], "me", "hello", "-", text=f'"{"x" * 10_000}"')
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert "8192" in done.stderr


def test_data_that_are_no_json_are_wrong_usage_and_say_how_text_is_quoted(sig: Sig, url: str) -> None:
    done = sig("trigger", url, "me", "hello", "hi")
    assert done.returncode == USAGE
    complaint = done.stderr.partition("Error: ")[2]
    assert complaint.startswith("DATA is not the JSON that sigcore takes: ")
    assert complaint.endswith("it starts b'hi'. Text stands in quotes of its own, as in '\"hello\"'.\n")
    assert complaint.count("JSON") == 1


def test_a_negative_number_without_the_two_dashes_is_wrong_usage_and_says_so(sig: Sig, url: str) -> None:
    done = sig("trigger", url, "me", "hello", "-5")
    assert done.returncode == USAGE
    assert "No such option" in done.stderr
    assert done.stderr.endswith("\nA negative number stands after '--', as in '-- -5'.\n")


@pytest.mark.parametrize(
    "wanted", [["#connect"], ["*", "#connect"], ["device", "#connect"]], ids=["alone", "any sender", "one sender"]
)
def test_listening_for_connect_tells_of_senders_that_are_there(sig: Sig, with_device: str, wanted: list[str]) -> None:
    done = sig("listen", "--json", "--count", "1", with_device, *wanted)
    event = json.loads(done.stdout)
    assert (event["sender"], event["event"], event["data"]["connected"]) == ("device", "#connect", True)


def test_people_read_who_connects_in_words(sig: Sig, with_device: str) -> None:
    line = sig("listen", "--count", "1", with_device, "#connect").stdout
    assert "events reading, alarm; requests echo, broken, slow, odd; held by workshop" in line


def test_listening_in_vain_ends_with_3(sig: Sig, url: str) -> None:
    assert sig("listen", url, "*", "never", "--timeout", "0.1").returncode == TIMED_OUT


# what all of them have in common


@pytest.mark.parametrize(
    "command", [["senders"], ["listen"], ["trigger", "me", "hello"], ["request", "device", "echo"]], ids=lambda c: c[0]
)
def test_a_server_that_is_not_there_ends_with_4(sig: Sig, closed_port: int, command: list[str]) -> None:
    name, *rest = command
    done = sig(name, f"tcp://127.0.0.1:{closed_port}", *rest, "--connect-timeout", "0.3")
    assert done.returncode == UNREACHABLE
    assert "nobody listens there" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["senders", "foo://x"], "no carrier 'foo' is installed; installed: fault, "),
        (["senders", "127.0.0.1:3000"], "no scheme"),
        (["senders", "tcp://127.0.0.1:1?colour=red"], "colour"),
        (["senders", "tcp://127.0.0.1:1", "--codec", "xml"], "xml"),
        (["senders", "tcp://127.0.0.1:1", "--timeout", "nan"], "no time in seconds"),
        (["senders"], "URL"),
        (["serve"], "ENDPOINT"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_what_is_wrong(sig: Sig, args: list[str], says: str) -> None:
    done = sig(*args)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert says in done.stderr


def test_a_name_that_breaks_the_rules_is_wrong_usage(sig: Sig, url: str) -> None:
    assert sig("trigger", url, "#me", "hello").returncode == USAGE


# serve


def test_serve_tells_who_comes_and_goes(sig: Sig) -> None:
    with sig.running("serve", "--json", "tcp://127.0.0.1:0", "--codec", "cbor", "--codec", "json") as server:
        opening = server.record()
        assert (opening["what"], opening["codecs"]) == ("serving", ["cbor", "json"])
        with device(opening["endpoints"][0]):
            records = {record["what"]: record for record in (server.record(), server.record())}
        left = {record["what"]: record for record in (server.record(), server.record())}
    assert records["sender came"]["name"] == "device"
    came = {"what": "peer came", "name": "workshop", "identity": None, "endpoint": opening["endpoints"][0]}
    assert records["peer came"] == came
    assert (left["sender left"]["name"], left["sender left"]["cause"]) == ("device", "left")
    assert left["peer left"]["name"] == "workshop"


def test_serve_for_people_lists_every_endpoint_and_the_codecs(sig: Sig) -> None:
    with sig.running("serve", "tcp://127.0.0.1:0", "tcp://[::1]:0") as server:
        lines = [server.line() for _ in range(3)]
    assert lines[0].startswith("listening  tcp://127.0.0.1:")
    assert lines[1].startswith("listening  tcp://[::1]:")
    assert lines[2] == "codecs     cbor, json"


def test_a_codec_that_the_server_does_not_take_is_refused(sig: Sig) -> None:
    with sig.running("serve", "--json", "tcp://127.0.0.1:0", "--codec", "json") as server:
        done = sig("senders", server.record()["endpoints"][0], "--codec", "cbor")
    assert done.returncode == FAILED
    assert "cbor" in done.stderr


def test_a_port_in_use_ends_with_1_and_says_so(sig: Sig, url: str) -> None:
    done = sig("serve", url)
    assert done.returncode == FAILED
    assert done.stderr.startswith(f"Error: cannot listen at {url}: the port is in use")


def test_listening_for_other_machines_needs_the_option_and_its_error_names_it(sig: Sig) -> None:
    done = sig("serve", "tcp://0.0.0.0:0")
    assert done.returncode == USAGE
    assert "--insecure" in done.stderr
    with sig.running("serve", "--json", "--insecure", "tcp://0.0.0.0:0") as server:
        assert server.record()["endpoints"][0].startswith("tcp://0.0.0.0:")


# plugins


def test_plugins_lists_what_is_installed_and_that_it_works(sig: Sig) -> None:
    done = sig("plugins", "--json")
    found: dict[Any, Any] = {(row["kind"], row["name"]): row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == DONE
    assert {
        ("carrier", "tcp"),
        ("carrier", "unix"),
        ("carrier", "serial"),
        ("codec", "cbor"),
        ("codec", "json"),
    } <= set(found)
    assert found["codec", "cbor"]["distribution"] == "sigcore-cbor"
    assert {row["state"] for row in found.values() if row["distribution"].startswith("sigcore")} == {"ok"}
