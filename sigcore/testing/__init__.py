# SPDX-License-Identifier: MIT
"""For the tests of plug-ins and of programs that use sigcore; nothing here needs a test framework."""

from __future__ import annotations

from ._carrier_check import check_carrier
from ._codec_check import check_codec
from ._faults import Faults, FaultyLink
from ._history import History
from ._history_check import Finding, Latency, Report
from ._no_errors import no_errors

__all__ = [
    "Faults",
    "FaultyLink",
    "Finding",
    "History",
    "Latency",
    "Report",
    "check_carrier",
    "check_codec",
    "no_errors",
]
