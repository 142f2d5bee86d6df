# SPDX-License-Identifier: MIT
"""The entry point ``json`` of the group ``sigcore.codecs``."""

from __future__ import annotations

from ._codec import Codec
from ._json import json_codec
from .hookspecs import hookimpl


@hookimpl
def sigcore_codec() -> Codec:
    """Return the codec ``json``."""
    return json_codec()
