# SPDX-License-Identifier: MIT
"""What a call of the suite leaves behind: all runs as JSON, tables, a plot."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from .run import Run
from .tables import tables


@dataclass(frozen=True)
class Results:
    """All that was measured, and on what.

    Attributes:
        runs: Every run that counts.
        machine: Processor, cores, system and Python.
        versions: How each system's users write programs, and its versions, by key.
        missing: Why a system was left out, by key.
        command: The arguments of the call.
        date: When it began.
    """

    runs: Sequence[Run]
    machine: Mapping[str, str | int]
    versions: Mapping[str, str]
    missing: Mapping[str, str]
    command: Sequence[str]
    date: str

    def save(self, folder: Path) -> None:
        """Write ``results.json`` and ``results.md``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        (folder / "results.md").write_text(self.markdown(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what ``save`` wrote."""
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**fields, "runs": [Run(**run) for run in fields["runs"]]})

    def markdown(self) -> str:
        """Return the machine, the versions and all tables."""
        versions = [f"- {text}" for text in self.versions.values()]
        left_out = [f"- left out: {key}, {why}" for key, why in self.missing.items()]
        facts = [
            f"- {self.machine['processor']}, {self.machine['cores']} cores, {self.machine['system']}",
            f"- {self.machine['python']}",
            *versions,
            *left_out,
            f"- {self.date}: `{shlex.join(['python', '-m', 'benchmarks.compare', *self.command])}`",
        ]
        return "\n".join([*facts, "", tables(self.runs)])
