# SPDX-License-Identifier: MIT
"""Endpoints and their options: ``EndpointError``, or what is the same when it is written again; no secret is shown."""

from __future__ import annotations

from contextlib import suppress

from sig_lines import LinesOptions
from sig_lines._description import describe
from sig_serial._options import SerialOptions

import sigcore
from fuzz.supply import Supply
from sigcore._limits import LinkOptions

WORDS = [b"tcp://", b"serial:///dev/ttyUSB0", b"lines+", b"unix:///", b"mem://a", b"fault+tcp://", b"COM3", b"+usb://"]
WORDS += [b"?max_frame=64KiB", b"&timeout=5s", b"%2", b"%00", b"@", b"[::1]", b":65536", b"&secret=x", b"&parse=regex"]
WORDS += [b"&pattern=(?P<a>x)", b"&requests={}", b"&types=", b"&columns=a,b", b"&baudrate=", b"none", b"1e99h", b"0s"]
MAX_LEN = 512
OPTIONS = (LinkOptions, SerialOptions, LinesOptions)
PASSWORD = "hunter2hunter2"


def check(data: bytes) -> bool:
    """Parse ``data`` as an endpoint, and its query as the options of one carrier."""
    supply = Supply(data)
    options = supply.pick(OPTIONS)
    try:
        endpoint = sigcore.Endpoint.parse(supply.rest().decode("utf-8", "surrogateescape"))
    except sigcore.EndpointError as error:
        str(error).encode()
        return False
    assert sigcore.Endpoint.parse(endpoint.url_with_secrets()) == endpoint
    assert str(sigcore.Endpoint.parse(str(endpoint))) == str(endpoint)
    check_hides_passwords(endpoint)
    described: object
    try:
        described = endpoint.options(options)
    except sigcore.EndpointError as error:
        str(error).encode()
        return False
    if isinstance(described, LinesOptions):
        with suppress(ValueError):
            describe(described, skips_first=False)
    return True


def check_hides_passwords(endpoint: sigcore.Endpoint) -> None:
    """Assert that the password is not to be seen in what is shown."""
    with_one = f"{endpoint.scheme}://joe:{PASSWORD}@host"
    for text in (str, repr):
        assert PASSWORD not in text(sigcore.Endpoint.parse(with_one))


def seeds() -> list[bytes]:
    """Return an endpoint of each kind, good and bad."""
    texts = [
        "0tcp://127.0.0.1:3000?max_frame=64KiB&handshake_timeout=5s",
        "0tcp://joe:p%20w@[::1]:3000/x?heartbeat=250ms",
    ]
    texts += [
        "1serial:///dev/ttyUSB0?baudrate=9600&parity=E&stopbits=1.5&window=8KiB",
        "1COM3?framing=none",
        "1/dev/ttyS0",
    ]
    texts += ["2lines+serial:///dev/ttyUSB0?sender=dmm&parse=csv&columns=a,b&separator=tab&max_line=64B&pause=50ms"]
    texts += [
        '2lines+tcp://h:1?pattern=(?P<c>[0-9]%2B)&types={"c":"number"}&requests={"id":{"send":"*IDN?"}}&poll={"id":"5s"}'
    ]
    texts += [
        "0tcp://h:99999",
        "0serial+usb://1a86:7523",
        "0tcp://h?credit=none",
        "0nothing",
        "0tcp://h:1?x=%zz",
        "0fault+mem://a#b",
    ]
    return [bytes([int(text[0])]) + text[1:].encode() for text in texts]
