# SPDX-License-Identifier: MIT
"""The rules of a server while it runs: who gave them, and the file that they are read from again when it changes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .._access import AccessRules, check_rules
from .._errors import SigError
from .._logging import get_logger
from .._shown import described, listed, one_line

if TYPE_CHECKING:
    from .._access import Authorize
    from .._access_rule import Rule
    from .._identity import Identity
    from .._plugins import LoadedPlugin

HOOK = "sig_authorize"

LOOK_S = 0.25
"""How often it is looked whether the file has changed; it is read once two looks have found the same."""

_log = get_logger("sigcore.access")


@dataclass(slots=True)
class Ruling:
    """What the rules of a server are made of.

    Attributes:
        rules: The rules given.
        audit: Whether what they deny is only told of.
        groups: The groups of each identity.
        authorize: The plug-ins that have a say.
    """

    rules: tuple[Rule, ...] = ()
    audit: bool = False
    groups: Mapping[str, Iterable[str]] = field(default_factory=dict)
    authorize: tuple[Authorize, ...] = ()

    def __post_init__(self) -> None:
        check_rules(self.rules)

    def as_rules(self) -> AccessRules:
        """Return what these decide; says in the log what looks like a slip of the pen."""
        made = AccessRules(self.rules, self.groups, audit=self.audit, authorize=self.authorize)
        if made.unknown_groups:
            _log.warning("rules name groups in which nobody is: %s", listed(made.unknown_groups))
        return made


def groups_of(identities: Mapping[str, Identity]) -> dict[str, tuple[str, ...]]:
    """Return the groups of each identity."""
    return {name: tuple(identity.groups) for name, identity in identities.items()}


def authorizers(plugins: Sequence[LoadedPlugin]) -> tuple[Authorize, ...]:
    """Return what asks the plug-ins that have a say in who may do what."""
    return tuple(_asking(plugin) for plugin in plugins if plugin.has(HOOK))


def _asking(plugin: LoadedPlugin) -> Authorize:
    def ask(identity: str, verb: str, sender: str, name: str) -> bool | None:
        answer: bool | None = plugin.call(HOOK, identity=identity, verb=verb, sender=sender, name=name)
        return answer

    return ask


Stamp = tuple[int, int, int]
"""Of a file: when it changed, its size, its inode."""


class WatchedFile:
    """A file that is read again when it has changed, and has stayed so: one that is half written may lack a rule.

    Args:
        path: The file, as it is before it is read for the first time.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._read = self._seen = self.stamp()
        self._task: asyncio.Task[None] | None = None

    def open(self, reload: Callable[[], None]) -> None:
        """Look at it from now on, on the running loop.

        Args:
            reload: Reads it; where it raises anything, what held before holds on.
        """
        self._task = asyncio.get_running_loop().create_task(self._watch(reload), name="sigcore configuration")

    def close(self) -> None:
        """Look at it no more."""
        if self._task is not None:
            self._task.cancel()

    def look(self) -> bool:
        """Return whether it is to be read now."""
        stamp, before = self.stamp(), self._seen
        self._seen = stamp
        if stamp == self._read or stamp != before:
            return False
        self._read = stamp
        return True

    def was_read(self, stamp: Stamp | None) -> None:
        """Note that it was read, by somebody else, as it was at ``stamp``."""
        self._read = stamp

    async def _watch(self, reload: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self.look():
                self._try(reload)

    def _try(self, reload: Callable[[], None]) -> None:
        try:
            reload()
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it is looked at again when it changes
            text = one_line(str(error) if isinstance(error, SigError | OSError) else described(error))
            _log.error("%s has changed and cannot be used; what held before holds on: %s", os.fspath(self.path), text)

    def stamp(self) -> Stamp | None:
        """Return what differs once it has changed; ``None`` while it is not there."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None  # an editor may be about to put the new one there
        return found.st_mtime_ns, found.st_size, found.st_ino
