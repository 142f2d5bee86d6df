# SPDX-License-Identifier: MIT
"""The hooks that a plug-in implements; this page is all that a plug-in author needs.

A plug-in is a module with functions marked ``@sigcore.hookimpl``, named by an entry point::

    [project.entry-points."sigcore.carriers"]      # the entry point's name is the URL scheme
    tcp = "sig_tcp._plugin_tcp"

    [project.entry-points."sigcore.codecs"]        # the entry point's name is the codec's
    cbor = "sig_cbor._plugin"

    [project.entry-points."sigcore.plugins"]       # everything else: loaded when a server is told its name
    ldap = "sig_ldap._plugin"

The module is imported when its name is first asked for, never before. An implementation may take fewer
arguments than its specification, so specifications can grow without breaking plug-ins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ._carrier import Carrier
    from ._codec import Codec
    from ._identity import Evidence

PROJECT_NAME = "sigcore"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec(firstresult=True)
def sigcore_carrier() -> Carrier | None:
    """Return the carrier that this plug-in offers; group ``sigcore.carriers``."""


@hookspec(firstresult=True)
def sigcore_codec() -> Codec | None:
    """Return the codec that this plug-in offers; group ``sigcore.codecs``."""


@hookspec(firstresult=True)
def sig_authenticate(evidence: Evidence) -> str | Awaitable[str | None] | None:
    """Return who is at the other end of a link, or ``None`` where you do not know; group ``sigcore.plugins``.

    A server asks the plug-ins that it was told to use, one after the other, about those whom it does not know itself:
    whoever says nothing of who it is and comes by a medium that proves nothing, shows a token that is none of the
    server's, or uses a method other than ``secret`` and ``token``. The first answer holds.

    It is called on a thread of its own, and may return an awaitable, which is awaited on the server's event loop.
    What it takes longer than the handshake may, raises, or returns that ``sigcore.check_identity`` refuses ends the one
    link, and is logged.
    """


@hookspec(firstresult=True)
def sig_authorize(identity: str, verb: str, sender: str, name: str) -> bool | None:
    """Return whether somebody may do something, or ``None`` where you have no opinion; group ``sigcore.plugins``.

    A server asks every plug-in that it was told to use, beside its own rules: one that denies wins over all that allow,
    and where there is such a plug-in, what nobody allows is denied. The arguments are those of
    ``sigcore.AccessRules.decide``: ``identity`` is empty for whoever proved nothing, ``name`` for the verb ``see``, and
    ``sender`` is ``*`` where it is asked whether all senders may be seen.

    It is called on the server's event loop, so it must answer from memory. Its answers are remembered until the rules
    change (``set_rules``, ``reload``). One that raises, or gives anything else, denies this once, and is logged.
    """
