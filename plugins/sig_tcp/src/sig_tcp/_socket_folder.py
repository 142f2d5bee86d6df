# SPDX-License-Identifier: MIT
"""The folder of a socket file: whoever may write to it may put another socket in the place of ours."""

from __future__ import annotations

import os
import stat

from sigcore import EndpointError, get_logger

_log = get_logger("sigcore.unix")


def check_folder(path: str) -> None:
    """See that no stranger can replace the socket file at ``path``; what can be lived with is logged.

    Raises:
        EndpointError: Everybody may write to its folder, and remove what others have there.
        OSError: There is no such folder.
    """
    folder = os.path.dirname(path)
    found = os.stat(folder)
    mode = found.st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise EndpointError(
            f"cannot listen at unix://{path}: everybody may write to {folder} (mode {stat.S_IMODE(mode):03o}), and so "
            "put a socket of their own in the place of this one; choose a folder of your own, as $XDG_RUNTIME_DIR, or "
            f"chmod 700 {folder}"
        )
    if found.st_uid not in (0, os.geteuid()):
        _log.warning("the folder of unix://%s belongs to another user (uid %d), who may replace it", path, found.st_uid)
    elif mode & stat.S_IWGRP and not mode & stat.S_ISVTX:
        _log.warning("the group of %s (gid %d) may replace unix://%s; chmod g-w it", folder, found.st_gid, path)
    elif mode & stat.S_IWOTH:
        text = "unix://%s is in a folder that everybody may write to, so somebody may take its name while it is free"
        _log.warning(text, path)
