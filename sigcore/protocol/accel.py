# SPDX-License-Identifier: MIT
"""Which scanner is used: scanner.py as it stands, or compiled, where the package ``sigcore-accel`` is installed."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from .._logging import get_logger
from . import scanner

SWITCH = "SIGCORE_PURE"
"""The environment variable that, set to anything, keeps the compiled scanner out: to see whether it is at fault."""

_log = get_logger("sigcore.protocol")


def fastest_scanner() -> ModuleType:
    """Return the module with the compiled scanner if it can be used, else the one in Python.

    One that is installed but cannot be used is no failure, since all works without it: a warning says why.
    """
    if os.environ.get(SWITCH):
        return scanner
    try:
        compiled = importlib.import_module("sig_accel.scanner")
    except ImportError as error:
        if error.name != "sig_accel":  # it is there
            _log.warning("sigcore-accel is installed and does not load, so events take longer: %s", error)
        return scanner
    if compiled.REVISION != scanner.REVISION:
        _log.warning("sigcore-accel was built for another version of sigcore and is not used; upgrade both")
        return scanner
    return compiled
