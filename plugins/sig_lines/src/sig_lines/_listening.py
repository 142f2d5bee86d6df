# SPDX-License-Identifier: MIT
"""What ``LinesCarrier.listen`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sigcore

    from ._devices import Devices


class LinesListening:
    """The devices of an endpoint, and what brings them; a ``sigcore.Listening``.

    Args:
        endpoint: The endpoint, as it is shown.
        medium: What brings the devices: the inner carrier's listening, or what stands in for one.
        devices: The devices.

    Attributes:
        endpoint: As the argument.
    """

    def __init__(self, endpoint: sigcore.Endpoint, medium: sigcore.Listening, devices: Devices) -> None:
        self.endpoint = endpoint
        self._medium = medium
        self._devices = devices

    def close(self) -> None:
        """Take no more devices, and leave those that are there: they are of this process, as their senders are."""
        self._medium.close()
        self._devices.close()

    async def wait_closed(self) -> None:
        """Return when the ports are free."""
        await self._devices.wait_closed()
        await self._medium.wait_closed()

    async def lend(self, port: str, seconds: float) -> dict[str, Any]:
        """Leave a port to another program for a while.

        Raises:
            LookupError: It is none of these ports, or they are of a kind that cannot be lent.
        """
        result: dict[str, Any] = await self._of_medium("lend")(port, seconds)
        return result

    async def take_back(self, port: str) -> dict[str, Any]:
        """Take a port back before its time.

        Raises:
            LookupError: It is none of these ports, or they are of a kind that cannot be lent.
        """
        result: dict[str, Any] = await self._of_medium("take_back")(port)
        return result

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each port: what the inner carrier says, the sender, and how its lines fare."""
        status = getattr(self._medium, "status", None)
        rows: list[dict[str, Any]] = [dict(row) for row in status()] if status is not None else []
        by_port = {device.port: device.status() for device in self._devices}
        return [{**row, **by_port.get(str(row.get("port")), {})} for row in rows]

    def _of_medium(self, verb: str) -> Any:
        found = getattr(self._medium, verb, None)
        if found is None:
            raise LookupError(f"{self.endpoint} has no port that could be lent; serial ports can")
        return found
