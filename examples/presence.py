# SPDX-License-Identifier: MIT
"""Presence: knowing which senders are there, whoever came first.

Prints::

    + first
    + second
    present: first second
    - second
    - first
"""

from __future__ import annotations

import sigcore


def note(info: sigcore.EventInfo, sender: sigcore.SenderInfo) -> None:
    print(f"{'+' if sender.connected else '-'} {sender.name}")


router = sigcore.Router()
first = router.add_sender("first", events=["tick"])
router.add_listener(note, event=sigcore.EVENT_CONNECT)  # told at once of the one that is there
router.add_listener(note, event=sigcore.EVENT_DISCONNECT)
with router.add_sender("second"):
    print("present:", *[sender.name for sender in router.senders()])
first.remove()
