# SPDX-License-Identifier: MIT
"""What the commands about serial ports have in common: a package that may be missing, and ports by their paths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import sigcore

_BROUGHT_ALONG = ("sig_serial", "serial")


@contextmanager
def serial_package() -> Iterator[None]:
    """Say what to install where an import in the block finds no ``sig_serial``, or not what that is built on.

    Raises:
        PluginNotFound: It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _BROUGHT_ALONG:
            raise
        raise sigcore.PluginNotFound(
            "this command needs the package sigcore-serial, which is not installed; pip install sigcore-serial"
        ) from error


def serial_endpoint(text: str) -> sigcore.Endpoint:
    """Return the endpoint that an argument names; the path of a device, wherever it is, will do.

    Raises:
        EndpointError: It is no endpoint.

    >>> str(serial_endpoint("/tmp/port?baudrate=9600")), str(serial_endpoint("serial+usb://1a86:7523"))
    ('serial:///tmp/port?baudrate=9600', 'serial+usb://1a86:7523')
    """
    return sigcore.Endpoint.parse(f"serial://{text}" if text.startswith("/") else text)


def port_name(text: str) -> str:
    """Return the port that an endpoint or the name of a device means, without options of the endpoint.

    >>> port_name("serial:///dev/ttyUSB0?baudrate=9600"), port_name("/dev/ttyUSB0")
    ('/dev/ttyUSB0', '/dev/ttyUSB0')
    >>> port_name("serial+usb://1a86:7523/A1?baudrate=9600")
    'serial+usb://1a86:7523/A1'
    """
    endpoint = serial_endpoint(text)
    if endpoint.scheme == "serial":
        return endpoint.host or endpoint.path
    return str(replace(endpoint, query=()))
