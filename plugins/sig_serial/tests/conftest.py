# SPDX-License-Identifier: MIT
"""What the tests of the serial carrier share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sig_serial.testing import PtyCable


@pytest.fixture
def cable() -> Iterator[PtyCable]:
    """Two ports with a cable between them."""
    from sig_serial.testing import PtyCable  # POSIX only; on other systems no test asks for it

    with PtyCable() as cable:
        yield cable
