# SPDX-License-Identifier: MIT
"""Makes what goes wrong inside listeners fail a user's test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .. import aio
    from .._router import OnError, Router


@contextmanager
def no_errors(*routers: Router | aio.Router) -> Iterator[None]:
    """Fail if a listener of one of ``routers`` raises within the block.

    Otherwise such an error is logged and goes to ``on_error``, and a test that only looks at the sender's side
    passes although its listeners do not work.

    Raises:
        AssertionError: Something went to ``on_error``; the message lists all, the first is ``__cause__``.

    >>> import sigcore
    >>> router = sigcore.Router()
    >>> thermo = router.add_sender("thermo", events="reading")
    >>> with no_errors(router):
    ...     thermo.trigger("reading", 21.5)
    """
    errors: list[Exception] = []
    tables: list[Router] = [vars(router).get("_core", router) for router in routers]
    before = [table._on_error for table in tables]
    for table, on_error in zip(tables, before, strict=True):
        table._on_error = _collector(errors, on_error)
    try:
        yield
    finally:
        for table, on_error in zip(tables, before, strict=True):
            table._on_error = on_error
    if errors:
        raise AssertionError("\n".join(["errors in listeners:", *map(str, errors)])) from errors[0]


def _collector(errors: list[Exception], also: OnError | None) -> OnError:
    def on_error(error: Exception) -> None:
        errors.append(error)
        if also is not None:
            also(error)

    return on_error
