# SPDX-License-Identifier: MIT
"""On what terms a listener takes events: what happens when it is too slow, and what it gets first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, get_args

from ._info import Policy
from ._requests import is_coroutine_function

if TYPE_CHECKING:
    from ._info import EventInfo, Gap

OnGap = Callable[["EventInfo", "Gap"], object]

POLICIES: tuple[Policy, ...] = get_args(Policy)
"""Every policy, the one that loses least first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a listener asked for beside events; refused at once where it makes no sense.

    Attributes:
        on_gap: Called with ``(info, gap)`` for events that were lost, in their place in the order.
        policy: What happens when the listener is too slow.
        replay: At most how many kept events it gets before new ones.

    Raises:
        ValueError: The policy is none, or ``replay`` is negative.
        TypeError: ``on_gap`` cannot be called, or ``replay`` is no integer.
    """

    on_gap: OnGap | None = None
    policy: Policy = "block"
    replay: int = 0

    def __post_init__(self) -> None:
        if self.on_gap is not None and not callable(self.on_gap):
            raise TypeError(f"on_gap must be a function of (info, gap), not {type(self.on_gap).__name__}")
        if self.policy not in POLICIES:
            raise ValueError(_unknown_policy(self.policy))
        if not isinstance(self.replay, int) or isinstance(self.replay, bool):
            raise TypeError(f"replay is a number of events, found {self.replay!r}; 0 for none")
        if self.replay < 0:
            raise ValueError(f"replay is a number of events, found {self.replay}; 0 for none")

    def check_for(self, callback: object, *, presence: bool) -> None:
        """Refuse what does not go with a listener's callback, or with listening for presence."""
        if presence and (self.policy != "block" or self.replay):
            raise ValueError(
                "a listener of #connect and #disconnect takes no policy= and no replay=: it is told the present state "
                "first, and then every change"
            )
        if is_coroutine_function(self.on_gap) and not is_coroutine_function(callback):
            raise TypeError("an 'async def' on_gap goes with an 'async def' listener; use a plain function")


DEFAULT_TERMS = Terms()


def _unknown_policy(policy: object) -> str:
    near = get_close_matches(str(policy), POLICIES, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    return f"no policy is called {policy!r}{hint} (known: {', '.join(POLICIES)})"
