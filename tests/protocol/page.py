# SPDX-License-Identifier: MIT
"""docs/protocol.md, and the conversation in it."""

from __future__ import annotations

import re
from pathlib import Path

from .conversation import Line, read_conversation

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def conversation() -> list[Line]:
    """Read the conversation out of the page."""
    text = PAGE.split("## A conversation\n", 1)[1]
    blocks = re.findall(r"^```text\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return read_conversation("".join(blocks))


LINES = conversation()
CLIENTS = ("panel", "sensor")
