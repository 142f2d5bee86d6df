# SPDX-License-Identifier: MIT
"""The table ``[identities]`` of a configuration file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from ._errors import InvalidName, SecretError
from ._identity import Identity, check_group, check_identity
from ._secret import check_place
from ._shown import shown

IDENTITY_KEYS = ("secret", "token", "groups")

Note = Callable[[str, str], None]
"""Takes the path of a key, and what is wrong with it."""


def read_identities(values: Mapping[str, object], note: Note) -> dict[str, Identity]:
    """Return who may come. No secret is read, and none is told: where each is must stand there.

    Args:
        values: The table: by identity, a table with ``secret``, ``token`` and ``groups``.
        note: Takes what is wrong.
    """
    found = {}
    for identity, value in values.items():
        path = f"identities.{identity if identity.isprintable() else shown(identity)}"
        if not isinstance(value, dict):
            note(path, 'it must be a table, as in [identities.thermo-7] with secret = "credential:thermo-7"')
            continue
        known = _read_identity(path, value, note)
        try:
            found[check_identity(identity, proven_by_medium=not known.can_prove)] = known
        except InvalidName as error:
            note(path, str(error))
    return found


def _read_identity(path: str, values: Mapping[str, object], note: Note) -> Identity:
    for key in values:
        if key not in IDENTITY_KEYS:
            near = get_close_matches(key, IDENTITY_KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(IDENTITY_KEYS)}"
            note(f"{path}.{key if key.isprintable() else shown(key)}", f"unknown key; {hint}")
    return Identity(
        _read_place(f"{path}.secret", values.get("secret"), note),
        _read_place(f"{path}.token", values.get("token"), note),
        _read_groups(f"{path}.groups", values.get("groups", ()), note),
    )


def _read_place(path: str, value: object, note: Note) -> str | None:
    if value is None:
        return None
    try:
        return check_place(value)
    except SecretError as error:
        note(path, str(error))
        return None


def _read_groups(path: str, value: object, note: Note) -> tuple[str, ...]:
    groups = (value,) if isinstance(value, str) else value
    if not isinstance(groups, (list, tuple)):
        note(path, 'it must be a list of names, as in ["devices"]')
        return ()
    try:
        return tuple(check_group(group) for group in groups)
    except InvalidName as error:
        note(path, str(error))
        return ()
