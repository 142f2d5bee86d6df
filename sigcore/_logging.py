# SPDX-License-Identifier: MIT
"""Logging: one tree of loggers under ``sigcore``, where it goes, and how its lines look.

Until ``setup_logger`` is called, records go where the standard ``logging`` sends them. Whatever a peer put into a
message, a record stays one line of bounded length: a filter on each logger of the tree escapes what does not print, and
cuts what is long; a traceback stands below it, indented.
"""

from __future__ import annotations

import logging
import sys
from threading import Lock
from typing import TextIO

from ._shown import cut, one_line

LINE_CHARACTERS = 2_000
"""How long a line may be, whatever stands in it; each piece of it that a peer chose is much shorter already."""

TRACEBACK_LINES = 200
"""How many lines of a traceback there may be: the text of an exception may be megabytes of line breaks."""

_ROOT = "sigcore"


def get_logger(name: str = _ROOT) -> logging.Logger:
    """Return the logger ``name`` of sigcore's tree; plug-ins take theirs here too, such as ``sigcore.tcp``.

    Raises:
        ValueError: The name is outside the tree.
    """
    if not _is_ours(name):
        raise ValueError(f"a logger of sigcore's is named 'sigcore' or 'sigcore.<part>', not {name!r}")
    logger = logging.getLogger(name)
    logger.addFilter(_fit_for_a_log)
    return logger


def setup_logger(logger: logging.Logger | SimpleLogger | None) -> None:
    """Send all that sigcore logs to ``logger``, and nowhere else; a later call replaces an earlier one.

    Args:
        logger: A logger of the program's own, whose level and handlers then count; or a ``SimpleLogger``; or ``None``
            for the state at the start, where records go to the handlers of the root logger.

    Raises:
        ValueError: The logger is one of sigcore's own tree, and so would send every record to itself.
        TypeError: It is something else, such as a logger's name.

    Example::

        sigcore.setup_logger(sigcore.SimpleLogger(level=logging.DEBUG))
    """
    if isinstance(logger, logging.Logger) and _is_ours(logger.name):
        raise ValueError(f"{logger.name!r} is a logger of sigcore's own; add handlers to it, or give another logger")
    if not isinstance(logger, logging.Logger | SimpleLogger | None):
        raise TypeError(
            f"setup_logger takes a logging.Logger, a SimpleLogger or None, not {type(logger).__name__};"
            " logging.getLogger(name) gives the logger of a name"
        )
    tree = get_logger()
    with _setup_lock:
        for handler in tree.handlers[:]:
            if isinstance(handler, (_Forward, SimpleLogger)):
                tree.removeHandler(handler)
        if logger is not None:
            tree.addHandler(_Forward(logger) if isinstance(logger, logging.Logger) else logger)
        tree.propagate = logger is None
        # The level that counts is the target's, which may change at any time; so the tree itself lets all pass.
        tree.setLevel(logging.NOTSET if logger is None else 1)


class SimpleLogger(logging.Handler):
    """Prints one line for each record: tag, line number, function, level and text.

    ::

        [sig][1713][             connect][    info]-[TCP_CL] Connecting to localhost:3000

    A traceback or a stack follows on lines of its own, indented.

    Args:
        tag: What every line starts with.
        level: The least level that is printed.
        stream: Where to print; by default whatever ``sys.stderr`` is at that moment.
    """

    def __init__(self, tag: str = "[sig]", level: int | str = logging.INFO, stream: TextIO | None = None) -> None:
        super().__init__(level)
        self._stream = stream
        self.setFormatter(_LineFormatter(tag))

    def emit(self, record: logging.LogRecord) -> None:
        """Print ``record``; where there is no standard error, as in a Windows program without a console, do nothing."""
        stream = self._stream or sys.stderr
        if stream is None:
            return
        try:
            stream.write(self.format(record) + "\n")
            stream.flush()
        except Exception:  # noqa: BLE001  # logging's own rule: handleError decides, the caller is never harmed
            self.handleError(record)


class RateLimit:
    """Lets one log line pass per cause and interval, or a few, and tells how many it held back.

    A cause is a fixed word of ours such as ``"accept failed"``, never a peer's text. Safe to use from any thread.

    Args:
        interval_s: The time in which so many lines of one cause pass, in seconds.
        max_causes: How many causes are remembered; beyond that the one that passed longest ago is forgotten.
        burst: How many lines of one cause pass in that time.

    >>> limit = RateLimit(interval_s=60.0)
    >>> [limit.line("full", "queue full", now_s=float(now)) for now in (0, 1, 2, 60)]
    ['queue full', None, None, 'queue full (suppressed 2)']
    """

    def __init__(self, interval_s: float, max_causes: int = 1_000, *, burst: int = 1) -> None:
        self._interval_s = interval_s
        self._max_causes = max_causes
        self._burst = burst
        self._lock = Lock()
        self._passed: dict[str, tuple[float, int, int]] = {}  # cause: since when, how many passed, how many did not

    def line(self, cause: str, text: str, *, now_s: float) -> str | None:
        """Return the line to log, or ``None`` when it is held back; ``now_s`` is an instant on the monotonic clock."""
        with self._lock:
            since_s, passed, held_back = self._passed.pop(cause, (-float("inf"), 0, 0))
            if now_s - since_s < self._interval_s:
                if passed >= self._burst:
                    self._passed[cause] = (since_s, passed, held_back + 1)
                    return None
                self._passed[cause] = (since_s, passed + 1, held_back)
                return text
            if len(self._passed) >= self._max_causes:
                del self._passed[next(iter(self._passed))]
            self._passed[cause] = (now_s, 1, 0)
        return f"{text} (suppressed {held_back})" if held_back else text


class _Forward(logging.Handler):
    """Hands records to a logger of the program's own, by that logger's level and filters."""

    def __init__(self, target: logging.Logger) -> None:
        super().__init__()
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        if self._target.isEnabledFor(record.levelno):
            self._target.handle(record)


class _LineFormatter(logging.Formatter):
    """``{tag}[{line}][{function}][{level}]-{text}``, then an indented traceback or stack if there is one."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self._tag = tag

    def format(self, record: logging.LogRecord) -> str:
        text = one_line(record.getMessage())
        line = f"{self._tag}[{record.lineno}][{record.funcName:>20}][{record.levelname.lower():>8}]-{text}"
        traceback = record.exc_text or (_below(self.formatException(record.exc_info)) if record.exc_info else "")
        stack = _below(record.stack_info) if record.stack_info else ""
        return "\n".join(part for part in (line, traceback, stack) if part)


def _fit_for_a_log(record: logging.LogRecord) -> bool:
    """Escape what does not print and cut what is long; a record without either keeps its template and arguments."""
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001  # a bad template is reported by the handler, as logging does it
        return True
    if len(text) > LINE_CHARACTERS or not text.isprintable():
        record.msg, record.args = _fitted(text), None
    if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
        record.exc_text = _below(_FORMATTER.formatException(record.exc_info))  # which every formatter takes from there
    return True


def _fitted(text: str) -> str:
    return cut(one_line(cut(text, LINE_CHARACTERS)), LINE_CHARACTERS)


def _below(text: str) -> str:
    """Return text of many lines as it stands below a record: indented, so that none can pass for a line of the log."""
    lines = text.split("\n")
    if len(lines) > TRACEBACK_LINES:
        half = TRACEBACK_LINES // 2
        lines = [*lines[:half], f"... ({len(lines) - 2 * half} lines left out)", *lines[-half:]]
    return "\n".join(f"    {_fitted(line)}" for line in lines)


def _is_ours(name: str) -> bool:
    return name == _ROOT or name.startswith(f"{_ROOT}.")


_setup_lock = Lock()
_FORMATTER = logging.Formatter()
