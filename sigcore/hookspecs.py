# SPDX-License-Identifier: MIT
"""The hooks that a plug-in implements; this page is all that a plug-in author needs.

A plug-in is a module with functions marked ``@sigcore.hookimpl``, named by an entry point::

    [project.entry-points."sigcore.carriers"]      # the entry point's name is the URL scheme
    tcp = "sig_tcp._plugin_tcp"

    [project.entry-points."sigcore.codecs"]        # the entry point's name is the codec's
    cbor = "sig_cbor._plugin"

The module is imported when its name is first asked for, never before. An implementation may take fewer
arguments than its specification, so specifications can grow without breaking plug-ins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ._carrier import Carrier
    from ._codec import Codec

PROJECT_NAME = "sigcore"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec(firstresult=True)
def sigcore_carrier() -> Carrier | None:
    """Return the carrier that this plug-in offers; group ``sigcore.carriers``."""


@hookspec(firstresult=True)
def sigcore_codec() -> Codec | None:
    """Return the codec that this plug-in offers; group ``sigcore.codecs``."""
