# SPDX-License-Identifier: MIT
"""A port that somebody else has open: who that is, and how to get it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sigcore

from ._serial_package import port_name


@contextmanager
def taken_port_explained(endpoint: sigcore.Endpoint) -> Iterator[None]:
    """Add to the error of a port that is in use what to do if a server of sigcore has it.

    Raises:
        OSError: As in the block.
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        port = port_name(str(endpoint))
        whose = "That is a server of sigcore, which lends it" if _is_server(port) else "A server of sigcore lends it"
        raise OSError(error.errno, f"{error.strerror or error}. {whose}: sig port lend {port} -- COMMAND") from error


def _is_server(port: str) -> bool:
    """Tell whether it can be seen that a server of sigcore has a port open (Linux)."""
    from sig_serial.tools import find_holder

    with suppress(OSError):
        holder = find_holder(port)
        if holder is not None:
            with open(f"/proc/{holder.pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            return b"serve" in words and any(word.endswith((b"sig", b"sig_cli")) for word in words)
    return False
