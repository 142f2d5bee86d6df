# SPDX-License-Identifier: MIT
"""The options of a serial endpoint, and where its device is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sigcore import EndpointError, Seconds

if TYPE_CHECKING:
    from sigcore import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialOptions:
    """How the port is set; both sides of the line need the same.

    Software flow control (XON/XOFF) is not offered: the packets need every byte value.

    Attributes:
        baudrate: Bits per second, as far as the hardware can.
        bytesize: Data bits per character. Always 8, because the packets need every byte value.
        parity: None, even, odd, mark or space.
        stopbits: Stop bits per character.
        rtscts: Whether the hardware lines RTS and CTS hold back a side that is too fast.
        answer_timeout: How long the connecting side waits for an answer, in seconds; then it closes the port, says what
            to check, and may be asked to connect again.
    """

    baudrate: int = 115_200
    bytesize: Literal[8] = 8
    parity: Literal["N", "E", "O", "M", "S"] = "N"
    stopbits: float = 1
    rtscts: bool = False
    answer_timeout: Seconds = 5.0

    def __post_init__(self) -> None:
        if self.baudrate <= 0:
            raise ValueError(f"baudrate={self.baudrate} is impossible; usual are 9600, 57600, 115200 and 921600")
        if self.stopbits not in (1, 1.5, 2):
            raise ValueError(f"stopbits={self.stopbits} is impossible; it is 1, 1.5 or 2")
        if self.answer_timeout <= 0:
            raise ValueError("answer_timeout=0s leaves no time for an answer; 5s is usual")


def device_path(endpoint: Endpoint) -> str:
    """Return the device that ``endpoint`` names: ``/dev/ttyUSB0``, or ``COM3`` on Windows.

    Raises:
        EndpointError: It names none, or has a part that a serial port cannot have.

    >>> from sigcore import Endpoint
    >>> device_path(Endpoint.parse("serial:///dev/ttyUSB0?baudrate=9600"))
    '/dev/ttyUSB0'
    """
    if endpoint.port is not None or endpoint.user is not None:
        raise EndpointError(f"{endpoint}: a serial port has neither a TCP port nor a user; {_EXAMPLES}")
    if endpoint.host and endpoint.path:
        raise EndpointError(f"{endpoint}: a device path needs three slashes, as in serial:///dev/ttyUSB0")
    device = endpoint.host or endpoint.path
    if device in ("", "/"):
        raise EndpointError(f"{endpoint}: no device is named; {_EXAMPLES}")
    return device


_EXAMPLES = "write serial:///dev/ttyUSB0, or serial://COM3 on Windows"
