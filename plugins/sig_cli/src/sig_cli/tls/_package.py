# SPDX-License-Identifier: MIT
"""What makes certificates is a package of its own, and may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sigcore

EXTRA = "pip install 'sigcore-cli[tls]'"


@contextmanager
def certificates_package() -> Iterator[None]:
    """Say what to install where an import in the block finds no ``cryptography``.

    Raises:
        PluginNotFound: It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "cryptography":
            raise
        raise sigcore.PluginNotFound(
            f"this command needs the package cryptography, which is not installed; {EXTRA}"
        ) from error
