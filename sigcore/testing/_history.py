# SPDX-License-Identifier: MIT
"""``History``: what was triggered and what was heard, noted as it happens, by one process or by many."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ._history_check import Report, check_history
from ._history_records import Accepted, Ended, GapTold, Heard, Listening, Record, Triggered, from_line, to_line
from ._stamp import is_whole, stamp

if TYPE_CHECKING:
    from .._info import EventInfo, Gap

PathLike = str | os.PathLike[str]


class History:
    """Notes what publishers trigger and what listeners hear, and says what went wrong between them.

    Every process of a test has a history of its own, in a file, and the test reads all of them when the run is over.
    Times are compared, so the processes must be on one machine. All methods may be called from any thread; what one
    listener hears must come in its order, and what one sender triggers too.

    Args:
        path: A new file, to which each record is written at once, so that it is there even if the process is killed.
            Without it the records are kept in memory. With it, close the history, or use it with ``with``.

    Raises:
        OSError: The file cannot be made, or is there already.

    >>> import sigcore
    >>> from functools import partial
    >>> router, history = sigcore.Router(), History()
    >>> listener = router.add_listener(partial(history.heard, "screen"), "thermo")
    >>> history.listening("screen", "thermo")
    >>> thermo = router.add_sender("thermo", "reading")
    >>> for seq in range(100):
    ...     data = history.stamp("thermo", seq, 21.5)
    ...     history.triggered("reading", data)
    ...     thermo.trigger("reading", data)
    >>> history.check().assert_good(nothing_lost=True)
    """

    stamp = staticmethod(stamp)

    def __init__(self, path: PathLike | None = None) -> None:
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._path = path
        self._file = None if path is None else open(path, "xb", buffering=0)  # noqa: SIM115  # close() closes it

    @classmethod
    def read(cls, paths: PathLike | Iterable[PathLike]) -> History:
        """Return the history that several processes wrote, in memory.

        A last line without an end is left out: its process was killed while it wrote.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file has a line that is no record.
        """
        history = cls()
        for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
            history._records += _records_of(path)
        return history

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._file is not None:
            self._file.close()

    # What a publisher does.

    def triggered(self, event: str, data: Mapping[str, Any]) -> None:
        """Note that ``data``, made by ``stamp``, is about to be triggered; call it just before ``trigger``."""
        self._note(Triggered(time.monotonic(), data["sender"], event, data["session"], data["seq"]))

    def accepted(self, data: Mapping[str, Any]) -> None:
        """Note that ``deliver`` returned for ``data``: the end of its publisher excuses its loss no more."""
        self._note(Accepted(time.monotonic(), data["sender"], data["session"], data["seq"]))

    # What a listener does.

    def listening(self, listener: str, sender: str | None = None, event: str | None = None) -> None:
        """Note that a listener is registered: what is triggered from now on must come, or be told as a gap.

        Without this, a listener owes what was triggered after the first event that it heard, of each sender and event.

        Args:
            listener: Any name for it, the same in all its records.
            sender: The sender it listens to; ``None`` for every one.
            event: The event it listens to; ``None`` for every one.
        """
        self._note(Listening(time.monotonic(), listener, sender, event))

    def heard(self, listener: str, info: EventInfo, data: Any) -> None:
        """Note what a listener was called with; ``functools.partial(history.heard, "name")`` is a callback."""
        now, whole = time.monotonic(), is_whole(data)
        whole = whole and data["sender"] == info.sender
        session, seq, latency = (data["session"], data["seq"], now - data["at"]) if whole else _readable(data)
        self._note(Heard(now, listener, info.sender, info.event, session, seq, latency, whole))

    def gap(self, listener: str, info: EventInfo, gap: Gap) -> None:
        """Note a loss that a listener was told of; ``functools.partial(history.gap, "name")`` is an ``on_gap``."""
        self._note(GapTold(time.monotonic(), listener, info.sender, info.event, gap.count, gap.cause))

    def ended(self, name: str) -> None:
        """Note that a sender or a listener was removed, closed or killed: from now on, and for what it had not ended.

        A listener owes nothing after the last event that it heard before. Of a sender's events, those after the last
        one that anybody heard, or that was ``accepted``, may be lost with it.
        """
        self._note(Ended(time.monotonic(), name))

    # What comes of it.

    def check(self) -> Report:
        """Return what went wrong; call it when everything that is on its way has come."""
        records = self._records if self._path is None else _records_of(self._path)
        with self._lock:
            return check_history(list(records))

    def _note(self, record: Record) -> None:
        with self._lock:
            if self._file is None:
                self._records.append(record)
            else:
                self._file.write(to_line(record))


def _records_of(path: PathLike) -> list[Record]:
    records = []
    for number, line in enumerate(Path(path).read_bytes().splitlines(keepends=True), 1):
        if line.endswith(b"\n"):
            try:
                records.append(from_line(line))
            except ValueError as error:
                raise ValueError(f"{os.fspath(path)}, line {number}: {error}") from None
    return records


def _readable(data: object) -> tuple[str | None, int | None, None]:
    """Return what can still be read of corrupted data: the event may have come in its place all the same."""
    fields = data if isinstance(data, Mapping) else {}
    session, seq = fields.get("session"), fields.get("seq")
    is_readable = isinstance(session, str) and isinstance(seq, int)
    return (session, seq, None) if is_readable else (None, None, None)
