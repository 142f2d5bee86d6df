# SPDX-License-Identifier: MIT
"""The identity that a serial port gives to whatever is plugged into it."""

from __future__ import annotations

import sigcore

from ._address import Address, NetworkAddress, UsbAddress

_DEVICES = "\\\\.\\"
"""How Windows' long names of ports begin."""

_LONGEST = 200


def port_identity(name: str) -> str:
    """Return the identity of what is at a port; characters that no identity may have stand as ``%`` and their number.

    Args:
        name: The port's path, or the USB identity by which it was asked for.

    >>> port_identity("/dev/ttyUSB0"), port_identity("/dev/tty.My Port")
    ('port:/dev/ttyUSB0', 'port:/dev/tty.My%20Port')
    """
    shown = "".join(map(_allowed, name.removeprefix(_DEVICES)))
    return f"port:{shown[:_LONGEST]}"


def name_for_identity(address: Address) -> str:
    """Return by what name whatever is at an address is known; empty behind a bridge, where it may be anything."""
    if isinstance(address, NetworkAddress):
        return ""
    if isinstance(address, UsbAddress):
        return "/".join(filter(None, ["usb", address.ids, address.serial_number]))
    return str(address)


def _allowed(char: str) -> str:
    if char == "%" or not char.isascii():
        return _numbered(char)
    try:
        sigcore.check_identity(f"port:{char}", proven_by_medium=True)
    except sigcore.InvalidName:
        return _numbered(char)
    return char


def _numbered(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode(errors="surrogateescape"))
