# SPDX-License-Identifier: MIT
"""What ``sig plugins`` lists, and loads to see whether it works: that it can be imported is all that there is to it."""

from __future__ import annotations

from . import scanner as scanner
