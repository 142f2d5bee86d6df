# SPDX-License-Identifier: MIT
"""The carrier of ``serial://``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar

from sigcore import Endpoint

from ._lines import start_line
from ._link import Role
from ._listening import SerialListening
from ._opening import open_in_thread
from ._options import SerialOptions, device_path

KIB = 1024


class SerialCarrier:
    """Makes links over serial ports; a ``sigcore.Carrier``.

    The server's side listens, the other side connects. One port has one link at a time.
    """

    link_defaults: ClassVar[Mapping[str, object]] = MappingProxyType(
        {
            "max_frame": 4 * KIB,
            "credit": 16 * KIB,
            "event_queue": 64 * KIB,
            "unacknowledged": 64 * KIB,
            "control_queue": 16 * KIB,
            "heartbeat": 1.0,
            "dead_after": 5.0,
            "reconnect_delay": 1.0,
            "ack_delay": 0.25,
            "write_size": 512,
        }
    )

    raw_options: ClassVar[Mapping[str, str]] = MappingProxyType({"framing": "none"})
    """The query options with which a link is the port's bare bytes."""

    def is_local(self, endpoint: Endpoint) -> bool:
        """Only what is plugged into this machine can reach a serial port: always ``True``."""
        return True

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Open the port and wait until the other side answers; with ``framing=none``, nobody needs to.

        Raises:
            sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
            sigcore.ConnectTimeout: No answer came within the option ``answer_timeout``.
            OSError: The port cannot be opened, is lost, or the other side connects as well; the message says what
                to do.
        """
        options, path = endpoint.options(SerialOptions), device_path(endpoint)
        port = await open_in_thread(path, options)
        line = start_line(port, Role.CONNECTOR, protocol_factory, options, patience_s=options.answer_timeout)
        try:
            return await asyncio.shield(line.up)
        except asyncio.CancelledError:
            line.abort()
            await asyncio.shield(line.closed)  # so that whoever tries anew finds the port free
            raise

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> SerialListening:
        """Open the port and take links from the other side, one after the other.

        When the device is lost later, its path is tried again until the listening is closed.

        Raises:
            sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
            OSError: The port cannot be opened; the message says what to do.
        """
        options, path = endpoint.options(SerialOptions), device_path(endpoint)
        port = await open_in_thread(path, options)
        return SerialListening(endpoint, options, port, protocol_factory)
