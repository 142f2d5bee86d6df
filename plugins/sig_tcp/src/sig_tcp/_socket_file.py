# SPDX-License-Identifier: MIT
"""The file of a listening Unix socket: made with the right permissions, replaced when stale, removed when done."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress


class SocketFile:
    """A listening socket and the file that stands for it.

    Attributes:
        sock: The socket, listening.
    """

    def __init__(self, path: str, *, mode: int, backlog: int, group: str | None = None) -> None:
        """Listen at ``path``.

        Args:
            path: Where the file is to be; what a dead server left there is replaced.
            mode: The file's permissions; they hold from its first moment.
            backlog: Links that may wait.
            group: The group that the file is given, by name or number.

        Raises:
            OSError: ``EADDRINUSE``, somebody listens there; ``EEXIST``, something else has that name; ``ENOTEMPTY``, a
                socket that nobody listens at has it, but it is another user's; or whatever the system says of the path.
            LookupError: There is no such group.
        """
        _remove_if_stale(path)
        with ExitStack() as undo:
            self.sock = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            self.sock.setblocking(False)
            with _permissions(mode if group is None else mode & 0o700):  # nobody else until the group is right
                self.sock.bind(path)
            self._path = path
            self._identity = _identity(os.lstat(path))
            undo.callback(self.remove)
            if group is not None:
                os.chown(path, -1, _number_of_group(group), follow_symlinks=False)
                os.chmod(path, mode)
            self.sock.listen(backlog)
            undo.pop_all()

    def remove(self) -> None:
        """Remove the file, unless another has taken its place; call it while the socket is open."""
        with suppress(FileNotFoundError):
            if _identity(os.lstat(self._path)) == self._identity:
                os.unlink(self._path)


@contextmanager
def _permissions(mode: int) -> Iterator[None]:
    """Have a new file get just ``mode``. The mask is the whole process's, so it is held for one system call only."""
    before = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(before)


def _number_of_group(group: str) -> int:
    import grp  # not on Windows

    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise LookupError(f"this system has no group {group!r}; check the option group") from None


def _remove_if_stale(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    if _is_answered(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), path)
    if found.st_uid != os.geteuid():
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
    with suppress(FileNotFoundError):
        if _identity(os.lstat(path)) == _identity(found):  # no other server was quicker
            os.unlink(path)


def _is_answered(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog is an answer as well
        error = probe.connect_ex(path)
    return error not in (errno.ECONNREFUSED, errno.ENOENT)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
