# SPDX-License-Identifier: MIT
"""The commands about serial ports need a package that is not always installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sigcore

_BROUGHT_ALONG = ("sig_serial", "serial")


@contextmanager
def serial_package() -> Iterator[None]:
    """Say what to install where an import in the block finds no ``sig_serial``, or not what that is built on.

    Raises:
        PluginNotFound: It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _BROUGHT_ALONG:
            raise
        raise sigcore.PluginNotFound(
            "this command needs the package sigcore-serial, which is not installed; pip install sigcore-serial"
        ) from error
