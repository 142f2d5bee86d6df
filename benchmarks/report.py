# SPDX-License-Identifier: MIT
"""What the small benchmarks have in common: their options, and figures as a table in Markdown and as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .compare.machine import description


@dataclass
class Table:
    """Figures in rows.

    Attributes:
        title: What they are, with their unit.
        heads: Of the columns; the first is that of the rows' names.
        rows: Cells as they are to be read.
    """

    title: str
    heads: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)

    def markdown(self) -> str:
        """Return it in Markdown."""
        lines = [self.heads, ["---", *["--:"] * (len(self.heads) - 1)], *self.rows]
        return "\n".join([f"**{self.title}**", "", *(f"| {' | '.join(cells)} |" for cells in lines), ""])


@dataclass
class Report:
    """All that one call measured, and on what.

    Attributes:
        benchmark: Its name.
        tables: For people.
        figures: The same for programs.
        left_out: What could not be measured here, with the reason.
    """

    benchmark: str
    tables: Sequence[Table]
    figures: Sequence[Mapping[str, Any]]
    left_out: Sequence[str] = ()
    machine: Mapping[str, str | int] = field(default_factory=description)
    command: Sequence[str] = field(default_factory=lambda: sys.argv[1:])
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(" ", "minutes"))

    def markdown(self) -> str:
        """Return the machine, what was left out, and the tables."""
        facts = [
            f"- {self.machine['processor']}, {self.machine['cores']} cores, {self.machine['system']}",
            f"- {self.machine['python']}",
            *(f"- left out: {what}" for what in self.left_out),
        ]
        return "\n".join([*facts, "", *(table.markdown() for table in self.tables)])

    def give(self, path: Path | None) -> None:
        """Print the tables; save everything as JSON where ``path`` says so."""
        print(self.markdown(), flush=True)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def options_of(module_doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all have."""
    parser = argparse.ArgumentParser(description=(module_doc or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the figures there, too")
    return parser


def numbers(text: str) -> list[int]:
    """Read integers with commas between them."""
    return [int(number) for number in text.split(",")]
