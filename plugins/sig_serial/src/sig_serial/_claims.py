# SPDX-License-Identifier: MIT
"""Which endpoint of this process has which device: one that two of them match belongs to the first.

The claim outlives the opening, so that a device that is lent does not fall to the other endpoint meanwhile.
"""

from __future__ import annotations

_owners: dict[str, tuple[object, str]] = {}
# Each call below is one operation on a dict: listenings on different loops need no lock.


def claim(key: str, owner: object, name: str) -> str | None:
    """Claim a device for ``owner``; return the name of who has it already, or ``None`` when it is ``owner``'s."""
    first, its_name = _owners.setdefault(key, (owner, name))
    return None if first is owner else its_name


def give_up(key: str, owner: object) -> None:
    """End the claim of ``owner``; nothing where it has none."""
    if _owners.get(key, (None, ""))[0] is owner:
        del _owners[key]
