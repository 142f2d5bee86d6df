# SPDX-License-Identifier: MIT
"""The exit codes of ``sig``, and the one that each error gives."""

from __future__ import annotations

from enum import IntEnum

import sigcore


class NobodyListens(sigcore.SigError):
    """An event was accepted, and nobody listens to it."""


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    """Refused or failed."""
    USAGE = 2
    """The command line, a configuration file or what is installed is wrong; click's own code for it too."""
    TIMED_OUT = 3
    UNREACHABLE = 4
    """No link to the server."""
    NOBODY = 5
    """No such sender, no such method, or no listener where there must be one."""
    INTERRUPTED = 130
    """Ctrl-C before the command was done, as shells count it: 128 and the OS signal's number."""


_CODE_OF: tuple[tuple[type[Exception], Exit], ...] = (
    # The first that fits counts, so the special stands before the general.
    (sigcore.EndpointError, Exit.USAGE),
    (sigcore.ConfigError, Exit.USAGE),
    (sigcore.SecretError, Exit.USAGE),
    (sigcore.InvalidName, Exit.USAGE),
    (sigcore.PluginError, Exit.USAGE),
    (sigcore.SenderNotFound, Exit.NOBODY),
    (sigcore.MethodNotFound, Exit.NOBODY),
    (NobodyListens, Exit.NOBODY),
    (sigcore.ConnectTimeout, Exit.UNREACHABLE),
    (sigcore.NotConnected, Exit.UNREACHABLE),
    (TimeoutError, Exit.TIMED_OUT),
)


def exit_code(error: Exception) -> Exit:
    """Return the exit code for an error."""
    return next((code for kind, code in _CODE_OF if isinstance(error, kind)), Exit.FAILED)
