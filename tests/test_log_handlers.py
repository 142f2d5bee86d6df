# SPDX-License-Identifier: MIT
"""Log handlers of the user's that fail."""

from __future__ import annotations

import logging

import sigcore

from .waiting import Heard


class Broken(logging.Handler):
    """Cannot write what listeners raise."""

    def emit(self, record: logging.LogRecord) -> None:
        if "failed on event" in record.getMessage():
            raise OSError("the disk is full")


def test_a_log_handler_that_raises_ends_no_thread_of_a_router() -> None:
    log, broken, heard = logging.getLogger("sigcore"), Broken(), Heard()

    def fail_once(info: sigcore.EventInfo, data: int) -> None:
        heard(info, data)
        if not data:
            raise ValueError("the first one")

    log.addHandler(broken)
    try:
        with sigcore.ServerRouter("mem://broken-log") as server, sigcore.ClientRouter("mem://broken-log") as client:
            client.add_listener(fail_once, "thermo")
            thermo = server.add_sender("thermo", ["reading"])
            for number in range(5):
                thermo.trigger("reading", number)
            assert heard.wait(5) == [0, 1, 2, 3, 4]
    finally:
        log.removeHandler(broken)
