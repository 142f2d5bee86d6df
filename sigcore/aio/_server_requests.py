# SPDX-License-Identifier: MIT
"""What a server itself answers, as the sender ``#server``: what its ports are, and who may have one for a while."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from .._carrier import Listening
from .._errors import LinkError, RequestFailed
from .._requests import Handlers

LEND = 'lend takes {"port": "/dev/ttyUSB0", "seconds": 90}'
TAKE_BACK = 'take_back takes {"port": "/dev/ttyUSB0"}'


class ServerRequests:
    """The handlers of ``#server``.

    Args:
        listenings: Where links come in; looked at anew for each request.

    Attributes:
        handlers: As a sender has them.
    """

    def __init__(self, listenings: Sequence[Listening]) -> None:
        self._listenings = listenings
        self.handlers = Handlers({"lend": self._lend, "take_back": self._take_back, "ports": self._ports}, None)

    async def _lend(self, params: Any) -> dict[str, Any]:
        """Let another program have a port for some seconds; return what the carrier says of it.

        Raises:
            RequestFailed: The parameters are wrong, or no endpoint of the server has such a port, or can lend it.
        """
        port, seconds = _port_in(params, LEND), params.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= sys.float_info.max:
            raise RequestFailed(f"{LEND}; seconds must be a number more than 0")
        return await self._with_port(port, "lend", lambda lend: lend(port, float(seconds)))

    async def _take_back(self, params: Any) -> dict[str, Any]:
        """Take a port back before its time is over; return what the carrier says of it.

        Raises:
            RequestFailed: The parameters are wrong, or no endpoint of the server has such a port, or can take it back.
        """
        port = _port_in(params, TAKE_BACK)
        return await self._with_port(port, "take_back", lambda take_back: take_back(port))

    async def _ports(self, _params: Any) -> list[dict[str, Any]]:
        """Return what the carriers tell of the ports that the server has."""
        return self._statuses()

    def _statuses(self) -> list[dict[str, Any]]:
        return [{"endpoint": str(each.endpoint), **row} for each in self._listenings for row in _status(each)]

    async def _with_port(self, port: str, what: str, call: Callable[[Any], Any]) -> dict[str, Any]:
        """Have the endpoint that has ``port`` do something with it."""
        able = [(each, found) for each in self._listenings if (found := getattr(each, what, None)) is not None]
        for listening, method in able:
            try:
                result: dict[str, Any] = await call(method)
            except LookupError as error:  # another endpoint's, or nobody's, or of a kind that cannot be lent
                if any(row.get("port") == port for row in _status(listening)):
                    raise RequestFailed(str(error)) from error
                continue
            except LinkError as error:  # it has the port, which is not there
                raise RequestFailed(str(error)) from error
            return result
        if not able:
            raise RequestFailed(f"no endpoint of this server has ports that can be lent; asked for {port!r}")
        known = ", ".join(str(status["port"]) for status in self._statuses() if "port" in status)
        raise RequestFailed(f"this server has no port {port!r}; its ports are: {known or 'none at the moment'}")


def _status(listening: Listening) -> list[dict[str, Any]]:
    status = getattr(listening, "status", None)
    return status() if status is not None else []


def _port_in(params: Any, usage: str) -> str:
    port = params.get("port") if isinstance(params, dict) else None
    if not isinstance(port, str) or not port:
        raise RequestFailed(f"{usage}; port must be the name of one")
    return port
