# SPDX-License-Identifier: MIT
"""The client's side of RFC 2217: a serial port's bytes and settings in a Telnet connection.

No I/O: bytes in, bytes out. Telnet gives one byte value, IAC, a meaning of its own: as data it is doubled, else a
command follows. The settings are commands of the option COM-PORT-OPTION, which the other side must take.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ._options import SerialOptions

IAC: Final = b"\xff"
_SE, _SB, _WILL, _WONT, _DO, _DONT = b"\xf0", b"\xfa", b"\xfb", b"\xfc", b"\xfd", b"\xfe"
_BINARY, _SUPPRESS_GO_AHEAD, _COM_PORT = b"\x00", b"\x03", b"\x2c"

_BAUDRATE, _DATASIZE, _PARITY, _STOPSIZE, _CONTROL, _PURGE = 1, 2, 3, 4, 5, 12
_REPLY = 100
"""What a command's number has more where the other side answers it."""

_PARITIES = {"N": 1, "O": 2, "E": 3, "M": 4, "S": 5}
_STOPSIZES = {1: 1, 2: 2, 1.5: 3}
_NO_FLOW_CONTROL, _HARDWARE_FLOW_CONTROL, _DTR_ON, _RTS_ON = 1, 3, 8, 11
_BOTH_BUFFERS = 3

_COMMAND = re.compile(rb"\xff(?:(\xff)|([\xfb-\xfe])(.)|\xfa((?:[^\xff]|\xff\xff)*)\xff\xf0|[\xf0-\xf9])", re.DOTALL)
_LONGEST_COMMAND_BYTES = 1024
"""More than any command of RFC 2217 takes; beyond it, the other side speaks something else."""


class Rfc2217:
    """A conversation about one port.

    Args:
        options: What the port is to be set to.

    Attributes:
        answers: Bytes to send to the other side, IAC and all; whoever sends them clears it.
        is_refused: Whether the other side said that it does not take RFC 2217.
    """

    def __init__(self, options: SerialOptions) -> None:
        self._wanted = {
            _BAUDRATE: struct.pack("!I", options.baudrate),
            _DATASIZE: bytes([options.bytesize]),
            _PARITY: bytes([_PARITIES[options.parity]]),
            _STOPSIZE: bytes([_STOPSIZES[options.stopbits]]),
        }
        self._rtscts = options.rtscts
        self._replies: dict[int, bytes] = {}
        self._said: set[bytes] = set()
        self._rest = b""
        self._is_accepted = self.is_refused = False
        self.answers = bytearray()
        for command, option in (
            (_WILL, _COM_PORT),
            (_WILL, _BINARY),
            (_DO, _BINARY),
            (_WILL, _SUPPRESS_GO_AHEAD),
            (_DO, _SUPPRESS_GO_AHEAD),
        ):
            self._say(command, option)

    @property
    def is_set(self) -> bool:
        """Whether the other side has answered to every setting."""
        return self._replies.keys() >= self._wanted.keys()

    def refused_settings(self) -> dict[str, int]:
        """Return what the other side answered instead of what was wanted; empty where all is as it should be."""
        names = {_BAUDRATE: "baudrate", _DATASIZE: "bytesize", _PARITY: "parity", _STOPSIZE: "stopbits"}
        return {
            names[number]: int.from_bytes(self._replies[number], "big")
            for number, value in self._wanted.items()
            if self._replies[number] != value
        }

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the connection; return those of the port that are among them.

        Raises:
            ValueError: The other side does not speak Telnet.
        """
        if not self._rest and IAC not in data:
            return data
        data, at, found = self._rest + data, 0, []
        while (command := data.find(IAC, at)) >= 0:
            found.append(data[at:command])
            at = command
            match = _COMMAND.match(data, at)
            if match is None:
                break
            at = match.end()
            found.append(match[1] or b"")
            self._take(match)
        else:
            found.append(data[at:])
            at = len(data)
        self._rest = data[at:]
        if len(self._rest) > _LONGEST_COMMAND_BYTES:
            raise ValueError("a Telnet command does not end: this is no RFC 2217")
        return b"".join(found)

    def _take(self, command: re.Match[bytes]) -> None:
        if command[2] is not None:
            self._negotiate(command[2], command[3])
        elif command[4] is not None and command[4][:1] == _COM_PORT and len(command[4]) >= 2:
            body = command[4].replace(IAC + IAC, IAC)
            self._replies[body[1] - _REPLY] = body[2:]

    def _negotiate(self, command: bytes, option: bytes) -> None:
        is_known = option in (_BINARY, _SUPPRESS_GO_AHEAD, _COM_PORT)
        if option == _COM_PORT:
            self.is_refused |= command == _DONT
            if command in (_DO, _WILL) and not self._is_accepted:
                self._is_accepted = True
                self._send_settings()
        if command == _DO:
            self._say(_WILL if is_known else _WONT, option)
        elif command == _WILL:
            self._say(_DO if is_known else _DONT, option)

    def _say(self, command: bytes, option: bytes) -> None:
        if command + option not in self._said:  # else two sides could go on thanking each other for ever
            self._said.add(command + option)
            self.answers += IAC + command + option

    def _send_settings(self) -> None:
        for number, value in self._wanted.items():
            self._send(number, value)
        flow = _HARDWARE_FLOW_CONTROL if self._rtscts else _NO_FLOW_CONTROL
        for control in (flow, _DTR_ON) if self._rtscts else (flow, _DTR_ON, _RTS_ON):
            self._send(_CONTROL, bytes([control]))
        self._send(_PURGE, bytes([_BOTH_BUFFERS]))

    def _send(self, number: int, value: bytes) -> None:
        self.answers += IAC + _SB + _COM_PORT + bytes([number]) + escaped(value) + IAC + _SE


def escaped(data: bytes | bytearray) -> bytes:
    """Return ``data`` as it stands in the connection: IAC doubled."""
    return bytes(data).replace(IAC, IAC + IAC)
