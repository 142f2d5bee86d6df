# SPDX-License-Identifier: MIT
"""What cannot be set up says so when it is asked for, with what to do, and harms nothing that runs."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy
import pytest
import sig_cbor  # noqa: F401  # tells that these tests need the package
import sig_tcp  # noqa: F401  # likewise
from sig_serial.testing import PtyCable

import sigcore
from sigcore import ClientRouter, ServerRouter

from ..waiting import Heard

MALFORMED = ["", "tcp", "tcp:/127.0.0.1:3000", "tcp://127.0.0.1:99999", "://x", "tcp://127.0.0.1:3000#x", "tcp://[::1"]


def opened(make: Callable[[str], Any]) -> Callable[[str], None]:
    def open_and_close(endpoint: str) -> None:
        with make(endpoint):
            raise AssertionError("it was opened")

    return open_and_close


BOTH = pytest.mark.parametrize("try_to_open", [opened(ServerRouter), opened(ClientRouter)], ids=["server", "client"])


@BOTH
@pytest.mark.parametrize("endpoint", MALFORMED)
def test_a_malformed_endpoint_is_refused(try_to_open: Callable[[str], None], endpoint: str) -> None:
    with pytest.raises(sigcore.EndpointError) as caught:
        try_to_open(endpoint)
    assert isinstance(caught.value, ValueError)


@BOTH
def test_an_unknown_scheme_names_those_that_are_installed(try_to_open: Callable[[str], None]) -> None:
    with pytest.raises(sigcore.PluginNotFound, match=r"'pigeon'.*mem, serial, .*tcp, .*unix"):
        try_to_open("pigeon://roof")


@BOTH
def test_an_unknown_option_names_those_that_are_known(try_to_open: Callable[[str], None]) -> None:
    with pytest.raises(sigcore.EndpointError, match=r"'keepalife'.*keepalive"):
        try_to_open("tcp://127.0.0.1:3000?keepalife=5s")


def test_an_unknown_codec_names_those_that_are_installed() -> None:
    with pytest.raises(sigcore.PluginNotFound, match=r"'morse'.*cbor, json"):
        ClientRouter("tcp://127.0.0.1:3000", codec="morse")
    with pytest.raises(sigcore.PluginNotFound, match=r"'morse'.*cbor, json"):
        ServerRouter("tcp://127.0.0.1:0", codecs=["json", "morse"]).open()


WITHOUT_PACKAGES = """
import sigcore
for endpoint in ("tcp://127.0.0.1:3000", "unix:///tmp/s", "serial:///dev/ttyUSB0", "/dev/ttyUSB0"):
    try:
        sigcore.ClientRouter(endpoint)
    except sigcore.PluginNotFound as error:
        print(error)
try:
    sigcore.load_codec("cbor")
except sigcore.PluginNotFound as error:
    print(error)
"""


def test_a_first_party_package_that_is_missing_comes_with_its_pip_line(tmp_path: Path) -> None:
    for package in (sigcore, pluggy):  # all that this process sees, beside the standard library
        folder = Path(package.__file__ or "").parent
        (tmp_path / folder.name).symlink_to(folder, target_is_directory=True)
    done = subprocess.run(
        [sys.executable, "-S", "-c", WITHOUT_PACKAGES],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    said = [line.partition("To get it: ")[2] for line in done.stdout.splitlines()]
    missing = ["sigcore-tcp", "sigcore-tcp", "sigcore-serial", "sigcore-serial", "sigcore-cbor"]
    assert said == [f"pip install {package}" for package in missing]


def test_a_port_in_use_is_told_and_whoever_has_it_goes_on() -> None:
    with ServerRouter("tcp://127.0.0.1:0") as server, ClientRouter(server.endpoints[0]) as client:
        with pytest.raises(OSError, match="in use") as caught:
            ServerRouter(["mem://second", server.endpoints[0]]).open()
        assert caught.value.errno == errno.EADDRINUSE
        with ServerRouter("mem://second"):  # the place that it had already is free again
            pass
        heard = Heard()
        client.add_listener(heard, "thermo")
        server.add_sender("thermo", "reading").trigger("reading", 1)
        assert heard.wait(1) == [1]


def test_a_refused_connection_is_told_with_what_was_tried() -> None:
    with ServerRouter("tcp://127.0.0.1:0") as server:
        place = server.endpoints[0]
    with pytest.raises(sigcore.ConnectTimeout, match=rf"{place} within 0\.2 s.*nobody listens there"):
        ClientRouter(place, connect_timeout=0.2).open()


def test_a_server_waits_for_a_serial_device_that_is_absent_and_a_client_is_told(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    with ServerRouter([f"serial://{device}", "mem://beside"]) as server:
        assert server.endpoints == [f"serial://{device}", "mem://beside"]
        with pytest.raises(sigcore.ConnectTimeout, match="ttyUSB0"):
            ClientRouter(f"serial://{device}", connect_timeout=0.2).open()


@pytest.mark.parametrize("what", ["a file", "a folder"])
def test_what_is_no_serial_device_is_told(tmp_path: Path, what: str) -> None:
    device = tmp_path / "ttyUSB0"
    if what == "a file":
        device.write_text("")
    else:
        device.mkdir()
    with pytest.raises(OSError, match="ttyUSB0"):
        ServerRouter(f"serial://{device}").open()
    with pytest.raises(sigcore.ConnectTimeout, match="ttyUSB0"):
        ClientRouter(f"serial://{device}", connect_timeout=0.2).open()


def test_a_serial_port_has_one_user() -> None:
    with (
        PtyCable() as cable,
        ServerRouter(f"serial://{cable.left}"),
        pytest.raises(OSError, match="left"),
    ):
        ServerRouter(f"serial://{cable.left}").open()


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:0", "tcp://:0", "tcp://[::]:0"])
def test_an_endpoint_open_to_other_machines_is_refused_unless_one_insists(endpoint: str) -> None:
    with pytest.raises(sigcore.InsecureEndpoint, match="insecure=True") as caught:
        ServerRouter(endpoint).open()
    assert isinstance(caught.value, PermissionError)
    with ServerRouter(endpoint, insecure=True) as server:
        assert len(server.endpoints) == 1


def test_a_query_option_and_a_keyword_that_disagree_are_refused() -> None:
    with pytest.raises(sigcore.EndpointError, match=r"max_frame=65536.*max_frame= says 1000"):
        ServerRouter("tcp://127.0.0.1:0?max_frame=64KiB", max_frame=1_000).open()
    with ServerRouter("tcp://127.0.0.1:0?max_frame=64KiB", max_frame=65_536):
        pass
