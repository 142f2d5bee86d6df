# SPDX-License-Identifier: MIT
"""The asyncio form: the same names and arguments as in ``sigcore``; callbacks may be ``async def``.

What may wait is a coroutine here: ``add_sender``, ``add_listener``, ``request``, ``drain``, ``senders``, ``peers``,
``open``, ``close``, ``wait_closed``. ``on``, ``listen`` and all of ``Sender``, ``Signal`` and ``Listener`` are plain.
A router belongs to the event loop that opened it.
"""

from __future__ import annotations

from ._client import ClientRouter
from ._event_loop import new_event_loop
from ._router import Router
from ._server import ServerRouter
from ._stream import Stream

__all__ = ["ClientRouter", "Router", "ServerRouter", "Stream", "new_event_loop"]
