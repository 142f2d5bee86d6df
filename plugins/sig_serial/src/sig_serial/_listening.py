# SPDX-License-Identifier: MIT
"""The devices that an endpoint means, taken as they come and let go as they go."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sigcore

from ._address import read_address
from ._berth import Berth, absence
from ._claims import claim, give_up
from ._device_file import may_come
from ._finding import find_devices, key_of
from ._opening import CHOOSE, open_in_thread
from ._totals import Totals

if TYPE_CHECKING:
    from sigcore import Endpoint

    from ._address import Address
    from ._finding import Device, ListPorts
    from ._options import SerialOptions
    from ._port import Port
    from ._port_line import PortLine

logger = sigcore.get_logger("sigcore.serial")

LOOK_INTERVAL_S = 0.25
"""Between two looks at which devices are there. A look costs some 0.1 ms, and 1 ms by USB identity."""

_SOON = "it comes in the place of one that has gone"

LONGEST_LOAN_S = 86_400
"""A day: who forgets to give a port back has it no longer."""


class SerialListening:
    """What ``SerialCarrier.listen`` gives; a ``sigcore.Listening``.

    Args:
        endpoint: What is listened to.
        address: The devices that it means.
        options: How their ports are set.
        start: Makes a line over an open port.
        list_ports: Tells which ports there are.

    Attributes:
        endpoint: As the argument.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        address: Address,
        options: SerialOptions,
        start: Callable[[Port], PortLine],
        list_ports: ListPorts,
    ) -> None:
        self.endpoint = endpoint
        self._address = address
        self._options = options
        self._start = start
        self._list_ports = list_ports
        self._berths: dict[str, Berth] = {}
        self._totals: dict[str, Totals] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._left_alone: dict[str, str] = {}
        self._known_before_loan: set[str] | None = None
        self._present: set[str] = set()
        self._told = ""
        self._is_closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to take devices; return when the one that is there, if there is one, is open.

        Raises:
            OSError: It is there and cannot be opened. Not where the endpoint is a pattern: then it is only logged.
        """
        if self._address.is_pattern:
            logger.info("serial ports that are %s are taken as they come", self._address)
        elif not await self._take_first():
            logger.warning("serial port %s is not there; it is taken as soon as it comes", self._address)
        name = f"sig-serial {self._address}"
        self._task = asyncio.get_running_loop().create_task(self._keep_looking(), name=name)

    def close(self) -> None:
        """Take no new links. A link that is up goes on, and keeps its port open until its end."""
        self._is_closing.set()
        for berth in self._berths.values():
            berth.close()

    async def wait_closed(self) -> None:
        """Return when the ports are closed: after ``close`` and the end of the present links."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def lend(self, port: str, seconds: float) -> dict[str, Any]:
        """Close a port for a while, so that another program can have it, such as one that flashes firmware.

        A link over it ends with the cause ``lent``. When the time is over, the port is taken again as soon as nobody
        else has it open. Until then, devices that come are left alone where they might be the same one in another
        shape, as a board is in its bootloader.

        Args:
            port: The device's path or any other name of it, or the endpoint.
            seconds: For how long at most; ``take_back`` ends it earlier.

        Returns:
            What ``status`` says of it.

        Raises:
            LookupError: The port is none of this endpoint.
            sigcore.LinkError: The device is not there.
            ValueError: ``seconds`` is not more than 0, or more than a day.
        """
        if not 0 < seconds <= LONGEST_LOAN_S:
            raise ValueError(f"a port is lent for some seconds, {LONGEST_LOAN_S} at most, not for {seconds:g}")
        berth = self._berth(port)
        if berth is None:
            raise sigcore.LinkError(
                f"serial port {port} is not there, so nobody has it; other programs can open it when it comes, until "
                "the server does",
                cause="unplugged",
            )
        if self._known_before_loan is None:
            self._known_before_loan = set(self._present)
        await berth.lend(seconds)
        return berth.status()

    async def take_back(self, port: str) -> dict[str, Any]:
        """Take a port that is lent; nothing happens to one that is not.

        Args:
            port: As for ``lend``.

        Returns:
            What ``status`` says of it after the first attempt; one that is still in use is tried again.

        Raises:
            LookupError: The port is none of this endpoint.
        """
        berth = self._berth(port)
        if berth is None:
            return self._absence()
        await berth.take_back()
        return berth.status()

    def status(self) -> list[dict[str, Any]]:
        """Return how the ports are doing, in plain values; one that is awaited has the state ``absent``.

        The entries are the same in every state. Counters go on where they were when a port comes back.
        """
        if self._berths or self._address.is_pattern:
            return [berth.status() for berth in self._berths.values()]
        return [self._absence()]

    def _absence(self) -> dict[str, Any]:
        return absence(str(self._address), self._totals_of(str(self._address)))

    def _totals_of(self, device: Device) -> Totals:
        """Return the totals of a device by its name; of any one, where the endpoint means one and has its name."""
        name = str(device if self._address.is_pattern else self._address)
        return self._totals.setdefault(name, Totals(self._options.framing))

    def _berth(self, port: str) -> Berth | None:
        """Return the berth of a port; ``None`` where the one device that is meant is not there."""
        berths = self._berths
        if found := berths.get(key_of(port)):
            return found
        if self._is_meant_by(port) and not self._address.is_pattern:
            return next(iter(berths.values()), None)
        there = ", ".join(str(berth.device) for berth in berths.values())
        raise LookupError(f"{port} is no port of {self.endpoint}, which has {there or 'none at the moment'}")

    def _is_meant_by(self, text: str) -> bool:
        with suppress(sigcore.EndpointError):
            return text == str(self._address) or read_address(sigcore.Endpoint.parse(text)) == self._address
        return False

    # Looking.

    async def _take_first(self) -> bool:
        for device in (await self._find())[:1]:
            key = key_of(device)
            if owner := claim(key, self, str(self.endpoint)):
                raise OSError(errno.EBUSY, f"serial port {device} is in use by this very program: {owner} has it")
            try:
                port = await open_in_thread(device, self._options)
            except BaseException as exc:
                give_up(key, self)
                if isinstance(exc, OSError) and may_come(exc, device):
                    logger.debug("%s", exc)
                    return False
                raise
            self._take(key, device, port)
            return True
        return False

    async def _find(self) -> list[Device]:
        return await asyncio.get_running_loop().run_in_executor(None, find_devices, self._address, self._list_ports)

    async def _is_there(self, key: str) -> bool:
        return any(key_of(device) == key for device in await self._find())

    async def _keep_looking(self) -> None:
        try:
            while not self._is_closing.is_set():
                try:
                    await self._look()
                except (OSError, TypeError, ValueError) as exc:  # no file descriptor left, or as in ``find_ports``
                    self._could_not_look(exc)
                else:
                    self._told = ""
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_INTERVAL_S):
                        await self._is_closing.wait()
            if self._keeping:
                await asyncio.wait(self._keeping)
        finally:
            for berth in self._berths.values():
                berth.abort()

    def _could_not_look(self, exc: Exception) -> None:
        text = str(exc)
        if text != self._told:
            self._told = text
            logger.warning("which serial ports there are cannot be found out: %s; it is tried again", text)

    async def _look(self) -> None:
        devices: dict[str, Device] = {}
        for device in await self._find():
            devices.setdefault(key_of(device), device)
        self._present = set(devices)
        self._left_alone = {key: why for key, why in self._left_alone.items() if key in devices}
        if not any(berth.is_lent for berth in self._berths.values()):
            self._known_before_loan = None
        for berth in self._berths.values():
            berth.check()
        for key, device in devices.items():
            if not self._is_closing.is_set() and self._may_take(key, device):
                self._take(key, device)

    def _may_take(self, key: str, device: Device) -> bool:
        if key in self._berths:
            return False
        why = self._why_not(key)
        if why not in ("", _SOON, self._left_alone.get(key)):
            logger.info("serial port %s is left alone by %s: %s", device, self.endpoint, why)
        self._left_alone[key] = why
        return not why

    def _why_not(self, key: str) -> str:
        if self._known_before_loan is not None and key not in self._known_before_loan:
            return f"it came while a port of {self.endpoint} is lent, and may be that one in another shape"
        if self._berths and not self._address.is_pattern:
            other = next(iter(self._berths))
            if other not in self._present:  # the same device, whose old name is about to be given up
                return _SOON
            return f"{self._berths[other].device} is taken already; {CHOOSE}"
        owner = claim(key, self, str(self.endpoint))
        return f"{owner} has it" if owner else ""

    def _take(self, key: str, device: Device, port: Port | None = None) -> None:
        totals = self._totals_of(device)
        berth = Berth(device, self._options, self._start, lambda: self._is_there(key), totals, port)
        self._berths[key] = berth
        task = asyncio.get_running_loop().create_task(berth.keep(), name=f"sig-serial {device}")
        self._keeping.add(task)
        task.add_done_callback(lambda task: self._gone(key, task))

    def _gone(self, key: str, task: asyncio.Task[None]) -> None:
        self._keeping.discard(task)
        del self._berths[key]
        give_up(key, self)
