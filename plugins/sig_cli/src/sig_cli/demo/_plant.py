# SPDX-License-Identifier: MIT
"""The simulated plant: a valve lets warm water in, a thermometer feels it. No I/O, no clock."""

from __future__ import annotations

COLD_CELSIUS = 18.0
WARM_CELSIUS = 42.0

_SHARE_PER_STEP = 0.2
"""How much of the way to its final value the temperature goes between two readings."""


class Plant:
    """A tank with a valve and a thermometer.

    Attributes:
        percent: How far the valve is open, 0 to 100.
        celsius: The temperature.
    """

    def __init__(self) -> None:
        self.percent = 10
        self.celsius = 20.0

    def step(self) -> float:
        """Let the time between two readings pass, and return the temperature in degrees Celsius."""
        target = COLD_CELSIUS + (WARM_CELSIUS - COLD_CELSIUS) * self.percent / 100
        self.celsius += (target - self.celsius) * _SHARE_PER_STEP
        return round(self.celsius, 2)

    def open_to(self, percent: object) -> None:
        """Move the valve.

        Raises:
            ValueError: That is no opening.
        """
        if not isinstance(percent, int) or not 0 <= percent <= 100:
            raise ValueError(f"'percent' is a whole number from 0 to 100, not {percent!r}")
        self.percent = percent
