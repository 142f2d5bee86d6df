# SPDX-License-Identifier: MIT
"""The options of a serial endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sigcore import Seconds, Size

_LEAST_PAYLOAD_BYTES = 16
_MOST_U16 = 65_535
"""A side tells its longest packet and its window in 16 bits; docs/serial-link.md, "HELLO"."""


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
        framing: Checked packets (docs/serial-link.md), or the bare bytes as they come, which nothing mends.
        console: The name under which text beside the packets is told; the device's path where there is none.
        exclusive: Whether other programs are kept away from the port, and an opening that others have is refused.
        low_latency: Whether the driver is asked to give bytes at once instead of in larger pieces (Linux).
        max_payload: Longest body of a packet that this side takes, in bytes; a noisy line gets shorter ones by itself.
        window: Bytes that this side takes beyond those it has acknowledged.
    """

    baudrate: int = 115_200
    bytesize: Literal[8] = 8
    parity: Literal["N", "E", "O", "M", "S"] = "N"
    stopbits: float = 1
    rtscts: bool = False
    answer_timeout: Seconds = 5.0
    framing: Literal["packets", "none"] = "packets"
    console: str = ""
    exclusive: bool = True
    low_latency: bool = True
    max_payload: Size = 256
    window: Size = 8_192

    def __post_init__(self) -> None:
        if self.baudrate <= 0:
            raise ValueError(f"baudrate={self.baudrate} is impossible; usual are 9600, 57600, 115200 and 921600")
        if self.stopbits not in (1, 1.5, 2):
            raise ValueError(f"stopbits={self.stopbits} is impossible; it is 1, 1.5 or 2")
        if self.answer_timeout <= 0:
            raise ValueError("answer_timeout=0s leaves no time for an answer; 5s is usual")
        if not _LEAST_PAYLOAD_BYTES <= self.max_payload <= self.window <= _MOST_U16:
            raise ValueError(
                f"max_payload={self.max_payload}B and window={self.window}B cannot be: {_LEAST_PAYLOAD_BYTES}B is the "
                f"least max_payload, the window holds one at least and {_MOST_U16}B at most; usual are 256B and 8KiB"
            )

    @property
    def byte_s(self) -> float:
        """Seconds that one byte takes on the wire, with its start, parity and stop bits."""
        return (1 + self.bytesize + (self.parity != "N") + self.stopbits) / self.baudrate
