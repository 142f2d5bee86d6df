# SPDX-License-Identifier: MIT
"""What simulated devices say, and what they answer."""

from __future__ import annotations

import math
import time
from functools import reduce
from operator import xor


class SimulatedDevice:
    """A device that says something now and then, or answers; a base for your own.

    Args:
        period_s: How long it is silent between what it says by itself; ``None`` for ever.

    Attributes:
        period_s: As the argument.
        ending: What ends each of its lines.
    """

    ending = "\r\n"

    def __init__(self, period_s: float | None = None) -> None:
        self.period_s = period_s

    def lines(self) -> list[str]:
        """Return what it says by itself this time, without line ends."""
        return []

    def answer(self, command: str) -> str | None:
        """Return what it says to a line that it was sent; ``None`` for nothing."""
        return None


class GpsReceiver(SimulatedDevice):
    """A receiver that reports where it is by NMEA 0183, as it goes round in a circle of 100 m.

    Args:
        period_s: The time between two reports.
        latitude: Of the centre, in degrees north.
        longitude: Of the centre, in degrees east.
    """

    _METRES_PER_DEGREE = 111_320.0
    _RADIUS_M = 100.0

    def __init__(self, period_s: float = 1.0, latitude: float = 52.5163, longitude: float = 13.3777) -> None:
        super().__init__(period_s)
        self._centre = latitude, longitude
        self._steps = 0

    def lines(self) -> list[str]:
        """Return one sentence each of GGA (the fix) and RMC (the least that there is to know)."""
        self._steps += 1
        angle = self._steps / 20
        latitude = self._centre[0] + math.sin(angle) * self._RADIUS_M / self._METRES_PER_DEGREE
        metres_per_degree = self._METRES_PER_DEGREE * math.cos(math.radians(self._centre[0]))
        longitude = self._centre[1] + math.cos(angle) * self._RADIUS_M / metres_per_degree
        place = f"{_degrees(latitude, 2, 'NS')},{_degrees(longitude, 3, 'EW')}"
        now = time.gmtime()
        clock, day = time.strftime("%H%M%S.00", now), time.strftime("%d%m%y", now)
        return [
            sentence(f"GPGGA,{clock},{place},1,08,0.9,34.5,M,46.9,M,,"),
            sentence(f"GPRMC,{clock},A,{place},009.7,054.7,{day},,"),
        ]


class Multimeter(SimulatedDevice):
    """A multimeter that answers a few commands of SCPI, and says nothing unless it is asked.

    Args:
        volts: What it measures.
        amperes: What it measures.

    Attributes:
        volts: As the argument; change it at any time.
        amperes: As the argument; change it at any time.
        display: What was put on its display.
    """

    ending = "\n"

    def __init__(self, volts: float = 5.0, amperes: float = 0.25) -> None:
        super().__init__()
        self.volts = volts
        self.amperes = amperes
        self.display = ""
        self._errors: list[str] = []

    def answer(self, command: str) -> str | None:
        """Answer a query; take note of anything else that is wrong, as ``SYST:ERR?`` then says."""
        name, _, argument = command.strip().partition(" ")
        match name.upper():
            case "*IDN?":
                return "SIGCORE,DM-1,0001,1.0"
            case "MEAS:VOLT?":
                return f"{self.volts:+.6E}"
            case "MEAS:CURR?":
                return f"{self.amperes:+.6E}"
            case "SYST:ERR?":
                return self._errors.pop(0) if self._errors else '+0,"No error"'
            case "DISP:TEXT":
                self.display = argument.strip('"')
            case _:
                self._errors.append('-113,"Undefined header"')
        return None


def sentence(payload: str) -> str:
    """Return an NMEA 0183 sentence: its payload with a dollar sign and a checksum.

    >>> sentence("GPGLL,5057.970,N,00146.110,E,142451,A")
    '$GPGLL,5057.970,N,00146.110,E,142451,A*27'
    """
    return f"${payload}*{reduce(xor, payload.encode('ascii'), 0):02X}"


def _degrees(angle: float, digits: int, signs: str) -> str:
    """Return an angle as NMEA has it: degrees and minutes in one number, and a letter for the sign."""
    whole, minutes = divmod(abs(angle) * 60, 60)
    return f"{whole:0{digits}.0f}{minutes:07.4f},{signs[angle < 0]}"
