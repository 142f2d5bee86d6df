# SPDX-License-Identifier: MIT
"""What the operating system refused, in words that say what to do."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Mapping

_TOO_LONG = "the path is too long for a socket (Linux takes 107 bytes, macOS 103); choose a shorter one"

CONNECTING: Mapping[int, str] = {
    errno.ECONNREFUSED: "nobody listens there; start the server, or check the address",
    errno.ETIMEDOUT: "nothing answers there; check the address, the network and its firewalls",
    errno.EHOSTUNREACH: "no way leads there; check the address and the network",
    errno.ENETUNREACH: "no way leads there; check the address and the network",
    errno.EADDRNOTAVAIL: "this machine has no address to connect from; check the address and the network",
}

LISTENING: Mapping[int, str] = {
    errno.EADDRINUSE: "the port is in use; stop what listens there, or choose another port, or 0 for any free one",
    errno.EADDRNOTAVAIL: "this machine has no such address; name one of its own, or leave the host out for all",
    errno.EACCES: "that is not permitted; ports below 1024 need privileges, choose a higher one",
}

CONNECTING_TO_FILE: Mapping[int, str] = {
    errno.ENOENT: "no such file; start the server, or check the path",
    errno.ECONNREFUSED: "nobody listens there any more; start the server",
    errno.EACCES: "you may not connect; the server's option mode says who may",
    errno.ENOTSOCK: "that is no socket; check the path",
    errno.ENAMETOOLONG: _TOO_LONG,
}

LISTENING_AT_FILE: Mapping[int, str] = {
    errno.EADDRINUSE: "another server listens there; stop it, or choose another path",
    errno.EEXIST: "something that is no socket has that name and stays untouched; choose another path",
    errno.ENOTEMPTY: "a socket of another user has that name and stays untouched; remove it, or choose another path",
    errno.ENOENT: "its directory does not exist; make it first",
    errno.EACCES: "you may not create a file in its directory; choose another path",
    errno.ENAMETOOLONG: _TOO_LONG,
}


def explained(error: OSError, tried: str, advice: Mapping[int, str]) -> OSError:
    """Return an error of the same class and number whose message says what was tried, was found and can be done.

    Args:
        error: What the operating system, or asyncio, raised.
        tried: What was tried, to follow "cannot", with the endpoint.
        advice: What is the matter and what to do, by ``errno``.
    """
    if isinstance(error, socket.gaierror):
        return socket.gaierror(
            error.errno, f"cannot {tried}: the name does not resolve ({error.strerror}); check how it is written"
        )
    code = _number_of(error)
    if code is None:
        return OSError(f"cannot {tried}: {error}")
    return OSError(code, f"cannot {tried}: {advice.get(code, os.strerror(code))}")


def _number_of(error: OSError) -> int | None:
    """Return the ``errno`` of ``error``, also where Python and asyncio leave it out and only the text tells.

    Where a name has several addresses, asyncio joins their different errors into the text of one: that says most
    which came from a machine that answered.
    """
    if error.errno is not None:
        return error.errno
    if str(error) == "AF_UNIX path too long":
        return errno.ENAMETOOLONG
    numbers = [int(number) for number in re.findall(r"\[Errno (\d+)\]", str(error))]
    if errno.ECONNREFUSED in numbers:
        return errno.ECONNREFUSED
    return numbers[0] if numbers else None
