# SPDX-License-Identifier: MIT
"""The whole log of sigcore, at DEBUG and as a program's own formatter would write it to a file."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from sigcore._logging import LINE_CHARACTERS

BEGIN = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) [a-z._]+: ")
BEGIN_CHARACTERS = 100


class WrittenLog(logging.Handler):
    """Writes every record, and counts them.

    Attributes:
        records: What was logged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._file = io.StringIO()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self._file.write(self.format(record) + "\n")

    @property
    def text(self) -> str:
        """All that was written."""
        return self._file.getvalue()

    def lines(self) -> list[str]:
        """Return the lines that begin a record, after a look at each."""
        *lines, end = self.text.split("\n")
        assert end == ""
        assert [line for line in lines if not line.isprintable()] == []
        assert [line[:200] for line in lines if len(line) > LINE_CHARACTERS + BEGIN_CHARACTERS] == []
        begun = [line for line in lines if BEGIN.match(line)]
        assert len(begun) == len(self.records)
        below = [line for line in lines if not BEGIN.match(line)]
        assert [line for line in below if not line.startswith("    ")] == [], "what is below a record is indented"
        if not any(record.exc_info or record.stack_info for record in self.records):
            assert below == []
        return begun

    def at_least(self, level: int) -> list[str]:
        """Return the messages of a level and those above it."""
        return [record.getMessage() for record in self.records if record.levelno >= level]


@contextmanager
def written_log() -> Iterator[WrittenLog]:
    """Write the log of everything that runs meanwhile: sigcore's from DEBUG on, asyncio's from WARNING on."""
    log, root, tree = WrittenLog(), logging.getLogger(), logging.getLogger("sigcore")
    level = tree.level
    root.addHandler(log)
    tree.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        tree.setLevel(level)
        root.removeHandler(log)
