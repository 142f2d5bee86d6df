# SPDX-License-Identifier: MIT
"""The client in C of examples/firmware: byte by byte against the page, and as a device at a server's port."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sig_serial")
if sys.platform == "win32":
    pytest.skip("pseudo-terminals are not a thing of Windows", allow_module_level=True)
if shutil.which("cc") is None and "CI" not in os.environ:
    pytest.skip("no C compiler is here", allow_module_level=True)

from sig_serial.testing import LineFaults, PtyCable, SimulatedLine

import sigcore

ROOT = Path(__file__).parents[1]
FIRMWARE = ROOT / "examples" / "firmware"
PAGE = (ROOT / "docs" / "serial-link.md").read_text(encoding="utf-8")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror")
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
READING_MS = 100
OUTBOX = 1024  # twice the default, as there are twice the readings
PATIENCE_S = 20.0

EPOCH, SERVER_EPOCH = "01020304", "0a0b0c0d"


def compiled(folder: Path, name: str, *sources: str, warn_of_conversions: bool = True) -> Path:
    program = folder / name
    sizes = (f"-DREADING_MS={READING_MS}", f"-DSIG_OUTBOX={OUTBOX}")
    more = ("-Wconversion",) if warn_of_conversions else ()
    paths = (FIRMWARE / source for source in sources)
    subprocess.run(["cc", *STRICT, *more, *SANITIZED, *sizes, "-o", program, *paths], check=True)
    return program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("firmware")


@pytest.fixture(scope="module")
def replay(folder: Path) -> Path:
    return compiled(folder, "replay", "check/replay.c", "sig_link.c")


@pytest.fixture(scope="module")
def fuzz(folder: Path) -> Path:
    return compiled(folder, "fuzz", "check/fuzz.c", "sig_client.c", "sig_json.c", warn_of_conversions=False)


@pytest.fixture(scope="module")
def thermometer(folder: Path) -> Path:
    return compiled(folder, "thermometer", *(path.name for path in FIRMWARE.glob("*.c")))


# The link, byte by byte.


class Script:
    """Runs the link in C, one command at a time; each says what came of it."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii")

    def __call__(self, command: str) -> list[str]:
        """Return what the link wrote (``out HEX``), what it received (``in HEX``), and its state."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        said = [self._process.stdout.readline().strip()]
        while said[-1] not in ("up", "connecting"):
            assert said[-1], "the program has ended"
            said.append(self._process.stdout.readline().strip())
        return said

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE_S)
        assert self._process.returncode == 0


@pytest.fixture
def script(replay: Path) -> Iterator[Script]:
    script = Script(replay)
    yield script
    script.close()


def on_the_line(packet: str) -> str:
    """Return the bytes that the page says a packet has on the line; ``packet`` begins the text of its row."""
    row: str
    [row] = re.findall(rf"^\| \w+ \| {re.escape(packet)}[^|]*\|[^|]*\|[^|]*\| `([0-9a-f ]+)` \|$", PAGE, re.MULTILINE)
    return row.replace(" ", "")


def framed(packet: str) -> str:
    """Return a packet as it goes over the line."""
    body = bytes.fromhex(packet)
    body += zlib.crc32(body).to_bytes(4, "big")
    return "00" + "".join(f"{len(piece) + 1:02x}{piece.hex()}" for piece in body.split(b"\0")) + "00"


def data(offset: int, ack: int, content: bytes, *, tag: str = EPOCH) -> str:
    return framed(f"04{tag}{offset:06x}{ack:06x}{content.hex()}")


RESET_ACK = framed(f"02{EPOCH}01{SERVER_EPOCH}01002000")
ACK_OF_START = framed(f"0e{SERVER_EPOCH}000000")


def up(script: Script) -> Script:
    script(f"start {EPOCH}")
    script("tick")
    assert script(f"line {RESET_ACK}")[-1] == "up"
    return script


def test_the_framing_of_this_test_is_that_of_the_page() -> None:
    assert data(0, 3, b"ok") == on_the_line("DATA at 0, ack 3: 6f 6b")


def test_a_whole_link_has_the_bytes_of_the_page(script: Script) -> None:
    script(f"start {EPOCH}")
    assert script("tick") == [f"out {on_the_line('RESET of a small side')}", "connecting"]
    assert script(f"line {on_the_line('RESET_ACK: the same')}") == [f"out {on_the_line('READY')}", "up"]
    assert script("send 686900") == [f"out {on_the_line('DATA at 0, ack 0: 68 69 00')}", "up"]
    assert script(f"line {on_the_line('DATA at 0, ack 3: 6f 6b')}") == ["in 6f6b", "up"]
    assert script("tick") == [f"out {on_the_line('ACK 2')}", "up"]
    assert script("end") == [f"out {on_the_line('CLOSE at 3, DONE')}", "connecting"]


def test_reset_is_repeated_until_it_is_answered(script: Script) -> None:
    script(f"start {EPOCH}")
    reset = script("tick")
    script("at 249")
    assert script("tick") == ["connecting"]
    script("at 250")
    assert script("tick") == reset


def test_an_answer_that_comes_again_is_confirmed_again(script: Script) -> None:
    assert up(script)(f"line {RESET_ACK}") == [f"out {on_the_line('READY')}", "up"]


def test_what_is_not_acknowledged_is_sent_again(script: Script) -> None:
    first = up(script)("send 616263")
    script("at 200")
    assert script("tick") == ["up"]
    script("at 240")
    assert script("tick") == first
    script(f"line {framed(f'0e{EPOCH}000003')}")
    script("at 500")
    assert script("tick") == ["up"]


def test_what_has_come_but_waits_for_its_reader_is_not_sent_again_and_keeps_the_link(script: Script) -> None:
    up(script)("send 616263")
    for second in range(1, 20):
        script(f"at {second * 1000}")
        script(f"line {framed(f'0e{EPOCH}0000000000000003')}")
        assert script("tick") == [f"out {ACK_OF_START}", "up"]
    assert script("send 64") == ["up"], "there is room for one DATA only"


def test_data_that_came_before_is_acknowledged_and_not_taken(script: Script) -> None:
    assert up(script)(f"line {data(0, 0, b'abc')}") == ["in 616263", "up"]
    script("tick")
    assert script(f"line {data(0, 0, b'abc')}") == ["up"]
    assert script("tick") == [f"out {framed(f'0e{SERVER_EPOCH}000003')}", "up"]


def test_data_that_was_cut_otherwise_is_taken_where_it_is_new(script: Script) -> None:
    up(script)(f"line {data(0, 0, b'abc')}")
    assert script(f"line {data(1, 0, b'bcde')}") == ["in 6465", "up"]


def test_data_ahead_of_what_is_due_is_dropped_and_what_is_due_is_told(script: Script) -> None:
    assert up(script)(f"line {data(3, 0, b'def')}") == ["up"]
    assert script("tick") == [f"out {ACK_OF_START}", "up"]


def test_offsets_have_three_bytes(script: Script) -> None:
    up(script)
    piece = bytes(range(64))
    for offset in range(0, 3 << 16, 64):
        assert script(f"line {data(offset, 0, piece)}") == [f"in {piece.hex()}", "up"]


@pytest.mark.parametrize(
    "line",
    [
        on_the_line("RESET_ACK: the same").replace("a727", "a728"),
        "00" + "ff" * 300 + "00",
        "0001010100",
        b"boot: cold start\r\n".hex() + "00",
        framed("04"),
        framed(f"04{EPOCH}"),
        framed(f"04{EPOCH}000000000000"),
        framed(f"04{SERVER_EPOCH}000000000000616263"),
        framed(f"63{EPOCH}000000000000616263"),
    ],
    ids=["damaged", "too long", "short", "text", "no tag", "no body", "no bytes", "tag of another", "unknown type"],
)
def test_what_means_nothing_is_skipped(script: Script, line: str) -> None:
    assert up(script)(f"line {line}") == ["up"]
    assert script(f"line {data(0, 0, b'abc')}") == ["in 616263", "up"]


def test_text_is_no_harm_to_the_packet_behind_it(script: Script) -> None:
    text = b"login: \xc3\xa9\n".hex()
    assert up(script)(f"line {text}{data(0, 0, b'abc')}") == ["in 616263", "up"]


def test_a_probe_is_answered_with_what_came(script: Script) -> None:
    script(f"start {EPOCH}")
    script("line 0001020300")  # damaged
    reply = framed("1000000000000700000001000000016162")
    assert script(f"line {on_the_line('PROBE 7: 61 62')}") == [f"out {reply}", "connecting"]


def test_a_sign_of_life_goes_after_half_a_second(script: Script) -> None:
    up(script)
    script("at 499")
    assert script("tick") == ["up"]
    script("at 500")
    assert script("tick") == [f"out {ACK_OF_START}", "up"]


@pytest.mark.parametrize(
    "line",
    [framed(f"06{SERVER_EPOCH}"), framed(f"05{EPOCH}00000000"), framed(f"05{EPOCH}00000001")],
    ids=["NO_LINK", "DONE", "ABORTED"],
)
def test_a_link_that_the_other_side_does_not_have_begins_anew_with_another_epoch(script: Script, line: str) -> None:
    assert up(script)(f"line {line}") == ["connecting"]
    script("at 250")
    [written, state] = script("tick")
    assert state == "connecting"
    assert written.startswith("out 0002010101")
    assert written != f"out {on_the_line('RESET of a small side')}"
    assert script(f"line {RESET_ACK}") == ["connecting"], "that was the answer to the epoch of before"


def test_silence_ends_a_link(script: Script) -> None:
    up(script)
    script("at 3999")
    assert script("tick")[-1] == "up"
    script("at 4000")
    assert script("tick") == [f"out {framed(f'05{SERVER_EPOCH}00000001')}", "connecting"]


def test_a_side_that_acknowledges_nothing_ends_a_link(script: Script) -> None:
    up(script)("send 616263")
    for second in range(1, 4):
        script(f"at {second * 1000}")
        script(f"line {framed(f'0e{EPOCH}000000')}")
        assert script("tick")[-1] == "up"
    script("at 4000")
    assert script("tick")[-1] == "connecting"


def test_a_line_that_gives_back_what_is_sent_makes_no_link(script: Script) -> None:
    script(f"start {EPOCH}")
    [written, _] = script("tick")
    assert script(f"line {written.removeprefix('out ')}") == ["connecting"]
    script("at 2999")
    assert script("tick") == ["connecting"], "it asks again after some seconds"


@pytest.mark.parametrize("seed", range(5))
def test_nothing_that_a_server_may_say_breaks_the_client(fuzz: Path, seed: int) -> None:
    done = subprocess.run([fuzz, str(seed), "200000"], capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


# The device at a server's port.


class Device:
    """The thermometer as a process; a ``with`` block that ends pulls its power."""

    def __init__(self, program: Path, path: str) -> None:
        self._command = (program, path)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stderr=subprocess.PIPE)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.pull_power()

    def pull_power(self) -> None:
        still_ran = self._process.poll() is None
        self._process.kill()
        _, said = self._process.communicate(timeout=PATIENCE_S)
        assert still_ran, said.decode()  # else a sanitizer has something to say

    def reboot(self) -> None:
        self.pull_power()
        self._process = self._start()


class Heard:
    """What a server hears of the device."""

    def __init__(self, server: sigcore.ServerRouter) -> None:
        self.counts: queue.Queue[int] = queue.Queue()
        self.gaps: queue.Queue[sigcore.Gap] = queue.Queue()
        self.lines: queue.Queue[str] = queue.Queue()
        self.connected, self.disconnected = threading.Semaphore(0), threading.Semaphore(0)
        server.add_listener(self._take, "thermo", "reading", on_gap=lambda info, gap: self.gaps.put(gap))
        server.add_listener(lambda info, line: self.lines.put(line), "desk", sigcore.EVENT_CONSOLE)
        server.add_listener(lambda info, sender: self.connected.release(), "thermo", sigcore.EVENT_CONNECT)
        server.add_listener(lambda info, sender: self.disconnected.release(), "thermo", sigcore.EVENT_DISCONNECT)

    def _take(self, info: sigcore.EventInfo, data: dict[str, Any]) -> None:
        self.counts.put(data["count"])

    def next_counts(self, number: int) -> list[int]:
        return [self.counts.get(timeout=PATIENCE_S) for _ in range(number)]


@contextlib.contextmanager
def at_work(program: Path, cable: PtyCable | SimulatedLine) -> Iterator[tuple[sigcore.ServerRouter, Heard, Device]]:
    """A server at the left end, and the device at the right, which outlives it: so no end waits for the other."""
    server = sigcore.ServerRouter(f"serial://{cable.left}?baudrate=115200&console=desk")
    heard = Heard(server)
    with Device(program, cable.right) as device, server:
        yield server, heard, device


def test_readings_come_in_order_and_requests_are_answered(thermometer: Path) -> None:
    with PtyCable() as cable, at_work(thermometer, cable) as (server, heard, _):
        assert heard.next_counts(10) == list(range(1, 11))
        assert server.request("thermo", "led", True, timeout=PATIENCE_S) == {"lit": True}
        offset = server.request("thermo", "calibrate", {"unit": "°C", "offset": -0.25}, timeout=PATIENCE_S)
        assert offset == {"offset_centi": -25}
        with pytest.raises(sigcore.RequestFailed, match="takes an object with the number offset"):
            server.request("thermo", "calibrate", None, timeout=PATIENCE_S)
        with pytest.raises(sigcore.CodecError, match="too long for this device"):
            server.request("thermo", "calibrate", "x" * 300, timeout=PATIENCE_S)
        assert server.request("thermo", "status", None, timeout=PATIENCE_S)["ram"] < 2048


def test_what_the_firmware_prints_is_on_the_console(thermometer: Path) -> None:
    with PtyCable() as cable, at_work(thermometer, cable) as (_, heard, device):
        heard.next_counts(1)
        device.reboot()
        line = ""
        while "thermometer: boot" not in line:
            line = heard.lines.get(timeout=PATIENCE_S)
        assert int(line.split()[2]) < 2048, "the memory that it says it takes"
        assert heard.lines.get(timeout=PATIENCE_S) == "25 readings, the lamp is off"


def test_many_requests_at_once_are_answered_or_refused_each(thermometer: Path) -> None:
    answers: queue.Queue[str] = queue.Queue()

    def ask(server: sigcore.ServerRouter) -> None:
        try:
            server.request("thermo", "status", None, timeout=PATIENCE_S)
            answers.put("answered")
        except sigcore.Busy:
            answers.put("busy")

    with PtyCable() as cable, at_work(thermometer, cable) as (server, heard, _):
        heard.next_counts(1)
        asking = [threading.Thread(target=ask, args=(server,)) for _ in range(20)]
        for thread in asking:
            thread.start()
        assert {answers.get(timeout=PATIENCE_S) for _ in asking} <= {"answered", "busy"}
        for thread in asking:
            thread.join()
        counts = heard.next_counts(5)
        told = 0
        while told < counts[-1] - 6:  # so many answers may leave no room for a reading, which is told then
            told += heard.gaps.get(timeout=PATIENCE_S).count or 0
        assert counts[-1] == 6 + told
        assert counts == sorted(set(counts))


def test_a_device_that_reboots_is_back_within_seconds(thermometer: Path) -> None:
    with PtyCable() as cable, at_work(thermometer, cable) as (_, heard, device):
        heard.next_counts(5)
        assert heard.connected.acquire(timeout=PATIENCE_S)
        device.reboot()
        rebooted_s = time.monotonic()
        assert heard.disconnected.acquire(timeout=PATIENCE_S)
        assert heard.connected.acquire(timeout=PATIENCE_S)
        assert time.monotonic() - rebooted_s < 3.0
        while heard.counts.get(timeout=PATIENCE_S) != 1:
            pass
        assert heard.next_counts(5) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("end", ["left", "right", None], ids=["the server's end", "the device's end", "both ends"])
def test_no_reading_is_lost_when_the_cable_is_pulled_for_a_moment(thermometer: Path, end: str | None) -> None:
    with PtyCable() as cable, at_work(thermometer, cable) as (_, heard, _device):
        heard.next_counts(5)
        pulled = getattr(cable, end) if end else None
        cable.unplug(pulled)
        time.sleep(0.3)  # how long the cable is out: nothing is waited for
        cable.replug(pulled)
        assert heard.next_counts(15) == list(range(6, 21))
        assert heard.gaps.empty()


def test_what_has_no_room_while_the_cable_is_out_is_counted(thermometer: Path) -> None:
    story: queue.Queue[int | sigcore.Gap] = queue.Queue()
    with PtyCable() as cable, at_work(thermometer, cable) as (server, heard, _):
        heard.next_counts(5)
        server.add_listener(
            lambda info, data: story.put(data["count"]), "thermo", "reading", on_gap=lambda info, gap: story.put(gap)
        )
        cable.unplug()
        time.sleep(3.0)  # 30 readings, of which two thirds have room
        cable.replug()
        count, missed = 5, 0
        while missed == 0 or count < 45:
            told = story.get(timeout=PATIENCE_S)
            if isinstance(told, sigcore.Gap):
                assert told.cause == "disconnected"
                assert told.count is not None
                missed += told.count
                count += told.count
            else:
                count += 1
                assert told == count


def test_a_server_that_restarts_has_the_device_back_and_is_told_that_readings_may_be_lost(thermometer: Path) -> None:
    with PtyCable() as cable, at_work(thermometer, cable) as (server, heard, _):
        heard.next_counts(5)
        server.close()
        restarted = sigcore.ServerRouter(f"serial://{cable.left}?baudrate=115200")
        heard = Heard(restarted)
        with restarted:
            assert heard.connected.acquire(timeout=PATIENCE_S)
            assert heard.gaps.get(timeout=PATIENCE_S).cause in ("session_lost", "disconnected")
            counts = heard.next_counts(10)
            assert counts == list(range(counts[0], counts[0] + 10))


@pytest.mark.parametrize("seed", range(2))
def test_a_bad_line_loses_nothing(thermometer: Path, seed: int) -> None:
    seeds = iter((seed, seed + 100))
    line = SimulatedLine(faults=lambda: LineFaults(next(seeds), ber=1e-4))
    with line, at_work(thermometer, line) as (server, heard, _):
        assert heard.next_counts(30) == list(range(1, 31))
        assert server.request("thermo", "led", True, timeout=PATIENCE_S) == {"lit": True}
        status = server.request("thermo", "status", None, timeout=PATIENCE_S)
        assert heard.gaps.empty()
        assert status["whole"] > 30


def test_noise_at_line_rate_is_survived(thermometer: Path) -> None:
    with SimulatedLine() as line, at_work(thermometer, line) as (server, heard, _):
        heard.next_counts(3)
        line.say(line.left, os.urandom(11_520))  # for a second
        assert heard.next_counts(15) == list(range(4, 19))
        assert server.request("thermo", "led", False, timeout=PATIENCE_S) == {"lit": False}
        assert server.request("thermo", "status", None, timeout=PATIENCE_S)["damaged"] > 10
